/** The negative augmentations against the paper's definitions (and, with `compat`, its released code's), with the draws of the graph itself. */
import { expect, test } from "vitest"
import { bilinear, bordered, clamp, defaultSize, grey, noisy, sampleOf, worstError, type Case, type Look } from "./pictures.ts"
import { drawsOf, onReference, stagesOf, standard } from "./program.ts"

const { h, w } = defaultSize
const size = { ...defaultSize, n: 12 }
const x = noisy(size)
const exact = { size, x }

/** The order of the tiles that a picture shows, found by comparing pixels; undefined where it is none. */
const tilesOf = (source: Look, result: Look, k: number): readonly number[] | undefined => {
  const [th, tw] = [h / k, w / k]
  const equal = (to: number, from: number): boolean => {
    for (let c = 0; c < 3; c++) for (let y = 0; y < th; y++) for (let col = 0; col < tw; col++) {
      const at = (i: number): readonly [number, number] => [Math.floor(i / k) * th + y, (i % k) * tw + col]
      if (source(c, ...at(from)) !== result(c, ...at(to))) return false
    }
    return true
  }
  const order = Array.from({ length: k * k }, (_, to) => Array.from({ length: k * k }, (_, from) => from).find((from) => equal(to, from)))
  return order.includes(undefined) ? undefined : (order as number[])
}

const jigsawed = (stages: string, k: number, n: number) => {
  const many = { ...size, n }
  const pictures = noisy(many)
  const program = stagesOf(stages, many)
  const got = onReference(program, { x: pictures })
  const order = drawsOf(program, { x: pictures })["order"]!
  return Array.from({ length: n }, (_, s) => ({ tiles: tilesOf(sampleOf(pictures, many, s), sampleOf(got, many, s), k), drawn: [...order.slice(s * k * k, (s + 1) * k * k)] }))
}

test("jigsaw shows the tiles in the drawn order: a permutation, never the identity, all 23 of them", () => {
  const seen = jigsawed("jigsaw(2)", 2, 160)
  for (const { tiles, drawn } of seen) {
    expect(tiles).toEqual(drawn)
    expect([...tiles!].sort()).toEqual([0, 1, 2, 3])
    expect(tiles).not.toEqual([0, 1, 2, 3])
  }
  // 160 uniform draws miss one of 23 with a chance of 2 in 100; the seed is fixed.
  expect(new Set(seen.map((t) => t.tiles!.join())).size).toBeGreaterThanOrEqual(22)
  for (const { tiles, drawn } of jigsawed("jigsaw(4)", 4, 6)) expect(tiles).toEqual(drawn)
})

test("jigsaw compat pastes column by column, as the released code: the transposed grid never, unchanged once in 23", () => {
  // Cells are cut row by row; cell (row j, column i) of the result is source cell order[i * k + j].
  const seen = jigsawed("jigsaw(2, compat=true)", 2, 300)
  for (const { tiles, drawn } of seen) expect(tiles).toEqual([drawn[0], drawn[2], drawn[1], drawn[3]])
  const count = (order: string): number => seen.filter((t) => t.tiles!.join() === order).length
  expect(count("0,2,1,3")).toBe(0)
  // Binomial(300, 1/23): mean 13, five standard deviations are 18.
  expect(count("0,1,2,3")).toBeGreaterThan(0)
  expect(count("0,1,2,3")).toBeLessThan(32)
})

/** Which sample is each sample's partner. */
const mateOf = ({ draws }: Case, s: number): number => draws["mate"]![s]!

test("stitch: halves bit-equal to the two sources, one axis for the batch, nobody beside himself", () => {
  const axes = new Set<number>()
  for (const seed of [1, 2, 3, 4]) {
    const { worst, draws } = worstError("stitch", (given, s) => (c, y, col) =>
      given.look((given.draws["upright"]![0] === 1 ? y < h / 2 : col < w / 2) ? s : mateOf(given, s))(c, y, col), { ...exact, settings: { ...standard, seed } })
    expect(worst).toBe(0)
    expect([...draws["mate"]!].some((m, s) => m === s)).toBe(false)
    expect([...draws["mate"]!].sort((a, b) => a - b)).toEqual(Array.from({ length: size.n }, (_, i) => i))
    axes.add(draws["upright"]![0]!)
  }
  expect(axes.size).toBe(2)
})

test("compat partners are a permutation of the batch that only is not the identity", () => {
  let selves = 0
  for (let seed = 0; seed < 40; seed++) {
    const mate = drawsOf(stagesOf("stitch(compat=true)", { n: 3, c: 1, h: 2, w: 2 }), { x: new Float32Array(12) }, { seed, step: 0, repeat: 0 })["mate"]!
    expect([...mate].sort()).toEqual([0, 1, 2])
    expect([...mate]).not.toEqual([0, 1, 2])
    selves += [...mate].filter((m, s) => m === s).length
  }
  // Of the five arrangements of three that are left, three keep one in place: 24 in 40 are expected.
  expect(selves).toBeGreaterThan(8)
  expect(selves).toBeLessThan(40)
})

test("mixup: one coefficient of Beta(25, 25) for the batch", () => {
  const lams: number[] = []
  for (let seed = 0; seed < 8; seed++) {
    const { worst, draws } = worstError("mixup", (given, s) => (c, y, col) => {
      const lam = given.draws["lam"]![0]!
      return lam * given.look(s)(c, y, col) + (1 - lam) * given.look(mateOf(given, s))(c, y, col)
    }, { size: { ...size, n: 3 }, x: x.subarray(0, 3 * 3072), settings: { ...standard, seed } })
    // lam is an f32, 1 - lam is taken in f32 too.
    expect(worst).toBeLessThan(2 ** -23)
    expect(draws["lam"]).toHaveLength(1)
    lams.push(draws["lam"]![0]!)
  }
  // Mean .5, standard deviation .07.
  expect(lams.every((v) => v > 0.15 && v < 0.85)).toBe(true)
  expect(Math.max(...lams) - Math.min(...lams)).toBeGreaterThan(0.02)
})

test("cutmix: torch's rand_bbox of one r ~ Beta(1, 1) for the batch, the partner's pixels inside", () => {
  for (let seed = 0; seed < 6; seed++) {
    const { worst } = worstError("cutmix", (given, s) => {
      const r = given.draws["r"]![0]!
      const [high, wide] = [Math.trunc(h * Math.sqrt(1 - r)), Math.trunc(w * Math.sqrt(1 - r))]
      const [cy, cx] = [given.draws["cy"]![0]!, given.draws["cx"]![0]!]
      const clip = (v: number, n: number): number => Math.min(Math.max(v, 0), n)
      const [y0, y1] = [clip(cy - Math.floor(high / 2), h), clip(cy + Math.floor(high / 2), h)]
      const [x0, x1] = [clip(cx - Math.floor(wide / 2), w), clip(cx + Math.floor(wide / 2), w)]
      return (c, y, col) => given.look(y >= y0 && y < y1 && col >= x0 && col < x1 ? mateOf(given, s) : s)(c, y, col)
    }, { ...exact, settings: { ...standard, seed } })
    expect(worst).toBe(0)
  }
})

test(`cutmix(patch="third"): a box of a third to a half of each side, wholly inside, for the batch`, () => {
  for (let seed = 0; seed < 6; seed++) {
    const { worst, draws } = worstError(`cutmix(patch="third")`, (given, s) => {
      const d = (name: string): number => given.draws[name]![0]!
      return (c, y, col) => given.look(y >= d("any_top") && y < d("any_top") + d("third_h") && col >= d("any_left") && col < d("any_left") + d("third_w") ? mateOf(given, s) : s)(c, y, col)
    }, { ...exact, settings: { ...standard, seed } })
    expect(worst).toBe(0)
    for (const [start, side] of [["any_top", "third_h"], ["any_left", "third_w"]] as const) {
      expect(draws[side]![0]).toBeGreaterThanOrEqual(32 / 3)
      expect(draws[side]![0]).toBeLessThanOrEqual(16)
      expect(draws[start]![0]! >= 0 && draws[start]![0]! + draws[side]![0]! <= 32).toBe(true)
    }
  }
})

test("other_picture is another sample's, whole", () => {
  const { worst, draws } = worstError("other_picture", (given, s) => given.look(mateOf(given, s)), exact)
  expect(worst).toBe(0)
  expect([...draws["mate"]!].some((m, s) => m === s)).toBe(false)
})

/** One box filled with its own mean, colour by colour. */
const filled = (given: Case, s: number, high: number, wide: number): Look => {
  const [top, left] = [given.draws["top"]![s]!, given.draws["left"]![s]!]
  expect(top >= 0 && left >= 0 && top + high <= h && left + wide <= w).toBe(true)
  const means = [0, 1, 2].map((c) => {
    let sum = 0
    for (let y = top; y < top + high; y++) for (let col = left; col < left + wide; col++) sum += given.look(s)(c, y, col)
    return sum / (high * wide)
  })
  return (c, y, col) => (y >= top && y < top + high && col >= left && col < left + wide ? means[c]! : given.look(s)(c, y, col))
}

test("cutout: the box's own mean per channel inside, untouched outside, sides a third to a half", () => {
  const many = { size: { ...size, n: 60 } }
  const third = worstError("cutout", (given, s) => filled(given, s, given.draws["third_h"]![s]!, given.draws["third_w"]![s]!), many)
  expect(third.worst).toBeLessThan(2 ** -22)
  for (const side of ["third_h", "third_w"]) expect([Math.min(...third.draws[side]!), Math.max(...third.draws[side]!)]).toEqual([11, 16])
  expect(worstError("cutout(size=7)", (given, s) => filled(given, s, 7, 7), exact).worst).toBeLessThan(2 ** -22)
})

test("cutout compat is the released code's square: side floor(10 + 10 u), corner floor((32 - side) u')", () => {
  const sides: number[] = []
  const { worst, draws } = worstError("cutout(compat=true)", (given, s) => {
    const side = Math.floor(10 + 10 * given.draws["u"]![s]!)
    sides.push(side)
    expect(given.draws["top"]![s]! + side < h && given.draws["left"]![s]! + side < w).toBe(true)
    return filled(given, s, side, side)
  }, { size: { ...size, n: 120 } })
  expect(worst).toBeLessThan(2 ** -22)
  expect([Math.min(...sides), Math.max(...sides)]).toEqual([10, 19])
  expect(draws["third_h"]).toBeUndefined()
})

test("patch_rotate turns each cell by its own quarter turns, and never none of them", () => {
  const turns = (k: number, n: number, seed: number) => worstError(`patch_rotate(${k})`, (given, s) => {
    const side = h / k
    const own = Array.from(given.draws["drawn"]!.slice(s * k * k, (s + 1) * k * k))
    const least = own.every((q) => q === 0) ? 1 : 0
    return (c, y, col) => {
      let [v, u] = [y % side, col % side]
      // One clockwise quarter turn: the place (v, u) shows what was at (side - 1 - u, v); undone here one by one, anticlockwise.
      for (let q = own[Math.floor(y / side) * k + Math.floor(col / side)]! + least; q > 0; q--) [v, u] = [u, side - 1 - v]
      return given.look(s)(c, y - (y % side) + v, col - (col % side) + u)
    }
  }, { size: { ...size, n }, settings: { seed, step: 0, repeat: 0 } })
  expect(turns(4, 12, 1).worst).toBe(0)
  const { worst, draws } = turns(2, 300, 2)
  expect(worst).toBe(0)
  // One in 256 draws no turn at all: it must occur here for the rule to be seen.
  expect(Array.from({ length: 300 }, (_, s) => draws["drawn"]!.slice(4 * s, 4 * s + 4).every((q) => q === 0)).some(Boolean)).toBe(true)
})

test("patch_infill replaces the middle cells by cells drawn from the border", () => {
  for (const [k, centre] of [[4, 2], [4, 1], [8, 5]] as const) {
    const first = Math.floor((k - centre) / 2)
    const middle = (i: number): boolean => i >= first && i < first + centre
    const border = Array.from({ length: k * k }, (_, i) => i).filter((i) => !(middle(Math.floor(i / k)) && middle(i % k)))
    const side = h / k
    const { worst } = worstError(`patch_infill(${k}, ${centre})`, (given, s) => (c, y, col) => {
      const [row, column] = [Math.floor(y / side), Math.floor(col / side)]
      if (!middle(row) || !middle(column)) return given.look(s)(c, y, col)
      const from = border[given.draws["from_cell"]![s * centre * centre + (row - first) * centre + column - first]!]!
      return given.look(s)(c, Math.floor(from / k) * side + (y % side), (from % k) * side + (col % side))
    }, exact)
    expect(worst).toBe(0)
  }
})

test("patch_tile lays squares of one side, each cut at its own place", () => {
  const many = Math.ceil(h / 5)
  const { worst, draws } = worstError("patch_tile(low=5, high=12)", (given, s) => {
    const side = given.draws["side"]![s]!
    return (c, y, col) => {
      const i = (s * many + Math.floor(y / side)) * many + Math.floor(col / side)
      const [top, left] = [given.draws["top"]![i]!, given.draws["left"]![i]!]
      expect(top >= 0 && left >= 0 && top + side <= h && left + side <= w).toBe(true)
      return given.look(s)(c, top + (y % side), left + (col % side))
    }
  }, { size: { ...size, n: 5 } })
  expect(worst).toBe(0)
  expect([...draws["side"]!].every((v) => v >= 5 && v <= 12)).toBe(true)
})

test("shuffled_channels and circular_shift keep every value and move it", () => {
  const colours = worstError("shuffled_channels", (given, s) => (c, y, col) => given.look(s)(given.draws["order"]![s * 3 + c]!, y, col), exact)
  expect(colours.worst).toBe(0)
  for (let s = 0; s < size.n; s++) expect([...colours.draws["order"]!.slice(3 * s, 3 * s + 3)]).not.toEqual([0, 1, 2])
  const shifted = worstError("circular_shift", (given, s) => (c, y, col) => {
    const shift = given.draws["shift"]![s]!
    expect(shift >= 10 && shift <= 24).toBe(true)
    return given.look(s)(c, (y - shift + h) % h, (col - shift + w) % w)
  }, exact)
  expect(shifted.worst).toBe(0)
})

/** Brightness, contrast about the piece's mean, saturation, of one channel. */
const jitter = (piece: Look, high: number, wide: number, d: (name: string) => number): Look => {
  const lit: Look = (c, y, col) => clamp(piece(c, y, col) * d("bright"))
  return (c, y, col) => {
    let sum = 0
    for (let v = 0; v < high; v++) for (let u = 0; u < wide; u++) sum += grey(lit, 1)(v, u)
    const m = sum / (high * wide)
    const spread: Look = (k, v, u) => clamp(d("contrasted") * lit(k, v, u) + (1 - d("contrasted")) * m)
    return clamp(d("saturated") * spread(c, y, col) + (1 - d("saturated")) * grey(spread, 1)(y, col))
  }
}

test("cutpaste: a box of 2 to 15 % of the area, aspect 0.3 to 3.3, pasted wholly inside, untouched elsewhere", () => {
  const { worst } = worstError("cutpaste(jitter=0.0)", (given, s) => {
    const d = (name: string): number => given.draws[name]![s]!
    expect(d("share") >= 0.02 && d("share") < 0.15).toBe(true)
    const aspect = Math.exp(d("shape"))
    expect(aspect > 0.3 - 1e-5 && aspect < 3.3 + 1e-5).toBe(true)
    const side = Math.sqrt(d("share") * h * w)
    const [high, wide] = [Math.max(1, Math.min(h, Math.trunc(side / Math.sqrt(aspect)))), Math.max(1, Math.min(w, Math.trunc(side * Math.sqrt(aspect))))]
    expect(d("to_y") >= 0 && d("to_y") + high <= h && d("to_x") >= 0 && d("to_x") + wide <= w && d("from_y") + high <= h && d("from_x") + wide <= w).toBe(true)
    return (c, y, col) => {
      const [v, u] = [y - d("to_y"), col - d("to_x")]
      const inside = v >= 0 && v < high && u >= 0 && u < wide
      return given.look(s)(c, inside ? d("from_y") + v : y, inside ? d("from_x") + u : col)
    }
  }, { size: { ...size, n: 40 } })
  // Factors of 1 and a hue of 0 leave a colour but for the way to HSV and back.
  expect(worst).toBeLessThan(8 * 2 ** -24)
})

test("cutpaste jitters the piece's colours about the piece's own mean", () => {
  // Pictures of one channel have no hue; the colour laws hold the turning of hues.
  const one = { n: 8, c: 1, h: 24, w: 24 }
  const { worst } = worstError("cutpaste(jitter=0.5)", (given, s) => {
    const d = (name: string): number => given.draws[name]![s]!
    const side = Math.sqrt(d("share") * 576)
    const [high, wide] = [-0.5, 0.5].map((e) => Math.max(1, Math.min(24, Math.trunc(side * Math.exp(e * d("shape")))))) as [number, number]
    const piece: Look = (_, v, u) => given.look(s)(0, d("from_y") + v, d("from_x") + u)
    const coloured = jitter((_, v, u) => piece(0, v, u), high, wide, d)
    return (c, y, col) => {
      const [v, u] = [y - d("to_y"), col - d("to_x")]
      return v >= 0 && v < high && u >= 0 && u < wide ? coloured(c, v, u) : given.look(s)(c, y, col)
    }
  }, { size: one })
  expect(worst).toBeLessThan(16 * 2 ** -24)
})

test("cutpaste_scar: a thin box of 2 to 16 by 10 to 25 pixels, turned by up to 45 degrees, read between its pixels", () => {
  const { worst, differing } = worstError("cutpaste_scar(jitter=0.0)", (given, s) => {
    const d = (name: string): number => given.draws[name]![s]!
    expect(d("wide") >= 2 && d("wide") <= 16 && d("high") >= 10 && d("high") <= 25 && Math.abs(d("angle")) <= 45).toBe(true)
    const a = (d("angle") * Math.PI) / 180
    const [half_h, half_w] = [(d("high") - 1) / 2, (d("wide") - 1) / 2]
    const read = bilinear(bordered(given.look(s), given.size, "edge"))
    return (c, y, col) => {
      const [v, u] = [y - d("cy"), col - d("cx")]
      const [pv, pu] = [Math.cos(a) * v - Math.sin(a) * u, Math.sin(a) * v + Math.cos(a) * u]
      const inside = Math.abs(pv) <= half_h + 0.5 && Math.abs(pu) <= half_w + 0.5
      return inside ? read(c, d("from_y") + half_h + pv, d("from_x") + half_w + pu) : given.look(s)(c, y, col)
    }
  }, { size: { ...size, n: 20 } })
  // A pixel on the box's very edge may fall on either side of it: f32 coordinates.
  expect(differing).toBeLessThanOrEqual(3)
  if (differing === 0) expect(worst).toBeLessThan(64 * 2 ** -22)
})
