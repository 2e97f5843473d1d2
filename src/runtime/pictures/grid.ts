/** Grids of pictures: one row for each value, with its label and its population, at natural size or enlarged by a whole factor; clips move. */
import { canvas, drawPlanes, drawText, fillBox, lineHeight, textWidth } from "./canvas.ts"
import type { Colour } from "./canvas.ts"
import { encodeApng } from "./png.ts"

export interface GridRow {
  readonly label: string
  /** `real`, `fake`, `neg`, `mixed`, or nothing. */
  readonly population?: string
  /** [n, c, h, w] or [n, c, t, h, w], or one picture [c, h, w]. */
  readonly shape: readonly number[]
  /** Values of [0, 1]; others are clamped. */
  readonly values: ArrayLike<number>
}

export interface GridOptions {
  /** A whole factor, or `auto`: small pictures are enlarged up to four times, from 128 pixels on they stand as they are. */
  readonly scale?: number | "auto"
  readonly labels?: "left" | "above"
  /** Pictures of a row shown at most. */
  readonly most?: number
  readonly framesPerSecond?: number
}

interface PlacedRow {
  readonly row: GridRow
  readonly count: number
  readonly channels: number
  readonly frames: number
  readonly height: number
  readonly width: number
  readonly scale: number
}

const gap = 4
const margin = 8
const letter = 2
const background: Colour = [250, 250, 250]
const ink: Colour = [32, 32, 32]
/** The ground of a label by population: negatives warm, fakes cool, the rest neutral. */
const tints: Readonly<Record<string, Colour>> = { neg: [255, 214, 204], fake: [208, 222, 255], real: [216, 240, 216], mixed: [238, 220, 250] }
const neutral: Colour = [232, 232, 232]
export const groundOf = (population: string | undefined): Colour => (population === undefined ? undefined : tints[population]) ?? neutral
const longestLabel = 26

const autoScale = (side: number): number => Math.max(1, Math.min(4, Math.floor(128 / side)))

const place = (row: GridRow, options: GridOptions): PlacedRow => {
  const shape = row.shape.length === 3 ? [1, ...row.shape] : row.shape
  if (shape.length !== 4 && shape.length !== 5) throw new Error(`grid row ${row.label}: pictures have 3, 4 or 5 dimensions, not ${row.shape.length}`)
  const [n, channels] = shape as [number, number]
  const height = shape[shape.length - 2]!
  const width = shape[shape.length - 1]!
  const frames = shape.length === 5 ? shape[2]! : 1
  if (row.values.length !== shape.reduce((product, size) => product * size, 1)) throw new Error(`grid row ${row.label}: ${row.values.length} values for [${row.shape.join(", ")}]`)
  const scale = options.scale === undefined || options.scale === "auto" ? autoScale(Math.max(height, width)) : options.scale
  return { row, count: Math.min(n, options.most ?? 64), channels, frames, height, width, scale }
}

const shorten = (text: string): string => (text.length <= longestLabel ? text : `${text.slice(0, longestLabel - 2)}..`)

export interface Grid {
  readonly width: number
  readonly height: number
  /** RGB; more than one when a row is of clips. */
  readonly frames: readonly Uint8Array[]
}

export const drawGrid = (rows: readonly GridRow[], options: GridOptions = {}): Grid => {
  const placed = rows.map((row) => place(row, options))
  const above = options.labels === "above"
  const texts = placed.map(({ row }) => ({ label: shorten(row.label), tag: row.population ?? "" }))
  const line = lineHeight(letter)
  const labelWidth = above ? 0 : Math.max(0, ...texts.flatMap(({ label, tag }) => [textWidth(label, letter), textWidth(tag, letter)])) + 2 * gap
  const heights = placed.map((row) => (above ? row.height * row.scale + line + 3 * gap : Math.max(row.height * row.scale, 2 * line + 3 * gap)))
  const rowWidths = placed.map((row) => row.count * (row.width * row.scale + gap) - gap)
  const headWidths = above ? texts.map(({ label, tag }) => textWidth(`${label}  ${tag}`, letter) + 2 * gap) : []
  const pictureWidth = Math.max(1, ...rowWidths, ...headWidths)
  const width = 2 * margin + (above ? 0 : labelWidth + gap) + pictureWidth
  const height = 2 * margin + heights.reduce((sum, each) => sum + each, 0) + gap * Math.max(0, rows.length - 1)
  const base = canvas(width, height, background)
  const tops = heights.map((_, number) => margin + heights.slice(0, number).reduce((sum, each) => sum + each + gap, 0))
  placed.forEach((_, number) => {
    const { label, tag } = texts[number]!
    const top = tops[number]!
    const tint = tints[tag] ?? neutral
    if (above) {
      fillBox(base, margin, top, pictureWidth, line + 2 * gap, tint)
      drawText(base, margin + gap, top + gap, tag === "" ? label : `${label}  ${tag}`, letter, ink)
    } else {
      fillBox(base, margin, top, labelWidth, heights[number]!, tint)
      drawText(base, margin + gap, top + gap, label, letter, ink)
      drawText(base, margin + gap, top + 2 * gap + line, tag, letter, ink)
    }
  })
  const length = Math.max(1, ...placed.map((row) => row.frames))
  const frames = Array.from({ length }, (_, t) => {
    const picture = { width, height, pixels: Uint8Array.from(base.pixels) }
    placed.forEach(({ row, count, channels, frames: own, height: high, width: wide, scale }, number) => {
      const plane = high * wide
      const top = tops[number]! + (above ? line + 3 * gap : 0)
      for (let n = 0; n < count; n++) {
        const left = margin + (above ? 0 : labelWidth + gap) + n * (wide * scale + gap)
        drawPlanes(picture, left, top, row.values, (n * channels * own + (t % own)) * plane, channels, own * plane, high, wide, scale)
      }
    })
    return picture.pixels
  })
  return { width, height, frames }
}

/** The grid as a PNG file; an animated one when there are clips. */
export const gridPng = (rows: readonly GridRow[], options: GridOptions = {}): Uint8Array => {
  const { width, height, frames } = drawGrid(rows, options)
  return encodeApng(frames.map((pixels) => ({ width, height, channels: 3, pixels })), options.framesPerSecond ?? 8)
}

/** The share of values that are not in [0, 1]; above 0.01 a picture was probably meant to be converted first. */
export const shareOutside = (values: ArrayLike<number>): number => {
  let outside = 0
  for (let i = 0; i < values.length; i++) if (!(values[i]! >= 0 && values[i]! <= 1)) outside++
  return values.length === 0 ? 0 : outside / values.length
}
