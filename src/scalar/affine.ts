/** Integer sums in normal form: sum of coefficient * term + constant, modulo 2^32 (i32 wraps, so these identities always hold). */
import { add, i32, mod, mul, neg, type Scalar, sub } from "./scalar.ts"
import { type Interval, interval, type RangeOf } from "./interval.ts"

export interface Affine {
  /** Interned terms that are no sums themselves, each with its coefficient. */
  readonly terms: ReadonlyMap<Scalar, number>
  readonly constant: number
}

/** Longer sums stay whole when they are multiplied, lest shared parts be copied. */
const mostDistributed = 4

export const sumOf = (a: Affine, b: Affine, factor: number): Affine => {
  const terms = new Map(a.terms)
  for (const [term, c] of b.terms) {
    const sum = ((terms.get(term) ?? 0) + Math.imul(c, factor)) | 0
    if (sum === 0) terms.delete(term)
    else terms.set(term, sum)
  }
  return { terms, constant: (a.constant + Math.imul(b.constant, factor)) | 0 }
}

/** a - b as whole numbers, without wrapping: coefficients may leave i32. */
export const exactDifference = (a: Affine, b: Affine): Affine => {
  const terms = new Map(a.terms)
  for (const [term, c] of b.terms) terms.set(term, (terms.get(term) ?? 0) - c)
  return { terms, constant: a.constant - b.constant }
}

const nothing: Affine = { terms: new Map(), constant: 0 }

/** Reads a sum off an interned expression, one level at a time: the operands' sums come from `of`. */
export const affineOf = (e: Scalar, of: (x: Scalar) => Affine): Affine => {
  if (e.op === "const") return { terms: new Map(), constant: e.value | 0 }
  if (e.op === "unary" && e.fn === "neg") return sumOf(nothing, of(e.x), -1)
  if (e.op === "binary") {
    if (e.fn === "add") return sumOf(of(e.a), of(e.b), 1)
    if (e.fn === "sub") return sumOf(of(e.a), of(e.b), -1)
    if (e.fn === "mul") {
      const [x, k] = e.b.op === "const" ? [e.a, e.b] : [e.b, e.a]
      if (k.op === "const") {
        const inner = of(x)
        if (inner.terms.size <= mostDistributed) return sumOf(nothing, inner, k.value)
        return k.value === 0 ? nothing : { terms: new Map([[x, k.value]]), constant: 0 }
      }
    }
  }
  return { terms: new Map([[e, 1]]), constant: 0 }
}

interface Division { readonly x: Scalar; readonly by: Scalar; readonly k: number }

/** An expression as a division by a constant. */
const divisionOf = (e: Scalar, fn: "idiv" | "mod"): Division | undefined =>
  e.op === "binary" && e.fn === fn && e.b.op === "const" && e.b.value !== 0 ? { x: e.a, by: e.b, k: e.b.value } : undefined

/**
 * (x // k) * k * c + (x % k) * c == x * c, where x // k may be less than the whole: (x // k % m) * k * c + (x % k) * c == (x % (k m)) * c,
 * and (x % m // k) * k * c + (x % k) * c == (x % m) * c, where k divides m.
 */
export const recombine = (sum: Affine, of: (x: Scalar) => Affine): Affine => {
  for (const [rest, c] of sum.terms) {
    const remainder = divisionOf(rest, "mod")
    if (!remainder) continue
    for (const [term, d] of sum.terms) {
      const joined = d === Math.imul(c, remainder.k) ? joinedDivision(term, remainder) : undefined
      if (!joined) continue
      const terms = new Map(sum.terms)
      terms.delete(rest)
      terms.delete(term)
      return recombine(sumOf({ terms, constant: sum.constant }, of(joined), c), of)
    }
  }
  return sum
}

/** What `term` * k + x % k is, where `term` is a quotient of x by k. */
const joinedDivision = (term: Scalar, { x, by, k }: Division): Scalar | undefined => {
  const part = divisionOf(term, "mod")
  const quotient = divisionOf(part ? part.x : term, "idiv")
  if (!quotient || quotient.by !== by) return undefined
  if (part) return quotient.x === x && k > 0 && part.k > 0 && k * part.k <= 2147483647 ? mod(x, i32(k * part.k)) : undefined
  if (quotient.x === x) return x
  const inner = divisionOf(quotient.x, "mod")
  return inner && inner.x === x && k > 0 && inner.k > 0 && inner.k % k === 0 ? quotient.x : undefined
}

/** The range of the sum as a whole number, before wrapping. */
export const exactRange = (sum: Affine, range: RangeOf): Interval => {
  let low = sum.constant
  let high = sum.constant
  for (const [term, c] of sum.terms) {
    const r = range(term)!
    low += Math.min(c * r.low, c * r.high)
    high += Math.max(c * r.low, c * r.high)
  }
  return interval(low, high)
}

/** sum == k * quotient + rest, where everything in `rest` has a coefficient that k does not divide and 0 <= its constant < k. */
export const splitBy = (sum: Affine, k: number): { quotient: Affine; rest: Affine } => {
  const quotient = new Map<Scalar, number>()
  const rest = new Map<Scalar, number>()
  for (const [term, c] of sum.terms) {
    if (c % k === 0) quotient.set(term, c / k)
    else rest.set(term, c)
  }
  const whole = Math.floor(sum.constant / k)
  return { quotient: { terms: quotient, constant: whole }, rest: { terms: rest, constant: sum.constant - k * whole } }
}

/** The sum as an expression, terms in the order of `idOf`, those with positive coefficients first, the constant last. */
export const expressionOf = (sum: Affine, idOf: (e: Scalar) => number): Scalar => {
  const ordered = [...sum.terms]
  if (ordered.length > 1) ordered.sort(([a], [b]) => idOf(a) - idOf(b))
  const scaled = (term: Scalar, c: number): Scalar => (c === 1 ? term : mul(term, i32(c)))
  let result: Scalar | undefined
  for (const [term, c] of ordered) if (c > 0) result = result ? add(result, scaled(term, c)) : scaled(term, c)
  const negative = ordered.filter(([, c]) => c < 0)
  if (!result && sum.constant !== 0) {
    result = i32(sum.constant)
    for (const [term, c] of negative) result = c === -2147483648 ? add(result, scaled(term, c)) : sub(result, scaled(term, -c))
    return result
  }
  for (const [term, c] of negative) {
    if (!result) result = c === -1 ? neg(term) : scaled(term, c)
    else result = c === -2147483648 ? add(result, scaled(term, c)) : sub(result, scaled(term, -c))
  }
  if (!result) return i32(sum.constant)
  return sum.constant > 0 ? add(result, i32(sum.constant)) : sum.constant === -2147483648 ? add(result, i32(sum.constant)) : sum.constant < 0 ? sub(result, i32(-sum.constant)) : result
}
