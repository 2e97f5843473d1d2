/** What gradients need not say: the cotangents of the two branches of an `if` are one choice. */
import { describe, expect, it } from "vitest"
import { evaluate } from "../../src/backend/reference/evaluate.ts"
import { ndarray } from "../../src/backend/reference/ndarray.ts"
import { compile } from "../../src/driver/compile.ts"
import { topological } from "../../src/ir/walk.ts"

const gradientOf = (f: string) => {
  const { value, diagnostics } = compile({ file: "lean.nda", sources: { "lean.nda": `from nda.nn import leaky_relu\ngraph f(x: f32[40], w: f32[40]) = { y: grad(sum(w * ${f}), over=x) }` } })
  if (!value) throw new Error(diagnostics.map((d) => d.message).join("; "))
  return value.graph
}
const x = Float64Array.from({ length: 40 }, (_, i) => Math.sin(i * 2.3) * 3)
const w = Float64Array.from({ length: 40 }, (_, i) => Math.cos(i * 1.1))

describe("the cotangents of two branches", () => {
  it.each<[string, (v: number) => number, number]>([
    ["leaky_relu(x)", (v) => (v > 0 ? 1 : Math.fround(0.2)), 0],
    ["(if x > 0 { -3 * x } else { x * 0.5 })", (v) => (v > 0 ? -3 : 0.5), 0],
    ["(if x > 0 { x * x } else { 2 * x })", (v) => (v > 0 ? 2 * v : 2), 2],
    ["(if x > 0 { x } else { 0.2 * x } + (if x > 1 { x } else { 0.1 * x }))", (v) => (v > 0 ? 1 : Math.fround(0.2)) + (v > 1 ? 1 : Math.fround(0.1)), Infinity],
  ])("of %s are added only where they overlap", (f, slope, most) => {
    const graph = gradientOf(f)
    const [y] = evaluate(graph.outputs.map((o) => o.node), new Map(graph.inputs.map((i) => [i.node, ndarray("f32", [40], i.name === "x" ? x : w)])), { seed: 0, step: 0, repeat: 0 })
    y!.data.forEach((v, i) => expect(v).toBeCloseTo(w[i]! * slope(x[i]!), 6))
    expect(topological(graph.outputs.map((o) => o.node)).filter((n) => n.prim === "add").length).toBeLessThanOrEqual(most)
  })
})
