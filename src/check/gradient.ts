/**
 * `grad(L, over=x)`: while a graph is built the gradient is written out at once, as ordinary nodes, so that what follows
 * may be differentiated again. What is differentiated with respect to is a value: everything made from it counts.
 */
import type { Span } from "../base/span.ts"
import { constantOver, frozenOver, gradientOfIntegers, lossNotScalar, noGradientOver, overNothing } from "../diagnostics/messages/gradients.ts"
import { notInThisPlace } from "../diagnostics/messages/state.ts"
import type { Builder } from "../ir/build.ts"
import type { Node } from "../ir/graph.ts"
import { reportIncomplete } from "./arguments.ts"
import { fail, report, type Context } from "./context.ts"
import { nodeOf } from "./emit.ts"
import { asTensor, type Located } from "./operators.ts"
import { printValue } from "./print-value.ts"
import { packed, parametersOf } from "./tree.ts"
import { errorValue, isSilent, tensor, unknown, type ModelValue, type TensorValue, type Value } from "./value.ts"

/** Reverse mode (`transform/autodiff.ts`): the cotangent of each node, where one reaches it, and where paths end. */
export type Differentiate = (builder: Builder, loss: Node, wrt: readonly Node[]) => { readonly values: readonly (Node | undefined)[]; readonly cuts: readonly { readonly node: Node; readonly why: string }[] }

/** The places where paths end, once each, for a message. */
export const cutPlaces = (cuts: ReturnType<Differentiate>["cuts"]): { readonly span: Span; readonly why: string }[] => {
  const seen = new Set<string>()
  return cuts.flatMap(({ node, why }) => {
    const { span } = node.origin
    const key = `${span.file}:${span.start}:${span.end}`
    if (span.file === "" || seen.has(key)) return []
    seen.add(key)
    return [{ span, why }]
  })
}

export const gradientOf = (ctx: Context, span: Span, loss: Located, over: Located): Value => {
  if (isSilent(loss.value) || isSilent(over.value)) return unknown
  if (ctx.inAt || ctx.role === "augment" || ctx.role === "const") {
    const where = ctx.inAt ? "an `at`" : ctx.role === "augment" ? "an augment" : "a constant"
    return fail(ctx, notInThisPlace({ ...span, end: Math.min(span.end, span.start + "grad".length) }, "grad", where, "a fn, a loss, a block, a step or an entry"))
  }
  if (reportIncomplete(ctx, loss.value) || reportIncomplete(ctx, over.value)) return errorValue
  const l = asTensor(loss.value)
  if (!l || l.dims.length > 0) return fail(ctx, lossNotScalar(loss.span, printValue(loss.value)))
  if (l.dtype !== "f32" && l.literal === undefined) return fail(ctx, gradientOfIntegers(loss.span, "of", printValue(loss.value)))
  return overEach(ctx, span, l, loss.span, over)
}

const overEach = (ctx: Context, span: Span, loss: TensorValue, lossSpan: Span, { value, span: overSpan }: Located): Value => {
  switch (value.kind) {
    case "list": case "tuple": {
      if (!value.items) return unknown
      const items = value.items.map((item) => overEach(ctx, span, loss, lossSpan, { value: item, span: overSpan }))
      return items.find((v) => v.kind === "error") ?? { ...value, items }
    }
    case "model": return overModel(ctx, span, loss, lossSpan, value, overSpan)
    case "tensor": return overTensor(ctx, span, loss, lossSpan, value, overSpan)
    case "unknown": case "error": return value
    default: return fail(ctx, overNothing(overSpan))
  }
}

const overTensor = (ctx: Context, span: Span, loss: TensorValue, lossSpan: Span, over: TensorValue, overSpan: Span): Value => {
  if (over.literal !== undefined) return fail(ctx, constantOver(overSpan, String(over.literal)))
  if (over.dtype !== "f32") return fail(ctx, gradientOfIntegers(overSpan, "over", printValue(over)))
  if (!ctx.build) return tensor("f32", over.dims, undefined, { alias: over.alias })
  const node = nodeOf(ctx, overSpan, over)
  const { values: [value], cuts } = ctx.build.differentiate(ctx.build.builder, nodeOf(ctx, lossSpan, loss), [node])
  // A batch that augments made is composed with the augments that follow, which then do not read it.
  if (!value) return fail(ctx, noGradientOver(overSpan, lossSpan, cutPlaces(cuts), over.data?.rate === "picture"))
  return tensor("f32", over.dims, { rate: "node", node: value }, { alias: over.alias, samples: over.samples })
}

const overModel = (ctx: Context, span: Span, loss: TensorValue, lossSpan: Span, model: ModelValue, overSpan: Span): Value => {
  if (model.mode === "follow") return fail(ctx, frozenOver(overSpan, model.name))
  if (!ctx.build) return { kind: "opaque", type: "Tree" }
  const leaves = parametersOf(ctx.build.learning, model)
  const { values, cuts } = ctx.build.differentiate(ctx.build.builder, nodeOf(ctx, lossSpan, loss), leaves.map((p) => p.node))
  if (values.every((v) => v === undefined)) {
    report(ctx, noGradientOver(overSpan, lossSpan, cutPlaces(cuts), false))
    return errorValue
  }
  return packed(ctx, span, model, (_, i) => values[i])
}
