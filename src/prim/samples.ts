/** Sample operands for the oracle tests: small shapes, and ranges in which a function is smooth. */
import type { ScalarType } from "../scalar/scalar.ts"
import type { Shape } from "./primitive.ts"

export interface Operand {
  readonly shape: Shape
  readonly dtype?: ScalarType
  readonly low?: number
  readonly high?: number
}

export const floats = (shape: Shape, low = -2, high = 2): Operand => ({ shape, dtype: "f32", low, high })
export const integers = (shape: Shape, low = -9, high = 9): Operand => ({ shape, dtype: "i32", low, high })
export const naturals = (shape: Shape, low = 0, high = 30): Operand => ({ shape, dtype: "u32", low, high })
export const bools = (shape: Shape): Operand => ({ shape, dtype: "bool", low: 0, high: 1 })

/** Shapes that catch what one shape hides: a scalar, a vector, and unequal extents. */
export const smallShapes: readonly Shape[] = [[], [5], [2, 3, 4]]
