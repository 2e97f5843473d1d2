/** Calls and pipes: configure, then apply (LANGUAGE section 5). */
import type { Span } from "../base/span.ts"
import { argumentType, hidesFunction, notAStage, notCallable, pipeMismatch, unknownArgument } from "../diagnostics/messages/stages.ts"
import { nestsTooDeeply } from "../diagnostics/messages/names.ts"
import { trainingModel } from "../diagnostics/messages/state.ts"
import type * as Ast from "../syntax/ast.ts"
import { isDim, type Dimension } from "../types/dimension.ts"
import { mulSize, one, valueOf } from "../types/size.ts"
import { reportIncomplete } from "./arguments.ts"
import { applyBuiltin, openFirst } from "./builtins.ts"
import { enter, fail, report, sized, subPath, type Context, type Frame } from "./context.ts"
import { afford, deepestCall } from "./bounds.ts"
import { evaluateEntryCall } from "./entry-call.ts"
import { evaluate } from "./expression.ts"
import { applyFunction, configure, formalsOf, nameOf, needsConfiguration } from "./function.ts"
import { valueOfType } from "./match.ts"
import { readField, type Border } from "./picture.ts"
import { printValue } from "./print-value.ts"
import { hiddenBy, inner, lookup, type Scope } from "./scope.ts"
import { applySource } from "./sources.ts"
import { dimensionOf } from "./types.ts"
import { errorValue, isSilent, tensor, unknown, type EvaluatedArgument, type LambdaValue, type ModelValue, type Value } from "./value.ts"

/** Words that stand for themselves as arguments: `assume(real)`, `per=batch`. */
const isWord = (callee: Value, a: Ast.Argument): boolean =>
  a.value.kind === "name" && callee.kind === "builtin" && (callee.name === "assume" || (a.name?.text === "per" && a.value.name === "batch"))

const evaluateArguments = (ctx: Context, scope: Scope, callee: Value, args: readonly Ast.Argument[]): EvaluatedArgument[] =>
  args.map((a) => ({
    name: a.name?.text,
    value: isWord(callee, a) ? { kind: "string", value: (a.value as { name: string }).name } : evaluate(ctx, scope, a.value),
    span: a.value.span, nameSpan: a.name?.span,
  }))

/** `size(s)`: how many elements the dimensions `..s` (or one dimension) have together. */
const sizeOf = (ctx: Context, scope: Scope, expr: Extract<Ast.Expr, { kind: "call" }>): Value => {
  const arg = expr.args[0]?.value
  const found = expr.args.length === 1 && arg?.kind === "name" ? dimensionOf(scope, arg.name) : undefined
  if (!found) return arg?.kind === "name" && isSilent(lookup(scope, arg.name)?.value ?? unknown) ? unknown : fail(ctx, argumentType(expr.span, "size", "of", "dimensions, as in size(rest) for ..rest", "something else"))
  const dims = (Array.isArray(found) ? found : [found]) as Dimension[]
  const product = sized(ctx, expr.span, () => dims.reduce((p, d) => mulSize(p, d.size), one))
  return product ? { kind: "int", size: product } : errorValue
}

export const callValue = (ctx: Context, scope: Scope, expr: Extract<Ast.Expr, { kind: "call" }>): Value => {
  const callee = evaluate(ctx, scope, expr.callee)
  if (callee.kind === "field") return readField(ctx, expr.span, callee, coordinates(ctx, scope, expr.args), border(ctx, scope, expr.args))
  if (callee.kind === "builtin" && callee.name === "size") return sizeOf(ctx, scope, expr)
  const args = evaluateArguments(ctx, scope, callee, expr.args)
  if (expr.callee.kind === "name" && isPlain(callee) && isFunction(hiddenBy(scope, expr.callee.name)?.value))
    return fail(ctx, hidesFunction(expr.callee.span, expr.callee.name, printValue(callee), lookup(scope, expr.callee.name)!.span))
  return applyValue(ctx, callee, args, expr.span, expr.callee.span)
}

const isPlain = (v: Value): boolean => v.kind === "int" || v.kind === "bool" || v.kind === "string" || v.kind === "list" || v.kind === "tuple" || v.kind === "record" || v.kind === "tensor"
const isFunction = (v: Value | undefined): boolean => v?.kind === "builtin" || v?.kind === "function" || v?.kind === "native"

/** Applies a value to one group of arguments. */
export const applyValue = (ctx: Context, callee: Value, args: readonly EvaluatedArgument[], span: Span, calleeSpan: Span): Value => {
  switch (callee.kind) {
    case "error": return errorValue
    case "unknown": return unknown
    case "function": return needsConfiguration(callee) ? configure(ctx, callee, args, span) : applyFunction(ctx, callee, args, span)
    case "partial": return applyStage(ctx, callee, args, span, calleeSpan)
    case "builtin": return applyBuiltin(ctx, callee.name, args, span, calleeSpan)
    case "native": return callee.apply(ctx, args, span)
    case "lambda": return applyLambda(ctx, callee, args, span)
    case "stage": {
      // `Stage` keeps the shape; a written type `T -> U` gives U where U has no open names of its own.
      const first = args[0]?.value
      if (callee.to) return callee.to.kind === "tensor" && first?.kind === "tensor" && callee.to.dims.some((d) => !isDim(d)) ? { ...first, data: undefined, literal: undefined } : valueOfType(callee.to)
      if (first?.kind === "tensor") return { ...first, data: undefined, literal: undefined }
      return first?.kind === "field" ? { ...first, picture: undefined } : unknown
    }
    case "model": return applyModel(ctx, callee, args, span)
    case "source": return applySource(ctx, callee, args, span)
    case "entry": return evaluateEntryCall(ctx, callee, args, span)
    // A number where a schedule is wanted is a constant schedule.
    case "int": case "tensor":
      if (args.length === 1 && (callee.kind === "int" || callee.dims.length === 0)) return callee
      return fail(ctx, notCallable(calleeSpan, printValue(callee)))
    case "opaque": return callee.type === "Schedule" ? tensor("f32", []) : fail(ctx, notCallable(calleeSpan, printValue(callee)))
    default: return fail(ctx, notCallable(calleeSpan, printValue(callee)))
  }
}

const applyLambda = (ctx: Context, lambda: LambdaValue, args: readonly EvaluatedArgument[], span: Span): Value => {
  if (args.length !== lambda.params.length || args.some((a) => a.name !== undefined)) return fail(ctx, notCallable(span, `a function of ${lambda.params.length} with ${args.length} arguments`))
  const scope = inner(lambda.scope)
  lambda.params.forEach((p, i) => scope.names.set(p.text, { value: args[i]!.value, span: p.span }))
  if (ctx.frames.length > deepestCall) return fail(ctx, nestsTooDeeply(span))
  if (!afford(ctx, span, 10)) return errorValue
  return evaluate(enter(ctx, "fn", undefined, span, subPath(ctx, "fn")), scope, lambda.body)
}

const applyModel = (ctx: Context, model: ModelValue, args: readonly EvaluatedArgument[], span: Span): Value => {
  if (ctx.role === "fn" && ctx.inline && ctx.training && model.mode !== "frozen") report(ctx, trainingModel(span, model.name))
  const training = model.mode === "frozen" ? false : model.mode === "with_training" ? true : ctx.training
  const frozen = model.mode !== "plain" || (ctx.model?.frozen ?? false)
  const keeps = model.mode === "frozen" || model.mode === "with_training" || (ctx.model?.keeps ?? false)
  const follower = ctx.build?.learning.followers.get(model.path)
  if (follower && ctx.role === "step") follower.owns = true
  // The path restarts at the model: every use of it shares its parameters.
  const frame: Frame = { name: model.name, declaration: undefined, span, path: model.path, ordinals: new Map(), root: true }
  const inside: Context = { ...ctx, frames: [...ctx.frames, frame], role: "block", training, model: { name: ctx.model?.name ?? model.path, frozen, keeps } }
  const value = applyStage(inside, model.block, args, span, model.span)
  return reportIncomplete(ctx, value) ? errorValue : value
}

/** Applies a value that stands as a stage to its inputs: a name takes its configuration's defaults. */
export const applyStage = (ctx: Context, stage: Value, args: readonly EvaluatedArgument[], span: Span, stageSpan: Span): Value => {
  switch (stage.kind) {
    case "function": return applyFunction(ctx, stage, args, span)
    case "partial": {
      const callee = stage.callee
      const [first, ...rest] = args
      const open = callee.kind === "builtin" ? openFirst(callee.name) : formalsOf(callee.declaration.groups.at(-1)!)[0]?.name
      const all = first ? [{ ...first, name: first.name ?? open }, ...rest, ...stage.args] : [...stage.args]
      // Positional arguments of the stage follow the piped one.
      const ordered = first && first.name === undefined ? [first, ...stage.args, ...rest] : all
      return callee.kind === "builtin" ? applyBuiltin(ctx, callee.name, ordered, span, stageSpan) : applyFunction(ctx, callee, ordered, span)
    }
    case "native": return stage.apply(ctx, args, span)
    case "builtin": case "lambda": case "stage": case "model": case "unknown": case "error": case "opaque": return applyValue(ctx, stage, args, span, stageSpan)
    default: return fail(ctx, notAStage(stageSpan, printValue(stage)))
  }
}

/** `x |> s` is `s(x)`; `x |> f(a)` with a one-group function is `f(x, a)`; `(a, b) |> s` is `s(a, b)`. */
export const pipeInto = (ctx: Context, scope: Scope, expr: Extract<Ast.Expr, { kind: "pipe" }>): Value => {
  const value = evaluate(ctx, scope, expr.value)
  const stage = expr.stage
  // What is piped into a stage is judged at the stage; written values keep their own places.
  const tuple = expr.value.kind === "tuple" ? expr.value : undefined
  const piped: EvaluatedArgument[] = value.kind === "tuple" ? value.items.map((v, i) => ({ name: undefined, value: v, span: tuple?.items[i]?.span ?? stage.span })) : [{ name: undefined, value, span: stage.span }]
  if (value.kind === "error") {
    // The stage is looked at all the same, for its own mistakes.
    evaluate(ctx, scope, stage.kind === "call" ? stage.callee : stage)
    return errorValue
  }
  if (stage.kind === "call") {
    const callee = evaluate(ctx, scope, stage.callee)
    if (callee.kind === "function" && callee.declaration.groups.length === 1) {
      const args = evaluateArguments(ctx, scope, callee, stage.args)
      return applyFunction(ctx, callee, [...piped, ...args], stage.span)
    }
    if (callee.kind === "builtin") {
      const args = evaluateArguments(ctx, scope, callee, stage.args)
      return applyBuiltin(ctx, callee.name, args, stage.span, stage.callee.span, piped)
    }
  }
  const target = evaluate(ctx, scope, stage)
  if (isSilent(target)) return target
  const mismatch = stageMismatch(ctx, target, value, stage)
  if (mismatch) return mismatch
  return applyStage(ctx, target, piped, stage.span, stage.span)
}

/** The commonest mistake has words of its own: a stage that wants another number of dimensions. */
const stageMismatch = (ctx: Context, stage: Value, value: Value, at: Ast.Expr): Value | undefined => {
  if (stage.kind !== "function" || ctx.faulty.has(stage.declaration) || value.kind !== "tensor" || !value.dims.every(isDim)) return undefined
  const type = stage.declaration.groups.at(-1)![0]?.type
  if (type?.kind !== "named" || !type.dims || type.dims.some((d) => d.kind === "rest") || type.name.text !== value.dtype || type.dims.length === value.dims.length || type.dims.length === 0) return undefined
  const wanted = `${type.name.text}[${type.dims.map((d) => (d.kind === "dim" && d.size.kind === "name" ? d.size.name.text : d.kind === "dim" && d.size.kind === "int" ? String(d.size.value) : "…")).join(", ")}]`
  const hint = type.dims.length === 2 && value.dims.length > 2 ? "insert `|> flatten`" : undefined
  return fail(ctx, pipeMismatch(at.span, nameOf(stage), wanted, printValue(value), hint))
}

const coordinates = (ctx: Context, scope: Scope, args: readonly Ast.Argument[]): { value: Value; span: Span }[] =>
  args.filter((a) => !a.name).map((a) => ({ value: evaluate(ctx, scope, a.value), span: a.value.span }))

const borders = ["edge", "mirror", "wrap"] as const

const border = (ctx: Context, scope: Scope, args: readonly Ast.Argument[]): Border => {
  const outside = args.find((a) => a.name?.text === "outside")
  for (const a of args) if (a.name && a.name.text !== "outside") report(ctx, unknownArgument(a.name.span, "a picture", a.name.text, ["outside"], undefined))
  if (!outside) return { kind: "edge" }
  if (outside.value.kind === "name" && (borders as readonly string[]).includes(outside.value.name)) return { kind: outside.value.name as "edge" }
  const value = evaluate({ ...ctx, inAt: false }, scope, outside.value)
  if (value.kind === "string" && value.value !== undefined && (borders as readonly string[]).includes(value.value)) return { kind: value.value as "edge" }
  const number = value.kind === "int" ? valueOf(value.size) : value.kind === "tensor" ? value.literal : undefined
  if (number !== undefined) return { kind: "constant", value: number }
  if (!isSilent(value) && !(value.kind === "tensor" && value.dims.length === 0) && value.kind !== "string") report(ctx, argumentType(outside.value.span, "a picture", "outside", "edge, mirror, wrap or a number", printValue(value)))
  return { kind: "constant", value: 0 }
}

