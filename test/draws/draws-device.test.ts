/** Draws on the adapter are the draws of `prim/draws.ts`: bit for bit where integers decide, within 4 ULP for normal and beta. */
import { describe, expect, test } from "vitest"
import { threefry2x32 } from "../../src/base/threefry.ts"
import { type DrawAttrs, drawElements, drawKey } from "../../src/prim/draws.ts"
import { ulpError } from "../../src/prim/ulp.ts"
import { drawFunction, type DrawOptions, inPrelude } from "../../src/backend/wgsl/draws-wgsl.ts"
import { mathSource } from "../../src/backend/wgsl/math.ts"
import { asFloats, openDevice, runKernel } from "../scalar/device.ts"

const device = await openDevice()

const knownAnswers: readonly (readonly [readonly [number, number], readonly [number, number], readonly [number, number]])[] = [
  [[0, 0], [0, 0], [0x6b200159, 0x99ba4efe]],
  [[0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff], [0x1cb996fc, 0xbb002be7]],
  [[0x13198a2e, 0x03707344], [0x243f6a88, 0x85a308d3], [0xc4923a9c, 0x483df7a0]],
]

test("threefry gives the published words of Random123", () => {
  for (const [key, counter, words] of knownAnswers) expect(threefry2x32(key[0], key[1], counter[0], counter[1])).toEqual(words)
})

const seed = 42
const step = 7
const repeat = 3
const site = 0xdeadbeef
const n = 512
const samples = Int32Array.from({ length: n }, (_, i) => (i * 2654435761) | 0)

const source = (dist: DrawAttrs["dist"], options: DrawOptions = {}): { prelude: string; name: string } => {
  const f = drawFunction(dist, options)
  return { prelude: mathSource(["dkey_1", ...(inPrelude(dist) ? [f.name] : f.uses)]) + (inPrelude(dist) ? "" : f.source), name: f.name }
}

/** All elements of the draw as words, from the device. */
const onDevice = async (dist: DrawAttrs["dist"], options: DrawOptions, count: number, parameters: string, floats: boolean): Promise<Uint32Array> => {
  const { prelude, name } = source(dist, options)
  const k = options.k
  const body = dist === "permutation" || dist === "derangement"
    ? `var p1: array<i32, ${k}>; ${name}(key, u32(in0[i / ${k}u]), &p1); out0[i] = u32(p1[i % ${k}u]);`
    : dist === "partner" ? `out0[i] = u32(${name}(key, i, ${n}u)) + (u32(in0[0]) & 0u);`
      : `out0[i] = ${floats ? "bitcast<u32>" : "u32"}(${name}(key, u32(in0[i / ${count}u]), i % ${count}u, ${count}u${parameters}));`
  return runKernel(device!, prelude, [samples], ["i32"], `let key = dkey_1(${seed}u, ${step}u, ${repeat}u, ${site}u);\n  ${body}`, dist === "partner" ? n : n * count)
}

const onHost = (attrs: Partial<DrawAttrs> & { dist: DrawAttrs["dist"] }, count: number, params: readonly number[][]): Float64Array =>
  drawElements({ path: "test", site, per: "sample", ...attrs }, seed, step, repeat, samples, n, attrs.dist === "partner" ? [n] : [count], params.map((p) => Float64Array.from(p)))

describe.skipIf(!device)("on the adapter", () => {
  test("threefry gives the published words of Random123", async () => {
    for (const [key, counter, words] of knownAnswers) {
      const input = Uint32Array.of(...key, ...counter)
      const got = await runKernel(device!, mathSource(["threefry_1"]), [input], ["u32"],
        "let w = threefry_1(vec2<u32>(in0[0], in0[1]), vec2<u32>(in0[2], in0[3])); out0[i] = select(w.y, w.x, i == 0u);", 2)
      expect([...got]).toEqual([...words])
    }
  })

  test.each([[0, 1], [-1, 1], [0.3, 0.7], [-2.7, 13.1], [5, 5], [-1, 0], [1e-3, 1e6]])("uniform(%d, %d) is bit-equal", async (low, high) => {
    const got = asFloats(await onDevice("uniform", {}, 32, `, ${low.toFixed(6)}f, ${high.toFixed(6)}f`, true))
    expect(Array.from(got)).toEqual(Array.from(onHost({ dist: "uniform" }, 32, [[low], [high]])))
    expect(got.every((x) => x >= Math.fround(low) && (x < Math.fround(high) || low === high))).toBe(true)
  })

  test.each([[0, 10], [-7, 8], [3, 3], [-2147483648, 2147483647]])("randint(%d, %d) is bit-equal", async (low, high) => {
    const got = new Int32Array((await onDevice("randint", {}, 32, `, i32(${low}), i32(${high})`, false)).buffer)
    expect(got.join()).toBe(onHost({ dist: "randint" }, 32, [[low], [high]]).join())
  })

  test("bernoulli and categorical are bit-equal", async () => {
    const coin = await onDevice("bernoulli", {}, 32, ", 0.3f", false)
    expect(Array.from(coin)).toEqual(Array.from(onHost({ dist: "bernoulli" }, 32, [[0.3]])))
    const weights = [0.5, 0, 2.25, 0.125, 3, 0]
    const choice = await onDevice("categorical", { k: 6, id: 5, weight: (i) => `select(select(select(select(select(0.0f, 3.0f, ${i} == 4u), 0.125f, ${i} == 3u), 2.25f, ${i} == 2u), 0.0f, ${i} == 1u), 0.5f, ${i} == 0u)` }, 32, "", false)
    expect(Array.from(choice)).toEqual(Array.from(onHost({ dist: "categorical" }, 32, [weights])))
  })

  test.each([1, 2, 4, 9, 49])("permutations and derangements of %d are bit-equal", async (k) => {
    for (const attrs of [{ dist: "permutation", identity: true }, { dist: "permutation", identity: false }, { dist: "derangement" }] as const) {
      const got = await onDevice(attrs.dist, { k, ...(attrs.dist === "permutation" ? { identity: attrs.identity } : {}) }, k, "", false)
      expect(Array.from(got)).toEqual(Array.from(onHost({ ...attrs, k }, k, [])))
    }
  })

  test("partners are bit-equal", async () => {
    for (const self of [true, false]) {
      const got = await onDevice("partner", { self }, 1, "", false)
      expect(Array.from(got)).toEqual(Array.from(onHost({ dist: "partner", per: "batch", self }, 1, [])))
    }
  })

  test.each([["normal", 0, 1], ["normal", 0, 3.7], ["normal", 12.3, 0.7], ["beta", 1, 1], ["beta", 0.4, 0.4], ["beta", 2.5, 8], ["beta", 0.2, 3]] as const)("%s(%d, %d) is within 4 ULP", async (dist, a, b) => {
    const got = asFloats(await onDevice(dist, {}, 64, `, ${a.toFixed(4)}f, ${b.toFixed(4)}f`, true))
    const want = onHost({ dist }, 64, [[a], [b]])
    let worst = 0
    let differ = 0
    got.forEach((x, i) => {
      if (Math.abs(want[i]!) < 1.2e-38) return
      worst = Math.max(worst, ulpError(x, want[i]!))
      if (x !== want[i]) differ++
    })
    console.info(`${dist}(${a}, ${b}): worst ${worst} ULP, ${differ} of ${got.length} differ`)
    expect(worst).toBeLessThanOrEqual(4)
  })
})

test("a draw of the same key, sample and element does not depend on the other samples or elements", () => {
  const attrs: DrawAttrs = { dist: "normal", path: "p", site, per: "sample" }
  const all = drawElements(attrs, seed, step, repeat, samples, n, [8], [Float64Array.of(0), Float64Array.of(1)])
  const few = drawElements(attrs, seed, step, repeat, samples.slice(100, 103), 3, [8], [Float64Array.of(0), Float64Array.of(1)])
  expect(Array.from(few)).toEqual(Array.from(all.slice(800, 824)))
  expect(drawKey(1, 0, 0, site)).not.toEqual(drawKey(2, 0, 0, site))
})
