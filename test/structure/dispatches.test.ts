/** How many dispatches each augmentation and each composition costs: fusion held to its contract. */
import { describe, expect, it } from "vitest"
import { type Compiled } from "../../src/driver/compile.ts"
import { stagesOf, type Size } from "../laws/program.ts"

const image: Size = { n: 4, c: 3, h: 32, w: 32 }
const clip: Size = { n: 4, c: 3, t: 10, h: 16, w: 16 }

const kinds = ({ plan }: Compiled): string => plan.commands.map((c) => (c.op === "dispatch" ? plan.kernels[c.kernel]!.kind : c.op)).join(" ")

/** Nothing drawn and no statistic; draws and statistics first; the same with a raster in the middle. */
const plain = "gather"
const drawn = "sample gather"
const rastered = "sample gather gather"

const alone: readonly (readonly [string, string])[] = [
  ["hflip", drawn], ["vflip", drawn], ["random_crop(32, 32, pad=4)", drawn], ["center_crop(20, 20)", plain],
  ["resize(20, 24)", plain], [`resize(20, 24, filter="nearest")`, plain], ["resized_crop(24)", drawn], ["translate", drawn],
  ["rotate", drawn], ["rotate_by(10.0)", plain], ["resample(1.0, 0.1, -0.1, 1.0)", plain], ["affine(shear=5.0)", drawn], ["perspective", drawn],
  ["color_jitter(0.2, 0.2, 0.2)", drawn], ["color_jitter(0.4, 0.4, 0.4, 0.1)", drawn], [`color_jitter(0.4, 0.4, 0.4, 0.1, order="random")`, drawn],
  ["color_jitter(brightness=0.4)", drawn], ["grayscale", plain], ["normalize(mean=[0.5, 0.4, 0.3], std=[0.2, 0.2, 0.2])", plain], ["solarize", plain],
  ["posterize(3)", plain], ["autocontrast", drawn], ["gaussian_noise", plain], ["invert", plain], ["erase(8)", drawn], ["random_erasing", drawn],
  ["gaussian_blur(5)", rastered], ["diff_color", drawn], ["diff_translation", drawn], ["diff_cutout", drawn], ["diff_augment", drawn],
  ["ada_geometry", drawn], ["ada_color", drawn], ["ada_corrupt", drawn], ["ada", drawn],
  ["jigsaw(2)", drawn], ["jigsaw(4)", drawn], ["jigsaw(2, compat=true)", drawn], ["stitch", drawn], ["stitch(compat=true)", drawn], ["mixup", drawn],
  ["cutout", drawn], ["cutout(size=10)", drawn], ["cutout(compat=true)", drawn], ["cutmix", drawn], [`cutmix(patch="third")`, drawn], ["other_picture", drawn],
  ["patch_rotate(4)", drawn], ["patch_infill(4)", drawn], ["patch_tile(low=5, high=12)", drawn], ["cutpaste", drawn], ["cutpaste_scar", drawn],
  ["shuffled_channels", drawn], ["circular_shift", drawn],
]

const clips: readonly (readonly [string, string])[] = [
  ["video.hflip", drawn], ["video.random_crop(16, 16, pad=2)", drawn], ["video.color_jitter(0.2, 0.2, 0.2, 0.1)", drawn], ["video.gaussian_noise", plain],
  ["video.erase(4)", drawn], ["video.random_span(6)", drawn], ["video.jigsaw", drawn], ["video.cutout", drawn], ["video.stitch", drawn], ["video.cutmix", drawn],
  ["video.mixup", drawn], ["video.shuffle_time", drawn], ["video.reverse_time", plain], ["video.freeze_time(4)", drawn], ["video.change_speed", drawn],
  ...["block", "frame"].flatMap((share) => ["video.hflip(S)", "video.random_crop(16, 16, pad=2, S)", "video.color_jitter(0.2, 0.2, S)", "video.erase(4, S)", "video.jigsaw(S)", "video.cutout(S)"]
    .map((stage) => [stage.replace("S", `share="${share}"`), drawn] as const)),
]

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
  it.each(alone)("%s: %s", holds(image))
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

