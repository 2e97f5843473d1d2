/**
 * The largest error of each f32 function in units in the last place of the exact result, as kernels compute it on a device
 * whose `/` and `sqrt` are rounded correctly. Results below 2^-126 may be flushed to zero.
 */
import type { BinaryFn, UnaryFn } from "../scalar/scalar.ts"

const exact = 0.5

const bounds: { readonly [fn in UnaryFn | BinaryFn]?: number } = {
  neg: exact, abs: exact, sign: exact, floor: exact, ceil: exact, round: exact, sqrt: 1, rsqrt: 2,
  exp: 2, log: 1, log1p: 1.5, expm1: 1.5, sin: 1.5, cos: 2, tan: 3.5, asin: 1.5, acos: 1.5, atan: 1.5, sinh: 3, cosh: 2.5,
  tanh: 3.5, sigmoid: 4, softplus: 3, erf: 6.5,
  add: exact, sub: exact, mul: exact, div: 2.5, mod: 1, min: exact, max: exact, pow: 3, atan2: 3,
}

/** The stated bound, where the function gives an f32. */
export const ulpBound = (fn: UnaryFn | BinaryFn): number | undefined => bounds[fn]

/** The distance of `got` from the exact value, in units in the last place of the f32 nearest to the exact value. */
export const ulpError = (got: number, exactValue: number): number => {
  if (Number.isNaN(exactValue) || Number.isNaN(got)) return Number.isNaN(exactValue) && Number.isNaN(got) ? 0 : Infinity
  const nearest = Math.fround(exactValue)
  if (!Number.isFinite(nearest)) return got === nearest ? 0 : Infinity
  if (!Number.isFinite(got)) return Infinity
  const exponent = Math.max(-126, Math.floor(Math.log2(Math.abs(nearest) || 1e-300)))
  return Math.abs(got - exactValue) / 2 ** (exponent - 23)
}
