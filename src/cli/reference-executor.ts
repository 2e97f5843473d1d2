/** `--device reference`: the graph itself, evaluated in f64 behind the interface of every device. */
import * as Effect from "effect/Effect"
import { evaluate } from "../backend/reference/evaluate.ts"
import { ndarray, type NdArray } from "../backend/reference/ndarray.ts"
import type { DType, Graph, Node } from "../ir/graph.ts"
import { DataError } from "../runtime/errors.ts"
import type { Arrays, Executor, RunSettings, TypedArray } from "../runtime/executor.ts"

const arrayOf = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint32Array } as const

const typed = (dtype: DType, data: Float64Array): TypedArray => arrayOf[dtype].from(data)

export const feedsOf = (graph: Graph, inputs: Arrays): ReadonlyMap<Node, NdArray> | DataError => {
  const feeds = new Map<Node, NdArray>()
  for (const { name, node } of graph.inputs) {
    const array = inputs[name]
    if (array === undefined) return new DataError({ message: `Input \`${name}\` of ${graph.entry} is missing.`, where: undefined, hint: `give a ${node.dtype}[${node.shape.join(", ")}]` })
    // Pictures may be given as bytes, as the device has them.
    feeds.set(node, ndarray(node.dtype, node.shape, array instanceof Uint8Array ? Float64Array.from(array, (byte) => Math.fround(byte / 255)) : array))
  }
  return feeds
}

export const referenceExecutor = (graph: Graph): Executor => {
  const run = (inputs: Arrays, settings: RunSettings): Record<string, TypedArray> | DataError => {
    const feeds = feedsOf(graph, inputs)
    if (feeds instanceof DataError) return feeds
    const values = evaluate(graph.outputs.map((output) => output.node), feeds, settings)
    return Object.fromEntries(graph.outputs.map((output, i) => [output.name, typed(output.node.dtype, values[i]!.data)]))
  }
  return {
    run: (inputs, settings) =>
      Effect.suspend(() => {
        const result = run(inputs, settings)
        return result instanceof DataError ? Effect.fail(result) : Effect.succeed(result)
      }),
    stats: { dispatches: 0, passes: 0, submits: 0, kernels: 0, peakBytes: 0, stagingBytes: 0 },
  }
}
