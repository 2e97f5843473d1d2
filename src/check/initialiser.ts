/** The first values of parameters and states: what is written, or an initialiser's draw, as nodes of the graph that starts a program. */
import { fnv1a32 as siteOf } from "../base/fnv.ts"
import type { Span } from "../base/span.ts"
import { elementType } from "../diagnostics/messages/shapes.ts"
import type { Node } from "../ir/graph.ts"
import { einsum } from "../prim/einsum.ts"
import { originOf, report, type Context } from "./context.ts"
import { apply, broadcast, constantNode, nodeOf } from "./emit.ts"
import { asTensor } from "./operators.ts"
import { printValue } from "./print-value.ts"
import { isSilent, type DistributionValue, type TensorValue, type Value } from "./value.ts"

/** The first value of a slot: an initialiser's draw, or a written value. */
export const initialNode = (ctx: Context, span: Span, path: string, shape: readonly number[], dtype: TensorValue["dtype"], value: Value): Node | undefined => {
  if (value.kind === "distribution") {
    const drawn = drawnInitial(ctx, span, path, shape, value)
    return dtype === "f32" ? drawn : apply(ctx, span, "initial", "cast", [drawn], { to: dtype })
  }
  const t = asTensor(value)
  if (!t) {
    if (!isSilent(value)) report(ctx, elementType(span, "the first value", "an initialiser or a number", printValue(value), undefined))
    return undefined
  }
  const node = t.literal !== undefined ? constantNode(ctx, span, t.literal, dtype) : nodeOf(ctx, span, t)
  return node.shape.length === shape.length ? node : broadcast(ctx, span, node, shape, [])
}

const drawnInitial = (ctx: Context, span: Span, path: string, shape: readonly number[], d: DistributionValue): Node => {
  const scalar = (x: number): Node => constantNode(ctx, span, x, "f32")
  const filled = (x: number): Node => broadcast(ctx, span, scalar(x), shape, [])
  const binary = (prim: string, a: Node, b: Node): Node => apply(ctx, span, prim, prim, [a, b])
  const draw = (dist: string, params: readonly number[]): Node => {
    const attrs = { dist, path: `${path}.initial`, site: siteOf(`${path}.initial`), per: "sample", rest: shape.slice(1) }
    if (shape.length === 0) return apply(ctx, span, "initial", "draw", params.map(scalar), { ...attrs, per: "batch", rest: [] })
    return apply(ctx, span, "initial", "draw", [apply(ctx, span, "position", "iota", [], { axis: 0, shape: [shape[0]!] }), ...params.map(scalar)], attrs)
  }
  const literals = d.params.map((p) => asTensor(p)?.literal ?? 0)
  const receptive = shape.slice(2).reduce((a, b) => a * b, 1)
  const fanIn = (shape[1] ?? shape[0] ?? 1) * receptive
  const fanOut = (shape[0] ?? 1) * receptive
  switch (d.dist) {
    case "zeros": return filled(0)
    case "ones": return filled(1)
    case "normal": case "uniform": return draw(d.dist, literals)
    case "he_normal": return draw("normal", [0, Math.sqrt(2 / fanIn)])
    case "glorot": {
      const bound = Math.sqrt(6 / (fanIn + fanOut))
      return draw("uniform", [-bound, bound])
    }
    case "unit_normal": {
      const x = draw("normal", [0, 1])
      const last = shape.length - 1
      const length = apply(ctx, span, "sum", "sum", [binary("mul", x, x)], { axes: [last] })
      const scale = apply(ctx, span, "rsqrt", "rsqrt", [length])
      return binary("mul", x, apply(ctx, span, "broadcast", "broadcast", [scale], { shape, map: shape.slice(0, -1).map((_, i) => i) }))
    }
    case "orthogonal": return orthogonal(ctx, span, draw("normal", [0, 1]))
    default: throw new Error(`${d.dist} cannot start a slot`)
  }
}

/** The slope at 0 of each of these odd polynomials is 3.4445, and they keep what is between 0 and 1.2 there (Jordan et al., 2024). */
const steep = [3.4445, -4.775, 2.0315] as const

/**
 * Orthonormal rows, or columns where there are fewer of them, of the matrix [first dimension, all others]: the orthogonal
 * factor of the polar decomposition of a Gaussian matrix, so that every rotation is equally likely. Found by odd polynomials
 * in the matrix, which act on its singular values alone: steep ones first, which lift the smallest near to 1, then
 * x -> (3 x - x^3) / 2, which squares the distance from 1 (Newton and Schulz).
 */
const orthogonal = (ctx: Context, span: Span, drawn: Node): Node => {
  const [rows = 1, columns = 1] = [drawn.shape[0], drawn.shape.slice(1).reduce((a, b) => a * b, 1)]
  const builder = ctx.build!.builder.at(originOf(ctx, span, "orthogonal"))
  const [least, most] = [Math.min(rows, columns), Math.max(rows, columns)]
  const made = (prim: string, ...inputs: readonly Node[]): Node => apply(ctx, span, "orthogonal", prim, inputs)
  const scaled = (x: Node, by: number): Node => made("mul", x, broadcast(ctx, span, constantNode(ctx, span, by, "f32"), x.shape, []))
  const along = (axis: number): Node => apply(ctx, span, "orthogonal", "iota", [], { axis, shape: [least, least] })
  const identity = apply(ctx, span, "orthogonal", "cast", [made("eq", along(0), along(1))], { to: "f32" })
  const matrix = apply(ctx, span, "reshape", "reshape", [drawn], { shape: [rows, columns] })
  // The smaller side first; singular values of a Gaussian matrix lie below the sum of the roots of its sides.
  const wide = rows <= columns ? matrix : apply(ctx, span, "permute", "permute", [matrix], { perm: [1, 0] })
  let x = scaled(wide, 1 / (1.1 * (Math.sqrt(least) + Math.sqrt(most))))
  const gram = (): Node => einsum(builder, "ij,kj->ik", [x, x])
  const times = (a: Node, b: Node): Node => einsum(builder, "ij,jk->ik", [a, b])
  // The smallest singular value is near (sqrt(most) - sqrt(least)); of a square one, at least 1e-6 / sqrt(side) but once in a million times.
  const smallest = Math.max(Math.sqrt(most) - Math.sqrt(least), 1e-6 / Math.sqrt(most)) / (2.2 * Math.sqrt(most))
  for (let i = Math.ceil(Math.log(1 / smallest) / Math.log(steep[0])); i > 0; i--) {
    const a = gram()
    x = times(made("add", scaled(identity, steep[0]), made("add", scaled(a, steep[1]), scaled(times(a, a), steep[2]))), x)
  }
  for (let i = 0; i < 6; i++) x = times(made("add", scaled(identity, 1.5), scaled(gram(), -0.5)), x)
  const turned = rows <= columns ? x : apply(ctx, span, "permute", "permute", [x], { perm: [1, 0] })
  return apply(ctx, span, "reshape", "reshape", [turned], { shape: drawn.shape })
}
