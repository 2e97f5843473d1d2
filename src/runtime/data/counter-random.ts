/** Numbers of one sample of a generated data set: threefry words counted up, so that a sample is the same whoever asks for it and when. */
import { threefry2x32 } from "../../base/threefry.ts"
import { multiplyHigh } from "./epoch-order.ts"

export interface CounterRandom {
  /** Uniform in [low, high), from 24 bits. */
  uniform(low: number, high: number): number
  /** A whole number in [0, bound). */
  below(bound: number): number
  /** Two independent normal numbers (Box-Muller). */
  normals(): readonly [number, number]
}

export const counterRandom = (seed: number, site: number, sample: number): CounterRandom => {
  let counter = 0
  const words = (): [number, number] => threefry2x32(seed, site, sample, counter++)
  return {
    uniform: (low, high) => low + (high - low) * (words()[0] >>> 8) * 2 ** -24,
    below: (bound) => multiplyHigh(words()[0], bound),
    normals: () => {
      const [a, b] = words()
      const radius = Math.sqrt(-2 * Math.log(((a >>> 8) + 1) * 2 ** -24))
      const angle = 2 * Math.PI * (b >>> 8) * 2 ** -24
      return [radius * Math.cos(angle), radius * Math.sin(angle)]
    },
  }
}
