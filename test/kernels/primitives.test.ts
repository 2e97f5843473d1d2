import { describe, expect, it } from "vitest"
import { evaluate } from "../../src/backend/reference/evaluate.ts"
import { ndarray } from "../../src/backend/reference/ndarray.ts"
import { graphBuilder } from "../../src/ir/build.ts"
import { primitives } from "../../src/prim/table.ts"
import type { Primitive } from "../../src/prim/primitive.ts"
import { graphOf } from "./chain-graph.ts"
import { loadPlan } from "./device.ts"
import { planned } from "./planned.ts"

const settings = { seed: 1, step: 0, repeat: 0 }
const ulpOf = (x: number): number => 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(x) || 2 ** -126))) - 23)
const arrayOf = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint32Array }

const table: readonly Primitive[] = Object.values(primitives)

describe("every primitive's samples, on the adapter", () => {
  for (const primitive of table.filter((p) => p.samples.length > 0 && !p.host)) {
    it(`${primitive.name} equals the reference evaluator`, async () => {
      for (const [k, sample] of primitive.samples.entries()) {
        const b = graphBuilder()
        const inputs = sample.inputs.map((s, i) => b.input(`x${i}`, s.dtype ?? "f32", s.shape))
        const out = b.apply(primitive.name, inputs, sample.attrs)
        if (out.shape.includes(0)) continue
        const data = sample.inputs.map((s, i) => {
          const [low, high] = [s.low ?? -2, s.high ?? 2]
          const count = s.shape.reduce((p, q) => p * q, 1)
          return Float64Array.from({ length: count }, (_, e) => {
            const u = Math.abs(Math.sin((e + 1) * 78.233 + i * 3.7 + k) * 43758.5453) % 1
            const dtype = s.dtype ?? "f32"
            return dtype === "f32" ? Math.fround(low + (high - low) * u) : dtype === "bool" ? Number(u > 0.5) : Math.floor(low + (high - low + 1) * u)
          })
        })
        const [expected] = evaluate([out], new Map(inputs.map((x, i) => [x, ndarray(x.dtype, x.shape, data[i]!)])), settings)
        const plan = planned(graphOf(inputs, { out }))
        const loaded = await loadPlan(plan, Object.fromEntries(inputs.map((x, i) => [`x${i}`, arrayOf[x.dtype].from(data[i]!)])), settings)
        await loaded.run()
        const got = await loaded.read("out")
        loaded.destroy()
        // An elementwise function holds its bound; the others sum at most 64 terms of magnitude below 64, one after the other.
        const terms = primitive.ulp === undefined ? 66 * 2 ** -24 * 64 : 0
        const ulp = primitive.ulp ?? 1
        expected!.data.forEach((v, e) => {
          const g = got[e]!
          if (out.dtype !== "f32") expect(out.dtype === "u32" ? g >>> 0 : g, `sample ${k}, element ${e}`).toBe(out.dtype === "u32" ? v >>> 0 : v + 0)
          else if (!Number.isFinite(v)) expect(g, `sample ${k}, element ${e}`).toBe(v)
          else expect(Math.abs(g - v), `sample ${k}, element ${e}: ${g} for ${v}`).toBeLessThanOrEqual(Math.max(terms, (ulp + 0.5) * ulpOf(v)))
        })
      }
    })
  }
})
