/** `together(D)(a, b)` is one run of D on both batches: the values of separate runs where D looks at each sample alone, and half of the work. */
import { describe, expect, test } from "vitest"
import { check } from "../../src/driver/check.ts"
import type { Node } from "../../src/ir/graph.ts"
import { topological } from "../../src/ir/walk.ts"
import { elaborated, example, executed, initialSlots, outputsOf } from "./program.ts"

const program = (body: string, more = ""): string => `
from nda.nn import conv, linear, flatten, squeeze, embed, spectral, normalize_batch
from nda.optim import sgd
block critic(x: Image[n, 3, 4, 4]) -> Logit[n] = x |> conv(5, wrap=spectral) |> relu |> flatten |> linear(1) |> squeeze
block judge(x: Image[n, 3, 4, 4], y: Label[n]) -> Logit[n] {
  let f = x |> conv(5) |> relu |> flatten |> linear(7)
  einsum("nc,nc->n", f, y |> embed(3, 7))
}
block whole(x: Image[n, 3, 4, 4]) -> f32[n] = x |> normalize_batch |> flatten |> linear(1) |> squeeze
block pair(x: Image[n, 3, 4, 4]) -> { low: f32[n], high: (f32[n], f32[n, 2]) } {
  let f = x |> flatten |> linear(3)
  { low: f[:, 0], high: (f[:, 1], f[:, 1 : 3]) }
}
model D = critic
model J = judge
model W = whole
model P = pair
${more}
graph g(a: Image[2, 3, 4, 4], b: Image[3, 3, 4, 4]) {
  ${body}
}
`
const given = { a: Float64Array.from({ length: 96 }, (_, i) => Math.sin(i)), b: Float64Array.from({ length: 144 }, (_, i) => Math.cos(2 * i)) }
const valuesOf = (body: string): ReadonlyMap<string, Float64Array> => {
  const p = elaborated(program(body), "g")
  return new Map([...outputsOf(p.steps[0]!.graph, initialSlots(p), undefined, given)].map(([name, v]) => [name, v.data]))
}
const contractions = (nodes: readonly Node[]): number => nodes.filter((n) => n.prim === "contract").length

test("each part is what its batch alone would give", () => {
  const v = valuesOf(`let (u, w) = together(D)(a, b)
  { u: u, w: w, u1: D(a), w1: D(b) }`)
  expect(v.get("u")!.length).toBe(2)
  expect(v.get("u")).toEqual(v.get("u1"))
  expect(v.get("w")).toEqual(v.get("w1"))
})

test("a tuple is one batch of several values, and a result of several values is taken apart like one", () => {
  const v = valuesOf(`let (ya, yb) = (at (i: 2) => i, at (i: 3) => 2 - i)
  let (u, w) = together(J)((a, ya), (b, yb))
  let (p, q) = (a, b) |> together(P)
  { u: u, w: w, u1: J(a, ya), w1: J(b, yb), p: p, q: q, p1: P(a), q1: P(b) }`)
  for (const name of ["u", "w", "p.low", "p.high.0", "p.high.1", "q.low", "q.high.0", "q.high.1"]) {
    const [first, ...rest] = name.split(".")
    expect(v.get(name), name).toEqual(v.get([`${first}1`, ...rest].join(".")))
  }
})

test("a model with statistics of the batch sees all of it: that is what one run means", () => {
  const v = valuesOf(`let (u, w) = together(with_training(W))(a, b)
  { u: u, w: w, both: with_training(W)(concat([a, b])), alone: with_training(W)(a) }`)
  expect([...v.get("u")!, ...v.get("w")!]).toEqual([...v.get("both")!])
  expect(v.get("u")).not.toEqual(v.get("alone"))
})

describe("populations", () => {
  const step = (body: string): string => program("a", `
loss both(real: Logit[n@real], fake: Logit[m@fake], neg: Logit[k@neg]) = mean(real) - mean(fake) - mean(neg)
graph typed(x: f32[2, 3, 4, 4], z: f32[3, 3, 4, 4], w: f32[2, 3, 4, 4]) {
  let (r, f, n) = together(D)(assume(real)(x), assume(fake)(z), assume(neg)(w))
  ${body}
}`)
  test("every part has that of its batch, and may stand where that is demanded", () => {
    expect(check({ file: "t.nda", sources: { "t.nda": step("both(r, f, n)") } }).diagnostics).toEqual([])
  })
  test.each([["both(f, r, n)"], ["both(r, f, f)"]])("%s is refused", (body) => {
    expect(check({ file: "t.nda", sources: { "t.nda": step(body) } }).diagnostics.map((d) => d.code)).toEqual(["NDA0301"])
  })
})

/** The examples' switch: one run of the critic, or one for each batch. */
const apart = { joint: "false" }

test.each(["nda_gan", "biggan"])("%s's critic sees its three batches in one run, unless they are too large", (name) => {
  const work = (set: Readonly<Record<string, string>>): number => contractions(topological(elaborated(example(name), name, { width: "4", batch: "4", ...set }).steps[0]!.graph.outputs.map((o) => o.node)))
  expect(work({})).toBeLessThan((2 / 3) * work(apart))
})

test("the critic's update is that of three runs", () => {
  const [a, b] = [{}, apart].map((set) => {
    const p = elaborated(example("biggan"), "biggan", { width: "2", batch: "2", ...set })
    return executed(p.steps[0]!, initialSlots(p), { step: 0, repeat: 0, mode: "exact" }).slots
  })
  a!.forEach((v, slot) => v.data.forEach((x, i) => { if (Math.abs(x - b!.get(slot)!.data[i]!) > 1e-9 * (1 + Math.abs(x))) throw new Error(`${slot}[${i}]: ${x} against ${b!.get(slot)!.data[i]}`) }))
})
