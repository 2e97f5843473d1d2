/** Local identities of scalar expressions, as named data; each comment is the identity. */
import { bool, cast, f32, i32, not, type Scalar, select } from "./scalar.ts"
import type { RuleContext } from "./simplify-scalar.ts"

export interface ScalarRule {
  readonly name: string
  /** The nodes it is asked for; all, where it is left out. */
  readonly on?: Scalar["op"]
  /** A node whose operands are simplified; `undefined` where the rule does not fire. */
  readonly apply: (e: Scalar, c: RuleContext) => Scalar | undefined
}

type Binary = Extract<Scalar, { op: "binary" }>
type Unary = Extract<Scalar, { op: "unary" }>
type Select = Extract<Scalar, { op: "select" }>
type Cast = Extract<Scalar, { op: "cast" }>

const onBinary = (name: string, apply: (e: Binary, c: RuleContext) => Scalar | undefined): ScalarRule => ({ name, on: "binary", apply: (e, c) => (e.op === "binary" ? apply(e, c) : undefined) })
const onUnary = (name: string, apply: (e: Unary, c: RuleContext) => Scalar | undefined): ScalarRule => ({ name, on: "unary", apply: (e, c) => (e.op === "unary" ? apply(e, c) : undefined) })
const onSelect = (name: string, apply: (e: Select, c: RuleContext) => Scalar | undefined): ScalarRule => ({ name, on: "select", apply: (e, c) => (e.op === "select" ? apply(e, c) : undefined) })
const onCast = (name: string, apply: (e: Cast, c: RuleContext) => Scalar | undefined): ScalarRule => ({ name, on: "cast", apply: (e, c) => (e.op === "cast" ? apply(e, c) : undefined) })

const isConst = (x: Scalar, value: number): boolean => x.op === "const" && Object.is(x.value, value)
const isInteger = (x: Scalar): boolean => x.type === "i32" || x.type === "u32"
const isNot = (x: Scalar): x is Unary => x.op === "unary" && x.fn === "not"
const opposite = (a: Scalar, b: Scalar): boolean => (isNot(a) && a.x === b) || (isNot(b) && b.x === a)
const isBinary = (x: Scalar, fn: Binary["fn"]): x is Binary => x.op === "binary" && x.fn === fn
const positive = (x: Scalar): number | undefined => (x.op === "const" && x.value > 0 ? x.value : undefined)

/** An f32 that is an integer of i32, cast or constant, never -0. */
const integerOf = (x: Scalar): Scalar | undefined =>
  x.op === "cast" && x.fn === "f32" && x.x.type === "i32" ? x.x
    : x.op === "const" && x.type === "f32" && Number.isInteger(x.value) && Math.abs(x.value) <= 16777216 && !Object.is(x.value, -0) ? i32(x.value) : undefined

export const scalarRules: readonly ScalarRule[] = [
  // a > b == b < a, a >= b == b <= a
  onBinary("greater-turned", (e) => (e.fn === "gt" ? { ...e, fn: "lt", a: e.b, b: e.a } : e.fn === "ge" ? { ...e, fn: "le", a: e.b, b: e.a } : undefined)),

  // Division of integers: x // 1 == x, x % 1 == 0, x // 0 == x % 0 == 0, 0 // x == 0 % x == 0
  onBinary("division-by-one", (e) => {
    if ((e.fn !== "idiv" && e.fn !== "mod") || !isInteger(e)) return undefined
    if (isConst(e.b, 1)) return e.fn === "idiv" ? e.a : { op: "const", type: e.type, value: 0 }
    return isConst(e.b, 0) || isConst(e.a, 0) ? { op: "const", type: e.type, value: 0 } : undefined
  }),
  // (x // a) // b == x // (a b)
  onBinary("nested-division", (e) => {
    if (e.fn !== "idiv" || !isBinary(e.a, "idiv")) return undefined
    const a = positive(e.a.b)
    const b = positive(e.b)
    return a && b && a * b <= 2147483647 ? { ...e.a, b: { op: "const", type: e.type, value: a * b } } : undefined
  }),
  // (x % a) % b == x % b, where b divides a
  onBinary("nested-remainder", (e) => {
    if (e.fn !== "mod" || e.type === "f32" || !isBinary(e.a, "mod")) return undefined
    const a = positive(e.a.b)
    const b = positive(e.b)
    return a && b && a % b === 0 ? { ...e, a: e.a.a } : undefined
  }),
  // (x % (a b)) // a == (x // a) % b is left alone; x // k == 0 and x % k == x, where 0 <= x < k
  onBinary("division-within-range", (e, c) => {
    if ((e.fn !== "idiv" && e.fn !== "mod") || !isInteger(e)) return undefined
    const x = c.range(e.a)!
    const k = c.range(e.b)!
    if (x.low < 0 || x.high >= k.low) return undefined
    return e.fn === "idiv" ? { op: "const", type: e.type, value: 0 } : e.a
  }),
  // u32: x + 0 == x * 1 == x, x * 0 == 0
  onBinary("unsigned-identity", (e) => {
    if (e.type !== "u32") return undefined
    const zero = [e.a, e.b].find((x) => isConst(x, 0))
    if ((e.fn === "add" || e.fn === "xor" || e.fn === "bitor") && zero) return e.a === zero ? e.b : e.a
    if ((e.fn === "mul" || e.fn === "bitand") && zero) return zero
    if ((e.fn === "sub" || e.fn === "shl" || e.fn === "shr") && isConst(e.b, 0)) return e.a
    if (e.fn === "mul") return isConst(e.a, 1) ? e.b : isConst(e.b, 1) ? e.a : undefined
    return undefined
  }),

  // min(x, x) == x; min(a, b) == a, where a <= b always
  onBinary("extreme-by-range", (e, c) => {
    if (e.fn !== "min" && e.fn !== "max") return undefined
    if (e.a === e.b) return e.a
    const a = c.range(e.a)
    const b = c.range(e.b)
    if (!a || !b) return undefined
    // equal bounds of f32 might be 0 and -0
    const below = (x: typeof a, y: typeof a): boolean => (e.type === "f32" ? x.high < y.low : x.high <= y.low)
    if (below(a, b)) return e.fn === "min" ? e.a : e.b
    return below(b, a) ? (e.fn === "min" ? e.b : e.a) : undefined
  }),
  // min(min(x, a), b) == min(x, min(a, b)), constants
  onBinary("nested-extreme", (e) => {
    if (e.type === "f32" || (e.fn !== "min" && e.fn !== "max") || e.b.op !== "const" || !isBinary(e.a, e.fn) || e.a.b.op !== "const") return undefined
    return { ...e.a, b: { ...e.b, value: (e.fn === "min" ? Math.min : Math.max)(e.a.b.value, e.b.value) } }
  }),
  // min(k, x) == min(x, k) on integers
  onBinary("constant-last", (e) => (isInteger(e.a) && e.a.op === "const" && e.b.op !== "const" && ["min", "max", "eq", "ne"].includes(e.fn) ? { ...e, a: e.b, b: e.a } : undefined)),

  // x < x == false, x <= x == x == x == true on integers
  onBinary("comparison-with-itself", (e) => {
    if (e.a !== e.b || e.a.type === "f32" || e.type !== "bool") return undefined
    if (e.fn === "lt" || e.fn === "ne") return bool(false)
    return e.fn === "le" || e.fn === "eq" ? bool(true) : undefined
  }),
  // f32 and u32 comparisons of ranges that do not meet; no range where a NaN may come
  onBinary("comparison-of-ranges", (e, c) => {
    if (e.type !== "bool" || e.a.type === "bool") return undefined
    const a = c.range(e.a)
    const b = c.range(e.b)
    if (!a || !b) return undefined
    if (e.fn === "lt") return a.high < b.low ? bool(true) : a.low >= b.high ? bool(false) : undefined
    if (e.fn === "le") return a.high <= b.low ? bool(true) : a.low > b.high ? bool(false) : undefined
    if ((e.fn === "eq" || e.fn === "ne") && (a.high < b.low || b.high < a.low)) return bool(e.fn === "ne")
    return undefined
  }),

  // true and x == x, false and x == false, x and x == x, x and not x == false; dually for or
  onBinary("boolean-identity", (e) => {
    if (e.fn !== "and" && e.fn !== "or") return undefined
    const neutral = e.fn === "and" ? 1 : 0
    if (isConst(e.a, neutral)) return e.b
    if (isConst(e.b, neutral) || e.a === e.b) return e.a
    return isConst(e.a, 1 - neutral) || isConst(e.b, 1 - neutral) || opposite(e.a, e.b) ? bool(neutral === 0) : undefined
  }),
  // x and (x or y) == x, x and (x and y) == x and y; dually
  onBinary("absorption", (e) => {
    if (e.fn !== "and" && e.fn !== "or") return undefined
    for (const [x, y] of [[e.a, e.b], [e.b, e.a]] as const) {
      if (y.op === "binary" && (y.fn === "and" || y.fn === "or") && (y.a === x || y.b === x)) return y.fn === e.fn ? y : x
    }
    return undefined
  }),
  // (p == true) == p, (p == false) == not p
  onBinary("boolean-comparison", (e) => {
    if (e.a.type !== "bool" || (e.fn !== "eq" && e.fn !== "ne")) return undefined
    const [p, k] = e.b.op === "const" ? [e.a, e.b] : [e.b, e.a]
    return k.op === "const" ? ((k.value === 1) === (e.fn === "eq") ? p : not(p)) : e.a === e.b ? bool(e.fn === "eq") : undefined
  }),
  // not not x == x; not (a == b) == (a != b), also with NaN; not (a < b) == (b <= a) on integers only
  onUnary("negation", (e) => {
    if (e.fn !== "not") return undefined
    if (isNot(e.x)) return e.x.x
    if (e.x.op !== "binary") return undefined
    if (e.x.fn === "eq") return { ...e.x, fn: "ne" }
    if (e.x.fn === "ne") return { ...e.x, fn: "eq" }
    if (!isInteger(e.x.a)) return undefined
    if (e.x.fn === "lt") return { ...e.x, fn: "le", a: e.x.b, b: e.x.a }
    return e.x.fn === "le" ? { ...e.x, fn: "lt", a: e.x.b, b: e.x.a } : undefined
  }),

  // select(true, a, b) == a; select(c, a, a) == a
  onSelect("decided-select", (e) => (e.condition.op === "const" ? (e.condition.value ? e.then : e.else) : e.then === e.else ? e.then : undefined)),
  // select(not c, a, b) == select(c, b, a)
  onSelect("select-of-negation", (e) => (isNot(e.condition) ? select(e.condition.x, e.else, e.then) : undefined)),
  // select(c, true, false) == c, select(c, a, false) == c and a, select(c, true, b) == c or b
  onSelect("boolean-select", (e) => {
    if (e.type !== "bool") return undefined
    if (isConst(e.then, 1)) return isConst(e.else, 0) ? e.condition : { op: "binary", type: "bool", fn: "or", a: e.condition, b: e.else }
    if (isConst(e.else, 0)) return { op: "binary", type: "bool", fn: "and", a: e.condition, b: e.then }
    return isConst(e.then, 0) && isConst(e.else, 1) ? not(e.condition) : undefined
  }),
  // select(c, select(c, x, y), z) == select(c, x, z)
  onSelect("nested-select", (e) => {
    if (e.then.op === "select" && e.then.condition === e.condition) return { ...e, then: e.then.then }
    return e.else.op === "select" && e.else.condition === e.condition ? { ...e, else: e.else.else } : undefined
  }),

  // i32(f32(x)) == x, where |x| <= 2^24
  onCast("cast-there-and-back", (e, c) => {
    if (e.x.op !== "cast" || e.x.x.type !== e.fn || e.x.fn !== "f32" || !isInteger(e.x.x)) return undefined
    const r = c.range(e.x.x)!
    return r.low >= -16777216 && r.high <= 16777216 ? e.x.x : undefined
  }),
  // Between integers the bits stay: i32(u32(x)) == x
  onCast("cast-of-cast", (e) => (e.x.op === "cast" && e.x.x.type === e.fn && isInteger(e) && isInteger(e.x) ? e.x.x : undefined)),
  // bits there and back
  onCast("bits-there-and-back", (e) => (e.x.op === "cast" && (e.fn === "bits_f32" && e.x.fn === "bits_u32" && e.x.x.type === "f32" || e.fn === "bits_u32" && e.x.fn === "bits_f32") ? e.x.x : undefined)),
  // i32(select(c, 1.0, 0.0)) stays; i32(floor(x)) == i32(x), where x >= 0
  onCast("cast-of-floor", (e, c) => {
    if ((e.fn !== "i32" && e.fn !== "u32") || e.x.op !== "unary" || e.x.fn !== "floor") return undefined
    const r = c.range(e.x.x)
    return r && r.low >= 0 ? cast(e.fn, e.x.x) : undefined
  }),
  // floor(x) == ceil(x) == round(x) == x, where x is an integer
  onUnary("rounding-of-integer", (e, c) => ((e.fn === "floor" || e.fn === "ceil" || e.fn === "round") && (isInteger(e.x) || c.range(e.x)?.integral) ? e.x : undefined)),
  // --x == x, |(-x)| == |x| == x where x >= 0 (f32 too: a sign is a bit)
  onUnary("sign-of-sign", (e) => {
    if (e.fn !== "neg" && e.fn !== "abs" || e.x.op !== "unary") return undefined
    if (e.fn === "neg") return e.x.fn === "neg" ? e.x.x : undefined
    return e.x.fn === "neg" ? { ...e, x: e.x.x } : e.x.fn === "abs" ? e.x : undefined
  }),
  // |x| == x, where x > 0 (or an integer x >= 0)
  onUnary("absolute-by-range", (e, c) => {
    const r = e.fn === "abs" ? c.range(e.x) : undefined
    return r && (e.type === "f32" ? r.low > 0 : r.low >= 0) ? e.x : undefined
  }),
  // isnan(x) == false, isfinite(x) == true, where the range is known or x is no f32
  onUnary("finite-by-range", (e, c) => ((e.fn === "isnan" || e.fn === "isfinite") && (e.x.type !== "f32" || c.range(e.x)) ? bool(e.fn === "isfinite") : undefined)),

  // f32: x * 1 == x / 1 == x - 0 == x + (-0) == x, to the bit
  onBinary("real-identity", (e) => {
    if (e.type !== "f32") return undefined
    if (e.fn === "mul") return isConst(e.b, 1) ? e.a : isConst(e.a, 1) ? e.b : undefined
    if (e.fn === "div" && isConst(e.b, 1)) return e.a
    if (e.fn === "sub" && isConst(e.b, 0)) return e.a
    if (e.fn !== "add") return undefined
    if (isConst(e.b, -0) || isConst(e.b, 0) && integerOf(e.a)) return e.a
    return isConst(e.a, -0) || isConst(e.a, 0) && integerOf(e.b) ? e.b : undefined
  }),
  // f32: x - x == 0, where x is finite
  onBinary("real-difference", (e, c) => (e.type === "f32" && e.fn === "sub" && e.a === e.b && c.range(e.a) ? f32(0) : undefined)),
  // f32(x) + f32(y) == f32(x + y), also - and *, where all three are integers of at most 2^24 (and no product is -0)
  onBinary("integers-in-f32", (e, c) => {
    if (e.type !== "f32" || (e.fn !== "add" && e.fn !== "sub" && e.fn !== "mul")) return undefined
    const a = integerOf(e.a)
    const b = integerOf(e.b)
    if (!a || !b || (a.op === "const" && b.op === "const")) return undefined
    const result: Scalar = { ...e, type: "i32", a, b }
    const [ra, rb, r] = [c.range(a)!, c.range(b)!, c.range(result)!]
    if ([ra, rb, r].some((x) => x.low < -16777216 || x.high > 16777216)) return undefined
    if (e.fn === "mul" && (ra.low < 0 || rb.low < 0) && r.low <= 0 && r.high >= 0) return undefined
    return cast("f32", result)
  }),
  // comparisons of integers in f32 are comparisons of integers
  onBinary("integer-comparison-in-f32", (e, c) => {
    if (e.type !== "bool" || e.a.type !== "f32") return undefined
    const a = integerOf(e.a)
    const b = integerOf(e.b)
    if (!a || !b || (a.op === "const" && b.op === "const")) return undefined
    return [a, b].every((x) => c.range(x)!.low >= -16777216 && c.range(x)!.high <= 16777216) ? { ...e, a, b } : undefined
  }),

  // A sum over a variable of one value, or of none, is its body with that value
  { name: "reduce-over-one", on: "reduce", apply: (e) => {
    if (e.op !== "reduce" || !e.vars.some((v) => v.low === v.high) && e.vars.length > 0) return undefined
    const vars = e.vars.filter((v) => v.low !== v.high)
    return vars.length === 0 ? e.body : { ...e, vars }
  } },
]
