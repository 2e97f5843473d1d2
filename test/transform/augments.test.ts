/** Augmentations are differentiable in the colours: compiled nda programs, against central differences in f64. */
import { describe, expect, test } from "vitest"
import { ndarray } from "../../src/backend/reference/ndarray.ts"
import { graphBuilder } from "../../src/ir/build.ts"
import type { Node } from "../../src/ir/graph.ts"
import { topological } from "../../src/ir/walk.ts"
import { elementCount } from "../../src/prim/shape.ts"
import { gradients } from "../../src/transform/autodiff.ts"
import { compiled, textOf } from "../laws/program.ts"
import { added, checked, sumOfSquares, weighted, type Feeds } from "./numerical.ts"
import { spread } from "../prim/sampled.ts"

/** The graph of stages on a small picture in a builder of its own, with values for its inputs. */
const opened = (stages: string, side = 8): { builder: ReturnType<typeof graphBuilder>; x: Node; y: Node; feeds: Feeds } => {
  const { graph } = compiled(textOf(stages, { n: 2, c: 3, h: side, w: side }))
  const builder = graphBuilder()
  const made = new Map<Node, Node>()
  for (const node of topological(graph.outputs.map((o) => o.node))) made.set(node, builder.at(node.origin).apply(node.prim, node.inputs.map((i) => made.get(i)!), node.attrs as object))
  const feeds: Feeds = new Map()
  for (const { name, node } of graph.inputs) {
    const now = made.get(node)!
    feeds.set(now, ndarray(now.dtype, now.shape, name === "x" ? spread(elementCount(now.shape), 3).map((u) => Math.fround(0.2 + 0.6 * u)) : now.shape.length === 0 ? [0] : Array.from({ length: elementCount(now.shape) }, (_, i) => i)))
  }
  return { builder, x: made.get(graph.inputs.find((i) => i.name === "x")!.node)!, y: made.get(graph.outputs[0]!.node)!, feeds }
}

describe("stages that move or mix colours", () => {
  test.each([
    "hflip()", "jigsaw(2)", "random_crop(8, 8, pad=2)", "translate(2)", "diff_translation()", "diff_cutout()", "grayscale()", "diff_augment()", "stitch()",
    "cutmix()", "mixup()", "resize(4, 4)", "invert()", "color_jitter(hue=0.0)",
  ])("%s is differentiated without a scatter", (stages) => {
    const { builder, x, y, feeds } = opened(stages)
    const loss = builder.add(sumOfSquares(builder, y), weighted(builder, y))
    const found = checked({ builder, feeds }, loss, [x], 40, "reference")
    expect(added(loss, found).some((node) => node.prim === "scatter_add")).toBe(false)
  })

  test.each(["rotate(20)", "resized_crop(12)", "patch_rotate(2)"])("%s scatters, once, to where it read", (stages) => {
    const { builder, x, y, feeds } = opened(stages, 12)
    const loss = weighted(builder, builder.mul(y, y))
    const found = checked({ builder, feeds }, loss, [x], 40, "reference")
    expect(added(loss, found).filter((node) => node.prim === "scatter_add").length).toBe(1)
  })

  test("a critic's penalty through a differentiable augmentation is differentiable again", () => {
    const { builder, x, y, feeds } = opened("diff_augment() |> hflip()")
    const [dx] = gradients(builder, sumOfSquares(builder, builder.apply("tanh", [y])), [x]).values
    checked({ builder, feeds }, weighted(builder, builder.mul(dx!, dx!)), [x], 12, "reference")
  })

  test("nothing is made that the gradient does not need: draws and their parameters are left alone", () => {
    const { builder, x, y } = opened("diff_color()")
    const before = builder.nodes().length
    const loss = sumOfSquares(builder, y)
    const { values: [dx] } = gradients(builder, loss, [x])
    const used = new Set([...topological([loss, dx!])])
    const dead = builder.nodes().slice(before).filter((node) => !used.has(node) && ["tabulate", "scatter_add", "sum", "contract"].includes(node.prim))
    expect(dead.map((node) => node.prim)).toEqual([])
  })
})
