/** Rewritings of a graph before it is scheduled: some of its nodes are replaced, and what is computed from them is built anew. */
import type { Graph, Node } from "../ir/graph.ts"
import { topological } from "../ir/walk.ts"

/** All nodes of a graph, each after its inputs. */
export const nodesOf = (graph: Graph): readonly Node[] =>
  topological([...graph.outputs.map((o) => o.node), ...graph.inputs.map((i) => i.node), ...graph.rasters.map((r) => r.node)])

/** Gives what takes a node's place, over `inputs` (the new ones); undefined for the node itself. `fresh` numbers new nodes. */
export type Replace = (node: Node, inputs: readonly Node[], fresh: () => number) => Node | undefined

export const rebuilt = (graph: Graph, replace: Replace): Graph => {
  const order = nodesOf(graph)
  let next = order.reduce((id, n) => Math.max(id, n.id), 0) + 1
  const fresh = (): number => next++
  const made = new Map<Node, Node>()
  for (const node of order) {
    const inputs = node.inputs.map((x) => made.get(x)!)
    made.set(node, replace(node, inputs, fresh) ?? over(node, inputs, fresh))
  }
  return {
    ...graph,
    inputs: graph.inputs.map((i) => ({ ...i, node: made.get(i.node)! })),
    outputs: graph.outputs.map((o) => ({ ...o, node: made.get(o.node)! })),
    rasters: graph.rasters.map((r) => ({ ...r, node: made.get(r.node)! }))
  }
}

/** The node over other inputs; itself where they are its own. */
export const over = (node: Node, inputs: readonly Node[], fresh: () => number): Node =>
  inputs.every((x, i) => x === node.inputs[i]) ? node : { ...node, id: fresh(), inputs }
