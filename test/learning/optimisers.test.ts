import { describe, expect, test } from "vitest"
import { elaborated, executed, initialSlots } from "./program.ts"

const program = (by: string, number = "sum(w * w * w * w / 4 + w)", more = ""): ReturnType<typeof elaborated> => elaborated(`
from nda.optim import sgd, adam, adamw, rmsprop, clip_norm, constant, cosine, warmup, warmup_cosine, step_decay, exponential, linear_decay
block net(z: f32[1]) -> f32 {
  param w: f32[3] = normal()
  ${number}
}
model M = net
${more}
train fit(steps = 20) {
  step go { minimize M(zeros([1])) over M by ${by} }
}
`, "fit")

/** The parameters before the first and after each of 20 steps. */
const trajectory = (p: ReturnType<typeof elaborated>, slot = "M", count = 20): Float64Array[] => {
  let slots = initialSlots(p, 1)
  const path = [slots.get(slot)!.data.slice(0, 3)]
  for (let step = 0; step < count; step++) {
    slots = executed(p.steps[0]!, slots, { step, repeat: 0 }).slots
    path.push(slots.get(slot)!.data.slice(0, 3))
  }
  return path
}

/** d/dw (w^4 / 4 + w). */
const slope = (w: number): number => w ** 3 + 1

type Rule = (w: number, g: number, t: number, memory: Record<string, number>) => number
const sgd = (lr: number, momentum: number, decay: number, nesterov: boolean): Rule => (w, g0, t, m) => {
  const g = g0 + decay * w
  m["buffer"] = t === 1 ? g : momentum * m["buffer"]! + g
  return w - lr * (nesterov ? g + momentum * m["buffer"] : m["buffer"])
}
const adam = (lr: number, b1: number, b2: number, eps: number, decay = 0): Rule => (w0, g, t, m) => {
  const w = w0 * (1 - lr * decay)
  m["m"] = b1 * (m["m"] ?? 0) + (1 - b1) * g
  m["v"] = b2 * (m["v"] ?? 0) + (1 - b2) * g * g
  return w - (lr / (1 - b1 ** t)) * m["m"] / (Math.sqrt(m["v"]) / Math.sqrt(1 - b2 ** t) + eps)
}
const decayed = (decay: number, rule: Rule): Rule => (w, g, t, m) => rule(w, g + decay * w, t, m)
const rmsprop = (lr: number, alpha: number, eps: number, momentum: number): Rule => (w, g, _, m) => {
  m["square"] = alpha * (m["square"] ?? 0) + (1 - alpha) * g * g
  m["buffer"] = momentum * (m["buffer"] ?? 0) + g / (Math.sqrt(m["square"]) + eps)
  return w - lr * m["buffer"]
}

test.each<[string, Rule]>([
  ["sgd(lr=0.05)", sgd(0.05, 0, 0, false)], ["sgd(lr=0.02, momentum=0.9, decay=0.01)", sgd(0.02, 0.9, 0.01, false)],
  ["sgd(lr=0.02, momentum=0.9, decay=0.01, nesterov=true)", sgd(0.02, 0.9, 0.01, true)],
  ["adam(lr=0.05)", adam(0.05, 0.9, 0.999, 1e-8)], ["adam(lr=2e-4, betas=(0.0, 0.999))", adam(2e-4, 0, 0.999, 1e-8)],
  ["adam(lr=0.05, decay=0.1)", decayed(0.1, adam(0.05, 0.9, 0.999, 1e-8))],
  ["adamw(lr=0.05, decay=0.1)", adam(0.05, 0.9, 0.999, 1e-8, 0.1)],
  ["rmsprop(lr=0.01)", rmsprop(0.01, 0.99, 1e-8, 0)], ["rmsprop(lr=0.01, alpha=0.9, momentum=0.5)", rmsprop(0.01, 0.9, 1e-8, 0.5)],
])("20 steps of %s are PyTorch's", (by, rule) => {
  const path = trajectory(program(by))
  for (let i = 0; i < 3; i++) {
    const memory = {}
    let w = path[0]![i]!
    for (let t = 1; t <= 20; t++) {
      w = rule(w, slope(w), t, memory)
      expect(path[t]![i]!).toBeCloseTo(w, 6)
    }
  }
})

describe("schedules give the rate of each update", () => {
  test.each<[string, (t: number) => number]>([
    ["constant(0.3)", () => 0.3], ["cosine(0.4, total=12, least=0.1)", (t) => 0.1 + 0.3 * 0.5 * (1 + Math.cos(Math.PI * Math.min(t / 12, 1)))],
    ["warmup(0.5, steps=5)", (t) => 0.5 * Math.min(1, (t + 1) / 5)], ["warmup_cosine(0.5, steps=4, total=16)", (t) => (t < 4 ? 0.5 * (t + 1) / 4 : 0.25 * (1 + Math.cos(Math.PI * Math.min((t - 4) / 12, 1))))],
    ["step_decay(1.0, period=6, factor=0.5)", (t) => 0.5 ** Math.floor(t / 6)], ["exponential(1.0, rate=0.9)", (t) => 0.9 ** t], ["linear_decay(1.0, total=15)", (t) => Math.max(0, 1 - t / 15)],
  ])("%s", (schedule, rate) => {
    const path = trajectory(program(`sgd(lr=${schedule})`, "sum(w)"))
    for (let t = 0; t < 20; t++) expect(path[t]![0]! - path[t + 1]![0]!).toBeCloseTo(rate(t), 6)
  })
})

test("clipping scales the gradient of all parameters to one length", () => {
  const path = trajectory(program("clip_norm(0.5, sgd(lr=1.0))", "3 * w[0] + 4 * w[1]"), "M", 1)
  const moved = path[0]!.map((v, i) => v - path[1]![i]!)
  expect([...moved].map((v) => Number(v.toFixed(5)))).toEqual([0.3, 0.4, 0])
})

test("a follower copies until its start and then trails by its decay", () => {
  const text = "model Slow = follow(M, decay=0.9, start=5)"
  const p = program("sgd(lr=0.1)", "sum(w)", text)
  const own = trajectory(p)
  const slow = trajectory(p, "Slow")
  for (let t = 1; t <= 20; t++) expect(slow[t]![0]!).toBeCloseTo(t <= 5 ? own[t]![0]! : 0.9 * slow[t - 1]![0]! + 0.1 * own[t]![0]!, 6)
})
