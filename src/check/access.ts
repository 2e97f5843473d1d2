/** Indexing, slicing and transposing tensors; reads at computed indices give the edge value outside (RULINGS 3). */
import { indexProblem, rankMismatch } from "../diagnostics/messages/shapes.ts"
import { notStatic } from "../diagnostics/messages/stages.ts"
import type { Span } from "../base/span.ts"
import * as s from "../scalar/scalar.ts"
import type { Scalar } from "../scalar/scalar.ts"
import type * as Ast from "../syntax/ast.ts"
import { isDim, type Dim, type Dimension } from "../types/dimension.ts"
import { addSize, constantOf, size, subSize, valueOf, type Size } from "../types/size.ts"
import { fail, sized, type Context } from "./context.ts"
import { elementOf, materialize } from "./emit.ts"
import { evaluate } from "./expression.ts"
import { asTensor } from "./operators.ts"
import { printTensor, printValue } from "./print-value.ts"
import type { Scope } from "./scope.ts"
import { errorValue, isSilent, tensor, unknown, type TensorValue, type Value } from "./value.ts"

/**
 * A tensor made by moving the elements of others: `element` gives one of its elements. In an `at` body it stays a
 * function, elsewhere it becomes a node.
 */
export const moved = (ctx: Context, span: Span, label: string, dtype: TensorValue["dtype"], dims: readonly Dimension[], from: readonly TensorValue[], element: (reads: readonly ((index: readonly Scalar[]) => Scalar)[], index: readonly Scalar[]) => Scalar): Value => {
  const samples = from.find((v) => v.samples)?.samples
  if (!ctx.build) return tensor(dtype, dims)
  const lifted = from.some((v) => v.data?.rate === "sample")
  const functional = ctx.inAt || from.some((v) => v.data?.rate === "element")
  const here: Context = lifted && !ctx.sample ? { ...ctx, sample: s.variable("n", ctx.batch!.size) } : ctx
  const reads = from.map((v) => elementOf(here, span, v))
  if (functional) return tensor(dtype, dims, { rate: "element", at: (index) => element(reads, index) }, samples ? { samples } : {})
  const data = materialize(here, span, label, dtype, dims, (index) => element(reads, index))
  return data ? tensor(dtype, dims, data, samples ? { samples } : {}) : errorValue
}

type Selector =
  | { readonly kind: "at"; readonly index: TensorValue | Size; readonly span: Span }
  | { readonly kind: "range"; readonly start: Size; readonly length: Size }

export const evaluateIndex = (ctx: Context, scope: Scope, expr: Extract<Ast.Expr, { kind: "index" }>): Value => {
  const base = evaluate(ctx, scope, expr.base)
  if (isSilent(base)) {
    for (const slice of expr.slices) if (slice.kind === "at") evaluate(ctx, scope, slice.index)
    return base
  }
  if (base.kind === "list" || base.kind === "tuple") return listItem(ctx, scope, expr, base)
  if (base.kind !== "tensor") return fail(ctx, indexProblem(expr.span, "only tensors and lists have elements", printValue(base)))
  const type = printTensor(base.dtype, base.dims, base.alias)
  if (!base.dims.every(isDim)) return unknown
  if (expr.slices.length > base.dims.length) return fail(ctx, indexProblem(expr.span, `${expr.slices.length} indices are given`, type))
  const selectors: Selector[] = []
  for (let i = 0; i < expr.slices.length; i++) {
    const selector = selectorOf(ctx, scope, expr.slices[i]!, base.dims[i] as Dim, type)
    if (!selector) return errorValue
    if (selector === "unknown") return unknown
    selectors.push(selector)
  }
  const dims: Dimension[] = []
  base.dims.forEach((d, i) => {
    const sel = selectors[i]
    if (!sel) dims.push(d)
    else if (sel.kind === "range") dims.push({ ...(d as Dim), size: sel.length, origin: { span: expr.span, note: "sliced here" } })
  })
  if (!ctx.build) return tensor(base.dtype, dims)
  const indices = selectors.flatMap((sel) => (sel.kind === "at" && "kind" in sel.index ? [sel.index] : []))
  return moved(ctx, expr.span, "index", base.dtype, dims, [base, ...indices], ([read, ...at], index) => {
    let next = 0
    let dynamic = 0
    const full = base.dims.map((d, i) => {
      const sel = selectors[i]
      if (!sel) return index[next++]!
      if (sel.kind === "range") return s.add(index[next++]!, s.i32(valueOf(sel.start)!))
      if (!("kind" in sel.index)) return s.i32(valueOf(sel.index)!)
      const high = valueOf((d as Dim).size)! - 1
      return s.max(s.min(s.cast("i32", at[dynamic++]!([])), s.i32(high)), s.i32(0))
    })
    return read!(full)
  })
}

const selectorOf = (ctx: Context, scope: Scope, slice: Ast.Slice, d: Dim, type: string): Selector | "unknown" | undefined => {
  const extent = valueOf(d.size) ?? constantOf(d.size)
  if (slice.kind === "at") {
    const value = evaluate(ctx, scope, slice.index)
    if (isSilent(value)) return value.kind === "unknown" ? "unknown" : undefined
    if (value.kind === "int") {
      const n = valueOf(value.size)
      if (n !== undefined && extent !== undefined && (n >= extent || n < -extent)) {
        fail(ctx, indexProblem(slice.index.span, `index ${n} is outside 0 to ${extent - 1}`, type))
        return undefined
      }
      return { kind: "at", index: n !== undefined && n < 0 ? addSize(d.size, value.size) : value.size, span: slice.index.span }
    }
    const t = asTensor(value)
    if (!t || (t.dtype !== "i32" && !(t.literal !== undefined && Number.isInteger(t.literal))) || t.dims.length > 0) {
      fail(ctx, indexProblem(slice.index.span, `an index is an integer, and this is ${printValue(value)}`, type))
      return undefined
    }
    return { kind: "at", index: t, span: slice.index.span }
  }
  const end = (e: Ast.Expr | undefined, missing: Size): Size | "unknown" | undefined => {
    if (!e) return missing
    const value = evaluate(ctx, scope, e)
    if (isSilent(value)) return value.kind === "unknown" ? "unknown" : undefined
    if (value.kind !== "int") {
      fail(ctx, notStatic(e.span, "an end of a slice"))
      return undefined
    }
    const negative = (constantOf(value.size) ?? valueOf(value.size) ?? 0) < 0
    return negative ? addSize(d.size, value.size) : value.size
  }
  const start = end(slice.start, size(0))
  const stop = end(slice.end, d.size)
  if (start === "unknown" || stop === "unknown") return "unknown"
  if (!start || !stop) return undefined
  const length = sized(ctx, slice.span, () => subSize(stop, start))
  if (!length) return undefined
  const n = valueOf(length)
  const from = valueOf(start)
  const to = valueOf(stop)
  if ((n !== undefined && n < 1) || (from !== undefined && from < 0) || (to !== undefined && extent !== undefined && to > extent)) {
    fail(ctx, indexProblem(slice.span, `the slice ${from}:${to} does not lie within 0:${extent}`, type))
    return undefined
  }
  return { kind: "range", start, length }
}

const listItem = (ctx: Context, scope: Scope, expr: Extract<Ast.Expr, { kind: "index" }>, base: Extract<Value, { kind: "list" | "tuple" }>): Value => {
  if (!base.items) return unknown
  const slice = expr.slices[0]!
  if (expr.slices.length !== 1 || slice.kind !== "at") return fail(ctx, indexProblem(expr.span, "a list takes one index", printValue(base)))
  const value = evaluate(ctx, scope, slice.index)
  if (isSilent(value)) return value
  if (value.kind !== "int") return fail(ctx, notStatic(slice.index.span, "the index of a list"))
  const i = valueOf(value.size)
  if (i === undefined) return unknown
  const item = base.items.at(i)
  return item ?? fail(ctx, indexProblem(slice.index.span, `index ${i} is outside a list of ${base.items.length}`, printValue(base)))
}

/** `q.T`: the last two axes change places. */
export const transpose = (ctx: Context, span: Span, v: TensorValue): Value => {
  if (!v.dims.every(isDim)) return unknown
  const rank = v.dims.length
  if (rank < 2) return fail(ctx, rankMismatch(span, "what `.T` transposes", "at least two dimensions", printTensor(v.dtype, v.dims, v.alias), undefined))
  const perm = v.dims.map((_, i) => (i === rank - 1 ? rank - 2 : i === rank - 2 ? rank - 1 : i))
  return permuted(ctx, span, v, perm)
}

export const permuted = (ctx: Context, span: Span, v: TensorValue, perm: readonly number[]): Value =>
  moved(ctx, span, "permute", v.dtype, perm.map((p) => v.dims[p]!), [v], ([read], index) => {
    const source: Scalar[] = []
    perm.forEach((p, i) => (source[p] = index[i]!))
    return read!(source)
  })

