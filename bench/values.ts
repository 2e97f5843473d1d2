/** The numbers that workloads compute on. */
import type { Values } from "./planned.ts"

type Data = (count: number, seed: number, scale: number, shift: number) => Float32Array

/** Values of the same distribution where the peers' own are not at hand. */
const own: Data = (count, seed, scale, shift) => {
  let state = Math.imul(seed, 2654435761) >>> 0
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state / 4294967296 - 0.5) * scale + shift
  })
}

/** `module`: the URL of the peers' module of data. */
export const dataOf = async (module: string | undefined): Promise<Data> => (module ? ((await import(module)) as { data: Data }).data : own)

export const filled = (data: Data, values: Values, count: number): Float32Array =>
  "value" in values ? new Float32Array(count).fill(values.value) : data(count, values.seed, values.scale, values.shift)

export const countOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1)

export const meanAbsolute = (array: ArrayLike<number>): number => {
  let sum = 0
  for (let i = 0; i < array.length; i++) sum += Math.abs(array[i]!)
  return sum / array.length
}
