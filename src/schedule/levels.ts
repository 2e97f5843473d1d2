/** Levels of kernels: those of one level need nothing of each other, only of lower levels. */
import type { Node } from "../ir/graph.ts"
import type { Bound, Table } from "../kernel/bindings.ts"
import type { Kernel } from "../kernel/kernel.ts"
import type { Place } from "./arenas.ts"

export interface Dispatched {
  readonly kernel: Kernel
  readonly bound: readonly Bound[]
}

type Value = Node | Table
const valueOf = (b: Bound): Value | undefined => (b.kind === "node" ? b.node : b.kind === "table" ? b.table : undefined)

/** In the order of `kernels`, from 1. */
export const levelsOf = (kernels: readonly Dispatched[], places: ReadonlyMap<Node, Place>): readonly number[] => {
  const written = new Map<Value, number>()
  return kernels.map(({ kernel, bound }) => {
    let level = 1
    bound.forEach((b, i) => {
      const value = valueOf(b)
      if (value && kernel.bindings[i]!.access === "read") level = Math.max(level, 1 + (written.get(value) ?? 0))
    })
    bound.forEach((b, i) => {
      const value = valueOf(b)
      if (!value || kernel.bindings[i]!.access !== "write") return
      written.set(value, level)
      const arena = b.kind === "node" ? places.get(b.node)?.arena : undefined
      if (arena) written.set(arena, Math.max(level, written.get(arena) ?? 0))
    })
    return level
  })
}
