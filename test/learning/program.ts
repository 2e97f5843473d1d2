/** Elaborates programs that learn and runs them on the reference evaluator, in f64, for the tests of layers, losses, optimisers and examples. */
import fs from "node:fs"
import { evaluate } from "../../src/backend/reference/evaluate.ts"
import { ndarray, type NdArray } from "../../src/backend/reference/ndarray.ts"
import { openEntry } from "../../src/driver/compile.ts"
import { initialGraph } from "../../src/driver/compile-program.ts"
import { elaborate } from "../../src/elaborate/elaborate.ts"
import type { Diagnostic } from "../../src/base/diagnostic.ts"
import type { Graph, GraphInput } from "../../src/ir/graph.ts"
import type { Program, StepGraph } from "../../src/ir/program.ts"

/** The program of one entry of a text that must be right. */
export const elaborated = (text: string, entry: string, set: Readonly<Record<string, string>> = {}): Program => {
  const diagnostics: Diagnostic[] = []
  const imported = Object.fromEntries(["nda_gan", "dpc", "moco"].map((name) => [`${name}.nda`, example(name)]))
  const opened = openEntry({ file: "learn.nda", sources: { ...imported, "learn.nda": text }, entry, set }, diagnostics)
  const program = "needs" in opened ? undefined : elaborate(opened.program, opened.entry, diagnostics)
  if (!program) throw new Error(`the program of this test was refused: ${diagnostics.map((d) => `${d.code} ${d.message} at ${text.slice(d.span.start, d.span.end)}`).join("; ")}`)
  return program
}

export const example = (name: string): string => fs.readFileSync(new URL(`../../examples/${name}.nda`, import.meta.url), "utf8")

export type Slots = Map<string, NdArray>
export interface Moment {
  readonly step: number
  readonly repeat: number
  readonly seed?: number
  /** `exact`: what decides is f64 too, so that a difference of neighbouring values says what the derivative is. */
  readonly mode?: "reference" | "exact"
}
const settingsOf = ({ step, repeat, seed }: Moment) => ({ seed: seed ?? 0, step, repeat })
const start: Moment = { step: 0, repeat: 0 }

/** The first value of every slot. */
export const initialSlots = (program: Program, seed = 0): Slots => {
  const { outputs } = initialGraph(program)
  const values = evaluate(outputs.map((o) => o.node), new Map(), settingsOf({ ...start, seed }))
  return new Map(outputs.map((o, i) => [o.name.slice("next:".length), values[i]!]))
}

/** What a source delivers where the test gives nothing: values between 0 and 1, or sample numbers, that depend on their place only. */
const stand = (input: GraphInput): NdArray => {
  const { shape, dtype } = input.node
  const count = shape.reduce((a, b) => a * b, 1)
  return ndarray(dtype, shape, Float64Array.from({ length: count }, (_, i) => (dtype === "f32" ? 0.5 + 0.5 * Math.sin(1.3 * i + 0.2) : i % 3)))
}

export type Given = Readonly<Record<string, ArrayLike<number>>>

/** Runs a graph: its outputs by name. */
export const outputsOf = (graph: Graph, slots: Slots, at: Moment = start, given: Given = {}): Map<string, NdArray> => {
  const feeds = new Map(graph.inputs.map((i): [typeof i.node, NdArray] => {
    const own = given[i.name]
    return [i.node, i.name.startsWith("slot:") ? slots.get(i.name.slice("slot:".length))! : own ? ndarray(i.node.dtype, i.node.shape, own) : stand(i)]
  }))
  const values = evaluate(graph.outputs.map((o) => o.node), feeds, settingsOf(at), at.mode)
  return new Map(graph.outputs.map((o, i) => [o.name, values[i]!]))
}

/** Runs one execution of a step: the slots after it, and the numbers that it reports. */
export const executed = (step: StepGraph, slots: Slots, at: Moment = start, given: Given = {}): { readonly slots: Slots; readonly reports: ReadonlyMap<string, number> } => {
  const after = new Map(slots)
  const reports = new Map<string, number>()
  for (const [name, value] of outputsOf(step.graph, slots, at, given)) {
    if (name.startsWith("next:")) after.set(name.slice("next:".length), value)
    else if (value.data.length === 1) reports.set(name, value.data[0]!)
  }
  return { slots: after, reports }
}
