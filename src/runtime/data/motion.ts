/** Generated clips: a digit of MNIST that moves in one of ten ways, the label being the way. */
import { fnv1a32 } from "../../base/fnv.ts"
import { counterRandom } from "./counter-random.ts"
import { unitOfByte } from "./data-set.ts"
import type { Ask, DataSet } from "./data-set.ts"
import { readPictures } from "./idx.ts"
import { onlyOptions, textOption, wholeOption } from "./options.ts"
import { placeOf } from "./read-file.ts"

/** Where the digit is at time s in [0, 1]: offset from its start (in clip sides), scale, and turn in radians. */
interface Pose {
  readonly x: number
  readonly y: number
  readonly scale: number
  readonly turn: number
}

const still: Pose = { x: 0, y: 0, scale: 1, turn: 0 }
const orbit = (s: number, way: number): Pose => ({ ...still, x: 0.22 * Math.cos(2 * Math.PI * s * way), y: 0.22 * Math.sin(2 * Math.PI * s * way) })

/** Half of them are another one run backwards, so that the order of the frames carries the label. */
export const motions: readonly { readonly name: string; readonly pose: (s: number) => Pose }[] = [
  { name: "right", pose: (s) => ({ ...still, x: 0.5 * s - 0.25 }) },
  { name: "left", pose: (s) => ({ ...still, x: 0.25 - 0.5 * s }) },
  { name: "down", pose: (s) => ({ ...still, y: 0.5 * s - 0.25 }) },
  { name: "up", pose: (s) => ({ ...still, y: 0.25 - 0.5 * s }) },
  { name: "clockwise orbit", pose: (s) => orbit(s, 1) },
  { name: "counter-clockwise orbit", pose: (s) => orbit(s, -1) },
  { name: "grow", pose: (s) => ({ ...still, scale: 0.6 + 0.9 * s }) },
  { name: "shrink", pose: (s) => ({ ...still, scale: 1.5 - 0.9 * s }) },
  { name: "turn clockwise", pose: (s) => ({ ...still, turn: Math.PI * s }) },
  { name: "turn counter-clockwise", pose: (s) => ({ ...still, turn: -Math.PI * s }) },
]

/** The digit's value at a fractional place, bilinear, 0 outside. */
const sampleDigit = (digit: Uint8Array, side: number, x: number, y: number): number => {
  const x0 = Math.floor(x)
  const y0 = Math.floor(y)
  let value = 0
  for (let dy = 0; dy < 2; dy++) {
    for (let dx = 0; dx < 2; dx++) {
      const px = x0 + dx
      const py = y0 + dy
      if (px < 0 || py < 0 || px >= side || py >= side) continue
      value += unitOfByte[digit[py * side + px]!]! * (1 - Math.abs(x - px)) * (1 - Math.abs(y - py))
    }
  }
  return value
}

export const loadMotion = async (ask: Ask): Promise<DataSet> => {
  onlyOptions(ask, ["classes", "frames", "size", "samples", "path"])
  const classes = wholeOption(ask, "classes", 1, motions.length, 4)
  const frames = wholeOption(ask, "frames", 2, 256, 8)
  const size = wholeOption(ask, "size", 16, 256, 32)
  const testing = ask.split === "test"
  const samples = wholeOption(ask, "samples", 1, 10_000_000, testing ? 2_000 : 10_000)
  const folder = placeOf(ask.context, textOption(ask, "path", "mnist"))
  const { images } = await readPictures(ask, folder, testing ? "test" : "train", "mnist")
  const [digits, side] = images.shape as [number, number, number]
  const site = fnv1a32(testing ? "motion/test" : "motion/train")
  const plane = size * size
  // A digit of 28 pixels takes 0.55 of the clip's side, so that no way of moving leaves the picture.
  const perPixel = side / (0.55 * size)
  return {
    place: folder, count: samples, slow: true,
    fields: [{ name: "clip", dtypes: ["f32"], shape: [1, frames, size, size] }, { name: "label", dtypes: ["i32"], shape: [] }],
    read(sample, _epoch, into, slot) {
      const label = sample % classes
      const clip = into["clip"]
      if (clip !== undefined) {
        const random = counterRandom(0, site, sample)
        const number = random.below(digits)
        const digit = images.data.subarray(number * side * side, (number + 1) * side * side)
        const shiftX = random.uniform(-0.06, 0.06)
        const shiftY = random.uniform(-0.06, 0.06)
        for (let t = 0; t < frames; t++) {
          const pose = motions[label]!.pose(t / (frames - 1))
          const cosine = Math.cos(pose.turn) / pose.scale
          const sine = Math.sin(pose.turn) / pose.scale
          const cx = (0.5 + shiftX + pose.x) * size
          const cy = (0.5 + shiftY + pose.y) * size
          const start = (slot * frames + t) * plane
          for (let y = 0; y < size; y++) {
            for (let x = 0; x < size; x++) {
              const dx = (x + 0.5 - cx) * perPixel
              const dy = (y + 0.5 - cy) * perPixel
              clip[start + y * size + x] = sampleDigit(digit, side, cosine * dx + sine * dy + side / 2 - 0.5, cosine * dy - sine * dx + side / 2 - 0.5)
            }
          }
        }
      }
      const labels = into["label"]
      if (labels !== undefined) labels[slot] = label
    },
  }
}
