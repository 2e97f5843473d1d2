/** Draws are a function of seed, step, place in the source and sample, of nothing else. */
import { describe, expect, it, test } from "vitest"
import { clips, pictures } from "../structure/augmentations.ts"
import { onAdapter } from "./adapter.ts"
import { elements, noisy } from "./pictures.ts"
import { compiled, drawNodes, drawsOf, onReference, stagesOf, standard, type Size } from "./program.ts"

const bits = (a: ArrayLike<number>): string => Array.from(a).join()
/** Stages whose result for a sample depends on the batch by nature: partners, and what is drawn once for the batch. */
const ofTheBatch = /stitch|mixup|cutmix|other_picture|order="random"/

const headed = (stages: string, n: number): string => `from nda.data import cifar10
from nda.image import hflip, random_crop, color_jitter, resized_crop, rotate, gaussian_noise
from nda.negative import jigsaw, cutout, cutpaste, patch_tile
graph law(b in cifar10.test(batch=${n})) = b.image |> ${stages}
`

describe("a sample's result goes with its number in the data set, wherever it stands in whichever batch", () => {
  it.each(["random_crop(32, 32, pad=4) |> hflip |> color_jitter(0.2, 0.2, 0.2) |> jigsaw(2)", "resized_crop(32) |> cutout", "rotate |> cutpaste", "patch_tile(low=5, high=9) |> gaussian_noise"])("%s", async (stages) => {
    const [six, two] = [compiled(headed(stages, 6)), compiled(headed(stages, 2))]
    const shape: Size = { n: 6, c: 3, h: 32, w: 32 }
    const x = noisy(shape)
    const each = elements(shape) / 6
    const numbers = [40, 7, 11, 9999, 0, 23]
    const straight = onReference(six, { "b.image": x, "b.#index": numbers })
    const order = [3, 5, 0, 1, 4, 2]
    const part = (a: ArrayLike<number>, s: number): number[] => Array.from(a).slice(s * each, (s + 1) * each)
    const permuted = { "b.image": order.flatMap((s) => part(x, s)), "b.#index": order.map((s) => numbers[s]!) }
    const crossed = onReference(six, permuted)
    order.forEach((s, i) => expect(bits(part(crossed, i))).toBe(bits(part(straight, s))))
    const few = onReference(two, { "b.image": [...part(x, 3), ...part(x, 1)], "b.#index": [9999, 7] })
    expect(bits(part(few, 0))).toBe(bits(part(straight, 3)))
    expect(bits(part(few, 1))).toBe(bits(part(straight, 1)))
    // The same on the adapter, to its own bits.
    const [a, b] = [await onAdapter(six, { "b.image": x, "b.#index": numbers }), await onAdapter(six, permuted)]
    order.forEach((s, i) => expect(bits(part(b, i))).toBe(bits(part(a, s))))
  })
})

describe("every augmentation that draws, draws otherwise for another seed, step or repeat, and alike for the same", () => {
  it.each([...pictures.map(([s]) => [s, { n: 16, c: 3, h: 32, w: 32 }] as const), ...clips.map(([s]) => [s, { n: 16, c: 3, t: 10, h: 16, w: 16 }] as const)])("%s", (stages, size) => {
    const program = stagesOf(stages, size)
    if (drawNodes(program).length === 0) return
    const x = new Float32Array(elements(size))
    const all = (settings: typeof standard): string => Object.entries(drawsOf(program, { x }, settings)).map(([k, v]) => `${k}: ${bits(v)}`).join("\n")
    const first = all(standard)
    expect(all(standard)).toBe(first)
    for (const other of [{ seed: 8 }, { step: 4 }, { repeat: 1 }]) expect(all({ ...standard, ...other })).not.toBe(first)
    // Samples differ from each other too, where each draws its own.
    if (!ofTheBatch.test(stages)) {
      const own = drawNodes(program).filter((d) => (d.node.attrs as { per: string }).per === "sample")
      const values = drawsOf(program, { x })
      const rows = Array.from({ length: size.n }, (_, s) => own.map((d) => {
        const v = values[d.path.split(".").at(-1)!] ?? new Float64Array()
        return bits(v.slice((s * v.length) / size.n, ((s + 1) * v.length) / size.n))
      }).join(";"))
      expect(new Set(rows).size).toBeGreaterThan(1)
    }
  })
})

test("what stands elsewhere in the program changes no draw, and a stage before or after changes none of another name", () => {
  const size: Size = { n: 4, c: 3, h: 32, w: 32 }
  const x = noisy(size)
  const head = "from nda.image import hflip, rotate, invert\nfrom nda.negative import jigsaw, cutout\n"
  const type = "Image[4, 3, 32, 32]"
  const alone = onReference(compiled(`${head}graph law(x: ${type}) = { a: x |> jigsaw(2) |> cutout }`), { x })
  expect(bits(onReference(compiled(`${head}graph law(x: ${type}) = { a: x |> jigsaw(2) |> cutout, b: x |> rotate |> hflip }`), { x }))).toBe(bits(alone))
  const orderOf = (stages: string): string => bits(drawsOf(stagesOf(stages, size), { x })["order"]!)
  const order = orderOf("jigsaw(2)")
  for (const other of ["hflip |> jigsaw(2)", "jigsaw(2) |> rotate", "invert |> raster |> jigsaw(2) |> cutout"]) expect(orderOf(other)).toBe(order)
})

test("one stage twice draws twice, and the same pipeline on another picture of a record draws the same", () => {
  const size: Size = { n: 4, c: 3, h: 32, w: 32 }
  const twice = drawNodes(stagesOf("jigsaw(2) |> jigsaw(2)", size)).map((d) => d.path)
  expect(new Set(twice).size).toBe(2)
  const x = noisy(size)
  const y = noisy(size, 5)
  const text = "from nda.negative import jigsaw\nfrom nda.image import random_crop\ngraph law(x: Image[4, 3, 32, 32], y: Image[4, 3, 32, 32]) = { x: x, y: y } |> jigsaw(2) |> random_crop(32, 32, pad=4)"
  const program = compiled(text)
  expect(new Set(drawNodes(program).map((d) => d.path)).size).toBe(3)
  // The picture y put through as x gives what y gave.
  const both = compiled(text.replace("{ x: x, y: y }", "{ x: y, y: x }"))
  expect(bits(onReference(both, { x: y, y: x }))).toBe(bits(onReference(program, { x, y })))
})
