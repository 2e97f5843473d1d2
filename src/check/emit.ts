/** Making graph nodes from values: the part of the interpreter that only runs while a graph is built. */
import type { Span } from "../base/span.ts"
import { freeSize } from "../diagnostics/messages/data.ts"
import type { Node } from "../ir/graph.ts"
import * as s from "../scalar/scalar.ts"
import type { Scalar, Var } from "../scalar/scalar.ts"
import { isDim, type Dimension } from "../types/dimension.ts"
import { namesOf, printSize, valueOf } from "../types/size.ts"
import { originOf, report, type Context, type Elaboration } from "./context.ts"
import { tensor, type Data, type DType, type TensorValue } from "./value.ts"

/** The numbers of a shape; a size that is still open is reported, once. */
export const numbers = (ctx: Context, span: Span, dims: readonly Dimension[]): number[] | undefined => {
  const shape: number[] = []
  for (const d of dims) {
    const n = isDim(d) ? valueOf(d.size) : undefined
    if (n === undefined) {
      const open = isDim(d) ? namesOf(d.size).find((a) => a.value === undefined)?.name ?? printSize(d.size) : `..${d.name}`
      report(ctx, freeSize(span, ctx.frames[0]?.name ?? "this entry", open))
      return undefined
    }
    shape.push(n)
  }
  return shape
}

export const apply = (ctx: Context, span: Span, label: string, prim: string, inputs: readonly Node[], attrs: object = {}): Node =>
  ctx.build!.builder.at(originOf(ctx, span, label)).apply(prim, inputs, attrs)

export const constantNode = (ctx: Context, span: Span, value: number, dtype: DType): Node =>
  apply(ctx, span, String(value), "const", [], { data: [value], shape: [], dtype })

/** One element of a node. */
export const readNode = (build: Elaboration, node: Node, index: readonly Scalar[]): Scalar => {
  build.nodes.set(node.id, node)
  return s.read(node.dtype, node.id, index, build.ranges.get(node.id))
}

/** The constant a value is, in the element type asked for. */
export const constantScalar = (value: number, dtype: DType): Scalar => s.constant(value, dtype)

/** A value as a function of its own indices; inside an augment, of the present sample. */
export const elementOf = (ctx: Context, span: Span, v: TensorValue): ((index: readonly Scalar[]) => Scalar) => {
  if (v.literal !== undefined) return () => constantScalar(v.literal!, v.dtype)
  const data = v.data
  if (!data) throw new Error("a value without data was read while building a graph")
  const build = ctx.build!
  switch (data.rate) {
    case "element": return data.at
    case "node": return (index) => readNode(build, data.node, index)
    case "sample": {
      const sample = ctx.sample
      if (!sample) throw new Error("a per-sample value was read outside of any sample")
      return (index) => readNode(build, data.node, [sample, ...index])
    }
    case "picture": {
      const node = data.force()
      return (index) => readNode(build, node, index)
    }
  }
}

/** A whole tensor as a node with exactly its dimensions; per-sample values keep their extra first dimension. */
export const nodeOf = (ctx: Context, span: Span, v: TensorValue): Node => {
  if (v.literal !== undefined) return constantNode(ctx, span, v.literal, v.dtype)
  const data = v.data!
  if (data.rate === "picture") return data.force()
  if (data.rate === "element") {
    const made = materialize(ctx, span, "value", v.dtype, v.dims, data.at)
    if (!made) throw new Error("an open size reached a node")
    return (made as Extract<Data, { rate: "node" | "sample" }>).node
  }
  return data.node
}

/** A tabulate node over expressions whose reads name nodes by id: slots are numbered in order of first use. */
export const tabulate = (ctx: Context, span: Span, label: string, vars: readonly Var[], body: readonly Scalar[], lanes?: number): Node => {
  const build = ctx.build!
  const slots = new Map<number, number>()
  const memo = new Map<Scalar, Scalar>()
  const renumber = (e: Scalar): Scalar => {
    if (e.op !== "read") return e
    if (!slots.has(e.slot)) slots.set(e.slot, slots.size)
    return { ...e, slot: slots.get(e.slot)! }
  }
  const renamed = body.map((b) => s.mapScalar(b, renumber, memo))
  const inputs = [...slots.keys()].map((id) => build.nodes.get(id)!)
  return apply(ctx, span, label, "tabulate", inputs, { vars, body: renamed, ...(lanes === undefined ? {} : { lanes }) })
}

/**
 * A tensor from its element function. Inside an augment the result is per sample when the elements depend on the
 * sample, and a plain node otherwise. `element` is called with the sample of `ctx`.
 */
export const materialize = (ctx: Context, span: Span, label: string, dtype: DType, dims: readonly Dimension[], element: (index: readonly Scalar[]) => Scalar): Data | undefined => {
  const shape = numbers(ctx, span, dims)
  if (!shape) return undefined
  const vars = shape.map((n, i) => s.variable(`i${i}`, n))
  const body = element(vars)
  const sample = ctx.sample
  if (sample?.op === "var" && ctx.batch && mentions(body, sample)) {
    const node = tabulate(ctx, span, label, [sample, ...vars], [body])
    return { rate: "sample", node }
  }
  return { rate: "node", node: tabulate(ctx, span, label, vars, [body]) }
}

const mentions = (root: Scalar, v: Var, seen = new Set<Scalar>()): boolean => {
  if (root === v) return true
  if (seen.has(root)) return false
  seen.add(root)
  return s.operands(root).some((x) => mentions(x, v, seen))
}

export interface Operand {
  readonly value: TensorValue
  /** Where each of its dimensions lies in the result. */
  readonly map: readonly number[]
}

const rank = { node: 0, picture: 0, sample: 1, element: 2 } as const

/** The data of an elementwise result: `scalar` combines elements, `prim` is the primitive that does the same to nodes. */
export const elementwise = (
  ctx: Context, span: Span, prim: string, attrs: object, operands: readonly Operand[], dtype: DType, dims: readonly Dimension[], scalar: (xs: readonly Scalar[]) => Scalar,
): Data | undefined => {
  if (!ctx.build) return undefined
  const rates = operands.map((o) => (o.value.literal !== undefined || !o.value.data ? 0 : rank[o.value.data.rate]))
  const rate = Math.max(0, ...rates)
  if (rate === 2) {
    const elements = operands.map((o) => elementOf(ctx, span, o.value))
    return { rate: "element", at: (index) => scalar(operands.map((o, i) => elements[i]!(o.map.map((d) => index[d]!)))) }
  }
  const shape = numbers(ctx, span, dims)
  if (!shape) return undefined
  const lifted = rate === 1
  const full = lifted ? [ctx.batch!.size, ...shape] : shape
  const nodes = operands.map((o, i) => {
    const node = nodeOf(ctx, span, o.value)
    const map = lifted ? (rates[i] === 1 ? [0, ...o.map.map((d) => d + 1)] : o.map.map((d) => d + 1)) : o.map
    return broadcast(ctx, span, node, full, map)
  })
  const node = apply(ctx, span, prim, prim, nodes, attrs)
  const known = Math.max(...operands.map((o) => o.value.dims.length)) >= 0 && node.dtype !== dtype
  if (known) throw new Error(`${prim} gave ${node.dtype} where ${dtype} was expected`)
  return lifted ? { rate: "sample", node } : { rate: "node", node }
}

export const broadcast = (ctx: Context, span: Span, node: Node, shape: readonly number[], map: readonly number[]): Node =>
  node.shape.length === shape.length && node.shape.every((n, d) => n === shape[d] && map[d] === d) ? node : apply(ctx, span, "broadcast", "broadcast", [node], { shape, map })

/** Casts between element types, as an elementwise operation. */
export const castTo = (ctx: Context, span: Span, v: TensorValue, to: DType): TensorValue => {
  if (v.dtype === to) return v
  if (v.literal !== undefined) return { ...v, dtype: to, literal: to === "f32" ? v.literal : to === "bool" ? Number(v.literal !== 0) : Math.trunc(v.literal), data: undefined }
  const operand: Operand = { value: v, map: v.dims.map((_, i) => i) }
  const data = elementwise(ctx, span, "cast", { to }, [operand], to, v.dims, ([x]) => s.cast(to, x!))
  return { ...tensor(to, v.dims, data, { alias: undefined }) }
}
