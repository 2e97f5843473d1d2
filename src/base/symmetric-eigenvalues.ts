/**
 * Eigenvalues of a real symmetric matrix in f64: reduction to tridiagonal form by Householder reflections, then the implicit QL
 * iteration on that (Golub and Van Loan, Matrix Computations, sections 8.3.1 and 8.3.3). No eigenvectors.
 */

/** Row-major, n by n; the matrix is overwritten. Ascending. */
export const symmetricEigenvalues = (a: Float64Array, n: number): Float64Array => {
  const { diagonal, off } = tridiagonal(a, n)
  for (let low = 0; low < n; low++) settle(diagonal, off, low, n)
  return diagonal.sort()
}

/** Columns from the left are cleared below their subdiagonal by I - v v^T 2 / (v^T v), applied from both sides. */
const tridiagonal = (a: Float64Array, n: number): { readonly diagonal: Float64Array; readonly off: Float64Array } => {
  const off = new Float64Array(n)
  const v = new Float64Array(n)
  const p = new Float64Array(n)
  for (let k = 0; k < n - 2; k++) {
    let scale = 0
    for (let i = k + 1; i < n; i++) scale = Math.max(scale, Math.abs(a[i * n + k]!))
    if (scale === 0) continue
    let norm2 = 0
    for (let i = k + 1; i < n; i++) {
      v[i] = a[i * n + k]! / scale
      norm2 += v[i]! * v[i]!
    }
    const length = v[k + 1]! > 0 ? -Math.sqrt(norm2) : Math.sqrt(norm2)
    off[k] = scale * length
    v[k + 1]! -= length
    // v^T v = 2 (norm2 - length * v1), so that H = I - v v^T / h.
    const h = norm2 - length * (v[k + 1]! + length)
    if (h === 0) continue
    let vp = 0
    for (let i = k + 1; i < n; i++) {
      let sum = 0
      for (let j = k + 1; j < n; j++) sum += a[i * n + j]! * v[j]!
      p[i] = sum / h
      vp += v[i]! * p[i]!
    }
    const half = vp / (2 * h)
    for (let i = k + 1; i < n; i++) p[i]! -= half * v[i]!
    for (let i = k + 1; i < n; i++) for (let j = k + 1; j < n; j++) a[i * n + j]! -= v[i]! * p[j]! + p[i]! * v[j]!
  }
  if (n > 1) off[n - 2] = a[(n - 1) * n + n - 2]!
  return { diagonal: Float64Array.from({ length: n }, (_, i) => a[i * n + i]!), off }
}

const mostSweeps = 100

/** Rotations with Wilkinson's shift until the element right of `low` is nothing beside its neighbours. */
const settle = (d: Float64Array, e: Float64Array, low: number, n: number): void => {
  for (let sweep = 0; ; sweep++) {
    let end = low
    while (end < n - 1 && Math.abs(e[end]!) > Number.EPSILON * (Math.abs(d[end]!) + Math.abs(d[end + 1]!))) end++
    if (end === low) return
    if (sweep === mostSweeps) throw new Error("the QL iteration of a finite symmetric matrix ends")
    const half = (d[low + 1]! - d[low]!) / (2 * e[low]!)
    let g = d[end]! - d[low]! + e[low]! / (half + Math.sign(half || 1) * Math.hypot(half, 1))
    let [sine, cosine, drift] = [1, 1, 0]
    let i = end - 1
    for (; i >= low; i--) {
      const f = sine * e[i]!
      const b = cosine * e[i]!
      const r = Math.hypot(f, g)
      e[i + 1] = r
      if (r === 0) {
        d[i + 1]! -= drift
        e[end] = 0
        break
      }
      sine = f / r
      cosine = g / r
      g = d[i + 1]! - drift
      const t = (d[i]! - g) * sine + 2 * cosine * b
      drift = sine * t
      d[i + 1] = g + drift
      g = cosine * t - b
    }
    if (i >= low) continue
    d[low]! -= drift
    e[low] = g
    e[end] = 0
  }
}
