import { describe, expect, it } from "vitest"
import { evaluate } from "../../src/backend/reference/evaluate.ts"
import { ndarray, type NdArray } from "../../src/backend/reference/ndarray.ts"
import { graphBuilder, type Builder } from "../../src/ir/build.ts"
import type { Graph, Node } from "../../src/ir/graph.ts"
import { add, cast, f32, i32, le, lt, max, min, mod, mul, read, reduce, select, sub, variable, type Scalar } from "../../src/scalar/scalar.ts"
import { drawNode, graphOf } from "./chain-graph.ts"
import { loadPlan, messagesOf } from "./device.ts"
import { planned } from "./planned.ts"

const settings = { seed: 11, step: 2, repeat: 1 }
const arrayOf = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint32Array }

const feed = (node: Node, k: number): NdArray => {
  const count = node.shape.reduce((a, b) => a * b, 1)
  const name = (node.attrs as { name: string }).name
  return ndarray(node.dtype, node.shape, Float64Array.from({ length: count }, (_, i) => {
    if (name === "#index") return 3 + 5 * i
    const u = Math.abs(Math.sin((i + 1) * 12.9898 + k) * 43758.5453) % 1
    return node.dtype === "f32" ? Math.fround(u) : Math.floor(u * 10)
  }))
}

/** Runs the graph on the adapter and in the evaluator; they agree to `within`. Gives the kinds of the dispatches. */
const compare = async (graph: Graph, within = 1e-5): Promise<string[]> => {
  const plan = planned(graph)
  expect(await messagesOf(plan)).toEqual([])
  const feeds = graph.inputs.map((x, k) => [x, feed(x.node, k)] as const)
  const expected = evaluate(graph.outputs.map((o) => o.node), new Map(feeds.map(([x, a]) => [x.node, a])), settings)
  const loaded = await loadPlan(plan, Object.fromEntries(feeds.map(([x, a]) => [x.name, arrayOf[x.node.dtype].from(a.data)])), settings)
  await loaded.run()
  for (const [i, o] of graph.outputs.entries()) {
    const got = await loaded.read(o.name)
    expect(got.length).toBe(expected[i]!.data.length)
    let worst = 0
    let at = -1
    expected[i]!.data.forEach((v, e) => {
      const error = Math.abs(v - got[e]!) / Math.max(1, Math.abs(v))
      if (!(error <= worst)) [worst, at] = [error, e]
    })
    expect(worst, `${o.name}[${at}]: ${got[at]} for ${expected[i]!.data[at]}`).toBeLessThanOrEqual(o.node.dtype === "f32" ? within : 0)
  }
  loaded.destroy()
  return plan.commands.flatMap((c) => (c.op === "dispatch" ? [plan.kernels[c.kernel]!.kind] : [c.op]))
}

const picture = (b: Builder, n: number, c: number, h: number, w: number): Node => b.input("x", "f32", [n, c, h, w])
const tabulate = (b: Builder, inputs: readonly Node[], [n, c, h, w]: readonly number[], body: (n: Scalar, c: Scalar, y: Scalar, x: Scalar) => Scalar): Node => {
  const vars = [variable("n", n!), variable("y", h!), variable("x", w!)]
  return b.apply("tabulate", inputs, { vars, lanes: 1, body: Array.from({ length: c! }, (_, k) => body(vars[0]!, i32(k), vars[1]!, vars[2]!)) })
}
const spread = (b: Builder, value: Node, shape: readonly number[], map: readonly number[]): Node => b.apply("broadcast", [value], { shape, map })
const shape = [6, 3, 12, 10] as const
const [n, c, h, w] = shape

/** Left half from the picture, right half from the partner's. */
const stitched = (b: Builder, x: Node, partner: Node, cut: Node): Node =>
  tabulate(b, [x, partner, cut], shape, (s, k, y, col) => read("f32", 0, [select(lt(col, read("i32", 2, [s])), s, read("i32", 1, [s], [0, n - 1])), k, y, col]))

const contrast = (b: Builder, x: Node, factor: Node): Node => {
  const mean = b.div(b.apply("sum", [x], { axes: [1, 2, 3] }), spread(b, b.scalar(c * h * w), [n], []))
  return tabulate(b, [x, factor, mean], shape, (s, k, y, col) => {
    const m = read("f32", 2, [s])
    return add(mul(sub(read("f32", 0, [s, k, y, col]), m), read("f32", 1, [s])), m)
  })
}

describe("graphs of augmentations, on the adapter", () => {
  it("nothing drawn and no statistic: one dispatch", async () => {
    const b = graphBuilder()
    const x = picture(b, ...shape)
    const flipped = b.apply("flip", [x], { axes: [3] })
    const out = b.apply("exp", [b.mul(flipped, spread(b, b.scalar(-0.5), shape, []))])
    expect(await compare(graphOf([x], { out }))).toEqual(["gather"])
  })
  it("draws without a statistic: one thread a sample, two dispatches", async () => {
    const b = graphBuilder()
    const x = picture(b, ...shape)
    const index = b.input("#index", "i32", [n])
    const shift = drawNode(b, "randint", "a.shift", index, [b.scalar(0, "i32"), b.scalar(5, "i32")])
    const out = tabulate(b, [x, shift], shape, (s, k, y, col) => read("f32", 0, [s, k, y, mod(add(col, read("i32", 1, [s], [0, 4])), i32(w))]))
    expect(await compare(graphOf([x, index], { out }))).toEqual(["sample", "gather"])
  })
  it("another sample's draws are recomputed in place", async () => {
    const b = graphBuilder()
    const x = picture(b, ...shape)
    const index = b.input("#index", "i32", [n])
    const partner = drawNode(b, "partner", "s.mate", undefined, [], { rest: [n], self: false })
    const factor = drawNode(b, "uniform", "s.f", index, [b.scalar(0.5), b.scalar(1.5)])
    const cut = drawNode(b, "randint", "s.cut", index, [b.scalar(2, "i32"), b.scalar(8, "i32")])
    const bright = b.mul(x, spread(b, factor, shape, [0]))
    const out = stitched(b, bright, partner, cut)
    expect(await compare(graphOf([x, index], { out }))).toEqual(["sample", "gather"])
  })
  it("a statistic over another sample's picture stays in the sample kernel", async () => {
    const b = graphBuilder()
    const x = picture(b, ...shape)
    const index = b.input("#index", "i32", [n])
    const partner = drawNode(b, "partner", "s.mate", undefined, [], { rest: [n], self: true })
    const cut = drawNode(b, "randint", "s.cut", index, [b.scalar(2, "i32"), b.scalar(8, "i32")])
    const factor = drawNode(b, "uniform", "s.f", index, [b.scalar(0.5), b.scalar(1.5)])
    const out = contrast(b, stitched(b, x, partner, cut), factor)
    expect(await compare(graphOf([x, index], { out }))).toEqual(["sample", "gather"])
  })
  it("a statistic of another sample inside a statistic needs an earlier dispatch", async () => {
    const b = graphBuilder()
    const x = picture(b, ...shape)
    const index = b.input("#index", "i32", [n])
    const partner = drawNode(b, "partner", "s.mate", undefined, [], { rest: [n], self: false })
    const cut = drawNode(b, "randint", "s.cut", index, [b.scalar(2, "i32"), b.scalar(8, "i32")])
    const first = drawNode(b, "uniform", "s.f", index, [b.scalar(0.5), b.scalar(1.5)])
    const second = drawNode(b, "uniform", "s.g", index, [b.scalar(0.5), b.scalar(1.5)])
    const out = contrast(b, stitched(b, contrast(b, x, first), partner, cut), second)
    expect(await compare(graphOf([x, index], { out }))).toEqual(["sample", "sample", "gather"])
  })
  it("statistics that follow from each other run one after another in one kernel", async () => {
    const b = graphBuilder()
    const x = picture(b, ...shape)
    const index = b.input("#index", "i32", [n])
    const first = drawNode(b, "uniform", "s.f", index, [b.scalar(0.5), b.scalar(1.5)])
    const second = drawNode(b, "normal", "s.g", index, [b.scalar(1), b.scalar(0.2)])
    const out = contrast(b, b.apply("tanh", [contrast(b, x, first)]), second)
    expect(await compare(graphOf([x, index], { out }))).toEqual(["sample", "gather"])
  })
  it("one value drawn for the whole batch mixes pictures and labels", async () => {
    const b = graphBuilder()
    const x = picture(b, ...shape)
    const partner = drawNode(b, "partner", "m.mate", undefined, [], { rest: [n], self: true })
    const lambda = drawNode(b, "beta", "m.lambda", undefined, [b.scalar(0.4), b.scalar(0.4)], { rest: [] })
    const mixed = tabulate(b, [x, partner, lambda], shape, (s, k, y, col) => {
      const l = read("f32", 2, [])
      return add(mul(l, read("f32", 0, [s, k, y, col])), mul(sub(f32(1), l), read("f32", 0, [read("i32", 1, [s], [0, n - 1]), k, y, col])))
    })
    expect(await compare(graphOf([x], { mixed, partner, lambda }))).toEqual(["joint", "gather"])
  })
  it("a histogram of each sample is an array of the sample kernel", async () => {
    const b = graphBuilder()
    const x = picture(b, ...shape)
    const index = b.input("#index", "i32", [n])
    const bins = 16
    const levels = b.apply("tabulate", [x], (() => {
      const vars = [variable("n", n), variable("y", h), variable("x", w)]
      return { vars, body: [min(cast("i32", mul(read("f32", 0, [vars[0]!, i32(0), vars[1]!, vars[2]!]), f32(bins))), i32(bins - 1))] }
    })())
    const histogram = b.apply("tabulate", [levels], (() => {
      const vars = [variable("n", n), variable("k", bins)]
      const [y, col] = [variable("y", h), variable("x", w)]
      return { vars, body: [reduce("sum", [y, col], select({ op: "binary", type: "bool", fn: "eq", a: read("i32", 0, [vars[0]!, y, col], [0, bins - 1]), b: vars[1]! }, f32(1), f32(0)))] }
    })())
    const below = b.apply("tabulate", [histogram], (() => {
      const vars = [variable("n", n), variable("k", bins)]
      const k = variable("j", bins)
      return { vars, body: [reduce("sum", [k], select(le(k, vars[1]!), read("f32", 0, [vars[0]!, k]), f32(0)))] }
    })())
    const chance = drawNode(b, "bernoulli", "e.p", index, [b.scalar(0.5)])
    const out = tabulate(b, [x, levels, below, chance], shape, (s, k, y, col) => select(read("bool", 3, [s]),
      mul(read("f32", 2, [s, read("i32", 1, [s, y, col], [0, bins - 1])]), f32(1 / (h * w))), read("f32", 0, [s, k, y, col])))
    expect(await compare(graphOf([x, index], { out }))).toEqual(["gather", "sample", "gather"])
  })
  it("noise for each pixel is drawn where it is used", async () => {
    const b = graphBuilder()
    const x = picture(b, 4, 3, 20, 20)
    const index = b.input("#index", "i32", [4])
    const noise = drawNode(b, "normal", "g.noise", index, [b.scalar(0), b.scalar(0.1)], { rest: [3, 20, 20] })
    expect(await compare(graphOf([x, index], { out: b.add(x, noise) }), 1e-4)).toEqual(["gather"])
  })
  it("small draws of every kind come out as they are", async () => {
    const b = graphBuilder()
    const index = b.input("#index", "i32", [n])
    const weights = b.constant([0.2, 0, 0.5, 0.3], "f32", [4])
    const outputs = {
      permutation: drawNode(b, "permutation", "d.p", index, [], { k: 9, identity: false }),
      derangement: drawNode(b, "derangement", "d.d", index, [], { k: 5 }),
      shared: drawNode(b, "permutation", "d.s", undefined, [], { k: 4 }),
      category: drawNode(b, "categorical", "d.c", index, [weights], { rest: [3] }),
      chance: drawNode(b, "bernoulli", "d.b", index, [b.scalar(0.3)], { rest: [2, 5] }),
      whole: drawNode(b, "randint", "d.r", index, [b.scalar(-5, "i32"), b.scalar(90, "i32")], { rest: [12] })
    }
    await compare(graphOf([index], outputs))
  })
  it("moments over the batch, a matrix product and an argmax", async () => {
    const b = graphBuilder()
    const x = picture(b, ...shape)
    const count = n * h * w
    const mean = b.div(b.apply("sum", [x], { axes: [0, 2, 3] }), spread(b, b.scalar(count), [c], []))
    const centred = b.sub(x, spread(b, mean, shape, [1]))
    const variance = b.div(b.apply("sum", [b.mul(centred, centred)], { axes: [0, 2, 3] }), spread(b, b.scalar(count), [c], []))
    const normal = b.mul(centred, spread(b, b.apply("rsqrt", [b.add(variance, spread(b, b.scalar(1e-5), [c], []))]), shape, [1]))
    const flat = b.apply("reshape", [normal], { shape: [n, c * h * w] })
    const weight = b.input("w", "f32", [c * h * w, 7])
    const access = (loops: readonly number[]): object[] => loops.map((loop) => ({ terms: [{ loop, step: 1 }], offset: 0, divide: 1 }))
    const logits = b.apply("contract", [flat, weight], { out: [n, 7], over: [c * h * w], left: access([0, 2]), right: access([2, 1]) })
    const label = b.apply("argmax", [logits], { axis: 1 })
    const order = b.apply("argsort", [logits], { axis: 1, descending: true })
    const total = b.apply("sum", [b.apply("max_reduce", [logits], { axes: [1] })], { axes: [0] })
    await compare(graphOf([x, weight], { normal, logits, label, order, total }), 3e-5)
  })
  it("a blur of a chain is computed from a raster when the graph says so", async () => {
    const b = graphBuilder()
    const x = picture(b, ...shape)
    const index = b.input("#index", "i32", [n])
    const angle = drawNode(b, "uniform", "r.a", index, [b.scalar(-1), b.scalar(1)])
    const turned = tabulate(b, [x, angle], shape, (s, k, y, col) => {
      const a = read("f32", 1, [s])
      const at = (e: Scalar, limit: number): Scalar => min(max(cast("i32", e), i32(0)), i32(limit - 1))
      const [sin, cos] = [{ op: "unary", type: "f32", fn: "sin", x: a } as Scalar, { op: "unary", type: "f32", fn: "cos", x: a } as Scalar]
      return read("f32", 0, [s, k, at(add(mul(cos, cast("f32", y)), mul(sin, cast("f32", col))), h), at(sub(mul(cos, cast("f32", col)), mul(sin, cast("f32", y))), w)])
    })
    const taps = [variable("dy", 3), variable("dx", 3)]
    const blurred = tabulate(b, [turned], shape, (s, k, y, col) => mul(f32(1 / 9), reduce("sum", taps, read("f32", 0, [s, k,
      min(max(add(y, sub(taps[0]!, i32(1))), i32(0)), i32(h - 1)), min(max(add(col, sub(taps[1]!, i32(1))), i32(0)), i32(w - 1))]))))
    expect(await compare(graphOf([x, index], { out: blurred }))).toEqual(["sample", "gather"])
    expect(await compare(graphOf([x, index], { out: blurred }, [{ node: turned, reason: "asked for" }]))).toEqual(["sample", "gather", "gather"])
  })
  it("an input or a constant that is an output is copied", async () => {
    const b = graphBuilder()
    const x = b.input("x", "f32", [5])
    expect(await compare(graphOf([x], { x, k: b.constant([1, 2, 3], "i32", [3]), s: b.scalar(4.5) }))).toEqual(["copy", "copy", "copy"])
  })
})
