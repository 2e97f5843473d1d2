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

/** Which kernels each one needs, by position. */
const producersOf = (kernels: readonly Dispatched[], places: ReadonlyMap<Node, Place>): readonly (readonly number[])[] => {
  const writers = new Map<Value, number[]>()
  const add = (v: Value, k: number): void => void writers.set(v, [...(writers.get(v) ?? []), k])
  return kernels.map(({ kernel, bound }, k) => {
    const found = bound.flatMap((b, i) => (valueOf(b) && kernel.bindings[i]!.access === "read" ? writers.get(valueOf(b)!) ?? [] : []))
    bound.forEach((b, i) => {
      const value = valueOf(b)
      if (!value || kernel.bindings[i]!.access !== "write") return
      add(value, k)
      const arena = b.kind === "node" ? places.get(b.node)?.arena : undefined
      if (arena) add(arena, k)
    })
    return found
  })
}

/** Up to which level each kernel may wait: below all that need it. */
export const waitsUntil = (kernels: readonly Dispatched[], places: ReadonlyMap<Node, Place>, levels: readonly number[]): readonly number[] => {
  const until = kernels.map(() => levels.reduce((n, l) => Math.max(n, l), 0))
  producersOf(kernels, places).forEach((from, k) => { for (const p of from) until[p] = Math.min(until[p]!, levels[k]! - 1) })
  return until
}

/**
 * The level of each kernel, from 1: as early as it can be, except that light kernels of one class wait for each other
 * where nothing has to wait for them. A light kernel keeps no large value alive by waiting.
 */
export const levelsOf = (kernels: readonly Dispatched[], places: ReadonlyMap<Node, Place>, light: (k: number) => boolean, classOf: (k: number) => string): readonly number[] => {
  const producers = producersOf(kernels, places)
  const early: number[] = []
  producers.forEach((from, k) => { early[k] = 1 + from.reduce((n, p) => Math.max(n, early[p]!), 0) })
  const last = early.reduce((n, l) => Math.max(n, l), 0)
  const late = kernels.map(() => last)
  for (let k = kernels.length - 1; k >= 0; k--) {
    if (!light(k)) late[k] = early[k]!
    for (const p of producers[k]!) late[p] = Math.min(late[p]!, late[k]! - 1)
  }
  const wanted = [...early]
  const classes = new Map<string, number[]>()
  kernels.forEach((_, k) => { if (light(k)) classes.set(classOf(k), [...(classes.get(classOf(k)) ?? []), k]) })
  for (const members of classes.values()) {
    // The fewest levels that meet all spans from earliest to latest: again and again the smallest latest.
    const waiting = [...members].sort((a, b) => late[a]! - late[b]! || a - b)
    while (waiting.length > 0) {
      const level = late[waiting[0]!]!
      const joined = waiting.filter((k) => early[k]! <= level)
      const at = joined.length > 1 ? joined.reduce((n, k) => Math.max(n, early[k]!), 0) : early[joined[0]!]!
      for (const k of joined) {
        wanted[k] = at
        waiting.splice(waiting.indexOf(k), 1)
      }
    }
  }
  const levels: number[] = []
  producers.forEach((from, k) => { levels[k] = from.reduce((n, p) => Math.max(n, levels[p]! + 1), wanted[k]!) })
  return levels
}
