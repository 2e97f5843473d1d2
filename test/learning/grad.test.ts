/** `grad` as an expression: it builds real nodes, which are differentiated again, in every place where one may write it. */
import { afterAll, describe, expect, test } from "vitest"
import { compile } from "../../src/driver/compile.ts"
import { open, type OpenedPlan } from "../../src/runtime.ts"
import { evaluate } from "../../src/backend/reference/evaluate.ts"
import { ndarray } from "../../src/backend/reference/ndarray.ts"
import { compare, direction, lowering } from "./differences.ts"
import { elaborated, executed, initialSlots, outputsOf } from "./program.ts"

const opened: OpenedPlan[] = []
afterAll(async () => { for (const plan of opened) await plan.close() })

const penalised = (penalty: string, critic: string): string => `
from nda.nn import conv, linear, global_sum, squeeze, flatten, spectral, layer_norm, attention, max_pool, avg_pool, upsample, gelu, silu
from nda.gan import r1, r2, gradient_penalty
from nda.optim import sgd
block critic(x: Image[n, c, h, w]) -> Logit[n] = ${critic}
model M = critic
train fit(steps = 1) {
  step go {
    let x: f32[3, 2, 4, 4] ~ uniform(0.0, 1.0)
    let y: f32[3, 2, 4, 4] ~ uniform(0.0, 1.0)
    minimize ${penalty} over M by sgd(lr=1.0)
  }
}
`
const smooth = "x |> conv(3) |> tanh |> conv(2) |> softplus |> flatten |> linear(1) |> squeeze"

describe("the gradient of a gradient penalty with respect to the critic is what central differences measure", () => {
  test.each([
    ["R1", "r1(M)(assume(real)(x))"], ["R2", "r2(M)(assume(fake)(x))"],
    ["WGAN-GP", "gradient_penalty(M)(assume(real)(x), assume(fake)(y))"], ["WGAN-GP, one place for the batch", `gradient_penalty(M, share="batch")(assume(real)(x), assume(fake)(y))`],
    ["R1 and the score itself", "r1(M, gamma=0.3)(assume(real)(x)) - mean(M(assume(real)(x)))"],
  ])("%s", (_, penalty) => expect(compare(penalised(penalty, smooth))).toBeGreaterThan(1e-3))

  test.each([
    ["a leaky critic", "x |> conv(3) |> leaky_relu |> conv(2) |> leaky_relu |> flatten |> linear(1) |> squeeze"],
    ["pooling and enlargement", "x |> conv(3) |> gelu |> max_pool(2) |> upsample(2) |> silu |> avg_pool(2) |> flatten |> linear(1) |> squeeze"],
    ["layer normalisation", "x |> conv(3) |> layer_norm |> tanh |> flatten |> linear(1) |> squeeze"],
  ])("R1 of %s", (_, critic) => expect(compare(penalised("r1(M)(assume(real)(x))", critic).replace("gelu, silu", "gelu, silu, leaky_relu"))).toBeGreaterThan(1e-3))
})

const gradientGraph = (body: string, more = ""): string => `${more}
graph g(x: f32[3, 4], w: f32[4, 2]) { ${body} }
`
/** The outputs of graph `g`, exactly, at these inputs. */
const valuesOf = (text: string, feeds: Readonly<Record<string, readonly number[]>>): ReadonlyMap<string, Float64Array> => {
  const { value, diagnostics } = compile({ file: "g.nda", sources: { "g.nda": text }, entry: "g" })
  if (!value) throw new Error(diagnostics.map((d) => d.message).join("; "))
  const values = evaluate(value.graph.outputs.map((o) => o.node), new Map(value.graph.inputs.map((i) => [i.node, ndarray(i.node.dtype, i.node.shape, feeds[i.name]!)])), { seed: 0, step: 0, repeat: 0 }, "exact")
  return new Map(value.graph.outputs.map((o, i) => [o.name, values[i]!.data]))
}
const x = [...direction(12, 0)]
const w = [...direction(8, 1)]

test("grad over a tensor has its shape and the value of central differences; a list gives one for each", () => {
  const text = gradientGraph(`let l = sum(tanh(x @ w) * sin(x @ w))
  let (dx, dw) = grad(l, over=[x, w])
  { l: l, dx: dx, dw: dw, alone: grad(l, over=x) }`)
  const at = valuesOf(text, { x, w })
  const h = 1e-5
  const slope = (name: "x" | "w", i: number): number => {
    const [up, down] = [h, -h].map((d) => valuesOf(text, { x, w, [name]: (name === "x" ? x : w).map((v, k) => (k === i ? v + d : v)) }).get("l")![0]!)
    return (up! - down!) / (2 * h)
  }
  for (let i = 0; i < 12; i++) expect(at.get("dx")![i]!).toBeCloseTo(slope("x", i), 8)
  for (let i = 0; i < 8; i++) expect(at.get("dw")![i]!).toBeCloseTo(slope("w", i), 8)
  expect(at.get("alone")).toEqual(at.get("dx"))
})

test("gradients nest: the third derivative of x^4 is 24 x, and a gradient of intermediate values is a gradient", () => {
  const at = valuesOf(gradientGraph(`let d1 = grad(sum(x * x * x * x), over=x)
  let d2 = grad(sum(d1), over=x)
  let d3 = grad(sum(d2), over=x)
  let y = 3 * x
  { d1: d1, d2: d2, d3: d3, through: grad(sum(y * y), over=y), whole: grad(sum(y * y), over=x) + 0 * sum(w) }`), { x, w })
  x.forEach((v, i) => {
    expect(at.get("d1")![i]!).toBeCloseTo(4 * v ** 3, 12)
    expect(at.get("d2")![i]!).toBeCloseTo(12 * v ** 2, 12)
    expect(at.get("d3")![i]!).toBeCloseTo(24 * v, 12)
    expect(at.get("through")![i]!).toBeCloseTo(6 * v, 12)
    expect(at.get("whole")![i]!).toBeCloseTo(18 * v, 12)
  })
})

test("a path that is cut is silent where another goes through, and `stop` makes a constant", () => {
  const at = valuesOf(gradientGraph(`{ d: grad(sum(stop(x) * x) + sum(floor(x)) + f32(argmax(sum(x, axis=0))) , over=x) + 0 * sum(w) }`), { x, w })
  x.forEach((v, i) => expect(at.get("d")![i]!).toBeCloseTo(v, 12))
})

test("a gradient in a fn and in a loss, and a gradient of a batch of pictures keeps its population", () => {
  const at = valuesOf(`
fn slope(y: f32[..s]) -> f32[..s] = grad(sum(y * y), over=y)
loss steep(y: f32[n@real, d]) { mean(grad(sum(y * y * y), over=y)) }
fn of(y: f32[n@real, d]) -> f32[n@real, d] = slope(y)
graph g(x: f32[3, 4], w: f32[4, 2]) { { a: slope(x), b: steep(assume(real)(x)), c: of(assume(real)(x)), d: slope(w) } }
`, { x, w })
  x.forEach((v, i) => expect(at.get("a")![i]!).toBeCloseTo(2 * v, 12))
  expect(at.get("b")![0]!).toBeCloseTo(x.reduce((s, v) => s + 3 * v * v, 0) / 12, 12)
})

describe("trees", () => {
  const text = (report: string, loss = "sum(M(x) * M(x))", more = ""): string => `
from nda.nn import mlp
from nda.optim import sgd
model M = mlp([5, 2])
${more}
train fit(steps = 1) {
  step go {
    let x: f32[3, 4] ~ normal()
    ${report}
    minimize ${loss} over M by sgd(lr=1.0)
  }
}
`
  const moved = (program: ReturnType<typeof elaborated>, { slots, reports }: { slots: ReturnType<typeof initialSlots>; reports: ReadonlyMap<string, number> }) => {
    const [before, after] = [initialSlots(program).get("M")!.data, slots.get("M")!.data]
    return { gradient: before.map((v, i) => v - after[i]!), before, reports }
  }
  const stepped = (source: string) => { const program = elaborated(source, "fit"); return moved(program, executed(program.steps[0]!, initialSlots(program))) }
  const length = (v: Float64Array): number => Math.sqrt(v.reduce((s, a) => s + a * a, 0))

  test("the gradient over a model is a tree: its norm is that of what minimize uses", () => {
    const { gradient, reports } = stepped(text("let g = grad(sum(M(x) * M(x)), over=M)\n    report { slope: norm(g), twice: norm(lerp(g, 3 * g, 0.5)), none: norm(g - g) }"))
    expect(length(gradient)).toBeGreaterThan(0.1)
    expect(reports.get("go.slope")!).toBeCloseTo(length(gradient), 5)
    expect(reports.get("go.twice")!).toBeCloseTo(2 * length(gradient), 5)
    expect(reports.get("go.none")!).toBe(0)
  })

  test("a tree asked for before the model is applied holds every parameter all the same", () => {
    const { before, reports } = stepped(text("report { size: norm(params(M)) }"))
    expect(reports.get("go.size")!).toBeCloseTo(length(before), 5)
  })

  test("a penalty on the parameters is differentiated: weight decay by hand", () => {
    const { gradient, before } = stepped(text("", "0.5 * sum(params(M) * params(M)) + 0 * sum(M(x))"))
    gradient.forEach((g, i) => expect(g).toBeCloseTo(before[i]!, 6))
  })

  test("a penalty on the length of the gradient over the model is differentiated again", () => {
    expect(compare(text("", "sum(M(x) * M(x)) + norm(grad(sum(sin(M(x))), over=M))").replace("mlp([5, 2])", "mlp([5, 2], act=tanh)"))).toBeGreaterThan(0.1)
  })
})

const training = (loss: string): string => `
from nda.nn import conv, linear, squeeze, flatten, leaky_relu, spectral
from nda.gan import nda_wgan, nda_hinge, nda_nonsaturating, wgan_g, gradient_penalty, r1, consistency, balanced_consistency
from nda.image import hflip, diff_augment
from nda.negative import jigsaw
from nda.optim import adam
block generator(z: f32[n, 3]) -> Image[n@fake, 3, 8, 8] = z |> linear(192) |> reshape([n, 3, 8, 8]) |> sigmoid
block discriminator(x: Image[n, 3, 8, 8]) -> Logit[n] = x |> conv(4, stride=2, wrap=spectral) |> leaky_relu |> flatten |> linear(1) |> squeeze
model G = generator
model D = discriminator
train gan(steps = 10) {
  step critic repeat 2 {
    let x: f32[4, 3, 8, 8] ~ uniform(0.0, 1.0)
    let real: Image[4@real, 3, 8, 8] = assume(real)(x)
    let z: f32[4, 3] ~ normal()
    let fake = G(z)
    let neg = real |> jigsaw(2)
    minimize ${loss} over D by adam(lr=1e-3)
  }
  step generator {
    let z: f32[4, 3] ~ normal()
    minimize wgan_g(D(G(z))) over G by adam(lr=1e-3)
  }
}
`

test.each([
  ["WGAN-GP", "nda_wgan(D(real), D(fake), D(neg)) + gradient_penalty(D)(real, fake)"],
  ["R1", "nda_nonsaturating(D(real), D(fake), D(neg)) + r1(D)(real)"],
  ["CR-GAN", "nda_hinge(D(real), D(fake), D(neg)) + consistency(D(real), D(real |> diff_augment))"],
  ["bCR", "nda_hinge(D(real), D(fake), D(neg)) + balanced_consistency(D, hflip)(real, fake)"],
])("a critic's step with %s changes the critic and stays finite", (_, loss) => {
  const program = elaborated(training(loss), "gan")
  let slots = initialSlots(program)
  const before = new Map(slots)
  for (let step = 0; step < 2; step++) for (const s of program.steps) {
    const after = executed(s, slots, { step, repeat: 0 })
    for (const v of after.reports.values()) expect(Number.isFinite(v)).toBe(true)
    for (const v of after.slots.values()) expect(v.data.every(Number.isFinite)).toBe(true)
    slots = after.slots
  }
  for (const player of ["G", "D"]) expect(slots.get(player)!.data).not.toEqual(before.get(player)!.data)
  // What was minimised holds the penalty: without it the critic goes elsewhere.
  const bare = elaborated(training(loss.split(" + ")[0]!), "gan")
  expect(executed(bare.steps[0]!, initialSlots(bare)).slots.get("D")!.data).not.toEqual(executed(program.steps[0]!, initialSlots(program)).slots.get("D")!.data)
})

test("on the adapter, gradients of gradients are the evaluator's to f32 rounding", async () => {
  const text = gradientGraph(`let y = tanh(x @ w)
  let dx = grad(sum(y * y), over=x)
  let length = sqrt(sum(dx * dx, axis=1) + 1e-12)
  let penalty = mean((length - 1) * (length - 1))
  { penalty: penalty, dw: grad(penalty, over=w), dx: dx }`)
  const { value } = compile({ file: "g.nda", sources: { "g.nda": text }, entry: "g" })
  const plan = await open(value!.plan)
  opened.push(plan)
  const got = await plan.graph({ x: Float32Array.from(x), w: Float32Array.from(w) }, { seed: 0, step: 0, repeat: 0 })
  const want = valuesOf(text, { x: x.map(Math.fround), w: w.map(Math.fround) })
  for (const [name, values] of want) values.forEach((v, i) => expect(got[name]![i]!, `${name}[${i}]`).toBeCloseTo(v, 5))
})

test("a graph's gradients are outputs like any other", () => {
  const program = elaborated(`
from nda.nn import linear
model M = linear(2)
graph saliency(x: f32[3, 4]) = grad(sum(M(x)), over=x)
`, "saliency")
  const slots = initialSlots(program)
  const weight = slots.get("M")!.data
  const [result] = [...outputsOf(program.steps[0]!.graph, slots).values()]
  for (let i = 0; i < 12; i++) expect(result!.data[i]!).toBeCloseTo(weight[i % 4]! + weight[4 + (i % 4)]!, 6)
})
