/** `let x ~ …`: draws, a pure function of seed, step, where they are written, and the sample (LANGUAGE section 7). */
import { fnv1a32 as siteOf } from "../base/fnv.ts"
import type { Span } from "../base/span.ts"
import { drawInAt, drawInPure, drawShape, drawType, notADistribution, parameterRange } from "../diagnostics/messages/random.ts"
import type { Node } from "../ir/graph.ts"
import type * as Ast from "../syntax/ast.ts"
import { isDim, type Dimension } from "../types/dimension.ts"
import { valueOf } from "../types/size.ts"
import { originOf, report, subPath, type Context } from "./context.ts"
import { apply, castTo, nodeOf, numbers } from "./emit.ts"
import { asTensor } from "./operators.ts"
import { withSamplesFrom } from "./picture.ts"
import { printTensor, printValue } from "./print-value.ts"
import type { Scope } from "./scope.ts"
import { evaluateType } from "./types.ts"
import { errorValue, isSilent, tensor, type DistributionValue, type Type, type Value } from "./value.ts"

const initialisersOnly = new Set(["he_normal", "glorot", "zeros", "ones", "unit_normal", "orthogonal"])

export const evaluateDraw = (ctx: Context, scope: Scope, statement: Extract<Ast.Statement, { kind: "let" }>, value: Value): Value => {
  if (isSilent(value)) return value
  if (value.kind !== "distribution" || initialisersOnly.has(value.dist)) {
    report(ctx, notADistribution(statement.value.span, printValue(value)))
    return errorValue
  }
  if (ctx.inAt) {
    report(ctx, drawInAt(statement.span))
    return errorValue
  }
  if (ctx.role === "fn" || ctx.role === "loss" || ctx.role === "const") {
    report(ctx, drawInPure(statement.span, ctx.frames.at(-1)?.name ?? "this", ctx.role))
    return errorValue
  }
  let annotated: Extract<Type, { kind: "tensor" }> | undefined
  if (statement.type) {
    const type = evaluateType(ctx, scope, statement.type, "require")
    if (!type) return errorValue
    if (type.kind !== "tensor" || (type.dtype !== value.dtype && value.of === undefined)) {
      report(ctx, drawType(statement.type.span, value.dist, value.dtype, type.kind === "tensor" ? printTensor(type.dtype, type.dims, type.alias) : "something else"))
      return errorValue
    }
    annotated = type
  }
  const name = statement.pattern.kind === "name" ? statement.pattern.name.text : "draw"
  return drawValue(ctx, name, value, annotated, statement.span)
}

/** One draw per sample in an augment; elsewhere the annotation gives the shape, sample by sample along its first dimension. */
export const drawValue = (ctx: Context, name: string, dist: DistributionValue, annotated: Extract<Type, { kind: "tensor" }> | undefined, span: Span): Value => {
  const path = subPath(ctx, name)
  if (dist.of?.kind === "field") return drawPartner(ctx, name, dist, path, span)
  const perSample = ctx.role === "augment" && dist.per === "sample"
  const dims: readonly Dimension[] = annotated?.dims ?? dist.rest
  if (ctx.role !== "augment" && !annotated && dist.per === "sample" && dist.rest.length === 0) {
    report(ctx, drawShape(span))
    return errorValue
  }
  const type = tensor(dist.dtype, dims, undefined, { alias: annotated?.alias })
  if (!ctx.build) return type
  const shape = numbers(ctx, span, dims)
  if (!shape) return errorValue
  const params = parameterNodes(ctx, span, dist)
  const k = dist.dist === "permutation" || dist.dist === "derangement" ? { k: shape.at(-1)! } : {}
  const attrs = { dist: dist.dist, path, site: siteOf(path), ...k, ...dist.options }
  if (perSample) {
    const batch = ctx.batch!
    const node = draw(ctx, span, name, [batch.samples, ...params], { ...attrs, per: "sample", rest: shape }, dist)
    return { ...type, data: { rate: "sample", node } }
  }
  if (dist.per === "batch" || shape.length === 0) return { ...type, data: { rate: "node", node: draw(ctx, span, name, params, { ...attrs, per: "batch", rest: shape }, dist) } }
  const positions = apply(ctx, span, "position", "iota", [], { axis: 0, shape: [shape[0]!] })
  const node = draw(ctx, span, name, [positions, ...params], { ...attrs, per: "sample", rest: shape.slice(1) }, dist)
  return { ...type, data: { rate: "node", node } }
}

const draw = (ctx: Context, span: Span, label: string, inputs: readonly Node[], attrs: object, dist: DistributionValue): Node => {
  const build = ctx.build!
  const node = build.builder.at(originOf(ctx, span, label)).apply("draw", inputs, attrs)
  const range = rangeOf(dist)
  if (range) build.ranges.set(node.id, range)
  build.nodes.set(node.id, node)
  return node
}

/** What the integers of a draw lie in, where that is known. */
const rangeOf = (dist: DistributionValue): readonly [number, number] | undefined => {
  if (dist.dist === "permutation" || dist.dist === "derangement") {
    const k = dist.rest[0] && isDim(dist.rest[0]) ? valueOf(dist.rest[0].size) : undefined
    return k === undefined ? undefined : [0, k - 1]
  }
  if (dist.dist === "randint") {
    const [low, high] = dist.params.map((p) => asTensor(p)?.literal)
    return low === undefined || high === undefined ? undefined : [low, high - 1]
  }
  if (dist.dist === "categorical") {
    const k = dist.params[0]?.kind === "int" ? valueOf(dist.params[0].size) : dist.params[0]?.kind === "list" ? dist.params[0].items?.length : undefined
    return k === undefined ? undefined : [0, k - 1]
  }
  return undefined
}

const parameterNodes = (ctx: Context, span: Span, dist: DistributionValue): Node[] => {
  if (dist.dist === "categorical") {
    const by = dist.params[0]!
    const weights = by.kind === "int" ? Array.from({ length: valueOf(by.size)! }, () => 1) : by.kind === "list" ? by.items!.map((x) => asTensor(x)?.literal ?? 0) : undefined
    if (weights) return [apply(ctx, span, "weights", "const", [], { data: weights.map(Math.fround), shape: [weights.length], dtype: "f32" })]
    return [nodeOf(ctx, span, asTensor(by)!)]
  }
  const wanted = dist.dist === "randint" ? "i32" : "f32"
  return dist.params.map((p) => nodeOf(ctx, span, castTo(ctx, span, asTensor(p)!, wanted)))
}

const drawPartner = (ctx: Context, name: string, dist: DistributionValue, path: string, span: Span): Value => {
  const field = dist.of as Extract<Value, { kind: "field" }>
  if (!ctx.build || !field.picture || !ctx.batch) return field
  const n = ctx.batch.size
  if (n < 2) {
    report(ctx, parameterRange(span, "partner", "the batch", "one sample", "two samples or more: a picture alone has no partner"))
    return errorValue
  }
  const attrs = { dist: "partner", path, site: siteOf(path), per: "batch", rest: [n], self: dist.options["self"] !== false }
  const node = draw(ctx, span, name, [], attrs, dist)
  ctx.build.ranges.set(node.id, [0, n - 1])
  return withSamplesFrom(ctx, field, node)
}

