import { describe, expect, test } from "vitest"
import { frechetDistance, gaussianOf } from "../../src/base/frechet-distance.ts"
import { symmetricEigenvalues } from "../../src/base/symmetric-eigenvalues.ts"

/** Values between -1 and 1 that depend on their place only. */
const value = (i: number): number => 2 * (Math.abs(Math.sin(12.9898 * (i + 1)) * 43758.5453) % 1) - 1
const square = (n: number, of: (i: number, j: number) => number): Float64Array => Float64Array.from({ length: n * n }, (_, k) => of(Math.floor(k / n), k % n))

/** Jacobi's rotations: eigenvalues and vectors (columns), by another way than the one that is tested. */
const jacobi = (matrix: Float64Array, n: number): { readonly values: number[]; readonly vectors: Float64Array } => {
  const a = matrix.slice()
  const v = square(n, (i, j) => Number(i === j))
  for (let sweep = 0; sweep < 60; sweep++) for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) {
    if (a[p * n + q] === 0) continue
    const angle = 0.5 * Math.atan2(2 * a[p * n + q]!, a[p * n + p]! - a[q * n + q]!)
    const [c, s] = [Math.cos(angle), Math.sin(angle)]
    for (const m of [a, v]) for (let k = 0; k < n; k++) {
      const [x, y] = [m[k * n + p]!, m[k * n + q]!]
      m[k * n + p] = c * x + s * y
      m[k * n + q] = c * y - s * x
    }
    for (let k = 0; k < n; k++) {
      const [x, y] = [a[p * n + k]!, a[q * n + k]!]
      a[p * n + k] = c * x + s * y
      a[q * n + k] = c * y - s * x
    }
  }
  return { values: Array.from({ length: n }, (_, i) => a[i * n + i]!), vectors: v }
}

describe("eigenvalues of symmetric matrices", () => {
  test("of the second difference are 2 - 2 cos(k pi / (n + 1))", () => {
    for (const n of [1, 2, 3, 10, 65]) {
      const found = symmetricEigenvalues(square(n, (i, j) => (i === j ? 2 : Math.abs(i - j) === 1 ? -1 : 0)), n)
      found.forEach((x, k) => expect(Math.abs(x - (2 - 2 * Math.cos(((k + 1) * Math.PI) / (n + 1))))).toBeLessThan(1e-13 * n))
    }
  })
  test("of full, singular and diagonal matrices are those that Jacobi's rotations find", () => {
    const n = 12
    const full = square(n, (i, j) => value(Math.min(i, j) * n + Math.max(i, j)))
    const singular = square(n, (i, j) => [0, 1, 2].reduce((sum, k) => sum + value(100 + i * 3 + k) * value(100 + j * 3 + k), 0))
    const diagonal = square(n, (i, j) => (i === j ? value(i) : 0))
    for (const matrix of [full, singular, diagonal]) {
      const expected = jacobi(matrix, n).values.sort((a, b) => a - b)
      symmetricEigenvalues(matrix.slice(), n).forEach((x, k) => expect(Math.abs(x - expected[k]!)).toBeLessThan(1e-12))
    }
  })
})

describe("the Frechet distance", () => {
  test("of commuting covariances is the closed form, however near to singular they are", () => {
    const d = 8
    const sum = ([p, q]: readonly [readonly number[], readonly number[]]): number => p.reduce((total, x, k) => total + (Math.sqrt(x) - Math.sqrt(q[k]!)) ** 2, 0)
    for (const small of [1, 1e-6, 1e-12, 0]) {
      const [p, q] = [Array.from({ length: d }, (_, k) => (k < 4 ? 1 + k : small)), Array.from({ length: d }, (_, k) => (k % 2 === 0 ? 0.5 + k : small))]
      // A common rotation: a reflection in a vector.
      const v = Array.from({ length: d }, (_, k) => value(k))
      const vv = v.reduce((t, x) => t + x * x, 0)
      const turn = (i: number, j: number): number => Number(i === j) - (2 * v[i]! * v[j]!) / vv
      const covariance = (of: readonly number[]) => square(d, (i, j) => of.reduce((t, x, k) => t + turn(i, k) * x * turn(j, k), 0))
      const distance = frechetDistance({ mean: new Float64Array(d).fill(0.25), covariance: covariance(p) }, { mean: new Float64Array(d), covariance: covariance(q) })
      // A root of rounding is 1e-8: what an eigenvalue of zero may bring.
      expect(Math.abs(distance - (d / 16 + sum([p, q])))).toBeLessThan(small === 1 ? 1e-12 : 2e-7)
    }
  })
  test("of fewer pictures than features is the definition's, with the root taken by Jacobi's rotations", () => {
    const [d, n] = [9, 6]
    const rows = (from: number) => Float64Array.from({ length: n * d }, (_, k) => value(from + k))
    const [a, b] = [gaussianOf(rows(0), n, d), gaussianOf(rows(500), n, d)]
    const { values, vectors } = jacobi(Float64Array.from(a.covariance), d)
    const root = square(d, (i, j) => values.reduce((t, x, k) => t + vectors[i * d + k]! * Math.sqrt(Math.max(0, x)) * vectors[j * d + k]!, 0))
    const times = (x: ArrayLike<number>, y: ArrayLike<number>) => square(d, (i, j) => Array.from({ length: d }).reduce((t: number, _, k) => t + x[i * d + k]! * y[k * d + j]!, 0))
    const trace = jacobi(times(times(root, b.covariance), root), d).values.reduce((t, x) => t + Math.sqrt(Math.max(0, x)), 0)
    const expected = Array.from({ length: d }).reduce((t: number, _, k) => t + (a.mean[k]! - b.mean[k]!) ** 2 + a.covariance[k * d + k]! + b.covariance[k * d + k]!, -2 * trace)
    expect(Math.abs(frechetDistance(a, b) - expected)).toBeLessThan(1e-6)
    expect(Math.abs(frechetDistance(b, a) - expected)).toBeLessThan(1e-6)
    expect(frechetDistance(a, a)).toBeLessThan(1e-6)
  })
})
