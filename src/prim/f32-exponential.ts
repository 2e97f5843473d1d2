/**
 * exp, log and their kin in f32, step by step as the WGSL of `backend/wgsl/math-exponential.ts` computes them.
 *
 * The steps must not depend on how a device contracts products and sums: where a rounding error is taken back,
 * the value it is taken from went through `high12` or `high16` first.
 */
import { bitsOf, high12, high16, ofBits, polynomial, powerOfTwo, roundEven } from "./f32-bits.ts"
import { atanhTail, erfcLog, erfTail, expTail, ln2, log2e, log2e12, logTail, sinhTail } from "./polynomials.ts"

const f = Math.fround

/** y * 2^k for |k| <= 252, in two exact steps. */
const scale = (y: number, k: number): number => f(f(y * powerOfTwo(k >> 1)) * powerOfTwo(k - (k >> 1)))

/** c as n log 2 + r, |r| <= 0.51. */
const reduced = (c: number): { n: number; r: number } => {
  const n = roundEven(f(c * log2e))
  return { n, r: f(f(c - f(n * ln2[0])) - f(n * ln2[1])) }
}

/** e^r - 1 for |r| <= 0.51. */
const expMinusOne = (r: number): number => f(r + f(f(r * r) * polynomial(r, expTail)))

/** e^x * 2^shift for |shift| <= 2, without overflow on the way. */
const expScaled = (x: number, shift: number): number => {
  if (x !== x) return x
  const clamped = f(Math.max(-120, Math.min(120, x)))
  const { n, r } = reduced(clamped)
  return scale(f(1 + expMinusOne(r)), n + shift)
}
export const exp = (x: number): number => expScaled(x, 0)

export const expm1 = (x: number): number => {
  if (x !== x || Math.abs(x) < 2 ** -25) return x
  if (Math.abs(x) <= 0.5) return expMinusOne(x)
  if (x < -17.5) return -1
  const clamped = f(Math.min(120, x))
  const { n, r } = reduced(clamped)
  if (n > 30) return expScaled(x, 0)
  const s = powerOfTwo(n)
  return f(f(s * expMinusOne(r)) + f(s - 1))
}

/** A positive finite x as 2^k * (1 + r) with 1 + r in [sqrt(1/2), sqrt(2)); subnormal numbers by their bits. */
const decompose = (x: number): { k: number; r: number } => {
  const given = bitsOf(x)
  const tiny = given < 0x00800000
  const bits = (tiny ? bitsOf(given) : given) + (0x3f800000 - 0x3f3504f3)
  return { k: (bits >>> 23) - 127 - (tiny ? 149 : 0), r: f(ofBits((bits & 0x7fffff) + 0x3f3504f3) - 1) }
}

/** k log 2 + log(1 + r) + c, where c is far smaller than the rest. */
const logSum = (k: number, r: number, c: number): number => {
  const z = f(r * r)
  const tail = f(f(z * r) * polynomial(r, logTail))
  const whole = f(k * ln2[0])
  const high = high16(f(whole + r))
  const low = f(f(whole - high) + r)
  return f(high + f(low + f(f(tail + f(f(k * ln2[1]) + c)) - f(0.5 * z))))
}

export const log = (x: number): number => {
  if (!(x > 0)) return x === 0 ? -Infinity : NaN
  if (x === Infinity) return x
  const { k, r } = decompose(x)
  return logSum(k, r, 0)
}

export const log1p = (x: number): number => {
  if (!(x > -1)) return x === -1 ? -Infinity : NaN
  if (x === Infinity || Math.abs(x) < 2 ** -25) return x
  if (x > -0.29 && x < 0.41) return logSum(0, x, 0)
  const near = f(1 + x)
  const u = x > -0.5 ? ofBits(bitsOf(near) & 0xfffffff0) : near
  const c = x > -0.5 ? f(f(x - f(u - 1)) / u) : 0
  const { k, r } = decompose(u)
  return logSum(k, r, c)
}

export const sinh = (x: number): number => {
  const a = Math.abs(x)
  if (x !== x) return x
  if (a < 1) return oddTail(x, sinhTail)
  const t = expScaled(a, -1)
  const y = f(t - f(0.25 / t))
  return x < 0 ? -y : y
}

export const cosh = (x: number): number => {
  if (x !== x) return x
  const t = expScaled(Math.abs(x), -1)
  return f(t + f(0.25 / t))
}

/** e / (e + 2), where e = e^(2|x|) - 1. */
export const tanh = (x: number): number => {
  const a = Math.abs(x)
  if (x !== x || a < 2 ** -13) return x
  const t = Math.min(f(a + a), 20)
  const { n, r } = reduced(t)
  const s = powerOfTwo(n)
  const e = f(f(s * expMinusOne(r)) + f(s - 1))
  const y = f(e / f(e + 2))
  return x < 0 ? -y : y
}

/** x + x^3 P(x^2). */
const oddTail = (x: number, coefficients: readonly number[]): number => {
  const z = f(x * x)
  return f(x + f(f(x * z) * polynomial(z, coefficients)))
}

/** e / (1 + e) or 1 / (1 + e), where e = e^-|x|; below 2^-126 it is 0. */
export const sigmoid = (x: number): number => {
  if (x !== x) return x
  const t = Math.max(-Math.abs(x), -88)
  const { n, r } = reduced(t)
  const e = n < -126 ? 0 : f(powerOfTwo(n) * f(1 + expMinusOne(r)))
  return f((x >= 0 ? 1 : e) / f(1 + e))
}

export const softplus = (x: number): number => (x !== x ? x : f(Math.max(x, 0) + log1p(expScaled(-Math.abs(x), 0))))

export const erf = (x: number): number => {
  const a = Math.abs(x)
  if (x !== x) return x
  // one product: a device may lose the tail of a very small sum
  if (a < 2 ** -12) return f(x * 1.128379225730896)
  if (a < 0.92) return f(x + f(x * polynomial(f(x * x), erfTail)))
  const y = a > 4 ? 1 : f(1 - expScaled(polynomial(f(a - 2), erfcLog), 0))
  return x < 0 ? -y : y
}

/** IEEE 754 `pow`: the logarithm to base two in two parts, times y, and back. */
export const pow = (x: number, y: number): number => {
  if (y === 0 || x === 1) return 1
  if (x !== x || y !== y) return NaN
  const a = Math.abs(x)
  const whole = Math.floor(y) === y
  const odd = whole && Math.abs(y) < 16777216 && (y & 1) !== 0
  const negative = odd && (x < 0 || Object.is(x, -0))
  const signed = (v: number): number => (negative ? -v : v)
  if (a === 0) return signed(y > 0 ? 0 : Infinity)
  if (a === Infinity) return signed(y > 0 ? Infinity : 0)
  if (x < 0 && !whole) return NaN
  if (a === 1) return signed(1)
  return signed(powPositive(a, f(Math.max(-(2 ** 60), Math.min(2 ** 60, y)))))
}

/** a^y for positive finite a other than 1 and |y| <= 2^60. */
const powPositive = (a: number, y: number): number => {
  const { k, r } = decompose(a)
  // log(1 + r) = 2 s + s^3 Q(s^2) with s = r / (2 + r) in two parts
  const d = f(2 + r)
  const dHigh = high12(d)
  const dLow = f(r - f(dHigh - 2))
  const s = f(r / d)
  const sHigh = high12(s)
  const sLow = f(f(f(r - f(sHigh * dHigh)) - f(sHigh * dLow)) / d)
  const z = f(s * s)
  const tail = f(f(s * z) * polynomial(z, atanhTail))
  const uHigh = f(2 * sHigh)
  const uLow = f(f(2 * sLow) + tail)
  const p = f(uHigh * log2e12[0])
  const q = f(f(uHigh * log2e12[1]) + f(uLow * log2e))
  const high = high12(f(k + f(p + q)))
  const low = f(f(f(k - high) + p) + q)
  const yHigh = high12(y)
  const product = f(yHigh * high)
  const rest = f(f(f(y - yHigh) * high) + f(y * low))
  const total = f(product + rest)
  if (total >= 129) return Infinity
  if (total <= -152) return 0
  const n = roundEven(total)
  const t = f(f(f(product - n) + rest) * 0.6931471824645996)
  return scale(f(1 + expMinusOne(t)), n)
}
