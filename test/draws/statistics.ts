/** P-values: chi-square, Kolmogorov-Smirnov and normal-limit tests, on the incomplete gamma and beta functions. */

const logGamma = (x: number): number => {
  // Stirling's series after shifting the argument up
  let shift = 0
  let y = x
  while (y < 12) shift += Math.log(y++)
  const z = 1 / (y * y)
  return (y - 0.5) * Math.log(y) - y + 0.5 * Math.log(2 * Math.PI) + (1 / 12 - z * (1 / 360 - z * (1 / 1260 - z / 1680))) / y - shift
}

/** Q(a, x), the upper regularised incomplete gamma function. */
const upperGamma = (a: number, x: number): number => {
  if (x <= 0) return 1
  const front = Math.exp(a * Math.log(x) - x - logGamma(a))
  if (x < a + 1) {
    let term = 1 / a
    let sum = term
    for (let k = 1; k < 1e5 && term > sum * 1e-17; k++) sum += term *= x / (a + k)
    return 1 - front * sum
  }
  let tail = 0
  for (let k = 400; k > 0; k--) tail = (k * (k - a)) / (x + 2 * k + 1 - a - tail)
  return front / (x + 1 - a - tail)
}

/** P(|Z| > |z|) for a standard normal Z. */
export const twoSided = (z: number): number => upperGamma(0.5, (z * z) / 2)
export const normalBelow = (z: number): number => (z < 0 ? twoSided(z) / 2 : 1 - twoSided(z) / 2)

/** The probability of counts at least this far from their expectations. */
export const chiSquare = (counts: readonly number[], shares: readonly number[] = counts.map(() => 1 / counts.length)): number => {
  const total = counts.reduce((a, b) => a + b, 0)
  let statistic = 0
  counts.forEach((c, i) => (statistic += (c - total * shares[i]!) ** 2 / (total * shares[i]!)))
  return upperGamma((counts.length - 1) / 2, statistic / 2)
}

/** For values rounded to f32: equal values stand for all reals that round to them. */
export const kolmogorovSmirnov = (sample: Float64Array, below: (x: number) => number): number => {
  const sorted = sample.slice().sort()
  const n = sorted.length
  let distance = 0
  for (let start = 0; start < n;) {
    const x = sorted[start]!
    let end = start
    while (end < n && sorted[end] === x) end++
    const size = Math.abs(x)
    const exponent = size > 0 ? Math.floor(Math.log2(size)) : -149
    const outer = 2 ** (exponent - 24)
    const inner = size === 2 ** exponent ? outer / 2 : outer
    distance = Math.max(distance, Math.abs(below(x - (x > 0 ? inner : outer)) - start / n), Math.abs(below(x + (x > 0 ? outer : inner)) - end / n))
    start = end
  }
  const t = (Math.sqrt(n) + 0.12 + 0.11 / Math.sqrt(n)) * distance
  if (t < 0.3) return 1
  let sum = 0
  for (let k = 1; k < 50; k++) sum += (k % 2 ? 2 : -2) * Math.exp(-2 * k * k * t * t)
  return sum
}

/** The mean of independent values of known mean and deviation. */
export const meanTest = (sample: Float64Array, mean: number, deviation: number): number =>
  twoSided((sample.reduce((a, b) => a + b, 0) / sample.length - mean) / (deviation / Math.sqrt(sample.length)))

/** The correlation of neighbours `lag` apart. */
export const lagTest = (sample: Float64Array, lag: number, mean: number, variance: number): number => {
  let sum = 0
  for (let i = 0; i + lag < sample.length; i++) sum += (sample[i]! - mean) * (sample[i + lag]! - mean)
  return twoSided(sum / (variance * Math.sqrt(sample.length - lag)))
}

/** I_x(a, b), the regularised incomplete beta function, by its continued fraction. */
export const betaBelow = (x: number, a: number, b: number): number => {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1
  if (x > (a + 1) / (a + b + 2)) return 1 - betaBelow(1 - x, b, a)
  let tail = 0
  for (let m = 120; m > 0; m--) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    tail = even / (1 + odd / (1 + tail))
  }
  const first = (-(a + b) * x) / (a + 1)
  return Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(1 - x)) / a / (1 + first / (1 + tail))
}
