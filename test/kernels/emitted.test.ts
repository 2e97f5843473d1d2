import { describe, expect, it } from "vitest"
import { emit } from "../../src/backend/wgsl/emit.ts"
import { graphBuilder } from "../../src/ir/build.ts"
import { local, number, use, type ArrayLocal, type Kernel, type Stmt } from "../../src/kernel/kernel.ts"
import { printKernel } from "../../src/kernel/print-kernel.ts"
import { verifyKernel } from "../../src/kernel/verify-kernel.ts"
import { makePlan } from "../../src/plan/make-plan.ts"
import { printSchedule } from "../../src/schedule/print-schedule.ts"
import { webgpuDefaults } from "../../src/schedule/limits.ts"
import { mul, read, variable, type Scalar } from "../../src/scalar/scalar.ts"
import { chainGraph, drawNode, graphOf } from "./chain-graph.ts"
import { messagesOf } from "./device.ts"
import { planned } from "./planned.ts"

const keywords = new Set(("group binding var storage read read_write uniform private workgroup array vec2 vec3 vec4 u32 i32 f32 bool fn let for if else return continue break true false ptr function " +
  "compute workgroup_size builtin workgroup_id local_invocation_index select bitcast min max abs floor ceil round sqrt sign fma exp2 clamp countLeadingZeros firstLeadingBit dot workgroupBarrier x y z w const loop while ldexp trunc fract inverseSqrt").split(" "))
const ofShader = /^[a-z][a-z0-9]{0,15}_?[0-9]+$/

const kernel = (body: readonly Stmt[], more: Partial<Kernel> = {}): Kernel =>
  ({ kind: "map", bindings: [{ access: "write", element: "f32", length: 8, label: "" }], workgroup: [64, 1, 1], groups: [1, 1, 1], shared: [], body, ...more })

describe("what reaches the shader", () => {
  it("has generated names and number literals only, whatever the program calls things", async () => {
    const b = graphBuilder({ span: { file: "*/ @compute", start: 0, end: 0 }, label: "select; }", path: "vec3" })
    const x = b.input("é; fn evil() {}", "f32", [4, 3, 8, 8])
    const index = b.input("#index", "i32", [4])
    const draws = [drawNode(b, "permutation", "a\"b", index, [], { k: 4, identity: false }), drawNode(b, "beta", "c*/", index, [b.scalar(0.5), b.scalar(2)])]
    const vars = [variable("fn", 4), variable("while", 8), variable("x;", 8)]
    const body = [0, 1, 2].map((c): Scalar => mul(read("f32", 0, [vars[0]!, { op: "const", type: "i32", value: c }, vars[1]!, vars[2]!]), read("f32", 2, [vars[0]!])))
    const sum = b.apply("sum", [x], { axes: [1, 2, 3] })
    const out = b.apply("tabulate", [x, draws[0]!, draws[1]!], { vars, lanes: 1, body })
    const nan = b.mul(sum, b.apply("broadcast", [b.scalar(Infinity)], { shape: [4], map: [] }))
    const plan = planned(graphOf([x, index], { out, sum, nan, draws: draws[0]! }))
    expect(await messagesOf(plan)).toEqual([])
    for (const { wgsl } of [...plan.kernels, ...planned(chainGraph(8, 16, 2, 4).graph).kernels]) {
      expect(/[^\x20-\x7e\n]/.test(wgsl)).toBe(false)
      const words = wgsl.match(/\b[A-Za-z_][A-Za-z0-9_]*/g)!.filter((word) => !keywords.has(word))
      expect([...new Set(words)].filter((word) => !ofShader.test(word))).toEqual([])
    }
  })
  it("finds what a kernel breaks", () => {
    const a = local("f32")
    const i = local("i32")
    const shared: ArrayLocal = { kind: "array", space: "workgroup", element: "f32", length: 4 }
    const store = (index: number): Stmt => ({ op: "store", binding: 0, index: number(index), value: number(1, "f32") })
    const broken = (body: readonly Stmt[], more: Partial<Kernel> = {}): string[] => verifyKernel(kernel(body, more), webgpuDefaults)
    expect(broken([store(7)])).toEqual([])
    expect(broken([store(8)])[0]).toContain("binding 0 of 8")
    expect(broken([{ op: "store", binding: 0, index: number(0), value: use(a) }])[0]).toContain("not defined")
    expect(broken([{ op: "if", condition: number(1, "bool"), then: [{ op: "let", local: a, value: number(1, "f32") }], else: [] }, { op: "store", binding: 0, index: number(0), value: use(a) }])[0]).toContain("not defined")
    expect(broken([{ op: "if", condition: number(1, "bool"), then: [{ op: "barrier" }], else: [] }])[0]).toContain("barrier")
    expect(broken([{ op: "for", local: i, from: number(0), below: number(20), step: 1, body: [{ op: "set", array: shared, index: { op: "binary", type: "i32", fn: "add", a: use(i), b: number(4), nonNegative: false }, value: number(0, "f32") }] }], { shared: [shared] })[0]).toContain("an array of 4")
    expect(broken([], { bindings: Array.from({ length: 9 }, () => ({ access: "read" as const, element: "f32" as const, length: 1, label: "" })) })[0]).toContain("9 storage buffers")
    expect(broken([], { groups: [65536, 1, 1] })[0]).toContain("65536")
    expect(broken([], { shared: [{ ...shared, length: 5000 }] })[0]).toContain("20000 bytes")
    expect(broken(Array.from({ length: 2001 }, () => store(0)))[0]).toContain("2001 statements")
    let deep: Stmt[] = [store(0)]
    for (let k = 0; k < 60; k++) deep = [{ op: "if", condition: number(1, "bool"), then: deep, else: [] }]
    expect(broken(deep)[0]).toContain("nested")
  })
  it("prints kernels and what was fused, the same each time", () => {
    const text = (): string => {
      const { schedule } = makePlan(chainGraph(4, 16, 2, 4).graph)
      return printSchedule(schedule) + schedule.kernels.map(({ kernel: k }, n) => printKernel(k, `k${n}`) + emit(k)).join("\n")
    }
    expect(text()).toBe(text())
    expect(text()).toContain("2 kernels")
    expect(text()).toContain("a statistic: 256 terms for each element")
    expect(text()).toContain("kernel k0 (sample) groups 4 x 1 x 1, workgroup 8 x 1 x 1")
  })
  it("keeps expressions shallow, however long the chain", async () => {
    const b = graphBuilder()
    const x = b.input("x", "f32", [100])
    let value = x
    for (let k = 0; k < 300; k++) value = b.apply(k % 2 ? "add" : "mul", [value, b.apply("broadcast", [b.scalar(1 + k * 2 ** -10)], { shape: [100], map: [] })])
    expect(await messagesOf(planned(graphOf([x], { out: value })))).toEqual([])
  })
})
