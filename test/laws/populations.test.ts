/** What every stage says about the population of its samples. */
import { describe, expect, it, test } from "vitest"
import { clips, image, clip, pictures } from "../structure/augmentations.ts"
import { compiled, complaints, stagesOf, textOf } from "./program.ts"

const negatives = ["jigsaw", "stitch", "mixup", "cutout", "cutmix", "other_picture", "patch_rotate", "patch_infill", "patch_tile", "cutpaste", "cutpaste_scar", "shuffled_channels", "circular_shift",
  "video.jigsaw", "video.cutout", "video.stitch", "video.cutmix", "video.mixup", "video.shuffle_time", "video.reverse_time", "video.freeze_time", "video.change_speed"]
const isNegative = (stage: string): boolean => negatives.includes(stage.replace(/\(.*/, ""))

describe("a stage of nda.negative makes negatives of real pictures, a stage of nda.image leaves them what they are", () => {
  it.each([...pictures.map(([s]) => [s, image] as const), ...clips.map(([s]) => [s, clip] as const)])("%s", (stages, size) => {
    const of = (population: string): string | undefined => stagesOf(stages, size, population).graph.outputs[0]!.population
    expect(of("@real")).toBe(isNegative(stages) ? "neg" : "real")
  })
  it("of negatives a stage of nda.image makes negatives", () => {
    for (const stages of ["hflip", "random_crop(32, 32, pad=4)", "gaussian_blur(5)", "gaussian_noise", "grayscale"]) expect(stagesOf(stages, image, "@neg").graph.outputs[0]!.population).toBe("neg")
  })
  it("the table holds every negative", () => {
    const named = new Set([...pictures, ...clips].map(([s]) => s.replace(/\(.*/, "")))
    expect(negatives.filter((s) => !named.has(s))).toEqual([])
  })
})

test("a negative stays negative under positive stages, and what was never real becomes negative too", () => {
  expect(stagesOf("jigsaw |> hflip |> color_jitter(0.2)", image, "@real").graph.outputs[0]!.population).toBe("neg")
  expect(stagesOf("hflip |> jigsaw", image, "@fake").graph.outputs[0]!.population).toBe("neg")
  expect(stagesOf("jigsaw |> raster |> hflip", image, "@real").graph.outputs[0]!.population).toBe("neg")
  expect(stagesOf("one_of([jigsaw(2), stitch, cutout, cutmix, mixup])", image, "@real").graph.outputs[0]!.population).toBe("neg")
})

test("what would be negative only sometimes is refused", () => {
  for (const stages of ["maybe(0.5, jigsaw(2))", "one_of([hflip, jigsaw(2)])", "one_of([jigsaw(2), cutout, erase(4)])"]) expect(complaints(textOf(stages, image, "@real"))).toEqual(["NDA0305 these samples would be negative only sometimes"])
})

test("other_class gives each picture one of another label, and is negative", () => {
  const program = compiled("from nda.negative import other_class\ngraph law(x: Image[6@real, 1, 2, 2], y: Label[6@real]) = other_class(x, y)")
  expect(program.graph.outputs[0]!.population).toBe("neg")
})
