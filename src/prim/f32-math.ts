/** Every scalar function on f32 values, rounded step by step as the kernels compute it; `ulp.ts` states the bounds. */
import type { BinaryFn, UnaryFn } from "../scalar/scalar.ts"
import { bitsOf, ofBits, powerOfTwo, roundEven } from "./f32-bits.ts"
import { cosh, erf, exp, expm1, log, log1p, pow, sigmoid, sinh, softplus, tanh } from "./f32-exponential.ts"
import { acos, asin, atan, atan2, cos, sin, tan } from "./f32-trigonometric.ts"

const f = Math.fround

/** The floored remainder, exact before the sign is mended: long division of the significands, eight bits at a time. */
export const floorMod = (a: number, b: number): number => {
  if (a !== a || b !== b || b === 0 || Math.abs(a) === Infinity) return NaN
  const rest = Math.abs(b) === Infinity ? Math.abs(a) : truncatedRemainder(bitsOf(a) & 0x7fffffff, bitsOf(b) & 0x7fffffff)
  if (rest === 0) return b < 0 ? -0 : 0
  const aligned = a < 0 === b < 0
  const y = aligned ? rest : f(Math.abs(b) - rest)
  return b < 0 ? -y : y
}

/** Of two positive finite numbers given by their bits. */
const truncatedRemainder = (a: number, b: number): number => {
  if (a < b) return ofBits(a)
  const exponentB = Math.max(b >>> 23, 1)
  const significand = (x: number): number => (x >= 0x00800000 ? (x & 0x7fffff) | 0x800000 : x)
  const divisor = significand(b)
  let rest = significand(a) % divisor
  let left = Math.max(a >>> 23, 1) - exponentB
  while (left > 0) {
    const step = Math.min(left, 8)
    rest = ((rest << step) >>> 0) % divisor
    left -= step
  }
  const half = (exponentB - 150) >> 1
  return f(f(rest * powerOfTwo(half)) * powerOfTwo(exponentB - 150 - half))
}

const unaries: { readonly [fn in UnaryFn]: (x: number) => number } = {
  neg: (x) => -x, abs: Math.abs, sign: Math.sign, floor: Math.floor, ceil: Math.ceil, round: roundEven,
  sqrt: (x) => f(Math.sqrt(x)), rsqrt: (x) => f(1 / f(Math.sqrt(x))),
  exp, log, log1p, expm1, sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, sigmoid, softplus, erf,
  not: (x) => Number(x === 0), isnan: (x) => Number(x !== x), isfinite: (x) => Number(Number.isFinite(x)),
}

const binaries: { readonly [fn in BinaryFn]: ((a: number, b: number) => number) | undefined } = {
  add: (a, b) => f(a + b), sub: (a, b) => f(a - b), mul: (a, b) => f(a * b), div: (a, b) => f(a / b), mod: floorMod,
  // a NaN wins
  min: Math.min, max: Math.max, pow, atan2,
  eq: (a, b) => Number(a === b), ne: (a, b) => Number(a !== b), lt: (a, b) => Number(a < b), le: (a, b) => Number(a <= b),
  gt: (a, b) => Number(a > b), ge: (a, b) => Number(a >= b),
  idiv: undefined, and: undefined, or: undefined, xor: undefined, shl: undefined, shr: undefined, bitand: undefined, bitor: undefined,
}

/** The operand is an f32; predicates give 0 or 1. */
export const unaryF32 = (fn: UnaryFn, x: number): number => unaries[fn](x)

/** Both operands are f32; comparisons give 0 or 1. */
export const binaryF32 = (fn: BinaryFn, a: number, b: number): number => {
  const compute = binaries[fn]
  if (!compute) throw new Error(`${fn} is not defined on f32: the checker lets it through only on integers`)
  return compute(a, b)
}
