/** Entry points: `graph`, `eval` and `train` fix all sizes; what was undecided is decided here, before anything runs. */
import type { Span } from "../base/span.ts"
import { badOption, notASource } from "../diagnostics/messages/data.ts"
import { duplicateName } from "../diagnostics/messages/names.ts"
import { notStatic } from "../diagnostics/messages/stages.ts"
import { elementType } from "../diagnostics/messages/shapes.ts"
import { emptyTrain, twoSteps } from "../diagnostics/messages/state.ts"
import type { Node } from "../ir/graph.ts"
import type * as Ast from "../syntax/ast.ts"
import { isDim, type Dimension } from "../types/dimension.ts"
import { atom, size, valueOf, type Size } from "../types/size.ts"
import { enter, newBody, originOf, report, subPath, type Context } from "./context.ts"
import { numbers } from "./emit.ts"
import { evaluate } from "./expression.ts"
import { newStep, type StepRecord } from "./learning.ts"
import { matchType, valueOfType } from "./match.ts"
import { printValue } from "./print-value.ts"
import { inner, type Scope } from "./scope.ts"
import type { SourceSpec } from "../ir/graph.ts"
import { batchRecord, ofBytes } from "./sources.ts"
import { runStatements } from "./statement.ts"
import { evaluateType } from "./types.ts"
import { errorValue, isSilent, type SourceValue, type TensorValue, type Type, type Value } from "./value.ts"

/** What `--set` and the defaults give an entry. */
export interface EntryInputs {
  /** Values for parameters with defaults, by name. */
  readonly set: ReadonlyMap<string, Value>
  /** Numbers for sizes that the entry leaves open. */
  readonly sizes: ReadonlyMap<string, number>
  /** Other sizes of batches, by parameter: a last batch that is not whole. */
  readonly batches?: ReadonlyMap<string, number>
  /** Collects the graph's inputs while building. */
  readonly onInput?: (name: string, node: Node, source: { name: string; field: string } | undefined) => void
}

export const noInputs: EntryInputs = { set: new Map(), sizes: new Map() }

/** Binds the parameters of an entry; a batch parameter is a record of its source's fields. */
const bindEntryParams = (ctx: Context, scope: Scope, params: readonly Ast.EntryParam[], given: EntryInputs): void => {
  const first = new Map<string, Span>()
  // Settings first: sources may use them.
  const ordered = [...params.filter((p) => p.kind === "param" && p.value), ...params.filter((p) => p.kind === "param" && !p.value), ...params.filter((p) => p.kind === "batch")]
  for (const p of ordered) {
    const before = first.get(p.name.text)
    if (before) report(ctx, duplicateName(p.name.span, p.name.text, before))
    first.set(p.name.text, p.name.span)
    if (p.kind === "batch") bindBatch(ctx, scope, p, given)
    else bindParam(ctx, scope, p, given)
  }
}

const bindParam = (ctx: Context, scope: Scope, p: Ast.Param, given: EntryInputs): void => {
  const setting = given.set.get(p.name.text)
  if (p.value || setting) {
    const value = setting ?? evaluate({ ...ctx, role: "const" }, scope, p.value!)
    if (p.name.text === "seed" || p.name.text === "steps") wholeNumber(ctx, p.value?.span ?? p.span, `\`${p.name.text}\``, value, 0)
    const matched = p.type ? matchType(ctx, scope, p.type, value, { span: p.value?.span ?? p.span, callee: undefined, name: `\`${p.name.text}\`` }) ?? errorValue : value
    scope.names.set(p.name.text, { value: matched.kind === "int" ? named(p.name, matched.size) : matched, span: p.name.span })
    return
  }
  const before = new Set(scope.names.keys())
  const type = p.type && evaluateType(ctx, scope, p.type, "declare")
  // Sizes that are left open get their number from --set or from the shape of the input.
  for (const [name, binding] of scope.names) {
    const n = given.sizes.get(name)
    if (before.has(name) || n === undefined || !binding.dimension || Array.isArray(binding.dimension)) continue
    const d = binding.dimension as Dimension
    // One atom for both: `over=[h]` finds the dimension by it.
    const known = atom(name, n)
    if (isDim(d)) scope.names.set(name, { ...binding, value: { kind: "int", size: known }, dimension: { ...d, size: known } })
  }
  const settled = type && p.type ? evaluateType({ ...ctx, diagnostics: [] }, scope, p.type, "require") ?? type : type
  const value: Value = settled ? valueOfType(settled) : errorValue
  scope.names.set(p.name.text, { value: ctx.build && settled ? withInput(ctx, p, settled, value, given) : value, span: p.name.span })
}

const withInput = (ctx: Context, p: Ast.Param, type: Type, value: Value, given: EntryInputs): Value => {
  if (type.kind !== "tensor" || value.kind !== "tensor") return value
  const shape = numbers(ctx, p.span, type.dims)
  if (!shape) return errorValue
  const node = ctx.build!.builder.at(originOf(ctx, p.name.span, p.name.text)).input(p.name.text, type.dtype, shape)
  given.onInput?.(p.name.text, node, undefined)
  return { ...value, data: { rate: "node", node } }
}

/** A name with a number keeps its name in shapes. */
const named = (name: Ast.Name, s: Size): Value => {
  const n = valueOf(s)
  return { kind: "int", size: n === undefined ? s : atom(name.text, n) }
}

const bindBatch = (ctx: Context, scope: Scope, p: Extract<Ast.EntryParam, { kind: "batch" }>, given: EntryInputs): void => {
  let value = evaluate({ ...ctx, role: "const" }, scope, p.source)
  // A declared data set is its loader seen through the declared record.
  if (value.kind === "source" && value.batch && !value.split) value = { ...value, split: ctx.role === "train" ? "train" : "all" }
  if (isSilent(value)) return void scope.names.set(p.name.text, { value, span: p.name.span })
  if (value.kind !== "source" || !value.batch) {
    report(ctx, notASource(p.source.span, printValue(value)))
    return void scope.names.set(p.name.text, { value: errorValue, span: p.name.span })
  }
  const smaller = given.batches?.get(p.name.text)
  if (smaller !== undefined && smaller !== valueOf(value.batch.dim.size)) value = { ...value, batch: { dim: { ...value.batch.dim, size: size(smaller) } } }
  const record = batchRecord(value)
  scope.names.set(p.name.text, { value: ctx.build ? withSource(ctx, p, value, record, given) : record, span: p.name.span })
}

const withSource = (ctx: Context, p: Extract<Ast.EntryParam, { kind: "batch" }>, source: SourceValue, record: Value, given: EntryInputs): Value => {
  if (record.kind !== "record") return record
  const name = p.name.text
  const n = valueOf(source.batch!.dim.size)
  if (n === undefined) return errorValue
  const origin = originOf(ctx, p.name.span, name)
  const samples = ctx.build!.builder.at({ ...origin, label: `${name}.#index` }).input(`${name}.#index`, "i32", [n])
  given.onInput?.(`${name}.#index`, samples, { name, field: "#index" })
  const fields = new Map<string, Value>()
  const specs: SourceSpec["fields"][number][] = []
  for (const [field, v] of record.fields) {
    const t = v as TensorValue
    const shape = numbers(ctx, p.source.span, t.dims)
    if (!shape) return errorValue
    const node = ctx.build!.builder.at({ ...origin, label: `${name}.${field}` }).input(`${name}.${field}`, t.dtype, shape)
    given.onInput?.(`${name}.${field}`, node, { name, field })
    specs.push({ name: field, dtype: t.dtype, shape, ...(ofBytes(source.loader, field) ? { bytes: true as const } : {}) })
    fields.set(field, { ...t, data: { rate: "node", node }, samples })
  }
  ctx.build!.sources.push({ name, loader: source.loader, split: source.split ?? "train", batch: n, options: source.options, fields: specs, origin })
  return { kind: "record", fields, source }
}

/** The value of a `graph` or `eval`, with all that can be known. */
export const instantiateEntry = (ctx: Context, module: Scope, d: Ast.EntryDeclaration, given: EntryInputs = noInputs): Value | undefined => {
  const scope = inner(module)
  const inside: Context = { ...ctx, role: d.role, body: newBody(), training: false }
  bindEntryParams(inside, scope, d.params, given)
  const value = evaluate(inside, scope, d.body)
  if (isSilent(value)) return undefined
  if (!d.result) return value
  return matchType(inside, scope, d.result, value, { span: d.body.span, callee: undefined, name: `the result of \`${d.name.text}\`` })
}

const wholeNumber = (ctx: Context, span: Span, what: string, value: Value, least = 1): void => {
  if (isSilent(value)) return
  if (value.kind !== "int") report(ctx, elementType(span, what, "a whole number", printValue(value), undefined))
  else if ((valueOf(value.size) ?? least) < least) report(ctx, elementType(span, what, `at least ${least}`, printValue(value), undefined))
}

/** Instantiates a `train`: its statements, then each step and every. */
export const instantiateTrain = (ctx: Context, module: Scope, d: Ast.TrainDeclaration, given: EntryInputs = noInputs): void => {
  const scope = inner(module)
  const body = newBody()
  const inside: Context = { ...ctx, role: "train", body, training: false, given }
  bindEntryParams(inside, scope, d.params, given)
  const steps = new Map<string, Span>()
  for (const item of d.items) {
    if (item.kind === "step") {
      const before = steps.get(item.name.text)
      if (before) report(ctx, twoSteps(item.name.span, item.name.text, before))
      steps.set(item.name.text, item.name.span)
      const repeat = item.repeat ? times(inside, scope, item.repeat, "the number of repeats") : 1
      const record = newStep(item.name.text, repeat, "all")
      if (ctx.build) ctx.build.learning.steps.push(record)
      inStep({ ...inside, role: "step", training: true, body: { ...newBody(), states: body.states } }, scope, item.name.text, item.body, record)
    } else if (item.kind === "every") {
      const period = times(inside, scope, item.period, "the period of `every`")
      const record = newStep("every", 1, "own")
      if (ctx.build) ctx.build.learning.every.push({ period, record })
      inStep({ ...inside, role: "every" }, scope, "every", item.body, record)
    } else runStatements(inside, scope, [item])
  }
  if (steps.size === 0) report(ctx, emptyTrain(d.name.span, d.name.text))
}


/** How often: a whole number of at least one. */
const times = (ctx: Context, scope: Scope, e: Ast.Expr, what: string): number => {
  const value = evaluate({ ...ctx, role: "const" }, scope, e)
  wholeNumber(ctx, e.span, what, value)
  return value.kind === "int" ? valueOf(value.size) ?? 1 : 1
}

const inStep = (ctx: Context, scope: Scope, name: string, body: Ast.SuiteExpr, record: StepRecord): void => {
  const own = inner(scope)
  const path = subPath(ctx, name)
  const inside: Context = { ...enter(ctx, name, undefined, body.span, path), build: ctx.build && { ...ctx.build, step: record } }
  runStatements(inside, own, body.statements)
  if (body.result) evaluate(inside, own, body.result)
}
