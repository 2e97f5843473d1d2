/** Substitution of index variables in scalar expressions, without capture: bound variables are renamed apart. */
import { mapScalar } from "../scalar/scalar.ts"
import type { Scalar, Var } from "../scalar/scalar.ts"
import { operandsFirst } from "./scalar-order.ts"

/** The variables that reductions inside the expressions bind, in order of first encounter. */
export const boundVariables = (roots: readonly Scalar[]): Var[] => [...new Set(operandsFirst(roots).flatMap((e) => (e.op === "reduce" ? e.vars : [])))]

export const freshVariable = (v: Var): Var => ({ ...v })

/**
 * The expressions with variables replaced and every bound variable fresh, so that one body may be used at several
 * places, also inside itself. `onRead` sees each read after its indices were substituted.
 */
export const substituteAll = (roots: readonly Scalar[], values: ReadonlyMap<Var, Scalar>, onRead?: (slot: number, index: readonly Scalar[], read: Scalar) => Scalar): Scalar[] => {
  const memo = new Map<Scalar, Scalar>(values)
  for (const v of boundVariables(roots)) memo.set(v, freshVariable(v))
  const renamed = (e: Scalar): Scalar => {
    if (e.op === "reduce") return { ...e, vars: e.vars.map((v) => memo.get(v) as Var) }
    return e.op === "read" && onRead ? onRead(e.slot, e.index, e) : e
  }
  return roots.map((root) => mapScalar(root, renamed, memo))
}

export const substitute = (root: Scalar, values: ReadonlyMap<Var, Scalar>, onRead?: (slot: number, index: readonly Scalar[], read: Scalar) => Scalar): Scalar =>
  substituteAll([root], values, onRead)[0]!
