/**
 * Arenas in place: the operands of a `pack` are computed straight into their places of the arena's buffer, so that no
 * kernel packs. An operand that others read too, or that is no kernel's result, is copied into its place by a kernel.
 */
import type { Graph, Node } from "../ir/graph.ts"
import { usersOf } from "../ir/walk.ts"
import type { PackAttrs } from "../prim/arena.ts"
import type { Table } from "./inline.ts"
import { nodesOf, over, rebuilt } from "./rebuilt.ts"

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
  const order = nodesOf(graph)
  const none: Arenas = { graph, arenas: new Set(), places: new Map() }
  if (!order.some(inPlace)) return none
  const users = usersOf(order)
  const kept = new Set([...graph.outputs.map((o) => o.node), ...graph.rasters.map((r) => r.node)])
  const arenas = new Set<Node>()
  const places = new Map<Node, Place>()
  const changed = rebuilt(graph, (node, given, fresh) => {
    if (!inPlace(node)) return undefined
    const inputs = node.inputs.map((x, i): Node => {
      const own = table(x.prim).kind !== "source" && x.prim !== "view" && !inPlace(x) && !kept.has(x) && users.get(x)!.length === 1
      return own ? given[i]! : { id: fresh(), prim: "reshape", inputs: [given[i]!], attrs: { shape: x.shape }, dtype: x.dtype, shape: x.shape, origin: x.origin }
    })
    const arena = over(node, inputs, fresh)
    arenas.add(arena)
    inputs.forEach((x, i) => places.set(x, { arena, offset: offsetsOf(node)[i]! }))
    return arena
  })
  return { arenas, places, graph: changed }
}
