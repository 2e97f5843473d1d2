/** Values between kernels stored as f16: which they are, what they take, and that rounding them is all that happens to results. */
import { describe, expect, it } from "vitest"
import { compile, type Compiled } from "../../src/driver/compile.ts"
import type { Precision, Profile } from "../../src/schedule/limits.ts"
import { onAdapter } from "../laws/adapter.ts"
import { deviceFor, messagesOf } from "./device.ts"

const compiled = (text: string, precision: Precision, profile: Profile = "cpu"): Compiled => {
  const { value, diagnostics } = compile({ file: "halves.nda", sources: { "halves.nda": text }, precision, profile, verify: true })
  if (!value) throw new Error(diagnostics.map((d) => d.message).join("; "))
  return value
}
const temporaries = ({ plan }: Compiled): number[] => plan.buffers.filter((b) => b.role === "temporary").map((b) => b.bytes)
const shaders = ({ plan }: Compiled): string => plan.kernels.map((k) => k.wgsl).join("\n")
const stores = (c: Compiled): boolean => shaders(c).includes("enable f16;")
const values = (n: number, scale: number): Float32Array => Float32Array.from({ length: n }, (_, i) => scale * Math.sin(i * 12.9898 + 0.3))

/** Two products, one after the other: what is between them is stored. */
const twice = (m: number, n: number): string => `graph f(x: f32[${m}, 40], a: f32[40, ${n}], b: f32[${n}, 48]) {
  let h = relu(einsum("ij,jk->ik", x, a))
  { y: einsum("ij,jk->ik", h, b) }
}`

describe("values stored as f16", () => {
  it.each([["cpu", 128, 64], ["cpu", 127, 65], ["gpu", 128, 64], ["gpu", 127, 65]] as const)("take half the bytes and are rounded once (%s, %i x %i)", async (profile, m, n) => {
    const [whole, half] = [compiled(twice(m, n), "f32", profile), compiled(twice(m, n), "f16", profile)]
    expect([temporaries(whole), temporaries(half)]).toEqual([[4 * m * n], [2 * m * n + (2 * m * n) % 4]])
    expect(half.plan.needs.features).toContain("shader-f16")
    expect(whole.plan.needs.features).not.toContain("shader-f16")
    expect(await messagesOf(half.plan)).toEqual([])
    if (!(await deviceFor("real")).features.has("shader-f16")) return
    const given = { x: values(m * 40, 1), a: values(40 * n, 0.3), b: values(n * 48, 0.2) }
    const [y, z] = [await onAdapter(half, given), await onAdapter(whole, given)]
    // A stored number is off by half a unit in the last of 11 places; sums of f32 add n roundings of 2^-24 of their terms.
    let differs = 0
    for (let i = 0; i < m; i++) {
      const h = Array.from({ length: n }, (_, k) => { let sum = 0; for (let j = 0; j < 40; j++) sum += given.x[i * 40 + j]! * given.a[j * n + k]!; return Math.max(0, sum) })
      for (let o = 0; o < 48; o++) {
        let [exact, size] = [0, 0]
        h.forEach((v, k) => { exact += v * given.b[k * 48 + o]!; size += Math.abs(v * given.b[k * 48 + o]!) })
        const at = i * 48 + o
        expect(Math.abs(y[at]! - exact)).toBeLessThanOrEqual(size * (2 ** -11 + 2 * (n + 40) * 2 ** -24) + n * 2 ** -25)
        if (y[at] !== z[at]) differs++
      }
    }
    expect(differs).toBeGreaterThan(m * 24)
  })

  it("are no statistics, no small ones, nothing that is given or handed out, and no coordinates", () => {
    expect(stores(compiled(`from nda.nn import moments_along
graph f(x: f32[5000, 300]) { let (m, v) = moments_along(x)
  { y: at (i: 5000, j: 300) => (x[i, j] - m[i]) * rsqrt(v[i] + 1e-5) } }`, "f16"))).toBe(false)
    expect(stores(compiled(twice(40, 64), "f16"))).toBe(false)
    expect(stores(compiled(`graph f(x: f32[128, 40], a: f32[40, 64]) = { y: relu(einsum("ij,jk->ik", x, a)) }`, "f16"))).toBe(false)
    const moved = (read: string): string => `graph f(x: f32[8192, 4], a: f32[4], s: f32[9000], w: f32[16, 8192]) {
  let p = einsum("ij,j->i", x, a)
  let q = p * 0.5 + 3
  { y: at (i: 8192) => ${read}, z: einsum("ij,j->i", w, q) }
}`
    expect(stores(compiled(moved("s[i32(clamp(q[i], 0.0, 8999.0))]"), "f16"))).toBe(false)
    expect(stores(compiled(moved("s[i] * q[i]"), "f16"))).toBe(true)
  })
})
