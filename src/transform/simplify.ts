/**
 * Simplification of a graph: what no output needs is dropped, equal nodes are one (the builder shares them), contractions
 * give their results as they are read, and the expressions inside tabulates are rewritten by the scalar rules. Values do
 * not change, not by a bit.
 */
import { graphBuilder } from "../ir/build.ts"
import type { Graph, Node } from "../ir/graph.ts"
import { topological, usersOf } from "../ir/walk.ts"
import type { ContractAttrs } from "../prim/contraction.ts"
import type { TabulateAttrs } from "../prim/access.ts"
import { primitiveNamed } from "../prim/table.ts"
import { simplify } from "../scalar/simplify-scalar.ts"
import { permutedContraction, permutesContraction } from "./permuted-contraction.ts"

export const simplifyGraph = (graph: Graph): Graph => {
  const builder = graphBuilder()
  const made = new Map<Node, Node>()
  const live = topological(graph.outputs.map((o) => o.node))
  const users = usersOf(live)
  const kept = new Set([...graph.outputs.map((o) => o.node), ...graph.rasters.map((r) => r.node)])
  const readers = (node: Node): number => users.get(node)!.length + (kept.has(node) ? 1 : 0)
  for (const node of live) {
    if (permutesContraction(node, readers)) {
      const of = node.inputs[0]!
      made.set(node, builder.at(of.origin).apply("contract", of.inputs.map((x) => made.get(x)!), permutedContraction(of.attrs as ContractAttrs, (node.attrs as { readonly perm: readonly number[] }).perm)))
      continue
    }
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
