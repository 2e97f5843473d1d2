/**
 * Quotients that the lanes of a workgroup share. A workgroup computes `span` neighbouring places, so a place divided by a multiple of the
 * span goes by the number of the workgroup alone: what is read there is one load for all lanes, and no gather.
 */
import { add, eachScalar, i32, mapScalar, mul, type Scalar, type Var } from "../scalar/scalar.ts"
import type { Simplify } from "../scalar/simplify-alike.ts"
import { allRules, divisionByMultiple } from "../scalar/simplify-scalar.ts"

export interface Uniform {
  /** The number of the workgroup. */
  readonly group: Var
  /** The expressions given, their uniform quotients in terms of it. */
  readonly roots: readonly Scalar[]
}

const rules = [...allRules, divisionByMultiple]

export const uniformQuotients = (given: readonly Scalar[], place: Var, span: number, simplify: Simplify): Uniform | undefined => {
  const group: Var = { op: "var", type: "i32", name: "g", low: 0, high: Math.floor(place.high / span) }
  const lane: Var = { op: "var", type: "i32", name: "l", low: 0, high: span - 1 }
  const quotients: Scalar[] = []
  eachScalar(given, (e) => {
    if (e.op === "binary" && e.fn === "idiv" && e.type === "i32" && e.b.op === "const" && e.b.value > 0 && e.b.value % span === 0 && contains(e.a, place)) quotients.push(e)
  })
  if (quotients.length === 0) return undefined
  const split = new Map<Scalar, Scalar>([[place, add(mul(group, i32(span)), lane)]])
  const made = simplify(quotients.map((e) => mapScalar(e, (x) => x, split)), rules)
  const replaced = new Map(quotients.flatMap((e, i) => (contains(made[i]!, lane) || !contains(made[i]!, group) ? [] : [[e, made[i]!] as const])))
  return replaced.size === 0 ? undefined : { group, roots: given.map((e) => mapScalar(e, (x) => x, replaced)) }
}

const contains = (e: Scalar, wanted: Var): boolean => {
  let found = false
  eachScalar([e], (x) => { if (x === wanted) found = true })
  return found
}
