/** Applying declared functions: by their signature while declarations are checked, by their body while an entry is instantiated. */
import type { Span } from "../base/span.ts"
import { nestsTooDeeply, recursion } from "../diagnostics/messages/names.ts"
import { declaredPopulation } from "../diagnostics/messages/populations.ts"
import { elementType, whereViolated } from "../diagnostics/messages/shapes.ts"
import { argumentType, configurationFirst, notAnOption } from "../diagnostics/messages/stages.ts"
import { suggest } from "../base/suggest.ts"
import type * as Ast from "../syntax/ast.ts"
import { dim, isDim, type Dim, type Dimension } from "../types/dimension.ts"
import { atom, equalSize, valueOf } from "../types/size.ts"
import { applyAugment } from "./augment.ts"
import { bindArguments, reportIncomplete, reportMissing, type Formal } from "./arguments.ts"
import { afford, boundedDims, deepestCall } from "./bounds.ts"
import { enter, newBody, report, subPath, type Context } from "./context.ts"
import { evaluate } from "./expression.ts"
import { instance } from "./instances.ts"
import { convert, declareNames, matchType, sizeText, substituteValue, valueOfType } from "./match.ts"
import { ownScope, retype } from "./own-scope.ts"
import { mapPictures } from "./picture.ts"
import { printValue } from "./print-value.ts"
import { inner, type Scope } from "./scope.ts"
import { evaluateType } from "./types.ts"
import { errorValue, isSilent, tensor, unknown, type EvaluatedArgument, type FunctionValue, type Type, type Value } from "./value.ts"

const typeWords = (t: Ast.TypeExpr | undefined): string | undefined =>
  t?.kind !== "named" ? undefined : t.name.text === "Int" ? "a compile-time integer" : t.name.text === "Field" ? "a picture" : t.name.text

export const formalsOf = (params: readonly Ast.Param[]): Formal[] => params.map((p) => ({ name: p.name.text, optional: p.value !== undefined, type: typeWords(p.type) }))

export const nameOf = (fn: FunctionValue): string => fn.declaration.name.text

/** Two groups and no configuration yet: the next call configures. */
export const needsConfiguration = (fn: FunctionValue): boolean => fn.declaration.groups.length === 2 && fn.config === undefined

/** `conv(64, k=3)`: binds the first group. `partial`: a required parameter may stay open (a name in stage position). */
export const configure = (ctx: Context, fn: FunctionValue, args: readonly EvaluatedArgument[], span: Span): Value => {
  const params = fn.declaration.groups[0]!
  const formals = formalsOf(params)
  const first = args[0]
  // A tensor where the configuration belongs: the inputs were given too early.
  if (first && first.name === undefined && (first.value.kind === "field" || (first.value.kind === "tensor" && first.value.dims.length > 1))) {
    const example = formals.some((f) => !f.optional) ? `${nameOf(fn)}(${formals.filter((f) => !f.optional).map((f) => f.name).join(", ")})(x)` : `${nameOf(fn)}()(x)`
    report(ctx, configurationFirst(span, nameOf(fn), `${example} or x |> ${nameOf(fn)}${formals.some((f) => !f.optional) ? "(…)" : ""}`, undefined))
    return errorValue
  }
  const bound = bindArguments(ctx, nameOf(fn), formals, args)
  if (!bound) return errorValue
  if (bound.missing.length > 0) {
    reportMissing(ctx, span, nameOf(fn), formals, bound.missing)
    return errorValue
  }
  const config = new Map<string, Value>()
  const scope = inner(fn.scope)
  for (const p of params) {
    const arg = bound.args.get(p.name.text)
    const value = parameterValue(ctx, scope, fn, p, arg)
    if (!value) return errorValue
    config.set(p.name.text, value)
    scope.names.set(p.name.text, { value, span: p.name.span })
  }
  return { ...fn, config, span }
}

/** The value of one parameter: the argument seen through the written type, or the default. */
const parameterValue = (ctx: Context, scope: Scope, fn: FunctionValue, p: Ast.Param, arg: EvaluatedArgument | undefined): Value | undefined => {
  if (!arg) {
    const value = evaluate(enterDefault(ctx), scope, p.value!)
    return p.type ? matchType(ctx, scope, p.type, value, { span: p.value!.span, callee: nameOf(fn), name: p.name.text }) : value
  }
  if (p.type) return matchType(ctx, scope, p.type, arg.value, { span: arg.span, callee: nameOf(fn), name: p.name.text, perSample: fn.declaration.role === "augment" })
  // The default says what an unannotated parameter is.
  const value = p.value
  const wanted = value && kindOfDefault(value)
  if (wanted && !wanted.fits(arg.value)) {
    if (!reportIncomplete(ctx, arg.value)) report(ctx, argumentType(arg.span, nameOf(fn), p.name.text, wanted.words, printValue(arg.value)))
    return undefined
  }
  if (value?.kind === "float" || (value?.kind === "unary" && value.operand.kind === "float")) return convert(arg.value, "f32") ?? arg.value
  if (value?.kind === "int" && arg.value.kind === "tensor" && arg.value.literal !== undefined && arg.value.dims.length === 0) return arg.value
  return arg.value
}

/** Schedules and per-sample values may stand for numbers; words and truth values only for themselves. */
const kindOfDefault = (e: Ast.Expr): { readonly words: string; readonly fits: (v: Value) => boolean } | undefined => {
  const wordy = (v: Value): boolean => ["string", "bool", "list", "tuple", "record", "field", "source", "model"].includes(v.kind)
  const kind = e.kind === "unary" && e.op === "-" ? e.operand.kind : e.kind
  switch (kind) {
    case "float": return { words: "a number", fits: (v) => !wordy(v) }
    case "int": return { words: "a whole number", fits: (v) => !wordy(v) && !(v.kind === "tensor" && v.literal !== undefined && !Number.isInteger(v.literal)) }
    case "string": return { words: "a word in quotes", fits: (v) => v.kind === "string" || isSilent(v) }
    case "bool": return { words: "true or false", fits: (v) => v.kind === "bool" || isSilent(v) || (v.kind === "tensor" && v.dtype === "bool") }
    default: return undefined
  }
}

const enterDefault = (ctx: Context): Context => ({ ...ctx, role: "const", inAt: false })

/** Applies a function to its inputs. */
export const applyFunction = (ctx: Context, fn: FunctionValue, args: readonly EvaluatedArgument[], span: Span): Value => {
  const d = fn.declaration
  if (needsConfiguration(fn)) {
    const configured = configure(ctx, fn, [], span)
    return isSilent(configured) ? configured : applyFunction(ctx, configured as FunctionValue, args, span)
  }
  const params = d.groups.at(-1)!
  const formals = formalsOf(params)
  const bound = bindArguments(ctx, nameOf(fn), formals, args)
  if (!bound) return errorValue
  if (bound.missing.length > 0) {
    // All but the first parameter: a stage.
    if (d.groups.length === 1 && bound.missing.length === 1) return { kind: "partial", callee: fn, args, missing: bound.missing[0]!, span }
    reportMissing(ctx, span, nameOf(fn), formals, bound.missing)
    return errorValue
  }
  if (ctx.frames.some((f) => f.declaration === d)) {
    report(ctx, recursion(span, nameOf(fn), [...ctx.frames.filter((f) => f.declaration).map((f) => f.name), nameOf(fn)]))
    return errorValue
  }
  const given = [...bound.args.values()].map((a) => a.value)
  if ([...given, ...(fn.config?.values() ?? [])].some((v) => v.kind === "error") || ctx.faulty.has(d)) return errorValue
  if (ctx.frames.length > deepestCall) {
    report(ctx, nestsTooDeeply(span))
    return errorValue
  }
  if (!afford(ctx, span, 10)) return errorValue
  if (d.role === "augment") return applyAugment(ctx, fn, bound.args, span)
  const lifted = onPicturesAndTrees(ctx, fn, params, args, bound.args, span)
  if (lifted) return lifted
  const signature = inner(fn.scope)
  if (!bindSignature(ctx, fn, bound.args, signature, span)) return errorValue
  if (!checkWhere(ctx, fn, signature, span)) return errorValue
  const declared = d.result && evaluateType(enter(ctx, nameOf(fn), d, span, ""), signature, d.result, "require")
  if (d.result && !declared) return [...signature.names.values()].some((b) => b.value.kind === "unknown" && !b.dimension) ? unknown : errorValue
  const value = declared && !ctx.inline ? settled(bound.args, declared) : instance(ctx, d, fn.scope, signature, span, () => instantiate(ctx, fn, signature, declared, span))
  if (value.kind === "tensor" && !boundedDims(ctx, span, value.dims)) return errorValue
  return d.result ? madeBy(fn, d.result, value, span, given.flatMap((v) => (v.kind === "tensor" ? v.dims : []))) : value
}

/** A dimension that a function computes, or takes from its configuration, has its origin at the call. */
const madeBy = (fn: FunctionValue, type: Ast.TypeExpr, value: Value, span: Span, given: readonly Dimension[]): Value => {
  if (type.kind === "tuple" && value.kind === "tuple") return { ...value, items: value.items.map((v, i) => (type.items[i] ? madeBy(fn, type.items[i]!, v, span, given) : v)) }
  if (type.kind === "record" && value.kind === "record") {
    const types = new Map(type.fields.map((f) => [f.name.text, f.type]))
    return { kind: "record", fields: new Map([...value.fields].map(([k, v]) => [k, types.has(k) ? madeBy(fn, types.get(k)!, v, span, given) : v])) }
  }
  if (type.kind !== "named" || value.kind !== "tensor" || type.dims?.length !== value.dims.length) return value
  const own = new Set(fn.declaration.groups.flat().filter((p) => p.type?.kind !== "named" || p.type.name.text === "Int").map((p) => p.name.text))
  const dims = value.dims.map((d, i): Dimension => {
    const written = type.dims![i]!
    if (!isDim(d) || written.kind !== "dim" || (written.size.kind === "name" && !own.has(written.size.name.text))) return d
    const how = written.size.kind === "name" ? `\`${written.size.name.text}\` of \`${nameOf(fn)}\`` : `made by \`${nameOf(fn)}\`: ${sizeText(written.size)}`
    // What went through unchanged was made before.
    const before = given.find((g) => isDim(g) && equalSize(g.size, d.size))
    if (before && isDim(before)) return { ...d, origin: before.origin }
    return written.size.kind === "int" ? d : { ...d, origin: { span, note: how } }
  })
  return { ...value, dims }
}

/** The declared result, unless an argument is not known here: then its sizes are not known either. */
const settled = (args: ReadonlyMap<string, EvaluatedArgument>, declared: Type): Value =>
  [...args.values()].some((a) => a.value.kind === "unknown") && !(declared.kind === "tensor" && declared.dims.length === 0) ? unknown : valueOfType(declared)

/** A function of colours given pictures works at each pixel; a function of tensors given trees maps over their leaves. */
const onPicturesAndTrees = (ctx: Context, fn: FunctionValue, params: readonly Ast.Param[], args: readonly EvaluatedArgument[], bound: ReadonlyMap<string, EvaluatedArgument>, span: Span): Value | undefined => {
  const written = (p: Ast.Param): string | undefined => (p.type?.kind === "named" ? p.type.name.text : undefined)
  const of = (kind: (v: Value) => boolean, names: readonly string[]): boolean => params.some((p) => { const a = bound.get(p.name.text); return a !== undefined && kind(a.value) && !names.includes(written(p) ?? "") })
  if (fn.declaration.role === "fn" && of((v) => v.kind === "field", ["Field", "Any"]) && params.every((p) => p.type))
    return mapPictures(ctx, span, args.map((a) => a.value), (xs) => applyFunction(ctx, fn, args.map((a, i) => ({ ...a, value: xs[i]! })), span))
  if (of((v) => v.kind === "opaque" && v.type === "Tree", ["Tree", "Any"]) && params.every((p) => p.type)) {
    const result = fn.declaration.result
    return result?.kind === "named" && (result.dims ?? []).length === 0 ? tensor("f32", []) : { kind: "opaque", type: "Tree" }
  }
  return undefined
}

interface Swap { readonly first: Ast.Param; readonly second: Ast.Param; readonly words: string }

/** Two arguments of which each has the population that the other's parameter wants. */
const swapped = (params: readonly Ast.Param[], args: ReadonlyMap<string, EvaluatedArgument>): Swap | undefined => {
  const tags = params.flatMap((p, place) => {
    const wanted = p.type?.kind === "named" && p.type.dims?.[0]?.kind === "dim" ? p.type.dims[0].population?.text : undefined
    const value = args.get(p.name.text)?.value
    const first = value?.kind === "tensor" ? value.dims[0] : undefined
    const actual = first && isDim(first) ? first.population?.kind : undefined
    return wanted && actual ? [{ p, place: place + 1, wanted, actual }] : []
  })
  for (const a of tags) for (const b of tags)
    if (a.place < b.place && a.actual !== a.wanted && a.actual === b.wanted && b.actual === a.wanted)
      return { first: a.p, second: b.p, words: `arguments ${a.place} and ${b.place} look swapped: \`${a.p.name.text}\` is ${a.wanted}, \`${b.p.name.text}\` is ${b.wanted}` }
  return undefined
}

/** Binds configuration and inputs in the signature's scope, in the caller's sizes. */
export const bindSignature = (ctx: Context, fn: FunctionValue, args: ReadonlyMap<string, EvaluatedArgument>, scope: Scope, span: Span): boolean => {
  let ok = true
  const config = fn.config
  if (config) for (const p of fn.declaration.groups[0]!) scope.names.set(p.name.text, { value: config.get(p.name.text)!, span: p.name.span })
  const params = fn.declaration.groups.at(-1)!
  const swap = swapped(params, args)
  for (const p of params) {
    // The second of two swapped arguments is told with the first.
    const here: Context = swap?.second === p ? { ...ctx, diagnostics: [] } : swap?.first === p ? { ...ctx, swap: swap.words } : ctx
    const value = parameterValue(here, scope, fn, p, args.get(p.name.text))
    if (!value) ok = false
    scope.names.set(p.name.text, { value: value ?? errorValue, span: p.name.span })
  }
  return ok
}

/** `where` clauses: what the configuration and the sizes must satisfy. Undecided ones wait for numbers. */
export const checkWhere = (ctx: Context, fn: FunctionValue, scope: Scope, span: Span): boolean => {
  for (const clause of fn.declaration.where) {
    const value = evaluate({ ...enterDefault(ctx), diagnostics: [] }, scope, clause)
    const impossible = value.kind === "error" && ctx.inline
    if (!impossible && (value.kind !== "bool" || value.value !== false)) continue
    if (clause.kind === "binary" && clause.op === "in" && clause.left.kind === "name" && clause.right.kind === "list") {
      const given = scope.names.get(clause.left.name)?.value
      const options = clause.right.items.flatMap((e) => (e.kind === "string" ? [e.value] : []))
      if (given?.kind === "string") {
        report(ctx, notAnOption(span, clause.left.name, given.value ?? "", options, suggest(given.value ?? "", options)))
        return false
      }
    }
    const values = [...scope.names].flatMap(([name, b]) => (b.value.kind === "int" && valueOf(b.value.size) !== undefined && mentions(clause, name) ? [`${name} = ${valueOf(b.value.size)}`] : []))
    report(ctx, whereViolated(span, nameOf(fn), clause.span, printExpr(clause), values))
    return false
  }
  return true
}

const mentions = (e: Ast.Expr, name: string): boolean => {
  switch (e.kind) {
    case "name": return e.name === name
    case "binary": return mentions(e.left, name) || mentions(e.right, name)
    case "unary": return mentions(e.operand, name)
    case "list": return e.items.some((x) => mentions(x, name))
    case "call": return e.args.some((a) => mentions(a.value, name))
    default: return false
  }
}

const printExpr = (e: Ast.Expr): string => {
  switch (e.kind) {
    case "int": case "float": return String(e.value)
    case "string": return JSON.stringify(e.value)
    case "name": return e.name
    case "binary": return `${printExpr(e.left)} ${e.op} ${printExpr(e.right)}`
    case "unary": return `${e.op}${printExpr(e.operand)}`
    case "list": return `[${e.items.map(printExpr).join(", ")}]`
    case "call": return `${printExpr(e.callee)}(${e.args.map((a) => printExpr(a.value)).join(", ")})`
    case "item": return `${printExpr(e.base)}.${e.index}`
    default: return "this condition"
  }
}

const instantiate = (ctx: Context, fn: FunctionValue, signature: Scope, declared: Type | undefined, span: Span): Value => {
  const d = fn.declaration
  const own = ownScope(ctx, fn, signature)
  const path = ctx.frames.at(-1)?.root ? ctx.frames.at(-1)!.path : subPath(ctx, nameOf(fn))
  const bodyContext: Context = { ...enter(ctx, nameOf(fn), d, span, path), role: d.role, body: newBody() }
  const value = evaluate(bodyContext, own.scope, d.body)
  if (isSilent(value)) return declared ? (value.kind === "error" ? errorValue : valueOfType(declared)) : value
  if (!declared) return substituteValue(value, own.table)
  const matched = matchType(bodyContext, inner(own.scope), d.result!, value, { span: resultSpan(d.body), callee: undefined, name: `the result of \`${nameOf(fn)}\``, result: true })
  return matched ? retype(matched, declared) : errorValue
}

/** Where the value of a body stands. */
export const resultSpan = (body: Ast.Expr): Span => (body.kind === "suite" && body.result ? resultSpan(body.result) : body.span)

/**
 * Checks a declaration's body once, against its own signature with symbolic sizes. Where the two do not fit, either may be
 * wrong: its calls are not judged. A name that is missing says nothing against the signature.
 */
export const checkFunction = (ctx: Context, fn: FunctionValue): void => {
  const before = ctx.diagnostics.length
  checkBody(ctx, fn)
  if (ctx.diagnostics.slice(before).some((d) => d.severity === "error" && !d.code.startsWith("NDA02"))) ctx.faulty.add(fn.declaration)
}

const checkBody = (ctx: Context, fn: FunctionValue): void => {
  const d = fn.declaration
  const scope = inner(fn.scope)
  let readable = true
  for (const p of d.groups.flat()) {
    const type = p.type && evaluateType(ctx, scope, p.type, "declare")
    if (p.type && !type) {
      readable = false
      declareNames(scope, p.type)
      scope.names.set(p.name.text, { value: errorValue, span: p.name.span })
    } else scope.names.set(p.name.text, { value: type ? namedParameter(p, valueOfType(type)) : symbolicDefault(ctx, scope, p), span: p.name.span })
    if (p.value && p.type && p.type.kind === "named" && !["Stage", "Schedule", "Any"].includes(p.type.name.text)) {
      const value = evaluate(enterDefault(ctx), scope, p.value)
      matchType(ctx, inner(scope), p.type, value, { span: p.value.span, callee: undefined, name: `the default of \`${p.name.text}\`` })
    }
  }
  if (!readable) ctx.faulty.add(d)
  // A name may be missing only because a parameter's type could not be read.
  const result = d.result && evaluateType(readable ? ctx : { ...ctx, diagnostics: [] }, scope, d.result, "require")
  for (const clause of d.where) {
    const holds = evaluate(enterDefault(ctx), scope, clause)
    if (!isSilent(holds) && holds.kind !== "bool" && !(holds.kind === "tensor" && holds.dtype === "bool" && holds.dims.length === 0)) report(ctx, elementType(clause.span, "a condition after `where`", "true or false", printValue(holds), "compare: h % k == 0"))
  }
  const bodyContext: Context = { ...enter(ctx, d.name.text, d, d.name.span, d.name.text), role: d.role, body: newBody(), inline: false }
  if (d.role === "augment") return void applyAugment.check(bodyContext, fn, scope)
  const value = evaluate(bodyContext, scope, d.body)
  if (d.result) {
    if (result && !isSilent(value)) checkTags(ctx, d.result, value)
    if (result && !isSilent(value)) matchType(bodyContext, inner(scope), d.result, value, { span: resultSpan(d.body), callee: undefined, name: `the result of \`${d.name.text}\``, result: true })
  }
}

/** A result may introduce `@fake`; `@real`, `@neg` and `@mixed` must already be so (`assume` makes them). */
const checkTags = (ctx: Context, type: Ast.TypeExpr, value: Value): void => {
  if (type.kind === "tuple" && value.kind === "tuple") type.items.forEach((t, i) => value.items[i] && checkTags(ctx, t, value.items[i]!))
  if (type.kind === "record" && value.kind === "record") type.fields.forEach((f) => value.fields.has(f.name.text) && checkTags(ctx, f.type, value.fields.get(f.name.text)!))
  if (type.kind !== "named" || value.kind !== "tensor") return
  type.dims?.forEach((d, i) => {
    const tag = d.kind === "dim" ? d.population : undefined
    const actual = value.dims[i]
    if (tag && ["real", "neg", "mixed"].includes(tag.text) && actual && isDim(actual) && actual.population?.kind !== tag.text) report(ctx, declaredPopulation(tag.span, tag.text))
  })
}

const namedParameter = (p: Ast.Param, v: Value): Value => (v.kind === "int" ? { kind: "int", size: atom(p.name.text) } : v)

/** What an unannotated parameter is while sizes are symbolic: of its default's kind, with nothing known about it. */
const symbolicDefault = (ctx: Context, scope: Scope, p: Ast.Param): Value => {
  if (!p.value) return unknown
  const value = evaluate(enterDefault(ctx), scope, p.value)
  return symbolic(value, p.name.text)
}

const symbolic = (v: Value, name: string): Value => {
  switch (v.kind) {
    case "int": return { kind: "int", size: atom(name) }
    case "bool": return { kind: "bool", value: undefined }
    case "string": return { kind: "string", value: undefined }
    case "tensor": return v.dims.length === 0 ? tensor(v.dtype, []) : v
    case "tuple": return { kind: "tuple", items: v.items.map((x, i) => symbolic(x, `${name}_${i}`)) }
    case "list": return { kind: "list", items: undefined }
    case "opaque": return v.type === "None" ? unknown : v
    case "function": case "builtin": case "partial": case "lambda": return { kind: "stage", from: undefined, to: undefined }
    default: return v
  }
}

