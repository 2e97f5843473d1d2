/** An RGB picture to draw on: filled boxes, text, and pictures enlarged by whole factors. */
import { glyphHeight, glyphRows, glyphWidth } from "./font.ts"

export type Colour = readonly [number, number, number]

export interface Canvas {
  readonly width: number
  readonly height: number
  readonly pixels: Uint8Array
}

export const canvas = (width: number, height: number, background: Colour): Canvas => {
  const made = { width, height, pixels: new Uint8Array(width * height * 3) }
  fillBox(made, 0, 0, width, height, background)
  return made
}

/** What lies outside is cut off. */
export const fillBox = (to: Canvas, left: number, top: number, width: number, height: number, colour: Colour): void => {
  const from = Math.max(0, left)
  const row = new Uint8Array(Math.max(0, Math.min(to.width, left + width) - from) * 3)
  for (let at = 0; at < row.length; at += 3) row.set(colour, at)
  for (let y = Math.max(0, top); y < Math.min(to.height, top + height); y++) to.pixels.set(row, (y * to.width + from) * 3)
}

export const textWidth = (text: string, scale: number): number => Math.max(0, Array.from(text).length * (glyphWidth + 1) - 1) * scale

export const drawText = (to: Canvas, left: number, top: number, text: string, scale: number, colour: Colour): void => {
  Array.from(text).forEach((character, place) => {
    glyphRows(character).forEach((bits, row) => {
      for (let column = 0; column < glyphWidth; column++) {
        if ((bits >> (glyphWidth - 1 - column)) & 1) fillBox(to, left + (place * (glyphWidth + 1) + column) * scale, top + row * scale, scale, scale, colour)
      }
    })
  })
}

export const lineHeight = (scale: number): number => glyphHeight * scale

/** A value of [0, 1] as a byte: clamped, rounded; what is not a number is black. */
export const byteOf = (value: number): number => (value >= 1 ? 255 : value > 0 ? Math.round(value * 255) : 0)

/** Planes of [0, 1] at `start`, `planeStride` apart; one plane (or two, or more than three) shows the first as grey. The place lies inside the canvas. */
export const drawPlanes = (
  to: Canvas, left: number, top: number, values: ArrayLike<number>, start: number, channels: number, planeStride: number, height: number, width: number, scale: number,
): void => {
  const row = new Uint8Array(width * scale * 3)
  const [green, blue] = channels === 3 ? [planeStride, 2 * planeStride] : [0, 0]
  for (let y = 0; y < height; y++) {
    let to3 = 0
    for (let x = 0; x < width; x++) {
      const at = start + y * width + x
      const colour = [byteOf(values[at]!), byteOf(values[at + green]!), byteOf(values[at + blue]!)] as const
      for (let repeat = 0; repeat < scale; repeat++) {
        row[to3++] = colour[0]
        row[to3++] = colour[1]
        row[to3++] = colour[2]
      }
    }
    for (let repeat = 0; repeat < scale; repeat++) to.pixels.set(row, ((top + y * scale + repeat) * to.width + left) * 3)
  }
}
