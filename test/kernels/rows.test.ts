import { afterAll, expect, it } from "vitest"
import { compile } from "../../src/index.ts"
import { open, type OpenedPlan } from "../../src/runtime.ts"

const opened: OpenedPlan[] = []
afterAll(async () => { for (const plan of opened) await plan.close() })

it("a mean over all rows of a statistic of each row is one number, beside the statistic itself", async () => {
  const text = `
    graph f(x: f32[4, 100], w: f32[4, 3, 50]) {
      let s = at (i: 4) => sum(at (j: 100) => x[i, j])
      let m = mean(at (i: 4) => sum(at (j: 100) => x[i, j]) / 7)
      { y: at (i: 4, k: 3, j: 50) => w[i, k, j] * m / (1 + s[i]) }
    }`
  const { value, diagnostics } = compile({ file: "f.nda", sources: { "f.nda": text } })
  expect(diagnostics).toEqual([])
  const plan = await open(value!.plan)
  opened.push(plan)
  const x = Float32Array.from({ length: 400 }, (_, i) => (i % 7) / 7)
  const w = Float32Array.from({ length: 600 }, (_, i) => 1 + (i % 5))
  const { y } = await plan.graph({ x, w }, { seed: 0 })
  const sums = [0, 1, 2, 3].map((i) => x.slice(100 * i, 100 * i + 100).reduce((a, b) => a + b, 0))
  const m = sums.reduce((a, b) => a + b / 7, 0) / 4
  // RULINGS 25: sums of 100 terms of at most 1.
  y!.forEach((v, i) => expect(Math.abs(v - (w[i]! * m) / (1 + sums[Math.floor(i / 150)]!))).toBeLessThanOrEqual((2 + 100) * 2 ** -24 * 5 * 10))
})
