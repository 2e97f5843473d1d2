import { describe, expect, it } from "vitest"
import { evaluate } from "../../src/backend/reference/evaluate.ts"
import { ndarray } from "../../src/backend/reference/ndarray.ts"
import { graphBuilder, type Builder } from "../../src/ir/build.ts"
import type { Graph, Node } from "../../src/ir/graph.ts"
import type { Plan } from "../../src/plan/plan.ts"
import { webgpuDefaults, type Profile } from "../../src/schedule/limits.ts"
import { graphOf } from "./chain-graph.ts"
import { loadPlan } from "./device.ts"
import { planned } from "./planned.ts"

const settings = { seed: 1, step: 0, repeat: 0 }
const noise = (count: number, k: number): Float32Array => Float32Array.from({ length: count }, (_, i) => (Math.abs(Math.sin((i + 1) * 12.9898 + k) * 43758.5453) % 1) - 0.5)
const sizeOf = (node: Node): number => node.shape.reduce((a, b) => a * b, 1)

/** Runs twice with equal bits; within `of(output)` of the evaluator. */
const checked = async (graph: Graph, of: (name: string) => number, profile: Profile): Promise<Plan> => {
  const plan = planned(graph, webgpuDefaults, profile)
  const feeds = graph.inputs.map((x, k) => [x, noise(sizeOf(x.node), k)] as const)
  const expected = evaluate(graph.outputs.map((o) => o.node), new Map(feeds.map(([x, a]) => [x.node, ndarray("f32", x.node.shape, Float64Array.from(a))])), settings)
  const loaded = await loadPlan(plan, Object.fromEntries(feeds.map(([x, a]) => [x.name, a])), settings)
  await loaded.run()
  const before = await Promise.all(graph.outputs.map((o) => loaded.read(o.name)))
  await loaded.run()
  for (const [i, o] of graph.outputs.entries()) {
    const got = await loaded.read(o.name)
    expect(got).toEqual(before[i])
    const worst = expected[i]!.data.reduce((w, v, e) => Math.max(w, Math.abs(got[e]! - v)), 0)
    expect(worst, o.name).toBeLessThanOrEqual(of(o.name))
  }
  loaded.destroy()
  return plan
}

/** RULINGS 25: n terms of at most `magnitude`, `run` of them one after the other. */
const bound = (n: number, run: number, magnitude: number): number => (2 + run + Math.log2(n / run)) * 2 ** -24 * n * magnitude

const spread = (b: Builder, x: Node, shape: readonly number[]): Node => b.apply("broadcast", [x], { shape, map: x.shape.length === 0 ? [] : [1] })

for (const profile of ["cpu", "gpu"] as const) describe(`long reductions, ${profile} profile`, () => {
  it("of everything to one number go in two levels", async () => {
    const b = graphBuilder()
    const x = b.input("x", "f32", [96, 1001])
    const y = b.input("y", "f32", [70000])
    const plan = await checked(graphOf([x, y], { s: b.apply("sum", [b.mul(x, x)], { axes: [0, 1] }), m: b.apply("max_reduce", [y], { axes: [0] }) }), (name) => (name === "m" ? 0 : bound(96096, 1001, 0.25)), profile)
    expect(plan.commands.length).toBeLessThanOrEqual(4)
    const widest = Math.max(...plan.commands.map((c) => (c.op === "dispatch" ? c.groups[0] : 0)))
    expect(widest).toBeGreaterThanOrEqual(96)
  })
  it("batch normalisation forward and backward is four dispatches", async () => {
    const b = graphBuilder()
    const shape = [8, 8, 32, 32]
    const n = 8 * 32 * 32
    const [x, gain, bias, dy] = [b.input("x", "f32", shape), b.input("gain", "f32", [8]), b.input("bias", "f32", [8]), b.input("dy", "f32", shape)]
    const each = (v: number, like: Node): Node => b.apply("broadcast", [b.scalar(v)], { shape: like.shape, map: [] })
    const total = (v: Node): Node => b.apply("sum", [v], { axes: [0, 2, 3] })
    const mean = b.mul(total(x), each(1 / n, gain))
    const variance = b.sub(b.mul(total(b.mul(x, x)), each(1 / n, gain)), b.mul(mean, mean))
    const scale = b.apply("rsqrt", [b.add(variance, each(1e-5, gain))])
    const normal = b.mul(b.sub(x, spread(b, mean, shape)), spread(b, scale, shape))
    const y = b.apply("max", [b.add(b.mul(normal, spread(b, gain, shape)), spread(b, bias, shape)), b.zeros(shape)])
    const dz = b.apply("select", [b.apply("gt", [y, b.zeros(shape)]), dy, b.zeros(shape)])
    const [dbias, dgain] = [total(dz), total(b.mul(dz, normal))]
    const dx = b.mul(spread(b, b.mul(gain, scale), shape), b.sub(dz, spread(b, b.mul(each(1 / n, gain), dbias), shape)))
    const dx2 = b.sub(dx, b.mul(spread(b, b.mul(b.mul(gain, scale), b.mul(each(1 / n, gain), dgain)), shape), normal))
    const plan = await checked(graphOf([x, gain, bias, dy], { y, dx: dx2, dgain, dbias }), (name) => (name === "y" || name === "dx" ? 2e-5 : bound(n, n / 64 + 64, 1)), profile)
    expect(plan.commands).toHaveLength(4)
    // sums and values alike take four neighbours at a load
    for (const k of plan.kernels) expect(k.wgsl).toMatch(/bitcast<vec4<f32>>\(b\d\[/)
  })
})
