/** One row of pictures without words, for a page that has the words beside it. */
import { canvas, drawPlanes } from "../pictures/canvas.ts"
import { encodeApng } from "../pictures/png.ts"

export interface PictureRow {
  readonly png: Uint8Array
  readonly shown: number
  readonly of: number
}

const gap = 4
const ground = [250, 250, 250] as const

/** Pictures [n, c, h, w] or clips [n, c, t, h, w], enlarged by a whole factor when small; as many as fit into `pixels`, at least one. */
export const pictureRow = (shape: readonly number[], values: ArrayLike<number>, pixels: number): PictureRow => {
  const [of, channels] = shape as [number, number]
  const height = shape[shape.length - 2]!
  const width = shape[shape.length - 1]!
  const frames = shape.length === 5 ? shape[2]! : 1
  const scale = Math.max(1, Math.min(3, Math.floor(112 / Math.max(height, width))))
  const pitch = width * scale + gap
  const shown = Math.min(of, Math.max(1, Math.floor((pixels + gap) / pitch)))
  const plane = height * width
  const pictures = Array.from({ length: frames }, (_, t) => {
    const made = canvas(shown * pitch - gap, height * scale, ground)
    for (let n = 0; n < shown; n++) drawPlanes(made, n * pitch, 0, values, (n * channels * frames + t) * plane, channels, frames * plane, height, width, scale)
    return { width: made.width, height: made.height, channels: 3 as const, pixels: made.pixels }
  })
  return { png: encodeApng(pictures, 8), shown, of }
}
