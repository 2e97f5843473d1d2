/** Fusion changes nothing: fused equals staged bit for bit while places stay integral, and elsewhere interpolates once, never across a seam. */
import { describe, expect, it, test } from "vitest"
import type { Compiled } from "../../src/driver/compile.ts"
import { onAdapter } from "./adapter.ts"
import { noisy, photographs } from "./pictures.ts"
import { drawNodes, onReference, stagesOf, type Size } from "./program.ts"

const size: Size = { n: 3, c: 3, h: 24, w: 16 }

/** Stages that read whole places: moves, then colours, then what has a statistic. Each leaves 24 x 16 as it is. */
const moves = ["hflip", "vflip", "random_crop(24, 16, pad=3)", "translate(0.2)", "jigsaw(2)", "jigsaw(4)", "erase(5)", "random_erasing(p=0.8)", "stitch", "cutmix", "other_picture",
  "patch_infill(4)", "patch_tile(low=4, high=9)", "shuffled_channels", "circular_shift(3, 9)", "diff_translation", "diff_cutout", "maybe(0.5, vflip)", "one_of([hflip, vflip, erase(7)])"]
const colours = ["invert", "solarize", "posterize(5)"]
const statistics = ["cutout", "autocontrast", "color_jitter(0.2, 0.2, 0.2)"]

/** Pipelines by a counter, so that a failure names itself. */
const pipeline = (k: number): readonly string[] => {
  const pick = (list: readonly string[], salt: number): string => list[(Math.imul(k * 7 + salt, 0x9e3779b1) >>> 16) % list.length]!
  return Array.from({ length: 3 + (k % 3) }, (_, i) => ((k + i) % 4 === 3 ? pick(colours, i) : pick(moves, i)))
}

const worst = (a: ArrayLike<number>, b: ArrayLike<number>): number => Array.from(a, (v, i) => Math.abs(v - b[i]!)).reduce((m, e) => Math.max(m, e), 0)
const paths = (p: Compiled): readonly string[] => drawNodes(p).map((d) => d.path).sort()

const pipelines = Array.from({ length: 14 }, (_, k) => pipeline(k))

describe("stages at integral places: fused equals staged, bit for bit, and the draws are the same draws", () => {
  it.each(pipelines.map((stages) => stages.join(" |> ")))("%s", async (text) => {
    const [fused, staged] = [stagesOf(text, size), stagesOf(text.replaceAll(" |> ", " |> raster |> "), size)]
    const x = noisy(size)
    expect(paths(staged)).toEqual(paths(fused))
    expect(fused.plan.commands.length).toBeLessThan(staged.plan.commands.length)
    expect(worst(onReference(fused, { x }), onReference(staged, { x }))).toBe(0)
    expect(worst(await onAdapter(fused, { x }), await onAdapter(staged, { x }))).toBe(0)
  })
  // Stored statistics and those inside the sample kernel are summed in one order, from colours that differ by a rounding at most.
  it.each(statistics.map((s, i) => `${pipelines[i]!.slice(0, 2).join(" |> ")} |> ${s} |> jigsaw(2)`))("%s: to the last roundings", async (text) => {
    const [fused, staged] = [stagesOf(text, size), stagesOf(text.replaceAll(" |> ", " |> raster |> "), size)]
    const x = noisy(size)
    expect(worst(onReference(fused, { x }), onReference(staged, { x }))).toBeLessThan(2 ** -50)
    expect(worst(await onAdapter(fused, { x }), await onAdapter(staged, { x }))).toBeLessThan(8 * 2 ** -24)
  })
})

const side: Size = { n: 2, c: 3, h: 32, w: 32 }

test.each([
  ["jigsaw(2)", "rotate(30.0)"], ["jigsaw(4)", "affine"], ["erase(9)", "rotate(30.0)"], ["stitch", "resized_crop(20)"], ["stitch", "rotate"], ["cutmix", "rotate"], ["patch_rotate(4)", "perspective(p=1.0)"], ["circular_shift", "rotate"],
])("no interpolation crosses the seams of %s: %s of it is that of the stored picture", async (first, second) => {
  const [fused, staged] = [stagesOf(`${first} |> ${second}`, side), stagesOf(`${first} |> raster |> ${second}`, side)]
  const x = noisy(side)
  expect(worst(onReference(fused, { x }), onReference(staged, { x }))).toBeLessThan(2 ** -40)
  expect(worst(await onAdapter(fused, { x }), await onAdapter(staged, { x }))).toBeLessThan(8 * 2 ** -24)
})

/** A smooth scene known everywhere: the supersampled truth. */
const scene = (y: number, x: number): number => 0.5 + 0.25 * Math.sin(0.9 * y + 0.4 * x) + 0.2 * Math.cos(0.5 * y - 1.1 * x)
const one: Size = { n: 1, c: 1, h: 48, w: 48 }
const centre = 23.5
const pictureOf = (turn: number, oversample: number): Float64Array => {
  const [k, s] = [Math.cos((turn * Math.PI) / 180), Math.sin((turn * Math.PI) / 180)]
  // Each pixel's colour is what bilinear interpolation of an `oversample` times finer raster gives: nearly the scene itself.
  const fine = (y: number, x: number): number => {
    const [v, u] = [Math.floor(y * oversample) / oversample, Math.floor(x * oversample) / oversample]
    const [b, a] = [(y - v) * oversample, (x - u) * oversample]
    const e = 1 / oversample
    return (1 - b) * ((1 - a) * scene(v, u) + a * scene(v, u + e)) + b * ((1 - a) * scene(v + e, u) + a * scene(v + e, u + e))
  }
  return Float64Array.from({ length: 48 * 48 }, (_, i) => {
    const [v, u] = [Math.floor(i / 48) - centre, (i % 48) - centre]
    return fine(centre + k * v - s * u, centre + s * v + k * u)
  })
}
const inDisc = (radius: number) => (_: number, i: number): boolean => Math.hypot(Math.floor(i / 48) - centre, (i % 48) - centre) < radius
const disc = (a: ArrayLike<number>): number[] => Array.from(a).filter(inDisc(22))

test("two rotations sample once: they are the rotation by the sum, and nearer to a supersampled one than two samplings", () => {
  const x = Float32Array.from({ length: 48 * 48 }, (_, i) => scene(Math.floor(i / 48), i % 48))
  const run = (stages: string): number[] => disc(onReference(stagesOf(stages, one), { x }))
  const fused = run("rotate_by(20.0) |> rotate_by(17.0)")
  const staged = run("rotate_by(20.0) |> raster |> rotate_by(17.0)")
  expect(worst(fused, run("rotate_by(37.0)"))).toBeLessThan(64 * 2 ** -22)
  const truth = disc(pictureOf(37, 8))
  const error = (a: readonly number[]): number => Math.sqrt(a.reduce((sum, v, i) => sum + (v - truth[i]!) ** 2, 0) / a.length)
  expect(error(fused)).toBeLessThan(0.75 * error(staged))
  expect(worst(fused, staged)).toBeGreaterThan(0.01)
})

test("the gather of two rotations loads four source pixels of each colour", () => {
  const loads = (stages: string): number => {
    const kernel = stagesOf(stages, side).plan.kernels.find((k) => k.kind === "gather")!.wgsl
    const main = kernel.slice(kernel.indexOf("fn main0"))
    const input = /var<storage, read> (b\d+): array<f32>/.exec(kernel)![1]!
    return main.match(new RegExp(`${input}\\[`, "g"))!.length
  }
  expect(loads("rotate |> rotate")).toBe(12)
  expect(loads("rotate |> rotate |> affine |> color_jitter(0.2, 0.0, 0.2)")).toBe(12)
  expect(loads("jigsaw |> rotate |> rotate")).toBe(12)
})

test("photographs through the whole pipeline of a contrastive view: fused within interpolation of staged", () => {
  const view = "hflip |> random_crop(32, 32, pad=4) |> color_jitter(0.4, 0.4, 0.4, 0.1) |> maybe(0.2, grayscale) |> jigsaw(2)"
  const x = photographs(2)
  expect(worst(onReference(stagesOf(view, side), { x }), onReference(stagesOf(view.replaceAll(" |> ", " |> raster |> "), side), { x }))).toBeLessThan(2 ** -50)
})
