import { describe, expect, test } from "vitest"
import { ndarray } from "../../src/backend/reference/ndarray.ts"
import type { NdArray } from "../../src/backend/reference/ndarray.ts"
import { graphBuilder } from "../../src/ir/build.ts"
import type { Node } from "../../src/ir/graph.ts"
import { convolution, convolutionTransposed, problemOfConvolution } from "../../src/prim/convolution.ts"
import type { Convolution } from "../../src/prim/convolution.ts"
import { einsum, einsumAttrs } from "../../src/prim/einsum.ts"
import { elementCount } from "../../src/prim/shape.ts"
import { gradientsOf } from "./reverse.ts"
import { spread, valueOf } from "./sampled.ts"

const fedInputs = (builder: ReturnType<typeof graphBuilder>, shapes: readonly (readonly number[])[]): { nodes: Node[]; feeds: Map<Node, NdArray>; data: Float64Array[] } => {
  const data = shapes.map((shape, i) => Float64Array.from(spread(elementCount(shape), i + 2), (u) => Math.fround(4 * u - 2)))
  const nodes = shapes.map((shape, i) => builder.input(`x${i}`, "f32", shape))
  return { nodes, feeds: new Map(nodes.map((x, i) => [x, ndarray("f32", shapes[i]!, data[i]!)])), data }
}

const expectClose = (got: Float64Array, expected: ArrayLike<number>): void => {
  expect(got.length).toBe(expected.length)
  got.forEach((x, i) => expect(Math.abs(x - expected[i]!)).toBeLessThan(1e-12 * Math.max(1, Math.abs(expected[i]!))))
}

/** Every index of a shape, in row-major order. */
const indices = (shape: readonly number[]): number[][] => shape.reduce<number[][]>((list, extent) => list.flatMap((head) => Array.from({ length: extent }, (_, i) => [...head, i])), [[]])
const flat = (index: readonly number[], shape: readonly number[]): number => index.reduce((place, i, d) => place * shape[d]! + i, 0)

describe("einsum", () => {
  test.each([
    ["ij,jk->ik", [[3, 4], [4, 2]]], ["nd,nmd->nm", [[2, 3], [2, 4, 3]]], ["bij,bkj->bik", [[2, 3, 4], [2, 2, 4]]],
    ["i,j->ji", [[3], [2]]], ["ii,i->", [[3, 3], [3]]], ["ijk->ki", [[2, 3, 4]]], ["ij,kl->il", [[2, 3], [2, 2]]],
  ] as [string, number[][]][])("%s is the sum over its letters", (pattern, shapes) => {
    const builder = graphBuilder()
    const { nodes, feeds, data } = fedInputs(builder, shapes)
    const [from, to] = pattern.split("->") as [string, string]
    const names = from.split(",")
    const extents = new Map(names.flatMap((letters, i) => [...letters].map((letter, d) => [letter, shapes[i]![d]!] as const)))
    const letters = [...extents.keys()]
    const outShape = [...to].map((letter) => extents.get(letter)!)
    const expected = new Float64Array(elementCount(outShape))
    for (const index of indices([...extents.values()])) {
      const place = (of: string): number[] => [...of].map((letter) => index[letters.indexOf(letter)]!)
      expected[flat(place(to), outShape)]! += names.reduce((product, of, i) => product * data[i]![flat(place(of), shapes[i]!)]!, 1)
    }
    expectClose(valueOf(einsum(builder, pattern, nodes), feeds), expected)
  })

  test("says what does not fit", () => {
    expect(einsumAttrs("ij,jk->ik", [[2, 3], [4, 5]])).toBe(`einsum's dimension "j" is 3 and 4`)
    expect(einsumAttrs("ij->ik", [[2, 3]])).toBe(`einsum's result has "k", which no operand has`)
    expect(einsumAttrs("ij", [[2, 3]])).toMatch(/operands->result/)
    expect(einsumAttrs("ij,j->i", [[2, 3]])).toMatch(/names 2 operands, but there is 1/)
    expect(einsumAttrs("i->ii", [[2]])).toMatch(/twice/)
  })
})

/** The textbook loops: every output, every tap that falls on the input. */
const directConvolution = (x: Float64Array, xs: readonly number[], w: Float64Array, ws: readonly number[], o: Convolution, out: readonly number[]): Float64Array => {
  const result = new Float64Array(elementCount(out))
  const [perGroupIn, perGroupOut] = [xs[1]! / o.groups, ws[0]! / o.groups]
  for (const [n, c, ...at] of indices(out)) for (const [ci, ...tap] of indices(ws.slice(1))) {
    const place = at.map((p, d) => p * o.stride[d]! + tap[d]! * o.dilation[d]! - o.pad[d]![0])
    if (place.some((p, d) => p < 0 || p >= xs[2 + d]!)) continue
    result[flat([n!, c!, ...at], out)]! += x[flat([n!, Math.floor(c! / perGroupOut) * perGroupIn + ci!, ...place], xs)]! * w[flat([c!, ci!, ...tap], ws)]!
  }
  return result
}

const cases: readonly [string, number[], number[], Convolution][] = [
  ["rank 1", [2, 3, 9], [4, 3, 3], { stride: [1], pad: [[1, 1]], dilation: [1], groups: 1 }],
  ["rank 2, stride 2, padding 1", [2, 3, 8, 7], [4, 3, 3, 3], { stride: [2, 2], pad: [[1, 1], [1, 1]], dilation: [1, 1], groups: 1 }],
  ["rank 2, uneven stride, dilation and padding", [1, 2, 9, 8], [2, 2, 3, 2], { stride: [3, 2], pad: [[2, 0], [1, 3]], dilation: [2, 3], groups: 1 }],
  ["groups", [2, 6, 5, 5], [4, 3, 3, 3], { stride: [2, 1], pad: [[1, 1], [0, 1]], dilation: [1, 2], groups: 2 }],
  ["depthwise", [2, 3, 5, 4], [6, 1, 2, 2], { stride: [1, 1], pad: [[0, 0], [1, 0]], dilation: [1, 1], groups: 3 }],
  ["rank 3", [1, 2, 4, 3, 5], [3, 2, 2, 2, 3], { stride: [2, 1, 2], pad: [[1, 0], [0, 0], [1, 1]], dilation: [1, 1, 1], groups: 1 }],
  ["a stride that leaves inputs unread", [1, 1, 8], [1, 1, 1], { stride: [3], pad: [[0, 0]], dilation: [1], groups: 1 }],
]

describe.each(cases)("convolution: %s", (_name, xs, ws, options) => {
  const builder = graphBuilder()
  const { nodes, feeds, data } = fedInputs(builder, [xs, ws])
  const [x, w] = nodes as [Node, Node]
  const y = convolution(builder, x, w, options)

  test("is the sum over its taps", () => {
    expect(problemOfConvolution(xs, ws, options, false)).toBeUndefined()
    expectClose(valueOf(y, feeds), directConvolution(data[0]!, xs, data[1]!, ws, options, y.shape))
  })

  test("has adjoints: <g, conv(x, w)> = <gradient in x, x> = <gradient in w, w>, each one contraction", () => {
    const g = builder.constant(spread(elementCount(y.shape), 9), "f32", y.shape)
    const all = y.shape.map((_, d) => d)
    const root = builder.apply("sum", [builder.mul(y, g)], { axes: all })
    const before = builder.nodes().length
    const [dx, dw] = gradientsOf(builder, root, [x, w]) as [Node, Node]
    const contractions = builder.nodes().slice(before).filter((node) => node.prim === "contract")
    expect(contractions.length).toBe(2)
    const product = valueOf(root, feeds)[0]!
    const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, v, i) => sum + v * b[i]!, 0)
    expect(dot(valueOf(dx, feeds), data[0]!)).toBeCloseTo(product, 9)
    expect(dot(valueOf(dw, feeds), data[1]!)).toBeCloseTo(product, 9)
    // No adjoint loops over more than the taps (for x) or the results (for w).
    const work = (node: Node): number => elementCount((node.attrs as { over: number[] }).over)
    const [forInput, forWeight] = [dx, dw].map((node) => contractions.find((c) => c === node || c === node.inputs[0])!) as [Node, Node]
    expect(work(forInput)).toBeLessThanOrEqual((ws[0]! / options.groups) * elementCount(ws.slice(2)))
    expect(work(forWeight)).toBe(xs[0]! * elementCount(y.shape.slice(2)))
  })

  test("has the transposed convolution as its gradient in the input", () => {
    const g = builder.constant(spread(elementCount(y.shape), 9), "f32", y.shape)
    const [dx] = gradientsOf(builder, builder.apply("sum", [builder.mul(y, g)], { axes: y.shape.map((_, d) => d) }), [x]) as [Node]
    const outputPad = xs.slice(2).map((extent, d) => extent - ((y.shape[2 + d]! - 1) * options.stride[d]! - options.pad[d]![0] - options.pad[d]![1] + options.dilation[d]! * (ws[2 + d]! - 1) + 1))
    const transposed = convolutionTransposed(builder, g, w, options, outputPad)
    expect(transposed.shape).toEqual(xs)
    expectClose(valueOf(transposed, feeds), valueOf(dx, feeds))
  })
})

test("a convolution that does not fit says why", () => {
  const one: Convolution = { stride: [1], pad: [[0, 0]], dilation: [1], groups: 1 }
  expect(problemOfConvolution([1, 3, 8], [4, 2, 3], one, false)).toMatch(/differ in channels: 3 and 2/)
  expect(problemOfConvolution([1, 2, 2], [4, 2, 3], one, false)).toMatch(/does not fit/)
  expect(problemOfConvolution([1, 4, 8], [3, 2, 3], { ...one, groups: 2 }, false)).toMatch(/3 channels do not divide into 2 groups/)
})
