/**
 * Gives temporaries their buffers: values whose lives do not overlap share one (best fit, in the order of the commands).
 * Not one arena: WebGPU refuses a dispatch that reads one part of a buffer and writes another.
 */
export interface Life {
  readonly bytes: number
  /** The commands that first and last touch the value. */
  readonly first: number
  readonly last: number
}

export interface Allocation {
  /** The buffer of each value. */
  readonly of: readonly number[]
  /** The bytes of each buffer. */
  readonly buffers: readonly number[]
  /** The most bytes that are alive at once: no allocation needs less. */
  readonly liveBytes: number
}

export const allocate = (lives: readonly Life[]): Allocation => {
  const of = lives.map(() => -1)
  const buffers: number[] = []
  const freeFrom: number[] = []
  const order = lives.map((_, i) => i).sort((a, b) => lives[a]!.first - lives[b]!.first || lives[b]!.bytes - lives[a]!.bytes || a - b)
  for (const i of order) {
    const { bytes, first, last } = lives[i]!
    const free = buffers.map((_, k) => k).filter((k) => freeFrom[k]! < first)
    // The smallest that is large enough, else the largest, which grows.
    const fits = free.filter((k) => buffers[k]! >= bytes).sort((a, b) => buffers[a]! - buffers[b]! || a - b)[0]
    const chosen = fits ?? free.sort((a, b) => buffers[b]! - buffers[a]! || a - b)[0] ?? buffers.length
    buffers[chosen] = Math.max(buffers[chosen] ?? 0, bytes)
    freeFrom[chosen] = last
    of[i] = chosen
  }
  let liveBytes = 0
  for (const at of new Set(lives.map((l) => l.first))) liveBytes = Math.max(liveBytes, lives.reduce((sum, l) => (l.first <= at && at <= l.last ? sum + l.bytes : sum), 0))
  return { of, buffers, liveBytes }
}

/** Whether no two values that live at the same time share a buffer. */
export const verifyAllocation = (lives: readonly Life[], allocation: Allocation): string[] => {
  const problems: string[] = []
  for (let i = 0; i < lives.length; i++) {
    const a = lives[i]!
    if (a.bytes > allocation.buffers[allocation.of[i]!]!) problems.push(`value ${i} of ${a.bytes} bytes does not fit its buffer`)
    for (let j = 0; j < i; j++) {
      const b = lives[j]!
      if (allocation.of[i] === allocation.of[j] && a.first <= b.last && b.first <= a.last) problems.push(`values ${j} and ${i} live at the same time in one buffer`)
    }
  }
  return problems
}
