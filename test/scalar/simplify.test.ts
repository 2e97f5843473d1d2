/** Every rule of the scalar simplifier fires, and no simplification changes a value. */
import { describe, expect, test } from "vitest"
import { freeVariables } from "../../src/scalar/free-variables.ts"
import { canonical } from "../../src/scalar/intern.ts"
import { intervals } from "../../src/scalar/interval.ts"
import { mergeSelect } from "../../src/scalar/merge.ts"
import { printScalar } from "../../src/scalar/print-scalar.ts"
import { simplifyAlike } from "../../src/scalar/simplify-alike.ts"
import { allRules, simplify } from "../../src/scalar/simplify-scalar.ts"
import {
  type BinaryFn, type CastFn, type Scalar, type UnaryFn, type Var, add, and, binary, bool, cast, constant, eq, f32, floor, i32, idiv, le, lt, mapScalar, max, min, mod, mul, neg, not, operands, or,
  read, reduce, select, sub, u32, unary, variable,
} from "../../src/scalar/scalar.ts"
import { evaluate, type ReadElement } from "./evaluate.ts"

const x = variable("x", 32)
const y = variable("y", 32)
const big: Scalar = read("i32", 0, [x])
const real: Scalar = read("f32", 1, [x])
const flag: Scalar = read("bool", 2, [x])
const flag2: Scalar = read("bool", 2, [y])
const word: Scalar = read("u32", 3, [x])
const node = (fn: BinaryFn, a: Scalar, b: Scalar): Scalar => binary(fn, a, b)

const text = (e: Scalar): string => printScalar(simplify([e])[0]!)

/** For each rule: expressions on which it fires, and what they become. */
const cases: readonly (readonly [string, Scalar, string])[] = [
  ["constant-folding", node("mul", f32(3), f32(0.1)), String(Math.fround(3 * Math.fround(0.1)))],
  ["constant-folding", node("lt", f32(NaN), f32(1)), "false"],
  ["constant-folding", cast("i32", unary("floor", node("div", f32(7), f32(2)))), "3"],
  ["constant-folding", { op: "threefry", type: "u32", word: 0, key: [u32(0), u32(0)], counter: [u32(0), u32(0)] }, String(0x6b200159)],
  ["single-value", node("idiv", x, i32(32)), "0"],
  ["affine-collection", sub(add(add(x, y), i32(3)), add(x, i32(1))), "y + 2"],
  ["affine-collection", add(mul(add(x, i32(1)), i32(8)), neg(mul(i32(8), x))), "8"],
  ["affine-collection", add(mul(idiv(big, i32(8)), i32(8)), mod(big, i32(8))), "#0[x]"],
  ["division-of-sum", idiv(add(mul(y, i32(32)), x), i32(32)), "y"],
  ["division-of-sum", mod(add(mul(y, i32(32)), x), i32(32)), "x"],
  ["division-of-sum", idiv(add(mul(y, i32(64)), x), i32(8)), "y * 8 + x // 8"],
  ["comparison-by-range", lt(x, add(x, i32(1))), "true"],
  ["comparison-by-range", le(i32(0), x), "true"],
  ["comparison-by-range", eq(add(x, i32(40)), y), "false"],
  ["greater-turned", node("gt", real, f32(1)), "1.0 < #1[x]"],
  ["division-by-one", node("mod", word, u32(1)), "0"],
  ["division-by-one", node("idiv", big, i32(0)), "0"],
  ["nested-division", idiv(idiv(big, i32(4)), i32(2)), "#0[x] // 8"],
  ["nested-remainder", mod(mod(big, i32(8)), i32(4)), "#0[x] % 4"],
  ["division-within-range", node("mod", x, add(y, i32(40))), "x"],
  ["unsigned-identity", node("xor", word, u32(0)), "#3[x]"],
  ["extreme-by-range", min(max(x, i32(0)), i32(31)), "x"],
  ["extreme-by-range", max(x, add(y, i32(31))), "y + 31"],
  ["nested-extreme", min(min(big, i32(9)), i32(7)), "min(#0[x], 7)"],
  ["constant-last", node("eq", i32(3), big), "#0[x] == 3"],
  ["comparison-with-itself", lt(word, word), "false"],
  ["comparison-of-ranges", lt(cast("f32", x), f32(100.5)), "true"],
  ["boolean-identity", node("and", flag, not(flag)), "false"],
  ["absorption", and(flag, or(flag2, flag)), "#2[x]"],
  ["boolean-comparison", node("eq", flag, bool(false)), "not #2[x]"],
  ["negation", not(lt(big, i32(3))), "3 <= #0[x]"],
  ["negation", not(eq(real, f32(3))), "#1[x] != 3.0"],
  ["decided-select", select(le(i32(0), x), real, f32(0)), "#1[x]"],
  ["select-of-negation", select(not(flag), f32(1), real), "select(#2[x], #1[x], 1.0)"],
  ["boolean-select", select(flag, flag2, bool(false)), "#2[x] and #2[y]"],
  ["nested-select", select(flag, select(flag, real, f32(1)), f32(2)), "select(#2[x], #1[x], 2.0)"],
  ["cast-there-and-back", cast("i32", cast("f32", x)), "x"],
  ["cast-of-cast", cast("i32", cast("u32", big)), "#0[x]"],
  ["bits-there-and-back", cast("bits_f32", cast("bits_u32", real)), "#1[x]"],
  ["cast-of-floor", cast("i32", floor(node("mul", cast("f32", x), f32(0.3)))), `i32(f32(x) * ${Math.fround(0.3)})`],
  ["rounding-of-integer", floor(cast("f32", x)), "f32(x)"],
  ["sign-of-sign", neg(neg(real)), "#1[x]"],
  ["sign-of-sign", unary("abs", neg(real)), "abs(#1[x])"],
  ["absolute-by-range", unary("abs", x), "x"],
  ["finite-by-range", unary("isnan", cast("f32", x)), "false"],
  ["real-identity", node("mul", real, f32(1)), "#1[x]"],
  ["real-identity", node("add", cast("f32", big), f32(0)), "f32(#0[x])"],
  ["real-difference", node("sub", cast("f32", big), cast("f32", big)), "0.0"],
  ["integers-in-f32", cast("i32", floor(node("sub", f32(31), cast("f32", x)))), "31 - x"],
  ["integer-comparison-in-f32", lt(cast("f32", x), cast("f32", y)), "x < y"],
  ["reduce-over-one", reduce("sum", [variable("k", 1)], real), "#1[x]"],
]

describe("rules", () => {
  test.each(cases)("%s fires", (name, before, after) => {
    const fired: string[] = []
    const result = simplify([before], undefined, (rule) => fired.push(rule))[0]!
    expect(fired).toContain(name)
    expect(printScalar(result)).toBe(after)
  })

  test("every rule has a case", () => {
    expect(allRules.filter((rule) => !cases.some(([name]) => name === rule.name)).map((rule) => rule.name)).toEqual([])
    expect(new Set(allRules.map((rule) => rule.name)).size).toBe(allRules.length)
  })
})

test("nothing is assumed of an f32 that may be NaN", () => {
  for (const e of [lt(real, real), node("eq", real, real), not(lt(real, f32(1))), node("sub", real, real), node("mul", real, f32(0)), min(max(real, f32(0)), f32(1)), node("add", real, f32(0))]) {
    expect(printScalar(simplify([e])[0]!)).toBe(printScalar(e))
  }
})

test("a jigsaw's coordinates collapse: pieces and offsets recombine, clamps vanish", () => {
  const piece = add(mul(idiv(y, i32(16)), i32(2)), idiv(x, i32(16)))
  const perm = read("i32", 5, [piece], [0, 3])
  const sx = min(max(add(mul(mod(perm, i32(2)), i32(16)), mod(x, i32(16))), i32(0)), i32(31))
  expect(text(sx)).toBe("x % 16 + #5[x // 16 + y // 16 * 2] % 2 * 16")
  // the identity permutation gives the picture itself
  const back = add(mul(mod(piece, i32(2)), i32(16)), mod(x, i32(16)))
  expect(text(back)).toBe("x")
  expect(text(add(mul(idiv(piece, i32(2)), i32(16)), mod(y, i32(16))))).toBe("y")
})

test("a quotient and a remainder of one number come together again, the quotient of a remainder too", () => {
  expect(text(add(mul(idiv(x, i32(8)), i32(8)), mod(x, i32(8))))).toBe("x")
  expect(text(add(mul(idiv(mod(x, i32(16)), i32(4)), i32(4)), mod(x, i32(4))))).toBe("x % 16")
  expect(text(add(mul(idiv(x, i32(16)), i32(16)), add(mul(idiv(mod(x, i32(16)), i32(4)), i32(4)), mod(x, i32(4)))))).toBe("x")
  expect(text(add(mul(idiv(mod(x, i32(10)), i32(4)), i32(4)), mod(x, i32(4))))).toBe("x % 4 + x % 10 // 4 * 4")
})

test("two flips and a shift back are nothing", () => {
  const flip = (e: Scalar): Scalar => sub(i32(31), e)
  expect(text(flip(flip(x)))).toBe("x")
  expect(text(min(max(flip(flip(add(x, i32(0)))), i32(0)), i32(31)))).toBe("x")
})

// ---- random programs -------------------------------------------------------------------------------------------------

const generator = (seed: number): ((n: number) => number) => {
  let state = seed >>> 0
  return (n) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0
    return (state >>> 7) % n
  }
}

const reals = [0, -0, 1, -1, 0.5, 2, 16, 31, NaN, Infinity, 1e-3, 16777216, 0.1]
const wholes = [0, 1, -1, 2, 3, 4, 8, 16, 31, 32, 7, -8, 2147483647, -2147483648, 1 << 20]

const randomScalar = (pick: (n: number) => number, vars: readonly Var[], type: Scalar["type"], depth: number): Scalar => {
  const sub_ = (t: Scalar["type"]): Scalar => randomScalar(pick, vars, t, depth - 1)
  const one = <T>(xs: readonly T[]): T => xs[pick(xs.length)]!
  if (depth === 0 || pick(8) === 0) {
    if (type === "i32") return pick(3) ? one(vars) : pick(2) ? i32(one(wholes)) : read("i32", 0, [one(vars)], pick(2) ? [0, 40] : undefined)
    if (type === "f32") return pick(2) ? cast("f32", one(vars)) : pick(2) ? f32(one(reals)) : read("f32", 1, [one(vars)])
    if (type === "u32") return pick(2) ? u32(one(wholes)) : cast("u32", one(vars))
    return pick(2) ? bool(pick(2) === 1) : read("bool", 2, [one(vars)])
  }
  if (pick(6) === 0) return select(sub_("bool"), sub_(type), sub_(type))
  switch (type) {
    case "i32":
      if (pick(6) === 0) return pick(2) ? cast("i32", sub_("f32")) : unary(one<UnaryFn>(["neg", "abs", "sign"]), sub_("i32"))
      if (pick(2)) return binary(one<BinaryFn>(["idiv", "mod", "mul", "add"]), sub_("i32"), i32(one(wholes)))
      return binary(one<BinaryFn>(["add", "sub", "mul", "idiv", "mod", "min", "max", "add", "sub"]), sub_("i32"), sub_("i32"))
    case "u32":
      if (pick(5) === 0) return cast(one<CastFn>(["u32", "bits_u32"]), sub_("f32"))
      return binary(one<BinaryFn>(["add", "sub", "mul", "idiv", "mod", "min", "max", "xor", "shl", "shr", "bitand", "bitor"]), sub_("u32"), sub_("u32"))
    case "f32":
      if (pick(4) === 0) return unary(one<UnaryFn>(["neg", "abs", "floor", "ceil", "round", "sqrt", "sign"]), sub_("f32"))
      if (pick(6) === 0) return cast("f32", sub_("i32"))
      return binary(one<BinaryFn>(["add", "sub", "mul", "div", "min", "max"]), sub_("f32"), sub_("f32"))
    case "bool": {
      if (pick(4) === 0) return unary("not", sub_("bool"))
      if (pick(3) === 0) return binary(one<BinaryFn>(["and", "or", "eq", "ne"]), sub_("bool"), sub_("bool"))
      const t = one<Scalar["type"]>(["i32", "f32", "u32"])
      return binary(one<BinaryFn>(["lt", "le", "gt", "ge", "eq", "ne"]), sub_(t), sub_(t))
    }
  }
}

const vars = [variable("a", 8), variable("b", 16), { ...variable("c", 4), low: -3, high: 5 }, variable("one", 1)]
const elements: ReadElement = (slot, index) => {
  const i = index.reduce((s, v) => (Math.imul(s, 31) + v) | 0, slot)
  const h = Math.imul(i ^ 0x5bd1e995, 0x27d4eb2f) >>> 0
  return slot === 0 ? h % 41 : slot === 2 ? h & 1 : h % 7 === 0 ? NaN : Math.fround((h % 2001) / 100 - 10)
}
const point = (pick: (n: number) => number): Map<Var, number> => new Map(vars.map((v) => [v, v.low + pick(v.high - v.low + 1)]))

test("simplified expressions have the same value to the bit, on 6,000 random programs", () => {
  const fired = new Set<string>()
  const again = new Set<string>()
  for (let seed = 1; seed <= 6000; seed++) {
    const pick = generator(seed)
    const e = randomScalar(pick, vars, (["i32", "i32", "f32", "bool", "u32"] as const)[seed % 5]!, 2 + (seed % 5))
    const [s] = simplify([e], undefined, (rule) => fired.add(rule))
    for (let k = 0; k < 6; k++) {
      const at = point(pick)
      const before = evaluate(e, at, elements)
      const after = evaluate(s!, at, elements)
      if (!Object.is(before, after)) throw new Error(`seed ${seed}: ${before} became ${after}\n${printScalar(e)}\n${printScalar(s!)}`)
    }
    // a second time only the order of terms may change
    simplify([s!], undefined, (rule) => rule !== "affine-collection" && again.add(`${rule} at seed ${seed}`))
  }
  expect([...again]).toEqual([])
  expect(fired.size).toBeGreaterThan(25)
}, 60_000)

/** The same expression of other variables with the same ranges, and of other slots. */
const renamed = (e: Scalar): Scalar => {
  const memo = new Map<Scalar, Scalar>(vars.map((v) => [v, { ...v, name: `${v.name}0` }]))
  return mapScalar(e, (x) => (x.op === "read" ? { ...x, slot: 9 - x.slot } : x), memo)
}

test("what differs in variables and slots alone is simplified once, to what it would become by itself", () => {
  const alike = simplifyAlike()
  for (let seed = 1; seed <= 1500; seed++) {
    const pick = generator(seed * 3 + 2)
    const roots = [randomScalar(pick, vars, "i32", 3), randomScalar(pick, vars, "f32", 3)]
    for (const same of [roots, roots.map(renamed), roots]) {
      const e = canonical(same)
      expect(alike(e).map(printScalar), `seed ${seed}`).toEqual(simplify(e).map(printScalar))
    }
  }
  const row = variable("k", 3)
  const over = (slot: number, v: Var): Scalar => reduce("sum", [v], binary("mul", read("f32", slot, [add(v, i32(0)), x]), f32(2)))
  const [first, second] = [over(3, row), over(5, { ...row, name: "j" })]
  expect([...alike([first]), ...alike([second])].map(printScalar)).toEqual(["sum k in 0..2 (#3[k, x] * 2.0)", "sum j in 0..2 (#5[j, x] * 2.0)"])
  // What is simple stays the object that it was.
  expect(alike([read("f32", 6, [y])])[0]).not.toBe(real)
  expect(alike([real])[0]).toBe(real)
})

test("free variables are those that no reduction around them binds", () => {
  const k = variable("k", 3)
  const sum = reduce("sum", [k], read("f32", 7, [k, x]))
  const free = freeVariables(() => true)
  expect([...free(sum)]).toEqual([x])
  expect([...free(binary("mul", sum, cast("f32", k)))]).toEqual([x, k])
  expect([...freeVariables((v) => v !== x)(sum)]).toEqual([])
  const place = add(x, y)
  expect([...freeVariables(() => true, place)(read("f32", 7, [place, y]))]).toEqual([y])
})

test("intervals hold at random points", () => {
  for (let seed = 1; seed <= 3000; seed++) {
    const pick = generator(seed * 7 + 1)
    const e = randomScalar(pick, vars, seed % 2 ? "i32" : "f32", 2 + (seed % 4))
    const range = intervals()(e)
    for (let k = 0; k < 6 && range; k++) {
      const value = evaluate(e, point(pick), elements)
      expect(value >= range.low && value <= range.high, `seed ${seed}: ${value} outside [${range.low}, ${range.high}] of ${printScalar(e)}`).toBe(true)
      if (range.integral) expect(Number.isInteger(value)).toBe(true)
    }
  }
})

test("merged selects have the same value as the select, and read each picture once", () => {
  for (let seed = 1; seed <= 2000; seed++) {
    const pick = generator(seed * 13 + 5)
    const type = (["i32", "f32", "bool"] as const)[seed % 3]!
    const condition = randomScalar(pick, vars, "bool", 2)
    const a = randomScalar(pick, vars, type, 3)
    // b is a with a part or two exchanged
    const b = pick(2) ? randomScalar(pick, vars, type, 3) : exchange(a, pick)
    const merged = mergeSelect(condition, a, b)
    for (let k = 0; k < 4; k++) {
      const at = point(pick)
      expect(Object.is(evaluate(merged, at, elements), evaluate(condition, at, elements) ? evaluate(a, at, elements) : evaluate(b, at, elements)), `seed ${seed}: ${printScalar(merged)}`).toBe(true)
    }
  }
  const picture = (row: Scalar, column: Scalar): Scalar => binary("mul", read("f32", 7, [row, column]), f32(2))
  const inside = lt(x, i32(9))
  const merged = mergeSelect(inside, picture(y, sub(i32(31), x)), picture(y, x))
  expect(printScalar(merged)).toBe("#7[y, select(x < 9, 31 - x, x)] * 2.0")
  const row = variable("k", 3)
  const over = (index: Scalar): Scalar => reduce("sum", [row], read("f32", 7, [row, index]))
  expect(printScalar(mergeSelect(inside, over(x), over(y)))).toBe("sum k in 0..2 (#7[k, select(x < 9, x, y)])")
})

const exchange = (e: Scalar, pick: (n: number) => number): Scalar => {
  if (e.type === "i32" && pick(4) === 0) return add(e, i32(pick(3) + 1))
  const parts = operands(e)
  if (parts.length === 0) return e.type === "f32" ? constant(pick(4), "f32") : e
  switch (e.op) {
    case "unary": case "cast": return { ...e, x: exchange(e.x, pick) }
    case "binary": return pick(2) ? { ...e, a: exchange(e.a, pick) } : { ...e, b: exchange(e.b, pick) }
    case "select": return { ...e, then: exchange(e.then, pick) }
    default: return e
  }
}

test("structurally equal expressions become one object, however deep", () => {
  const build = (): Scalar => add(mul(idiv(x, i32(3)), i32(2)), read("i32", 0, [x], [0, 9]))
  const [a, b] = canonical([build(), build()])
  expect(a).toBe(b)
  const twin: Var = { ...x }
  const [p, q] = canonical([add(x, i32(1)), add(twin, i32(1))])
  expect(p).not.toBe(q)
  let deep: Scalar = big
  for (let i = 0; i < 50_000; i++) deep = binary("min", deep, read("i32", 0, [i32(i % 10)]))
  let again: Scalar = big
  for (let i = 0; i < 50_000; i++) again = binary("min", again, read("i32", 0, [i32(i % 10)]))
  const [d1, d2] = canonical([deep, again])
  expect(d1).toBe(d2)
  expect(intervals()(simplify([deep])[0]!)).toBeDefined()
})

test("printed expressions name shared parts once and keep operator order", () => {
  const shared = add(mul(x, i32(3)), y)
  expect(printScalar(sub(x, sub(y, i32(1))))).toBe("x - (y - 1)")
  expect(printScalar(mul(shared, shared))).toBe("%0 = x * 3 + y; %0 * %0")
  expect(printScalar(select(flag, f32(-0), real))).toBe("select(#2[x], -0.0, #1[x])")
})
