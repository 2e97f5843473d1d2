/** Flips, crops, resizing and motions against their definitions on arrays, with the draws of the graph itself. */
import { expect, test } from "vitest"
import { bilinear, bordered, worstError, type Border, type Case, type Look } from "./pictures.ts"
import { defaultSize } from "./pictures.ts"

const { h, w } = defaultSize
const odd = { n: 3, c: 1, h: 20, w: 28 }
/** Coordinates are f32 on every device: 2^-24 of 64 pixels, times the largest step of a colour. */
const motion = 64 * 2 ** -22

test("hflip mirrors exactly the samples whose coin says so", () => {
  const flipped = (p: number) => worstError(`hflip(p=${p})`, ({ look, draws }, s) => (c, y, x) => look(s)(c, y, draws["flip"]![s] ? w - 1 - x : x), { size: { ...defaultSize, n: 24 } })
  const { worst, draws } = flipped(0.5)
  expect(worst).toBe(0)
  expect(new Set(draws["flip"])).toEqual(new Set([0, 1]))
  expect(flipped(1).draws["flip"]!.every((v) => v === 1)).toBe(true)
  expect(flipped(0).draws["flip"]!.every((v) => v === 0)).toBe(true)
})

test("vflip mirrors top to bottom", () => {
  expect(worstError("vflip", ({ look, draws, size }, s) => (c, y, x) => look(s)(c, draws["flip"]![s] ? size.h - 1 - y : y, x), { size: odd }).worst).toBe(0)
})

test("random_crop is torchvision's: a window of the zero-padded picture, its corner uniform over all that fit", () => {
  const law = ({ look, draws, size }: Case, s: number): Look => (c, y, x) => bordered(look(s), size, "zero")(c, y + draws["dy"]![s]!, x + draws["dx"]![s]!)
  const { worst, draws } = worstError("random_crop(32, 32, pad=4)", law, { size: { ...defaultSize, n: 200 } })
  expect(worst).toBe(0)
  expect(new Set(draws["dy"])).toEqual(new Set(Array.from({ length: 9 }, (_, i) => i - 4)))
  const inside = worstError("random_crop(9, 17)", law, { size: odd, result: { h: 9, w: 17 } })
  expect(inside.worst).toBe(0)
  expect([...inside.draws["dy"]!].every((v) => v >= 0 && v <= 20 - 9)).toBe(true)
})

test("center_crop takes the middle, zeros where the picture is smaller", () => {
  expect(worstError("center_crop(21, 10)", ({ look }, s) => (c, y, x) => look(s)(c, y + 5, x + 11), { result: { h: 21, w: 10 } }).worst).toBe(0)
  expect(worstError("center_crop(40, 30)", ({ look, size }, s) => (c, y, x) => bordered(look(s), size, "zero")(c, y - 4, x + 1), { result: { h: 40, w: 30 } }).worst).toBe(0)
})

test("resize is PyTorch's interpolate with align_corners=False, nearest and bilinear, up and down", () => {
  for (const [ho, wo] of [[20, 24], [50, 32], [7, 64]] as const) {
    const result = { h: ho, w: wo }
    expect(worstError(`resize(${ho}, ${wo}, filter="nearest")`, ({ look }, s) => (c, y, x) => look(s)(c, Math.floor((y * h) / ho), Math.floor((x * w) / wo)), { result }).worst).toBe(0)
    const at = (i: number, from: number, to: number): number => Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1)
    const linear = worstError(`resize(${ho}, ${wo})`, ({ look, size }, s) => (c, y, x) => bilinear(bordered(look(s), size, "edge"))(c, at(y, h, ho), at(x, w, wo)), { result })
    expect(linear.worst).toBeLessThan(motion)
  }
})

test("resized_crop is torchvision's: the first of ten boxes that fits, resized without smoothing", () => {
  const n = 40
  for (const [stage, low, high, size] of [["resized_crop(24)", 0.08, 1, { ...defaultSize, n }], ["resized_crop(24, scale=(0.9, 1.0), ratio=(3.0, 4.0))", 0.9, 1, { ...odd, n }]] as const) {
    const boxOf = (draws: Case["draws"], s: number) => {
      for (let i = 0; i < 10; i++) {
        const side = Math.sqrt(size.h * size.w * draws["share"]![s * 10 + i]!)
        const ratio = Math.exp(draws["shape"]![s * 10 + i]!)
        const [bw, bh] = [Math.round(side * Math.sqrt(ratio)), Math.round(side / Math.sqrt(ratio))]
        if (bw >= 1 && bw <= size.w && bh >= 1 && bh <= size.h) return { bh, bw, top: draws["any_top"]![s]!, left: draws["any_left"]![s]! }
      }
      // Here the ratio of the picture lies below 3 or within the range.
      const [bh, bw] = size.w / size.h < 3 && stage.includes("3.0") ? [Math.round(size.w / 3), size.w] : [size.h, size.w]
      return { bh, bw, top: Math.floor((size.h - bh) / 2), left: Math.floor((size.w - bw) / 2) }
    }
    const { worst, draws } = worstError(stage, (given, s) => {
      const { bh, bw, top, left } = boxOf(given.draws, s)
      const cut: Look = (c, y, x) => given.look(s)(c, top + y, left + x)
      const at = (i: number, side: number): number => Math.min(Math.max(((i + 0.5) * side) / 24 - 0.5, 0), side - 1)
      return (c, y, x) => bilinear(bordered(cut, { ...size, h: bh, w: bw }, "edge"))(c, at(y, bh), at(x, bw))
    }, { size, result: { h: 24, w: 24 } })
    expect(worst).toBeLessThan(motion)
    expect([...draws["share"]!].every((v) => v >= low && v < high)).toBe(true)
    for (let s = 0; s < n; s++) {
      const { bh, bw, top, left } = boxOf(draws, s)
      expect(top >= 0 && left >= 0 && top + bh <= size.h && left + bw <= size.w).toBe(true)
    }
  }
})

test("translate shifts by whole pixels, zeros come in", () => {
  const { worst, draws } = worstError("translate(0.25)", ({ look, draws, size }, s) => (c, y, x) =>
    bordered(look(s), size, "zero")(c, y - Math.round(draws["fy"]![s]!), x - Math.round(draws["fx"]![s]!)), { size: { ...defaultSize, n: 30 } })
  expect(worst).toBe(0)
  expect([...draws["fy"]!].every((v) => Math.abs(v) <= 8)).toBe(true)
})

/** The result at a place shows the source at `matrix` (place - centre - shift) + centre. */
const moved = (given: Case, s: number, matrix: readonly number[], shift: readonly number[], border: Border): Look => {
  const { size } = given
  const [cy, cx] = [(size.h - 1) / 2, (size.w - 1) / 2]
  const read = bilinear(bordered(given.look(s), size, border))
  return (c, y, x) => {
    const [v, u] = [y - cy - shift[0]!, x - cx - shift[1]!]
    return read(c, cy + matrix[0]! * v + matrix[1]! * u, cx + matrix[2]! * v + matrix[3]! * u)
  }
}

test.each(["zero", "edge", "mirror", "wrap"] as const)("resample with border %s is direct bilinear sampling of the bordered plane", (border) => {
  const { worst } = worstError(`resample(0.9, 0.3, -0.4, 1.2, dy=1.5, dx=-2.25, border="${border}")`, (given, s) => moved(given, s, [0.9, 0.3, -0.4, 1.2], [1.5, -2.25], border), { size: odd })
  expect(worst).toBeLessThan(motion)
})

test("rotate turns about the centre: by the drawn angle, by quarter turns exactly", () => {
  const turned = (given: Case, s: number, degrees: number) => {
    const a = (degrees * Math.PI) / 180
    return moved(given, s, [Math.cos(a), -Math.sin(a), Math.sin(a), Math.cos(a)], [0, 0], "edge")
  }
  const { worst, draws } = worstError("rotate(40.0)", (given, s) => turned(given, s, given.draws["angle"]![s]!), { size: { ...defaultSize, n: 12 } })
  expect(worst).toBeLessThan(motion)
  expect([...draws["angle"]!].every((v) => Math.abs(v) <= 40)).toBe(true)
  // Clockwise: the top right corner comes from the top left one.
  expect(worstError("rotate_by(90.0)", ({ look }, s) => (c, y, x) => look(s)(c, w - 1 - x, y)).worst).toBeLessThan(motion)
})

test("affine is torchvision's inverse matrix of rotation, shear, scale and shift", () => {
  const { worst, draws } = worstError("affine(30.0, move=(0.2, 0.1), scale=(0.7, 1.4), shear=20.0)", (given, s) => {
    const d = (name: string): number => given.draws[name]![s]!
    const [a, shear, k] = [(d("angle") * Math.PI) / 180, (d("slant") * Math.PI) / 180, d("size")]
    // torchvision _get_inverse_affine_matrix, shear along x: forward = scale * rotation(angle) * [[1, -tan(shear)], [0, 1]] on (x, y).
    const [m00, m01, m10, m11] = [Math.cos(a), -Math.cos(a) * Math.tan(shear) - Math.sin(a), Math.sin(a), -Math.sin(a) * Math.tan(shear) + Math.cos(a)].map((v) => v * k) as [number, number, number, number]
    const det = m00 * m11 - m01 * m10
    return moved(given, s, [m00 / det, -m10 / det, -m01 / det, m11 / det], [Math.round(d("my")), Math.round(d("mx"))], "zero")
  }, { size: { ...defaultSize, n: 12 } })
  expect(worst).toBeLessThan(motion)
  expect([...draws["size"]!].every((v) => v >= 0.7 && v < 1.4)).toBe(true)
  expect([...draws["my"]!].every((v) => Math.abs(v) <= 6.4)).toBe(true)
  expect([...draws["mx"]!].every((v) => Math.abs(v) <= 3.2)).toBe(true)
})

/** Gaussian elimination with the largest pivot. */
const solve = (rows: number[][]): number[] => {
  const n = rows.length
  for (let i = 0; i < n; i++) {
    const pivot = rows.slice(i).reduce((best, r, k) => (Math.abs(r[i]!) > Math.abs(rows[best]![i]!) ? i + k : best), i)
    ;[rows[i], rows[pivot]] = [rows[pivot]!, rows[i]!]
    for (let k = 0; k < n; k++) {
      if (k === i) continue
      const factor = rows[k]![i]! / rows[i]![i]!
      for (let j = i; j <= n; j++) rows[k]![j]! -= factor * rows[i]![j]!
    }
  }
  return rows.map((r, i) => r[n]! / r[i]!)
}

test("perspective is torchvision's: eight equations of the corners, solved here", () => {
  const n = 12
  const { worst, draws } = worstError("perspective(0.5, p=1.0)", (given, s) => {
    const { ey, ex } = given.draws
    const from = [[0, 0], [w - 1, 0], [w - 1, h - 1], [0, h - 1]] as const
    const to = [0, 1, 2, 3].map((i) => {
      const [dx, dy] = [ex![s * 4 + i]!, ey![s * 4 + i]!]
      return [i === 0 || i === 3 ? dx : w - 1 - dx, i < 2 ? dy : h - 1 - dy] as const
    })
    const m = solve(to.flatMap(([x, y], i) => {
      const [u, v] = from[i]!
      return [[x, y, 1, 0, 0, 0, -u * x, -u * y, u], [0, 0, 0, x, y, 1, -v * x, -v * y, v]]
    }))
    const read = bilinear(bordered(given.look(s), given.size, "zero"))
    return (c, y, x) => {
      const scale = m[6]! * x + m[7]! * y + 1
      return read(c, (m[3]! * x + m[4]! * y + m[5]!) / scale, (m[0]! * x + m[1]! * y + m[2]!) / scale)
    }
  }, { size: { ...defaultSize, n } })
  // The map divides: errors of the coordinates grow with the distance from the picture, where only zeros are read.
  expect(worst).toBeLessThan(8 * motion)
  expect([...draws["ey"]!, ...draws["ex"]!].every((v) => v >= 0 && v <= 8)).toBe(true)
  const off = worstError("perspective(0.5, p=0.0)", ({ look }, s) => look(s))
  expect(off.worst).toBe(0)
})
