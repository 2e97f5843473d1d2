/**
 * The Frechet distance between two Gaussians in f64, |m1 - m2|^2 + trace(C1 + C2 - 2 (C1 C2)^(1/2)) (Dowson and Landau, 1982). With
 * C1 = L L^T the eigenvalues of C1 C2 are those of the symmetric L^T C2 L, also where both covariances are singular.
 */
import { symmetricEigenvalues } from "./symmetric-eigenvalues.ts"

export interface Gaussian {
  readonly mean: ArrayLike<number>
  /** Row-major, d by d. */
  readonly covariance: ArrayLike<number>
}

/** The mean and the unbiased covariance of the first `count` rows. */
export const gaussianOf = (rows: ArrayLike<number>, count: number, d: number): Gaussian => {
  const mean = new Float64Array(d)
  for (let i = 0; i < count; i++) for (let k = 0; k < d; k++) mean[k]! += rows[i * d + k]! / count
  const covariance = new Float64Array(d * d)
  const x = new Float64Array(d)
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < d; k++) x[k] = rows[i * d + k]! - mean[k]!
    for (let k = 0; k < d; k++) {
      const xk = x[k]!
      if (xk !== 0) for (let l = 0; l <= k; l++) covariance[k * d + l]! += xk * x[l]!
    }
  }
  const scale = 1 / Math.max(1, count - 1)
  for (let k = 0; k < d; k++) for (let l = 0; l <= k; l++) covariance[l * d + k] = covariance[k * d + l]! *= scale
  return { mean, covariance }
}

/** Columns l_0 … l_(rank - 1) of L, each of length d, by Cholesky's method with the largest pivot first; what is left below `d` units of rounding is nothing. */
const factor = (c: ArrayLike<number>, d: number): readonly Float64Array[] => {
  const left = Float64Array.from({ length: d }, (_, i) => c[i * d + i]!)
  const least = left.reduce((a, b) => Math.max(a, b), 0) * d * Number.EPSILON
  const columns: Float64Array[] = []
  const taken = new Uint8Array(d)
  while (columns.length < d) {
    let pivot = -1
    for (let i = 0; i < d; i++) if (taken[i] === 0 && (pivot < 0 || left[i]! > left[pivot]!)) pivot = i
    if (!(left[pivot]! > least)) break
    taken[pivot] = 1
    const root = Math.sqrt(left[pivot]!)
    const column = new Float64Array(d)
    for (let i = 0; i < d; i++) {
      if (taken[i] === 1 && i !== pivot) continue
      let sum = c[i * d + pivot]!
      for (const other of columns) sum -= other[i]! * other[pivot]!
      column[i] = i === pivot ? root : sum / root
      if (i !== pivot) left[i]! -= column[i]! * column[i]!
    }
    columns.push(column)
  }
  return columns
}

export const frechetDistance = (a: Gaussian, b: Gaussian): number => {
  const d = a.mean.length
  let distance = 0
  for (let k = 0; k < d; k++) distance += (a.mean[k]! - b.mean[k]!) ** 2 + a.covariance[k * d + k]! + b.covariance[k * d + k]!
  const l = factor(a.covariance, d)
  const rank = l.length
  const inner = new Float64Array(rank * rank)
  const moved = new Float64Array(d)
  for (let j = 0; j < rank; j++) {
    for (let i = 0; i < d; i++) {
      let sum = 0
      for (let k = 0; k < d; k++) sum += b.covariance[i * d + k]! * l[j]![k]!
      moved[i] = sum
    }
    for (let i = 0; i < rank; i++) {
      let sum = 0
      for (let k = 0; k < d; k++) sum += l[i]![k]! * moved[k]!
      inner[i * rank + j] = sum
    }
  }
  // Rounding leaves the two halves a little apart.
  for (let i = 0; i < rank; i++) for (let j = 0; j < i; j++) inner[i * rank + j] = inner[j * rank + i] = (inner[i * rank + j]! + inner[j * rank + i]!) / 2
  for (const value of symmetricEigenvalues(inner, rank)) distance -= 2 * Math.sqrt(Math.max(0, value))
  return Math.max(0, distance)
}
