/** Gradients of whole graphs against central differences in f64. */
import { expect } from "vitest"
import { evaluate } from "../../src/backend/reference/evaluate.ts"
import { centralDifference } from "../../src/backend/reference/finite-difference.ts"
import { ndarray, type NdArray } from "../../src/backend/reference/ndarray.ts"
import { graphBuilder, type Builder } from "../../src/ir/build.ts"
import type { Node } from "../../src/ir/graph.ts"
import { verifyNodes } from "../../src/ir/verify.ts"
import { topological } from "../../src/ir/walk.ts"
import { elementCount } from "../../src/prim/shape.ts"
import { gradients } from "../../src/transform/autodiff.ts"
import { spread } from "../prim/sampled.ts"

export const settings = { seed: 1, step: 0, repeat: 0 }
export type Feeds = Map<Node, NdArray>

/** Inputs of a graph with reproducible values in [low, high). */
export interface Bench {
  readonly builder: Builder
  readonly feeds: Feeds
  input(name: string, shape: readonly number[], low?: number, high?: number): Node
}

export const bench = (): Bench => {
  const builder = graphBuilder()
  const feeds: Feeds = new Map()
  return {
    builder, feeds,
    input: (name, shape, low = -1, high = 1) => {
      const node = builder.input(name, "f32", shape)
      feeds.set(node, ndarray("f32", shape, spread(elementCount(shape), feeds.size + 1).map((u) => Math.fround(low + (high - low) * u))))
      return node
    },
  }
}

export const valuesOf = (nodes: readonly Node[], feeds: ReadonlyMap<Node, NdArray>, mode: "exact" | "reference" | "f32" = "exact"): Float64Array[] => evaluate(nodes, feeds, settings, mode).map((x) => x.data)

export const sumAll = (b: Builder, x: Node): Node => b.apply("sum", [x], { axes: x.shape.map((_, d) => d) })
export const sumOfSquares = (b: Builder, x: Node): Node => sumAll(b, b.mul(x, x))
/** A sum in which every element counts differently. */
export const weighted = (b: Builder, x: Node, stream = 5): Node => sumAll(b, b.mul(x, b.constant(spread(elementCount(x.shape), stream).map((u) => u - 0.3), "f32", x.shape)))
export const repeat = (b: Builder, x: Node, shape: readonly number[], map: readonly number[]): Node => b.apply("broadcast", [x], { shape, map })
export const filled = (b: Builder, value: number, shape: readonly number[]): Node => (shape.length === 0 ? b.scalar(value) : repeat(b, b.scalar(value), shape, []))

/** Nodes that the gradients need beyond the loss. */
export const added = (loss: Node, gradient: readonly Node[]): Node[] => {
  const before = new Set(topological([loss]))
  return topological(gradient).filter((node) => !before.has(node))
}

/** Checks the gradient of `loss` in every one of `wrt` at every element, or at a few evenly spread ones; gives the gradients. */
export const checked = ({ builder, feeds }: Pick<Bench, "builder" | "feeds">, loss: Node, wrt: readonly Node[], most = 12, mode: "exact" | "reference" = "exact"): Node[] => {
  const { values } = gradients(builder, loss, wrt)
  const found = values.map((v, i) => {
    expect(v, `a gradient for ${(wrt[i]!.attrs as { name?: string }).name}`).toBeDefined()
    return v!
  })
  expect(verifyNodes(found)).toEqual([])
  const got = valuesOf(found, feeds, mode)
  wrt.forEach((x, i) => {
    const fed = feeds.get(x)!
    const count = fed.data.length
    const places = Array.from({ length: Math.min(count, most) }, (_, k) => Math.floor((k * count) / Math.min(count, most)))
    const numerical = centralDifference((part) => {
      const data = Float64Array.from(fed.data)
      places.forEach((place, k) => (data[place] = part[k]!))
      return valuesOf([loss], new Map(feeds).set(x, ndarray("f32", x.shape, data)), mode)[0]![0]!
    }, Float64Array.from(places, (place) => fed.data[place]!))
    const scale = Math.max(1, ...numerical.map(Math.abs))
    places.forEach((place, k) => {
      const error = Math.abs(got[i]![place]! - numerical[k]!) / scale
      if (!(error < 1e-6)) throw new Error(`d loss / d ${(x.attrs as { name?: string }).name}[${place}] is ${got[i]![place]}, central differences give ${numerical[k]}`)
    })
  })
  return found
}
