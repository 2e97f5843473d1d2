/** Divides a `concat` of more values than a kernel may bind into a tree of narrower ones. */
import type { Graph, Node } from "../ir/graph.ts"
import { nodesOf, rebuilt } from "./rebuilt.ts"

export const splitWide = (graph: Graph, most: number): Graph => {
  const wide = (node: Node): boolean => node.prim === "concat" && new Set(node.inputs).size > most
  if (!nodesOf(graph).some(wide)) return graph
  return rebuilt(graph, (node, inputs, fresh) => {
    const joined = (parts: readonly Node[]): Node => {
      if (parts.length <= most) return { ...node, id: fresh(), inputs: parts, shape: extended(node, parts) }
      const each = Math.ceil(parts.length / Math.ceil(parts.length / most))
      const groups = Array.from({ length: Math.ceil(parts.length / each) }, (_, i) => parts.slice(i * each, (i + 1) * each))
      return joined(groups.map((g) => (g.length === 1 ? g[0]! : joined(g))))
    }
    return node.prim === "concat" && new Set(inputs).size > most ? joined(inputs) : undefined
  })
}

const extended = (node: Node, parts: readonly Node[]): number[] => {
  const { axis } = node.attrs as { readonly axis: number }
  return node.shape.map((n, d) => (d === axis ? parts.reduce((sum, p) => sum + p.shape[d]!, 0) : n))
}
