/** The benchmark chain `random_crop(pad) |> hflip |> color_jitter(.2,.2,.2) |> jigsaw(2) |> erase(size)` as the elaborator composes it. */
import type { Graph, Node } from "../../src/ir/graph.ts"
import { graphBuilder, nowhere, type Builder } from "../../src/ir/build.ts"
import { add, and, f32, ge, i32, idiv, lt, max, min, mod, mul, read, select, sub, variable, type Scalar } from "../../src/scalar/scalar.ts"

export const fnv1a = (text: string): number => {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return hash >>> 0
}

export const drawNode = (b: Builder, dist: string, path: string, index: Node | undefined, parameters: readonly Node[], more: object = {}): Node =>
  b.apply("draw", index ? [index, ...parameters] : parameters, { dist, path, site: fnv1a(path), per: index ? "sample" : "batch", ...more })

export const graphOf = (inputs: readonly Node[], outputs: Readonly<Record<string, Node>>, rasters: Graph["rasters"] = []): Graph => ({
  entry: "test",
  inputs: inputs.map((node) => ({ name: (node.attrs as { name: string }).name, node, source: undefined })),
  sources: [], rasters,
  outputs: Object.entries(outputs).map(([name, node]) => ({ name, node, picture: undefined, population: undefined }))
})

const clamp01 = (x: Scalar): Scalar => min(max(x, f32(0)), f32(1))
const luma = (p: readonly Scalar[]): Scalar => add(add(mul(p[0]!, f32(0.2989)), mul(p[1]!, f32(0.587))), mul(p[2]!, f32(0.114)))

export interface Chain {
  readonly graph: Graph
  readonly picture: Node
  readonly index: Node
  readonly draws: Readonly<Record<"dy" | "dx" | "flip" | "brightness" | "contrast" | "saturation" | "perm" | "ey" | "ex", Node>>
}

export const chainGraph = (n: number, size: number, pad: number, hole: number): Chain => {
  const b = graphBuilder(nowhere)
  const picture = b.input("x", "f32", [n, 3, size, size])
  const index = b.input("#index", "i32", [n])
  const int = (v: number): Node => b.scalar(v, "i32")
  const draws = {
    dy: drawNode(b, "randint", "chain.random_crop.dy", index, [int(-pad), int(pad + 1)]),
    dx: drawNode(b, "randint", "chain.random_crop.dx", index, [int(-pad), int(pad + 1)]),
    flip: drawNode(b, "bernoulli", "chain.hflip.flip", index, [b.scalar(0.5)]),
    brightness: drawNode(b, "uniform", "chain.color_jitter.b", index, [b.scalar(0.8), b.scalar(1.2)]),
    contrast: drawNode(b, "uniform", "chain.color_jitter.c", index, [b.scalar(0.8), b.scalar(1.2)]),
    saturation: drawNode(b, "uniform", "chain.color_jitter.s", index, [b.scalar(0.8), b.scalar(1.2)]),
    perm: drawNode(b, "permutation", "chain.jigsaw.perm", index, [], { k: 4, identity: false }),
    ey: drawNode(b, "randint", "chain.erase.y", index, [int(0), int(size - hole + 1)]),
    ex: drawNode(b, "randint", "chain.erase.x", index, [int(0), int(size - hole + 1)])
  }
  const ns = variable("n", n)
  const y = variable("y", size)
  const x = variable("x", size)
  // slots: 0 picture, 1 dy, 2 dx, 3 flip, 4 brightness, 5 contrast, 6 saturation, 7 perm, 8 ey, 9 ex, 10 mean
  const int32 = (slot: number): Scalar => read("i32", slot, [ns])
  const float = (slot: number): Scalar => read("f32", slot, [ns])
  const cropped = (at: Scalar, ax: Scalar): Scalar[] => {
    const fx = select(read("bool", 3, [ns]), sub(i32(size - 1), ax), ax)
    const sy = add(at, int32(1))
    const sx = add(fx, int32(2))
    const inside = and(and(ge(sy, i32(0)), lt(sy, i32(size))), and(ge(sx, i32(0)), lt(sx, i32(size))))
    const cy = min(max(sy, i32(0)), i32(size - 1))
    const cx = min(max(sx, i32(0)), i32(size - 1))
    return [0, 1, 2].map((c) => select(inside, read("f32", 0, [ns, i32(c), cy, cx]), f32(0)))
  }
  const bright = (at: Scalar, ax: Scalar): Scalar[] => cropped(at, ax).map((p) => clamp01(mul(p, float(4))))
  const grey = b.apply("tabulate", [picture, draws.dy, draws.dx, draws.flip, draws.brightness], { vars: [ns, y, x], body: [luma(bright(y, x))] })
  const mean = b.div(b.apply("sum", [grey], { axes: [1, 2] }), b.apply("broadcast", [b.scalar(size * size)], { shape: [n], map: [] }))
  const half = i32(size / 2)
  const tile = read("i32", 7, [ns, add(mul(idiv(y, half), i32(2)), idiv(x, half))], [0, 3])
  const jy = add(mul(idiv(tile, i32(2)), half), mod(y, half))
  const jx = add(mul(mod(tile, i32(2)), half), mod(x, half))
  const one = f32(1)
  const contrasted = bright(jy, jx).map((p) => clamp01(add(mul(p, float(5)), mul(read("f32", 10, [ns]), sub(one, float(5))))))
  const grey2 = luma(contrasted)
  const saturated = contrasted.map((p) => clamp01(add(mul(p, float(6)), mul(grey2, sub(one, float(6))))))
  const [ey, ex] = [int32(8), int32(9)]
  const holed = and(and(ge(y, ey), lt(y, add(ey, i32(hole)))), and(ge(x, ex), lt(x, add(ex, i32(hole)))))
  const body = saturated.map((p) => select(holed, f32(0), p))
  const out = b.apply("tabulate", [picture, draws.dy, draws.dx, draws.flip, draws.brightness, draws.contrast, draws.saturation, draws.perm, draws.ey, draws.ex, mean], { vars: [ns, y, x], lanes: 1, body })
  return { graph: graphOf([picture, index], { out }), picture, index, draws }
}
