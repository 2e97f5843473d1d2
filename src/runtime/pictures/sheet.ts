/** A batch of pictures as a sheet: rows and columns about as many, on the ground of its population; clips move. */
import { canvas, drawPlanes } from "./canvas.ts"
import { groundOf } from "./grid.ts"
import { encodeApng } from "./png.ts"

const gap = 3
const widest = 1100
/** Columns are a divisor of the number of pictures where one is near enough to its root. */
const near = 2

export const columnsOf = (count: number): number => {
  const root = Math.sqrt(count)
  const divisors = Array.from({ length: count }, (_, i) => i + 1).filter((c) => count % c === 0 && c >= root && c <= near * root)
  return divisors[0] ?? Math.ceil(root)
}

export interface SheetOptions {
  readonly population?: string
  /** Pictures shown at most. */
  readonly most?: number
}

/** Pictures [n, c, h, w] or clips [n, c, t, h, w] with values of [0, 1], at natural size or enlarged by a whole factor up to four. */
export const sheetPng = (shape: readonly number[], values: ArrayLike<number>, options: SheetOptions = {}): Uint8Array => {
  const [n, channels] = shape as [number, number]
  const height = shape[shape.length - 2]!
  const width = shape[shape.length - 1]!
  const frames = shape.length === 5 ? shape[2]! : 1
  const count = Math.min(n, options.most ?? 256)
  const columns = columnsOf(count)
  const scale = Math.max(1, Math.min(4, Math.floor(widest / (columns * width)), Math.floor(160 / Math.max(height, width))))
  const [across, down] = [width * scale + gap, height * scale + gap]
  const plane = height * width
  const pictures = Array.from({ length: frames }, (_, t) => {
    const made = canvas(gap + columns * across, gap + Math.ceil(count / columns) * down, groundOf(options.population))
    for (let i = 0; i < count; i++) {
      drawPlanes(made, gap + (i % columns) * across, gap + Math.floor(i / columns) * down, values, (i * channels * frames + t) * plane, channels, frames * plane, height, width, scale)
    }
    return { width: made.width, height: made.height, channels: 3 as const, pixels: made.pixels }
  })
  return encodeApng(pictures, 8)
}
