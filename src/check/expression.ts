/** The interpreter's centre: what an expression stands for. */
import type { Span } from "../base/span.ts"
import { suggest } from "../base/suggest.ts"
import { fieldTwice, noSuchField, rangeTooLong, unknownName } from "../diagnostics/messages/names.ts"
import { elementType, indexProblem, loopChangesType, missingElse, sizeTooComplex } from "../diagnostics/messages/shapes.ts"
import { notStatic, patternMismatch } from "../diagnostics/messages/stages.ts"
import type * as Ast from "../syntax/ast.ts"
import { isDim } from "../types/dimension.ts"
import { atom, size, SizeTooComplex, valueOf } from "../types/size.ts"
import { reportIncomplete } from "./arguments.ts"
import { evaluateAt } from "./at.ts"
import { afford, boundedParts } from "./bounds.ts"
import { callValue, pipeInto } from "./call.ts"
import { homeOf } from "./modules.ts"
import { fail, isFull, report, type Context } from "./context.ts"
import { evaluateIndex, transpose } from "./access.ts"
import { agree } from "./match.ts"
import { binaryOperator, selectValues, unaryFunction, asTensor } from "./operators.ts"
import { printValue } from "./print-value.ts"
import { inner, lookup, visibleNames, type Scope } from "./scope.ts"
import { sourceMember } from "./sources.ts"
import { runStatements } from "./statement.ts"
import { boolean, errorValue, int, isSilent, literal, unknown, type Value } from "./value.ts"

export const evaluate = (ctx: Context, scope: Scope, expr: Ast.Expr): Value => {
  let value: Value = errorValue
  try {
    value = evaluateExpr(ctx, scope, expr)
  } catch (problem) {
    if (!(problem instanceof SizeTooComplex)) throw problem
    report(ctx, sizeTooComplex(expr.span))
  }
  ctx.types?.set(expr, value)
  return value
}

const evaluateExpr = (ctx: Context, scope: Scope, expr: Ast.Expr): Value => {
  switch (expr.kind) {
    case "error": return errorValue
    case "int": return int(size(expr.value))
    case "float": return literal(expr.value)
    case "string": return { kind: "string", value: expr.value }
    case "bool": return boolean(expr.value)
    case "name": return evaluateName(ctx, scope, expr)
    case "tuple": return boundedParts(ctx, expr.span, { kind: "tuple", items: expr.items.map((e) => evaluate(ctx, scope, e)) })
    case "list": return boundedParts(ctx, expr.span, { kind: "list", items: expr.items.map((e) => evaluate(ctx, scope, e)) })
    case "record": return boundedParts(ctx, expr.span, evaluateRecord(ctx, scope, expr.fields, new Map()))
    case "with": {
      const base = evaluate(ctx, scope, expr.base)
      if (isSilent(base)) return base
      if (base.kind !== "record") return fail(ctx, elementType(expr.base.span, "what stands before `with`", "a record", printValue(base), undefined))
      for (const f of expr.fields) if (!base.fields.has(f.name.text)) return fail(ctx, noSuchField(f.name.span, f.name.text, [...base.fields.keys()], suggest(f.name.text, [...base.fields.keys()])))
      return evaluateRecord(ctx, scope, expr.fields, base.fields)
    }
    case "suite": {
      const own = inner(scope)
      runStatements(ctx, own, expr.statements)
      return expr.result ? evaluate(ctx, own, expr.result) : { kind: "tuple", items: [] }
    }
    case "if": return evaluateIf(ctx, scope, expr)
    case "loop": return evaluateLoop(ctx, scope, expr)
    case "lambda": return { kind: "lambda", params: expr.params, body: expr.body, scope }
    case "at": return evaluateAt(ctx, scope, expr)
    case "pipe": return pipeInto(ctx, scope, expr)
    case "call": return callValue(ctx, scope, expr)
    case "index": return evaluateIndex(ctx, scope, expr)
    case "field": return evaluateField(ctx, scope, expr)
    case "item": {
      const base = evaluate(ctx, scope, expr.base)
      if (isSilent(base)) return base
      if (base.kind !== "tuple" || expr.index >= base.items.length) return fail(ctx, indexProblem(expr.span, `there is no .${expr.index} here`, printValue(base)))
      return base.items[expr.index]!
    }
    case "unary": return unaryFunction(ctx, expr.span, expr.op === "-" ? "neg" : "not", expr.op, { value: evaluate(ctx, scope, expr.operand), span: expr.operand.span })
    case "binary": return evaluateBinary(ctx, scope, expr)
  }
}

const evaluateBinary = (ctx: Context, scope: Scope, expr: Extract<Ast.Expr, { kind: "binary" }>): Value => {
  const left = evaluate(ctx, scope, expr.left)
  // A decided `and` / `or` does not look at its other side.
  if (left.kind === "bool" && left.value !== undefined && (expr.op === "and" || expr.op === "or") && left.value === (expr.op === "or")) return left
  const right = evaluate(ctx, scope, expr.right)
  if (expr.op === "..") return range(ctx, expr, left, right)
  return binaryOperator(ctx, expr.span, expr.op, { value: left, span: expr.left.span, from: madeAt(scope, expr.left) }, { value: right, span: expr.right.span, from: madeAt(scope, expr.right) })
}

const madeAt = (scope: Scope, e: Ast.Expr): Span | undefined => (e.kind === "name" ? lookup(scope, e.name)?.from?.span : undefined)

/** A list of integers; not known while an end is symbolic. */
const range = (ctx: Context, expr: Extract<Ast.Expr, { kind: "binary" }>, left: Value, right: Value): Value => {
  if (isSilent(left) || isSilent(right)) return { kind: "list", items: undefined }
  if (left.kind !== "int" || right.kind !== "int") return fail(ctx, notStatic(left.kind === "int" ? expr.right.span : expr.left.span, "an end of a range"))
  const from = valueOf(left.size)
  const to = valueOf(right.size)
  if (from === undefined || to === undefined) return { kind: "list", items: undefined }
  if (to - from > 100_000) return fail(ctx, rangeTooLong(expr.span, to - from))
  return { kind: "list", items: Array.from({ length: Math.max(0, to - from) }, (_, i) => int(size(from + i))) }
}

const evaluateName = (ctx: Context, scope: Scope, expr: Extract<Ast.Expr, { kind: "name" }>): Value => {
  if (expr.name === "training") return boolean(ctx.inline ? ctx.training : undefined)
  const found = lookup(scope, expr.name)
  if (!found) {
    const names = visibleNames(scope).filter((n) => !n.startsWith("@") && !n.startsWith("type "))
    return fail(ctx, unknownName(expr.span, expr.name, isFull(ctx) ? undefined : suggest(expr.name, names), homeOf(scope, expr.name)))
  }
  return found.value
}

const evaluateRecord = (ctx: Context, scope: Scope, given: readonly { name: Ast.Name; value: Ast.Expr }[], base: ReadonlyMap<string, Value>): Value => {
  const fields = new Map(base)
  const first = new Map<string, Span>()
  for (const f of given) {
    if (first.has(f.name.text)) report(ctx, fieldTwice(f.name.span, f.name.text, first.get(f.name.text)!))
    first.set(f.name.text, f.name.span)
    fields.set(f.name.text, evaluate(ctx, scope, f.value))
  }
  return { kind: "record", fields }
}

const evaluateField = (ctx: Context, scope: Scope, expr: Extract<Ast.Expr, { kind: "field" }>): Value => {
  const base = evaluate(ctx, scope, expr.base)
  if (isSilent(base)) return base
  const name = expr.name.text
  switch (base.kind) {
    case "record": return base.fields.get(name) ?? fail(ctx, noSuchField(expr.name.span, name, [...base.fields.keys()], suggest(name, [...base.fields.keys()])))
    case "module": return lookup(base.scope, name)?.value ?? fail(ctx, unknownName(expr.name.span, name, suggest(name, visibleNames(base.scope)), undefined))
    case "source": return sourceMember(ctx, base, expr.name)
    case "tensor": if (name === "T") return transpose(ctx, expr.span, base)
  }
  if (reportIncomplete(ctx, base)) return errorValue
  return fail(ctx, noSuchField(expr.name.span, name, base.kind === "tensor" ? ["T"] : [], undefined))
}

// ------------------------------------------------------------------------------------------------ if and loop

const evaluateIf = (ctx: Context, scope: Scope, expr: Extract<Ast.Expr, { kind: "if" }>): Value => {
  const condition = evaluate(ctx, scope, expr.condition)
  if (condition.kind === "bool" && condition.value !== undefined) {
    if (condition.value) return evaluate(ctx, scope, expr.then)
    return expr.else ? evaluate(ctx, scope, expr.else) : fail(ctx, missingElse(expr.span))
  }
  if (!expr.else) return fail(ctx, missingElse(expr.span))
  if (condition.kind === "bool" || isSilent(condition)) {
    // Not decided here: both sides must be sound; the value is known only where they agree.
    const then = evaluate(ctx, scope, expr.then)
    const otherwise = evaluate(ctx, scope, expr.else)
    return joinBranches(then, otherwise)
  }
  const c = asTensor(condition)
  if (!c || c.dtype !== "bool") return fail(ctx, elementType(expr.condition.span, "a condition", "bool", printValue(condition), "compare it with something"))
  const then = evaluate(ctx, scope, expr.then)
  const otherwise = evaluate(ctx, scope, expr.else)
  return selectValues(ctx, expr.span, { value: condition, span: expr.condition.span }, { value: then, span: expr.then.span }, { value: otherwise, span: expr.else.span })
}

/** The value of a static `if` that is not decided yet. */
const joinBranches = (a: Value, b: Value): Value => {
  if (a.kind === "error" || b.kind === "error") return errorValue
  if (a.kind !== b.kind) return unknown
  if (a.kind === "tensor" && b.kind === "tensor")
    return a.dtype === b.dtype && a.dims.length === b.dims.length && a.dims.every((d, i) => isDim(d) && isDim(b.dims[i]!) && agree(d.size, (b.dims[i] as typeof d).size) === "equal") ? { ...a, literal: undefined, data: undefined } : unknown
  if (a.kind === "tuple" && b.kind === "tuple" && a.items.length === b.items.length) return { kind: "tuple", items: a.items.map((x, i) => joinBranches(x, b.items[i]!)) }
  if (a.kind === "field" && b.kind === "field") return a
  if (a.kind === "int" && b.kind === "int" && a.size.key === b.size.key) return a
  if (a.kind === "bool") return boolean(undefined)
  if (a.kind === "string") return { kind: "string", value: undefined }
  return unknown
}

export const bindPattern = (ctx: Context, scope: Scope, pattern: Ast.Pattern, value: Value): void => {
  if (pattern.kind === "name") {
    scope.names.set(pattern.name.text, { value, span: pattern.name.span })
    return
  }
  if (isSilent(value)) return pattern.items.forEach((p) => bindPattern(ctx, scope, p, value))
  const items = value.kind === "tuple" ? value.items : value.kind === "list" ? value.items : undefined
  if (!items || items.length !== pattern.items.length) {
    report(ctx, patternMismatch(pattern.span, pattern.items.length, printValue(value)))
    return pattern.items.forEach((p) => bindPattern(ctx, scope, p, errorValue))
  }
  pattern.items.forEach((p, i) => bindPattern(ctx, scope, p, items[i]!))
}

const evaluateLoop = (ctx: Context, scope: Scope, expr: Extract<Ast.Expr, { kind: "loop" }>): Value => {
  let carried = evaluate(ctx, scope, expr.start)
  const over = evaluate(ctx, scope, expr.over)
  if (over.kind === "error") return errorValue
  if (over.kind !== "list" && over.kind !== "unknown" && over.kind !== "tuple") return fail(ctx, elementType(expr.over.span, "what a loop runs over", "a list or a range", printValue(over), undefined))
  const items = over.kind === "unknown" ? undefined : over.items
  const once = (value: Value, item: Value): Value => {
    const own = inner(scope)
    bindPattern(ctx, own, expr.pattern, value)
    bindPattern(ctx, own, expr.item, item)
    return evaluate(ctx, own, expr.body)
  }
  if (items) {
    for (const item of items) {
      if (!afford(ctx, expr.span, 1)) return errorValue
      carried = once(carried, item)
      if (carried.kind === "error") return errorValue
    }
    return carried
  }
  // The number of turns is not known: the carried value must keep its type.
  const item: Value = expr.over.kind === "binary" && expr.over.op === ".." ? int(atom("i")) : unknown
  const after = once(carried, item)
  if (isSilent(after) || isSilent(carried)) return after.kind === "error" ? errorValue : unknown
  if (carried.kind === "list" || after.kind === "list") return { kind: "list", items: undefined }
  const joined = joinBranches(carried, after)
  if (joined.kind === "unknown" && carried.kind === "tensor" && after.kind === "tensor" && expr.over.kind === "binary")
    return fail(ctx, loopChangesType(expr.span, printValue(carried), printValue(after)))
  return joined
}


