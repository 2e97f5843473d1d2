/**
 * Arenas in place: the operands of a `pack` are computed straight into their places of the arena's buffer, so that no
 * kernel packs. An operand that others read too, or that is no kernel's result, is copied into its place by a kernel.
 */
import type { Graph, Node } from "../ir/graph.ts"
import { topological, usersOf } from "../ir/walk.ts"
import type { PackAttrs } from "../prim/arena.ts"
import type { Table } from "./inline.ts"

export interface Place {
  readonly arena: Node
  /** In elements. */
  readonly offset: number
}

export interface Arenas {
  readonly graph: Graph
  readonly arenas: ReadonlySet<Node>
  readonly places: ReadonlyMap<Node, Place>
}

/** Offsets of bindings are multiples of 256 bytes. */
const alignment = 64

const offsetsOf = (node: Node): readonly number[] => (node.attrs as PackAttrs).offsets
const inPlace = (node: Node): boolean => node.prim === "pack" && offsetsOf(node).every((o) => o % alignment === 0) && node.inputs.every((x) => !x.shape.includes(0))

export const arenasOf = (graph: Graph, table: Table): Arenas => {
  const order = topological([...graph.outputs.map((o) => o.node), ...graph.inputs.map((i) => i.node), ...graph.rasters.map((r) => r.node)])
  const none: Arenas = { graph, arenas: new Set(), places: new Map() }
  if (!order.some(inPlace)) return none
  const users = usersOf(order)
  const kept = new Set([...graph.outputs.map((o) => o.node), ...graph.rasters.map((r) => r.node)])
  let next = order.reduce((id, n) => Math.max(id, n.id), 0) + 1
  const made = new Map<Node, Node>()
  const arenas = new Set<Node>()
  const places = new Map<Node, Place>()
  for (const node of order) {
    let inputs = node.inputs.map((x) => made.get(x)!)
    const placed = inPlace(node)
    if (placed) inputs = node.inputs.map((x, i) => {
      const own = table(x.prim).kind !== "source" && x.prim !== "view" && !inPlace(x) && !kept.has(x) && users.get(x)!.length === 1
      return own ? inputs[i]! : { id: next++, prim: "reshape", inputs: [inputs[i]!], attrs: { shape: x.shape }, dtype: x.dtype, shape: x.shape, origin: x.origin }
    })
    const same = inputs.every((x, i) => x === node.inputs[i]) ? node : { ...node, id: next++, inputs }
    made.set(node, same)
    if (!placed) continue
    arenas.add(same)
    inputs.forEach((x, i) => places.set(x, { arena: same, offset: offsetsOf(node)[i]! }))
  }
  return {
    arenas, places,
    graph: {
      ...graph,
      inputs: graph.inputs.map((i) => ({ ...i, node: made.get(i.node)! })),
      outputs: graph.outputs.map((o) => ({ ...o, node: made.get(o.node)! })),
      rasters: graph.rasters.map((r) => ({ ...r, node: made.get(r.node)! }))
    }
  }
}
