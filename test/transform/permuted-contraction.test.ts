/** A contraction that gives its result with its dimensions in another order: the same numbers, and only where nobody reads them in the old order. */
import { describe, expect, it } from "vitest"
import { evaluate } from "../../src/backend/reference/evaluate.ts"
import { ndarray } from "../../src/backend/reference/ndarray.ts"
import { graphBuilder } from "../../src/ir/build.ts"
import type { Graph, Node } from "../../src/ir/graph.ts"
import { topological } from "../../src/ir/walk.ts"
import type { ContractAttrs } from "../../src/prim/contraction.ts"
import { primitiveNamed } from "../../src/prim/table.ts"
import { simplifyGraph } from "../../src/transform/simplify.ts"

const orders = (n: number): number[][] => (n === 0 ? [[]] : orders(n - 1).flatMap((p) => Array.from({ length: n }, (_, at) => [...p.slice(0, at), n - 1, ...p.slice(at)])))
const graphOf = (inputs: readonly Node[], outputs: readonly Node[]): Graph =>
  ({ entry: "f", sources: [], rasters: [], inputs: inputs.map((node, i) => ({ name: `x${i}`, node, source: undefined })), outputs: outputs.map((node, i) => ({ name: `y${i}`, node, picture: undefined, population: undefined })) })
const prims = (g: Graph): string[] => topological(g.outputs.map((o) => o.node)).map((n) => n.prim).filter((p) => p !== "input")
const valuesOf = (g: Graph): Float64Array[] =>
  evaluate(g.outputs.map((o) => o.node), new Map(g.inputs.map(({ node }, k) => [node, ndarray("f32", node.shape, Float64Array.from({ length: node.shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * 1.7 + k)))])), { seed: 0, step: 0, repeat: 0 }).map((v) => v.data)

const samples = primitiveNamed("contract").samples.filter((s) => (s.attrs as ContractAttrs).shape === undefined && s.inputs.every((i) => i.shape.every((n) => n > 0)))

describe("permute-of-contraction", () => {
  it.each(samples.map((s, i) => [i, s] as const))("gives the same numbers: sample %i", (_, { inputs, attrs }) => {
    const { out } = attrs as ContractAttrs
    for (const perm of orders(out.length).slice(0, 24)) {
      const b = graphBuilder()
      const given = inputs.map((x, i) => b.input(`x${i}`, "f32", x.shape))
      const graph = graphOf(given, [b.apply("permute", [b.apply("contract", given, attrs as object)], { perm })])
      const simple = simplifyGraph(graph)
      if (out.length > 1) expect(prims(simple)).toEqual(["contract"])
      expect(simple.outputs[0]!.node.shape).toEqual(graph.outputs[0]!.node.shape)
      expect(valuesOf(simple)).toEqual(valuesOf(graph))
    }
  })

  it("is left where the result is read as it is too", () => {
    const b = graphBuilder()
    const [x, y] = [b.input("x", "f32", [3, 4]), b.input("y", "f32", [4, 5])]
    const product = b.apply("contract", [x, y], { out: [3, 5], over: [4], left: [0, 2].map((loop) => ({ terms: [{ loop, step: 1 }], offset: 0, divide: 1 })), right: [2, 1].map((loop) => ({ terms: [{ loop, step: 1 }], offset: 0, divide: 1 })) })
    const turned = b.apply("permute", [product], { perm: [1, 0] })
    expect(prims(simplifyGraph(graphOf([x, y], [turned, product])))).toEqual(["contract", "permute"])
    expect(prims(simplifyGraph(graphOf([x, y], [turned, b.apply("exp", [product])])))).toContain("permute")
  })
})
