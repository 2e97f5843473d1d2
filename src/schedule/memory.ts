/**
 * Gives temporaries their buffers: values whose lives do not overlap share one.
 * Not one arena: WebGPU refuses a dispatch that reads one part of a buffer and writes another.
 */
export interface Life {
  readonly bytes: number
  /** The commands that first and last touch the value. */
  readonly first: number
  readonly last: number
}

export interface Allocation {
  /** The buffer of each value, and the byte of it that the value begins at. */
  readonly of: readonly number[]
  readonly offsets: readonly number[]
  /** The bytes of each buffer. */
  readonly buffers: readonly number[]
  /** The most bytes that are alive at once: no allocation needs less. */
  readonly liveBytes: number
}

interface Shared {
  readonly of: readonly number[]
  readonly offsets: readonly number[]
  readonly buffers: readonly number[]
}

/** In the order of the commands: the smallest free buffer that is large enough, else the largest free one, which grows. */
const byTime = (lives: readonly Life[]): Shared => {
  const of = lives.map(() => -1)
  const buffers: number[] = []
  const freeFrom: number[] = []
  const order = lives.map((_, i) => i).sort((a, b) => lives[a]!.first - lives[b]!.first || lives[b]!.bytes - lives[a]!.bytes || a - b)
  for (const i of order) {
    const { bytes, first, last } = lives[i]!
    const free = buffers.map((_, k) => k).filter((k) => freeFrom[k]! < first)
    const fits = free.filter((k) => buffers[k]! >= bytes).sort((a, b) => buffers[a]! - buffers[b]! || a - b)[0]
    const chosen = fits ?? free.sort((a, b) => buffers[b]! - buffers[a]! || a - b)[0] ?? buffers.length
    buffers[chosen] = Math.max(buffers[chosen] ?? 0, bytes)
    freeFrom[chosen] = last
    of[i] = chosen
  }
  return { of, offsets: lives.map(() => 0), buffers }
}

/** Places in a buffer begin at multiples of so many bytes. */
const alignment = 256

/**
 * The largest first; each goes into the smallest gap, in bytes, that is free while it lives, in a buffer that holds nothing
 * that a dispatch reads while it writes this value, or the other way round.
 */
const bySize = (lives: readonly Life[], apart: (a: number, b: number) => boolean): Shared => {
  const of = lives.map(() => -1)
  const offsets = lives.map(() => 0)
  const buffers: { readonly bytes: number; readonly held: number[] }[] = []
  const order = lives.map((_, i) => i).sort((a, b) => lives[b]!.bytes - lives[a]!.bytes || lives[a]!.first - lives[b]!.first || a - b)
  for (const i of order) {
    const { bytes, first, last } = lives[i]!
    const needed = Math.ceil(bytes / alignment) * alignment
    let [chosen, at, smallest] = [-1, 0, Infinity]
    buffers.forEach((buffer, k) => {
      const meanwhile = buffer.held.filter((h) => lives[h]!.first <= last && first <= lives[h]!.last)
      if (meanwhile.some((h) => apart(i, h))) return
      let from = 0
      const gap = (to: number): void => {
        if (to - from >= needed && to - from < smallest) [chosen, at, smallest] = [k, from, to - from]
      }
      for (const h of [...meanwhile].sort((a, b) => offsets[a]! - offsets[b]!)) {
        gap(offsets[h]!)
        from = Math.max(from, offsets[h]! + Math.ceil(lives[h]!.bytes / alignment) * alignment)
      }
      gap(buffer.bytes)
    })
    if (chosen < 0) {
      chosen = buffers.length
      buffers.push({ bytes: needed, held: [] })
    }
    buffers[chosen]!.held.push(i)
    of[i] = chosen
    offsets[i] = at
  }
  return { of, offsets, buffers: buffers.map((b) => b.bytes) }
}

/** Whichever way of sharing needs less. `apart`: whether a dispatch reads one of the two and writes the other. */
export const allocate = (lives: readonly Life[], apart: (a: number, b: number) => boolean = () => true): Allocation => {
  const total = ({ buffers }: Shared): number => buffers.reduce((n, b) => n + b, 0)
  const [early, large] = [byTime(lives), bySize(lives, apart)]
  let liveBytes = 0
  for (const at of new Set(lives.map((l) => l.first))) liveBytes = Math.max(liveBytes, lives.reduce((sum, l) => (l.first <= at && at <= l.last ? sum + l.bytes : sum), 0))
  return { ...(total(large) < total(early) ? large : early), liveBytes }
}

/** Whether no two values that live at the same time lie in one place, or apart in one buffer though they must not share it. */
export const verifyAllocation = (lives: readonly Life[], allocation: Allocation, apart: (a: number, b: number) => boolean = () => true): string[] => {
  const problems: string[] = []
  for (let i = 0; i < lives.length; i++) {
    const a = lives[i]!
    const [from, to] = [allocation.offsets[i]!, allocation.offsets[i]! + a.bytes]
    if (from % alignment !== 0 || to > allocation.buffers[allocation.of[i]!]!) problems.push(`value ${i} of ${a.bytes} bytes does not fit its buffer at ${from}`)
    for (let j = 0; j < i; j++) {
      const b = lives[j]!
      if (allocation.of[i] !== allocation.of[j] || a.first > b.last || b.first > a.last) continue
      if (from < allocation.offsets[j]! + b.bytes && allocation.offsets[j]! < to) problems.push(`values ${j} and ${i} live at the same time in one place`)
      else if (apart(i, j)) problems.push(`values ${j} and ${i} share a buffer that one dispatch reads and writes`)
    }
  }
  return problems
}
