/** Integer expressions as sums of multiples of parts that are no sums: addresses in a form in which neighbours can be told. */
import { add, i32, mul, sub, type Scalar } from "../scalar/scalar.ts"

export interface Linear {
  readonly terms: ReadonlyMap<Scalar, number>
  readonly constant: number
}

export const linearOf = (e: Scalar): Linear => {
  const terms = new Map<Scalar, number>()
  let constant = 0
  const go = (x: Scalar, factor: number): void => {
    if (x.op === "const") constant += factor * x.value
    else if (x.op === "binary" && x.fn === "add") {
      go(x.a, factor)
      go(x.b, factor)
    } else if (x.op === "binary" && x.fn === "sub") {
      go(x.a, factor)
      go(x.b, -factor)
    } else if (x.op === "binary" && x.fn === "mul" && x.b.op === "const") go(x.a, factor * x.b.value)
    else if (x.op === "binary" && x.fn === "mul" && x.a.op === "const") go(x.b, factor * x.a.value)
    else terms.set(x, (terms.get(x) ?? 0) + factor)
  }
  go(e, 1)
  for (const [x, k] of terms) if (k === 0) terms.delete(x)
  return { terms, constant }
}

/** The sum with sums in place of its terms. */
export const substituted = (sum: Linear, of: (term: Scalar) => Linear): Linear => {
  const terms = new Map<Scalar, number>()
  let { constant } = sum
  for (const [x, k] of sum.terms) {
    const part = of(x)
    constant += k * part.constant
    for (const [y, c] of part.terms) terms.set(y, (terms.get(y) ?? 0) + k * c)
  }
  for (const [x, k] of terms) if (k === 0) terms.delete(x)
  return { terms, constant }
}

/** The sum written out, the constant last. */
export const expressionOf = ({ terms, constant }: Linear): Scalar => {
  let sum: Scalar = i32(0)
  for (const [x, k] of terms) sum = k < 0 ? sub(sum, mul(x, i32(-k))) : add(sum, mul(x, i32(k)))
  return constant < 0 ? sub(sum, i32(-constant)) : add(sum, i32(constant))
}
