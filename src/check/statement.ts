/** Statements: what each word may do, and where. */
import type { Span } from "../base/span.ts"
import { suggest } from "../base/suggest.ts"
import { frozenOver, lossNotScalar, noGradient } from "../diagnostics/messages/gradients.ts"
import { duplicateName, shadowsDimension, unknownName } from "../diagnostics/messages/names.ts"
import { notDrawn } from "../diagnostics/messages/random.ts"
import { minimizeTwice, modelNeedsBlock, nextOfNothing, nextTwice, notAModel, notInThisPlace, reportedKind, reportsRecord } from "../diagnostics/messages/state.ts"
import type * as Ast from "../syntax/ast.ts"
import { reportIncomplete } from "./arguments.ts"
import { report, type Context, type Role } from "./context.ts"
import { dependsOn } from "./dependence.ts"
import { evaluateDraw } from "./draw.ts"
import { bindPattern, evaluate } from "./expression.ts"
import { matchType, valueOfType } from "./match.ts"
import { asTensor } from "./operators.ts"
import { printValue } from "./print-value.ts"
import { inner, lookup, visibleNames, type Scope } from "./scope.ts"
import { evaluateType } from "./types.ts"
import { errorValue, isSilent, type ModelValue, type Value } from "./value.ts"

const places: Record<string, { readonly roles: readonly Role[]; readonly words: string }> = {
  param: { roles: ["block"], words: "a block" },
  state: { roles: ["block", "train", "eval"], words: "a block or a train" },
  next: { roles: ["block", "step", "train", "eval"], words: "a block or a step" },
  term: { roles: ["loss", "block", "step"], words: "a loss" },
  minimize: { roles: ["step"], words: "a step of a train" },
  report: { roles: ["step", "every"], words: "a step or an every" },
  save: { roles: ["every"], words: "an every" },
}

export const placeWords: Record<Role, string> = {
  const: "a constant", fn: "a fn", loss: "a loss", block: "a block", augment: "an augment", graph: "a graph", eval: "an eval", train: "a train", step: "a step", every: "an every",
}

/** Runs statements in order; names go into `scope`. */
export const runStatements = (ctx: Context, scope: Scope, statements: readonly Ast.Statement[]): void => {
  const first = new Map<string, Span>()
  for (const s of statements) {
    const word = s.kind === "slot" ? s.role : s.kind
    const place = places[word]
    if (place && (!place.roles.includes(ctx.role) || ctx.inAt)) {
      report(ctx, notInThisPlace({ ...s.span, end: Math.min(s.span.end, s.span.start + word.length) }, word, ctx.inAt ? "an `at`" : placeWords[ctx.role], place.words))
    }
    const misnamed: Ast.Name[] = []
    for (const name of namesBoundBy(s)) {
      const before = first.get(name.text)
      const outer = lookup(scope, name.text)
      if (before) report(ctx, duplicateName(name.span, name.text, before))
      else if (outer?.dimension) report(ctx, shadowsDimension(name.span, name.text, outer.span))
      else {
        first.set(name.text, name.span)
        continue
      }
      misnamed.push(name)
    }
    runStatement(ctx, scope, s)
    // Which of the two is meant later cannot be told.
    for (const name of misnamed) scope.names.set(name.text, { value: errorValue, span: name.span })
  }
}

const patternNames = (p: Ast.Pattern): readonly Ast.Name[] => (p.kind === "name" ? (p.name.text === "_" ? [] : [p.name]) : p.items.flatMap(patternNames))
const namesBoundBy = (s: Ast.Statement): readonly Ast.Name[] =>
  s.kind === "let" ? patternNames(s.pattern) : s.kind === "slot" || s.kind === "model" ? [s.name] : []

const runStatement = (ctx: Context, scope: Scope, s: Ast.Statement): void => {
  switch (s.kind) {
    case "let": return runLet(ctx, scope, s)
    case "slot": return runSlot(ctx, scope, s)
    case "model": {
      const value = makeModel(ctx, scope, s)
      scope.names.set(s.name.text, { value, span: s.name.span })
      return
    }
    case "term": {
      const value = evaluate(ctx, scope, s.value)
      const t = asTensor(value)
      const sound = isSilent(value) || reportIncomplete(ctx, value) || (t !== undefined && t.dims.length === 0)
      if (!sound) report(ctx, lossNotScalar(s.value.span, printValue(value)))
      scope.names.set(s.name.text, { value: sound ? value : errorValue, span: s.name.span })
      return
    }
    case "next": return runNext(ctx, scope, s)
    case "minimize": return runMinimize(ctx, scope, s)
    case "report": {
      const value = evaluate(ctx, scope, s.value)
      if (!isSilent(value) && value.kind !== "record") report(ctx, reportsRecord(s.value.span, printValue(value)))
      if (value.kind === "record") for (const [name, v] of value.fields) if (!isOutput(v) && !reportIncomplete(ctx, v)) report(ctx, reportedKind(fieldValueSpan(s.value, name), name, printValue(v)))
      return
    }
    case "save": {
      for (const name of s.names) modelNamed(ctx, scope, name)
      if (s.best) evaluate(ctx, scope, s.best)
      return
    }
  }
}

const runLet = (ctx: Context, scope: Scope, s: Extract<Ast.Statement, { kind: "let" }>): void => {
  const value = evaluate(ctx, scope, s.value)
  if (s.draws) {
    const drawn = evaluateDraw(ctx, scope, s, value)
    bindPattern(ctx, scope, s.pattern, drawn)
    return
  }
  if (value.kind === "distribution") {
    report(ctx, notDrawn(s.value.span, value.dist))
    bindPattern(ctx, scope, s.pattern, errorValue)
    return
  }
  const name = s.pattern.kind === "name" ? `\`${s.pattern.name.text}\`` : "this value"
  const matched = s.type ? matchType(ctx, scope, s.type, value, { span: s.value.span, callee: undefined, name }) ?? errorValue : value
  bindPattern(ctx, scope, s.pattern, matched)
  for (const name of patternNames(s.pattern)) scope.names.set(name.text, { ...scope.names.get(name.text)!, from: s.value })
}

const runSlot = (ctx: Context, scope: Scope, s: Extract<Ast.Statement, { kind: "slot" }>): void => {
  const type = evaluateType(ctx, scope, s.type, "require")
  const initial = evaluate({ ...ctx, role: "const" }, scope, s.value)
  if (type && initial.kind !== "distribution") matchType(ctx, scope, s.type, initial, { span: s.value.span, callee: undefined, name: `the first value of \`${s.name.text}\`` })
  const value: Value = type ? valueOfType(type) : errorValue
  scope.names.set(s.name.text, { value, span: s.name.span })
  if (s.role === "state") ctx.body?.states.set(s.name.text, { span: s.name.span, integer: type?.kind === "tensor" && type.dtype !== "f32", type: type && s.type })
}

const runNext = (ctx: Context, scope: Scope, s: Extract<Ast.Statement, { kind: "next" }>): void => {
  const value = evaluate(ctx, scope, s.value)
  const state = ctx.body?.states.get(s.name.text)
  if (!state) {
    const known = [...(ctx.body?.states.keys() ?? [])]
    report(ctx, nextOfNothing(s.name.span, s.name.text, suggest(s.name.text, known)))
    return
  }
  const before = ctx.body!.nexts.get(s.name.text)
  if (before && ctx.role === "block") report(ctx, nextTwice(s.span, s.name.text, before, state.integer))
  ctx.body!.nexts.set(s.name.text, s.span)
  if (state.type) matchType(ctx, inner(scope), state.type, value, { span: s.value.span, callee: undefined, name: `the next value of \`${s.name.text}\`` })
}

/** What can be written down: tensors, and records and tuples of them. */
export const isOutput = (v: Value): boolean =>
  isSilent(v) || asTensor(v) !== undefined || (v.kind === "record" && [...v.fields.values()].every(isOutput)) || (v.kind === "tuple" && v.items.every(isOutput))

const fieldValueSpan = (e: Ast.Expr, name: string): Span => (e.kind === "record" ? e.fields.find((f) => f.name.text === name)?.value.span : undefined) ?? e.span

/** `model M = block(…)`: the block with its configuration, not yet applied. */
export const makeModel = (ctx: Context, scope: Scope, s: Ast.ModelDeclaration): Value => {
  const value = evaluate({ ...ctx, role: "const" }, scope, s.value)
  if (s.from) evaluate({ ...ctx, role: "const" }, scope, s.from)
  if (isSilent(value)) return value
  if (value.kind === "model") return { ...value, name: s.name.text, span: s.name.span }
  const ok = value.kind === "function" ? value.declaration.role === "block" : value.kind === "partial" || value.kind === "stage" || value.kind === "native"
  if (!ok) {
    report(ctx, modelNeedsBlock(s.value.span, printValue(value)))
    return errorValue
  }
  return { kind: "model", name: s.name.text, block: value, mode: "plain", span: s.name.span } satisfies ModelValue
}

const modelNamed = (ctx: Context, scope: Scope, name: Ast.Name): ModelValue | undefined => {
  const found = lookup(scope, name.text)
  if (!found) {
    report(ctx, unknownName(name.span, name.text, suggest(name.text, visibleNames(scope)), undefined))
    return undefined
  }
  if (found.value.kind === "model") return found.value
  if (!isSilent(found.value)) report(ctx, notAModel(name.span, name.text, printValue(found.value)))
  return undefined
}

const runMinimize = (ctx: Context, scope: Scope, s: Extract<Ast.Statement, { kind: "minimize" }>): void => {
  const loss = evaluate(ctx, scope, s.loss)
  const t = asTensor(loss)
  const sound = t !== undefined && t.dims.length === 0
  if (!isSilent(loss) && !sound && !reportIncomplete(ctx, loss)) report(ctx, lossNotScalar(s.loss.span, printValue(loss)))
  for (const name of s.over) {
    const model = modelNamed(ctx, scope, name)
    if (model?.mode === "follow") report(ctx, frozenOver(name.span, name.text))
    else if (model && sound) {
      const { depends, cut } = dependsOn(scope, s.loss, model)
      if (!depends) report(ctx, noGradient(name.span, name.text, cut))
    }
    const before = ctx.body?.minimized.get(name.text)
    if (before) report(ctx, minimizeTwice(name.span, name.text, before))
    ctx.body?.minimized.set(name.text, name.span)
  }
  evaluate({ ...ctx, role: "const" }, scope, s.by)
}
