/** Generated pictures of coloured dots, the numerosity protocol of Zhao et al. 2018. */
import { fnv1a32 } from "../../base/fnv.ts"
import { counterRandom } from "./counter-random.ts"
import type { CounterRandom } from "./counter-random.ts"
import { DataError } from "./data-error.ts"
import type { Ask, DataSet } from "./data-set.ts"
import { onlyOptions, wholeOption } from "./options.ts"

const radius = 0.08
const apart = 2.1 * radius
const noise = 0.03
/** More dots than this are not placed by rejection in reasonable time. */
const mostDots = 12

/** Centres inside the unit square, dots whole; a placement that gets stuck starts anew. */
export const placeDots = (random: CounterRandom, count: number): readonly (readonly [number, number])[] => {
  for (;;) {
    const centres: (readonly [number, number])[] = []
    for (let tries = 0; tries < 200 && centres.length < count; tries++) {
      const x = random.uniform(radius, 1 - radius)
      const y = random.uniform(radius, 1 - radius)
      if (centres.every(([cx, cy]) => Math.hypot(x - cx, y - cy) > apart)) centres.push([x, y])
    }
    if (centres.length === count) return centres
  }
}

/** Folded back at 1, then at 0. */
const fold = (value: number): number => Math.abs(value > 1 ? 2 - value : value)

const paint = (random: CounterRandom, count: number, size: number, into: { [index: number]: number }, start: number): void => {
  const plane = size * size
  for (let i = 0; i < 3 * plane; i++) into[start + i] = 1
  for (const [cx, cy] of placeDots(random, count)) {
    const colour = [random.uniform(0, 0.9), random.uniform(0, 0.9), random.uniform(0, 0.9)]
    const low = (centre: number): number => Math.max(0, Math.floor((centre - radius) * size) - 1)
    const high = (centre: number): number => Math.min(size - 1, Math.ceil((centre + radius) * size) + 1)
    for (let y = low(cy); y <= high(cy); y++) {
      for (let x = low(cx); x <= high(cx); x++) {
        // The edge is one pixel wide: how far the pixel's centre lies inside the disc.
        const inside = Math.min(1, Math.max(0, (radius - Math.hypot((x + 0.5) / size - cx, (y + 0.5) / size - cy)) * size + 0.5))
        for (let c = 0; inside > 0 && c < 3; c++) {
          const at = start + c * plane + y * size + x
          into[at] = into[at]! * (1 - inside) + colour[c]! * inside
        }
      }
    }
  }
  for (let i = 0; i < 3 * plane; i += 2) {
    const [a, b] = random.normals()
    into[start + i] = fold(into[start + i]! + noise * a)
    if (i + 1 < 3 * plane) into[start + i + 1] = fold(into[start + i + 1]! + noise * b)
  }
}

/** `count` is a number, or several in one text ("4, 5, 7"), taken by turns. */
const countsOf = (ask: Ask): readonly number[] => {
  const value = ask.options["count"] ?? 6
  const counts = typeof value === "string" ? value.split(",").map((word) => (word.trim() === "" ? NaN : Number(word))) : [Number(value)]
  if (typeof value === "boolean" || counts.some((count) => !Number.isInteger(count) || count < 0 || count > mostDots)) {
    throw new DataError({
      reason: "option", file: "dots", expected: `count= a whole number from 0 to ${mostDots}, or several as "4, 5, 7"`,
      found: JSON.stringify(value),
    })
  }
  return counts
}

export const loadDots = async (ask: Ask): Promise<DataSet> => {
  onlyOptions(ask, ["count", "size", "samples"])
  const counts = countsOf(ask)
  const size = wholeOption(ask, "size", 8, 512, 32)
  const samples = wholeOption(ask, "samples", 1, 10_000_000, ask.split === "test" ? 10_000 : 50_000)
  const site = fnv1a32(ask.split === "test" ? "dots/test" : "dots/train")
  return {
    place: "dots", count: samples, slow: true,
    fields: [{ name: "image", dtypes: ["f32"], shape: [3, size, size] }, { name: "label", dtypes: ["i32"], shape: [] }],
    read(sample, _epoch, into, slot) {
      const count = counts[sample % counts.length]!
      const image = into["image"]
      if (image !== undefined) paint(counterRandom(count, site, sample), count, size, image, slot * 3 * size * size)
      const label = into["label"]
      if (label !== undefined) label[slot] = count
    },
  }
}
