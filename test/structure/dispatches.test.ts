/** How many dispatches each augmentation and each composition costs: fusion held to its contract. */
import { describe, expect, it } from "vitest"
import { type Compiled } from "../../src/driver/compile.ts"
import { stagesOf, type Size } from "../laws/program.ts"
import { clip, clips, drawn, image, pictures, plain, rastered } from "./augmentations.ts"

const kinds = ({ plan }: Compiled): string => plan.commands.map((c) => (c.op === "dispatch" ? plan.kernels[c.kernel]!.kind : c.op)).join(" ")

const benchmark = "random_crop(32, 32, pad=4) |> hflip |> color_jitter(0.2, 0.2, 0.2) |> jigsaw(2) |> erase(8)"

const together: readonly (readonly [string, string])[] = [
  [benchmark, drawn],
  ["color_jitter(0.2, 0.2, 0.2) |> cutout", drawn], ["stitch |> cutout", drawn], ["cutmix |> color_jitter(0.2, 0.2)", drawn], ["color_jitter(0.2, 0.2) |> cutmix", drawn],
  ["autocontrast |> color_jitter(0.2, 0.2) |> cutout |> autocontrast", drawn],
  // The second statistic reads the first of another sample: the one case that needs its result in memory.
  ["color_jitter(0.2, 0.2) |> stitch |> autocontrast", "sample sample gather"],
  ["one_of([jigsaw(2), jigsaw(4), cutmix(alpha=1.0)])", drawn], ["one_of([jigsaw(2), stitch, cutout, cutmix, mixup])", drawn],
  ["one_of([hflip, rotate, color_jitter(0.2, 0.2)])", drawn], ["maybe(0.8, color_jitter(0.4, 0.4, 0.4, 0.1)) |> maybe(0.2, grayscale) |> hflip", drawn],
  ["resized_crop(32, scale=(0.2, 1.0)) |> maybe(0.8, color_jitter(0.4, 0.4, 0.4, 0.1)) |> maybe(0.2, grayscale) |> hflip |> jigsaw(2)", drawn],
  ["hflip |> raster |> jigsaw", rastered], ["invert |> raster |> solarize", "gather gather"], ["gaussian_blur(5) |> rotate", rastered],
  ["jigsaw |> rotate", drawn], ["jigsaw |> rotate |> rotate", drawn], ["rotate |> rotate", drawn], ["jigsaw |> affine |> cutout |> cutpaste", drawn],
  ["diff_augment |> stitch", drawn], ["mixup |> mixup", drawn], ["stitch |> mixup |> cutmix", drawn], ["ada |> jigsaw", drawn], ["gaussian_noise |> cutout", drawn],
  ["random_crop(28, 28) |> resize(32, 32) |> rotate |> jigsaw(4) |> solarize", drawn], ["invert |> center_crop(24, 24) |> solarize |> posterize(4)", plain],
  ["hflip |> perspective |> jigsaw(4) |> patch_rotate(4) |> shuffled_channels |> circular_shift", drawn],
]

const clipsTogether: readonly (readonly [string, string])[] = [
  [`video.color_jitter(0.2, 0.2, 0.2, share="frame") |> video.jigsaw(share="block") |> video.cutout(share="frame")`, drawn],
  ["video.hflip |> video.shuffle_time |> video.cutmix |> video.change_speed", drawn],
  [`video.random_crop(16, 16, pad=2, share="block") |> video.stitch |> video.mixup |> video.reverse_time`, drawn],
]

const storageBuffers = (program: Compiled): readonly number[] => program.plan.kernels.map((k) => k.bindings.filter((b) => b !== "uniform").length)

const holds = (size: Size) => (stages: string, expected: string): void => {
  const program = stagesOf(stages, size)
  expect(kinds(program)).toBe(expected)
  for (const count of storageBuffers(program)) expect(count).toBeLessThanOrEqual(8)
}

describe("an augmentation alone: its draws and first statistics in one dispatch, the pixels in another", () => {
  it.each(pictures)("%s: %s", holds(image))
  it.each(clips)("%s: %s", holds(clip))
})

describe("augmentations together cost what one of them costs", () => {
  it.each(together)("%s: %s", holds(image))
  it.each(clipsTogether)("%s: %s", holds(clip))
})

describe("a pipeline that reads too many values for a pixel is stored once, and says where", () => {
  it("a blur after an interpolation reads stored pixels", () => {
    const program = stagesOf("perspective |> rotate |> jigsaw |> rotate |> gaussian_blur(5)", image)
    expect(kinds(program)).toBe("sample gather gather gather")
    expect(program.graph.rasters.map((r) => r.reason)).toEqual([expect.stringContaining("more than 16"), "`raster` asks for it"])
  })
})

