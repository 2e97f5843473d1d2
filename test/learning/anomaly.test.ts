import { expect, test } from "vitest"
import { elaborated, example, executed, initialSlots, outputsOf, type Slots } from "./program.ts"

/** Pictures of soft stripes and blobs between 0.1 and 0.9: corruptions have something to spoil, and nothing is cut off. */
const pictures = (n: number): Float64Array =>
  Float64Array.from({ length: n * 3 * 32 * 32 }, (_, e) => {
    const [x, y, c, i] = [e % 32, Math.floor(e / 32) % 32, Math.floor(e / 1024) % 3, Math.floor(e / 3072)]
    return 0.5 + 0.2 * Math.sin(0.9 * x + 0.35 * y + c + i) + 0.2 * Math.cos(0.5 * y - 0.8 * x * (i % 2) + 2 * c)
  })
const mean = (x: Float64Array): number => x.reduce((a, b) => a + b, 0) / x.length
const deviation = (x: Float64Array): number => { const m = mean(x); return Math.sqrt(mean(x.map((v) => (v - m) ** 2))) }
const gap = (a: Float64Array, b: Float64Array): number => Math.sqrt(mean(a.map((v, i) => (v - b[i]!) ** 2)))

const x = pictures(16)
const corrupted = (severity: number): ReadonlyMap<string, Float64Array> => {
  const { steps } = elaborated(example("anomaly"), "corrupted", { severity: String(severity) })
  const indices = Float64Array.from({ length: 16 }, (_, i) => i)
  return new Map([...outputsOf(steps[0]!.graph, new Map(), { step: 0, repeat: 0 }, { "b.image": x, "b.#index": indices })].map(([name, v]) => [name, v.data]))
}

test("every corruption changes pictures, keeps them in [0, 1], and severity 5 does it more than severity 1", () => {
  const [mild, strong] = [corrupted(1), corrupted(5)]
  for (const [name, strongly] of strong) {
    if (name === "original") continue
    const mildly = mild.get(name)!
    for (const v of [mildly, strongly]) expect(v.every((p) => p >= 0 && p <= 1), name).toBe(true)
    expect(gap(mildly, x), name).toBeGreaterThan(1e-3)
    // Elastic warps the whole picture at severity 1 and its parts at 5; saturation is lowered first and then raised.
    if (name !== "elastic" && name !== "saturate") expect(gap(strongly, x), name).toBeGreaterThan(gap(mildly, x))
  }
  // What the definitions say, in numbers.
  const of = (name: string): Float64Array => strong.get(name)!
  expect(gap(of("gaussian_noise"), x)).toBeCloseTo(0.10, 2)
  expect(deviation(of("gaussian_blur"))).toBeLessThan(deviation(x))
  const changed = (name: string): number => of(name).reduce((n, v, i) => n + (v === x[i]! ? 0 : 1), 0) / x.length
  expect(changed("impulse_noise")).toBeCloseTo(0.07, 2)
  const plane = (v: Float64Array): Float64Array => v.slice(0, 1024)
  expect(deviation(plane(of("contrast"))) / deviation(plane(x))).toBeCloseTo(0.15, 3)
  expect(mean(plane(of("contrast")))).toBeCloseTo(mean(plane(x)), 6)
})

test("the evaluations fold their batches: AUROC of a critic's scores against the pictures that it was shown", () => {
  const set = { width: "4", batch: "5" }
  const program = elaborated(example("anomaly"), "traffic_signs", set)
  const step = program.steps[0]!
  let slots: Slots = initialSlots(program)
  const all = pictures(10)
  const half = (k: number): Float64Array => all.slice(k * 5 * 3072, (k + 1) * 5 * 3072)
  const scores: { readonly ok: number[]; readonly odd: number[] } = { ok: [], odd: [] }
  const scorer = elaborated(example("anomaly"), "anomaly_score", { width: "4", n: "5" })
  const scored = (pictures_: Float64Array): number[] => [...outputsOf(scorer.steps[0]!.graph, slots, undefined, { x: pictures_ }).values()][0]!.data.reduce<number[]>((list, v) => [...list, -v], [])
  let auroc = 0
  for (const k of [0, 1]) {
    const odd = half(k).map((v) => 1 - v * v)
    scores.ok.push(...scored(half(k)))
    scores.odd.push(...scored(odd))
    const done = executed(step, slots, { step: k, repeat: 0 }, { "ok.image": half(k), "odd.image": odd })
    slots = done.slots
    auroc = done.reports.get("auroc")!
  }
  const wins = scores.ok.flatMap((a) => scores.odd.map((b): number => (a > b ? 1 : a === b ? 0.5 : 0)))
  expect(auroc).toBeCloseTo(wins.reduce((a, b) => a + b, 0) / wins.length, 1)
  expect(program.models[0]!.from).toBe("runs/nda_gan-nda_gan/D.safetensors")
})
