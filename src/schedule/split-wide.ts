/** Divides a `concat` of more values than a kernel may bind into a tree of narrower ones. */
import type { Graph, Node } from "../ir/graph.ts"
import { topological } from "../ir/walk.ts"

export const splitWide = (graph: Graph, most: number): Graph => {
  const order = topological([...graph.outputs.map((o) => o.node), ...graph.inputs.map((i) => i.node), ...graph.rasters.map((r) => r.node)])
  if (!order.some((n) => n.prim === "concat" && new Set(n.inputs).size > most)) return graph
  let next = order.reduce((id, n) => Math.max(id, n.id), 0) + 1
  const made = new Map<Node, Node>()
  const joined = (node: Node, parts: readonly Node[]): Node => {
    if (parts.length <= most) return { ...node, id: next++, inputs: parts, shape: extended(node, parts) }
    const each = Math.ceil(parts.length / Math.ceil(parts.length / most))
    const groups = Array.from({ length: Math.ceil(parts.length / each) }, (_, i) => parts.slice(i * each, (i + 1) * each))
    return joined(node, groups.map((g) => (g.length === 1 ? g[0]! : joined(node, g))))
  }
  for (const node of order) {
    const inputs = node.inputs.map((x) => made.get(x)!)
    if (node.prim === "concat" && new Set(inputs).size > most) made.set(node, joined(node, inputs))
    else made.set(node, inputs.every((x, i) => x === node.inputs[i]) ? node : { ...node, id: next++, inputs })
  }
  return {
    ...graph,
    inputs: graph.inputs.map((i) => ({ ...i, node: made.get(i.node)! })),
    outputs: graph.outputs.map((o) => ({ ...o, node: made.get(o.node)! })),
    rasters: graph.rasters.map((r) => ({ ...r, node: made.get(r.node)! }))
  }
}

const extended = (node: Node, parts: readonly Node[]): number[] => {
  const { axis } = node.attrs as { readonly axis: number }
  return node.shape.map((n, d) => (d === axis ? parts.reduce((sum, p) => sum + p.shape[d]!, 0) : n))
}
