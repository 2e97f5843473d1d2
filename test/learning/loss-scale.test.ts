/** Losses that are scaled (`--precision f16`): the same updates, and a scale that grows. What happens when gradients overflow is seen on a device (`cli/precision.test.ts`). */
import { describe, expect, it } from "vitest"
import { compileProgram } from "../../src/driver/compile-program.ts"
import type { Precision } from "../../src/schedule/limits.ts"
import { ndarray } from "../../src/backend/reference/ndarray.ts"
import { initialSlots, outputsOf, type Slots } from "./program.ts"

const text = `
from nda.optim import adam
block line(x: f32[n, 3]) -> f32[n] {
  param w: f32[3] = ones()
  einsum("ij,j->i", x, w)
}
model M = line
train fit(steps = 3, seed = 0) {
  step learn {
    let x: f32[8, 3] ~ normal()
    minimize mean(M(x) ** 2) over M by adam(lr=1e-2)
  }
}`
const programOf = (precision: Precision) => {
  const { value, diagnostics } = compileProgram({ file: "fit.nda", sources: { "fit.nda": text }, precision })
  if (!value) throw new Error(diagnostics.map((d) => d.message).join("; "))
  return value.program
}
/** Steps on the host; what a step proposes becomes what the next begins with. */
const run = (precision: Precision, steps: number, begin: (slots: Slots) => void = () => undefined) => {
  const program = programOf(precision)
  const slots = initialSlots(program)
  begin(slots)
  const seen: { readonly reports: Map<string, number>; readonly w: number[] }[] = []
  for (let step = 0; step < steps; step++) {
    const out = outputsOf(program.steps[0]!.graph, slots, { step, repeat: 0 })
    for (const [name, value] of out) if (name.startsWith("next:")) slots.set(name.slice("next:".length), ndarray(value.dtype, value.shape, Float64Array.from(value.data, Math.fround)))
    seen.push({ reports: new Map([...out].filter(([name]) => !name.startsWith("next:")).map(([name, v]) => [name, v.data[0]!])), w: [...slots.get("M")!.data.slice(0, 3)] })
  }
  return { program, slots, seen }
}

describe("a scaled loss", () => {
  it("gives the updates of the loss, and reports it and its scale", () => {
    const [plain, scaled] = [run("f32", 3), run("f16", 3)]
    plain.seen.forEach(({ reports, w }, i) => {
      expect(scaled.seen[i]!.reports.get("learn.loss")).toBe(reports.get("learn.loss"))
      w.forEach((v, k) => expect(scaled.seen[i]!.w[k]!).toBeCloseTo(v, 6))
    })
    expect(scaled.seen.map(({ reports }) => reports.get("learn.loss_scale"))).toEqual([8192, 8192, 8192])
    expect([...plain.seen[0]!.reports.keys()]).not.toContain("learn.loss_scale")
  })

  it("doubles after 2000 steps without an overflow", () => {
    const { seen } = run("f16", 3, (s) => {
      const [name, arena] = [...s].find(([, v]) => v.data.includes(8192))!
      const data = Float64Array.from(arena.data)
      // The steps since the last change lie in the leaf after the scale.
      data[data.indexOf(8192) + 64] = 1998
      s.set(name, ndarray(arena.dtype, arena.shape, data))
    })
    expect(seen.map(({ reports }) => reports.get("learn.loss_scale"))).toEqual([8192, 8192, 16384])
  })
})
