/**
 * Draws: every distribution as a pure function of a key and counters (threefry2x32-20), computed in f32 and integers
 * with the very steps of `backend/wgsl/draws-wgsl.ts`. Words, uniforms, integers and permutations are bit-equal on every device.
 *
 * key0 = (seed, site); key1 = block(key0, (step, repeat)); word(sample, i) = block(key1, (sample, i)).
 * Element e of E uses i = e, its r-th retry i = e + r E.
 */
import { threefry2x32 } from "../base/threefry.ts"
import { bitsOf, high12, multiplyHigh, ofBits } from "./f32-bits.ts"
import { log, sigmoid } from "./f32-exponential.ts"
import { cosTurn } from "./f32-trigonometric.ts"

export type Distribution =
  | "uniform" | "normal" | "randint" | "bernoulli" | "beta" | "categorical" | "permutation" | "derangement" | "partner"

export interface DrawAttrs {
  readonly dist: Distribution
  /** The path of the site, and its FNV-1a-32. */
  readonly path: string
  readonly site: number
  readonly per: "sample" | "batch"
  /** permutation, derangement: how many elements. */
  readonly k?: number
  /** permutation: whether the identity may be drawn. */
  readonly identity?: boolean
  /** partner: whether a sample may be its own partner. */
  readonly self?: boolean
}

export type Key = readonly [number, number]

/** How often a rejected draw is tried again before its fallback holds. */
export const attempts = 64

export const drawKey = (seed: number, step: number, repeat: number, site: number): Key => threefry2x32(seed, site, step, repeat)

const f = Math.fround

/** A uniform on [0, 1) with 24 bits. */
const unit = (word: number): number => f((word >>> 8) * 2 ** -24)
/** A uniform on (0, 1]. */
const unitAboveZero = (word: number): number => f(((word >>> 8) + 1) * 2 ** -24)

/** The largest f32 below x; below zero itself the smallest normal one. */
const justBelow = (x: number): number => (x > 0 ? ofBits(bitsOf(x) - 1) : x < 0 ? ofBits(bitsOf(x) + 1) : -1.1754943508222875e-38)

/** On [low, high). All products are exact (12 by 12 bits), so that contracting them changes nothing. */
export const uniformOf = (word: number, low: number, high: number): number => {
  const width = f(high - low)
  const wide = high12(width)
  const narrow = f(width - wide)
  const first = f((word >>> 20) * 2 ** -12)
  const second = f(((word >>> 8) & 4095) * 2 ** -24)
  const value = f(low + f(f(wide * first) + f(f(narrow * second) + f(f(wide * second) + f(narrow * first)))))
  return value >= high && low < high ? justBelow(high) : value
}

/** On low … high - 1; low where that is empty. */
export const randintOf = (word: number, low: number, high: number): number => (high > low ? (low + multiplyHigh(word, (high - low) >>> 0)) | 0 : low)

/** Box and Muller: the first word gives the radius, the second the angle. */
const standardNormal = (word0: number, word1: number): number => {
  const radius = f(Math.sqrt(f(-2 * log(unitAboveZero(word0)))))
  return f(radius * cosTurn(word1 >>> 8))
}

/** Gamma with shape a >= 1 (Marsaglia and Tsang); the t-th attempt uses the retries `from` + 2 t and the next. */
const gamma = (key: Key, sample: number, e: number, count: number, a: number, from: number): number => {
  const d = f(a - 0.3333333432674408)
  const c = f(1 / f(Math.sqrt(f(9 * d))))
  for (let t = 0; t < attempts; t++) {
    const [n0, n1] = threefry2x32(key[0], key[1], sample, e + (from + 2 * t) * count)
    const x = standardNormal(n0, n1)
    const w = f(1 + f(c * x))
    if (!(w > 0)) continue
    const v = f(f(w * w) * w)
    const [u] = threefry2x32(key[0], key[1], sample, e + (from + 2 * t + 1) * count)
    if (log(unitAboveZero(u)) < f(f(0.5 * f(x * x)) + f(d * f(f(1 - v) + log(v))))) return f(d * v)
  }
  return d
}

/** Two gammas use 2 attempts + 1 retries each, the last for the boost of shapes below one: G(a) = G(a + 1) u^(1/a), by its logarithm. */
const betaOf = (key: Key, sample: number, e: number, count: number, a: number, b: number): number => {
  const second = 2 * attempts + 1
  const x = gamma(key, sample, e, count, a < 1 ? f(a + 1) : a, 0)
  const y = gamma(key, sample, e, count, b < 1 ? f(b + 1) : b, second)
  if (a >= 1 && b >= 1) return f(x / f(x + y))
  // by the reciprocal: a driver makes one of a constant divisor anyway
  const boost = (shape: number, from: number): number =>
    shape < 1 ? f(log(unitAboveZero(threefry2x32(key[0], key[1], sample, e + (from + 2 * attempts) * count)[0])) * f(1 / shape)) : 0
  return sigmoid(f(f(log(x) - log(y)) + f(boost(a, 0) - boost(b, second))))
}

/** The index whose share of the running total holds the word; weights below zero count as zero. */
export const categoricalOf = (word: number, weights: ArrayLike<number>): number => {
  let total = 0
  for (let i = 0; i < weights.length; i++) total = f(total + Math.max(f(weights[i]!), 0))
  const target = f(unit(word) * total)
  let sum = 0
  let last = 0
  for (let i = 0; i < weights.length; i++) {
    const w = Math.max(f(weights[i]!), 0)
    sum = f(sum + w)
    if (w > 0) last = i
    if (target < sum) return i
  }
  return last
}

export type Exclusion = "nothing" | "identity" | "fixed points"

/** Fisher and Yates, as a whole again while it is excluded; in the end the shift by one, which never is. */
export const permutationOf = (key: Key, sample: number, k: number, exclude: Exclusion): Int32Array => {
  const p = new Int32Array(k)
  for (let attempt = 0; attempt < attempts; attempt++) {
    for (let i = 0; i < k; i++) p[i] = i
    for (let step = k - 1; step > 0; step--) {
      const j = multiplyHigh(threefry2x32(key[0], key[1], sample, attempt * k + step)[0], step + 1)
      const kept = p[step]!
      p[step] = p[j]!
      p[j] = kept
    }
    let fixed = 0
    for (let i = 0; i < k; i++) if (p[i] === i) fixed++
    if (exclude === "nothing" || (exclude === "identity" ? fixed < k : fixed === 0)) return p
  }
  for (let i = 0; i < k; i++) p[i] = (i + 1) % k
  return p
}

/**
 * Each position's partner among n. Positions are ranked by the block of (position, attempt). With `self` the rank is
 * the partner, drawn again while everyone would be their own; without, the next position in the cyclic order.
 */
export const partnersOf = (key: Key, n: number, self: boolean): Int32Array => {
  const partners = new Int32Array(n)
  for (let attempt = 0; attempt < attempts; attempt++) {
    const words = Array.from({ length: n }, (_, i) => threefry2x32(key[0], key[1], i, attempt))
    const order = Array.from({ length: n }, (_, i) => i)
    order.sort((a, b) => words[a]![0] - words[b]![0] || words[a]![1] - words[b]![1] || a - b)
    if (!self) {
      order.forEach((position, rank) => (partners[position] = order[(rank + 1) % n]!))
      return partners
    }
    order.forEach((position, rank) => (partners[position] = rank))
    if (order.some((position, rank) => position !== rank)) return partners
  }
  for (let i = 0; i < n; i++) partners[i] = (i + 1) % n
  return partners
}

/**
 * All elements of a draw. `samples` are the samples' numbers (per sample), `rest` the shape without the sample dimension;
 * a parameter has one value, or one per sample (the weights of `categorical`: one per class). A `partner` has rest = [n].
 */
export const drawElements = (
  attrs: DrawAttrs, seed: number, step: number, repeat: number,
  samples: Int32Array | undefined, n: number, rest: readonly number[], params: readonly Float64Array[],
): Float64Array => {
  const key = drawKey(seed, step, repeat, attrs.site)
  if (attrs.dist === "partner") return Float64Array.from(partnersOf(key, rest[0] ?? n, attrs.self ?? true))
  const count = rest.reduce((a, b) => a * b, 1)
  const rows = attrs.per === "sample" ? n : 1
  const result = new Float64Array(rows * count)
  for (let row = 0; row < rows; row++) {
    const sample = attrs.per === "sample" ? samples![row]! >>> 0 : 0
    const parameter = (i: number): number => (params[i]!.length > 1 ? params[i]![row]! : params[i]![0]!)
    if (attrs.dist === "permutation" || attrs.dist === "derangement") {
      const exclude = attrs.dist === "derangement" ? "fixed points" : attrs.identity === false ? "identity" : "nothing"
      result.set(permutationOf(key, sample, attrs.k!, exclude), row * count)
      continue
    }
    for (let e = 0; e < count; e++) result[row * count + e] = drawOne(attrs.dist, key, sample, e, count, parameter, params)
  }
  return result
}

const drawOne = (
  dist: Exclude<Distribution, "permutation" | "derangement" | "partner">, key: Key, sample: number, e: number, count: number,
  parameter: (i: number) => number, params: readonly Float64Array[],
): number => {
  if (dist === "beta") return betaOf(key, sample, e, count, f(parameter(0)), f(parameter(1)))
  const [word0, word1] = threefry2x32(key[0], key[1], sample, e)
  switch (dist) {
    case "uniform": return uniformOf(word0, f(parameter(0)), f(parameter(1)))
    case "normal": return f(f(parameter(0)) + f(f(parameter(1)) * standardNormal(word0, word1)))
    case "randint": return randintOf(word0, parameter(0), parameter(1))
    case "bernoulli": return Number(unit(word0) < f(parameter(0)))
    case "categorical": return categoricalOf(word0, params[0]!)
  }
}
