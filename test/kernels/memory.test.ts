import { describe, expect, it } from "vitest"
import { allocate, verifyAllocation, type Life } from "../../src/schedule/memory.ts"

const random = (seed: number) => () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32

const livesOf = (next: () => number, count: number): Life[] => Array.from({ length: count }, () => {
  const first = Math.floor(next() * 60)
  return { bytes: 4 * (1 + Math.floor(next() ** 4 * 5000)), first, last: first + Math.floor(next() * 12) }
})

describe("memory", () => {
  it("gives values that live at the same time places of their own, and keeps apart what a dispatch reads and writes", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const next = random(seed)
      const lives = livesOf(next, 40)
      const pairs = new Set<string>()
      lives.forEach((a, i) => lives.forEach((b, j) => { if (j < i && a.first <= b.last && b.first <= a.last && next() < 0.2) pairs.add(`${i} ${j}`).add(`${j} ${i}`) }))
      const apart = (a: number, b: number): boolean => pairs.has(`${a} ${b}`)
      const made = allocate(lives, apart)
      expect(verifyAllocation(lives, made, apart)).toEqual([])
      expect(made.buffers.reduce((a, b) => a + b, 0)).toBeGreaterThanOrEqual(made.liveBytes)
    }
  })
  it("needs at most 1.3 times the bytes that live at once where nothing has to be kept apart", () => {
    let [total, least] = [0, 0]
    for (let seed = 1; seed <= 60; seed++) {
      const lives = livesOf(random(seed), 40)
      const made = allocate(lives, () => false)
      total += made.buffers.reduce((a, b) => a + b, 0)
      least += made.liveBytes
    }
    expect(total).toBeLessThanOrEqual(1.3 * least)
  })
  it("notices values that share a place, and those that must not share a buffer", () => {
    const lives: Life[] = [{ bytes: 512, first: 0, last: 2 }, { bytes: 256, first: 1, last: 3 }]
    const sharing = { of: [0, 0], offsets: [0, 256], buffers: [512], liveBytes: 768 }
    expect(verifyAllocation(lives, sharing)[0]).toMatch("in one place")
    expect(verifyAllocation(lives, { ...sharing, offsets: [0, 512], buffers: [768] })[0]).toMatch("that one dispatch reads and writes")
    expect(verifyAllocation(lives, { ...sharing, offsets: [0, 512], buffers: [768] }, () => false)).toEqual([])
  })
})
