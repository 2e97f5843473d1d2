/** The augmentations of clips against their definitions: which frames share a draw, and the temporal negatives. */
import { describe, expect, it, test } from "vitest"
import { clamp, noisy } from "./pictures.ts"
import { drawNodes, drawsOf, onReference, stagesOf, type Draws, type Size } from "./program.ts"

const size = { n: 5, c: 3, t: 10, h: 12, w: 16 } satisfies Size
type Look = (c: number, f: number, y: number, x: number) => number

const lookAt = (data: ArrayLike<number>, { c, t = 1, h, w }: Size, s: number): Look => (k, f, y, x) => {
  if (!(k >= 0 && k < c && f >= 0 && f < t && y >= 0 && y < h && x >= 0 && x < w)) throw new Error(`read outside: ${k}, ${f}, ${y}, ${x}`)
  return data[(((s * c + k) * t + f) * h + y) * w + x]!
}

const worstError = (stages: string, define: (look: (s: number) => Look, draws: Draws, s: number) => Look, result: Partial<Size> = {}, given: Size = size): number => {
  const x = noisy(given)
  const program = stagesOf(stages, given)
  const got = onReference(program, { x })
  // Draws of one name in a loop carry an ordinal: they follow each other here.
  const draws: Record<string, Float64Array> = drawsOf(program, { x })
  const out = { ...given, ...result }
  const have = Array.from({ length: out.n }, (_, s) => lookAt(got, out, s))
  let worst = 0
  for (let s = 0; s < out.n; s++) {
    const want = define((k) => lookAt(x, given, k), draws, s)
    for (let c = 0; c < out.c; c++) for (let f = 0; f < out.t!; f++) for (let y = 0; y < out.h; y++) for (let col = 0; col < out.w; col++) worst = Math.max(worst, Math.abs(want(c, f, y, col) - have[s]!(c, f, y, col)))
  }
  return worst
}

const shares = [["clip", 10], ["block", 5], ["frame", 1]] as const

describe.each(shares)(`share="%s"`, (share, span) => {
  const runs = 10 / span
  const at = (d: Float64Array | undefined, s: number, f: number): number => d![s * runs + Math.floor(f / span)]!
  const option = `share="${share}"`

  it("hflip, random_crop and erase draw once for each run of frames", () => {
    expect(worstError(`video.hflip(${option})`, (look, d, s) => (c, f, y, x) => look(s)(c, f, y, at(d["flip"], s, f) ? 15 - x : x))).toBe(0)
    expect(worstError(`video.random_crop(8, 10, pad=2, ${option})`, (look, d, s) => (c, f, y, x) => {
      const [v, u] = [y + at(d["dy"], s, f), x + at(d["dx"], s, f)]
      return v >= 0 && v < 12 && u >= 0 && u < 16 ? look(s)(c, f, v, u) : 0
    }, { h: 8, w: 10 })).toBe(0)
    expect(worstError(`video.erase(4, ${option})`, (look, d, s) => (c, f, y, x) => {
      const [v, u] = [y - at(d["top"], s, f), x - at(d["left"], s, f)]
      return v >= 0 && v < 4 && u >= 0 && u < 4 ? 0 : look(s)(c, f, y, x)
    })).toBe(0)
  })
  it("grayscale draws once for each run of frames, and its three components are the luma", () => {
    expect(worstError(`video.grayscale(p=0.5, ${option})`, (look, d, s) => (c, f, y, x) =>
      at(d["grey"], s, f) ? 0.2989 * look(s)(0, f, y, x) + 0.587 * look(s)(1, f, y, x) + 0.114 * look(s)(2, f, y, x) : look(s)(c, f, y, x))).toBeLessThan(4 * 2 ** -24)
  })
  it("color_jitter takes each frame's own mean", () => {
    const grey = (look: Look, f: number, y: number, x: number): number => 0.2989 * look(0, f, y, x) + 0.587 * look(1, f, y, x) + 0.114 * look(2, f, y, x)
    expect(worstError(`video.color_jitter(0.3, 0.3, 0.3, ${option})`, (look, d, s) => {
      const lit: Look = (c, f, y, x) => clamp(look(s)(c, f, y, x) * at(d["bright"], s, f))
      const means = Array.from({ length: 10 }, (_, f) => {
        let sum = 0
        for (let y = 0; y < 12; y++) for (let x = 0; x < 16; x++) sum += grey(lit, f, y, x)
        return sum / 192
      })
      const spread: Look = (c, f, y, x) => clamp(at(d["contrasted"], s, f) * lit(c, f, y, x) + (1 - at(d["contrasted"], s, f)) * means[f]!)
      return (c, f, y, x) => clamp(at(d["saturated"], s, f) * spread(c, f, y, x) + (1 - at(d["saturated"], s, f)) * grey(spread, f, y, x))
    })).toBeLessThan(16 * 2 ** -24)
  })
  it("cutout fills the run's box with each frame's own mean of each colour", () => {
    expect(worstError(`video.cutout(${option})`, (look, d, s) => {
      const [high, wide] = [d["high"]![s]!, d["wide"]![s]!]
      expect(high >= 4 && high <= 6 && wide >= 6 && wide <= 8).toBe(true)
      const fill = (c: number, f: number): number => {
        let sum = 0
        for (let y = 0; y < high; y++) for (let x = 0; x < wide; x++) sum += look(s)(c, f, at(d["top"], s, f) + y, at(d["left"], s, f) + x)
        return sum / (high * wide)
      }
      const fills = [0, 1, 2].map((c) => Array.from({ length: 10 }, (_, f) => fill(c, f)))
      return (c, f, y, x) => {
        const [v, u] = [y - at(d["top"], s, f), x - at(d["left"], s, f)]
        return v >= 0 && v < high && u >= 0 && u < wide ? fills[c]![f]! : look(s)(c, f, y, x)
      }
    })).toBeLessThan(2 ** -22)
  })
  it("jigsaw puts all frames of a run in one order, never the unchanged one", () => {
    const x = noisy(size)
    const program = stagesOf(`video.jigsaw(2, ${option})`, size)
    const got = onReference(program, { x })
    expect(drawNodes(program)).toHaveLength(runs)
    for (let s = 0; s < size.n; s++) {
      const [from, to] = [lookAt(x, size, s), lookAt(got, size, s)]
      const orders = Array.from({ length: 10 }, (_, f) => [0, 1, 2, 3].map((cell) => [0, 1, 2, 3].find((source) => {
        for (let y = 0; y < 6; y++) for (let u = 0; u < 8; u++) if (to(0, f, (cell >> 1) * 6 + y, (cell & 1) * 8 + u) !== from(0, f, (source >> 1) * 6 + y, (source & 1) * 8 + u)) return false
        return true
      })))
      orders.forEach((order, f) => {
        expect([...order].sort()).toEqual([0, 1, 2, 3])
        expect(order).not.toEqual([0, 1, 2, 3])
        expect(order).toEqual(orders[f - (f % span)])
      })
    }
  })
})

test("stitch, mixup and cutmix mix whole clips with one partner and one choice for the batch", () => {
  const mate = (d: Draws, s: number): number => {
    expect(d["mate"]![s]).not.toBe(s)
    return d["mate"]![s]!
  }
  expect(worstError("video.stitch", (look, d, s) => (c, f, y, x) => look((d["upright"]![0] ? y < 6 : x < 8) ? s : mate(d, s))(c, f, y, x))).toBe(0)
  expect(worstError("video.mixup", (look, d, s) => (c, f, y, x) => d["lam"]![0]! * look(s)(c, f, y, x) + (1 - d["lam"]![0]!) * look(mate(d, s))(c, f, y, x))).toBeLessThan(2 ** -23)
  expect(worstError("video.cutmix", (look, d, s) => {
    const side = Math.sqrt(1 - d["r"]![0]!)
    const [b, a] = [Math.floor(Math.trunc(12 * side) / 2), Math.floor(Math.trunc(16 * side) / 2)]
    const [cy, cx] = [d["cy"]![0]!, d["cx"]![0]!]
    return (c, f, y, x) => look(y >= cy - b && y < cy + b && x >= cx - a && x < cx + a ? mate(d, s) : s)(c, f, y, x)
  })).toBe(0)
})

test("the temporal stages move whole frames", () => {
  expect(worstError("video.reverse_time", (look, _, s) => (c, f, y, x) => look(s)(c, 9 - f, y, x))).toBe(0)
  expect(worstError("video.shuffle_time(2)", (look, d, s) => {
    const order = [...d["order"]!.slice(5 * s, 5 * s + 5)]
    expect([...order].sort()).toEqual([0, 1, 2, 3, 4])
    expect(order).not.toEqual([0, 1, 2, 3, 4])
    return (c, f, y, x) => look(s)(c, 2 * order[f >> 1]! + (f & 1), y, x)
  })).toBe(0)
  expect(worstError("video.freeze_time(4)", (look, d, s) => {
    const start = d["start"]![s]!
    expect(start >= 0 && start <= 6).toBe(true)
    return (c, f, y, x) => look(s)(c, f >= start && f < start + 4 ? start : f, y, x)
  })).toBe(0)
  expect(worstError("video.random_span(6)", (look, d, s) => (c, f, y, x) => look(s)(c, d["start"]![s]! + f, y, x), { t: 6 })).toBe(0)
  expect(worstError("video.last_frames(4)", (look, _, s) => (c, f, y, x) => look(s)(c, 6 + f, y, x), { t: 4 })).toBe(0)
  // Beyond the last frame it runs back: 8, 9, 8, 7, …
  for (const factor of [2, 1.5]) {
    expect(worstError(`video.change_speed(${factor.toFixed(1)})`, (look, d, s) => (c, f, y, x) => {
      const at = (d["start"]![s]! + Math.floor(f * factor)) % 18
      return look(s)(c, Math.min(at, 18 - at), y, x)
    })).toBe(0)
  }
})

test("gaussian_noise of clips is drawn for every component of every frame", () => {
  expect(worstError("video.gaussian_noise(0.2)", (look, d, s) => (c, f, y, x) => clamp(look(s)(c, f, y, x) + lookAt(d["e"]!, size, s)(c, f, y, x)))).toBe(0)
})
