/**
 * What a kernel is apart from its integer constants (extents, strides, offsets, draw sites): kernels with one skeleton can
 * be one shader that is told the constants. Divisors belong to the skeleton, since a division by a known number is cheap.
 */
import { blocksOf, expressionsOf, operandsOf, type ArrayLocal, type Expr, type Kernel, type Local, type Stmt } from "./kernel.ts"
import { rewriteStatements, withOperandsOf } from "./rewrite.ts"

export type Constant = Extract<Expr, { op: "const" }>

/** A divisor stays as it is. */
const divides = (e: Expr): boolean => e.op === "binary" && (e.fn === "idiv" || e.fn === "mod") && e.b.op === "const"

/** The statements with every integer constant that is no divisor replaced, in one fixed order. */
export const mapConstants = (body: readonly Stmt[], replace: (c: Constant) => Expr): Stmt[] => {
  const go = (e: Expr): Expr => {
    if (e.op === "const") return e.type === "i32" || e.type === "u32" ? replace(e) : e
    const kept = divides(e)
    const before = operandsOf(e)
    const after = before.map((x, i) => (kept && i === 1 ? x : go(x)))
    return after.every((x, i) => x === before[i]) ? e : withOperandsOf(e, after)
  }
  return rewriteStatements(body, { expression: go })
}

/** What tells an operation from others of its kind, its operands, integer constants, locals and arrays left out. */
const kindOf = (e: Expr): string => {
  switch (e.op) {
    case "const": return e.type === "i32" || e.type === "u32" ? e.type : `${e.type} ${Object.is(e.value, -0) ? "-0" : e.value}`
    case "builtin": return e.name
    case "unary": case "cast": return e.fn
    case "binary": return e.type === "i32" ? `${e.fn}${e.nonNegative ? "+" : "-"}` : e.fn
    case "threefry": return `threefry ${e.word}`
    case "load": return `load ${e.binding}`
    case "quad": return `quad ${e.type} ${e.binding}`
    case "word": return `word ${e.type} ${e.at}`
    case "part": return `part ${e.at}`
    case "key_word": return `key_word ${e.at}`
    case "subgroup_broadcast": return `broadcast ${e.lane}`
    case "draw": return `draw ${JSON.stringify(e.distribution)}`
    case "local": case "element": case "select": case "fma": case "hidden_zero": case "component": case "key": case "pair": return e.op
  }
}

/** A text that is the same for kernels with one skeleton alone: every operation before its operands, locals and arrays numbered as they come. */
export const skeletonOf = (kernel: Kernel): string => {
  const numbers = new Map<Local | ArrayLocal, number>()
  let text = `${kernel.kind} ${kernel.workgroup.join()} ${kernel.bindings.map((b) => `${b.access} ${b.element}`).join()}`
  const number = (x: Local | ArrayLocal): number => {
    const known = numbers.get(x) ?? numbers.size
    numbers.set(x, known)
    return known
  }
  const array = (a: ArrayLocal): void => { text += ` ${a.space} ${a.element} ${a.length} ${number(a)}` }
  const show = (e: Expr): void => {
    text += ` ${kindOf(e)}`
    if (e.op === "local") text += ` ${number(e.local)}`
    if (e.op === "element") text += ` ${number(e.array)}`
    const kept = divides(e)
    operandsOf(e).forEach((x, i) => {
      if (kept && i === 1) text += ` ${x.op === "const" ? x.value : ""}`
      else show(x)
    })
  }
  const statements = (list: readonly Stmt[]): void => {
    text += "{"
    for (const s of list) {
      text += `\n${s.op}`
      if (s.op === "let" || s.op === "var" || s.op === "assign") text += ` ${s.local.type} ${number(s.local)}`
      if (s.op === "for" || s.op === "steps") text += ` ${number(s.local)} ${s.step}`
      if (s.op === "array" || s.op === "set" || s.op === "draw_array") array(s.array)
      if (s.op === "draw_array") text += ` ${JSON.stringify(s.distribution)}`
      if (s.op === "store" || s.op === "store_quad" || s.op === "store_words") text += ` ${s.binding}`
      for (const e of expressionsOf(s)) show(e)
      for (const inner of blocksOf(s)) statements(inner)
    }
    text += "}"
  }
  for (const a of kernel.shared) {
    array(a)
    if (a.data) text += ` = ${a.data.join(" ")}`
  }
  statements(kernel.body)
  return text
}
