/** The laws of the draws, with fixed keys. Each test is judged at a false alarm of 1e-6 over the whole file (about 100 tests). */
import { expect, test } from "vitest"
import { type DrawAttrs, drawElements, drawKey, partnersOf, permutationOf } from "../../src/prim/draws.ts"
import { betaBelow, chiSquare, kolmogorovSmirnov, lagTest, meanTest, normalBelow, twoSided } from "./statistics.ts"

const limit = 1e-8
const keys = [1, 7, 2024]

const draw = (dist: DrawAttrs["dist"], seed: number, n: number, elements: number, params: readonly number[][], extra: Partial<DrawAttrs> = {}): Float64Array =>
  drawElements({ dist, path: "law", site: 0x12345678, per: "sample", ...extra }, seed, 5, 0, Int32Array.from({ length: n }, (_, i) => i), n, elements === 1 ? [] : [elements], params.map((p) => Float64Array.from(p)))

const histogram = (values: Float64Array, bins: number, bin: (x: number) => number): number[] => {
  const counts = new Array<number>(bins).fill(0)
  for (const x of values) counts[bin(x)]!++
  return counts
}

test("the p-values themselves are right at tabulated points", () => {
  expect(twoSided(1.959963984540054)).toBeCloseTo(0.05, 9)
  expect(chiSquare([60, 40])).toBeCloseTo(0.0455002638963584, 9)
  expect(betaBelow(0.3, 2, 3)).toBeCloseTo(0.3483, 9)
  expect(betaBelow(0.5, 0.4, 0.4)).toBeCloseTo(0.5, 9)
  expect(kolmogorovSmirnov(Float64Array.from({ length: 1000 }, (_, i) => ((i + 0.5) / 1000) ** 1.2), (x) => x)).toBeLessThan(1e-3)
})

test.each(keys)("uniform, seed %d", (seed) => {
  for (const [n, elements] of [[1 << 16, 1], [64, 1024]] as const) {
    const u = draw("uniform", seed, n, elements, [[0], [1]])
    expect(u.every((x) => x >= 0 && x < 1)).toBe(true)
    expect(chiSquare(histogram(u, 1000, (x) => Math.floor(x * 1000)))).toBeGreaterThan(limit)
    expect(kolmogorovSmirnov(u, (x) => x)).toBeGreaterThan(limit)
    for (const lag of [1, 2, elements]) expect(lagTest(u, lag, 0.5, 1 / 12)).toBeGreaterThan(limit)
  }
})

test.each(keys)("normal, seed %d", (seed) => {
  const z = draw("normal", seed, 1 << 16, 1, [[0], [1]])
  expect(kolmogorovSmirnov(z, normalBelow)).toBeGreaterThan(limit)
  expect(meanTest(z, 0, 1)).toBeGreaterThan(limit)
  expect(meanTest(z.map((x) => x * x), 1, Math.SQRT2)).toBeGreaterThan(limit)
  expect(meanTest(z.map((x) => x ** 3), 0, Math.sqrt(15))).toBeGreaterThan(limit)
  expect(meanTest(z.map((x) => x ** 4), 3, Math.sqrt(96))).toBeGreaterThan(limit)
  expect(lagTest(z, 1, 0, 1)).toBeGreaterThan(limit)
})

test.each([[0.2, 0.2], [0.4, 0.4], [1, 1], [2, 5], [8, 8], [0.5, 3], [200, 100]])("beta(%d, %d) follows its law", (a, b) => {
  const x = draw("beta", 3, 40_000, 1, [[a], [b]])
  const mean = a / (a + b)
  expect(x.every((v) => v >= 0 && v <= 1)).toBe(true)
  expect(meanTest(x, mean, Math.sqrt((a * b) / (a + b) ** 2 / (a + b + 1)))).toBeGreaterThan(limit)
  expect(kolmogorovSmirnov(x, (v) => betaBelow(v, a, b))).toBeGreaterThan(limit)
})

test("beta stays within [0, 1] for extreme shapes", () => {
  for (const [a, b] of [[0.001, 0.001], [1e-3, 50], [1e4, 1e-2], [1e5, 1e5]] as const) {
    const x = draw("beta", 3, 2000, 1, [[a], [b]])
    expect(x.every((v) => v >= 0 && v <= 1), `beta(${a}, ${b})`).toBe(true)
    expect(meanTest(x, a / (a + b), Math.sqrt((a * b) / (a + b) ** 2 / (a + b + 1)))).toBeGreaterThan(limit)
  }
})

test.each([[0, 2], [0, 3], [0, 10], [5, 105], [-7, 8]])("randint(%d, %d)", (low, high) => {
  const counts = histogram(draw("randint", 11, 100_000, 1, [[low], [high]]), high - low, (x) => x - low)
  expect(chiSquare(counts)).toBeGreaterThan(limit)
})

test("bernoulli and categorical give their probabilities", () => {
  for (const p of [0.1, 0.5, 0.9]) expect(meanTest(draw("bernoulli", 2, 100_000, 1, [[p]]), p, Math.sqrt(p * (1 - p)))).toBeGreaterThan(limit)
  const counts = histogram(draw("categorical", 2, 100_000, 1, [[1, 0, 2, 5]]), 4, (x) => x)
  expect(counts[1]).toBe(0)
  expect(chiSquare([counts[0]!, counts[2]!, counts[3]!], [1 / 8, 2 / 8, 5 / 8])).toBeGreaterThan(limit)
})

const tally = (rows: Iterable<ArrayLike<number>>): Map<string, number> => {
  const counts = new Map<string, number>()
  for (const row of rows) {
    const name = Array.from(row).join()
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts
}

const rows = (k: number, exclude: Parameters<typeof permutationOf>[3], n: number): Int32Array[] => {
  const key = drawKey(9, 0, 0, 77)
  return Array.from({ length: n }, (_, i) => permutationOf(key, i, k, exclude))
}

test("permutations are uniform: 24 of 4, 23 without the identity, 9 derangements; 2 of 2 have one each", () => {
  for (const [exclude, kinds] of [["nothing", 24], ["identity", 23], ["fixed points", 9]] as const) {
    const counts = tally(rows(4, exclude, 60_000))
    expect(counts.size).toBe(kinds)
    expect(counts.has("0,1,2,3")).toBe(exclude === "nothing")
    expect(chiSquare([...counts.values()])).toBeGreaterThan(limit)
  }
  expect([...tally(rows(2, "identity", 100)).keys()]).toEqual(["1,0"])
  expect([...tally(rows(1, "identity", 10)).keys()]).toEqual(["0"])
})

test("a permutation of 9 has every element equally often in every place; a derangement has no fixed point", () => {
  const cells = new Array<number>(81).fill(0)
  for (const p of rows(9, "nothing", 40_000)) p.forEach((x, i) => cells[i * 9 + x]!++)
  // 64 degrees of freedom of 80: the plain test is conservative
  expect(chiSquare(cells)).toBeGreaterThan(limit)
  for (const p of rows(16, "fixed points", 3000)) p.forEach((x, i) => expect(x).not.toBe(i))
})

test("partners: all 23 permutations of 4 but the identity, and all 6 cycles of 4, equally often", () => {
  const batch = (self: boolean): Int32Array[] => Array.from({ length: 60_000 }, (_, step) => partnersOf(drawKey(4, step, 0, 5), 4, self))
  const free = tally(batch(true))
  expect(free.size).toBe(23)
  expect(free.has("0,1,2,3")).toBe(false)
  expect(chiSquare([...free.values()])).toBeGreaterThan(limit)
  const cycles = tally(batch(false))
  expect(cycles.size).toBe(6)
  expect(chiSquare([...cycles.values()])).toBeGreaterThan(limit)
  partnersOf(drawKey(4, 0, 0, 5), 257, false).forEach((x, i) => expect(x).not.toBe(i))
})

test("other seeds, steps, sites and samples give unrelated draws", () => {
  const u = draw("uniform", 1, 1 << 15, 1, [[0], [1]])
  for (const other of [draw("uniform", 2, 1 << 15, 1, [[0], [1]]), draw("uniform", 1, 1 << 15, 1, [[0], [1]], { site: 99 })]) {
    const joint = new Array<number>(256).fill(0)
    u.forEach((x, i) => joint[Math.floor(x * 16) * 16 + Math.floor(other[i]! * 16)]!++)
    expect(chiSquare(joint)).toBeGreaterThan(limit)
    expect(u.filter((x, i) => x === other[i]).length).toBeLessThan(8)
  }
})
