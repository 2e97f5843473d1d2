import { describe, expect, test } from "vitest"
import { exactUnary } from "../../src/backend/reference/exact-math.ts"
import { evaluate } from "../../src/backend/reference/evaluate.ts"
import { ndarray } from "../../src/backend/reference/ndarray.ts"
import { graphBuilder } from "../../src/ir/build.ts"
import type { TabulateAttrs } from "../../src/prim/access.ts"
import { primitives } from "../../src/prim/table.ts"
import { add, binary, cast, constant, f32, floor, i32, idiv, mod, mul, read, reduce, select, sub, u32, unary, variable } from "../../src/scalar/scalar.ts"
import type { Scalar } from "../../src/scalar/scalar.ts"
import { settings, valueOf } from "./sampled.ts"

const tabulated = (body: Scalar): number => {
  const b = graphBuilder()
  return valueOf(b.apply("tabulate", [], { vars: [], body: [body] }), new Map(), "reference")[0]!
}

describe("in reference mode", () => {
  const b = graphBuilder()
  const [x, y] = [b.scalar(0.1), b.scalar(0.2)]
  const total = b.add(x, y)
  const f32Sum = Math.fround(Math.fround(0.1) + Math.fround(0.2))

  test("a value is exact and a comparison of the same value is the device's", () => {
    const above = b.apply("ge", [total, b.scalar(f32Sum)])
    expect(evaluate([total, above], new Map(), settings, "exact").map((r) => r.data[0])).toEqual([Math.fround(0.1) + Math.fround(0.2), 0])
    expect(evaluate([total, above], new Map(), settings, "reference").map((r) => r.data[0])).toEqual([Math.fround(0.1) + Math.fround(0.2), 1])
    expect(evaluate([total, above], new Map(), settings, "f32").map((r) => r.data[0])).toEqual([f32Sum, 1])
  })

  test("a coordinate is the device's in its index and in its weight", () => {
    // 8388608 + 0.75 is 8388609 in f32: whole, so the weight of the next element is 0.
    const coordinate = add(f32(8388608), f32(0.75))
    expect(tabulated(sub(coordinate, floor(coordinate)))).toBe(0)
    expect(tabulated(cast("f32", cast("i32", coordinate)))).toBe(8388609)
    expect(tabulated(add(f32(8388608), f32(0.75)))).toBe(8388608.75)
  })
})

test("integers wrap, division rounds down, and division by zero gives 0", () => {
  expect(tabulated(binary("add", constant(2147483647, "i32"), i32(1)))).toBe(-2147483648)
  expect(tabulated(binary("mul", constant(65537, "i32"), constant(65537, "i32")))).toBe(131073)
  expect(tabulated(binary("sub", u32(0), u32(1)))).toBe(4294967295)
  expect(tabulated(binary("idiv", i32(-7), i32(2)))).toBe(-4)
  expect(tabulated(binary("mod", i32(-7), i32(2)))).toBe(1)
  expect(tabulated(binary("idiv", i32(-7), i32(0)))).toBe(0)
  expect(tabulated(cast("i32", f32(-2.7)))).toBe(-2)
  expect(tabulated(cast("bits_u32", f32(1)))).toBe(0x3f800000)
})

test("a read outside its input is named", () => {
  const b = graphBuilder()
  const x = b.constant([1, 2], "f32", [2])
  const i = variable("i", 3)
  expect(() => valueOf(b.apply("tabulate", [x], { vars: [i], body: [read("f32", 0, [i])] }), new Map())).toThrow(/reads input 0 at 2 in dimension 0, outside \[0, 2\)/)
})

test("a graph whose input was not fed says so", () => {
  const b = graphBuilder()
  expect(() => valueOf(b.apply("exp", [b.input("z", "f32", [2])]), new Map())).toThrow(/the input z of the graph was not fed/)
})

test("one body may stand inside itself: reductions keep their own variables", () => {
  const b = graphBuilder()
  const x = b.constant([1, 2, 3, 4, 5, 6, 7], "f32", [7])
  const k = variable("k", 3)
  // s[i] = x[i] + x[i + 1] + x[i + 2], and the same of s: both bodies bind the same variable k.
  const window = (length: number): TabulateAttrs => {
    const i = variable("i", length)
    return { vars: [i], body: [reduce("sum", [k], read("f32", 0, [add(i, k)]))] }
  }
  const [five, three] = [window(5), window(3)]
  const twice = b.apply("tabulate", [b.apply("tabulate", [x], five)], three)
  expect([...valueOf(twice, new Map())]).toEqual([27, 36, 45])
  const element = primitives.tabulate.element!
  const i = variable("i", 3)
  const fused = element([i], [], three, (_slot, index) => element(index, [], five, (slot, place) => read("f32", slot, place), x), x)
  expect([...valueOf(b.apply("tabulate", [x], { vars: [i], body: [fused] }), new Map())]).toEqual([27, 36, 45])
})

test("draws depend on the sample's number and the step, not on its place in the batch", () => {
  const b = graphBuilder()
  const index = b.input("#index", "i32", [3])
  const flip = b.apply("draw", [index, b.scalar(0), b.scalar(1)], { dist: "uniform", path: "p.u", site: 99, per: "sample", rest: [2] })
  const order = b.apply("draw", [index], { dist: "permutation", path: "p.perm", site: 5, per: "sample", k: 4, identity: false })
  const shared = b.apply("draw", [b.scalar(0), b.scalar(1)], { dist: "uniform", path: "p.b", site: 3, per: "batch" })
  const run = (numbers: number[], step: number) => evaluate([flip, order, shared], new Map([[index, ndarray("i32", [3], numbers)]]), { seed: 4, step, repeat: 0 }).map((r) => [...r.data])
  const [forward, backward, later] = [run([7, 8, 9], 0), run([9, 8, 7], 0), run([7, 8, 9], 1)]
  expect(forward[0]!.slice(0, 2)).toEqual(backward[0]!.slice(4))
  expect(forward[1]!.slice(0, 4)).toEqual(backward[1]!.slice(8))
  expect(forward[2]).toEqual(backward[2])
  expect(later[0]).not.toEqual(forward[0])
  expect(new Set(forward[1]!.slice(0, 4))).toEqual(new Set([0, 1, 2, 3]))
})

test("the error function is exact to f64", () => {
  // Values of erf from its defining integral, by Simpson's rule with 4000 intervals.
  for (const x of [0.01, 0.5, 1, 2, 3.5, 5]) {
    const h = x / 4000
    let sum = 0
    for (let i = 0; i <= 4000; i++) sum += (i === 0 || i === 4000 ? 1 : i % 2 === 1 ? 4 : 2) * Math.exp(-((i * h) ** 2))
    expect(Math.abs(exactUnary.erf(x) - (2 / Math.sqrt(Math.PI)) * (h / 3) * sum)).toBeLessThan(1e-13)
    expect(exactUnary.erf(-x)).toBe(-exactUnary.erf(x))
  }
})

test("rounding takes halves to even", () => {
  expect(tabulated(unary("neg", f32(-1)))).toBe(1)
  expect([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.4, 2.6].map((x) => tabulated(unary("round", f32(x))) + 0)).toEqual([-2, -2, 0, 0, 2, 2, 2, 3])
})

test("a picture through a long body takes seconds, not minutes", () => {
  const b = graphBuilder()
  const picture = b.input("x", "f32", [16, 3, 224, 224])
  const [n, y, x] = [variable("n", 16), variable("y", 224), variable("x", 224)]
  const cell = add(mul(idiv(y, i32(112)), i32(2)), idiv(x, i32(112)))
  const at = (c: number): Scalar => read("f32", 0, [n, i32(c), mod(add(y, mul(cell, i32(112))), i32(224)), sub(i32(223), x)])
  const colours = [at(0), at(1), at(2)]
  const luma = add(add(mul(colours[0]!, f32(0.2989)), mul(colours[1]!, f32(0.587))), mul(colours[2]!, f32(0.114)))
  const clamp = (e: Scalar): Scalar => binary("min", binary("max", e, f32(0)), f32(1))
  const body = colours.map((colour) => {
    let e = colour
    for (let k = 0; k < 4; k++) e = clamp(add(mul(e, f32(0.9 + k / 10)), mul(luma, f32(0.1))))
    return select(binary("gt", luma, f32(0.5)), e, colour)
  })
  const out = b.apply("tabulate", [picture], { vars: [n, y, x], lanes: 1, body })
  const data = Float64Array.from({ length: 16 * 3 * 224 * 224 }, (_, i) => (i % 251) / 250)
  const start = performance.now()
  const result = valueOf(out, new Map([[picture, ndarray("f32", [16, 3, 224, 224], data)]]), "reference")
  const elapsed = performance.now() - start
  expect(result.length).toBe(data.length)
  expect(elapsed).toBeLessThan(8000)
})

test("comparisons and bit operations are those of JavaScript on 32 bits", () => {
  const pairs = [[1, 2], [2, 1], [3, 3]] as const
  const laws = { lt: (a: number, b: number) => a < b, le: (a: number, b: number) => a <= b, gt: (a: number, b: number) => a > b, ge: (a: number, b: number) => a >= b, eq: (a: number, b: number) => a === b, ne: (a: number, b: number) => a !== b }
  for (const [a, b] of pairs) for (const [fn, law] of Object.entries(laws)) for (const of of [f32, i32, u32]) expect(tabulated(binary(fn as keyof typeof laws, of(a), of(b)))).toBe(Number(law(a, b)))
  for (const fn of ["lt", "le", "gt", "ge", "eq"] as const) expect(tabulated(binary(fn, f32(NaN), f32(1)))).toBe(0)
  expect(tabulated(binary("ne", f32(NaN), f32(NaN)))).toBe(1)
  expect(tabulated(binary("xor", u32(0xf0f0f0f0), u32(0xffff0000)))).toBe(0x0f0ff0f0)
  expect(tabulated(binary("shl", u32(0xc0000001), u32(1)))).toBe(0x80000002)
  expect(tabulated(binary("shr", u32(0x80000000), u32(31)))).toBe(1)
  expect(tabulated(binary("bitand", u32(0xffffffff), u32(0x80000001)))).toBe(0x80000001)
})
