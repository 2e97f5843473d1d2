import { describe, expect, it } from "vitest"
import { evaluate } from "../../src/backend/reference/evaluate.ts"
import { ndarray } from "../../src/backend/reference/ndarray.ts"
import { graphBuilder, type Builder } from "../../src/ir/build.ts"
import type { Graph, Node } from "../../src/ir/graph.ts"
import type { Plan } from "../../src/plan/plan.ts"
import { graphOf } from "./chain-graph.ts"
import { loadPlan, messagesOf } from "./device.ts"
import { planned } from "./planned.ts"

const settings = { seed: 1, step: 0, repeat: 0 }
const noise = (count: number, k: number): Float32Array => Float32Array.from({ length: count }, (_, i) => (Math.abs(Math.sin((i + 1) * 12.9898 + k) * 43758.5453) % 1) - 0.5)
const sizeOf = (node: Node): number => node.shape.reduce((a, b) => a * b, 1)

/** Runs twice, equal to the evaluator both times. */
const checked = async (graph: Graph, within = 1e-5): Promise<Plan> => {
  const plan = planned(graph)
  expect(await messagesOf(plan)).toEqual([])
  const feeds = graph.inputs.map((x, k) => [x, noise(sizeOf(x.node), k)] as const)
  const expected = evaluate(graph.outputs.map((o) => o.node), new Map(feeds.map(([x, a]) => [x.node, ndarray("f32", x.node.shape, Float64Array.from(a))])), settings)
  const loaded = await loadPlan(plan, Object.fromEntries(feeds.map(([x, a]) => [x.name, a])), settings)
  // Slots that are advanced in place are others in the second turn.
  for (let turn = 0; turn < (plan.inputs.some((i) => i.slot !== undefined) ? 1 : 2); turn++) {
    await loaded.run()
    for (const [i, o] of graph.outputs.entries()) {
      const got = await loaded.read(o.name)
      expected[i]!.data.forEach((v, e) => expect(Math.abs(got[e]! - v), `${o.name}[${e}]: ${got[e]} for ${v}`).toBeLessThanOrEqual(within * Math.max(1, Math.abs(v))))
    }
  }
  loaded.destroy()
  return plan
}

const times = (b: Builder, x: Node, k: number): Node => b.mul(x, b.apply("broadcast", [b.scalar(k)], { shape: x.shape, map: [] }))
const adam = (b: Builder, p: Node, g: Node, m: Node, v: Node): { p: Node; m: Node; v: Node } => {
  const m1 = b.add(times(b, m, 0.9), times(b, g, 0.1))
  const v1 = b.add(times(b, v, 0.999), times(b, b.mul(g, g), 0.001))
  const eps = b.apply("broadcast", [b.scalar(1e-3)], { shape: p.shape, map: [] })
  return { p: b.sub(p, times(b, b.div(m1, b.add(b.apply("sqrt", [b.apply("abs", [v1])]), eps)), 0.01)), m: m1, v: v1 }
}

describe("arenas", () => {
  it("reads views in place, computes gradients into their arena, and updates every parameter in one dispatch", async () => {
    const b = graphBuilder()
    const [p, m, v] = ["slot:p", "slot:m", "slot:v"].map((name) => b.input(name, "f32", [256]))
    const x = b.input("x", "f32", [8, 3])
    const w = b.apply("view", [p!], { offset: 0, shape: [3, 10] })
    const bias = b.apply("view", [p!], { offset: 64, shape: [10] })
    const logits = b.add(b.apply("contract", [x, w], { out: [8, 10], over: [3], left: [0, 2].map(loop), right: [2, 1].map(loop) }), b.apply("broadcast", [bias], { shape: [8, 10], map: [1] }))
    const gw = b.apply("contract", [x, logits], { out: [3, 10], over: [8], left: [2, 0].map(loop), right: [2, 1].map(loop) })
    const gb = b.apply("sum", [logits], { axes: [0] })
    const g = b.apply("pack", [gw, gb], { offsets: [0, 64], total: 256 })
    const next = adam(b, p!, g, m!, v!)
    const plan = await checked(graphOf([p!, m!, v!, x], { logits, "next:p": next.p, "next:m": next.m, "next:v": next.v }), 1e-5)
    const last = plan.commands[plan.commands.length - 1]!
    expect(plan.commands.map((c) => c.op)).toEqual(["dispatch", "dispatch", "dispatch", "dispatch"])
    expect(last.op === "dispatch" && plan.kernels[last.kernel]!.bindings.filter((k) => k === "write")).toHaveLength(3)
    expect(plan.inputs.map((i) => i.slot)).toEqual(["p", "m", "v", undefined])
    expect(plan.outputs.map((o) => o.slot)).toEqual([undefined, "p", "m", "v"])
    const arena = plan.buffers.find((k) => k.role === "temporary" && k.bytes === 1024)!
    expect(plan.commands.flatMap((c) => (c.op === "dispatch" ? c.buffers.filter((k) => k.buffer === arena.id).map((k) => [k.offset, k.bytes]) : [])).sort()).toEqual([[0, 1024], [0, 120], [256, 40]])
  })
  it("copies into an arena what others read, what the host delivers, and what lies in two arenas", async () => {
    const b = graphBuilder()
    const x = b.input("x", "f32", [5, 13])
    const y = b.apply("exp", [x])
    const first = b.apply("pack", [x, y, b.constant([1, 2, 3], "f32", [3])], { offsets: [0, 128, 256], total: 320 })
    const second = b.apply("pack", [y, b.apply("sum", [y], { axes: [1] })], { offsets: [64, 192], total: 256 })
    const plan = await checked(graphOf([x], { first, second, y, again: y, back: b.apply("view", [second], { offset: 64, shape: [13, 5] }) }))
    expect(plan.commands.filter((c) => c.op === "copy")).toHaveLength(1)
    expect(new Set(plan.outputs.map((o) => o.buffer)).size).toBe(5)
  })
  it("an ill-aligned arena is an ordinary value", async () => {
    const b = graphBuilder()
    const x = b.input("x", "f32", [5])
    const y = b.input("y", "f32", [7])
    await checked(graphOf([x, y], { out: b.apply("exp", [b.apply("pack", [x, y], { offsets: [1, 6], total: 15 })]) }))
  })
})

const loop = (k: number) => ({ terms: [{ loop: k, step: 1 }], offset: 0, divide: 1 })

describe("kernels over the same elements", () => {
  it("are one kernel when they share inputs; a value read at its own element is handed on", async () => {
    const b = graphBuilder()
    const x = b.input("x", "f32", [6, 70])
    const y = b.input("y", "f32", [6, 70])
    const s = b.add(x, y)
    const d = b.mul(b.apply("exp", [x]), s)
    const plan = await checked(graphOf([x, y], { s, d, e: b.sub(d, s), f: b.apply("flip", [d], { axes: [1] }) }))
    expect(plan.commands).toHaveLength(2)
    expect(plan.kernels[0]!.bindings).toEqual(["read", "read", "write", "write", "write"])
  })
  it("never bind more buffers than the limit", async () => {
    const b = graphBuilder()
    const x = b.input("x", "f32", [130])
    const outputs = Object.fromEntries(Array.from({ length: 11 }, (_, k) => [`o${k}`, times(b, x, k + 2)]))
    const plan = await checked(graphOf([x], outputs))
    expect(plan.commands).toHaveLength(2)
  })
})
