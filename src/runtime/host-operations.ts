/** What evaluations compute on the host in f64, by the name of the primitive. */
import { frechetDistance, gaussianOf } from "../base/frechet-distance.ts"
import type { TypedArray } from "./executor.ts"

interface Operand {
  readonly shape: readonly number[]
  readonly data: TypedArray
}

const operations: Readonly<Record<string, (operands: readonly Operand[]) => Float32Array>> = {
  frechet: ([meanA, a, meanB, b]) => Float32Array.of(frechetDistance({ mean: meanA!.data, covariance: a!.data }, { mean: meanB!.data, covariance: b!.data })),
  frechet_of_rows: ([a, countA, b, countB]) => {
    const d = a!.shape[1]!
    return Float32Array.of(frechetDistance(gaussianOf(a!.data, countA!.data[0]!, d), gaussianOf(b!.data, countB!.data[0]!, d)))
  },
}

export const hostOperation = (name: string): ((operands: readonly Operand[]) => Float32Array) => {
  const found = operations[name]
  if (found === undefined) throw new Error(`a plan asks the host for ${name}, which it does not know`)
  return found
}
