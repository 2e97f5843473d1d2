/** Graphs from a primitive's samples, with reproducible values in the ranges that the record names. */
import { evaluate } from "../../src/backend/reference/evaluate.ts"
import { ndarray } from "../../src/backend/reference/ndarray.ts"
import type { NdArray } from "../../src/backend/reference/ndarray.ts"
import type { Mode } from "../../src/backend/reference/variant.ts"
import { graphBuilder } from "../../src/ir/build.ts"
import type { Builder } from "../../src/ir/build.ts"
import type { Node } from "../../src/ir/graph.ts"
import { elementCount } from "../../src/prim/shape.ts"
import type { Sample } from "../../src/prim/primitive.ts"

export const settings = { seed: 1, step: 0, repeat: 0 }

/** Evenly spread numbers in [0, 1) (Weyl's sequence), another sequence per `stream`. */
export const spread = (count: number, stream: number): number[] => Array.from({ length: count }, (_, i) => (0.5 + (i + 1) * 0.6180339887498949 * (1 + stream * 0.37) + stream * 0.7548776662466927) % 1)

export interface Case {
  readonly builder: Builder
  readonly inputs: readonly Node[]
  readonly output: Node
  readonly feeds: Map<Node, NdArray>
}

export const caseOf = (prim: string, sample: Sample<object>): Case => {
  const builder = graphBuilder()
  const feeds = new Map<Node, NdArray>()
  const inputs = sample.inputs.map(({ shape, dtype = "f32", low = -2, high = 2 }, i) => {
    const node = builder.input(`x${i}`, dtype, shape)
    const data = spread(elementCount(shape), i).map((u) => (dtype === "f32" ? Math.fround(low + (high - low) * u) : Math.floor(low + (high - low + 1) * u)))
    feeds.set(node, ndarray(dtype, shape, data))
    return node
  })
  return { builder, inputs, output: builder.apply(prim, inputs, sample.attrs), feeds }
}

export const valueOf = (node: Node, feeds: ReadonlyMap<Node, NdArray>, mode: Mode = "exact"): Float64Array => evaluate([node], feeds, settings, mode)[0]!.data

/** The sum of all elements times fixed weights, so that every element counts differently. */
export const weighted = (builder: Builder, x: Node, stream: number): Node => {
  const weights = builder.constant(spread(elementCount(x.shape), stream).map((u) => u - 0.3), "f32", x.shape)
  return builder.apply("sum", [builder.mul(x, weights)], { axes: x.shape.map((_, d) => d) })
}
