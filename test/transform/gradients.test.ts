import { describe, expect, test } from "vitest"
import { graphBuilder } from "../../src/ir/build.ts"
import type { Node } from "../../src/ir/graph.ts"
import { einsum } from "../../src/prim/einsum.ts"
import { gradients } from "../../src/transform/autodiff.ts"
import { added, bench, checked, filled, repeat, sumAll, sumOfSquares, weighted } from "./numerical.ts"
import { batchNorm, conv, linear, logSumExp, mean, normalised, relu, softmax, spectral } from "./networks.ts"

describe("compositions have the gradient that central differences give", () => {
  test("a perceptron with tanh, relu and softplus", () => {
    const t = bench()
    const { builder: b } = t
    const [x, w1, c1, w2, c2] = [t.input("x", [4, 5]), t.input("w1", [6, 5]), t.input("c1", [6]), t.input("w2", [3, 6]), t.input("c2", [3])]
    const y = linear(b, relu(b, b.apply("tanh", [linear(b, x, w1, c1)])), w2, c2)
    checked(t, mean(b, b.apply("softplus", [y]), [0, 1]), [x, w1, c1, w2, c2], 30)
  })

  test("a convolutional net with batch norm and strides", () => {
    const t = bench()
    const { builder: b } = t
    const [x, w1, g1, s1, w2] = [t.input("x", [2, 3, 8, 8]), t.input("w1", [4, 3, 3, 3]), t.input("gain", [4], 0.5, 1.5), t.input("bias", [4]), t.input("w2", [5, 4, 3, 3])]
    const hidden = b.apply("tanh", [batchNorm(b, conv(b, x, w1), g1, s1)])
    const loss = weighted(b, mean(b, conv(b, hidden, w2, 2), [2, 3]))
    const found = checked(t, loss, [x, w1, g1, s1, w2], 16)
    const made = added(loss, found)
    expect(made.filter((node) => node.prim === "scatter_add")).toEqual([])
    expect(made.filter((node) => node.prim === "contract").length).toBe(4)
    expect(made.length).toBeLessThan(50)
  })

  test("attention with softmax", () => {
    const t = bench()
    const { builder: b } = t
    const [x, wq, wk, wv] = [t.input("x", [2, 5, 4]), t.input("wq", [3, 4]), t.input("wk", [3, 4]), t.input("wv", [4, 4])]
    const project = (w: Node): Node => einsum(b, "ntd,kd->ntk", [x, w])
    const mixed = einsum(b, "nqk,nkd->nqd", [softmax(b, einsum(b, "nqd,nkd->nqk", [project(wq), project(wk)])), project(wv)])
    checked(t, weighted(b, b.add(x, mixed)), [x, wq, wk, wv], 20)
  })

  test("cross-entropy through logsumexp and contrastive scores of unit vectors", () => {
    const t = bench()
    const { builder: b } = t
    const [q, k] = [t.input("q", [4, 6]), t.input("k", [4, 6])]
    const scores = einsum(b, "nd,md->nm", [normalised(b, q), normalised(b, k)])
    const right = einsum(b, "nn->n", [scores])
    checked(t, mean(b, b.sub(logSumExp(b, b.mul(scores, filled(b, 5, scores.shape))), right), [0]), [q, k], 24)
  })

  test("spectral norm: the gradient flows through the value only", () => {
    const t = bench()
    const { builder: b } = t
    const [w, u] = [t.input("w", [4, 6]), t.input("u", [4])]
    const loss = weighted(b, spectral(b, w, u))
    const { values: [dw, du], cuts } = gradients(b, loss, [w, u])
    expect(dw).toBeDefined()
    expect(du).toBeUndefined()
    expect(cuts.map((c) => c.node.prim)).toContain("stop")
    // As if u and v were numbers: sigma = u^T W v.
    const frozen = bench()
    const w2 = frozen.input("w", [4, 6])
    const [ua, va] = [frozen.input("u", [4]), frozen.input("v", [6])]
    const sigma = sumAll(frozen.builder, frozen.builder.mul(ua, einsum(frozen.builder, "or,r->o", [w2, va])))
    checked(frozen, weighted(frozen.builder, frozen.builder.div(w2, repeat(frozen.builder, sigma, [4, 6], []))), [w2, ua, va])
  })

  test("hinge, least squares and binary losses", () => {
    const t = bench()
    const { builder: b } = t
    const z = t.input("z", [12], -2, 2)
    const one = filled(b, 1, [12])
    checked(t, mean(b, relu(b, b.sub(one, z)), [0]), [z])
    checked(t, mean(b, b.mul(b.sub(z, one), b.sub(z, one)), [0]), [z])
    checked(t, mean(b, b.add(relu(b, z), b.apply("log1p", [b.apply("exp", [b.neg(b.apply("abs", [z]))])])), [0]), [z])
  })
})

describe("gradients of gradients", () => {
  test("R1: the squared gradient of a convolutional critic in its pictures, differentiated in its weights", () => {
    const t = bench()
    const { builder: b } = t
    const [x, w1, w2] = [t.input("x", [2, 2, 6, 6]), t.input("w1", [3, 2, 3, 3]), t.input("w2", [2, 3, 3, 3])]
    const scores = sumAll(b, b.apply("tanh", [conv(b, b.apply("softplus", [conv(b, x, w1, 2)]), w2)]))
    const [dx] = gradients(b, scores, [x]).values
    const found = checked(t, sumOfSquares(b, dx!), [x, w1, w2], 12)
    expect(added(sumOfSquares(b, dx!), found).some((node) => node.prim === "scatter_add")).toBe(false)
  })

  test("WGAN-GP: the distance of the gradient's length from 1, through batch norm, relu and einsum", () => {
    const t = bench()
    const { builder: b } = t
    const [x, w1, g, s, w2] = [t.input("x", [3, 2, 4, 4]), t.input("w1", [3, 2, 3, 3]), t.input("g", [3], 0.5, 1.5), t.input("s", [3]), t.input("w2", [1, 48])]
    const features = b.apply("reshape", [b.apply("sigmoid", [batchNorm(b, conv(b, x, w1), g, s)])], { shape: [3, 48] })
    const [dx] = gradients(b, sumAll(b, einsum(b, "nd,kd->nk", [features, w2])), [x]).values
    const length = b.apply("sqrt", [b.apply("sum", [b.mul(dx!, dx!)], { axes: [1, 2, 3] })])
    const off = b.sub(length, filled(b, 1, [3]))
    checked(t, mean(b, b.mul(off, off), [0]), [x, w1, g, w2], 12)
  })

  test("third order of one number", () => {
    const t = bench()
    const { builder: b } = t
    const x = t.input("x", [3])
    let y = sumAll(b, b.mul(b.apply("sin", [x]), b.apply("exp", [x])))
    for (let k = 0; k < 2; k++) y = sumOfSquares(b, gradients(b, y, [x]).values[0]!)
    checked(t, y, [x])
  })
})

describe("where gradients end", () => {
  test("a node that the loss does not depend on has none, and nothing was cut", () => {
    const b = graphBuilder()
    const [x, y] = [b.input("x", "f32", [3]), b.input("y", "f32", [3])]
    expect(gradients(b, sumAll(b, x), [y])).toEqual({ values: [undefined], cuts: [] })
  })

  test("the loss itself has the gradient 1, and a node between passes on what it receives", () => {
    const t = bench()
    const { builder: b } = t
    const x = t.input("x", [2])
    const y = b.mul(x, x)
    const loss = sumAll(b, b.mul(y, y))
    const { values } = gradients(b, loss, [loss, y, x])
    expect(values.every((v) => v !== undefined)).toBe(true)
    checked(t, loss, [x])
  })

  test.each([
    ["floor", (b: ReturnType<typeof graphBuilder>, x: Node) => b.apply("floor", [x]), /floor is piecewise constant/],
    ["stop", (b: ReturnType<typeof graphBuilder>, x: Node) => b.apply("stop", [x]), /stop cuts the gradient on purpose/],
    ["a comparison", (b: ReturnType<typeof graphBuilder>, x: Node) => b.apply("cast", [b.apply("gt", [x, filled(b, 0, x.shape)])], { to: "f32" }), /> gives a truth value/],
    ["argmax", (b: ReturnType<typeof graphBuilder>, x: Node) => b.apply("cast", [b.apply("argmax", [x], { axis: 0 })], { to: "f32" }), /argmax gives a position/],
    ["a cast to integers", (b: ReturnType<typeof graphBuilder>, x: Node) => b.apply("cast", [b.apply("cast", [x], { to: "i32" })], { to: "f32" }), /cast gives i32/],
  ] as const)("%s cuts, says so, and leaves other paths alone", (_name, cutting, why) => {
    const b = graphBuilder()
    const x = b.input("x", "f32", [4])
    const dead = gradients(b, sumAll(b, cutting(b, x)), [x])
    expect(dead.values).toEqual([undefined])
    expect(dead.cuts.map((c) => c.why).join()).toMatch(why)
    const live = gradients(b, b.add(sumAll(b, cutting(b, x)), sumAll(b, x)), [x])
    expect(live.values[0]).toBe(filled(b, 1, [4]))
  })

  test("integers and truth values receive nothing, and a chosen branch receives all", () => {
    const t = bench()
    const { builder: b } = t
    const [x, y] = [t.input("x", [6]), t.input("y", [6])]
    checked(t, weighted(b, b.apply("select", [b.apply("lt", [x, y]), b.mul(x, y), b.apply("exp", [y])])), [x, y])
  })

  test("only nodes between wrt and the loss are differentiated", () => {
    const t = bench()
    const { builder: b } = t
    const [x, frozen] = [t.input("x", [2, 3]), t.input("frozen", [2, 3])]
    let deep = frozen
    for (let k = 0; k < 20; k++) deep = b.apply("tanh", [b.mul(deep, deep)])
    const loss = sumAll(b, b.mul(x, deep))
    const [dx] = gradients(b, loss, [x]).values
    expect(dx).toBe(deep)
  })

  test("graphs deeper than the stack are no matter", () => {
    const t = bench()
    const { builder: b } = t
    const x = t.input("x", [2])
    let y = x
    for (let k = 0; k < 20_000; k++) y = b.apply("sin", [y])
    expect(gradients(b, sumAll(b, y), [x]).values[0]).toBeDefined()
  })

  test("the same loss gives the same graph", () => {
    const made = (): string => {
      const t = bench()
      const { builder: b } = t
      const [x, w] = [t.input("x", [2, 2, 4, 4]), t.input("w", [3, 2, 3, 3])]
      gradients(b, sumOfSquares(b, conv(b, b.apply("tanh", [x]), w)), [x, w])
      return b.nodes().map((n) => `${n.id} ${n.prim} ${n.inputs.map((i) => i.id).join()}`).join("\n")
    }
    expect(made()).toBe(made())
  })

  test("a loss of many numbers is a bug of the caller", () => {
    const b = graphBuilder()
    expect(() => gradients(b, b.input("x", "f32", [2]), [])).toThrow(/no single f32/)
  })
})
