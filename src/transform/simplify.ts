/**
 * Simplification of a graph: what no output needs is dropped, equal nodes are one (the builder shares them), and the
 * expressions inside tabulates are rewritten by the scalar rules. Values do not change, not by a bit.
 */
import { graphBuilder } from "../ir/build.ts"
import type { Graph, Node } from "../ir/graph.ts"
import { topological } from "../ir/walk.ts"
import type { TabulateAttrs } from "../prim/access.ts"
import { primitiveNamed } from "../prim/table.ts"
import { simplify } from "../scalar/simplify-scalar.ts"

export const simplifyGraph = (graph: Graph): Graph => {
  const builder = graphBuilder()
  const made = new Map<Node, Node>()
  for (const node of topological(graph.outputs.map((o) => o.node))) {
    const inputs = node.inputs.map((x) => made.get(x)!)
    const attrs = "body" in (node.attrs as object) && primitiveNamed(node.prim).kind === "access" ? simplified(node.attrs as TabulateAttrs) : (node.attrs as object)
    made.set(node, builder.at(node.origin).apply(node.prim, inputs, attrs))
  }
  const now = (node: Node): Node => made.get(node)!
  return {
    ...graph,
    inputs: graph.inputs.map((i) => ({ ...i, node: now(i.node) })),
    outputs: graph.outputs.map((o) => ({ ...o, node: now(o.node) })),
    rasters: graph.rasters.filter((r) => made.has(r.node)).map((r) => ({ ...r, node: now(r.node) })),
  }
}

const simplified = (attrs: TabulateAttrs): TabulateAttrs => ({ ...attrs, body: simplify(attrs.body) })
