/** Stable order of the elements of one line of an array. */
import type { Shape } from "./primitive.ts"
import { elementCount, strides } from "./shape.ts"

/** The elements `start + k * step`, k in [0, count). */
export interface Line { readonly start: number; readonly step: number; readonly count: number }

/** All lines along `axis`. */
export const linesOf = (shape: Shape, axis: number): Line[] => {
  const [count, step] = [shape[axis]!, strides(shape)[axis]!]
  const result: Line[] = []
  for (let block = 0; block < elementCount(shape); block += step * count) for (let within = 0; within < step; within++) result.push({ start: block + within, step, count })
  return result
}

/** The places of a line's elements in order: equals by place, NaN last, in either direction. */
export const argsortOf = (data: Float64Array, { start, step, count }: Line, descending: boolean): number[] => {
  const places = Array.from({ length: count }, (_, k) => k)
  return places.sort((p, q) => {
    const [a, b] = [data[start + p * step]!, data[start + q * step]!]
    if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b)) || p - q
    return (descending ? b - a : a - b) || p - q
  })
}
