/** The ends of every range: batches of one, pictures of one pixel, crops larger than the picture, sizes that do not divide, large pictures. */
import { describe, expect, it, test } from "vitest"
import { onAdapter } from "./adapter.ts"
import { noisy, sampleOf } from "./pictures.ts"
import { compiled, complaints, onReference, stagesOf, textOf, type Size } from "./program.ts"

const one: Size = { n: 1, c: 3, h: 8, w: 8 }

describe("a picture alone has no partner: a batch of one is refused, not passed through as a negative", () => {
  it.each(["stitch", "mixup", "cutmix", `cutmix(patch="third")`, "other_picture", "stitch(compat=true)", "hflip |> stitch"])("%s", (stages) => {
    expect(complaints(textOf(stages, one))).toEqual(["NDA0805 the batch of `partner` is one sample, and it must be two samples or more: a picture alone has no partner"])
  })
  it("with clips too", () => {
    for (const stages of ["video.stitch", "video.mixup", "video.cutmix"]) expect(complaints(textOf(stages, { ...one, t: 4 }))).toHaveLength(1)
  })
  it("a batch of two has the other one", () => {
    const two = { ...one, n: 2 }
    const x = noisy(two)
    expect(Array.from(onReference(stagesOf("other_picture", two), { x }))).toEqual([...x.slice(192), ...x.slice(0, 192)])
  })
  it("stages without partners take a batch of one", async () => {
    for (const stages of ["jigsaw(2)", "color_jitter(0.2, 0.2, 0.2) |> cutout"]) {
      const program = stagesOf(stages, one)
      const [a, b] = [onReference(program, { x: noisy(one) }), await onAdapter(program, { x: noisy(one) })]
      a.forEach((v, i) => expect(Math.abs(v - b[i]!)).toBeLessThan(1e-5))
    }
  })
})

const pixel: Size = { n: 2, c: 3, h: 1, w: 1 }
describe("pictures of one pixel", () => {
  it.each(["hflip", "vflip", "rotate", "affine", "resample(1.0, 0.2, 0.2, 1.0, border=\"mirror\")", "translate", "autocontrast", "gaussian_blur(1)", "patch_tile(low=1, high=1)", "random_erasing(p=1.0)", "ada_geometry"])("%s leaves them as they are", (stages) => {
    const x = noisy(pixel)
    onReference(stagesOf(stages, pixel), { x }).forEach((v, i) => expect(Math.abs(v - x[i]!)).toBeLessThan(1e-6))
  })
  it("resizing one pixel repeats it", () => {
    const x = noisy(pixel)
    for (const stages of ["resize(3, 3)", "resized_crop(3)", `resize(3, 3, filter="nearest")`]) {
      const got = onReference(stagesOf(stages, pixel), { x })
      got.forEach((v, i) => expect(Math.abs(v - x[Math.floor(i / 9)]!)).toBeLessThan(1e-6))
    }
  })
  it("an erased pixel is 0, a padded crop of it shows it or 0", () => {
    expect(new Set(onReference(stagesOf("erase(1)", pixel), { x: noisy(pixel) }))).toEqual(new Set([0]))
    const x = noisy({ ...pixel, n: 40 })
    const got = onReference(stagesOf("random_crop(1, 1, pad=1)", { ...pixel, n: 40 }), { x })
    for (let s = 0; s < 40; s++) expect([0, x[3 * s]!]).toContain(got[3 * s])
  })
})

test.each([
  ["random_crop(40, 40)", { h: 32, w: 32 }, "NDA0409 `random_crop` needs h + 2 * pad >= ho"], ["random_crop(40, 40, pad=3)", { h: 32, w: 32 }, "NDA0409 `random_crop` needs h + 2 * pad >= ho"],
  ["jigsaw(3)", { h: 32, w: 32 }, "NDA0409 `jigsaw` needs h % k == 0"], ["jigsaw(4)", { h: 20, w: 30 }, "NDA0409 `jigsaw` needs w % k == 0"], ["jigsaw(1)", { h: 32, w: 32 }, "NDA0409 `jigsaw` needs k >= 2"],
  ["jigsaw(2)", { h: 1, w: 1 }, "NDA0409 `jigsaw` needs h % k == 0"], ["erase(33)", { h: 32, w: 32 }, "NDA0409 `erase` needs size <= h"], ["gaussian_blur(4)", { h: 32, w: 32 }, "NDA0409 `gaussian_blur` needs size % 2 == 1"],
  ["gaussian_blur(9)", { h: 32, w: 4 }, "NDA0409 `gaussian_blur` needs size // 2 < w"], ["patch_rotate(4)", { h: 20, w: 28 }, "NDA0409 `patch_rotate` needs h // k == w // k"],
  ["patch_tile", { h: 32, w: 32 }, "NDA0409 `patch_tile` needs high <= h"], ["circular_shift", { h: 20, w: 28 }, "NDA0409 `circular_shift` needs high < h"],
  ["perspective", { h: 1, w: 9 }, "NDA0409 `perspective` needs h >= 2"], ["perspective(1.0)", { h: 9, w: 9 }, "NDA0409 `perspective` needs distortion < 1"],
  ["cutpaste_scar", { h: 20, w: 28 }, "NDA0409 `cutpaste_scar` needs length.1 <= h"],
])("%s of a %o picture is refused in the words of its own condition", (stages, { h, w }, expected) => {
  expect(complaints(textOf(stages, { n: 2, c: 3, h, w }))).toEqual([expected])
})

test("a crop larger than the picture is right where padding makes room", () => {
  const size: Size = { n: 2, c: 1, h: 6, w: 5 }
  const got = onReference(stagesOf("random_crop(10, 9, pad=2)", size), { x: noisy(size) })
  const out = { ...size, h: 10, w: 9 }
  for (let s = 0; s < 2; s++) for (let y = 0; y < 10; y++) for (let x = 0; x < 9; x++) {
    const inside = y >= 2 && y < 8 && x >= 2 && x < 7
    expect(sampleOf(got, out, s)(0, y, x)).toBe(inside ? sampleOf(noisy(size), size, s)(0, y - 2, x - 2) : 0)
  }
})

test("stages of three colours refuse other numbers of them", () => {
  for (const stages of ["grayscale", "ada_color"]) expect(complaints(textOf(stages, { ...one, n: 2, c: 1 }))[0]).toContain("NDA0407")
  expect(complaints(textOf("shuffled_channels", { ...one, c: 1 }))).toEqual(["NDA0409 `shuffled_channels` needs c >= 2"])
})

test("224 pixels: the paper's mixture in two dispatches, the adapter as the evaluator", async () => {
  const size: Size = { n: 2, c: 3, h: 224, w: 224 }
  const program = stagesOf("random_crop(224, 224, pad=28) |> hflip |> color_jitter(0.2, 0.2, 0.2) |> jigsaw(4) |> cutout", size)
  expect(program.plan.commands).toHaveLength(2)
  const x = noisy(size)
  const [got, want] = [await onAdapter(program, { x }), onReference(program, { x })]
  let worst = 0
  want.forEach((v, i) => (worst = Math.max(worst, Math.abs(v - got[i]!))))
  expect(worst).toBeLessThan(1e-5)
})

test("other_class: the next sample of another label round the batch; of one class each its own", () => {
  const program = compiled("from nda.negative import other_class\ngraph law(x: Image[6@real, 1, 1, 1], y: Label[6@real]) = other_class(x, y)")
  const x = [0, 1, 2, 3, 4, 5]
  expect(Array.from(onReference(program, { x, y: [0, 0, 1, 1, 2, 0] }))).toEqual([2, 2, 4, 4, 5, 2])
  expect(Array.from(onReference(program, { x, y: [7, 7, 7, 7, 7, 7] }))).toEqual(x)
})
