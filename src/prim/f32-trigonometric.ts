/**
 * sin, cos, tan and their inverses in f32, step by step as the WGSL of `backend/wgsl/math-trigonometric.ts` computes them.
 * Angles below 2048 are reduced by Cody and Waite's method, larger ones by Payne and Hanek's, in integers.
 */
import { bitsOf, high12, high16, high21, multiplyHigh, polynomial, powerOfTwo, roundEven } from "./f32-bits.ts"
import { asinTail, atanAt, atanTail, cosTail, halfPi, halfPi12, halfPiParts, pi, sinTail, tau12, twoOverPi, twoOverPiWords } from "./polynomials.ts"

const f = Math.fround

/** x = quadrant * pi/2 + high + low, |high| a little over pi/4 at most. */
interface Reduced { readonly quadrant: number; readonly high: number; readonly low: number }

const reduce = (x: number): Reduced => {
  const a = Math.abs(x)
  if (a < 0.7854) return { quadrant: 0, high: x, low: 0 }
  return a < 2048 ? reduceSmall(x) : reduceLarge(x)
}

const reduceSmall = (x: number): Reduced => {
  const n = roundEven(f(x * twoOverPi))
  // n has 11 bits: the first three products are exact
  const t = f(f(x - f(n * halfPiParts[0])) - f(n * halfPiParts[1]))
  const v = f(n * halfPiParts[2])
  const high = high21(f(t - v))
  return { quadrant: n & 3, high, low: f(f(f(t - high) - v) - f(n * halfPiParts[3])) }
}

const reduceLarge = (x: number): Reduced => {
  const bits = bitsOf(x)
  const m = (bits & 0x7fffff) | 0x800000
  // 96 bits of 2/pi from the bit of weight 2 on, after scaling by the exponent
  const start = ((bits >>> 23) & 255) - 150 + 30
  const word = start >> 5
  const shift = start & 31
  const window = (i: number): number => ((twoOverPiWords[word + i]! << shift) | ((twoOverPiWords[word + i + 1]! >>> 1) >>> (31 - shift))) >>> 0
  const w0 = window(0)
  const w1 = window(1)
  const w2 = window(2)
  const p2 = Math.imul(m, w2) >>> 0
  const p1 = (Math.imul(m, w1) + multiplyHigh(m, w2)) >>> 0
  const carry = p1 < Math.imul(m, w1) >>> 0 ? 1 : 0
  const p0 = (Math.imul(m, w0) + multiplyHigh(m, w1) + carry) >>> 0
  let f0 = ((p0 << 2) | (p1 >>> 30)) >>> 0
  let f1 = ((p1 << 2) | (p2 >>> 30)) >>> 0
  const up = f0 >>> 31
  if (up) {
    f1 = (~f1 + 1) >>> 0
    f0 = (~f0 + (f1 === 0 ? 1 : 0)) >>> 0
  }
  return turned(f0, f1, ((p0 >>> 30) + up) & 3, (x < 0) !== (up === 1), x < 0)
}

/** A fraction f0 f1 of 64 bits of a quarter turn, as an angle. */
const turned = (f0: number, f1: number, quadrant: number, negative: boolean, mirrored: boolean): Reduced => {
  const zeros = f0 === 0 ? 32 + Math.clz32(f1) : Math.clz32(f0)
  const h0 = zeros >= 32 ? (zeros === 64 ? 0 : (f1 << (zeros - 32)) >>> 0) : ((f0 << zeros) | ((f1 >>> 1) >>> (31 - zeros))) >>> 0
  const h1 = zeros >= 32 ? 0 : (f1 << zeros) >>> 0
  const unit = powerOfTwo(-24 - zeros)
  const fraction = f((h0 >>> 8) * unit)
  const rest = f(f((((h0 & 255) << 16) | (h1 >>> 16)) * 2 ** -24) * unit)
  const a = high12(fraction)
  const b = f(fraction - a)
  const high = high21(f(fraction * halfPi[0]))
  const low = f(f(f(f(a * halfPi12[0]) - high) + f(b * halfPi12[0])) + f(f(fraction * halfPi12[1]) + f(rest * halfPi[0])))
  return { quadrant: mirrored ? (4 - quadrant) & 3 : quadrant, high: negative ? -high : high, low: negative ? -low : low }
}

const sinKernel = (r: number, low: number): number => {
  const z = f(r * r)
  return f(r + f(f(f(r * z) * polynomial(z, sinTail)) + f(low - f(f(0.5 * z) * low))))
}

const cosKernel = (r: number, low: number): number => {
  const z = f(r * r)
  const h = f(0.5 * z)
  const w = high16(f(1 - h))
  return f(w + f(f(f(1 - w) - h) + f(f(f(z * z) * polynomial(z, cosTail)) - f(r * low))))
}

const quadrantSin = ({ quadrant, high, low }: Reduced): number => {
  const y = quadrant & 1 ? cosKernel(high, low) : sinKernel(high, low)
  return quadrant & 2 ? -y : y
}

/** Below this, sin x, tan x and x are one. */
const tiny = 2 ** -13

export const sin = (x: number): number => (Number.isFinite(x) ? (Math.abs(x) < tiny ? x : quadrantSin(reduce(x))) : NaN)
export const cos = (x: number): number => {
  if (!Number.isFinite(x)) return NaN
  const r = reduce(x)
  return quadrantSin({ ...r, quadrant: (r.quadrant + 1) & 3 })
}
export const tan = (x: number): number => {
  if (!Number.isFinite(x)) return NaN
  if (Math.abs(x) < tiny) return x
  const { quadrant, high, low } = reduce(x)
  const s = sinKernel(high, low)
  const c = cosKernel(high, low)
  return quadrant & 1 ? f(-c / s) : f(s / c)
}

/** The cosine of n / 2^24 turns, n in [0, 2^24). */
export const cosTurn = (n: number): number => {
  const quadrant = (n + 0x200000) >> 22
  const r = n - (quadrant << 22)
  // r has 22 bits and a sign; r * 2^-24 turns in two exact parts
  const a = f((r >> 11) * 2 ** -13)
  const b = f((r & 2047) * 2 ** -24)
  const high = high21(f(f(r * 2 ** -24) * 6.2831854820251465))
  const low = f(f(f(f(a * tau12[0]) - high) + f(b * tau12[0])) + f(f(r * 2 ** -24) * tau12[1]))
  return quadrantSin({ quadrant: (quadrant + 1) & 3, high, low })
}

/** asin of s = sqrt(z), less the part of s returned as `high`; s <= 1/2. */
const asinOfRoot = (z: number): { high: number; low: number } => {
  const s = f(Math.sqrt(z))
  const high = high12(s)
  const c = z > 0 ? f(f(z - f(high * high)) / f(s + high)) : 0
  return { high, low: f(c + f(f(s * z) * polynomial(z, asinTail))) }
}

const asinTailOf = (x: number): number => {
  const z = f(x * x)
  return f(f(x * z) * polynomial(z, asinTail))
}

export const asin = (x: number): number => {
  const a = Math.abs(x)
  if (!(a <= 1)) return NaN
  if (a <= 0.5) return f(x + asinTailOf(x))
  const { high, low } = asinOfRoot(f(f(1 - a) * 0.5))
  const y = f(f(halfPi[0] - f(2 * high)) + f(halfPi[1] - f(2 * low)))
  return x < 0 ? -y : y
}

export const acos = (x: number): number => {
  if (!(Math.abs(x) <= 1)) return NaN
  if (Math.abs(x) <= 0.5) return f(halfPi[0] - f(x - f(halfPi[1] - asinTailOf(x))))
  const { high, low } = asinOfRoot(f(f(1 - Math.abs(x)) * 0.5))
  return x > 0 ? f(f(2 * high) + f(2 * low)) : f(f(pi[0] - f(2 * high)) + f(pi[1] - f(2 * low)))
}

/** atan of a >= 0, infinity included. */
const atanPositive = (a: number): number => {
  if (a <= 0.4375) return f(a + atanTailOf(a))
  if (a > 67108864) return halfPi[0]
  const place = a < 0.6875 ? 0 : a < 1.1875 ? 1 : a < 2.4375 ? 2 : 3
  const above = place === 0 ? f(f(2 * a) - 1) : place === 1 ? f(a - 1) : place === 2 ? f(a - 1.5) : -1
  const below = place === 0 ? f(2 + a) : place === 1 ? f(a + 1) : place === 2 ? f(1 + f(1.5 * a)) : a
  const t = f(above / below)
  const [high, low] = atanAt[place]!
  return f(high + f(t + f(atanTailOf(t) + low)))
}

const atanTailOf = (x: number): number => {
  const z = f(x * x)
  return f(f(x * z) * polynomial(z, atanTail))
}

const withSign = (y: number, of: number): number => (of < 0 || Object.is(of, -0) ? -y : y)

export const atan = (x: number): number => (x !== x ? x : withSign(atanPositive(Math.abs(x)), x))

export const atan2 = (y: number, x: number): number => {
  if (x !== x || y !== y) return NaN
  let ay = Math.abs(y)
  let ax = Math.abs(x)
  if (ax === Infinity) {
    ay = ay === Infinity ? 1 : 0
    ax = 1
  } else if (ax > 2 ** 64) {
    ax = f(ax * 2 ** -64)
    ay = f(ay * 2 ** -64)
  }
  const v = ay === 0 ? 0 : atanPositive(ax === 0 ? Infinity : f(ay / ax))
  return withSign(x < 0 || Object.is(x, -0) ? f(pi[0] - f(v - pi[1])) : v, y)
}
