/** Gradients in f32 on the adapter of this machine, against the evaluator in f64. */
import { afterAll, describe, expect, test } from "vitest"
import type { Graph, Node } from "../../src/ir/graph.ts"
import { topological } from "../../src/ir/walk.ts"
import { einsum } from "../../src/prim/einsum.ts"
import { add, i32, max, min, mul, read, reduce, sub, variable } from "../../src/scalar/scalar.ts"
import { gradients } from "../../src/transform/autodiff.ts"
import { webgpuDefaults } from "../../src/schedule/limits.ts"
import { simplifyGraph } from "../../src/transform/simplify.ts"
import { open, type OpenedPlan } from "../../src/runtime.ts"
import { planned } from "../kernels/planned.ts"
import { batchNorm, conv, logSumExp, mean, normalised, relu, softmax } from "./networks.ts"
import { bench, filled, settings, sumAll, sumOfSquares, valuesOf, weighted, type Bench } from "./numerical.ts"

const opened: OpenedPlan[] = []
afterAll(async () => { for (const plan of opened) await plan.close() })

/** More buffers than WebGPU promises: gradients read what the loss computed, and every adapter of today binds these. */
const limits = { ...webgpuDefaults, maxStorageBuffersPerShaderStage: 16 }

/**
 * Runs the gradients on the adapter. It rounds the same operations as the evaluator's f32 arithmetic does, only in another
 * order; so it may be off the exact value by a small multiple of what that arithmetic is, and of a unit in the last place.
 */
const compared = async ({ builder, feeds }: Bench, loss: Node, wrt: readonly Node[]): Promise<void> => {
  const found = gradients(builder, loss, wrt).values.map((v) => v!)
  const inputs = topological([loss, ...found]).filter((node) => node.prim === "input")
  const nameOf = (node: Node): string => (node.attrs as { name: string }).name
  const graph: Graph = {
    entry: "gradients", sources: [], rasters: [], inputs: inputs.map((node) => ({ name: nameOf(node), node, source: undefined })),
    outputs: [loss, ...found].map((node, i) => ({ name: `out${i}`, node, picture: undefined, population: undefined })),
  }
  const plan = await open(planned(simplifyGraph(graph), limits))
  opened.push(plan)
  const got = await plan.graph(Object.fromEntries(inputs.map((node) => [nameOf(node), Float32Array.from(feeds.get(node)!.data)])), settings)
  const [exact, rounded] = [valuesOf([loss, ...found], feeds), valuesOf([loss, ...found], feeds, "f32")]
  exact.forEach((want, i) => {
    const largest = want.reduce((m, v) => Math.max(m, Math.abs(v)), 0)
    const rounding = want.reduce((m, v, e) => Math.max(m, Math.abs(v - rounded[i]![e]!)), 0)
    const worst = want.reduce((m, v, e) => Math.max(m, Math.abs(v - got[`out${i}`]![e]!)), 0)
    expect(largest).toBeGreaterThan(0)
    expect(worst, `output ${i}: off by ${worst}, f32 rounding is ${rounding}, values up to ${largest}`).toBeLessThanOrEqual(8 * (rounding + 2 ** -23 * largest))
  })
}

describe("on the adapter", () => {
  test("a convolutional critic with batch norm", async () => {
    const t = bench()
    const { builder: b } = t
    const [x, w1, g, s, w2] = [t.input("x", [2, 2, 6, 6]), t.input("w1", [3, 2, 3, 3]), t.input("g", [3], 0.5, 1.5), t.input("s", [3]), t.input("w2", [2, 3, 3, 3])]
    await compared(t, sumAll(b, b.apply("tanh", [conv(b, b.apply("softplus", [batchNorm(b, conv(b, x, w1, 2), g, s)]), w2)])), [x, w1, g, s, w2])
  })

  test("the gradient penalty of a convolutional critic", async () => {
    const t = bench()
    const { builder: b } = t
    const [x, w1, w2] = [t.input("x", [2, 3, 20, 20]), t.input("w1", [12, 3, 3, 3]), t.input("w2", [4, 12, 3, 3])]
    const scores = sumAll(b, b.apply("tanh", [conv(b, b.apply("softplus", [conv(b, x, w1)]), w2)]))
    const [dx] = gradients(b, scores, [x]).values
    await compared(t, b.add(scores, sumOfSquares(b, dx!)), [x, w1, w2])
  })

  test("attention under cross-entropy and contrastive scores", async () => {
    const t = bench()
    const { builder: b } = t
    const [x, wq, wv] = [t.input("x", [2, 5, 4]), t.input("wq", [3, 4]), t.input("wv", [4, 4])]
    const q = einsum(b, "ntd,kd->ntk", [x, wq])
    const mixed = einsum(b, "nqk,nkd->nqd", [softmax(b, einsum(b, "nqd,nkd->nqk", [q, q])), einsum(b, "ntd,kd->ntk", [x, wv])])
    const flat = normalised(b, b.apply("reshape", [relu(b, b.add(mixed, filled(b, 0.3, mixed.shape)))], { shape: [10, 4] }))
    await compared(t, mean(b, logSumExp(b, einsum(b, "nd,md->nm", [flat, flat])), [0]), [x, wq, wv])
  })

  test("overlapping windows, their largest, and a blur with clamped borders", async () => {
    const t = bench()
    const { builder: b } = t
    const x = t.input("x", [2, 3, 9, 9])
    const [n, c, y, q] = [variable("n", 2), variable("c", 3), variable("y", 5), variable("x", 5)]
    const [dy, dx] = [variable("a", 3), variable("b", 3)]
    const place = (v: typeof y, d: typeof dy) => max(i32(0), min(sub(add(mul(v, i32(2)), d), i32(1)), i32(8)))
    const window = read("f32", 0, [n, c, place(y, dy), place(q, dx)])
    for (const combine of ["max", "sum"] as const) {
      const pooled = b.apply("tabulate", [x], { vars: [n, c, y, q], body: [reduce(combine, [dy, dx], window)] })
      await compared(t, weighted(b, b.apply("tanh", [pooled])), [x])
    }
  })
})
