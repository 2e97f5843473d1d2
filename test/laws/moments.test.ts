/** Statistics of normalisation: one pass over the values, and right where their mean is large beside their spread. */
import { describe, expect, test } from "vitest"
import { onAdapter } from "./adapter.ts"
import { compiled, complaints } from "./program.ts"

const [n, c, places] = [64, 64, 8]
const count = n * c * places * places
/** Far from zero, on a grid that f32 holds exactly; the same for every adapter. */
const far = Float32Array.from({ length: count }, (_, i) => 4096 + Math.round(64 * (Math.abs(Math.sin(i * 12.9898) * 43758.5453) % 1)) / 32)

/** The mean and the variance of rows of `far`, in f64. */
const exact = (rows: number, element: (row: number, k: number) => number): readonly (readonly [number, number, number])[] =>
  Array.from({ length: rows }, (_, row) => {
    const terms = count / rows
    let [sum, square] = [0, 0]
    for (let k = 0; k < terms; k++) sum += far[element(row, k)]!
    const mean = sum / terms
    for (let k = 0; k < terms; k++) square += (far[element(row, k)]! - mean) ** 2
    const variance = square / terms
    return [mean, variance, (far[element(row, 0)]! - mean) ** 2 / variance]
  })

const forms: readonly (readonly [string, string, number, (row: number, k: number) => number])[] = [
  ["of channels", "moments(x)", c, (row, k) => (Math.floor(k / places ** 2) * c + row) * places ** 2 + (k % places ** 2)],
  ["of samples", `moments_along(reshape(x, [${n}, ${c * places ** 2}]))`, n, (row, k) => row * c * places ** 2 + k],
]

const text = (form: string, result: string): string => `from nda.nn import moments, moments_along
graph law(x: f32[${n}, ${c}, ${places}, ${places}]) { let (m, v) = ${form}
  { y: ${result} } }`

describe("the mean and the variance", () => {
  test.each(forms)("%s are one pass over the values, which are bound once", (_, form) => {
    const { plan } = compiled(text(form, "rsqrt(v) * m"))
    expect(plan.commands).toHaveLength(1)
    const [kernel] = plan.kernels
    expect(kernel!.bindings.filter((b) => b !== "uniform")).toHaveLength(2)
    // one loop over the values; the others add the lanes' sums
    expect(kernel!.wgsl.match(/for \(.*\n(?:(?!\n  }).)*bitcast<vec4<f32>>\(b\d/gs) ?? []).toHaveLength(1)
  })
  test.each(forms)("%s are right where the mean is large beside the spread", async (_, form, rows, element) => {
    const [means, variances] = [await onAdapter(compiled(text(form, "m")), { x: far }), await onAdapter(compiled(text(form, "v")), { x: far })]
    // A lane adds a 32nd of the terms one after another, then the lanes are added; x - origin is exact.
    const sums = (count / rows / 32 + 16) * 2 ** -24
    exact(rows, element).forEach(([mean, variance, away], row) => {
      expect(Math.abs(means[row]! - mean)).toBeLessThanOrEqual(mean * 2 ** -23 + sums * Math.sqrt(variance * (1 + away)))
      expect(Math.abs(variances[row]! / variance - 1)).toBeLessThanOrEqual(3 * sums * (1 + away))
    })
  })
  test("the name of ..s is a shape", () => {
    expect(complaints("fn rows(x: f32[..s, d]) -> f32[..s, d] = reshape(reshape(x, [size(s), d]), s + [d])\ngraph law(x: f32[2, 3, 4]) = { y: rows(x) }")).toEqual([])
    expect(complaints("fn rows(x: f32[..s, d]) -> f32[..s] = reshape(x, s)\ngraph law(x: f32[2, 3, 4]) = { y: rows(x) }")[0]).toContain("NDA0405")
  })
})
