/** `at`: a picture given by its colour at each coordinate, or a tensor given by its index function. */
import { elementType } from "../diagnostics/messages/shapes.ts"
import { coordinateCount, extentsNeeded } from "../diagnostics/messages/stages.ts"
import * as s from "../scalar/scalar.ts"
import type { Scalar } from "../scalar/scalar.ts"
import type * as Ast from "../syntax/ast.ts"
import { dim, type Dim } from "../types/dimension.ts"
import { one, printSize } from "../types/size.ts"
import { boundedSize } from "./bounds.ts"
import { fail, type Context } from "./context.ts"
import { elementOf, materialize } from "./emit.ts"
import { evaluate } from "./expression.ts"
import { asTensor, type Located } from "./operators.ts"
import { definePicture } from "./picture.ts"
import { printValue } from "./print-value.ts"
import { inner, type Scope } from "./scope.ts"
import { evaluateSize } from "./types.ts"
import { errorValue, isSilent, tensor, type TensorValue, type Value } from "./value.ts"

type At = Extract<Ast.Expr, { kind: "at" }>

export const evaluateAt = (ctx: Context, scope: Scope, expr: At): Value =>
  expr.coords.some((c) => c.extent) ? indexed(ctx, scope, expr) : picture(ctx, scope, expr)

const coordinate = (value: Scalar | undefined, dtype: "i32" | "f32" = "i32"): TensorValue => tensor(value && value.type === "f32" ? "f32" : dtype, [], value && { rate: "element", at: () => value })

const withCoordinates = (scope: Scope, expr: At, values: readonly (Scalar | undefined)[]): Scope => {
  const own = inner(scope)
  expr.coords.forEach((c, i) => own.names.set(c.name.text, { value: coordinate(values[i]), span: c.name.span }))
  return own
}

/** `at (y, x) => colour`, over the domain of the augment's picture. */
const picture = (ctx: Context, scope: Scope, expr: At): Value => {
  const domain = ctx.domain
  if (!domain || ctx.role !== "augment" || ctx.inAt) return fail(ctx, extentsNeeded(expr.span))
  if (expr.coords.length !== domain.length) return fail(ctx, coordinateCount(expr.span, domain.length, expr.coords.length, domain.map((d) => printSize(d.size)).join(", ")))
  const inside: Context = { ...ctx, inAt: true }
  const zero = s.i32(0)
  // The type of a colour, with the coordinates anywhere; reads are answered without computing anything.
  const trial: Context = ctx.build ? { ...inside, sample: s.variable("n", ctx.batch!.size), reads: { record: () => undefined, opaque: () => () => s.f32(0) } } : inside
  const typed = evaluate(trial, withCoordinates(scope, expr, expr.coords.map(() => (ctx.build ? zero : undefined))), expr.body)
  if (isSilent(typed)) return typed
  const colour = colourOf(ctx, { value: typed, span: expr.body.span })
  if (!colour) return errorValue
  const channels = colour.dims.length === 1 ? (colour.dims[0] as Dim) : dim(one)
  // A picture made of pictures is of their population; the scope's input is the only way in.
  const input = inputOf(scope)
  const made = { kind: "field" as const, channels, scalar: colour.dims.length === 0, domain, population: input?.population, became: input?.became }
  if (!ctx.build) return { ...made, picture: undefined }
  const evaluateColour = (c: Context, coords: readonly Scalar[], sample: Scalar): ((channel: Scalar) => Scalar) | undefined => {
    const here: Context = { ...c, inAt: true, sample }
    const value = evaluate(here, withCoordinates(scope, expr, coords), expr.body)
    const t = isSilent(value) ? undefined : asTensor(value)
    if (!t || t.dims.length > 1) return undefined
    const element = elementOf(here, expr.body.span, t)
    return (channel) => s.cast("f32", element(t.dims.length === 1 ? [channel] : []))
  }
  return { ...made, picture: definePicture(ctx, ctx.frames.at(-1)?.name ?? "at", expr.coords.length, evaluateColour) }
}

const colourOf = (ctx: Context, located: Located): TensorValue | undefined => {
  const t = asTensor(located.value)
  if (t && t.dims.length <= 1 && t.dtype !== "u32") return t
  fail(ctx, elementType(located.span, "the colour of a pixel", "f32[c] or a number", printValue(located.value), undefined))
  return undefined
}

/** The nearest picture in scope: the augment's input. */
const inputOf = (scope: Scope) => {
  let found: Extract<Value, { kind: "field" }> | undefined
  for (let at: Scope | undefined = scope; at && !at.fallback; at = at.parent)
    for (const b of at.names.values()) if (b.value.kind === "field" && (!found || b.value.population?.kind === "neg")) found = b.value
  return found
}

/** `at (i: n, j: 4) => e`: a tensor. Inside another `at` it stays a function; outside it becomes a node. */
const indexed = (ctx: Context, scope: Scope, expr: At): Value => {
  const dims: Dim[] = []
  for (const c of expr.coords) {
    if (!c.extent) return fail(ctx, extentsNeeded(c.span))
    const extent = evaluateSize(ctx, scope, c.extent, "require")
    if (!extent) return errorValue
    if (!boundedSize(ctx, c.extent.span, extent.size)) return errorValue
    const population = extent.population
    dims.push(dim(extent.size, { span: c.span, note: "given here" }, population))
  }
  const sample = ctx.sample ?? (ctx.build && ctx.batch ? s.variable("n", ctx.batch.size) : undefined)
  const inside: Context = { ...ctx, inAt: true, sample }
  const at = (coords: readonly (Scalar | undefined)[]): Value => evaluate(inside, withCoordinates(scope, expr, coords), expr.body)
  const zeros = expr.coords.map(() => (ctx.build ? s.i32(0) : undefined))
  const typed = at(zeros)
  if (isSilent(typed)) return typed
  const t = asTensor(typed)
  if (!t) return fail(ctx, elementType(expr.body.span, "an element", "a number or a tensor", printValue(typed), undefined))
  const all = [...dims, ...t.dims]
  if (!ctx.build) return tensor(t.dtype, all)
  const element = (index: readonly Scalar[]): Scalar => {
    const value = asTensor(at(index.slice(0, dims.length)))
    if (!value) throw new Error("an `at` body changed its type")
    return s.cast(t.dtype, elementOf(inside, expr.body.span, value)(index.slice(dims.length)))
  }
  if (ctx.inAt) return tensor(t.dtype, all, { rate: "element", at: element })
  const data = materialize(inside, expr.span, "at", t.dtype, all, element)
  return data ? tensor(t.dtype, all, data) : errorValue
}

