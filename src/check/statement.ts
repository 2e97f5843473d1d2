/** Statements: what each word may do, and where. */
import type { Span } from "../base/span.ts"
import { suggest } from "../base/suggest.ts"
import { frozenOver, lossNotScalar, noGradient } from "../diagnostics/messages/gradients.ts"
import { duplicateName, shadowsDimension, unknownName } from "../diagnostics/messages/names.ts"
import { notDrawn } from "../diagnostics/messages/random.ts"
import { bestNumber, minimizeTwice, modelNeedsBlock, nextOfNothing, nextTwice, notAModel, notInThisPlace, reportedKind, reportsRecord } from "../diagnostics/messages/state.ts"
import type * as Ast from "../syntax/ast.ts"
import { applyStage } from "./call.ts"
import { enter, letPath, pathOf, report, subPath, type Context, type Role } from "./context.ts"
import { nodeOf } from "./emit.ts"
import { parameterValue, propose, stateValue } from "./learning.ts"
import { reportIncomplete } from "./arguments.ts"
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
      if (t && t.dims.length === 0 && t.literal === undefined) ctx.build?.step?.reports.push({ name: s.name.text, value: t })
      return
    }
    case "next": return runNext(ctx, scope, s)
    case "minimize": return runMinimize(ctx, scope, s)
    case "report": {
      const value = evaluate(ctx, scope, s.value)
      if (!isSilent(value) && value.kind !== "record") report(ctx, reportsRecord(s.value.span, printValue(value)))
      if (value.kind === "record") for (const [name, v] of value.fields) {
        const t = asTensor(v)
        if (!isOutput(v) && !reportIncomplete(ctx, v)) report(ctx, reportedKind(fieldValueSpan(s.value, name), name, printValue(v)))
        else if (t) ctx.build?.step?.reports.push({ name, value: t })
      }
      return
    }
    case "save": {
      for (const name of s.names) {
        const model = modelNamed(ctx, scope, name)
        if (model) ctx.build?.step?.saves.push(model.path)
      }
      if (s.best) saveBest(ctx, scope, s.names, s.best)
      return
    }
  }
}

/** `best=e`: a number, of which more is better. */
const saveBest = (ctx: Context, scope: Scope, names: readonly Ast.Name[], best: Ast.Expr): void => {
  const value = evaluate(ctx, scope, best)
  const t = asTensor(value)
  if (isSilent(value)) return
  if (!t || t.dims.length > 0 || t.dtype === "bool") return report(ctx, bestNumber(best.span, printValue(value)))
  const models = names.flatMap((name) => modelNamed({ ...ctx, diagnostics: [] }, scope, name)?.path ?? [])
  ctx.build?.step?.bests.push({ models, value: t })
}

/** Inside a block a `let` names what is made in it: `main.conv.0.weight` (RULINGS 19). */
const inLet = (ctx: Context, s: Extract<Ast.Statement, { kind: "let" }>): Context =>
  ctx.role === "block" && !ctx.inAt && !s.draws && s.pattern.kind === "name" && ctx.frames.length > 0
    ? { ...ctx, frames: [...ctx.frames.slice(0, -1), { ...ctx.frames.at(-1)!, path: letPath(ctx, s.pattern.name.text), ordinals: new Map() }] }
    : ctx

const runLet = (ctx: Context, scope: Scope, s: Extract<Ast.Statement, { kind: "let" }>): void => {
  const value = evaluate(inLet(ctx, s), scope, s.value)
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
  const typed: Value = type ? valueOfType(type) : errorValue
  const value = ctx.build && typed.kind === "tensor" ? (s.role === "param" ? parameterValue : stateValue)(ctx, s.span, s.name.text, typed, initial) : typed
  scope.names.set(s.name.text, { value, span: s.name.span })
  if (s.role === "state") ctx.body?.states.set(s.name.text, { span: s.name.span, integer: type?.kind === "tensor" && type.dtype !== "f32", type: type && s.type, path: `${pathOf(ctx)}.${s.name.text}` })
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
  const matched = state.type ? matchType(ctx, inner(scope), state.type, value, { span: s.value.span, callee: undefined, name: `the next value of \`${s.name.text}\`` }) : value
  const t = matched && !isSilent(matched) ? asTensor(matched) : undefined
  if (ctx.build && t) propose(ctx, s.span, state.path, t)
}

/** What can be written down: tensors, and records and tuples of them. */
export const isOutput = (v: Value): boolean =>
  isSilent(v) || asTensor(v) !== undefined || (v.kind === "record" && [...v.fields.values()].every(isOutput)) || (v.kind === "tuple" && v.items.every(isOutput))

const fieldValueSpan = (e: Ast.Expr, name: string): Span => (e.kind === "record" ? e.fields.find((f) => f.name.text === name)?.value.span : undefined) ?? e.span

/** `model M = block(…)`: the block with its configuration, not yet applied. */
export const makeModel = (ctx: Context, scope: Scope, s: Ast.ModelDeclaration): Value => {
  const value = evaluate({ ...ctx, role: "const" }, scope, s.value)
  const from = s.from && evaluate({ ...ctx, role: "const" }, scope, s.from)
  const loaded = from?.kind === "string" && from.value !== undefined ? { from: from.value } : {}
  if (isSilent(value)) return value
  const path = ctx.frames.length === 0 ? s.name.text : subPath(ctx, s.name.text)
  if (value.kind === "model") {
    return { ...value, name: s.name.text, path, span: s.name.span, ...loaded }
  }
  const ok = value.kind === "function" ? value.declaration.role === "block" : value.kind === "partial" || value.kind === "stage" || value.kind === "native"
  if (!ok) {
    report(ctx, modelNeedsBlock(s.value.span, printValue(value)))
    return errorValue
  }
  return { kind: "model", name: s.name.text, path, block: value, mode: "plain", span: s.name.span, ...loaded } satisfies ModelValue
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
  const by = evaluate({ ...ctx, role: "const" }, scope, s.by)
  if (!ctx.build?.step || !t || isSilent(by)) return
  const models = s.over.flatMap((name) => { const model = modelNamed({ ...ctx, diagnostics: [] }, scope, name); return model ? [{ model, span: name.span }] : [] })
  const path = `${pathOf(ctx)}.${ctx.build.step.minimizes.length === 0 ? "optimizer" : `optimizer.${ctx.build.step.minimizes.length}`}`
  ctx.build.step.minimizes.push({
    loss: nodeOf(ctx, s.loss.span, t), lossSpan: s.loss.span, models,
    update: (parameters, gradients) => applyStage({ ...enter(ctx, "optimizer", undefined, s.by.span, path), role: "block", model: undefined }, by, [parameters, gradients].map((value) => ({ name: undefined, value, span: s.by.span })), s.by.span, s.by.span),
  })
}
