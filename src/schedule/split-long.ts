/** Two-level reductions: a reduction of very many terms to few results is done in parts first, so that many workgroups share it. */
import type { Graph, Node } from "../ir/graph.ts"
import type { ReductionAttrs } from "../prim/reduction.ts"
import { sizeOf, type Table } from "./inline.ts"
import { nodesOf, rebuilt } from "./rebuilt.ts"

/** From so many terms on, for at most so many results. */
const manyTerms = 32768
const fewResults = 8
const [leastParts, mostParts] = [16, 256]

export const splitLong = (graph: Graph, table: Table): Graph => {
  const axesOf = (node: Node): readonly number[] | undefined => (table(node.prim).kind === "reduction" ? (node.attrs as Partial<ReductionAttrs>).axes : undefined)
  const termsOf = (node: Node): number => axesOf(node)!.reduce((n, d) => n * node.inputs[0]!.shape[d]!, 1)
  const long = (node: Node): boolean => axesOf(node) !== undefined && sizeOf(node.shape) <= fewResults && termsOf(node) >= manyTerms
  if (!nodesOf(graph).some(long)) return graph
  return rebuilt(graph, (before, inputs, fresh) => {
    const node = (like: Node, prim: string, inputs: readonly Node[], attrs: object, shape: readonly number[]): Node => ({ ...like, id: fresh(), prim, inputs, attrs, shape })
    return long(before) ? inParts(before, inputs[0]!, axesOf(before)!, node) : undefined
  })
}

/** The first reduced dimension with a suitable divisor is divided in parts; these stay until the second reduction. */
const inParts = (before: Node, x: Node, axes: readonly number[], node: (like: Node, prim: string, inputs: readonly Node[], attrs: object, shape: readonly number[]) => Node): Node | undefined => {
  for (const axis of [...axes].sort((a, b) => a - b)) {
    const extent = x.shape[axis]!
    let parts = Math.min(mostParts, extent)
    while (parts >= leastParts && extent % parts !== 0) parts--
    if (parts < leastParts) continue
    const divided = [...x.shape.slice(0, axis), parts, extent / parts, ...x.shape.slice(axis + 1)]
    const inner = [axis + 1, ...axes.filter((d) => d !== axis).map((d) => (d > axis ? d + 1 : d))].sort((a, b) => a - b)
    const kept = divided.map((_, d) => d).filter((d) => !inner.includes(d))
    const reshaped = node({ ...before, dtype: x.dtype }, "reshape", [x], { shape: divided }, divided)
    // Parts first, so that each part is a row of its own.
    const first = node(before, before.prim, [reshaped], { axes: inner }, kept.map((d) => divided[d]!))
    return node(before, before.prim, [first], { axes: [kept.indexOf(axis)] }, before.shape)
  }
  return undefined
}
