/** Scalar functions on f64, to within a few units in the last place of f64. */
import type { BinaryFn, UnaryFn } from "../../scalar/scalar.ts"

/** 2 / sqrt(pi) e^(-x^2) sum of 2^k x^(2k+1) / (1 3 5 ... (2k+1)): every term has the sign of x, so nothing cancels. */
const erf = (x: number): number => {
  if (Math.abs(x) > 6) return Math.sign(x)
  let [term, sum] = [x, x]
  for (let k = 1; Math.abs(term) > 1e-18 * Math.abs(sum); k++) {
    term *= (2 * x * x) / (2 * k + 1)
    sum += term
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum
}

const roundHalfEven = (x: number): number => {
  const low = Math.floor(x)
  const rest = x - low
  return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1
}

export const exactUnary: { readonly [fn in UnaryFn]: (x: number) => number } = {
  neg: (x) => -x, abs: Math.abs, sign: Math.sign, floor: Math.floor, ceil: Math.ceil, round: roundHalfEven,
  sqrt: Math.sqrt, rsqrt: (x) => 1 / Math.sqrt(x), exp: Math.exp, log: Math.log, log1p: Math.log1p, expm1: Math.expm1,
  sin: Math.sin, cos: Math.cos, tan: Math.tan, asin: Math.asin, acos: Math.acos, atan: Math.atan, sinh: Math.sinh, cosh: Math.cosh, tanh: Math.tanh,
  sigmoid: (x) => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x))),
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  erf,
  not: (x) => Number(x === 0), isnan: (x) => Number(Number.isNaN(x)), isfinite: (x) => Number(Number.isFinite(x)),
}

const onNumbers: { readonly [fn in BinaryFn]?: (a: number, b: number) => number } = {
  add: (a, b) => a + b, sub: (a, b) => a - b, mul: (a, b) => a * b, div: (a, b) => a / b,
  mod: (a, b) => a - b * Math.floor(a / b), min: Math.min, max: Math.max, pow: Math.pow, atan2: Math.atan2,
}

export const exactBinary = (fn: BinaryFn): ((a: number, b: number) => number) => {
  const compute = onNumbers[fn]
  if (!compute) throw new Error(`${fn} is not defined on real numbers`)
  return compute
}
