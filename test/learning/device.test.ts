/** Steps of training on the adapter of this machine against the evaluator: what a schedule of a whole step must get right. */
import { afterAll, expect, test } from "vitest"
import { open, type OpenedPlan } from "../../src/runtime.ts"
import { webgpuDefaults } from "../../src/schedule/limits.ts"
import { simplifyGraph } from "../../src/transform/simplify.ts"
import { planned } from "../kernels/planned.ts"
import { elaborated, initialSlots, outputsOf } from "./program.ts"

const opened: OpenedPlan[] = []
afterAll(async () => { for (const plan of opened) await plan.close() })

/** Largest difference of each output of the step, and its largest value. */
const differences = async (text: string): Promise<ReadonlyMap<string, { readonly difference: number; readonly largest: number }>> => {
  const program = elaborated(text, "fit")
  const { graph } = program.steps[0]!
  const slots = initialSlots(program, 3)
  const exact = outputsOf(graph, slots)
  const plan = await open(planned(simplifyGraph(graph), { ...webgpuDefaults, maxStorageBuffersPerShaderStage: 10 }))
  opened.push(plan)
  const got = await plan.graph(Object.fromEntries(graph.inputs.map((i) => [i.name, Float32Array.from(slots.get(i.name.slice("slot:".length))!.data)])), { seed: 0, step: 0, repeat: 0 })
  return new Map([...exact].map(([name, { data }]) => [name, {
    difference: data.reduce((most, x, i) => Math.max(most, Math.abs(x - got[name]![i]!)), 0), largest: data.reduce((most, x) => Math.max(most, Math.abs(x)), 0),
  }]))
}

const pictures = "at (i: n, j: 4, p: g, q: g) => sin(3.0 * i + 5.0 * j + 0.9 * p * q + 1.7 * q)"
const weights = "at (i: n, j: 3, p: g, q: g) => sin(1.0 * i + 2.0 * j + 0.3 * p + 0.7 * q)"
const step = (net: string, loss: string): string => `from nda.detection import centre_head, heat_loss, nearness
from nda.nn import conv
from nda.optim import sgd
const n = 4
const g = 16
block net(x: f32[n, 4, g, g]) -> f32[n, 3, g, g] = ${net}
model M = net
train fit(steps = 1) { step go {
  let score = M(${pictures})
  minimize ${loss} over M by sgd(lr=1.0)
} }`

test.each([
  // Statistics of batch norm's gradient read a value that nothing else reads.
  ["through batch norm under a focal loss", step("centre_head(3, width=8)(x).score", "heat_loss(score, nearness(at (i: n, j: 2) => stack([12.0 + 20 * j, 10.0 + 9 * i, 9.0, 8.0]), at (i: n, j: 2) => true, g, 4), at (i: n, j: 2) => j)")],
  // A sum inside an operand of the weight's gradient reads neighbours that move with it.
  ["through a sum inside the operand of a contraction", step("x |> conv(8) |> relu |> conv(3, k=1)", `sum(score * (${weights}))`)],
])("a step %s is the evaluator's", async (_, text) => {
  for (const [name, { difference, largest }] of await differences(text)) expect(difference, `${name}, up to ${largest}`).toBeLessThanOrEqual(1e-4 * largest + 1e-6)
})
