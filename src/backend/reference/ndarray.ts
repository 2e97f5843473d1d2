/** Arrays of the reference evaluator: row-major f64, whatever the type; truth values are 0 and 1. */
import type { ScalarType } from "../../scalar/scalar.ts"
import { elementCount } from "../../prim/shape.ts"

export interface NdArray {
  readonly dtype: ScalarType
  readonly shape: readonly number[]
  readonly data: Float64Array
}

export const ndarray = (dtype: ScalarType, shape: readonly number[], data: ArrayLike<number>): NdArray => {
  if (data.length !== elementCount(shape)) throw new Error(`${data.length} values do not fill [${shape.join(", ")}]`)
  return { dtype, shape, data: data instanceof Float64Array ? data : Float64Array.from(data) }
}
