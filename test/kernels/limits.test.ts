import { describe, expect, it } from "vitest"
import { graphBuilder } from "../../src/ir/build.ts"
import { makePlan } from "../../src/plan/make-plan.ts"
import { printPlan } from "../../src/plan/print-plan.ts"
import { validatePlan } from "../../src/plan/schema.ts"
import { allocate, verifyAllocation, type Life } from "../../src/schedule/memory.ts"
import { webgpuDefaults, type Limits } from "../../src/schedule/limits.ts"
import { f32, mul, read, variable } from "../../src/scalar/scalar.ts"
import { chainGraph, drawNode, graphOf } from "./chain-graph.ts"
import { chainReference } from "./chain-reference.ts"
import { loadPlan } from "./device.ts"
import { planned } from "./planned.ts"

const settings = { seed: 9, step: 1, repeat: 0 }
const picture = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.abs(Math.sin(i * 12.9898) * 43758.5453) % 1)

describe("limits", () => {
  it("binds a batch above the binding limit in ranges of samples, with the same result", async () => {
    const [n, size] = [23, 16]
    const chain = chainGraph(n, size, 2, 4)
    // 3 KiB a sample: 4 samples a range.
    const limits: Limits = { ...webgpuDefaults, maxStorageBufferBindingSize: 13000 }
    const plan = planned(chain.graph, limits)
    expect(plan.commands).toHaveLength(12)
    expect(plan.kernels).toHaveLength(2)
    expect(plan.needs.maxStorageBufferBindingSize).toBeLessThanOrEqual(13000)
    const x = picture(n * 3 * size * size)
    const index = Int32Array.from({ length: n }, (_, i) => i)
    const loaded = await loadPlan(plan, { x, "#index": index }, settings)
    await loaded.run()
    const got = await loaded.read("out")
    loaded.destroy()
    const expected = chainReference(chain, x, index, settings, 4)
    expect(Math.max(...expected.map((v, i) => Math.abs(v - got[i]!)))).toBeLessThan(1e-5)
  })
  it("plans five thousand photographs, 3.0 GB, in ranges", () => {
    const chain = chainGraph(5000, 224, 28, 56)
    const limits: Limits = { ...webgpuDefaults, maxBufferSize: 4294967295 }
    const plan = planned(chain.graph, limits)
    expect(plan.needs.maxStorageBufferBindingSize).toBeLessThanOrEqual(134217728)
    expect(plan.needs.maxBufferSize).toBe(5000 * 3 * 224 * 224 * 4)
    const { problems } = makePlan(chain.graph)
    expect(problems.map((p) => [p.limit, p.needed, p.available])).toContainEqual(["maxBufferSize", 3010560000, 268435456])
  })
  it("names the limit where no range helps", () => {
    const b = graphBuilder()
    const x = b.input("x", "f32", [4, 40000])
    const limits: Limits = { ...webgpuDefaults, maxStorageBufferBindingSize: 65536 }
    const one = makePlan(graphOf([x], { out: b.apply("exp", [x]) }), { limits })
    expect(one.plan).toBeUndefined()
    expect(one.problems[0]).toMatchObject({ limit: "maxStorageBufferBindingSize", needed: 160000, available: 65536 })
    const y = b.input("y", "f32", [64, 1000])
    const crossed = makePlan(graphOf([y], { out: b.apply("flip", [y], { axes: [0] }) }), { limits })
    expect(crossed.problems[0]).toMatchObject({ limit: "maxStorageBufferBindingSize", needed: 256000, available: 65536 })
    expect(crossed.problems[0]!.message).toContain("y")
  })
  it("binds at most eight storage buffers, whatever is joined", async () => {
    const b = graphBuilder()
    const inputs = Array.from({ length: 13 }, (_, i) => b.input(`x${i}`, "f32", [2, 5]))
    const wide = b.apply("concat", inputs, { axis: 0 })
    const sums = inputs.map((x, i) => b.mul(x, b.apply("broadcast", [b.scalar(i + 1)], { shape: [2, 5], map: [] })))
    const total = sums.reduce((p, q) => b.add(p, q))
    const plan = planned(graphOf(inputs, { wide, total }))
    expect(plan.needs.maxStorageBuffersPerShaderStage).toBeLessThanOrEqual(8)
    const data = inputs.map((_, i) => Float32Array.from({ length: 10 }, (_, e) => i * 10 + e))
    const loaded = await loadPlan(plan, Object.fromEntries(data.map((d, i) => [`x${i}`, d])), settings)
    await loaded.run()
    expect([...(await loaded.read("wide"))]).toEqual(data.flatMap((d) => [...d]))
    expect([...(await loaded.read("total"))]).toEqual(Array.from({ length: 10 }, (_, e) => data.reduce((sum, d, i) => sum + d[e]! * (i + 1), 0)))
    loaded.destroy()
  })
  it("folds more than 65,535 workgroups", async () => {
    const b = graphBuilder()
    const x = b.input("x", "f32", [70000, 40])
    const loaded = await loadPlan(planned(graphOf([x], { out: b.mul(x, x) }), webgpuDefaults), { x: Float32Array.from({ length: 2800000 }, (_, i) => i % 1000) }, settings)
    await loaded.run()
    const got = await loaded.read("out")
    loaded.destroy()
    expect(got.every((v, i) => v === (i % 1000) ** 2)).toBe(true)
  })
  it("divides a sample kernel that would be too long", () => {
    const b = graphBuilder()
    const x = b.input("x", "f32", [4, 1, 16, 16])
    const index = b.input("#index", "i32", [4])
    const outputs = Object.fromEntries(Array.from({ length: 60 }, (_, i) => {
      const draws = Array.from({ length: 12 }, (_, k) => drawNode(b, "uniform", `p${i}.${k}`, index, [b.scalar(0), b.scalar(1)]))
      const vars = [variable("n", 4), variable("y", 16), variable("x", 16)]
      const body = draws.reduce((e, _, k) => mul(e, read("f32", k + 1, [vars[0]!])), mul(f32(1), read("f32", 0, [vars[0]!, { op: "const", type: "i32", value: 0 }, vars[1]!, vars[2]!])))
      return [`o${i}`, b.apply("tabulate", [x, ...draws], { vars, lanes: 1, body: [body] })]
    }))
    const plan = planned(graphOf([x, index], outputs))
    const kinds = plan.commands.map((c) => (c.op === "dispatch" ? plan.kernels[c.kernel]!.kind : c.op))
    expect(kinds.filter((k) => k === "gather").length).toBeLessThanOrEqual(60)
    expect(kinds.filter((k) => k === "sample" || k === "joint").length).toBeGreaterThan(1)
  })
})

describe("memory", () => {
  it("lets values that live apart share a buffer, and none that live together", () => {
    const lives: Life[] = Array.from({ length: 40 }, (_, i) => ({ bytes: 4 * (1 + ((i * 37) % 11)), first: i, last: i + ((i * 7) % 4) }))
    const made = allocate(lives)
    expect(verifyAllocation(lives, made)).toEqual([])
    expect(made.buffers.length).toBeLessThanOrEqual(5)
    expect(verifyAllocation(lives, { ...made, of: lives.map(() => 0) })).not.toEqual([])
  })
  it("reuses the buffer of a raster once it has been read", () => {
    const b = graphBuilder()
    const x = b.input("x", "f32", [2, 3, 16, 16])
    let value = x
    const rasters = Array.from({ length: 6 }, () => ({ node: (value = b.apply("exp", [b.neg(value)])), reason: "asked for" }))
    const plan = planned(graphOf([x], { out: b.apply("tanh", [value]) }, rasters))
    expect(plan.commands).toHaveLength(7)
    expect(plan.buffers.filter((u) => u.role === "temporary")).toHaveLength(2)
    expect(plan.peakBytes).toBe(plan.liveBytes)
  })
})

describe("plans", () => {
  it("a damaged plan is named, never run", () => {
    const plan = planned(chainGraph(4, 16, 2, 4).graph)
    const damaged = (change: (p: any) => void): string[] => {
      const copy = JSON.parse(JSON.stringify(plan))
      change(copy)
      return validatePlan(copy)
    }
    expect(damaged(() => {})).toEqual([])
    expect(damaged((p) => { p.version = 2 })[0]).toContain("version")
    expect(damaged((p) => { delete p.kernels })[0]).toContain("plan.kernels")
    expect(damaged((p) => { p.commands[0].kernel = 9 })[0]).toContain("there is no kernel 9")
    expect(damaged((p) => { p.commands[0].buffers.pop() })[0]).toContain("bindings")
    expect(damaged((p) => { p.commands[1].groups[0] = 70000 })[0]).toContain("70000")
    expect(damaged((p) => { p.buffers[0].bytes = 12 }).length).toBeGreaterThan(0)
    expect(damaged((p) => { p.inputs[0].extra = 1 })[0]).toContain("not known")
    for (const junk of [null, 3, "plan", [], {}, { version: 1 }]) expect(validatePlan(junk).length).toBeGreaterThan(0)
  })
  it("prints the plan with its buffers and commands", () => {
    const text = printPlan(planned(chainGraph(4, 16, 2, 4).graph))
    expect(text).toContain("sample0 4 x 1 x 1 of 8 (write %")
    expect(text).toContain("output out: f32[4, 3, 16, 16]")
  })
})
