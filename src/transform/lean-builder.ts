/**
 * A builder that leaves out what a gradient rule need not have said: neutral elements, movements that move nothing,
 * sums over what was only repeated, sums of what is 0 on either side of a condition. The rules stay plain; their graphs stay small.
 */
import type { Builder } from "../ir/build.ts"
import type { Node } from "../ir/graph.ts"
import type { BroadcastAttrs, PermuteAttrs } from "../prim/movement.ts"
import type { Build } from "../prim/primitive.ts"
import type { ReductionAttrs } from "../prim/reduction.ts"

/** The one number that all elements are, if the graph says so. */
export const uniformValue = (node: Node): number | undefined => {
  if (node.prim === "broadcast" || node.prim === "reshape") return uniformValue(node.inputs[0]!)
  if (node.prim !== "const") return undefined
  const { data } = node.attrs as { readonly data: readonly number[] }
  return data.length === 1 ? data[0]! : undefined
}

const sameShape = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((extent, d) => extent === b[d])
const inOrder = (list: readonly number[]): boolean => list.every((d, i) => d === i)

type Shortcut = (b: Builder, inputs: readonly Node[], attrs: object) => Node | undefined

/** A value that is 0 on one side of a condition. */
interface Masked {
  readonly condition: Node
  readonly side: 1 | 2
  /** What it is on the other side. */
  readonly value: () => Node
}

const maskedOf = (b: Builder, node: Node): Masked | undefined => {
  if (node.prim === "select") {
    const side = uniformValue(node.inputs[2]!) === 0 ? 1 : uniformValue(node.inputs[1]!) === 0 ? 2 : undefined
    if (!side) return undefined
    const condition = node.inputs[0]!
    const value = (): Node => node.inputs[side]!
    return condition.prim === "not" ? { condition: condition.inputs[0]!, side: side === 1 ? 2 : 1, value } : { condition, side, value }
  }
  if (node.prim !== "mul") return undefined
  const [x, y] = node.inputs as [Node, Node]
  const [mask, factor] = uniformValue(y) === undefined ? [y, x] : [x, y]
  const masked = Number.isFinite(uniformValue(factor)) ? maskedOf(b, mask) : undefined
  return masked && { ...masked, value: () => b.mul(masked.value(), factor) }
}

/** Both sides of one condition, each 0 on the other, are a choice: the cotangents of the two branches of an `if`. */
const choice = (b: Builder, x: Node, y: Node): Node | undefined => {
  const one = maskedOf(b, x)
  const other = one && maskedOf(b, y)
  if (!other || one.condition !== other.condition || one.side === other.side) return undefined
  const [then, otherwise] = one.side === 1 ? [one, other] : [other, one]
  return b.apply("select", [one.condition, then.value(), otherwise.value()])
}

/** c x over all elements. */
const scaled = (b: Builder, x: Node, factor: number): Node =>
  factor === 1 ? x : b.mul(x, x.shape.length === 0 ? b.scalar(factor) : b.apply("broadcast", [b.scalar(factor)], { shape: x.shape, map: [] }))

const sum: Shortcut = (b, [x], attrs) => {
  const { axes } = attrs as ReductionAttrs
  if (axes.length === 0) return x
  if (x!.prim !== "broadcast" || x!.dtype !== "f32") return undefined
  // The sum over a dimension that only repeats is a multiple.
  const { shape, map } = x!.attrs as BroadcastAttrs
  const repeated = axes.filter((d) => !map.includes(d))
  const count = repeated.reduce((n, d) => n * shape[d]!, 1)
  if (repeated.length === 0 || count === 0) return undefined
  const kept = shape.map((_, d) => d).filter((d) => !repeated.includes(d))
  const inner = repeat(b, x!.inputs, { shape: kept.map((d) => shape[d]!), map: map.map((d) => kept.indexOf(d)) })
  const rest = axes.filter((d) => map.includes(d)).map((d) => kept.indexOf(d))
  return scaled(b, rest.length === 0 ? inner : b.apply("sum", [inner], { axes: rest }), count)
}

/** Also joins a broadcast of a broadcast. */
const repeat = (b: Builder, [x]: readonly Node[], { shape, map }: BroadcastAttrs): Node => {
  if (sameShape(x!.shape, shape) && inOrder(map)) return x!
  if (x!.prim !== "broadcast") return b.apply("broadcast", [x!], { shape, map })
  const inner = x!.attrs as BroadcastAttrs
  return repeat(b, x!.inputs, { shape, map: inner.map.map((d) => map[d]!) })
}

const shortcuts: Readonly<Record<string, Shortcut>> = {
  add: (b, [x, y]) => (uniformValue(x!) === 0 ? y : uniformValue(y!) === 0 ? x : choice(b, x!, y!)),
  sub: (b, [x, y]) => (uniformValue(y!) === 0 ? x : uniformValue(x!) === 0 ? lean(b).neg(y!) : undefined),
  mul: (_b, [x, y]) => (uniformValue(x!) === 1 ? y : uniformValue(y!) === 1 ? x : undefined),
  div: (_b, [x, y]) => (uniformValue(y!) === 1 ? x : undefined),
  neg: (_b, [x]) => (x!.prim === "neg" ? x!.inputs[0] : undefined),
  reshape: (b, [x], attrs) => {
    const { shape } = attrs as { readonly shape: readonly number[] }
    return sameShape(x!.shape, shape) ? x : x!.prim === "reshape" ? lean(b).apply("reshape", x!.inputs, attrs) : undefined
  },
  permute: (b, [x], attrs) => {
    const { perm } = attrs as PermuteAttrs
    if (inOrder(perm)) return x
    if (x!.prim !== "permute") return undefined
    const inner = (x!.attrs as PermuteAttrs).perm
    return lean(b).apply("permute", x!.inputs, { perm: perm.map((d) => inner[d]!) })
  },
  broadcast: (b, inputs, attrs) => repeat(b, inputs, attrs as BroadcastAttrs),
  sum,
  slice: (_b, [x], attrs) => (sameShape(x!.shape, (attrs as { readonly size: readonly number[] }).size) ? x : undefined),
  pad: (_b, [x], attrs) => {
    const { low, high } = attrs as { readonly low: readonly number[]; readonly high: readonly number[] }
    return [...low, ...high].every((n) => n === 0) ? x : undefined
  },
}

export const lean = (builder: Builder): Build<Node> => {
  const apply = (prim: string, inputs: readonly Node[], attrs: object = {}): Node =>
    (Object.hasOwn(shortcuts, prim) ? shortcuts[prim]!(builder, inputs, attrs) : undefined) ?? builder.apply(prim, inputs, attrs)
  return {
    typeOf: builder.typeOf, scalar: builder.scalar, zeros: builder.zeros, apply,
    add: (a, b) => apply("add", [a, b]),
    sub: (a, b) => apply("sub", [a, b]),
    mul: (a, b) => apply("mul", [a, b]),
    div: (a, b) => apply("div", [a, b]),
    neg: (a) => apply("neg", [a]),
  }
}
