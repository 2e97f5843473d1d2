/**
 * Numbers the bodies of values: what one element of a value is, down to where fusion stops. However often a graph is fused anew, a body that is the
 * same has the same number.
 */
import type { Node } from "../ir/graph.ts"
import type { Stop } from "./fuse.ts"

/** The numbers of these nodes, which are in topological order. */
export type NumberBodies = (live: readonly Node[], stops: ReadonlyMap<Node, Stop>) => ReadonlyMap<Node, number>

export const makeNumberBodies = (): NumberBodies => {
  const known = new Map<string, number>()
  return (live, stops) => {
    const numbers = new Map<Node, number>()
    for (const node of live) {
      let key = `${node.id}`
      for (const input of node.inputs) {
        const kind = stops.get(input)?.kind
        // A draw is made where it is read, with its parameters inlined.
        key += kind === undefined ? ` ${numbers.get(input)}` : kind === "draw" ? ` draw${numbers.get(input)}` : ` ${kind}`
      }
      const number = known.get(key) ?? known.size
      known.set(key, number)
      numbers.set(node, number)
    }
    return numbers
  }
}
