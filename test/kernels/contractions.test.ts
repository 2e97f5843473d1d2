import { describe, expect, it } from "vitest"
import { evaluate } from "../../src/backend/reference/evaluate.ts"
import { ndarray } from "../../src/backend/reference/ndarray.ts"
import { graphBuilder, type Builder } from "../../src/ir/build.ts"
import type { Graph, Node } from "../../src/ir/graph.ts"
import type { Plan } from "../../src/plan/plan.ts"
import { adjoint, type ContractAttrs } from "../../src/prim/contraction.ts"
import { convolution, convolutionTransposed, type Convolution } from "../../src/prim/convolution.ts"
import { einsum } from "../../src/prim/einsum.ts"
import { webgpuDefaults, type Profile } from "../../src/schedule/limits.ts"
import { graphOf } from "./chain-graph.ts"
import { loadPlan, messagesOf } from "./device.ts"
import { planned } from "./planned.ts"

const settings = { seed: 1, step: 0, repeat: 0 }
const noise = (count: number, k: number): Float32Array => Float32Array.from({ length: count }, (_, i) => (Math.abs(Math.sin((i + 1) * 12.9898 + k) * 43758.5453) % 1) - 0.5)
const sizeOf = (node: Node): number => node.shape.reduce((a, b) => a * b, 1)

/** RULINGS 25 with one sequential run: factors are at most 1/2, so terms are at most `magnitude` each. */
const bound = (terms: number, magnitude = 0.25): number => (2 + terms) * 2 ** -24 * terms * magnitude

/** Runs twice with equal bits, equal to the evaluator within the bound. */
const checked = async (graph: Graph, within: number, profile: Profile): Promise<Plan> => {
  const plan = planned(graph, webgpuDefaults, profile)
  expect(await messagesOf(plan)).toEqual([])
  const feeds = graph.inputs.map((x, k) => [x, noise(sizeOf(x.node), k)] as const)
  const expected = evaluate(graph.outputs.map((o) => o.node), new Map(feeds.map(([x, a]) => [x.node, ndarray("f32", x.node.shape, Float64Array.from(a))])), settings)
  const loaded = await loadPlan(plan, Object.fromEntries(feeds.map(([x, a]) => [x.name, a])), settings)
  await loaded.run()
  const before = await Promise.all(graph.outputs.map((o) => loaded.read(o.name)))
  await loaded.run()
  for (const [i, o] of graph.outputs.entries()) {
    const got = await loaded.read(o.name)
    expect(got).toEqual(before[i])
    let [worst, at] = [0, 0]
    expected[i]!.data.forEach((v, e) => { if (!(Math.abs(got[e]! - v) <= worst)) [worst, at] = [Math.abs(got[e]! - v), e] })
    expect(worst, `${o.name}[${at}] of [${o.node.shape}]: ${got[at]} for ${expected[i]!.data[at]}`).toBeLessThanOrEqual(within)
  }
  loaded.destroy()
  return plan
}

const same = (rank: number, more: Partial<Convolution> = {}): Convolution => ({ stride: Array(rank).fill(1), pad: Array(rank).fill([1, 1]), dilation: Array(rank).fill(1), groups: 1, ...more })

/** A contraction and both its gradients for a cotangent. */
const withAdjoints = (b: Builder, y: Node): Graph => {
  let core = y
  while (core.prim !== "contract") core = core.inputs[0]!
  const [left, right] = core.inputs as [Node, Node]
  const g = b.input("g", "f32", core.shape)
  const attrs = core.attrs as ContractAttrs
  const inputs = [...new Set([left, right].map((n) => { let x = n; while (x.prim !== "input") x = x.inputs[0]!; return x })), g]
  return graphOf(inputs, {
    y,
    left: b.apply("contract", [g, right], adjoint(attrs, attrs.left, attrs.right, right.shape, left.shape)),
    right: b.apply("contract", [g, left], adjoint(attrs, attrs.right, attrs.left, left.shape, right.shape))
  })
}

const convolutions: readonly [string, readonly number[], readonly number[], Convolution, number][] = [
  ["3x3", [2, 3, 17, 17], [5, 3, 3, 3], same(2), 578], ["3x3 on rows of 64", [1, 4, 8, 64], [8, 4, 3, 3], same(2), 512],
  ["1x1", [3, 17, 4, 4], [9, 17, 1, 1], same(2, { pad: [[0, 0], [0, 0]] }), 48], ["4x4, stride 2", [2, 3, 16, 16], [8, 3, 4, 4], same(2, { stride: [2, 2] }), 128],
  ["3x3, dilation 2, stride 3, unequal padding", [1, 2, 19, 11], [3, 2, 3, 3], same(2, { stride: [3, 2], dilation: [2, 2], pad: [[2, 1], [0, 3]] }), 60],
  ["two groups", [2, 6, 9, 8], [4, 3, 3, 3], same(2, { groups: 2 }), 144], ["one channel a group", [2, 16, 8, 8], [16, 1, 3, 3], same(2, { groups: 16 }), 128],
  ["of rank 1", [3, 2, 33], [17, 2, 5], same(1), 99], ["of rank 3", [1, 2, 5, 6, 7], [3, 2, 3, 3, 3], same(3, { stride: [1, 2, 1] }), 210]
]

for (const profile of ["cpu", "gpu"] as const) describe(`contractions, ${profile} profile`, () => {
  it.each([["ij,jk->ik", [64, 64], [64, 64]], ["ij,jk->ik", [17, 33], [33, 3]], ["ij,kj->ik", [64, 17], [65, 17]], ["ji,jk->ik", [8, 32], [8, 64]], ["bqd,bkd->bqk", [3, 17, 16], [3, 64, 16]], ["bhqk,bhkd->bhqd", [2, 2, 8, 17], [2, 2, 17, 4]], ["ij,j->i", [33, 64], [64]]])("einsum %s of %j and %j", async (pattern, a, c) => {
    const b = graphBuilder()
    await checked(withAdjoints(b, einsum(b, pattern as string, [b.input("x", "f32", a as number[]), b.input("w", "f32", c as number[])])), bound(65), profile)
  })
  it.each(convolutions)("convolution %s and its adjoints", async (_name, x, w, options, terms) => {
    const b = graphBuilder()
    await checked(withAdjoints(b, convolution(b, b.input("x", "f32", x), b.input("w", "f32", w), options)), bound(terms), profile)
  })
  it.each([["stride 2", [2, 3, 8, 8], [3, 5, 4, 4], same(2, { stride: [2, 2] }), [0, 0]], ["stride 3, dilation 2", [1, 2, 5, 6], [2, 3, 3, 3], same(2, { stride: [3, 3], dilation: [2, 2] }), [1, 0]]] as const)("transposed convolution, %s, and its adjoints", async (_name, x, w, options, outputPad) => {
    const b = graphBuilder()
    await checked(withAdjoints(b, convolutionTransposed(b, b.input("x", "f32", x), b.input("w", "f32", w), options, outputPad)), bound(256), profile)
  })
  it("computes what comes before in its loads and what follows at its stores, in one dispatch", async () => {
    const b = graphBuilder()
    const x = b.input("x", "f32", [4, 6, 12, 12])
    const w = b.input("w", "f32", [10, 6, 3, 3])
    const [bias, rest] = [b.input("bias", "f32", [10]), b.input("rest", "f32", [4, 10, 12, 12])]
    const positive = (n: Node): Node => b.apply("max", [n, b.zeros(n.shape)])
    const y = b.add(convolution(b, positive(x), w, same(2)), b.apply("broadcast", [bias], { shape: rest.shape, map: [1] }))
    const plan = await checked(graphOf([x, w, bias, rest], { before: y, after: b.add(positive(y), rest) }), bound(54), profile)
    expect(plan.commands).toHaveLength(1)
    expect(plan.kernels[0]!.bindings.filter((k) => k === "write")).toHaveLength(2)
  })
  it("adds a residual of another contraction, which shares a dispatch with an independent one", async () => {
    const b = graphBuilder()
    const x = b.input("x", "f32", [2, 4, 16, 16])
    const [w1, w2, w3] = [b.input("w1", "f32", [8, 4, 3, 3]), b.input("w2", "f32", [8, 8, 3, 3]), b.input("w3", "f32", [8, 4, 1, 1])]
    const h = b.apply("max", [convolution(b, x, w1, same(2)), b.zeros([2, 8, 16, 16])])
    const plan = await checked(graphOf([x, w1, w2, w3], { y: b.add(convolution(b, h, w2, same(2)), convolution(b, x, w3, same(2, { pad: [[0, 0], [0, 0]] }))) }), 1e-4, profile)
    expect(plan.commands).toHaveLength(2)
  })
})
