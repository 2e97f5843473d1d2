/**
 * A buffer that a kernel reads both four words and one word at a time is bound once, where each single word has a known place
 * among its four: adapters offer few bindings.
 */
import type { Bound } from "./bindings.ts"
import { arithmetic, blocksOf, expressionsOf, number, operandsOf, type Expr, type Kernel, type Stmt } from "./kernel.ts"
import { rewriteStatements, withOperandsOf } from "./rewrite.ts"

type Component = 0 | 1 | 2 | 3

/** Which of its four a place is, where that is the same for every thread. */
const componentOf = (e: Expr): number | undefined => {
  if (e.op === "const") return ((e.value % 4) + 4) % 4
  if (e.op !== "binary" || e.type !== "i32") return undefined
  const [a, b] = [componentOf(e.a), componentOf(e.b)]
  if (e.fn === "mul") return a === 0 || b === 0 ? 0 : undefined
  if (a === undefined || b === undefined) return undefined
  return e.fn === "add" ? (a + b) % 4 : e.fn === "sub" ? (a - b + 4) % 4 : undefined
}

/** Which four a place is one of: e // 4. */
const fourOf = (e: Expr): Expr => {
  if (e.op === "binary" && e.fn === "mul" && e.b.op === "const" && e.b.value % 4 === 0) return arithmetic("mul", e.a, number(e.b.value / 4))
  if (e.op === "binary" && e.fn === "add" && (componentOf(e.a) === 0 || componentOf(e.b) === 0)) return arithmetic("add", fourOf(e.a), fourOf(e.b))
  return arithmetic("idiv", e, number(4), true)
}

export interface BoundKernel {
  readonly kernel: Kernel
  /** What each binding of the kernel is bound to. */
  readonly bound: readonly Bound[]
}

export const oneBinding = (kernel: Kernel, bound: readonly Bound[]): BoundKernel => {
  const quadsOf = new Map<number, number>()
  bound.forEach((b, i) => {
    if (b.kind !== "node" || b.quads || kernel.bindings[i]!.access !== "read") return
    const four = bound.findIndex((other, k) => other.kind === "node" && other.quads === true && other.node === b.node && kernel.bindings[k]!.access === "read")
    if (four >= 0) quadsOf.set(i, four)
  })
  const look = (e: Expr): void => {
    if (e.op === "load" && quadsOf.has(e.binding) && (componentOf(e.index) === undefined || e.type === "bool" || e.type === "words")) quadsOf.delete(e.binding)
    operandsOf(e).forEach(look)
  }
  const walk = (list: readonly Stmt[]): void => { for (const s of list) { expressionsOf(s).forEach(look); blocksOf(s).forEach(walk) } }
  if (quadsOf.size > 0) walk(kernel.body)
  if (quadsOf.size === 0) return { kernel, bound }
  const kept = kernel.bindings.map((_, i) => i).filter((i) => !quadsOf.has(i))
  const renumbered = new Map(kept.map((old, i) => [old, i]))
  const go = (e: Expr): Expr => {
    const before = operandsOf(e)
    const after = before.map(go)
    const same = after.every((x, i) => x === before[i]) ? e : withOperandsOf(e, after)
    if (same.op === "load" && same.type !== "words" && quadsOf.has(same.binding)) {
      const x: Expr = { op: "quad", type: same.type, binding: renumbered.get(quadsOf.get(same.binding)!)!, index: fourOf(same.index) }
      return { op: "part", type: same.type, x, at: componentOf(same.index) as Component }
    }
    return same.op === "load" || same.op === "quad" ? { ...same, binding: renumbered.get(same.binding)! } : same
  }
  const store = (binding: number, index: Expr): { binding: number; index: Expr } => ({ binding: renumbered.get(binding)!, index })
  return {
    kernel: { ...kernel, bindings: kept.map((i) => kernel.bindings[i]!), body: rewriteStatements(kernel.body, { expression: go, store }) },
    bound: kept.map((i) => bound[i]!),
  }
}
