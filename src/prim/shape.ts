/** Arithmetic on static shapes: element counts, row-major strides, constants of a given shape. */
import type { Build, Shape, TensorType } from "./primitive.ts"

export const elementCount = (shape: Shape): number => shape.reduce((a, b) => a * b, 1)

/** Row-major strides: the last dimension is contiguous. */
export const strides = (shape: Shape): number[] => {
  const result = new Array<number>(shape.length)
  for (let d = shape.length - 1, step = 1; d >= 0; d--) {
    result[d] = step
    step *= shape[d]!
  }
  return result
}

export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((size, d) => size === b[d])
export const typeText = (type: TensorType): string => `${type.dtype}[${type.shape.join(", ")}]`
export const dimensions = (rank: number): number[] => Array.from({ length: rank }, (_, d) => d)
export const isFloat = <V>(b: Build<V>, x: V): boolean => b.typeOf(x).dtype === "f32"

/** A constant of the shape and type of `x`. */
export const constantLike = <V>(b: Build<V>, value: number, x: V): V => {
  const { dtype, shape } = b.typeOf(x)
  return shape.length === 0 ? b.scalar(value, dtype) : b.apply("broadcast", [b.scalar(value, dtype)], { shape, map: [] })
}
