/** What parameters and states begin as. */
import { afterAll, describe, expect, test } from "vitest"
import { compileProgram } from "../../src/driver/compile-program.ts"
import { open, type OpenedPlan } from "../../src/runtime.ts"
import { elaborated, initialSlots } from "./program.ts"

const opened: OpenedPlan[] = []
afterAll(async () => { for (const plan of opened) await plan.close() })

const text = (shape: string, first: string): string => `
block net(x: f32[1]) -> f32 {
  param w: ${shape} = ${first}
  sum(w) + sum(x)
}
model M = net
graph g(x: f32[1]) = M(x)
`
const drawn = (shape: string, first: string, seed = 1): Float64Array => {
  const program = elaborated(text(shape, first), "g")
  const count = program.slots[0]!.leaves[0]!.shape.reduce((a, b) => a * b, 1)
  return initialSlots(program, seed).get("M")!.data.slice(0, count)
}
/** The largest difference between the products of all pairs of rows (or columns) and the identity. */
const off = (w: ArrayLike<number>, rows: number, columns: number): number => {
  const [n, along, step] = rows <= columns ? [rows, columns, 1] : [columns, rows, columns]
  const start = rows <= columns ? columns : 1
  let worst = 0
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) {
    let product = 0
    for (let k = 0; k < along; k++) product += w[i * start + k * step]! * w[j * start + k * step]!
    worst = Math.max(worst, Math.abs(product - (i === j ? 1 : 0)))
  }
  return worst
}

describe("orthogonal() has orthonormal rows, or columns where there are fewer", () => {
  test.each([
    ["f32[5, 5]", 5, 5], ["f32[3, 8]", 3, 8], ["f32[9, 4]", 9, 4], ["f32[24, 24]", 24, 24], ["f32[6, 2, 3, 3]", 6, 18], ["f32[1, 7]", 1, 7], ["f32[7]", 7, 1], ["f32[1]", 1, 1],
  ])("%s", (shape, rows, columns) => {
    for (const seed of [1, 2, 3]) expect(off(drawn(shape, "orthogonal()", seed), rows, columns)).toBeLessThan(1e-9)
  })

  test("no direction is preferred: the entries' mean is 0 and their mean square 1 / 4 over many 4 x 4 matrices", () => {
    const all = Array.from({ length: 100 }, (_, seed) => [...drawn("f32[4, 4]", "orthogonal()", seed + 10)]).flat()
    expect(Math.abs(all.reduce((a, b) => a + b, 0) / all.length)).toBeLessThan(0.05)
    expect(all.reduce((a, b) => a + b * b, 0) / all.length).toBeCloseTo(0.25, 9)
    // The first entry alone, which the polar factor of a Gaussian matrix does not favour either: variance 1 / 4.
    const first = all.filter((_, i) => i % 16 === 0)
    expect(Math.abs(first.reduce((a, b) => a + b, 0) / first.length)).toBeLessThan(0.2)
    expect(first.reduce((a, b) => a + b * b, 0) / first.length).toBeGreaterThan(0.15)
    expect(first.reduce((a, b) => a + b * b, 0) / first.length).toBeLessThan(0.35)
  })

  test("on the adapter, to f32 rounding", async () => {
    const { value } = compileProgram({ file: "i.nda", sources: { "i.nda": text("f32[12, 12]", "orthogonal()") }, entry: "g" })
    const plan = await open(value!.plan.initial)
    opened.push(plan)
    const [w] = Object.values(await plan.graph({}, { seed: 4, step: 0, repeat: 0 }))
    expect(off(w!.subarray(0, 144), 12, 12)).toBeLessThan(1e-5)
  })
})

test("the others have the spread that they promise", () => {
  const deviation = (w: Float64Array): number => Math.sqrt(w.reduce((s, v) => s + v * v, 0) / w.length)
  expect(deviation(drawn("f32[60, 50]", "he_normal()"))).toBeCloseTo(Math.sqrt(2 / 50), 2)
  expect(deviation(drawn("f32[60, 40]", "glorot()"))).toBeCloseTo(Math.sqrt(2 / 100), 2)
  expect(Math.max(...drawn("f32[60, 40]", "glorot()").map(Math.abs))).toBeLessThanOrEqual(Math.sqrt(6 / 100))
  const rows = drawn("f32[4, 9]", "unit_normal()")
  for (let i = 0; i < 4; i++) expect(deviation(rows.slice(9 * i, 9 * i + 9)) * 3).toBeCloseTo(1, 6)
})
