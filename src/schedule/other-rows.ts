/**
 * Values of each sample that another value of each sample needs of other samples (the sums of a product's rows, all of which its norm needs).
 * One workgroup computes one row, so they are stored by an earlier kernel. Asked before any kernel is made.
 */
import type { Node } from "../ir/graph.ts"
import { eachScalar, type Scalar, type Var } from "../scalar/scalar.ts"
import type { Fusion } from "./fuse.ts"
import { sizeOf } from "./inline.ts"
import type { Columns } from "./rates.ts"
import { indexAt } from "./resolve.ts"

/** At most so many elements of a row are looked at one by one. */
const mostElements = 8

/** `roots`: stored values that are computed row by row. */
export const readAtOtherRows = (fusion: Fusion, roots: readonly Node[], rowOf: Columns["rowOf"]): Node[] => {
  const rows = new Map([...fusion.stops.values()].filter((s) => s.kind === "row").map((s) => [s.node.id, s.node]))
  if (rows.size === 0) return []
  const found = new Set<Node>()
  for (const node of [...rows.values(), ...roots]) {
    const rest = node.shape.slice(1)
    const row = rowOf(node.shape[0] ?? 1)
    const places: Scalar[][] = sizeOf(rest) <= mostElements
      ? Array.from({ length: sizeOf(rest) }, (_, e) => indexAt(rest, e))
      : [rest.map((n, d): Var => ({ op: "var", type: "i32", name: `e${d}`, low: 0, high: n - 1 }))]
    const bodies = places.map((place) => fusion.inliner.body(node, node.shape.length === 0 ? [] : [row, ...place]))
    const others = (roots: readonly Scalar[]): Node[] => {
      const nodes: Node[] = []
      eachScalar(roots, (e) => { if (e.op === "read" && rows.has(e.slot) && e.index[0] !== row) nodes.push(rows.get(e.slot)!) })
      return nodes
    }
    // What looks like another row may be this one.
    if (others(bodies).length > 0) for (const n of others(fusion.simplify(bodies))) found.add(n)
  }
  return [...found]
}
