import { describe, expect, test } from "vitest"
import { sourceFile } from "../../src/base/source.ts"
import { graphBuilder } from "../../src/ir/build.ts"
import type { Graph, Node } from "../../src/ir/graph.ts"
import { printGraph, printNodes } from "../../src/ir/print.ts"
import { verifyGraph, verifyNodes } from "../../src/ir/verify.ts"
import { topological, usersOf } from "../../src/ir/walk.ts"
import { add, binary, f32, i32, read, reduce, select, sub, variable } from "../../src/scalar/scalar.ts"
import type { Scalar } from "../../src/scalar/scalar.ts"

const mirrored = (names: readonly [string, string]) => {
  const [y, x] = [variable(names[0], 3), variable(names[1], 4)]
  return { vars: [y, x], body: [read("f32", 0, [y, sub(i32(3), x)])] }
}

describe("the builder", () => {
  test("makes equal nodes once, whatever their variables are called and wherever they come from", () => {
    const b = graphBuilder()
    const x = b.input("x", "f32", [3, 4])
    const elsewhere = b.at({ span: { file: "a.nda", start: 4, end: 5 }, label: "flip", path: "p" })
    expect(b.apply("tabulate", [x], mirrored(["y", "x"]))).toBe(elsewhere.apply("tabulate", [x], mirrored(["i", "j"])))
    expect(b.add(x, x)).toBe(b.add(x, x))
    expect(b.scalar(0)).not.toBe(b.scalar(-0))
    expect(b.scalar(1)).not.toBe(b.scalar(1, "i32"))
  })

  test("keeps apart bodies that differ only in which variable stands where", () => {
    const b = graphBuilder()
    const x = b.input("x", "f32", [3, 3])
    const [i, j] = [variable("i", 3), variable("j", 3)]
    const kept = b.apply("tabulate", [x], { vars: [i, j], body: [read("f32", 0, [i, j])] })
    expect(b.apply("tabulate", [x], { vars: [i, j], body: [read("f32", 0, [j, i])] })).not.toBe(kept)
  })

  test("keeps draws of different places apart and merges those of one", () => {
    const b = graphBuilder()
    const index = b.input("#index", "i32", [4])
    const [zero, one] = [b.scalar(0), b.scalar(1)]
    const draw = (path: string, site: number): Node => b.apply("draw", [index, zero, one], { dist: "uniform", path, site, per: "sample" })
    expect(draw("p.a", 1)).toBe(draw("p.a", 1))
    expect(draw("p.a", 1)).not.toBe(draw("p.b", 2))
    expect(draw("p.a", 1).shape).toEqual([4])
  })

  test("refuses an ill-typed application as a bug of its caller", () => {
    const b = graphBuilder()
    const x = b.input("x", "f32", [3, 4])
    expect(() => b.apply("add", [x, b.scalar(1)])).toThrow(/ill-typed add: add takes operands of one type, not f32\[3, 4\] and f32\[\]/)
    expect(() => b.apply("tabulate", [x], { vars: [], body: [read("f32", 0, [i32(0)])] })).toThrow(/has 1 indices for rank 2/)
    expect(() => b.apply("tabulate", [x], { vars: [], body: [read("f32", 0, [i32(0), variable("q", 4)])] })).toThrow(/variable q is not bound/)
  })
})

test("the walk is deeper than the stack and puts operands first", () => {
  const b = graphBuilder()
  let x = b.input("x", "f32", [])
  for (let i = 0; i < 50_000; i++) x = b.apply("neg", [x])
  const order = topological([x])
  expect(order.length).toBe(50_001)
  expect(order.every((node) => node.inputs.every((input) => input.id < node.id))).toBe(true)
  expect(usersOf(order).get(order[0]!)).toEqual([order[1]])
})

test("the verifier finds a wrong type, a younger operand and an unknown primitive", () => {
  const b = graphBuilder()
  const x = b.input("x", "f32", [2])
  const y = b.apply("exp", [x])
  expect(verifyNodes([y])).toEqual([])
  expect(verifyNodes([{ ...y, shape: [3] }])).toEqual(["node 1 (exp) says f32[3], but is f32[2]"])
  expect(verifyNodes([{ ...y, id: 0 }]).join()).toMatch(/not older/)
  expect(verifyNodes([{ ...y, prim: "explode" }])).toEqual(["node 1 (explode) is no primitive of the table"])
})

test("the verifier of a whole graph finds unlisted inputs, double names and missing fields", () => {
  const b = graphBuilder()
  const [x, y] = [b.input("x", "f32", [2]), b.input("y", "f32", [2])]
  const graph: Graph = {
    entry: "g", rasters: [], sources: [],
    inputs: [{ name: "x", node: x, source: { name: "b", field: "image" } }],
    outputs: [{ name: "o", node: b.add(x, y), picture: undefined, population: undefined }, { name: "o", node: x, picture: undefined, population: undefined }],
  }
  expect(verifyGraph(graph)).toEqual(["two outputs are called o", "node 1 is an input that the graph does not list", "input x comes from the source b, which the graph does not have"])
  const mended: Graph = {
    ...graph, inputs: [{ name: "x", node: x, source: undefined }, { name: "y", node: y, source: undefined }], outputs: graph.outputs.slice(0, 1),
  }
  expect(verifyGraph(mended)).toEqual([])
  expect(printGraph(mended)).toBe("graph g\n  %0 = input name=x  f32[2]\n  %1 = input name=y  f32[2]\n  %2 = add %0 %1  f32[2]\n  output o = %2\n")
})

test("the printer numbers densely, names what is read and defines shared parts once", () => {
  const file = sourceFile("chain.nda", "graph g(x) = {\n  flip(x)\n}\n")
  const b = graphBuilder().at({ span: { file: "chain.nda", start: 17, end: 21 }, label: "flip", path: "g.flip" })
  const x = b.input("x", "f32", [2, 3, 4])
  const unused = b.apply("exp", [x])
  const index = b.input("#index", "i32", [2])
  const flips = b.apply("draw", [index, b.scalar(0.5)], { dist: "bernoulli", path: "g.flip", site: 7, per: "sample" })
  const [n, i, j, k] = [variable("n", 2), variable("y", 3), variable("x", 4), variable("k", 4)]
  const place: Scalar = select({ op: "read", type: "bool", slot: 1, index: [n], range: undefined }, sub(i32(3), j), j)
  const mean = binary("div", reduce("sum", [k], read("f32", 0, [n, i, k])), f32(4))
  const out = b.apply("tabulate", [x, flips], { vars: [n, i, j], lanes: 1, body: [add(read("f32", 0, [n, i, place]), mean), binary("mul", mean, mean)] })
  expect(unused.id).toBe(1)
  expect(printNodes([out], new Map([["chain.nda", file]])).text).toBe(`%0 = input name=x  f32[2,3,4]    chain.nda:2  flip
%1 = input name=#index  i32[2]    chain.nda:2  flip
%2 = const data=[0.5]  f32[]    chain.nda:2  flip
%3 = draw %1 %2 dist=bernoulli path=g.flip site=7 per=sample  bool[2]    chain.nda:2  flip
%4 = tabulate %0 %3 (n, y, x) lanes=1 {
    $0 = sum(k < 4) { %0[n, y, k] } / 4.0
    %0[n, y, select(%3[n], 3 - x, x)] + $0
    $0 * $0
} f32[2,2,3,4]    chain.nda:2  flip
`)
})
