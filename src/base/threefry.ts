/** Threefry-2x32 with 20 rounds (Salmon et al. 2011, Random123): a counter-based generator; equal keys and counters give equal words on every device. */
const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const

/** Keys and counters are read as u32; both words of the result are u32. */
export const threefry2x32 = (key0: number, key1: number, counter0: number, counter1: number): [number, number] => {
  const k0 = key0 | 0
  const k1 = key1 | 0
  const schedule = [k0, k1, 0x1bd11bda ^ k0 ^ k1]
  let x0 = (counter0 + k0) | 0
  let x1 = (counter1 + k1) | 0
  for (let round = 0; round < 20; round++) {
    const turn = rotations[round & 7]!
    x0 = (x0 + x1) | 0
    x1 = ((x1 << turn) | (x1 >>> (32 - turn))) ^ x0
    if ((round & 3) === 3) {
      const injection = (round + 1) >> 2
      x0 = (x0 + schedule[injection % 3]!) | 0
      x1 = (x1 + schedule[(injection + 1) % 3]! + injection) | 0
    }
  }
  return [x0 >>> 0, x1 >>> 0]
}
