/**
 * What a kernel is apart from its integer constants (extents, strides, offsets, draw sites): kernels with one skeleton can
 * be one shader that is told the constants. Divisors belong to the skeleton, since a division by a known number is cheap.
 */
import { blocksOf, expressionsOf, operandsOf, type Expr, type Kernel, type Stmt } from "./kernel.ts"
import { printKernel } from "./print-kernel.ts"
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

/** A text that is the same for kernels with one skeleton alone. */
export const skeletonOf = (kernel: Kernel): string => {
  // What the printed form leaves out: the kinds of integers, of places and of draws.
  const rest: string[] = []
  const look = (e: Expr): void => {
    if (e.op === "const") rest.push(e.type)
    if (e.op === "binary" && e.type === "i32") rest.push(e.nonNegative ? "+" : "-")
    if (e.op === "draw") rest.push(JSON.stringify(e.distribution))
    for (const x of operandsOf(e)) look(x)
  }
  const walk = (list: readonly Stmt[]): void => {
    for (const s of list) {
      if (s.op === "array" || s.op === "set" || s.op === "draw_array") rest.push(`${s.array.space}${s.array.length}`)
      for (const e of expressionsOf(s)) look(e)
      for (const inner of blocksOf(s)) walk(inner)
    }
  }
  walk(kernel.body)
  const bindings = kernel.bindings.map((b) => ({ ...b, length: 0, label: "" }))
  return `${printKernel({ ...kernel, bindings, groups: [1, 1, 1] }, "", () => "0")}${rest.join("")}`
}
