/** Erasing, blurring, DiffAugment's and ADA's regions against their definitions. */
import { expect, test } from "vitest"
import { bilinear, bordered, defaultSize, noisy, sampleOf, worstError, type Look } from "./pictures.ts"

const { h, w } = defaultSize
const size = { ...defaultSize, n: 40 }
const odd = { n: 4, c: 1, h: 20, w: 28 }

test("erase sets one square wholly inside to 0", () => {
  const { worst, draws } = worstError("erase(8)", ({ look, draws: d }, s) => (c, y, x) => {
    const [top, left] = [d["top"]![s]!, d["left"]![s]!]
    return y >= top && y < top + 8 && x >= left && x < left + 8 ? 0 : look(s)(c, y, x)
  }, { size })
  expect(worst).toBe(0)
  for (const name of ["top", "left"]) expect([...draws[name]!].every((v) => v >= 0 && v <= 24)).toBe(true)
})

test("random_erasing is torchvision's: the first of ten boxes smaller than the picture", () => {
  const n = 24
  for (const [stage, high] of [["random_erasing(p=0.7, value=0.25)", 0.33], ["random_erasing(p=1.0, scale=(0.9, 2.0), value=0.25)", 2]] as const) {
    let none = 0
    const { worst, draws } = worstError(stage, ({ look, draws: d }, s) => {
      let box: readonly [number, number] | undefined
      for (let i = 0; i < 10 && !box; i++) {
        const area = h * w * d["share"]![s * 10 + i]!
        // torchvision's ratio is height / width: the drawn shape is the log of width / height.
        const ratio = Math.exp(-d["shape"]![s * 10 + i]!)
        expect(ratio).toBeGreaterThan(0.3 - 1e-5)
        expect(ratio).toBeLessThan(3.3 + 1e-5)
        const [bh, bw] = [Math.round(Math.sqrt(area * ratio)), Math.round(Math.sqrt(area / ratio))]
        if (bh < h && bw < w) box = [bh, bw]
      }
      const on = d["on"]![s] === 1
      if (!box) none++
      const [top, left] = [d["top"]![s]!, d["left"]![s]!]
      return (c, y, x) => (on && box && y >= top && y < top + box[0] && x >= left && x < left + box[1] ? 0.25 : look(s)(c, y, x))
    }, { size: { ...size, n } })
    expect(worst).toBe(0)
    if (high === 2) expect(none).toBeGreaterThan(0)
    else expect(new Set(draws["on"])).toEqual(new Set([0, 1]))
    expect([...draws["share"]!].every((v) => v < high)).toBe(true)
  }
})

test("gaussian_blur is the convolution with the drawn bell over the mirrored plane", () => {
  for (const [side, at] of [[5, odd], [9, { ...defaultSize, n: 2 }]] as const) {
    const { worst, draws } = worstError(`gaussian_blur(${side}, sigma=(0.3, 2.5))`, ({ look, draws: d }, s) => {
      const half = Math.floor(side / 2)
      const bell = Array.from({ length: side }, (_, i) => Math.exp(-0.5 * ((i - half) / d["s"]![s]!) ** 2))
      const total = bell.reduce((a, b) => a + b, 0)
      const read = bordered(look(s), at, "mirror")
      return (c, y, x) => {
        let sum = 0
        for (let i = 0; i < side; i++) for (let j = 0; j < side; j++) sum += ((bell[i]! * bell[j]!) / total ** 2) * read(c, y + i - half, x + j - half)
        return sum
      }
    }, { size: at })
    expect(worst).toBeLessThan(64 * 2 ** -24)
    expect([...draws["s"]!].every((v) => v >= 0.3 && v < 2.5)).toBe(true)
  }
})

test("diff_translation shifts by up to an eighth, grey comes in", () => {
  const { worst, draws } = worstError("diff_translation", ({ look, draws: d }, s) => (c, y, x) => {
    const [v, u] = [y + d["dy"]![s]!, x + d["dx"]![s]!]
    return v >= 0 && v < h && u >= 0 && u < w ? look(s)(c, v, u) : 0.5
  }, { size: { ...size, n: 200 } })
  expect(worst).toBe(0)
  expect(new Set(draws["dy"])).toEqual(new Set([-4, -3, -2, -1, 0, 1, 2, 3, 4]))
})

test("diff_cutout greys a rectangle of half the sides about a uniform centre, clipped at the border", () => {
  const { worst, draws } = worstError("diff_cutout", ({ look, draws: d }, s) => (c, y, x) => {
    const [top, left] = [d["cy"]![s]! - 8, d["cx"]![s]! - 8]
    return y >= top && y < top + 16 && x >= left && x < left + 16 ? 0.5 : look(s)(c, y, x)
  }, { size: { ...size, n: 300 } })
  expect(worst).toBe(0)
  // DiffAugment: randint(0, size + (1 - cutout % 2)), the upper end left out.
  expect([Math.min(...draws["cy"]!), Math.max(...draws["cy"]!)]).toEqual([0, 32])
})

test("diff_augment is colour, translation, cutout in that order", () => {
  const { draws } = worstError("diff_augment", ({ look }, s) => look(s), { size: { ...size, n: 2 } })
  for (const name of ["shift", "saturation", "contrast", "dy", "dx", "cy", "cx"]) expect(draws[name]).toBeDefined()
})

test("ada_corrupt adds noise of one drawn strength, then greys half the sides about a uniform centre", () => {
  const x = noisy(size)
  const { worst } = worstError("ada_corrupt(0.6)", ({ look, draws: d }, s) => (c, y, col) => {
    const far = (at: number, side: number, centre: number): boolean => Math.abs((at + 0.5) / side - centre) >= 0.25
    if (d["cut_on"]![s] === 1 && !far(y, h, d["centre"]![2 * s]!) && !far(col, w, d["centre"]![2 * s + 1]!)) return 0.5
    return look(s)(c, y, col) + (d["noise_on"]![s] === 1 ? Math.abs(d["strength"]![s]!) * sampleOf(d["e"]!, size, s)(c, y, col) : 0)
  }, { size, x })
  expect(worst).toBeLessThan(4 * 2 ** -24)
})

test("ada_geometry is the product of ADA's inverse matrices, read once over the mirrored plane", () => {
  type Matrix = readonly (readonly number[])[]
  const times = (a: Matrix, b: Matrix): Matrix => a.map((row) => b[0]!.map((_, j) => row.reduce((sum, v, k) => sum + v * b[k]![j]!, 0)))
  // On (x, y, 1) about the centre of the picture.
  const scale = (sx: number, sy: number): Matrix => [[sx, 0, 0], [0, sy, 0], [0, 0, 1]]
  const rotation = (a: number): Matrix => [[Math.cos(a), -Math.sin(a), 0], [Math.sin(a), Math.cos(a), 0], [0, 0, 1]]
  const shift = (x: number, y: number): Matrix => [[1, 0, x], [0, 1, y], [0, 0, 1]]
  const at = { ...defaultSize, n: 30 }
  const { worst } = worstError("ada_geometry(0.8)", ({ look, draws: d }, s) => {
    const v = (name: string, i = s): number => d[name]![i]!
    const on = (name: string): boolean => v(name) === 1
    let g: Matrix = scale(1, 1)
    // Each operation multiplies from the right: the picture's own operations come first in the inverse. Which way a uniform
    // angle turns is free: clockwise, as `rotate`.
    if (on("flip")) g = times(g, scale(-1, 1))
    if (on("quarter_on")) g = times(g, rotation((-Math.PI / 2) * v("quarter")))
    if (on("shift_on")) g = times(g, shift(-Math.round(v("shift", 2 * s + 1) * w), -Math.round(v("shift", 2 * s) * h)))
    if (on("scale_on")) g = times(g, scale(1 / 2 ** v("scale_log"), 1 / 2 ** v("scale_log")))
    if (on("before_on")) g = times(g, rotation(-v("before")))
    if (on("stretch_on")) g = times(g, scale(1 / 2 ** v("stretch_log"), 2 ** v("stretch_log")))
    if (on("after_on")) g = times(g, rotation(-v("after")))
    if (on("move_on")) g = times(g, shift(-v("move", 2 * s + 1) * w, -v("move", 2 * s) * h))
    const read = bilinear(bordered(look(s), at, "mirror"))
    const plane: Look = (c, y, x) => {
      const [u, t] = [x - (w - 1) / 2, y - (h - 1) / 2]
      return read(c, g[1]![0]! * u + g[1]![1]! * t + g[1]![2]! + (h - 1) / 2, g[0]![0]! * u + g[0]![1]! * t + g[0]![2]! + (w - 1) / 2)
    }
    return plane
  }, { size: at })
  expect(worst).toBeLessThan(128 * 2 ** -22)
})
