/**
 * Interval analysis of scalar expressions. i32 and u32 always have an interval; an f32 has one where it is known to be
 * finite and no NaN. Intervals of f32 are widened by a little more than any rounding, so that they hold on devices that contract.
 */
import { operands, type Scalar } from "./scalar.ts"

export interface Interval {
  readonly low: number
  readonly high: number
  /** f32: every value is an integer of at most 2^24. */
  readonly integral: boolean
}

export type RangeOf = (e: Scalar) => Interval | undefined

const lowest = -2147483648
const highest = 2147483647
const anyI32: Interval = { low: lowest, high: highest, integral: true }
const anyU32: Interval = { low: 0, high: 4294967295, integral: true }
const exactLimit = 16777216

/** A bound of -0 becomes 0. */
export const interval = (low: number, high: number, integral = true): Interval => ({ low: low + 0, high: high + 0, integral })
export const within = (x: Interval, low: number, high: number): boolean => x.low >= low && x.high <= high

/** i32 arithmetic wraps: a range that leaves i32 says nothing. */
const wrapped = (low: number, high: number): Interval => (low >= lowest && high <= highest ? interval(low, high) : anyI32)

const widened = (low: number, high: number, integral: boolean, scale: number): Interval | undefined => {
  const exact = integral && Math.max(Math.abs(low), Math.abs(high)) <= exactLimit
  const slack = exact ? 0 : scale * 2 ** -21
  const result = interval(low - slack, high + slack, exact)
  return Math.max(-result.low, result.high) < 1e38 ? result : undefined
}

const products = (a: Interval, b: Interval): [number, number] => {
  const all = [a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high]
  return [Math.min(...all), Math.max(...all)]
}

const magnitude = (x: Interval): number => Math.max(Math.abs(x.low), Math.abs(x.high))

const ofUnary = (e: Extract<Scalar, { op: "unary" }>, x: Interval | undefined): Interval | undefined => {
  if (!x) return e.type === "bool" ? interval(0, 1) : boundedF32(e)
  const integer = e.type !== "f32"
  switch (e.fn) {
    case "neg": return integer ? (e.type === "i32" ? wrapped(-x.high, -x.low) : anyU32) : interval(-x.high, -x.low, x.integral)
    case "abs": {
      const low = x.low > 0 ? x.low : x.high < 0 ? -x.high : 0
      return integer ? wrapped(low, magnitude(x)) : interval(low, magnitude(x), x.integral)
    }
    case "sign": return interval(Math.sign(x.low), Math.sign(x.high))
    case "floor": case "ceil": case "round": {
      const step = e.fn === "floor" ? Math.floor : e.fn === "ceil" ? Math.ceil : undefined
      const low = step ? step(x.low) : Math.floor(x.low)
      const high = step ? step(x.high) : Math.ceil(x.high)
      return interval(low, high, Math.max(-low, high) <= exactLimit)
    }
    case "sqrt": return x.low >= 0 ? widened(Math.sqrt(x.low), Math.sqrt(x.high), false, Math.sqrt(x.high)) : undefined
    case "not": case "isnan": case "isfinite": return interval(0, 1)
    default: return boundedF32(e, x)
  }
}

/** Functions whose values are bounded for every argument that is no NaN. */
const boundedF32 = (e: Extract<Scalar, { op: "unary" }>, x?: Interval): Interval | undefined => {
  if (!x) return undefined
  switch (e.fn) {
    case "sin": case "cos": case "tanh": case "erf": return interval(-1.000001, 1.000001, false)
    case "sigmoid": return interval(0, 1.000001, false)
    default: return undefined
  }
}

const ofInteger = (e: Extract<Scalar, { op: "binary" }>, a: Interval, b: Interval): Interval => {
  switch (e.fn) {
    case "add": return wrapped(a.low + b.low, a.high + b.high)
    case "sub": return wrapped(a.low - b.high, a.high - b.low)
    case "mul": return wrapped(...products(a, b))
    case "min": return interval(Math.min(a.low, b.low), Math.min(a.high, b.high))
    case "max": return interval(Math.max(a.low, b.low), Math.max(a.high, b.high))
    case "idiv": {
      if (b.low <= 0) return wrapped(-magnitude(a), magnitude(a))
      const all = [a.low / b.low, a.low / b.high, a.high / b.low, a.high / b.high].map(Math.floor)
      return interval(Math.min(...all), Math.max(...all))
    }
    case "mod": {
      if (b.low <= 0) return b.high >= 0 ? interval(Math.min(0, b.low + 1), Math.max(0, b.high - 1)) : interval(b.low + 1, 0)
      if (b.low === b.high && Math.floor(a.low / b.low) === Math.floor(a.high / b.low)) {
        const whole = b.low * Math.floor(a.low / b.low)
        return interval(a.low - whole, a.high - whole)
      }
      return a.low >= 0 ? interval(0, Math.min(a.high, b.high - 1)) : interval(0, b.high - 1)
    }
    default: return anyI32
  }
}

const ofFloat = (e: Extract<Scalar, { op: "binary" }>, a: Interval, b: Interval): Interval | undefined => {
  const integral = a.integral && b.integral
  switch (e.fn) {
    case "add": return a.low >= 0 && b.low >= 0 ? relaxed(a.low + b.low, a.high + b.high, integral) : widened(a.low + b.low, a.high + b.high, integral, magnitude(a) + magnitude(b))
    case "sub": return widened(a.low - b.high, a.high - b.low, integral, magnitude(a) + magnitude(b))
    case "mul": {
      const [low, high] = products(a, b)
      return relaxed(low, high, integral)
    }
    case "div": {
      if (b.low <= 0 && b.high >= 0) return undefined
      const [low, high] = products(a, interval(1 / b.high, 1 / b.low, false))
      return relaxed(low, high, false)
    }
    case "min": return interval(Math.min(a.low, b.low), Math.min(a.high, b.high), integral)
    case "max": return interval(Math.max(a.low, b.low), Math.max(a.high, b.high), integral)
    default: return undefined
  }
}

/** Rounding of a product or quotient is relative: a bound of zero stays. */
const relaxed = (low: number, high: number, integral: boolean): Interval | undefined => {
  if (integral && Math.max(-low, high) <= exactLimit) return interval(low, high, true)
  const slack = 2 ** -21
  const result = interval(low - Math.abs(low) * slack, high + Math.abs(high) * slack, false)
  return Math.max(-result.low, result.high) < 1e38 ? result : undefined
}

const ofCast = (e: Extract<Scalar, { op: "cast" }>, x: Interval | undefined): Interval | undefined => {
  const from = e.x.type
  if (e.fn === "bool") return interval(0, 1)
  if (e.fn === "bits_u32") return anyU32
  if (e.fn === "bits_f32") return undefined
  if (e.fn === "f32") return x && (magnitude(x) <= exactLimit ? interval(x.low, x.high, from !== "f32" || x.integral) : interval(Math.fround(x.low), Math.fround(x.high), false))
  const whole = e.fn === "i32" ? anyI32 : anyU32
  if (!x) return whole
  // From f32 it truncates and saturates, between integers it keeps the bits.
  const [low, high] = [Math.trunc(x.low), Math.trunc(x.high)]
  if (from === "f32") return interval(Math.max(whole.low, Math.min(whole.high, low)), Math.min(whole.high, Math.max(whole.low, high)))
  return within(x, whole.low, whole.high) ? interval(low, high) : whole
}

/** The interval of one node, given those of its operands. */
const rule = (e: Scalar, of: RangeOf, slots: ReadonlyMap<number, readonly [number, number]> | undefined): Interval | undefined => {
  switch (e.op) {
    case "const": return Number.isFinite(e.value) ? interval(e.value, e.value, e.type !== "f32" || (Number.isInteger(e.value) && Math.abs(e.value) <= exactLimit)) : undefined
    case "var": return interval(e.low, e.high)
    case "unary": return ofUnary(e, of(e.x))
    case "cast": return ofCast(e, of(e.x))
    case "binary": {
      if (e.type === "bool") return interval(0, 1)
      const a = of(e.a)
      const b = of(e.b)
      if (e.type === "u32") return e.fn === "bitand" && a && b ? interval(0, Math.min(a.high, b.high)) : ofUnsigned(e, a ?? anyU32, b ?? anyU32)
      return e.type === "i32" ? ofInteger(e, a ?? anyI32, b ?? anyI32) : a && b && ofFloat(e, a, b)
    }
    case "select": {
      const a = of(e.then)
      const b = of(e.else)
      return a && b && interval(Math.min(a.low, b.low), Math.max(a.high, b.high), a.integral && b.integral)
    }
    case "read": {
      const range = e.range ?? slots?.get(e.slot)
      if (e.type === "bool") return interval(0, 1)
      return e.type === "f32" ? undefined : range ? interval(range[0], range[1]) : e.type === "i32" ? anyI32 : anyU32
    }
    case "reduce": {
      if (e.type === "f32") return undefined
      const body = of(e.body)
      const count = e.vars.reduce((n, v) => n * (v.high - v.low + 1), 1)
      if (!body || e.combine === "prod" || e.type !== "i32") return e.type === "i32" ? anyI32 : e.type === "u32" ? anyU32 : interval(0, 1)
      return e.combine === "sum" ? wrapped(body.low * count, body.high * count) : body
    }
    case "threefry": return anyU32
  }
}

const ofUnsigned = (e: Extract<Scalar, { op: "binary" }>, a: Interval, b: Interval): Interval => {
  if (e.fn === "idiv" && b.low > 0) return interval(Math.floor(a.low / b.high), Math.floor(a.high / b.low))
  if (e.fn === "mod" && b.low > 0) return interval(0, Math.min(a.high, b.high - 1))
  if (e.fn === "shr" && b.low === b.high && b.low < 32) return interval(Math.floor(a.low / 2 ** b.low), Math.floor(a.high / 2 ** b.low))
  if (e.fn === "add" && a.high + b.high <= anyU32.high) return interval(a.low + b.low, a.high + b.high)
  return anyU32
}

/** Intervals with a memory; `slots` are the ranges of integer inputs, `known` says more about some nodes than can be read off them. */
export const intervals = (slots?: ReadonlyMap<number, readonly [number, number]>, known?: RangeOf): RangeOf => {
  const memo = new Map<Scalar, Interval | undefined>()
  return (root) => {
    const stack = [root]
    while (stack.length > 0) {
      const e = stack[stack.length - 1]!
      if (memo.has(e)) {
        stack.pop()
        continue
      }
      const open = operands(e).filter((x) => !memo.has(x))
      if (open.length > 0) {
        stack.push(...open)
        continue
      }
      stack.pop()
      const found = rule(e, (x) => memo.get(x), slots)
      const better = known?.(e)
      memo.set(e, found && better ? interval(Math.max(found.low, better.low), Math.min(found.high, better.high), found.integral || better.integral) : found ?? better)
    }
    return memo.get(root)
  }
}
