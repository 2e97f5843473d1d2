/** The f32 mathematics against f64, in TypeScript and on the adapter: the stated ULP bounds hold, the specials are right. */
import { describe, expect, test } from "vitest"
import { binaryF32, unaryF32 } from "../../src/prim/f32-math.ts"
import { ulpBound, ulpError } from "../../src/prim/ulp.ts"
import { mathSource, wgslCast, wgslExpression, wgslLiteral } from "../../src/backend/wgsl/math.ts"
import { type BinaryFn, cast, f32, type UnaryFn } from "../../src/scalar/scalar.ts"
import { domain, exactBinary, exactUnary, special, spread } from "./exact.ts"
import { asFloats, openDevice, runKernel } from "./device.ts"

const device = await openDevice()
const smallest = 1.1754943508222875e-38
const largest = 3.4028234663852886e38
const unaries = Object.keys(domain) as UnaryFn[]
const periodic = new Set<UnaryFn>(["sin", "cos", "tan"])

const inputsOf = (fn: UnaryFn, count: number): Float32Array<ArrayBuffer> => {
  const [low, high] = domain[fn]!
  const all = spread(count, low, high)
  // most angles are small
  if (periodic.has(fn)) {
    all.set(spread(count / 4, -10, 10, 1), 0)
    all.set(spread(count / 4, -3000, 3000, 2), count / 4)
  }
  return all
}

/** Devices may read a subnormal number as zero. */
const mayFlush = (x: number): boolean => x !== 0 && Math.abs(x) < smallest

/** The worst error over results that are normal numbers. */
const worst = (exact: (i: number) => number, got: (i: number) => number, count: number): { ulp: number; at: number } => {
  let ulp = 0
  let at = 0
  for (let i = 0; i < count; i++) {
    const e = exact(i)
    const size = Math.abs(e)
    if (size < smallest || size > largest) continue
    const error = ulpError(got(i), e)
    if (!(error <= ulp)) {
      ulp = error
      at = i
    }
  }
  return { ulp, at }
}

const alike = (fn: UnaryFn | BinaryFn, got: number, exact: number): boolean =>
  Number.isNaN(exact) ? Number.isNaN(got)
    : Math.abs(exact) < smallest ? Math.abs(got) < smallest && (exact !== 0 || got === 0)
      : Math.abs(exact) > largest ? got === Math.sign(exact) * Infinity
        : ulpError(got, exact) <= ulpBound(fn)!

const pairs: readonly [BinaryFn, readonly [number, number], readonly [number, number]][] = [
  ["pow", [1e-30, 1e30], [-3, 3]], ["pow", [0.5, 2], [-127, 127]], ["pow", [0.9999, 1.0001], [-8e5, 8e5]],
  ["atan2", [-1000, 1000], [-1000, 1000]], ["atan2", [-1e38, 1e38], [-1e38, 1e38]], ["mod", [-1e5, 1e5], [-100, 100]], ["mod", [-1e38, 1e38], [1e-30, 1]],
]
const pairInputs = ([, a, b]: (typeof pairs)[number], count: number): readonly [Float32Array, Float32Array] => {
  const second = spread(count, b[0], b[1], 7)
  return [spread(count, a[0], a[1]), second.map((_, i) => second[(i * 7919) % count]!)]
}

const specialPairs = special.flatMap((a) => special.flatMap((b) => [[a, b], [a, 3], [-2.5, b]] as const))

describe("in TypeScript", () => {
  test.each(unaries)("%s keeps its bound over its domain and is right at the specials", (fn) => {
    const xs = inputsOf(fn, 1 << 16)
    const { ulp, at } = worst((i) => exactUnary[fn]!(xs[i]!), (i) => unaryF32(fn, xs[i]!), xs.length)
    expect(ulp, `at ${xs[at]}`).toBeLessThanOrEqual(ulpBound(fn)!)
    for (const x of special) expect(alike(fn, unaryF32(fn, x), exactUnary[fn]!(x)), `${fn}(${x}) = ${unaryF32(fn, x)}`).toBe(true)
    if (exactUnary[fn]!(-0) === 0) expect(unaryF32(fn, -0)).toBe(exactUnary[fn]!(-0))
  })

  test.each(["pow", "atan2", "mod", "min", "max"] as const)("%s is right at pairs of specials", (fn) => {
    for (const [a, b] of specialPairs) {
      if (fn === "mod" && Math.abs(b) === Infinity) continue
      expect(alike(fn, binaryF32(fn, a, b), exactBinary[fn]!(a, b)), `${fn}(${a}, ${b}) = ${binaryF32(fn, a, b)}, not ${exactBinary[fn]!(a, b)}`).toBe(true)
    }
  })
})

describe.skipIf(!device)("on the adapter", () => {
  test("every unary function keeps its bound on 2^20 inputs, and takes the steps of its TypeScript twin", async () => {
    const report: string[] = []
    for (const fn of unaries) {
      const xs = inputsOf(fn, 1 << 20)
      const { text, needs } = wgslExpression(fn, "f32", ["in0[i]"])
      const got = asFloats(await runKernel(device!, mathSource(needs), [xs], ["f32"], `out0[i] = bitcast<u32>(${text});`, xs.length))
      const { ulp, at } = worst((i) => (mayFlush(xs[i]!) ? 0 : exactUnary[fn]!(xs[i]!)), (i) => got[i]!, xs.length)
      let differ = 0
      for (let i = 0; i < xs.length; i += 16) if (got[i] !== unaryF32(fn, xs[i]!) && Math.abs(got[i]!) >= smallest) differ++
      report.push(`${fn} ${ulp.toFixed(3)} of ${ulpBound(fn)} ULP, ${((100 * differ * 16) / xs.length).toFixed(2)}% other bits than the twin`)
      expect(ulp, `${fn} at ${xs[at]}: ${got[at]}`).toBeLessThanOrEqual(ulpBound(fn)!)
    }
    console.info(report.join("\n"))
  }, 60_000)

  test("every binary function keeps its bound", async () => {
    for (const pair of pairs) {
      const [fn] = pair
      const [a, b] = pairInputs(pair, 1 << 18)
      const { text, needs } = wgslExpression(fn, "f32", ["in0[i]", "in1[i]"])
      const got = asFloats(await runKernel(device!, mathSource(needs), [a, b], ["f32", "f32"], `out0[i] = bitcast<u32>(${text});`, a.length))
      const { ulp, at } = worst((i) => (mayFlush(a[i]!) || mayFlush(b[i]!) || fn === "mod" && Math.abs(b[i]!) < 1e-30 ? 0 : exactBinary[fn]!(a[i]!, b[i]!)), (i) => got[i]!, a.length)
      expect(ulp, `${fn}(${a[at]}, ${b[at]}) = ${got[at]}`).toBeLessThanOrEqual(ulpBound(fn)!)
    }
  }, 60_000)

  test("NaN, infinities and zeros are right in every function", async () => {
    const xs = Float32Array.from(special)
    for (const fn of unaries) {
      const { text, needs } = wgslExpression(fn, "f32", ["in0[i]"])
      const got = asFloats(await runKernel(device!, mathSource(needs), [xs], ["f32"], `out0[i] = bitcast<u32>(${text});`, xs.length))
      xs.forEach((x, i) => expect(alike(fn, got[i]!, exactUnary[fn]!(x)) || (mayFlush(x) && alike(fn, got[i]!, exactUnary[fn]!(x * 0))), `${fn}(${x}) = ${got[i]}`).toBe(true))
    }
    const flushed = specialPairs.filter(([a, b]) => !mayFlush(a) && !mayFlush(b))
    const a = Float32Array.from(flushed, (p) => p[0])
    const b = Float32Array.from(flushed, (p) => p[1])
    for (const fn of ["pow", "atan2", "mod", "min", "max"] as const) {
      const { text, needs } = wgslExpression(fn, "f32", ["in0[i]", "in1[i]"])
      const got = asFloats(await runKernel(device!, mathSource(needs), [a, b], ["f32", "f32"], `out0[i] = bitcast<u32>(${text});`, a.length))
      a.forEach((x, i) => {
        if (fn === "mod" && Math.abs(b[i]!) === Infinity) return
        expect(alike(fn, got[i]!, exactBinary[fn]!(x, b[i]!)), `${fn}(${x}, ${b[i]}) = ${got[i]}, not ${exactBinary[fn]!(x, b[i]!)}`).toBe(true)
      })
    }
  }, 60_000)

  test("comparisons, casts and integer division are those of the language, NaN and zero divisors included", async () => {
    const a = Float32Array.from(specialPairs, (p) => p[0])
    const b = Float32Array.from(specialPairs, (p) => p[1])
    for (const fn of ["eq", "ne", "lt", "le", "gt", "ge"] as const) {
      const { text, needs } = wgslExpression(fn, "f32", ["in0[i]", "in1[i]"])
      const got = await runKernel(device!, mathSource(needs), [a, b], ["f32", "f32"], `out0[i] = u32(${text});`, a.length)
      a.forEach((x, i) => {
        if (!mayFlush(x) && !mayFlush(b[i]!)) expect(got[i], `${fn}(${x}, ${b[i]})`).toBe(binaryF32(fn, x, b[i]!))
      })
    }
    const i32s = Int32Array.of(0, 1, -1, 7, -7, 8, 3, -3, 2147483647, -2147483648, 100)
    const left = Int32Array.from({ length: 121 }, (_, i) => i32s[Math.floor(i / 11)]!)
    const right = Int32Array.from({ length: 121 }, (_, i) => i32s[i % 11]!)
    for (const fn of ["idiv", "mod"] as const) {
      const { text, needs } = wgslExpression(fn, "i32", ["in0[i]", "in1[i]"])
      const got = new Int32Array((await runKernel(device!, mathSource(needs), [left, right], ["i32", "i32"], `out0[i] = bitcast<u32>(${text});`, 121)).buffer)
      left.forEach((x, i) => {
        const y = right[i]!
        expect(got[i], `${fn}(${x}, ${y})`).toBe(y === 0 ? 0 : (fn === "idiv" ? Math.floor(x / y) : x - y * Math.floor(x / y)) | 0)
      })
    }
    const xs = Float32Array.of(0, -0, 1.9, -1.9, NaN, Infinity, -Infinity, 3e9, -3e9, 2147483520, 5e9, 0.5)
    for (const to of ["i32", "u32", "bool"] as const) {
      const { text, needs } = wgslCast(to, "f32", "in0[i]")
      const got = await runKernel(device!, mathSource(needs), [xs], ["f32"], `out0[i] = ${to === "i32" ? "bitcast<u32>" : "u32"}(${text});`, xs.length)
      xs.forEach((x, i) => expect(to === "i32" ? got[i]! | 0 : got[i], `${to}(${x})`).toBe((cast(to, f32(x)) as { value: number }).value))
    }
  })

  test("literals read back to the bit", async () => {
    const values = [...special, 0.1, -123.456, 1e-10, 1e20, 16777215, Math.fround(Math.PI)].map(Math.fround)
    const texts = values.map((v) => wgslLiteral(v, "f32"))
    const got = await runKernel(device!, mathSource(texts.flatMap((t) => t.needs)), [Uint32Array.of(0)], ["u32"],
      `var t = array<f32, ${values.length}>(${texts.map((t) => t.text).join(", ")}); out0[i] = bitcast<u32>(t[i + in0[0]]);`, values.length)
    values.forEach((v, i) => {
      if (Math.abs(v) >= smallest || v === 0 || Number.isNaN(v)) expect(asFloats(got)[i], `${v}`).toBe(v)
    })
  })
})

describe("prelude", () => {
  const everything = () => mathSource([...unaries, "pow", "atan2", "mod", "min", "max"].flatMap((fn) => wgslExpression(fn as UnaryFn, "f32", ["x1", "y1"]).needs).concat(["dpartnera_1", "dpartnerb_1", "dbeta_1", "duniform_1", "dnormal_1", "drandint_1", "dbernoulli_1"]))

  test("every identifier is one that the compiler made, and the source does not depend on the order of needs", () => {
    const source = everything()
    const words = new Set(source.replace(/\b(0x[0-9a-f]+|[0-9.]+(e[-+]?[0-9]+)?)[uf]?\b/g, " ").match(/[A-Za-z_][A-Za-z0-9_]*/g))
    const wgsl = new Set(("fn let var return if else for while bool f32 i32 u32 vec2 vec3 array true false bitcast select clamp min max abs floor round sqrt countLeadingZeros x y z").split(" "))
    expect([...words].filter((w) => !wgsl.has(w) && !/^[a-z][a-z0-9]{0,15}_?[0-9]+$/.test(w))).toEqual([])
    expect(mathSource(["mlog_1", "msin_1"])).toBe(mathSource(["msin_1", "mlog_1", "msin_1"]))
    expect(mathSource([])).toBe("")
  })
})
