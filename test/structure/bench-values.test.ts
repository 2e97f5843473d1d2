/** What the workloads of `npm run bench` compute on the adapter, with the kernels of both profiles, is what the reference evaluator computes; at a small size. */
import { describe, expect, it } from "vitest"
import { elaboratedFor, planned, type PlannedUnit, type Values, type Workload } from "../../bench/planned.ts"
import { countOf, dataOf, filled } from "../../bench/values.ts"
import { workloads } from "../../bench/workloads.mjs"
import { evaluate } from "../../src/backend/reference/evaluate.ts"
import { ndarray, type NdArray } from "../../src/backend/reference/ndarray.ts"
import { initialGraph } from "../../src/driver/compile-program.ts"
import type { Program, Slot } from "../../src/ir/program.ts"
import type { Profile } from "../../src/schedule/limits.ts"
import { loadPlan } from "../kernels/device.ts"

const settings = { seed: 7, step: 0, repeat: 0 }
const data = await dataOf(undefined)

const arrays = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint32Array } as const
type Feeds = ReadonlyMap<string, NdArray>

/** A value is stored in its own type between steps, on every device. */
const stored = ({ dtype, shape, data: values }: NdArray): NdArray => ndarray(dtype, shape, Float64Array.from(arrays[dtype].from(values)))

const valuesFor = (values: Values | undefined, dtype: NdArray["dtype"], shape: readonly number[]): NdArray =>
  ndarray(dtype, shape, values ? Float64Array.from(filled(data, values, countOf(shape))) : Float64Array.from({ length: countOf(shape) }, (_, i) => i))

const feedsOf = (workload: Workload, { graph }: PlannedUnit, slots: Feeds): Feeds =>
  new Map(graph.inputs.map(({ name, node }) => [name, slots.get(name) ?? valuesFor(workload.inputs?.[name], node.dtype, node.shape)]))

const onReference = ({ graph }: PlannedUnit, feeds: Feeds): Feeds => {
  const values = evaluate(graph.outputs.map((o) => o.node), new Map(graph.inputs.map((i) => [i.node, feeds.get(i.name)!])), settings)
  return new Map(graph.outputs.map((o, i) => [o.name, values[i]!]))
}

const onAdapter = async ({ plan }: PlannedUnit, feeds: Feeds): Promise<ReadonlyMap<string, ArrayLike<number>>> => {
  const inputs = Object.fromEntries(plan.inputs.map(({ name, dtype }) => [name, arrays[dtype].from(feeds.get(name)!.data)]))
  const loaded = await loadPlan(plan, inputs, settings)
  await loaded.run()
  const values = new Map<string, ArrayLike<number>>()
  for (const { name } of plan.outputs) values.set(name, await loaded.read(name))
  loaded.destroy()
  return values
}

/** The most that two tensors differ, as a part of the largest number in the expected one. */
const difference = (got: ArrayLike<number>, expected: ArrayLike<number>, from = 0, to = expected.length): number => {
  let [worst, largest] = [0, 1e-12]
  for (let i = from; i < to; i++) {
    worst = Math.max(worst, Math.abs(got[i]! - expected[i]!))
    largest = Math.max(largest, Math.abs(expected[i]!))
  }
  return worst / largest
}

const initialSlots = (program: Program, workload: Workload): Map<string, NdArray> => {
  const { outputs } = initialGraph(program)
  const values = evaluate(outputs.map((o) => o.node), new Map(), settings)
  return new Map(program.slots.map((slot, i) => [`slot:${slot.name}`, stored(workload.slots?.[slot.name] ? valuesFor(workload.slots[slot.name], slot.node.dtype, slot.node.shape) : values[i]!)]))
}

/** An optimiser's first update is the rate times the gradient's sign, which rounding decides where the gradient is nothing: a parameter may be off by two rates. */
const twoRates = 5e-4
const rounding = 1e-4

const compareSlot = (slot: Slot, got: ArrayLike<number>, expected: NdArray): void => {
  if (slot.kind === "params") {
    for (let i = 0; i < expected.data.length; i++) if (Math.abs(got[i]! - expected.data[i]!) > twoRates) expect.fail(`${slot.name}[${i}] is ${got[i]}, not ${expected.data[i]}`)
    return
  }
  for (const { path, shape, offset } of slot.leaves.length > 0 ? slot.leaves : [{ path: slot.name, shape: slot.node.shape, offset: 0 }]) {
    expect(difference(got, expected.data, offset, offset + countOf(shape)), path).toBeLessThan(rounding)
  }
}

const graphs = Object.entries(workloads as Readonly<Record<string, Workload>>).filter(([, workload]) => !workload.steps)
/** The larger programs take a minute of shader compilation: with NDA_BENCH_ALL=1. */
const programs = Object.entries(workloads as Readonly<Record<string, Workload>>).filter(([name, workload]) => workload.steps && (name === "gan_step" || process.env["NDA_BENCH_ALL"] !== undefined))
const profiles: readonly Profile[] = ["cpu", "gpu"]
const both = (entries: readonly (readonly [string, Workload])[]) => entries.flatMap(([name, workload]) => profiles.map((profile) => [name, profile, workload] as const))

describe("a graph of the bench is right", () => {
  it.each(both(graphs))("%s, %s profile", async (_, profile, workload) => {
    const { units: [unit] } = planned(elaboratedFor(workload, workload.small), profile)
    const feeds = feedsOf(workload, unit!, new Map())
    const expected = onReference(unit!, feeds)
    const got = await onAdapter(unit!, feeds)
    for (const [name, value] of expected) {
      expect(got.get(name)).toHaveLength(value.data.length)
      expect(difference(got.get(name)!, value.data), name).toBeLessThan(2e-5)
    }
  })
})

describe("a step of a program of the bench is right: its reports, its gradients by the optimiser's means, its parameters", () => {
  it.each(both(programs))("%s, %s profile", async (_, profile, workload) => {
    const { program, units } = planned(elaboratedFor(workload, workload.small), profile)
    const slots = initialSlots(program, workload)
    for (const unit of units) {
      const feeds = feedsOf(workload, unit, slots)
      const expected = onReference(unit, feeds)
      const got = await onAdapter(unit, feeds)
      for (const [name, value] of expected) {
        const slot = program.slots.find((s) => name === `next:${s.name}`)
        if (slot) {
          compareSlot(slot, got.get(name)!, value)
          slots.set(`slot:${slot.name}`, stored(value))
        } else expect(difference(got.get(name)!, value.data), name).toBeLessThan(rounding)
      }
    }
  }, 600_000)
})
