/** Builtin reductions: by name (`over=`), by number (`axis=`), or over everything; over a picture they are statistics of a sample. */
import { ambiguousDimension, axisOutOfRange, elementType, notADimension } from "../../diagnostics/messages/shapes.ts"
import { notStatic } from "../../diagnostics/messages/stages.ts"
import type { Span } from "../../base/span.ts"
import * as s from "../../scalar/scalar.ts"
import type { Combine, Scalar } from "../../scalar/scalar.ts"
import { isDim, type Dim, type Dimension } from "../../types/dimension.ts"
import { equalSize, printSize, valueOf, type Size } from "../../types/size.ts"
import { fail, report, type Context } from "../context.ts"
import { apply, castTo, elementOf, nodeOf, tabulate } from "../emit.ts"
import { asTensor, binaryFunction, type Located } from "../operators.ts"
import { printTensor, printValue } from "../print-value.ts"
import { errorValue, isSilent, literal, tensor, unknown, type FieldValue, type TensorValue, type Value } from "../value.ts"
import { optional, required, type Builtin, type BuiltinCall } from "./builtin.ts"

type Reduction = "sum" | "mean" | "prod" | "max" | "min" | "argmax"
const prims: Record<Reduction, string> = { sum: "sum", mean: "sum", prod: "prod", max: "max_reduce", min: "min_reduce", argmax: "argmax" }
const combines: Record<Exclude<Reduction, "argmax">, Combine> = { sum: "sum", mean: "sum", prod: "prod", max: "max", min: "min" }

/** Which dimensions a call names; `undefined` after a report, "unknown" while they cannot be told. */
const axesOf = (call: BuiltinCall, dims: readonly Dimension[], type: string): number[] | "unknown" | undefined => {
  const { ctx } = call
  const over = call.get("over")
  const axis = call.get("axis")
  if (over === undefined && axis === undefined) return dims.map((_, i) => i)
  const given = call.at(over !== undefined ? "over" : "axis")
  const items = given.value.kind === "list" || given.value.kind === "tuple" ? given.value.items : [given.value]
  if (!items) return "unknown"
  const axes: number[] = []
  for (const item of items) {
    if (isSilent(item)) return item.kind === "unknown" ? "unknown" : undefined
    if (item.kind !== "int") {
      report(ctx, notStatic(given.span, over !== undefined ? "what `over=` names" : "an axis"))
      return undefined
    }
    const found = over !== undefined ? byName(ctx, given.span, dims, item.size, type) : byNumber(ctx, given.span, dims, item.size, type)
    if (found === undefined || found === "unknown") return found
    axes.push(found)
  }
  return [...new Set(axes)].sort((a, b) => a - b)
}

const byName = (ctx: Context, span: Span, dims: readonly Dimension[], size: Size, type: string): number | "unknown" | undefined => {
  const hits = dims.flatMap((d, i) => (isDim(d) && equalSize(d.size, size) ? [i] : []))
  if (hits.length === 1) return hits[0]!
  if (hits.length === 0 && dims.some((d) => !isDim(d))) return "unknown"
  report(ctx, hits.length === 0 ? notADimension(span, printSize(size), type) : ambiguousDimension(span, printSize(size), type))
  return undefined
}

/** An axis number; negative ones count from the end. With an open number of dimensions only the written ones can be told. */
export const byNumber = (ctx: Context, span: Span, dims: readonly Dimension[], size: Size, type: string, extra = 0): number | "unknown" | undefined => {
  const axis = valueOf(size)
  if (axis === undefined) return "unknown"
  const rank = dims.length + extra
  const open = dims.findIndex((d) => !isDim(d))
  if (open >= 0) {
    const fromEnd = axis < 0 ? rank + axis : axis
    return (axis < 0 ? fromEnd > open : axis < open) ? fromEnd : "unknown"
  }
  if (axis < -rank || axis >= rank) {
    report(ctx, axisOutOfRange(span, axis, type, rank))
    return undefined
  }
  return axis < 0 ? axis + rank : axis
}

const reduction = (op: Reduction) => (call: BuiltinCall): Value => {
  const { ctx, span } = call
  const x = call.at("x")
  if (isSilent(x.value)) return x.value
  if ((op === "max" || op === "min") && call.get("y") !== undefined) return binaryFunction(ctx, span, op, op, x, call.at("y"))
  if (x.value.kind === "opaque" && x.value.type === "Tree") return tensor("f32", [])
  if (x.value.kind === "field") return statistic(call, op, x.value)
  const items = x.value.kind === "list" ? x.value.items : undefined
  if (items && items.every((v) => asTensor(v)?.dims.length === 0)) return reduceList(call, op, items, x)
  const given = asTensor(x.value)
  if (!given) return fail(ctx, elementType(x.span, `what \`${op}\` reduces`, "a tensor", printValue(x.value), undefined))
  const t = given.dtype === "bool" || (op === "mean" && given.dtype !== "f32") ? castTo(ctx, x.span, given, "f32") : given
  const type = printTensor(given.dtype, given.dims, given.alias)
  const axes = axesOf(call, t.dims, type)
  if (axes === undefined) return errorValue
  if (axes === "unknown") return unknown
  if (t.dims.length === 0) return op === "argmax" ? literal(0, "i32") : t
  const dims = t.dims.filter((_, i) => !axes.includes(i))
  const dtype = op === "argmax" ? "i32" : t.dtype
  if (!ctx.build) return tensor(dtype, dims)
  const reduced = axes.map((a) => t.dims[a] as Dim)
  const count = reduced.reduce((n, d) => n * (valueOf(d.size) ?? NaN), 1)
  const sum = reduceTensor(ctx, span, op, t, axes, dims, dtype)
  return op === "mean" ? binaryFunction(ctx, span, "div", "/", { value: sum, span }, { value: literal(count), span }) : sum
}

const reduceTensor = (ctx: Context, span: Span, op: Reduction, t: TensorValue, axes: readonly number[], dims: readonly Dimension[], dtype: TensorValue["dtype"]): TensorValue => {
  const data = t.data!
  if (data.rate === "element" && op !== "argmax") {
    const extents = axes.map((a) => valueOf((t.dims[a] as Dim).size)!)
    const element = elementOf(ctx, span, t)
    const full = (index: readonly Scalar[], inner: readonly Scalar[]): Scalar[] => {
      let i = 0
      return t.dims.map((_, d) => (axes.includes(d) ? inner[axes.indexOf(d)]! : index[i++]!))
    }
    const combine = combines[op]
    return tensor(dtype, dims, {
      rate: "element",
      at: (index) => {
        const total = extents.reduce((a, b) => a * b, 1)
        if (total <= 4) {
          const positions = Array.from({ length: total }, (_, p) => extents.map((n, d) => s.i32(Math.floor(p / extents.slice(d + 1).reduce((a, b) => a * b, 1)) % n)))
          const fn = { sum: s.add, prod: s.mul, max: s.max, min: s.min }[combine]
          return positions.map((p) => element(full(index, p))).reduce((a, b) => fn(a, b))
        }
        const vars = extents.map((n, d) => s.variable(`r${d}`, n))
        return s.reduce(combine, vars, element(full(index, vars)))
      },
    })
  }
  const node = nodeOf(ctx, span, t)
  const lifted = data.rate === "sample" ? 1 : 0
  const made = apply(ctx, span, op, prims[op], [node], op === "argmax" ? { axis: axes[0]! + lifted } : { axes: axes.map((a) => a + lifted) })
  return tensor(dtype, dims, lifted ? { rate: "sample", node: made } : { rate: "node", node: made })
}

const reduceList = (call: BuiltinCall, op: Reduction, items: readonly Value[], x: Located): Value => {
  const fn = op === "prod" ? "mul" : op === "max" || op === "min" ? op : "add"
  const total = items.reduce((a, b) => binaryFunction(call.ctx, call.span, fn, op, { value: a, span: x.span }, { value: b, span: x.span }))
  return op === "mean" ? binaryFunction(call.ctx, call.span, "div", "/", { value: total, span: x.span }, { value: literal(items.length), span: x.span }) : total
}

/** A statistic of a picture: one number (or one per channel) for each sample. */
const statistic = (call: BuiltinCall, op: Reduction, field: FieldValue): Value => {
  const { ctx, span } = call
  const dims = [field.channels, ...field.domain]
  const visible = field.scalar ? field.domain : dims
  const asked = axesOf(call, visible, printValue(field))
  if (asked === undefined) return errorValue
  if (asked === "unknown") return unknown
  const axes = field.scalar ? [0, ...asked.map((a) => a + 1)] : asked
  if (op === "argmax") return fail(ctx, elementType(span, "what argmax looks through", "a tensor", printValue(field), undefined))
  const kept = dims.filter((_, i) => !axes.includes(i))
  if (!ctx.build || !field.picture || ctx.reads) return tensor("f32", kept, ctx.build ? { rate: "element", at: () => s.f32(0) } : undefined)
  const picture = field.picture
  const shape = [picture.batch, ...dims.map((d) => valueOf(d.size)!)]
  const sample = s.variable("n", picture.batch)
  const vars = field.domain.map((d, i) => s.variable(`q${i}`, valueOf(d.size)!))
  const colour = picture.at(vars, sample)
  const channels = shape[1]!
  const lanes = channels <= 4
  const c = s.variable("c", channels)
  const body = lanes ? Array.from({ length: channels }, (_, i) => colour(s.i32(i))) : [colour(c)]
  const pixels = tabulate(ctx, span, picture.label, lanes ? [sample, ...vars] : [sample, c, ...vars], body, lanes ? 1 : undefined)
  const node = apply(ctx, span, op, prims[op], [pixels], { axes: axes.map((a) => a + 1) })
  const value = tensor("f32", kept, { rate: "sample", node })
  const count = axes.reduce((n, a) => n * shape[a + 1]!, 1)
  return op === "mean" ? binaryFunction(ctx, span, "div", "/", { value, span }, { value: literal(count), span }) : value
}

const make = (name: Reduction, doc: string): Builtin => ({
  name, doc, params: name === "max" || name === "min" ? [...required("x"), ...optional("y", "over", "axis")] : [...required("x"), ...optional("over", "axis")], apply: reduction(name),
})

export const reductionBuiltins: readonly Builtin[] = [
  make("sum", "The sum, over all dimensions or those named by over= (names) or axis= (numbers)."),
  make("mean", "The mean, over all dimensions or those named."),
  make("prod", "The product."),
  make("max", "Of two values the larger, elementwise; of one value its largest element, over all dimensions or those named."),
  make("min", "Of two values the smaller, elementwise; of one value its smallest element, over all dimensions or those named."),
  make("argmax", "The place of the largest element along one dimension; of ties the first."),
]
