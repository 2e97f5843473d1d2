import sharp from "sharp"
import { describe, expect, test } from "vitest"
import { drawGrid, gridPng, shareOutside } from "../../src/runtime/pictures/grid.ts"
import { glyphRows } from "../../src/runtime/pictures/font.ts"
import { encodeApng, encodePng } from "../../src/runtime/pictures/png.ts"

const noise = (count: number): Uint8Array => Uint8Array.from({ length: count }, (_, i) => (i * 2654435761) >>> 13)

describe("PNG", () => {
  test("a decoder gives back every pixel, of grey and of colour, and the same pixels give the same bytes", async () => {
    for (const [width, height, channels] of [[7, 5, 3], [1, 1, 1], [64, 33, 1], [1, 9, 3]] as const) {
      const picture = { width, height, channels, pixels: noise(width * height * channels) }
      const file = encodePng(picture)
      const { data, info } = await sharp(file).toColourspace(channels === 1 ? "b-w" : "srgb").raw().toBuffer({ resolveWithObject: true })
      expect([info.width, info.height, info.channels]).toEqual([width, height, channels])
      expect([...data]).toEqual([...picture.pixels])
      expect(encodePng(picture)).toEqual(file)
    }
  })

  test("an animated one has its frames in order, numbered, and shows the first where animation is unknown", async () => {
    const frames = [0, 1, 2].map((t) => ({ width: 4, height: 3, channels: 3 as const, pixels: noise(36 + t).slice(t) }))
    const file = Buffer.from(encodeApng(frames, 10))
    const chunks: { type: string; data: Buffer }[] = []
    for (let at = 8; at < file.length; at += 12 + file.readUInt32BE(at)) chunks.push({ type: file.toString("latin1", at + 4, at + 8), data: file.subarray(at + 8, at + 8 + file.readUInt32BE(at)) })
    expect(chunks.map((chunk) => chunk.type)).toEqual(["IHDR", "acTL", "fcTL", "IDAT", "fcTL", "fdAT", "fcTL", "fdAT", "IEND"])
    expect(chunks.filter((chunk) => /^f/.test(chunk.type)).map((chunk) => chunk.data.readUInt32BE(0))).toEqual([0, 1, 2, 3, 4])
    // The data of a later frame is that of a PNG of it.
    const third = Buffer.from(encodePng(frames[2]!))
    expect(third.includes(chunks[7]!.data.subarray(4))).toBe(true)
    expect([...(await sharp(file).raw().toBuffer())]).toEqual([...frames[0]!.pixels])
  })
})

describe("grids", () => {
  /** The colour at a place of a grid. */
  const at = (grid: ReturnType<typeof drawGrid>, x: number, y: number, frame = 0): number[] => [...grid.frames[frame]!.subarray((y * grid.width + x) * 3, (y * grid.width + x) * 3 + 3)]
  const ramp = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => (i % 256) / 255)

  test("small pictures are enlarged by a whole factor and large ones stand at natural scale, pixel for pixel", () => {
    const small = drawGrid([{ label: "a", population: "real", shape: [2, 1, 32, 32], values: ramp(2048) }])
    const wide = drawGrid([{ label: "a", population: "real", shape: [2, 1, 224, 224], values: ramp(2 * 224 * 224) }])
    const twice = drawGrid([{ label: "a", population: "real", shape: [2, 1, 32, 32], values: ramp(2048) }], { scale: 2 })
    expect([small, wide, twice].map((grid) => grid.width - (2 * 8 + 46 + 8 + 4))).toEqual([2 * 128 + 4, 2 * 224 + 4, 2 * 64 + 4])
    // The last pixel of the second picture, at the right and lower edge.
    const last = Math.round(ramp(2048)[2047]! * 255)
    for (let d = 1; d <= 4; d++) expect(at(small, small.width - 8 - d, 8 + 128 - d)).toEqual([last, last, last])
    const beside = Math.round(ramp(2048)[2046]! * 255)
    expect(at(small, small.width - 8 - 5, 8 + 127)).toEqual([beside, beside, beside])
  })

  test("each row carries its label and its population, negatives on a ground of their own", () => {
    const rows = [["same", "real"], ["same", "neg"], ["same", "fake"], ["other", "real"]].map(([label, population]) => ({ label: label!, population: population!, shape: [1, 3, 32, 32], values: ramp(3072) }))
    const grid = drawGrid(rows)
    const label = (row: number): string => JSON.stringify(Array.from({ length: 30 }, (_, y) => Array.from({ length: 100 }, (_, x) => at(grid, 8 + x, 8 + row * 132 + y))))
    expect(new Set([0, 1, 2, 3].map(label)).size).toBe(4)
    expect(new Set([0, 1, 2].map((row) => at(grid, 9, 9 + row * 132 + 100).join())).size).toBe(3)
    expect(drawGrid(rows.slice(0, 3), { labels: "above" }).width).toBe(8 + 128 + 8)
  })

  test("values are clamped and rounded, what is not a number is black, and the share outside [0, 1] is told", async () => {
    const values = [-1, 0.5, 2, NaN]
    const { data } = await sharp(gridPng([{ label: "x", shape: [1, 1, 1, 4], values }], { labels: "above", scale: 1 })).raw().toBuffer({ resolveWithObject: true })
    const grid = drawGrid([{ label: "x", shape: [1, 1, 1, 4], values }], { labels: "above", scale: 1 })
    expect(data.equals(Buffer.from(grid.frames[0]!))).toBe(true)
    expect([0, 1, 2, 3].map((x) => at(grid, 8 + x, grid.height - 9)[0])).toEqual([0, 128, 255, 0])
    expect(shareOutside(values)).toBe(0.75)
  })

  test("clips move, still rows beside them stay, and a shorter clip begins again", () => {
    const clip = (frames: number) => ({ label: "c", shape: [1, 1, frames, 1, 1], values: Float32Array.from({ length: frames }, (_, t) => t / 10) })
    const grid = drawGrid([clip(4), clip(2), { label: "s", shape: [1, 1, 1, 1], values: [1] }], { labels: "above", scale: 1 })
    expect(grid.frames.length).toBe(4)
    const rowTop = (row: number): number => 8 + row * 31 + 26
    const shown = grid.frames.map((_, t) => [0, 1, 2].map((row) => at(grid, 8, rowTop(row), t)[0]))
    expect(shown).toEqual([[0, 0, 255], [26, 26, 255], [51, 0, 255], [77, 26, 255]])
  })

  test("every printable character has a glyph of its own, and others a question mark", () => {
    const glyphs = Array.from({ length: 95 }, (_, i) => glyphRows(String.fromCharCode(32 + i)).join())
    expect(new Set(glyphs).size).toBe(95)
    for (const rows of glyphs) expect(rows.split(",").map(Number).every((bits) => Number.isInteger(bits) && bits >= 0 && bits < 32)).toBe(true)
    expect(glyphRows("é")).toEqual(glyphRows("?"))
  })
})
