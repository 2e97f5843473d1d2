/** The order of the samples in one epoch: a Fisher-Yates shuffle by threefry words of key (seed, "epoch") and counter (epoch, i). */
import { fnv1a32 } from "../../base/fnv.ts"
import { threefry2x32 } from "../../base/threefry.ts"

/** floor(word * bound / 2^32), exact for u32 operands: a number below `bound`. */
export const multiplyHigh = (word: number, bound: number): number =>
  Math.floor(((word >>> 16) * bound + Math.floor(((word & 0xffff) * bound) / 65536)) / 65536)

const site = fnv1a32("epoch")

export const epochOrder = (seed: number, epoch: number, count: number): Uint32Array => {
  const order = Uint32Array.from({ length: count }, (_, i) => i)
  for (let i = count - 1; i > 0; i--) {
    const j = multiplyHigh(threefry2x32(seed, site, epoch, i)[0], i + 1)
    const kept = order[i]!
    order[i] = order[j]!
    order[j] = kept
  }
  return order
}
