/** Kernels whose threads take four neighbours at once: when they are made, and that they compute what the evaluator does. */
import { describe, expect, it } from "vitest"
import { evaluate } from "../../src/backend/reference/evaluate.ts"
import { ndarray, type NdArray } from "../../src/backend/reference/ndarray.ts"
import { mathFunction } from "../../src/backend/wgsl/math.ts"
import { graphBuilder, type Builder } from "../../src/ir/build.ts"
import type { Graph, Node } from "../../src/ir/graph.ts"
import { makePlan } from "../../src/plan/make-plan.ts"
import { primitives } from "../../src/prim/table.ts"
import { cast, eq, f32, i32, idiv, mod, mul, read, select, sub, variable, type Scalar } from "../../src/scalar/scalar.ts"
import { webgpuDefaults } from "../../src/schedule/limits.ts"
import { graphOf } from "./chain-graph.ts"
import { loadPlan, messagesOf } from "./device.ts"
import { planned } from "./planned.ts"

const settings = { seed: 3, step: 0, repeat: 0 }
const arrayOf = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint32Array }
const ulpOf = (x: number): number => 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(x) || 2 ** -126))) - 23)

const feed = (node: Node, k: number, low = -3, high = 3): NdArray =>
  ndarray(node.dtype, node.shape, Float64Array.from({ length: node.shape.reduce((a, b) => a * b, 1) }, (_, i) => {
    const u = Math.abs(Math.sin((i + 1) * 78.233 + k) * 43758.5453) % 1
    return node.dtype === "f32" ? Math.fround(low + (high - low) * u) : node.dtype === "bool" ? Number(u > 0.5) : Math.floor(low + (high - low + 1) * u)
  }))

/** Runs the graph on the adapter and in the evaluator. `ulp`: the bound of an elementwise function; else agreement to 1e-5. Gives the shaders. */
const compare = async (graph: Graph, range: readonly [number, number] = [-3, 3], ulp?: number): Promise<readonly string[]> => {
  const plan = planned(graph)
  expect(await messagesOf(plan)).toEqual([])
  const feeds = graph.inputs.map((x, k) => [x, feed(x.node, k, ...range)] as const)
  const expected = evaluate(graph.outputs.map((o) => o.node), new Map(feeds.map(([x, a]) => [x.node, a])), settings)
  const loaded = await loadPlan(plan, Object.fromEntries(feeds.map(([x, a]) => [x.name, arrayOf[x.node.dtype].from(a.data)])), settings)
  await loaded.run()
  for (const [i, o] of graph.outputs.entries()) {
    const got = await loaded.read(o.name)
    let worst = 0
    let at = -1
    expected[i]!.data.forEach((v, e) => {
      const bound = o.node.dtype !== "f32" ? 0 : ulp === undefined ? 1e-5 * Math.max(1, Math.abs(v)) : (ulp + 0.5) * ulpOf(v)
      const g = o.node.dtype === "u32" ? got[e]! >>> 0 : got[e]!
      const error = Number.isNaN(v) && Number.isNaN(g) || v === g ? 0 : Math.abs(v - g) / (bound || 1)
      if (!(error <= worst)) [worst, at] = [error, e]
    })
    expect(worst, `${o.name}[${at}]: ${got[at]} for ${expected[i]!.data[at]}`).toBeLessThanOrEqual(o.node.dtype === "f32" ? 1 : 0)
  }
  loaded.destroy()
  return plan.kernels.map((k) => k.wgsl)
}

const shape = [4, 8, 48, 64] as const
const picture = (b: Builder, name = "x"): Node => b.input(name, "f32", [...shape])
const isQuad = (wgsl: string): boolean => /read_write> b\d+: array<vec4<u32>>/.test(wgsl)

describe("four neighbours at once", () => {
  for (const primitive of Object.values(primitives).filter((p) => p.ulp !== undefined && p.samples.length > 0 && p.samples[0]!.inputs.every((s) => s.shape.length === p.samples[0]!.inputs[0]!.shape.length))) {
    it(`${primitive.name} is computed of vectors as of numbers`, async () => {
      const sample = primitive.samples[0]!
      const b = graphBuilder()
      const inputs = sample.inputs.map((s, i) => b.input(`x${i}`, s.dtype ?? "f32", [1 << 16]))
      const out = b.apply(primitive.name, inputs, sample.attrs)
      const [wgsl] = await compare(graphOf(inputs, { out }), [sample.inputs[0]!.low ?? -2, sample.inputs[0]!.high ?? 2], primitive.ulp)
      expect(isQuad(wgsl!)).toBe(true)
    })
  }

  it("a gain of each channel is one load for the four, neighbours in a row are one load, and one store", async () => {
    const b = graphBuilder()
    const [x, gain] = [picture(b), b.input("gain", "f32", [8])]
    const out = b.mul(b.apply("tanh", [x]), b.apply("broadcast", [gain], { shape: [...shape], map: [1] }))
    const [wgsl, ...rest] = await compare(graphOf([x, gain], { out }))
    expect(rest).toEqual([])
    expect(isQuad(wgsl!)).toBe(true)
    expect(wgsl!.match(/\bb\d\[/g)).toHaveLength(3)
    expect(wgsl).toContain("array<f32>")
  })
  it("what goes by a quotient that all lanes of a workgroup share is read at the workgroup's number", async () => {
    for (const [width, uniform] of [[64, true], [60, false]] as const) {
      const b = graphBuilder()
      const [x, gain] = [b.input("x", "f32", [12, 8, 48, width]), b.input("gain", "f32", [8])]
      const out = b.mul(x, b.apply("broadcast", [gain], { shape: [12, 8, 48, width], map: [1] }))
      const [wgsl] = await compare(graphOf([x, gain], { out }))
      expect(isQuad(wgsl!)).toBe(true)
      const gains = /let (v\d+) = b1\[(.*)\];/.exec(wgsl!)![2]!
      expect(gains.replace(/^v\d+$/, (name) => new RegExp(`let ${name} = (.*);`).exec(wgsl!)![1]!) === "(i32(group0.x) / 12)", `${wgsl}`).toBe(uniform)
    }
    // a place a thread: too few places for quads, and a row of three workgroups
    const b = graphBuilder()
    const [x, gain] = [b.input("x", "f32", [4, 6, 192]), b.input("gain", "f32", [6])]
    const out = b.mul(x, b.apply("broadcast", [gain], { shape: [4, 6, 192], map: [1] }))
    const [wgsl] = await compare(graphOf([x, gain], { out }))
    expect(isQuad(wgsl!)).toBe(false)
    expect(wgsl).toContain("(i32(group0.x) / 3)")
  })
  it("what neighbours do not share is gathered: a picture twice as large, a checkerboard, masks and whole numbers", async () => {
    const b = graphBuilder()
    const [x, small, mask] = [picture(b), b.input("small", "f32", [4, 8, 24, 32]), b.input("mask", "bool", [...shape])]
    const vars = [variable("n", 4), variable("y", 48), variable("x", 64)]
    const [n, y, col] = vars as [Scalar, Scalar, Scalar]
    const pixels = (body: (c: Scalar) => Scalar, ...inputs: Node[]): Node => b.apply("tabulate", inputs, { vars, lanes: 1, body: Array.from({ length: 8 }, (_, c) => body(i32(c))) })
    const twice = pixels((c) => select(read("bool", 2, [n, c, y, col]), read("f32", 0, [n, c, idiv(y, i32(2)), idiv(col, i32(2))]), mul(read("f32", 1, [n, c, y, col]), cast("f32", sub(mod(col, i32(5)), i32(2))))), small, x, mask)
    const board = pixels((c) => select(eq(mod(col, i32(2)), mod(y, i32(2))), read("f32", 0, [n, c, y, col]), f32(-1)), x)
    const positive = b.apply("gt", [board, b.apply("broadcast", [b.scalar(0)], { shape: [...shape], map: [] })])
    const whole = b.apply("cast", [b.mul(x, b.apply("broadcast", [b.scalar(7)], { shape: [...shape], map: [] }))], { to: "i32" })
    const shaders = await compare(graphOf([x, small, mask], { twice, positive, whole }))
    expect(shaders.every(isQuad)).toBe(true)
  })
  it("a sum over samples is taken for four places at once", async () => {
    const b = graphBuilder()
    const [x, y] = [b.input("x", "f32", [12, 1 << 16]), b.input("y", "f32", [12, 1 << 16])]
    const sum = b.apply("sum", [b.mul(x, b.apply("tanh", [y]))], { axes: [0] })
    const most = b.apply("max_reduce", [x], { axes: [0] })
    const shaders = await compare(graphOf([x, y], { sum, most }))
    for (const wgsl of shaders) expect(wgsl).toMatch(/var v\d+: vec4<f32> = /)
  })
  it("so are the statistics of rows and what rows keep of each place", async () => {
    const b = graphBuilder()
    const x = b.input("x", "f32", [16, 8, 512])
    const kept = b.apply("sum", [x], { axes: [0] })
    const mean = b.apply("sum", [x], { axes: [1, 2] })
    const out = b.mul(x, b.apply("broadcast", [mean], { shape: [16, 8, 512], map: [0] }))
    const shaders = await compare(graphOf([x], { kept, mean, out }))
    expect(shaders.some((wgsl) => /bitcast<vec4<f32>>\(b\d\[/.test(wgsl))).toBe(true)
  })
  it("arrays that sum over the same rows share one loop over them", async () => {
    const b = graphBuilder()
    const [x, y] = [b.input("x", "f32", [16, 8, 512]), b.input("y", "f32", [16, 8, 512])]
    const [products, sums] = [b.apply("sum", [b.mul(x, y)], { axes: [0] }), b.apply("sum", [x], { axes: [0] })]
    const mean = b.apply("sum", [x], { axes: [1, 2] })
    const out = b.mul(x, b.apply("broadcast", [mean], { shape: [16, 8, 512], map: [0] }))
    const shaders = await compare(graphOf([x, y], { products, sums, mean, out }))
    expect(shaders.join("").match(/< \(16 \+ i32\(zero0\)\)/g)).toHaveLength(1)
  })
  it("small kernels, draws and rows of an odd length keep a place a thread", () => {
    const made = (build: (b: Builder) => readonly [readonly Node[], Node]): boolean[] => {
      const b = graphBuilder()
      const [inputs, out] = build(b)
      return makePlan(graphOf(inputs, { out }), { limits: webgpuDefaults }).plan!.kernels.map((k) => isQuad(k.wgsl))
    }
    const tanhOf = (...size: number[]) => (b: Builder): readonly [readonly Node[], Node] => {
      const x = b.input("x", "f32", size)
      return [[x], b.apply("tanh", [x])]
    }
    expect(made(tanhOf(4, 64, 64))).toEqual([false])
    expect(made(tanhOf(5, 333, 333))).toEqual([false])
    expect(made(tanhOf(64, 64, 64))).toEqual([true])
  })
  it("a function without branches is widened as it stands, one with branches is called for each component", () => {
    expect(() => mathFunction("wnothing_1")).toThrow()
    expect(mathFunction("wtanh_1").source).not.toContain("x1.x")
    // branches are taken for each component
    expect(mathFunction("wlog_1").source).toContain("mlog_1(x1.y)")
  })
})
