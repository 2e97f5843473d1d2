/** The programs of dense tasks learn the same on the adapter of this machine as on the reference evaluator: their first two steps, small. */
import { afterAll, expect, test } from "vitest"
import { open, type OpenedPlan } from "../../src/runtime.ts"
import { webgpuDefaults } from "../../src/schedule/limits.ts"
import { simplifyGraph } from "../../src/transform/simplify.ts"
import { planned } from "../kernels/planned.ts"
import { elaborated, example, executed, initialSlots, type Given } from "./program.ts"

const opened: OpenedPlan[] = []
afterAll(async () => { for (const plan of opened) await plan.close() }, 600_000)

const wave = (count: number, phase: number): Float64Array => Float64Array.from({ length: count }, (_, i) => Math.fround(0.5 + 0.5 * Math.sin(0.37 * i + phase + Math.sin(0.011 * i))))
const boxes = [10, 12, 14, 12, 22, 20, 9, 15, 0, 0, 0, 0, 16, 16, 20, 22, 25, 8, 8, 9, 6, 25, 11, 7]

const programs: readonly (readonly [string, Readonly<Record<string, string>>, Given])[] = [
  ["detect", { width: "4", batch: "2", size: "32", most: "3", coarsest: "4" }, {
    "b.image": wave(2 * 3 * 32 * 32, 0), "b.boxes": boxes, "b.class": [0, 2, 0, 1, 2, 0], "b.valid": [1, 1, 0, 1, 1, 1], "b.#index": [4, 9],
  }],
  ["pix2pix", { width: "4", batch: "2", size: "16", load: "18", depth: "3", layers: "1" }, {
    "a.image": wave(2 * 3 * 18 * 18, 1), "b.image": wave(2 * 3 * 18 * 18, 1), "a.#index": [3, 5], "b.#index": [3, 5],
  }],
]

test.each(programs)("%s", async (name, set, given) => {
  const program = elaborated(example(name), name, set)
  const plans = await Promise.all(program.steps.map(async ({ graph }) => {
    const plan = await open(planned(simplifyGraph(graph), { ...webgpuDefaults, maxStorageBuffersPerShaderStage: 10 }))
    opened.push(plan)
    return plan
  }))
  let exact = initialSlots(program)
  const slots = new Map([...exact].map(([slot, { data }]) => [slot, Float32Array.from(data)]))
  for (const step of [0, 1]) for (const [at, { graph, name: unit }] of program.steps.entries()) {
    const inputs = Object.fromEntries(graph.inputs.map(({ name: input, node }) => {
      const own = input.startsWith("slot:") ? slots.get(input.slice("slot:".length))! : given[input]!
      return [input, node.dtype === "f32" ? Float32Array.from(own) : node.dtype === "i32" ? Int32Array.from(own) : Uint32Array.from(own)]
    }))
    const got = await plans[at]!.graph(inputs, { seed: 0, step, repeat: 0 })
    const { slots: after, reports } = executed({ ...program.steps[at]!, graph }, exact, { step, repeat: 0 }, given)
    exact = after
    expect(reports.size).toBeGreaterThan(0)
    for (const [report, value] of reports) {
      const own = got[report]![0]!
      expect(Math.abs(own - value), `${unit}, step ${step}, ${report}: ${own} for ${value}`).toBeLessThanOrEqual(1e-4 * Math.abs(value))
    }
    for (const [output, values] of Object.entries(got)) if (output.startsWith("next:")) slots.set(output.slice("next:".length), Float32Array.from(values))
  }
}, 600_000)
