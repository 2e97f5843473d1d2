/** Transposed convolutions and the gradients of strided ones take no turn that cannot count, and give the sums that their plain nests give. */
import { describe, expect, it } from "vitest"
import { evaluate } from "../../src/backend/reference/evaluate.ts"
import { ndarray } from "../../src/backend/reference/ndarray.ts"
import { graphBuilder } from "../../src/ir/build.ts"
import { adjoint, type ContractAttrs } from "../../src/prim/contraction.ts"
import { convAttrs, convTransposedAttrs, type Convolution } from "../../src/prim/convolution.ts"
import { dense } from "../../src/schedule/split-phases.ts"

type Shape = readonly number[]
const conv = (rank: number, stride: number, pad: number): Convolution => ({ stride: Array.from({ length: rank }, () => stride), pad: Array.from({ length: rank }, () => [pad, pad]), dilation: Array.from({ length: rank }, () => 1), groups: 1 })
const product = (xs: readonly number[]): number => xs.reduce((a, b) => a * b, 1)
const turns = ({ out, over }: ContractAttrs): number => product([...out, ...over])
const noise = (shape: Shape, k: number): Float64Array => Float64Array.from({ length: product(shape) }, (_, i) => (Math.abs(Math.sin((i + 1) * 12.9898 + k) * 43758.5453) % 1) - 0.5)

const sums = (attrs: ContractAttrs, shapes: readonly [Shape, Shape]): readonly number[] => {
  const b = graphBuilder()
  const inputs = shapes.map((shape, i) => b.input(`x${i}`, "f32", shape))
  return [...evaluate([b.apply("contract", inputs, attrs)], new Map(inputs.map((x, i) => [x, ndarray("f32", x.shape, noise(x.shape, i))])), { seed: 0, step: 0, repeat: 0 })[0]!.data]
}

/** Of a convolution of `x` by `w` with stride 2: the gradient with respect to its input, which sums over its output. */
const inputGradient = (x: Shape, w: Shape, options: Convolution): readonly [ContractAttrs, readonly [Shape, Shape]] => {
  const attrs = convAttrs(x, w, options)
  return [adjoint(attrs, attrs.left, attrs.right, w, x), [attrs.out, w]]
}
/** Of a transposed convolution: the gradient with respect to its weight. */
const weightGradient = (x: Shape, w: Shape, options: Convolution): readonly [ContractAttrs, readonly [Shape, Shape]] => {
  const attrs = convTransposedAttrs(x, w, options, options.stride.map(() => 0))
  return [adjoint(attrs, attrs.right, attrs.left, x, w), [attrs.out, x]]
}
const transposed = (x: Shape, w: Shape, options: Convolution): readonly [ContractAttrs, readonly [Shape, Shape]] => [convTransposedAttrs(x, w, options, options.stride.map(() => 0)), [x, w]]

/** Name, nest, and its turns when none is in vain: outputs, channels that are summed, and taps of one phase. */
const nests: readonly (readonly [string, readonly [ContractAttrs, readonly [Shape, Shape]], number])[] = [
  ["a transposed convolution 4 x 4, stride 2, padding 1", transposed([2, 3, 4, 4], [3, 5, 4, 4], conv(2, 2, 1)), 2 * 5 * 64 * 3 * 4],
  ["one 2 x 2, stride 2", transposed([2, 3, 4, 4], [3, 5, 2, 2], conv(2, 2, 0)), 2 * 5 * 64 * 3],
  ["one of rank 1, 6, stride 3, no padding", transposed([2, 3, 5], [3, 4, 6], conv(1, 3, 0)), 2 * 4 * 18 * 3 * 2],
  ["its weight's gradient, 4 x 4, stride 2", weightGradient([2, 3, 4, 4], [3, 5, 4, 4], conv(2, 2, 1)), 3 * 5 * 16 * 2 * 16],
  ["the input's gradient of 4 x 4, stride 2", inputGradient([2, 3, 8, 8], [5, 3, 4, 4], conv(2, 2, 1)), 2 * 3 * 64 * 5 * 4],
  // Phases of one tap and of two: the shorter ones wait for the longer.
  ["the input's gradient of 3 x 3, stride 2", inputGradient([2, 3, 8, 8], [5, 3, 3, 3], conv(2, 2, 1)), 2 * 3 * 64 * 5 * 4],
  ["the input's gradient of 1 x 1, stride 2", inputGradient([2, 3, 8, 8], [5, 3, 1, 1], conv(2, 2, 0)), 2 * 3 * 64 * 5],
]

describe("a nest with phases", () => {
  it.each(nests)("%s", (_, [attrs, shapes], least) => {
    const made = dense(attrs, shapes)
    expect([...made.left, ...made.right, ...(made.guards ?? [])].map((a) => a.divide)).not.toContainEqual(2)
    expect(turns(made)).toBe(least)
    expect(turns(made)).toBeLessThanOrEqual(turns(attrs))
    expect(made.shape).toEqual(attrs.out)
    expect(dense(made, shapes)).toBe(made)
    const [before, after] = [sums(attrs, shapes), sums(made, shapes)]
    // Up to the order of at most 200 terms of at most 1/4.
    after.forEach((x, i) => expect(Math.abs(x - before[i]!)).toBeLessThanOrEqual(200 * 50 * 2 ** -53))
  })
  it("a nest without them stays what it is", () => {
    const attrs = convAttrs([2, 3, 8, 8], [5, 3, 3, 3], conv(2, 2, 1))
    expect(dense(attrs, [[2, 3, 8, 8], [5, 3, 3, 3]])).toBe(attrs)
    const odd = transposed([2, 3, 4], [3, 5, 3], conv(1, 3, 1))
    expect(dense(...odd)).toBe(odd[0])
  })
})
