/** Builtins on pictures and populations: raster, one_of, maybe, assume, plain. */
import { samples, sometimesNegative, tagOnNothing } from "../../diagnostics/messages/populations.ts"
import { elementType, sizeMismatch } from "../../diagnostics/messages/shapes.ts"
import { parameterRange } from "../../diagnostics/messages/random.ts"
import { notAStage } from "../../diagnostics/messages/stages.ts"
import type { Span } from "../../base/span.ts"
import { isDim, type Dim } from "../../types/dimension.ts"
import { namedPopulation, samePopulation, type Population } from "../../types/population.ts"
import { printSize, size } from "../../types/size.ts"
import { onPictures } from "../augment.ts"
import { applyStage } from "../call.ts"
import { enter, fail, report, subPath, type Context } from "../context.ts"
import { drawValue } from "../draw.ts"
import { agree } from "../match.ts"
import { asTensor, binaryFunction, selectValues } from "../operators.ts"
import { withRaster } from "../picture.ts"
import { movesPixels } from "../places.ts"
import { printValue } from "../print-value.ts"
import { errorValue, int, isSilent, silence, unknown, type DistributionValue, type EvaluatedArgument, type FieldValue, type Value } from "../value.ts"
import { optional, required, type Builtin } from "./builtin.ts"

const rankOf = (v: Value | undefined): number => (v?.kind === "field" ? v.domain.length : v?.kind === "tensor" ? Math.max(1, v.dims.length - 2) : v?.kind === "record" ? rankOf([...v.fields.values()].find((x) => x.kind === "tensor" && (x.alias === "Image" || x.alias === "Clip"))) : 2)

const raster: Builtin = {
  name: "raster", params: required("img"), doc: "Forces the picture into memory here: what follows reads pixels, and fusion starts anew.",
  apply: (call) => {
    const { value, span } = call.at("img")
    return onPictures(call.ctx, value, { name: "raster", moves: () => false }, rankOf(value), span, call.span, (ctx, field) => withRaster(ctx, call.span, field, "`raster` asks for it"))
  },
}

/** Chooses among pictures per sample: `weights` for one_of, a probability for maybe. */
const choose = (ctx: Context, name: string, stages: readonly Value[], stageSpan: Span, dist: (ctx: Context) => DistributionValue, probability: string | undefined) =>
  (c: Context, args: readonly EvaluatedArgument[], span: Span): Value => {
    const arg = args[0]
    if (!arg || args.length !== 1) return fail(c, elementType(span, `what \`${name}\` is applied to`, "one picture", `${args.length} arguments`, undefined))
    const path = subPath(c, name)
    return onPictures(c, arg.value, { name, moves: () => stages.some((x) => movesPixels(x)) }, rankOf(arg.value), arg.span, span, (inner, field) => {
      const here = enter({ ...inner, role: "augment", inAt: false, domain: undefined }, name, undefined, span, path)
      const views: FieldValue[] = []
      for (const stage of stages) {
        const view = stage.kind === "opaque" ? field : applyStage(here, stage, [{ name: undefined, value: field, span: arg.span }], stageSpan, stageSpan)
        if (isSilent(view)) {
          if (view.kind === "unknown") views.push({ ...field, picture: undefined })
          else return undefined
        } else if (view.kind !== "field") {
          report(here, notAStage(stageSpan, printValue(stage)))
          return undefined
        } else views.push(view)
      }
      const first = views[0]!
      for (const v of views) {
        if (!samePopulation(v.population, first.population)) {
          report(here, sometimesNegative(stageSpan, `${printValue(stages[views.indexOf(v)]!)} gives ${samples(v.population?.kind)}, ${printValue(stages[0]!)} ${samples(first.population?.kind)}`, probability))
          return undefined
        }
        const different = v.domain.find((d, i) => first.domain[i] && agree(d.size, first.domain[i]!.size) === "different")
        if (different) {
          report(here, sizeMismatch(stageSpan, `one picture of \`${name}\``, first.domain.map((d) => printSize(d.size)).join(" x "), v.domain.map((d) => printSize(d.size)).join(" x "), "all choices must give pictures of one size", []))
          return undefined
        }
      }
      const draw = drawValue(here, "choice", dist(here), undefined, span)
      if (isSilent(draw)) return draw.kind === "error" ? undefined : first
      let result: Value = views.at(-1)!
      for (let i = views.length - 2; i >= 0; i--) {
        const chosen = draw.kind === "tensor" && draw.dtype === "bool" ? draw : equals(here, span, draw, i)
        result = selectValues(here, span, { value: chosen, span }, { value: views[i]!, span }, { value: result, span })
      }
      return result.kind === "field" ? { ...result, population: first.population, became: first.became } : undefined
    })
  }

const equals = (ctx: Context, span: Span, draw: Value, i: number): Value => binaryFunction(ctx, span, "eq", "==", { value: draw, span }, { value: int(size(i)), span })

const oneOf: Builtin = {
  name: "one_of", params: [...required("stages"), ...optional("weights")], configured: true,
  doc: "One of several stages, chosen per sample; `weights` need not sum to 1. The stages must agree in population.",
  apply: (call) => {
    const stages = call.get("stages")!
    if (isSilent(stages)) return stages
    if (stages.kind !== "list" || (stages.items && stages.items.length === 0)) return fail(call.ctx, elementType(call.at("stages").span, "`stages` of `one_of`", "a list of stages", printValue(stages), undefined))
    const items = stages.items
    if (!items) return unknown
    const weights = call.get("weights")
    if (weights?.kind === "list" && weights.items && weights.items.length > 0) {
      const numbers = weights.items.map((w) => asTensor(w)?.literal)
      if (weights.items.length !== items.length) return fail(call.ctx, sizeMismatch(call.at("weights").span, "`weights` of `one_of`", `${items.length} numbers`, `${weights.items.length}`, "one weight for each stage", []))
      if (numbers.some((x) => x === undefined || x < 0) || numbers.every((x) => x === 0)) return fail(call.ctx, parameterRange(call.at("weights").span, "one_of", "a weight", printValue(weights), "a number of at least 0, and one above 0"))
    }
    const by: Value = weights?.kind === "list" && weights.items && weights.items.length > 0 ? weights : int(size(items.length))
    const dist = (): DistributionValue => ({ kind: "distribution", dist: "categorical", params: [by], options: {}, dtype: "i32", rest: [], per: "sample", of: undefined, span: call.span })
    return { kind: "native", name: "one_of", apply: choose(call.ctx, "one_of", items, call.at("stages").span, dist, undefined) }
  },
}

const maybe: Builtin = {
  name: "maybe", params: required("p", "stage"), configured: true, doc: "The stage with probability p for each sample, else the picture as it is. The stage must stay in its population.",
  apply: (call) => {
    const p = call.get("p")!
    const stage = call.get("stage")!
    if (isSilent(p) || isSilent(stage)) return silence(p, stage)
    const t = asTensor(p)
    if (!t || t.dims.length > 0) return fail(call.ctx, elementType(call.at("p").span, "`p` of `maybe`", "a probability", printValue(p), undefined))
    if (t.literal !== undefined && (t.literal < 0 || t.literal > 1)) return fail(call.ctx, parameterRange(call.at("p").span, "maybe", "`p`", String(t.literal), "between 0 and 1"))
    const dist = (): DistributionValue => ({ kind: "distribution", dist: "bernoulli", params: [p], options: {}, dtype: "bool", rest: [], per: "sample", of: undefined, span: call.span })
    return { kind: "native", name: "maybe", apply: choose(call.ctx, "maybe", [stage, { kind: "opaque", type: "None" }], call.at("stage").span, dist, t.literal === undefined ? undefined : String(t.literal)) }
  },
}

/** Sets the population of a tensor's first dimension, of a picture, or of a record's fields. */
const tagged = (ctx: Context, what: string, value: Value, population: Population | undefined, span: Span): Value => {
  if (isSilent(value)) return value
  const became = { span, note: `\`${what}\` says so here` }
  if (value.kind === "field") return { ...value, population, became }
  if (value.kind === "record") return { kind: "record", fields: new Map([...value.fields].map(([k, v]) => [k, v.kind === "tensor" && v.dims.length > 0 ? tagged(ctx, what, v, population, span) : v])) }
  if (value.kind !== "tensor" || value.dims.length === 0 || !isDim(value.dims[0]!)) return value.kind === "tensor" && value.dims.length > 0 ? value : fail(ctx, tagOnNothing(span, `\`${what}\``))
  return { ...value, dims: [{ ...(value.dims[0] as Dim), population, became }, ...value.dims.slice(1)] }
}

const assume: Builtin = {
  name: "assume", params: required("population"), configured: true, doc: "States the population of samples where the compiler cannot know it: assume(real)(x).",
  apply: (call) => {
    const name = call.get("population")!
    const population = name.kind === "string" ? namedPopulation(name.value ?? "") : undefined
    if (!population) return fail(call.ctx, elementType(call.at("population").span, "what `assume` states", "real, fake, neg or mixed", printValue(name), undefined))
    return { kind: "native", name: "assume", apply: (ctx, args, span) => (args[0] ? tagged(ctx, "assume", args[0].value, population, span) : errorValue) }
  },
}

const plain: Builtin = {
  name: "plain", params: required("x"), doc: "Drops the population: the result joins with anything and satisfies no demand.",
  apply: (call) => tagged(call.ctx, "plain", call.at("x").value, undefined, call.span),
}

export const pictureBuiltins: readonly Builtin[] = [raster, oneOf, maybe, assume, plain]
