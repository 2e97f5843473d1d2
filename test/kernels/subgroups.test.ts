/** Statistics of rows whose lanes are one subgroup: no barrier where no array is shared, and the values of the kernels with barriers. */
import { describe, expect, it } from "vitest"
import { compile, type Compiled } from "../../src/driver/compile.ts"
import { webgpuDefaults } from "../../src/schedule/limits.ts"
import { onAdapter } from "../laws/adapter.ts"
import { deviceFor, messagesOf } from "./device.ts"

const compiled = (text: string, subgroupSize: number): Compiled => {
  const { value, diagnostics } = compile({ file: "rows.nda", sources: { "rows.nda": text }, limits: { ...webgpuDefaults, subgroupSize }, verify: true })
  if (!value) throw new Error(diagnostics.map((d) => d.message).join("; "))
  return value
}
const shaders = ({ plan }: Compiled): string => plan.kernels.map((k) => k.wgsl).join("\n")
const x = Float32Array.from({ length: 6 * 320 }, (_, i) => Math.sin(i * 12.9898) * (1 + (i % 7)))

/** Name, text, whether lanes share an array. */
const programs: readonly (readonly [string, string, boolean])[] = [
  ["the mean and the variance", "from nda.nn import moments_along\ngraph f(x: f32[6, 320]) { let (m, v) = moments_along(x)\n  { y: at (i: 6) => m[i] * rsqrt(v[i] + 1e-5) } }", false],
  ["a maximum, and a sum that needs it", "graph f(x: f32[6, 320]) = { y: logsumexp(x) }", false],
  ["the least of each row", "graph f(x: f32[6, 320]) = { y: at (i: 6) => min(at (k: 320) => x[i, k]) }", false],
  ["a product", "graph f(x: f32[6, 320]) = { y: at (i: 6) => prod(at (k: 320) => 1 + x[i, k] / 1000) }", false],
  ["a count of whole numbers", "graph f(x: f32[6, 320]) = { y: at (i: 6) => f32(sum(at (k: 320) => if x[i, k] > 0 { 1 } else { 0 })) }", false],
  ["a statistic beside an array of the row", "from nda.nn import moments_along\ngraph f(x: f32[6, 320]) { let (m, v) = moments_along(x)\n  { y: at (i: 6, j: 320) => (x[i, j] - m[i]) * rsqrt(v[i] + 1e-5) } }", true],
  ["draws beside a statistic", "from nda.image import color_jitter\ngraph f(x: Image[10, 3, 8, 8]) = { y: x |> color_jitter(0.4, 0.4, 0.4, 0.1) }", true],
]

describe("lanes of one subgroup", () => {
  it.each(programs)("tell each other their parts of %s", async (_, text, shares) => {
    const [alone, together] = [compiled(text, 0), compiled(text, 8)]
    expect(shaders(alone)).not.toContain("subgroupBroadcast")
    expect(alone.plan.needs).not.toHaveProperty("subgroupSize")
    expect(shaders(together)).toContain("subgroupBroadcast")
    if (!shares) expect(shaders(together)).not.toContain("workgroupBarrier")
    expect(together.plan.needs).toMatchObject({ features: ["subgroups"], subgroupSize: 8 })
    expect(await messagesOf(together.plan)).toEqual([])
    const device = await deviceFor("real")
    if (device.adapterInfo.subgroupMinSize < 8 || !device.features.has("subgroups")) return
    expect(await onAdapter(together, { x })).toEqual(await onAdapter(alone, { x }))
  })
  it("are not one subgroup where it may be smaller than the workgroup", () => {
    expect(shaders(compiled(programs[0]![1], 4))).not.toContain("subgroupBroadcast")
  })
})
