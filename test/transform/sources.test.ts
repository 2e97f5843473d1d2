/** The gradients of reads at computed places: gathers where the index map can be inverted, always the same numbers as the scatter. */
import { describe, expect, test } from "vitest"
import type { Builder } from "../../src/ir/build.ts"
import type { Node } from "../../src/ir/graph.ts"
import { ndarray } from "../../src/backend/reference/ndarray.ts"
import { verifyNodes } from "../../src/ir/verify.ts"
import { topological } from "../../src/ir/walk.ts"
import { sumOfSources } from "../../src/prim/sum-of-sources.ts"
import { add, cast, eq, f32, i32, idiv, lt, ge, and, max, min, mod, mul, read, reduce, select, sub, unary, variable, type Scalar, type Var } from "../../src/scalar/scalar.ts"
import { added, bench, checked, valuesOf, weighted } from "./numerical.ts"

const vars = (...extents: number[]): Var[] => extents.map((n, d) => variable("nyx"[d] ?? "k", n))
const clamp = (e: Scalar, extent: number): Scalar => max(i32(0), min(e, i32(extent - 1)))

interface Map_ {
  readonly name: string
  /** The extents of the variables, and the shape that is written to. */
  readonly from: readonly number[]
  readonly to: readonly number[]
  readonly index: (v: readonly Var[], whole: (slot: number, at: readonly Scalar[], below: number) => Scalar) => readonly Scalar[]
  /** Where it counts; everywhere when left out. */
  readonly where?: (v: readonly Var[]) => Scalar
  /** What the gather must be made of, from the cotangent on. */
  readonly nodes?: readonly string[]
}

const maps: readonly Map_[] = [
  { name: "the identity", from: [3, 4], to: [3, 4], index: (v) => v, nodes: [] },
  { name: "a transposition", from: [3, 4], to: [4, 3], index: ([y, x]) => [x!, y!], nodes: ["permute"] },
  { name: "a repetition", from: [3, 2, 4], to: [3, 4], index: ([n, , x]) => [n!, x!], nodes: ["sum"] },
  { name: "a repetition, transposed", from: [3, 2, 4], to: [4, 3], index: ([n, , x]) => [x!, n!], nodes: ["sum", "permute"] },
  { name: "one column", from: [3], to: [3, 5], index: ([n]) => [n!, i32(2)], nodes: ["tabulate"] },
  { name: "one element, read by all", from: [3, 4], to: [2], index: () => [i32(1)], nodes: ["sum", "tabulate"] },
  { name: "a mirror", from: [3, 4], to: [3, 4], index: ([n, x]) => [n!, sub(i32(3), x!)], nodes: ["tabulate"] },
  { name: "a window", from: [3, 4], to: [3, 9], index: ([n, x]) => [n!, add(x!, i32(3))], nodes: ["tabulate"] },
  { name: "every second", from: [3, 4], to: [3, 9], index: ([n, x]) => [n!, add(mul(x!, i32(2)), i32(1))], nodes: ["tabulate"] },
  { name: "enlargement of each element to 2 x 3", from: [2, 4, 6], to: [2, 2, 2], index: ([n, y, x]) => [n!, idiv(y!, i32(2)), idiv(x!, i32(3))], nodes: ["tabulate", "sum"] },
  { name: "enlargement that does not fit", from: [7], to: [3], index: ([x]) => [idiv(x!, i32(3))], nodes: ["tabulate", "sum"] },
  { name: "tiling", from: [7], to: [3], index: ([x]) => [mod(x!, i32(3))], nodes: ["tabulate", "sum"] },
  { name: "a split of a dimension in three", from: [24], to: [2, 3, 4], index: ([x]) => [idiv(x!, i32(12)), mod(idiv(x!, i32(4)), i32(3)), mod(x!, i32(4))], nodes: ["tabulate"] },
  { name: "a join of dimensions", from: [2, 3, 4], to: [24], index: ([n, y, x]) => [add(mul(n!, i32(12)), add(mul(y!, i32(4)), x!))] },
  { name: "a circular shift by a drawn number", from: [3, 5], to: [3, 5], index: ([n, x], whole) => [n!, mod(add(x!, whole(0, [n!], 5)), i32(5))], nodes: ["tabulate"] },
  { name: "a shift by a drawn number, clamped at the borders", from: [3, 5], to: [3, 5], index: ([n, x], whole) => [n!, clamp(sub(add(x!, whole(0, [n!], 5)), i32(2)), 5)], nodes: ["tabulate", "sum"] },
  {
    name: "padding: clamped, but only counted inside", from: [3, 9], to: [3, 4], index: ([n, x]) => [n!, clamp(sub(x!, i32(3)), 4)],
    where: ([, x]) => and(ge(x!, i32(3)), lt(sub(x!, i32(3)), i32(4))), nodes: ["tabulate"],
  },
  {
    name: "a clamp that counts one place beyond each border", from: [3, 9], to: [3, 4], index: ([n, x]) => [n!, clamp(sub(x!, i32(3)), 4)],
    where: ([, x]) => and(ge(x!, i32(2)), lt(sub(x!, i32(4)), i32(4))), nodes: ["tabulate", "sum"],
  },
  { name: "a mirror by a drawn coin", from: [3, 5], to: [3, 5], index: ([n, x], whole) => [n!, select(eq(whole(0, [n!], 2), i32(0)), sub(i32(4), x!), x!)], nodes: ["tabulate"] },
  { name: "overlapping windows with stride 2 and a border", from: [2, 4, 3], to: [2, 7], index: ([n, y, x]) => [n!, clamp(sub(add(mul(y!, i32(2)), x!), i32(1)), 7)], nodes: ["tabulate", "sum"] },
  { name: "an element of each row, where an integer says", from: [4], to: [4, 5], index: ([n], whole) => [n!, whole(0, [n!], 5)], nodes: ["tabulate"] },
  { name: "a row per number, several of them equal", from: [4, 3], to: [5, 3], index: ([n, x], whole) => [whole(0, [n!], 5), x!], nodes: ["tabulate", "sum"] },
  {
    name: "a jigsaw of 2 x 2 pieces", from: [3, 4, 6], to: [3, 4, 6], nodes: ["tabulate", "sum"],
    index: ([n, y, x], whole) => {
      const piece = whole(1, [n!, add(mul(idiv(y!, i32(2)), i32(2)), idiv(x!, i32(3)))], 4)
      return [n!, add(mul(idiv(piece, i32(2)), i32(2)), mod(y!, i32(2))), add(mul(mod(piece, i32(2)), i32(3)), mod(x!, i32(3)))]
    },
  },
  { name: "a diagonal", from: [4], to: [4, 4], index: ([n]) => [n!, n!], nodes: ["tabulate"] },
  { name: "sums and differences of two variables", from: [3, 4], to: [6, 6], index: ([y, x]) => [add(y!, x!), add(sub(y!, x!), i32(3))] },
  { name: "a product of two variables", from: [3, 3], to: [5], index: ([y, x]) => [mul(y!, x!)] },
]

describe("sums over sources", () => {
  test.each(maps.map((m) => [m.name, m] as const))("%s", (_name, m) => {
    const t = bench()
    const { builder: b, feeds } = t
    const g = t.input("g", m.from)
    const scale = t.input("scale", [m.from[0]!])
    const whole = b.input("whole", "i32", [m.from[0]!])
    feeds.set(whole, ndarray("i32", whole.shape, Array.from({ length: m.from[0]! }, (_, i) => [3, 1, 3, 0][i % 4]!)))
    const pieces = b.input("pieces", "i32", [m.from[0]!, 4])
    feeds.set(pieces, ndarray("i32", pieces.shape, Array.from({ length: m.from[0]! }, (_, i) => [[2, 0, 3, 1], [3, 2, 1, 0], [1, 2, 0, 3]][i % 3]!).flat()))
    const at = vars(...m.from)
    const index = m.index(at, (slot, place, below) => mod(read("i32", slot, place, slot === 0 ? [0, 4] : [0, 3]), i32(below)))
    const plain = read("f32", 2, at)
    for (const value of [plain, mul(plain, read("f32", 3, [at[0]!]))]) {
      const counted = m.where ? select(m.where(at), value, f32(0)) : value
      const inputs = [whole, pieces, g, scale]
      const term = { vars: at, index, value: counted }
      const made = sumOfSources<Node>(b, inputs, m.to, [term])
      const scattered = b.apply("scatter_add", inputs, { shape: m.to, terms: [term] })
      expect(verifyNodes([made])).toEqual([])
      const [got, want] = valuesOf([made, scattered], feeds)
      got!.forEach((x, i) => expect(x).toBeCloseTo(want![i]!, 12))
      expect(want!.some((x) => x !== 0)).toBe(true)
      const prims = topological([made]).filter((node) => !inputs.includes(node)).map((node) => node.prim)
      if (value === plain && m.nodes) expect(prims).toEqual(m.nodes)
    }
  })

  test("any composition of shifts, multiples, blocks, remainders, clamps and choices is what its scatter is", () => {
    let state = 12345
    const below = (n: number): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % n
    let gathered = 0
    for (let round = 0; round < 150; round++) {
      const t = bench()
      const { builder: b, feeds } = t
      const from = Array.from({ length: 1 + below(3) }, () => 2 + below(5))
      const to = Array.from({ length: 1 + below(2) }, () => 2 + below(6))
      const at = vars(...from)
      const g = t.input("g", from)
      const whole = b.input("whole", "i32", [from[0]!])
      feeds.set(whole, ndarray("i32", whole.shape, Array.from({ length: from[0]! }, () => below(4))))
      const drawn = read("i32", 1, [at[0]!], [0, 3])
      const form = (depth: number): Scalar => {
        const v = at[below(at.length)]!
        if (depth === 0) return v
        const inner = form(depth - 1)
        switch (below(9)) {
          case 0: return add(mul(inner, i32(1 + below(3))), i32(below(5) - 2))
          case 1: return sub(i32(below(6)), inner)
          case 2: return idiv(inner, i32(2 + below(2)))
          case 3: return mod(inner, i32(2 + below(3)))
          case 4: return add(inner, drawn)
          case 5: return add(inner, form(depth - 1))
          case 6: return select(lt(drawn, i32(2)), inner, sub(i32(3), inner))
          case 7: return max(i32(below(2)), min(inner, i32(2 + below(3))))
          default: return inner
        }
      }
      // Kept within the result by a clamp, a remainder, or a clamp that only counts inside.
      const counts: Scalar[] = []
      const index = to.map((extent) => {
        const e = form(below(4))
        switch (below(3)) {
          case 0: return clamp(e, extent)
          case 1: return mod(e, i32(extent))
          default: counts.push(and(ge(e, i32(0)), lt(e, i32(extent))))
        }
        return clamp(e, extent)
      })
      const term = { vars: at, index, value: counts.reduce((value, condition) => select(condition, value, f32(0)), read("f32", 0, at)) }
      const made = sumOfSources<Node>(b, [g, whole], to, [term])
      if (made.prim !== "scatter_add") gathered++
      const [got, want] = valuesOf([made, b.apply("scatter_add", [g, whole], { shape: to, terms: [term] })], feeds)
      got!.forEach((x, i) => expect(x, `round ${round}, element ${i}`).toBeCloseTo(want![i]!, 12))
    }
    expect(gathered).toBeGreaterThan(140)
  })

  test("what cannot be inverted within bounds of work is scattered, the rest beside it is not", () => {
    const t = bench()
    const { builder: b, feeds } = t
    const g = t.input("g", [2, 200])
    const places = b.input("places", "i32", [2, 200])
    feeds.set(places, ndarray("i32", [2, 200], Array.from({ length: 400 }, (_, i) => (i * 7) % 200)))
    const [n, x] = vars(2, 200)
    const value = read("f32", 0, [n!, x!])
    const far = { vars: [n!, x!], index: [n!, read("i32", 1, [n!, x!], [0, 199])], value }
    const near = { vars: [n!, x!], index: [n!, sub(i32(199), x!)], value }
    const made = sumOfSources<Node>(b, [g, places], [2, 200], [far, near])
    expect(topological([made]).map((node) => node.prim).filter((p) => p !== "input").sort()).toEqual(["add", "scatter_add", "tabulate"])
    const scattered = b.apply("scatter_add", [g, places], { shape: [2, 200], terms: [far, near] })
    const [got, want] = valuesOf([made, scattered], feeds)
    got!.forEach((v, i) => expect(v).toBeCloseTo(want![i]!, 12))
  })
})

const tabulate = (b: Builder, inputs: readonly Node[], at: readonly Var[], body: Scalar): Node => b.apply("tabulate", inputs, { vars: at, body: [body] })
const reads = (...index: Scalar[]): Scalar => read("f32", 0, index)

describe("tabulates have the gradient of central differences, without scatters", () => {
  test.each([
    ["elementwise", [3, 4], (n, x) => mul(unary("sin", reads(n!, x!)), unary("exp", reads(n!, x!)))],
    ["a blur with clamped borders", [2, 7], (n, x) => { const d = variable("d", 3); return reduce("sum", [d], mul(cast("f32", add(d, i32(1))), reads(n!, clamp(sub(add(x!, d), i32(1)), 7)))) }],
    ["the largest of overlapping windows", [2, 7], (n, x) => { const d = variable("d", 3); return reduce("max", [d], reads(n!, clamp(sub(add(x!, d), i32(1)), 7))) }],
    ["the product with the first of each row", [3, 4], (n, x) => mul(reads(n!, i32(0)), reads(n!, x!))],
    ["a row minus its sum of squares", [3, 4], (n, x) => { const d = variable("d", 4); return sub(reads(n!, x!), reduce("sum", [d], mul(reads(n!, d), reads(n!, d)))) }],
  ] as [string, number[], (...v: Var[]) => Scalar][])("%s", (_name, shape, body) => {
    const t = bench()
    const { builder: b } = t
    const x = t.input("x", shape)
    const at = vars(...shape)
    const loss = weighted(b, b.apply("tanh", [tabulate(b, [x], at, body(...at))]))
    const found = checked(t, loss, [x])
    expect(added(loss, found).some((node) => node.prim === "scatter_add")).toBe(false)
    // Differentiable again.
    const [dx] = found
    checked(t, weighted(b, b.mul(dx!, dx!)), [x])
  })
})
