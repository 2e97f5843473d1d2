/** `--check-finite`: the first value that is not finite, and the line of the program that made it. */
import { positionOf, sourceFile } from "../base/source.ts"
import { evaluate } from "../backend/reference/evaluate.ts"
import type { Graph, Node } from "../ir/graph.ts"
import { topological } from "../ir/walk.ts"
import { DataError, NotFiniteError } from "../runtime/errors.ts"
import type { Arrays, RunSettings, TypedArray } from "../runtime/executor.ts"
import { exitCode } from "./exit-code.ts"
import type { Failure } from "./failure.ts"
import { feedsOf } from "./reference-executor.ts"

const firstBad = (values: ArrayLike<number>): number => {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i]!)) return i
  return -1
}

interface Culprit {
  readonly label: string
  readonly where: string
}

/**
 * The first node on the way to `roots` that shows a value that is not finite. The graph is evaluated node by node on the host,
 * since a device's kernels keep no values in between.
 */
const culpritOf = (graph: Graph, roots: readonly Node[], sources: Readonly<Record<string, string>>, inputs: Arrays, settings: RunSettings): Culprit | undefined => {
  const feeds = feedsOf(graph, inputs)
  if (feeds instanceof DataError) return undefined
  const nodes = topological(roots).filter((node) => node.dtype === "f32")
  const culprit = nodes[evaluate(nodes, feeds, settings, "f32").findIndex((each) => firstBad(each.data) >= 0)]
  if (culprit === undefined) return undefined
  const { span, label } = culprit.origin
  const text = sources[span.file]
  return { label: label || culprit.prim, where: text === undefined ? span.file : `${span.file}:${Object.values(positionOf(sourceFile(span.file, text), span.start)).join(":")}` }
}

const hint = "look for a division by zero, a logarithm of zero or a root of a negative number there"

/** Outputs of a graph that has run are looked at. */
export const findNonFinite = (
  graph: Graph, sources: Readonly<Record<string, string>>, inputs: Arrays, settings: RunSettings, outputs: Readonly<Record<string, TypedArray>>,
): Failure | undefined => {
  const bad = graph.outputs.find((output) => firstBad(outputs[output.name]!) >= 0)
  if (bad === undefined) return undefined
  const value = outputs[bad.name]![firstBad(outputs[bad.name]!)]!
  const culprit = culpritOf(graph, [bad.node], sources, inputs, settings)
  return {
    kind: "failure", exit: exitCode.runtime, tag: "NotFinite", where: culprit?.where, hint,
    message: `the output ${bad.name} holds ${value}; the first value that is not finite is made by \`${culprit?.label ?? bad.name}\``,
  }
}

/** The place in an execution of a train that spoiled its reports or its parameters, given all that it read. */
export const findInExecution = (
  graph: Graph, sources: Readonly<Record<string, string>>, arrays: Arrays, slots: Arrays, settings: RunSettings,
): NotFiniteError | undefined => {
  const inputs = { ...arrays, ...Object.fromEntries(Object.entries(slots).map(([name, values]) => [`slot:${name}`, values])) }
  const culprit = culpritOf(graph, graph.outputs.map((output) => output.node), sources, inputs, settings)
  return culprit && new NotFiniteError({ message: `In ${graph.entry}, step ${settings.step + 1}, the first value that is not finite is made by \`${culprit.label}\`.`, where: culprit.where, hint: `the last checkpoint is kept; ${hint}` })
}
