/** Applying augments: to a picture inside another augment, or lifted over the first dimension of a batch (LANGUAGE section 8). */
import type { Span } from "../base/span.ts"
import { plainAugmentLeaves } from "../diagnostics/messages/populations.ts"
import { noPicture, wouldStayBehind } from "../diagnostics/messages/stages.ts"
import { elementType } from "../diagnostics/messages/shapes.ts"
import type { Node } from "../ir/graph.ts"

import type * as Ast from "../syntax/ast.ts"
import { isDim, type Dim } from "../types/dimension.ts"
import { neg, populationVariable, samePopulation } from "../types/population.ts"
import { valueOf } from "../types/size.ts"
import { enter, fail, newBody, report, subPath, type Context } from "./context.ts"
import { apply, nodeOf, numbers } from "./emit.ts"
import { evaluate } from "./expression.ts"
import { bindSignature, checkWhere, nameOf, resultSpan } from "./function.ts"
import { ownScope, retype } from "./own-scope.ts"
import { agree, matchType, substituteValue } from "./match.ts"
import { mostTaps, rasterPicture, rasterize, withRaster } from "./picture.ts"
import { printValue } from "./print-value.ts"
import { movesPixels } from "./places.ts"
import { inner, type Scope } from "./scope.ts"
import { evaluateType } from "./types.ts"
import { errorValue, isSilent, silence, tensor, type EvaluatedArgument, type FieldValue, type FunctionValue, type Picture, type RecordValue, type TensorValue, type Value } from "./value.ts"

const fieldType = (d: Ast.FunctionDeclaration): Extract<Ast.TypeExpr, { kind: "named" }> | undefined => {
  const type = d.groups.at(-1)![0]?.type
  return type?.kind === "named" && type.name.text === "Field" ? type : undefined
}

/** How many coordinates the augment's picture has. */
const domainRank = (d: Ast.FunctionDeclaration): number => (fieldType(d)?.dims?.length ?? 3) - 1

const applied = (ctx: Context, fn: FunctionValue, args: ReadonlyMap<string, EvaluatedArgument>, span: Span): Value => {
  const first = fn.declaration.groups.at(-1)![0]!
  const arg = args.get(first.name.text)!
  const path = subPath(ctx, nameOf(fn))
  const run = (c: Context, field: FieldValue): FieldValue | undefined => runAugment(c, fn, args, first.name.text, field, arg.span, span, path)
  return onPictures(ctx, arg.value, { name: nameOf(fn), moves: () => movesPixels(fn) }, domainRank(fn.declaration), arg.span, span, run)
}

/** What is applied to pictures: its name, and whether pixels leave their places. */
export interface PictureStage {
  readonly name: string
  readonly moves: () => boolean
}

/** Applies a function of pictures to whatever carries pictures: a field, a batch of pictures, a record of them. */
export const onPictures = (
  ctx: Context, value: Value, stage: PictureStage, rank: number, argSpan: Span, span: Span, run: (ctx: Context, field: FieldValue) => FieldValue | undefined,
): Value => {
  if (isSilent(value)) return silence(value)
  if (value.kind === "field") return run(ctx, value) ?? errorValue
  if (value.kind === "record") return onRecord(ctx, value, stage, rank, argSpan, span, run)
  if (value.kind !== "tensor" || value.dtype !== "f32" || (value.dims.every(isDim) && value.dims.length !== rank + 2)) return fail(ctx, noPicture(argSpan, stage.name, printValue(value)))
  if (!value.dims.every(isDim)) return { kind: "unknown" }
  const [n, channels, ...domain] = value.dims as Dim[]
  const lifted = lift(ctx, argSpan, value)
  if (ctx.build && !lifted) return errorValue
  const field: FieldValue = { kind: "field", channels: channels!, domain, population: n!.population, became: n!.became, picture: lifted?.picture }
  const result = run({ ...ctx, batch: lifted && { size: lifted.picture.batch, samples: lifted.picture.samples } }, field)
  return result ? lower(ctx, span, stage.name, value, n!, result) : errorValue
}

/** A batch as a picture, and each sample's number. */
const lift = (ctx: Context, span: Span, value: TensorValue): { picture: Picture } | undefined => {
  if (!ctx.build) return undefined
  if (value.data?.rate === "picture") return { picture: value.data.picture }
  const shape = numbers(ctx, span, value.dims)
  if (!shape) return undefined
  const node = nodeOf(ctx, span, value)
  const samples = value.samples ?? apply(ctx, span, "position", "iota", [], { axis: 0, shape: [shape[0]!] })
  return { picture: rasterPicture(ctx, node, samples, node.origin.label) }
}

/** A picture back as a batch; it is sampled only when something other than an augment asks for it. */
const lower = (ctx: Context, span: Span, stage: string, source: TensorValue, n: Dim, field: FieldValue): TensorValue => {
  const dims = [{ ...n, population: field.population, became: field.became }, field.channels, ...field.domain]
  const picture = field.picture
  if (!picture || !ctx.build) return tensor("f32", dims, undefined, { alias: source.alias ?? "Image", samples: source.samples })
  let node: Node | undefined
  const force = (): Node => (node ??= picture.node ?? rasterize(ctx, span, stage, picture, valueOf(field.channels.size)!, field.domain.map((d) => valueOf(d.size)!)))
  return tensor("f32", dims, { rate: "picture", picture, force }, { alias: source.alias ?? "Image", samples: picture.samples })
}

const pictureAliases = new Set(["Image", "Clip"])

const onRecord = (
  ctx: Context, record: RecordValue, stage: PictureStage, rank: number, argSpan: Span, span: Span, run: (ctx: Context, field: FieldValue) => FieldValue | undefined,
): Value => {
  const fields = new Map<string, Value>()
  const pictures = [...record.fields].filter(([, v]) => v.kind === "tensor" && v.alias !== undefined && pictureAliases.has(v.alias) && v.dims.length === rank + 2)
  if (pictures.length === 0) return fail(ctx, noPicture(argSpan, stage.name, printValue(record)))
  let population: Dim | undefined
  let before: Dim | undefined
  for (const [name, v] of pictures) {
    // All pictures of a record see the same draws: the draws' paths are the same.
    const result = onPictures(ctx, v, stage, rank, argSpan, span, run)
    if (result.kind !== "tensor") return result
    before = (v as TensorValue).dims[0] as Dim
    population = result.dims[0] as Dim
    fields.set(name, result)
  }
  for (const [name, v] of record.fields) {
    if (fields.has(name)) continue
    if (v.kind === "tensor" && (v.alias === "Boxes" || v.alias === "Mask") && stage.moves()) return fail(ctx, wouldStayBehind(span, stage.name, name, v.alias))
    if (v.kind !== "tensor" || v.dims.length === 0 || !isDim(v.dims[0]!)) {
      fields.set(name, v)
      continue
    }
    const d = v.dims[0] as Dim
    fields.set(name, before && agree(d.size, before.size) !== "different" ? { ...v, dims: [{ ...d, population: population!.population, became: population!.became }, ...v.dims.slice(1)] } : v)
  }
  // The order of fields is the record's.
  return { kind: "record", fields: new Map([...record.fields.keys()].map((k) => [k, fields.get(k)!])) }
}

const negativeNote = (fn: FunctionValue, span: Span): { span: Span; note: string } => ({ span, note: `it became negative here: \`${nameOf(fn)}\` is a negative augment` })

/** One application of an augment to a picture. */
const runAugment = (
  ctx: Context, fn: FunctionValue, args: ReadonlyMap<string, EvaluatedArgument>, parameter: string, field: FieldValue, argSpan: Span, span: Span, path: string,
): FieldValue | undefined => {
  const d = fn.declaration
  const signature = inner(fn.scope)
  const all = new Map(args)
  all.set(parameter, { name: parameter, value: field, span: argSpan })
  if (!bindSignature(ctx, fn, all, signature, span) || !checkWhere(ctx, fn, signature, span)) return undefined
  const declared = d.result && evaluateType(enter(ctx, nameOf(fn), d, span, path), signature, d.result, "require")
  if (d.result && !declared) return undefined
  const tagged = (result: FieldValue): FieldValue =>
    d.negative ? { ...result, population: neg, became: negativeNote(fn, span) } : { ...result }
  if (declared?.kind === "field" && !ctx.inline) return tagged({ ...field, channels: declared.channels, domain: declared.domain, picture: undefined })

  const body = (input: FieldValue): { value: FieldValue; back: (v: Value) => Value } | undefined => {
    signature.names.set(parameter, { value: input, span: argSpan })
    const own = ownScope(ctx, fn, signature)
    perSample(ctx, fn, own.scope)
    const result = d.result && evaluateType({ ...ctx, diagnostics: [] }, own.scope, d.result, "require")
    const at = own.scope.names.get(parameter)!.value
    const domain = result?.kind === "field" ? result.domain : at.kind === "field" ? at.domain : undefined
    const inside: Context = { ...enter(ctx, nameOf(fn), d, span, path), role: "augment", body: newBody(), domain, inAt: false }
    const value = evaluate(inside, own.scope, d.body)
    if (isSilent(value)) return undefined
    const matched = d.result ? matchType(inside, inner(own.scope), d.result, value, { span: resultSpan(d.body), callee: undefined, name: `the result of \`${nameOf(fn)}\`` }) : value
    if (!matched) return undefined
    if (matched.kind !== "field") {
      report(inside, elementType(resultSpan(d.body), `the result of \`${nameOf(fn)}\``, "a picture", printValue(matched), undefined))
      return undefined
    }
    return { value: matched, back: (v) => substituteValue(v, own.table) }
  }
  let made = body(field)
  if (!made) return undefined
  // Reading this stage would multiply the reads of the stages before it past the budget: those are rasterised first.
  const input = field.picture
  const output = made.value.picture
  if (input && output && output.taps > mostTaps && input.taps > 1 && output.taps > input.taps) {
    made = body(withRaster(ctx, span, field, `${nameOf(fn)} reads ${output.taps} values per pixel, more than ${mostTaps}: ${input.label} before it is rasterised`))
    if (!made) return undefined
  }
  const result = declared?.kind === "field" ? (retype(made.value, declared) as FieldValue) : (made.back(made.value) as FieldValue)
  if (!d.negative && !samePopulation(result.population, field.population) && result.population?.kind === "neg") {
    report(ctx, plainAugmentLeaves(d.name.span, nameOf(fn), result.became))
    return undefined
  }
  return tagged({ ...result, ...(result.picture ? { picture: { ...result.picture, label: nameOf(fn) } } : {}) })
}

/** A configuration of one value per sample (`hflip_if(flip)` with flip: bool[n]) is that sample's value inside. */
const perSample = (ctx: Context, fn: FunctionValue, scope: Scope): void => {
  for (const p of fn.declaration.groups.flat()) {
    const binding = scope.names.get(p.name.text)
    const v = binding?.value
    if (v?.kind !== "tensor" || v.dims.length !== 1 || p.type?.kind !== "named" || (p.type.dims ?? []).length > 0) continue
    scope.names.set(p.name.text, { ...binding!, value: { ...v, dims: [], data: ctx.build && v.data ? { rate: "sample", node: nodeOf(ctx, p.span, v) } : undefined } })
  }
}

/** Checks an augment's body against its own signature: one picture of some population, sizes symbolic. */
const check = (ctx: Context, fn: FunctionValue, scope: Scope): void => {
  const d = fn.declaration
  const first = d.groups.at(-1)![0]
  const binding = first && scope.names.get(first.name.text)
  if (!first || !binding || binding.value.kind !== "field") {
    if (!binding || !isSilent(binding.value)) report(ctx, elementType(first?.span ?? d.name.span, `the input of \`${d.name.text}\``, "a picture: img: Field[c; h, w]", binding ? printValue(binding.value) : "missing", undefined))
    return
  }
  const population = populationVariable("p")
  scope.names.set(first.name.text, { ...binding, value: { ...binding.value, population } })
  const result = d.result && evaluateType(ctx, scope, d.result, "require")
  const domain = result?.kind === "field" ? result.domain : binding.value.domain
  const inside: Context = { ...ctx, role: "augment", domain }
  const value = evaluate(inside, scope, d.body)
  if (isSilent(value)) return
  const matched = d.result ? matchType(inside, inner(scope), d.result, value, { span: resultSpan(d.body), callee: undefined, name: `the result of \`${d.name.text}\`` }) : value
  if (!matched || isSilent(matched)) return
  if (matched.kind !== "field") report(ctx, elementType(resultSpan(d.body), `the result of \`${d.name.text}\``, "a picture", printValue(matched), undefined))
  else if (!d.negative && matched.population?.kind === "neg") report(ctx, plainAugmentLeaves(d.name.span, d.name.text, matched.became))
}

export const applyAugment = Object.assign(applied, { check })
