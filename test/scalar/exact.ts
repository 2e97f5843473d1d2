/** The exact value (f64) of every f32 function, and inputs that are spread over all exponents. */
import type { BinaryFn, UnaryFn } from "../../src/scalar/scalar.ts"

/** erf in f64: its series below 2, the continued fraction of erfc above. */
const erf = (x: number): number => {
  const a = Math.abs(x)
  if (a === 0) return x
  if (a < 2.5) {
    let term = x
    let sum = x
    for (let k = 1; k < 80; k++) {
      term *= -x * x / k
      sum += term / (2 * k + 1)
    }
    return sum * 2 / Math.sqrt(Math.PI)
  }
  let tail = 0
  for (let k = 60; k > 0; k--) tail = k / 2 / (a + tail)
  const erfc = Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + tail)
  return Math.sign(x) * (1 - erfc)
}

const roundEven = (x: number): number => {
  const r = Math.round(x)
  return Math.abs(x % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r
}

export const exactUnary: { readonly [fn in UnaryFn]?: (x: number) => number } = {
  neg: (x) => -x, abs: Math.abs, sign: Math.sign, floor: Math.floor, ceil: Math.ceil, round: roundEven,
  sqrt: Math.sqrt, rsqrt: (x) => 1 / Math.sqrt(x), exp: Math.exp, log: Math.log, log1p: Math.log1p, expm1: Math.expm1,
  sin: Math.sin, cos: Math.cos, tan: Math.tan, asin: Math.asin, acos: Math.acos, atan: Math.atan,
  sinh: Math.sinh, cosh: Math.cosh, tanh: Math.tanh, sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), erf,
}

export const exactBinary: { readonly [fn in BinaryFn]?: (a: number, b: number) => number } = {
  pow: (a, b) => (Number.isNaN(b) && a === 1 ? 1 : Math.abs(a) === 1 && Math.abs(b) === Infinity ? 1 : a ** b),
  atan2: Math.atan2,
  mod: (a, b) => {
    const r = a % b
    return r !== 0 && r < 0 !== b < 0 ? r + b : r
  },
  min: Math.min, max: Math.max, div: (a, b) => a / b, add: (a, b) => a + b,
}

/** `count` f32 values: a third uniform in the range, the rest with bit patterns spread evenly between the two ends. */
export const spread = (count: number, low: number, high: number, salt = 0): Float32Array<ArrayBuffer> => {
  const values = new Float32Array(count)
  const words = new Int32Array(values.buffer)
  const order = (x: number): number => {
    const bits = new Int32Array(new Float32Array([x]).buffer)[0]!
    return bits < 0 ? -(bits & 0x7fffffff) : bits
  }
  const from = order(low)
  const to = order(high)
  let state = (0x9e3779b9 + salt) >>> 0
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const part = (i + state / 4294967296) / count
    if (i % 3 === 0) values[i] = low + (high - low) * part
    else {
      const o = Math.round(from + (to - from) * part)
      words[i] = o < 0 ? -o | 0x80000000 : o
    }
  }
  return values
}

export const special = [0, -0, 1, -1, Infinity, -Infinity, NaN, 0.5, -0.5, 2, -2, 1e-45, -1e-45, 1.1754943508222875e-38, 3.4028234663852886e38, -3.4028234663852886e38, 16777216, 16777217]
  .map(Math.fround)

/** Where each function is tried: the whole of its domain. */
const most = Math.fround(3.4028234e38)
export const domain: { readonly [fn in UnaryFn]?: readonly [number, number] } = {
  exp: [-87.3, 88.72], log: [1.2e-38, most], log1p: [-0.99999994, most], expm1: [-90, 88.72], sin: [-most, most], cos: [-most, most], tan: [-most, most],
  asin: [-1, 1], acos: [-1, 1], atan: [-most, most], sinh: [-89.4, 89.4], cosh: [-89.4, 89.4], tanh: [-20, 20], sigmoid: [-87, 30], softplus: [-87, 200], erf: [-6, 6],
  sqrt: [1.2e-38, most], rsqrt: [1.2e-38, most], floor: [-1e8, 1e8], ceil: [-1e8, 1e8], round: [-1e8, 1e8], abs: [-most, most], sign: [-most, most], neg: [-most, most],
}
