/**
 * Where in its buffers a kernel begins to read. A constant that all places of a binding share (the place of a model's weights in
 * their arena) is taken out of the kernel and into the binding's offset: layers of one shape are then one shader.
 */
import { indexRanges } from "./index-ranges.ts"
import { blocksOf, elementBytes, expressionsOf, number, operandsOf, type Expr, type Kernel, type Stmt } from "./kernel.ts"
import { rewriteStatements, withOperandsOf } from "./rewrite.ts"

/** WebGPU's largest alignment of a binding's offset, in bytes. */
const alignment = 256

/** The constant of a sum that is written out. */
const constantOf = (e: Expr): number =>
  e.op === "const" ? e.value : e.op === "binary" && e.type === "i32" && e.fn === "add" ? constantOf(e.a) + constantOf(e.b) : e.op === "binary" && e.type === "i32" && e.fn === "sub" ? constantOf(e.a) - constantOf(e.b) : 0

/** The sum with `base` less in its constants, which are at least that. */
const less = (e: Expr, base: number): Expr => {
  if (base === 0) return e
  if (e.op === "const") return number(e.value - base)
  if (e.op !== "binary") return { op: "binary", type: "i32", fn: "sub", a: e, b: number(base), nonNegative: false }
  if (e.b.op === "const") {
    const rest = (e.fn === "add" ? e.b.value : -e.b.value) - base
    return rest === 0 ? e.a : { ...e, fn: rest > 0 ? "add" : "sub", b: number(Math.abs(rest)) }
  }
  const inside = constantOf(e.a)
  return inside !== 0 ? { ...e, a: less(e.a, base) } : e.fn === "add" && constantOf(e.b) !== 0 ? { ...e, b: less(e.b, base) } : { op: "binary", type: "i32", fn: "sub", a: e, b: number(base), nonNegative: false }
}

export interface Rebased {
  readonly kernel: Kernel
  /** For each binding the bytes of its buffer that it leaves out. */
  readonly offsets: readonly number[]
}

export const rebased = (kernel: Kernel): Rebased => {
  const least = new Map<number, number>()
  const { rangeOf, learn } = indexRanges(kernel)
  const look = (e: Expr): void => {
    // A place may lie before its constant: a row that is read backwards.
    if (e.op === "load" || e.op === "quad") least.set(e.binding, Math.min(least.get(e.binding) ?? Infinity, constantOf(e.index), rangeOf(e.index)[0]))
    operandsOf(e).forEach(look)
  }
  const walk = (list: readonly Stmt[]): void => {
    for (const s of list) {
      expressionsOf(s).forEach(look)
      learn(s)
      blocksOf(s).forEach(walk)
    }
  }
  walk(kernel.body)
  const widths = kernel.bindings.map((b) => elementBytes(b.element))
  const bases = kernel.bindings.map((b, i) => {
    const step = alignment / widths[i]!
    return b.access === "read" ? Math.max(0, Math.floor((least.get(i) ?? 0) / step) * step) : 0
  })
  if (bases.every((n) => n === 0)) return { kernel, offsets: bases }
  const go = (e: Expr): Expr => {
    const before = operandsOf(e)
    const after = before.map(go)
    const same = after.every((x, i) => x === before[i]) ? e : withOperandsOf(e, after)
    return same.op === "load" || same.op === "quad" ? { ...same, index: less(same.index, bases[same.binding]!) } : same
  }
  return {
    kernel: { ...kernel, bindings: kernel.bindings.map((b, i) => ({ ...b, length: b.length - bases[i]! })), body: rewriteStatements(kernel.body, { expression: go }) },
    offsets: bases.map((n, i) => n * widths[i]!)
  }
}
