/** What the conformance cases and the definitions say of top-k, non-maximum suppression, grid sampling and RoIAlign. */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { readNpy } from "../../src/runtime/data/npy.ts"
import { sharedPath } from "../data/places.ts"
import { elaborated, initialSlots, outputsOf } from "./program.ts"

const cases = sharedPath("conformance/onnx/cases")

interface Tensor { readonly name: string; readonly shape: readonly number[]; readonly data?: readonly number[]; readonly file?: string }
interface Case { readonly attrs: Readonly<Record<string, string | number>>; readonly inputs: readonly Tensor[]; readonly outputs: readonly Tensor[] }

const values = (folder: string, tensor: Tensor): number[] => tensor.data ? [...tensor.data] : Array.from(readNpy(tensor.file!, readFileSync(join(folder, tensor.file!))).data, Number)

const caseOf = (name: string) => {
  const folder = join(cases, name)
  const { attrs, inputs, outputs } = JSON.parse(readFileSync(join(folder, "case.json"), "utf8")) as Case
  const read = (tensor: Tensor) => ({ shape: tensor.shape, data: values(folder, tensor) })
  return { attrs, inputs: inputs.map(read), outputs: outputs.map(read) }
}

/** The outputs of a graph of the text. */
const computed = (text: string, given: Readonly<Record<string, ArrayLike<number>>>): ReadonlyMap<string, readonly number[]> => {
  const program = elaborated(text, "g")
  return new Map([...outputsOf(program.steps[0]!.graph, initialSlots(program), undefined, given)].map(([name, { data }]) => [name, [...data]]))
}
const near = (got: readonly number[], expected: readonly number[]): void => {
  expect(got.length).toBe(expected.length)
  got.forEach((x, i) => expect(x).toBeCloseTo(expected[i]!, 5))
}
const typed = (shape: readonly number[]): string => `f32[${shape.join(", ")}]`

describe.skipIf(!existsSync(cases))("conformance", () => {
  test.each(["test_gridsample", "test_gridsample_bilinear", "test_gridsample_bilinear_align_corners_0_additional_1", "test_gridsample_bilinear_align_corners_1_additional_1", "test_gridsample_border_padding",
    "test_gridsample_nearest_align_corners_0_additional_1", "test_gridsample_reflection_padding", "test_gridsample_zeros_padding"])("%s", (name) => {
    const { attrs, inputs: [x, grid], outputs: [y] } = caseOf(name)
    const mode = attrs["mode"] === "nearest" ? "nearest" : "bilinear"
    const text = `from nda.nn import grid_sample
graph g(x: ${typed(x!.shape)}, grid: ${typed(grid!.shape)}) = { y: grid_sample(x, grid, mode="${mode}", padding="${attrs["padding_mode"] ?? "zeros"}", align_corners=${attrs["align_corners"] === 1}) }`
    near(computed(text, { x: x!.data, grid: grid!.data }).get("y")!, y!.data)
  })

  test.each(["test_top_k", "test_top_k_negative_axis", "test_top_k_same_values_2d"])("%s", (name) => {
    const { inputs: [x, k], outputs: [best, places] } = caseOf(name)
    const got = computed(`graph g(x: ${typed(x!.shape)}) = { best: top_k(x, ${k!.data[0]!}) }`, { x: x!.data })
    expect([got.get("best.values"), got.get("best.places")]).toEqual([best!.data, places!.data])
  })

  test.each(["center_point_box_format", "flipped_coordinates", "iou_threshold_boundary", "limit_output_size", "single_box", "suppress_by_IOU", "two_batches", "two_classes"])("test_nonmaxsuppression_%s", (name) => {
    const { attrs, inputs: [boxes, scores, limit, most], outputs: [selected] } = caseOf(`test_nonmaxsuppression_${name}`)
    const [n, k] = boxes!.shape as [number, number]
    const classes = scores!.shape[1]!
    // Corners y1, x1, y2, x2 in either order, unless they are centres already; each class is a list of its own, the surest first.
    const centre = (b: readonly number[]): number[] => (attrs["center_point_box"] === 1 ? [...b] : [(b[1]! + b[3]!) / 2, (b[0]! + b[2]!) / 2, Math.abs(b[3]! - b[1]!), Math.abs(b[2]! - b[0]!)])
    const found: number[] = []
    for (let i = 0; i < n; i++) for (let c = 0; c < classes; c++) {
      const score = scores!.data.slice((i * classes + c) * k, (i * classes + c + 1) * k)
      const order = score.map((_, j) => j).sort((a, b) => score[b]! - score[a]!)
      const sorted = order.flatMap((j) => centre(boxes!.data.slice((i * k + j) * 4, (i * k + j + 1) * 4)))
      const text = `from nda.detection import unsuppressed\ngraph g(boxes: f32[1, ${k}, 4], class: i32[1, ${k}]) = { kept: unsuppressed(boxes, class, most=${most!.data[0]!}) }`
      const kept = computed(text, { boxes: sorted, class: order.map(() => c) }).get("kept")!
      for (const j of order.filter((_, place) => kept[place] === 1).slice(0, limit!.data[0]!)) found.push(i, c, j)
    }
    expect(found).toEqual(selected!.data)
  })
})

test("top_k of many columns is that of the whole, equal values by lower place", () => {
  const x = Array.from({ length: 2 * 1024 }, (_, i) => (i * 37) % 711)
  const got = computed("graph g(x: f32[2, 1024]) = { best: top_k(x, 5) }", { x })
  for (const row of [0, 1]) {
    const own = x.slice(row * 1024, row * 1024 + 1024)
    const order = own.map((_, j) => j).sort((a, b) => own[b]! - own[a]! || a - b).slice(0, 5)
    expect(got.get("best.places")!.slice(row * 5, row * 5 + 5)).toEqual(order)
    expect(got.get("best.values")!.slice(row * 5, row * 5 + 5)).toEqual(order.map((j) => own[j]))
  }
})

test("a box on whole cells gives the means of its cells, and one beyond the border what is on it", () => {
  const x = Array.from({ length: 36 }, (_, i) => i)
  const text = "from nda.nn import roi_align\ngraph g(x: f32[1, 1, 6, 6], boxes: f32[1, 3, 4]) = { y: roi_align(x, boxes, 2, 4) }"
  // Boxes in pixels, cells of 4: rows 1 to 4 and columns 0 to 3; one cell; two cells beyond the right border.
  const y = computed(text, { x, boxes: [8, 12, 16, 16, 10, 10, 4, 4, 36, 12, 8, 16] }).get("y")!
  const mean = (r: number, c: number): number => (x[r * 6 + c]! + x[r * 6 + c + 1]! + x[(r + 1) * 6 + c]! + x[(r + 1) * 6 + c + 1]!) / 4
  near(y.slice(0, 4), [mean(1, 0), mean(1, 2), mean(3, 0), mean(3, 2)])
  near(y.slice(4, 8), [x[14]! - 0.25 - 1.5, x[14]! + 0.25 - 1.5, x[14]! - 0.25 + 1.5, x[14]! + 0.25 + 1.5])
  near(y.slice(8, 12), [0, 0, 0, 0])
})
