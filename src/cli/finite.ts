/** `--check-finite`: the first value that is not finite, and the line of the program that made it. */
import { positionOf, sourceFile } from "../base/source.ts"
import { evaluate } from "../backend/reference/evaluate.ts"
import type { Graph } from "../ir/graph.ts"
import { topological } from "../ir/walk.ts"
import { DataError } from "../runtime/errors.ts"
import type { Arrays, RunSettings, TypedArray } from "../runtime/executor.ts"
import { exitCode } from "./exit-code.ts"
import type { Failure } from "./failure.ts"
import { feedsOf } from "./reference-executor.ts"

const firstBad = (values: ArrayLike<number>): number => {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i]!)) return i
  return -1
}

/**
 * Outputs are looked at. When one has a value that is not finite, the graph is evaluated node by node on the host,
 * since a device's kernels keep no values in between; the first node that shows one is the place.
 */
export const findNonFinite = (
  graph: Graph, sources: Readonly<Record<string, string>>, inputs: Arrays, settings: RunSettings, outputs: Readonly<Record<string, TypedArray>>,
): Failure | undefined => {
  const bad = graph.outputs.find((output) => firstBad(outputs[output.name]!) >= 0)
  if (bad === undefined) return undefined
  const value = outputs[bad.name]![firstBad(outputs[bad.name]!)]!
  const nodes = topological([bad.node]).filter((node) => node.dtype === "f32")
  const feeds = feedsOf(graph, inputs)
  if (feeds instanceof DataError) throw new Error("a graph that has run has its inputs")
  const values = evaluate(nodes, feeds, settings, "f32")
  const culprit = nodes[values.findIndex((each) => firstBad(each.data) >= 0)] ?? bad.node
  const { span, label } = culprit.origin
  const text = sources[span.file]
  const where = text === undefined ? span.file : `${span.file}:${Object.values(positionOf(sourceFile(span.file, text), span.start)).join(":")}`
  return {
    kind: "failure", exit: exitCode.runtime, tag: "NotFinite", where,
    message: `the output ${bad.name} holds ${value}; the first value that is not finite is made by \`${label || culprit.prim}\``,
    hint: "look for a division by zero, a logarithm of zero or a root of a negative number there",
  }
}
