/**
 * Slots advanced in place: a kernel that reads a slot's value at the very place where it stores the next one, and is the last to read it,
 * writes into the slot's own buffer. Nothing is copied afterwards, and an optimiser's kernel binds each slot once.
 */
import type { Graph, Node } from "../ir/graph.ts"
import { blocksOf, expressionsOf, operandsOf, type Expr, type Kernel, type Stmt } from "../kernel/kernel.ts"
import { rewriteStatements, withOperandsOf } from "../kernel/rewrite.ts"
import type { Schedule, Scheduled } from "../schedule/groups.ts"

export interface InPlace {
  readonly kernels: readonly Scheduled[]
  /** For a next value the slot's value whose buffer it lies in. */
  readonly slots: ReadonlyMap<Node, Node>
}

/** The binding of a value, where it has one alone. */
const only = ({ kernel, bound }: Scheduled, node: Node, access: "read" | "write"): number | undefined => {
  const at = bound.flatMap((b, i) => (b.kind === "node" && b.node === node ? [i] : []))
  return at.length === 1 && kernel.bindings[at[0]!]!.access === access ? at[0] : undefined
}

/** Expressions with one text are the same: locals, arrays and distributions are told apart by what they are, not by how they look. */
const textOf = (): ((e: Expr) => string) => {
  const names = new Map<object, number>()
  const nameOf = (x: object): string => {
    if (!names.has(x)) names.set(x, names.size)
    return `#${names.get(x)}`
  }
  const text = (e: Expr): string => {
    const operands = operandsOf(e)
    const inside = new Set<unknown>(operands)
    const own = Object.entries(e).filter(([, x]) => !inside.has(x) && !Array.isArray(x)).map(([key, x]: [string, unknown]) => `${key}=${typeof x === "object" && x !== null ? nameOf(x) : String(x)}`)
    return `${own.join(" ")}(${operands.map(text).join(",")})`
  }
  return text
}

/** Whether each thread reads `read` only where it writes `write`, and reads it all before. */
const readsWhereItWrites = (kernel: Kernel, read: number, write: number): boolean => {
  if (kernel.bindings[read]!.element !== kernel.bindings[write]!.element) return false
  const text = textOf()
  const places = new Set<string>()
  let [written, late] = [false, false]
  const look = (e: Expr): void => {
    if ((e.op === "load" || e.op === "quad") && e.binding === read) {
      places.add(`${e.op} ${text(e.index)}`)
      if (written) late = true
    }
    operandsOf(e).forEach(look)
  }
  const walk = (list: readonly Stmt[]): void => {
    for (const s of list) {
      expressionsOf(s).forEach(look)
      if ((s.op === "store" || s.op === "store_quad" || s.op === "store_words") && s.binding === write) {
        places.add(`${s.op === "store" ? "load" : "quad"} ${text(s.index)}`)
        written = true
      }
      blocksOf(s).forEach(walk)
    }
  }
  walk(kernel.body)
  return places.size === 1 && !late
}

/** The kernel with what it reads from one binding read from the other, which it writes. */
const merged = (s: Scheduled, read: number, write: number): Scheduled => {
  const numbered = (binding: number): number => (binding === read ? numbered(write) : binding > read ? binding - 1 : binding)
  const go = (e: Expr): Expr => {
    const before = operandsOf(e)
    const after = before.map(go)
    const same = after.every((x, i) => x === before[i]) ? e : withOperandsOf(e, after)
    return same.op === "load" || same.op === "quad" ? { ...same, binding: numbered(same.binding) } : same
  }
  const kept = <T>(list: readonly T[]): T[] => list.filter((_, i) => i !== read)
  return {
    ...s, bound: kept(s.bound),
    kernel: { ...s.kernel, bindings: kept(s.kernel.bindings), body: rewriteStatements(s.kernel.body, { expression: go, store: (binding, index) => ({ binding: numbered(binding), index }) }) },
  }
}

const binds = ({ bound }: Scheduled, node: Node): boolean => bound.some((b) => b.kind === "node" && b.node === node)

export const inPlace = ({ inputs, outputs }: Graph, { kernels, places, arenas }: Schedule): InPlace => {
  const changed = [...kernels]
  const slots = new Map<Node, Node>()
  for (const { name, node: next } of outputs) {
    const slot = name.startsWith("next:") ? inputs.find((i) => i.name === `slot:${name.slice("next:".length)}`)?.node : undefined
    // Who reports the old value reads it when all is done.
    if (!slot || slots.has(next) || places.has(next) || arenas.has(next) || outputs.some((o) => o.node === slot)) continue
    const writers = changed.flatMap((s, k) => (s.bound.some((b, i) => b.kind === "node" && b.node === next && s.kernel.bindings[i]!.access === "write") ? [k] : []))
    const [k] = writers
    if (k === undefined || writers.length > 1 || changed[k]!.ranges || changed.some((s, later) => later > k && binds(s, slot))) continue
    const [read, write] = [only(changed[k]!, slot, "read"), only(changed[k]!, next, "write")]
    if (read === undefined || write === undefined || !readsWhereItWrites(changed[k]!.kernel, read, write)) continue
    changed[k] = merged(changed[k]!, read, write)
    slots.set(next, slot)
  }
  return { kernels: changed, slots }
}
