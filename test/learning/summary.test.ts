import { expect, test } from "vitest"
import { emit } from "../../src/driver/emit.ts"
import { compile } from "../../src/driver/compile.ts"
import { compileProgram } from "../../src/driver/compile-program.ts"
import { memoryOf } from "../../src/plan/pool.ts"

const text = `from nda.data import dots
from nda.metric import mean_of
from nda.nn import batch_norm, linear
from nda.optim import sgd

block net(width: Int)(x: Image[n, 3, 4, 4]) -> f32[n, width] = x |> reshape([n, 48]) |> linear(width) |> batch_norm
model D = net(8)

train fit(b in dots(size=4, samples=40).train(batch=5), steps = 3, seed = 0) {
  step learn repeat 2 { minimize mean(D(b.image) ** 2) over D by sgd(lr=0.1) }
  every 2 { let q = quality() report { mean: q } save D }
}
eval quality(b in dots(size=4, samples=40).test(batch=10)) = mean_of(mean(D(b.image), axis=1))
graph apply(x: Image[2, 3, 4, 4]) = x + 1.0
`
const request = { file: "t.nda", sources: { "t.nda": text } }

test("the summary gives models with every shape, and what each step and a round cost", () => {
  const { value } = emit({ ...request, entry: "fit" }, "summary")
  // 48 x 8 weights and 8 biases; 8 gains and 8 biases of the norm.
  expect(value).toContain(`model D: ${48 * 8 + 8 + 16} parameters`)
  expect(value).toMatch(/param linear\.weight +f32\[8,48\]/)
  expect(value).toMatch(/state batch_norm\S+ +f32\[8\]/)
  expect(value).toMatch(/step learn repeat 2\n {2}input {3}b\.image: f32\[5,3,4,4\]\n {2}output {2}learn\.loss: f32\[\]/)
  expect(value).toMatch(/eval quality\n {2}input {3}b\.image: f32\[10,3,4,4\]/)
  // The layer forward, and its weights' gradient: the picture needs none.
  const step = 2 * 5 * 48 * 8
  expect(value).toContain(`multiply-adds ${step}`)
  expect(value).toMatch(new RegExp(`a round of the steps: \\d+ dispatches, ${2 * step} multiply-adds`))
})

test("memory gives the peak and the lower bound of every plan and of the whole", () => {
  const { value } = emit({ ...request, entry: "fit" }, "memory")
  for (const name of ["fit", "initial", "learn", "quality.begin", "quality", "quality.final", "every"]) expect(value).toMatch(new RegExp(`memory of ${name}: peak .* liveness lower bound`))
  const program = compileProgram({ ...request, entry: "fit" }).value!.plan
  const { slots, shared, constants, bound } = memoryOf(program)
  expect(value).toContain(`(${slots + shared + constants} bytes), liveness lower bound`)
  expect(value).toContain(`(${bound} bytes)`)
  expect(bound).toBeGreaterThan(slots)
  expect(slots + shared + constants).toBeGreaterThanOrEqual(bound)
  // Nothing could run with less: what the step reads and writes of its slots lies there twice.
  for (const { plan } of program.steps) expect(plan.peakBytes).toBeGreaterThanOrEqual(plan.liveBytes)
})

test("a plan says for which kind of adapter its kernels are", () => {
  const plans = (["cpu", "gpu"] as const).map((profile) => [compile({ ...request, entry: "apply", profile }).value!.plan.profile, compileProgram({ ...request, entry: "fit", profile }).value!.plan.steps[0]!.plan.profile])
  expect(plans).toEqual([["cpu", "cpu"], ["gpu", "gpu"]])
  expect(compile({ ...request, entry: "apply" }).value!.plan.profile).toBe("cpu")
})
