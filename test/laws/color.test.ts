/** Colour stages against torchvision's definitions, on arrays, with the draws of the graph itself. */
import { expect, test } from "vitest"
import { clamp, defaultSize, grey, meanOver, noisy, sampleOf, worstError, type Case, type Look } from "./pictures.ts"
import type { Size } from "./program.ts"

/** Values are f64 in the evaluator, constants and draws f32: a few roundings of numbers up to 4. */
const colour = 16 * 2 ** -24
const size = { ...defaultSize, n: 5 }

const brightness = (look: Look, k: number): Look => (c, y, x) => clamp(k * look(c, y, x))
const contrast = (look: Look, k: number, channels: number, over: Size = defaultSize): Look => {
  const m = meanOver(over, grey(look, channels))
  return (c, y, x) => clamp(k * look(c, y, x) + (1 - k) * m)
}
const saturation = (look: Look, k: number, channels: number): Look => {
  const g = grey(look, channels)
  return (c, y, x) => clamp(k * look(c, y, x) + (1 - k) * g(y, x))
}
/** adjust_hue through HSV as colorsys and torchvision write it. */
const hue = (look: Look, turns: number): Look => (c, y, x) => {
  const [r, g, b] = [look(0, y, x), look(1, y, x), look(2, y, x)]
  const v = Math.max(r, g, b)
  const range = v - Math.min(r, g, b)
  if (range === 0) return v
  const s = range / v
  const [rc, gc, bc] = [(v - r) / range, (v - g) / range, (v - b) / range]
  const raw = (r === v ? bc - gc : g === v ? 2 + rc - bc : 4 + gc - rc) / 6
  const turned = (((raw + turns) % 1) + 1) % 1
  const i = Math.floor(turned * 6)
  const f = turned * 6 - i
  const [p, q, t] = [v * (1 - s), v * (1 - s * f), v * (1 - s * (1 - f))]
  return ([[v, t, p], [q, v, p], [p, v, t], [p, q, v], [t, p, v], [v, p, q]] as const)[i % 6]![c]!
}

const jitterOf = (given: Case, s: number, order: readonly number[], channels = 3): Look => order.reduce<Look>((look, which) => {
  const d = (name: string): number => given.draws[name]![s]!
  if (which === 0) return brightness(look, d("bright"))
  if (which === 1) return contrast(look, d("contrasted"), channels, given.size)
  if (which === 2) return saturation(look, d("saturated"), channels)
  return channels === 3 ? hue(look, d("turns")) : look
}, given.look(s))

test("color_jitter: brightness, contrast about the mean grey of the brightened picture, saturation, hue", () => {
  const { worst, draws } = worstError("color_jitter(0.4, 0.4, 0.4, 0.1)", (given, s) => jitterOf(given, s, [0, 1, 2, 3]), { size })
  expect(worst).toBeLessThan(colour)
  for (const name of ["bright", "contrasted", "saturated"]) expect([...draws[name]!].every((v) => v >= 0.6 - 1e-6 && v < 1.4)).toBe(true)
  expect([...draws["turns"]!].every((v) => Math.abs(v) <= 0.1)).toBe(true)
})

test("color_jitter without an amount does nothing of that kind, and of grey pictures turns no hue", () => {
  expect(worstError("color_jitter(0.4)", (given, s) => brightness(given.look(s), given.draws["bright"]![s]!), { size }).worst).toBeLessThan(colour)
  expect(worstError("color_jitter(contrast=0.4)", (given, s) => contrast(given.look(s), given.draws["contrasted"]![s]!, 3), { size }).worst).toBeLessThan(colour)
  expect(worstError("color_jitter(saturation=0.9)", (given, s) => saturation(given.look(s), given.draws["saturated"]![s]!, 3), { size }).worst).toBeLessThan(colour)
  expect(worstError("color_jitter(hue=0.5)", (given, s) => hue(given.look(s), given.draws["turns"]![s]!), { size, x: noisy(size) }).worst).toBeLessThan(colour)
  expect(worstError("color_jitter(0.4, 0.4, 0.4, 0.1)", (given, s) => jitterOf(given, s, [0, 1, 2, 3], 1), { size: { n: 3, c: 1, h: 20, w: 28 } }).worst).toBeLessThan(colour)
})

test(`color_jitter(order="random") does the four in the drawn order, one order for the batch`, () => {
  for (const seed of [1, 2]) {
    const law = { size: { n: 2, c: 3, h: 12, w: 16 }, settings: { seed, step: 0, repeat: 0 } }
    const { worst, draws } = worstError(`color_jitter(0.4, 0.4, 0.4, 0.1, order="random")`, (given, s) => jitterOf(given, s, Array.from(given.draws["turn"]!)), law)
    expect(worst).toBeLessThan(colour)
    expect([...draws["turn"]!].sort()).toEqual([0, 1, 2, 3])
  }
})

test("grayscale, invert, normalize, solarize", () => {
  const x = noisy(size)
  expect(worstError("grayscale", ({ look }, s) => (_, y, col) => grey(look(s), 3)(y, col), { size }).worst).toBeLessThan(colour)
  expect(worstError("invert", ({ look }, s) => (c, y, col) => 1 - look(s)(c, y, col), { size }).worst).toBe(0)
  const [mean, std] = [[0.4914, 0.4822, 0.4465], [0.247, 0.2435, 0.2616]]
  expect(worstError(`normalize(mean=[${mean}], std=[${std}])`, ({ look }, s) => (c, y, col) => (look(s)(c, y, col) - mean[c]!) / std[c]!, { size }).worst).toBeLessThan(colour)
  for (const threshold of [0.5, 0, 1]) {
    expect(worstError(`solarize(${threshold.toFixed(1)})`, ({ look }, s) => (c, y, col) => (look(s)(c, y, col) >= threshold ? 1 - look(s)(c, y, col) : look(s)(c, y, col)), { size, x }).worst).toBe(0)
  }
})

test("posterize keeps the high bits of each 8-bit component", () => {
  for (const bits of [1, 3, 4, 8]) {
    const mask = 256 - 2 ** (8 - bits)
    expect(worstError(`posterize(${bits})`, ({ look }, s) => (c, y, x) => (Math.round(look(s)(c, y, x) * 255) & mask) / 255, { size, x: noisy(size) }).worst).toBeLessThan(colour)
  }
})

test("autocontrast stretches each colour from its least to its greatest value and leaves a flat one alone", () => {
  const x = noisy(size)
  x.fill(0.25, 1024, 2048)
  for (let i = 0; i < 1024; i++) x[i] = 0.3 + 0.4 * x[i]!
  const { worst } = worstError("autocontrast", ({ look, size: over }, s) => {
    const own = look(s)
    const all = [0, 1, 2].map((c) => Array.from({ length: over.h * over.w }, (_, i) => own(c, Math.floor(i / over.w), i % over.w)))
    return (c, y, col) => {
      const [low, high] = [Math.min(...all[c]!), Math.max(...all[c]!)]
      return low === high ? own(c, y, col) : (own(c, y, col) - low) / (high - low)
    }
  }, { size, x })
  expect(worst).toBeLessThan(colour)
})

test("gaussian_noise adds the drawn noise of each component and clamps; its mean and spread are those asked for", () => {
  const { worst, draws } = worstError("gaussian_noise(0.2)", ({ look, draws: d }, s) => (c, y, x) => clamp(look(s)(c, y, x) + sampleOf(d["e"]!, size, s)(c, y, x)), { size })
  expect(worst).toBe(0)
  const e = draws["e"]!
  const mean = e.reduce((a, b) => a + b, 0) / e.length
  const spread = Math.sqrt(e.reduce((a, b) => a + (b - mean) ** 2, 0) / e.length)
  // Five standard errors of 15,360 normal values.
  expect(Math.abs(mean)).toBeLessThan((5 * 0.2) / Math.sqrt(e.length))
  expect(Math.abs(spread - 0.2)).toBeLessThan((5 * 0.2) / Math.sqrt(2 * e.length))
})

test("diff_color: brightness, saturation about each pixel's mean, contrast about the picture's mean, nothing clamped", () => {
  const { worst, draws } = worstError("diff_color", ({ look, draws: d }, s) => {
    const lit: Look = (c, y, x) => look(s)(c, y, x) + d["shift"]![s]!
    const mid = (y: number, x: number): number => (lit(0, y, x) + lit(1, y, x) + lit(2, y, x)) / 3
    const saturated: Look = (c, y, x) => (lit(c, y, x) - mid(y, x)) * d["saturation"]![s]! + mid(y, x)
    const m = meanOver(size, (y, x) => (saturated(0, y, x) + saturated(1, y, x) + saturated(2, y, x)) / 3)
    return (c, y, x) => (saturated(c, y, x) - m) * d["contrast"]![s]! + m
  }, { size: { ...size, n: 16 } })
  expect(worst).toBeLessThan(colour)
  const between = (name: string, low: number, high: number): void => expect([...draws[name]!].every((v) => v >= low && v < high)).toBe(true)
  between("shift", -0.25, 0.25)
  between("saturation", 0, 2)
  between("contrast", 0.5, 1.5)
})

test("ada_color is ADA's chain of 4 x 4 colour matrices on [-1, 1]", () => {
  type Matrix = readonly (readonly number[])[]
  const times = (a: Matrix, b: Matrix): Matrix => a.map((row) => b[0]!.map((_, j) => row.reduce((sum, v, k) => sum + v * b[k]![j]!, 0)))
  const diagonal = (k: number): Matrix => [[k, 0, 0, 0], [0, k, 0, 0], [0, 0, k, 0], [0, 0, 0, 1]]
  const third = 1 / 3
  const axis: Matrix = [[third, third, third, 0], [third, third, third, 0], [third, third, third, 0], [0, 0, 0, 0]]
  const identity = diagonal(1)
  const mixed = (a: Matrix, x: number, b: Matrix, y: number): Matrix => a.map((row, i) => row.map((v, j) => x * v + y * b[i]![j]!))
  const n = 40
  const { worst, draws } = worstError("ada_color(0.7)", ({ look, draws: d }, s) => {
    const on = (name: string): boolean => d[name]![s]! === 1
    let c: Matrix = identity
    // Strengths for [-1, 1] are twice those for [0, 1].
    const b = on("bright_on") ? 2 * d["bright"]![s]! : 0
    c = times([[1, 0, 0, b], [0, 1, 0, b], [0, 0, 1, b], [0, 0, 0, 1]], c)
    c = times(diagonal(on("contrast_on") ? 2 ** d["contrast_log"]![s]! : 1), c)
    if (on("luma_flip")) c = times(mixed(identity, 1, axis, -2), c)
    const a = on("hue_on") ? d["hue"]![s]! : 0
    const [k, v] = [Math.cos(a), Math.sin(a) / Math.sqrt(3)]
    const [e, f, g] = [(1 - k) / 3 + k, (1 - k) / 3 - v, (1 - k) / 3 + v]
    c = times([[e, f, g, 0], [g, e, f, 0], [f, g, e, 0], [0, 0, 0, 1]], c)
    c = times(mixed(axis, 1, mixed(identity, 1, axis, -1), on("saturation_on") ? 2 ** d["saturation_log"]![s]! : 1), c)
    return (i, y, x) => {
      const p = [0, 1, 2].map((j) => 2 * look(s)(j, y, x) - 1)
      return (c[i]![0]! * p[0]! + c[i]![1]! * p[1]! + c[i]![2]! * p[2]! + c[i]![3]! + 1) / 2
    }
  }, { size: { ...size, n } })
  // Saturation multiplies by up to 2^3.
  expect(worst).toBeLessThan(16 * colour)
  const share = (name: string): number => draws[name]!.reduce((sum, v) => sum + v, 0) / n
  expect(share("bright_on")).toBeGreaterThan(0.4)
  expect(share("luma_flip")).toBeLessThan(0.7)
  expect(share("luma_flip")).toBeGreaterThan(0.1)
})
