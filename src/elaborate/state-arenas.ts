/**
 * Arenas of states: the small float states that the same steps advance lie side by side in one slot, as parameters do, so
 * that kernels that advance many of them (the vectors of all spectral norms, the statistics of all batch norms) bind one buffer.
 */
import type { StateSlot } from "../check/learning.ts"
import type { Node } from "../ir/graph.ts"
import type { Leaf } from "../ir/program.ts"

export interface StateArena {
  readonly name: string
  readonly model: string | undefined
  readonly leaves: readonly (Omit<Leaf, "path"> & { readonly state: StateSlot })[]
  /** Elements. */
  readonly total: number
}

/** What a step proposes for a slot. */
export interface Next {
  readonly slot: string
  readonly node: Node
}

const alignment = 64
/** A larger state keeps a slot of its own: where it is not advanced by a kernel's own result it would be copied. */
const mostElements = 8192

const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

/** `nexts`: what each step proposes. Every step proposes for all leaves of an arena or for none. */
export const stateArenas = (states: Iterable<StateSlot>, nexts: readonly (readonly Next[])[]): readonly StateArena[] => {
  const advancedBy = nexts.map((step) => new Set(step.map((n) => n.slot)))
  const groups = new Map<string, StateSlot[]>()
  for (const s of states) {
    if (s.node.dtype !== "f32" || count(s.node.shape) > mostElements) continue
    const key = `${s.model ?? ""} ${advancedBy.flatMap((step, i) => (step.has(s.path) ? [i] : [])).join(",")}`
    groups.set(key, [...(groups.get(key) ?? []), s])
  }
  const taken = new Map<string, number>()
  return [...groups.values()].filter((g) => g.length > 1).map((group) => {
    const model = group[0]!.model
    let offset = 0
    const leaves = group.map((state) => {
      const leaf = { shape: state.node.shape, offset, state }
      offset = Math.ceil((offset + Math.max(1, count(state.node.shape))) / alignment) * alignment
      return leaf
    })
    const base = `${model ?? "entry"}.states`
    const nth = taken.get(base) ?? 0
    taken.set(base, nth + 1)
    return { name: nth === 0 ? base : `${base}.${nth}`, model, leaves, total: offset }
  })
}
