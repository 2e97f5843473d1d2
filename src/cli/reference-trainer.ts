/** `--device reference` for programs that learn: each step's graph evaluated in f64, slots kept as arrays between steps. */
import * as Effect from "effect/Effect"
import { evaluate } from "../backend/reference/evaluate.ts"
import { ndarray, type NdArray } from "../backend/reference/ndarray.ts"
import type { Graph, Node } from "../ir/graph.ts"
import type { Evaluation, Program, StepGraph } from "../ir/program.ts"
import { DataError } from "../runtime/errors.ts"
import type { Arrays, RunSettings, TypedArray } from "../runtime/executor.ts"
import type { Trainer } from "../runtime/program.ts"

const arrayOf = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint32Array } as const

/** A slot holds f32 between steps on every device, so that a run that goes on from a checkpoint is the run that never stopped. */
const stored = (node: Node, value: NdArray): NdArray => ndarray(node.dtype, node.shape, typed(node, value))

const typed = (node: Node, value: NdArray): TypedArray => arrayOf[node.dtype].from(value.data)

/** In the order of the runtime's units. */
const partsOf = (e: Evaluation): readonly Pick<StepGraph, "name" | "graph" | "nexts">[] => [
  { name: e.begin.entry, graph: e.begin, nexts: e.begin.outputs.map(({ name, node }) => ({ slot: name.slice("next:".length), node })) },
  e.batch, ...(e.tail === undefined ? [] : [e.tail]), ...e.stages.map(({ graph }) => ({ name: graph.entry, graph, nexts: [] })), e.final,
]

export const referenceTrainer = (program: Program): Trainer => {
  const units: readonly { readonly name: string; readonly graph: Graph; readonly nexts: readonly { readonly slot: string; readonly node: Node }[] }[] = [
    ...program.steps, ...program.every.map((every) => ({ name: `every ${every.period}`, graph: every.graph, nexts: [] })), ...program.evaluations.flatMap(partsOf),
  ].map((unit) => ({ ...unit, graph: { ...unit.graph, outputs: unit.graph.outputs.filter((output) => !output.name.startsWith("next:")) } }))
  const slots = new Map<string, NdArray>(program.slots.map((slot) => [slot.name, ndarray(slot.node.dtype, slot.node.shape, new Float64Array(slot.node.shape.reduce((a, b) => a * b, 1)))]))
  const kept = program.slots.filter((slot) => slot.kind !== "scratch")
  const step = (unit: number, feeds: Arrays, settings: RunSettings): Record<string, TypedArray> | DataError => {
    const { graph, nexts } = units[unit]!
    const values = new Map<Node, NdArray>()
    for (const { name, node } of graph.inputs) {
      if (name.startsWith("slot:")) {
        values.set(node, slots.get(name.slice("slot:".length))!)
        continue
      }
      const array = feeds[name]
      if (array === undefined) return new DataError({ message: `Input \`${name}\` of ${graph.entry} is missing.`, where: undefined, hint: `give a ${node.dtype}[${node.shape.join(", ")}]` })
      values.set(node, ndarray(node.dtype, node.shape, array))
    }
    const results = evaluate([...graph.outputs, ...nexts].map(({ node }) => node), values, settings)
    nexts.forEach((next, i) => void slots.set(next.slot, stored(next.node, results[graph.outputs.length + i]!)))
    return Object.fromEntries(graph.outputs.map((output, i) => [output.name, typed(output.node, results[i]!)]))
  }
  const one: Trainer["step"] = (unit, feeds, settings, read) =>
    Effect.suspend(() => {
      const result = step(unit, feeds, settings)
      return result instanceof DataError ? Effect.fail(result) : Effect.succeed(read ? Promise.resolve(result) : undefined)
    })
  return {
    initialise: (seed) =>
      Effect.sync(() => {
        const results = evaluate(kept.map((slot) => slot.initial), new Map(), { seed, step: 0, repeat: 0 })
        kept.forEach((slot, i) => void slots.set(slot.name, stored(slot.node, results[i]!)))
      }),
    step: one,
    submit: (executions) => Effect.forEach(executions, ({ unit, feeds, settings, read }) => one(unit, feeds, settings, read)),
    readSlots: Effect.sync(() => Object.fromEntries(kept.map((slot) => [slot.name, typed(slot.node, slots.get(slot.name)!)]))),
    writeSlots: (values) =>
      Effect.sync(() => {
        for (const slot of program.slots) if (values[slot.name] !== undefined) slots.set(slot.name, ndarray(slot.node.dtype, slot.node.shape, values[slot.name]!))
      }),
    settled: Effect.void,
    work: units.map(({ name }) => ({ name, dispatches: 0, passes: 0, submits: 0 })),
    kernels: 0,
    bytes: 0,
  }
}
