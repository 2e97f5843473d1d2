/** Builtins on models and gradients: what they are is checked here; training executes them. */
import { elementType } from "../../diagnostics/messages/shapes.ts"
import { argumentType } from "../../diagnostics/messages/stages.ts"
import { notAModel } from "../../diagnostics/messages/state.ts"
import { fail } from "../context.ts"
import { apply, elementwise } from "../emit.ts"
import { gradientOf } from "../gradient.ts"
import { asTensor } from "../operators.ts"
import { mapPictures } from "../picture.ts"
import { printValue } from "../print-value.ts"
import { countOf } from "../sources.ts"
import { packed } from "../tree.ts"
import { isSilent, unknown, type ModelValue, type Value } from "../value.ts"
import { optional, required, type Builtin, type BuiltinCall } from "./builtin.ts"

const modelArgument = (call: BuiltinCall, name: string): ModelValue | Value => {
  const { value, span } = call.at(name)
  if (isSilent(value) || value.kind === "model") return value
  if (value.kind === "stage") return unknown
  return fail(call.ctx, notAModel(span, printValue(value), printValue(value)))
}

const moded = (name: "frozen" | "follow" | "with_training", more: readonly string[], doc: string): Builtin => ({
  name, doc, params: [...required("model"), ...optional(...more)], complete: true,
  apply: (call) => {
    const model = modelArgument(call, "model")
    for (const option of more) {
      const given = call.get(option)
      if (given && !isSilent(given) && given.kind !== "lambda" && given.kind !== "opaque" && asTensor(given)?.dims.length !== 0)
        return fail(call.ctx, argumentType(call.at(option).span, name, option, "a number", printValue(given)))
    }
    if (model.kind !== "model") return model
    return { ...model, mode: name, span: call.span, ...(name === "follow" ? { of: model.path, follow: { decay: call.get("decay"), start: call.get("start") } } : {}) }
  },
})

const stop: Builtin = {
  name: "stop", params: required("x"), doc: "The value, with no gradient through it.",
  apply: (call) => {
    const { value, span } = call.at("x")
    if (isSilent(value)) return value
    if (value.kind === "tuple") return value
    const pictures = mapPictures(call.ctx, call.span, [value], ([v]) => v!)
    if (pictures) return pictures
    const t = asTensor(value)
    if (!t) return fail(call.ctx, elementType(span, "what `stop` cuts", "a tensor", printValue(value), undefined))
    if (t.literal !== undefined) return t
    const data = elementwise(call.ctx, call.span, "stop", {}, [{ value: t, map: t.dims.map((_, i) => i) }], t.dtype, t.dims, ([x]) => x!)
    return { ...t, data }
  },
}

const grad: Builtin = {
  name: "grad", params: required("loss", "over"), complete: true, doc: "The gradient of a number with respect to a tensor (same shape), a model (a tree), or each of a list of them.",
  apply: (call) => gradientOf(call.ctx, call.span, call.at("loss"), call.at("over")),
}

const params: Builtin = {
  name: "params", params: required("model"), doc: "The tree of a model's parameters.",
  apply: (call) => {
    const model = modelArgument(call, "model")
    if (model.kind !== "model") return model
    if (!call.ctx.build) return { kind: "opaque", type: "Tree" }
    const still = model.mode === "plain" || model.mode === "with_training"
    return packed(call.ctx, call.span, model, (p) => (still ? p.node : apply(call.ctx, call.span, "frozen", "stop", [p.node])))
  },
}

export const learningBuiltins: readonly Builtin[] = [
  moded("frozen", [], "The model in inference mode, without gradient."),
  moded("follow", ["decay", "start"], "An instance whose parameters trail the model's; it carries no gradient."),
  moded("with_training", [], "The model as in training, keeping no proposal of state."),
  stop, grad, params,
  {
    name: "count", params: required("source"), doc: "How many samples a data set has.",
    apply: (call): Value => {
      const { value, span } = call.at("source")
      const source = value.kind === "record" ? value.source : value
      return isSilent(value) ? value : source?.kind === "source" ? countOf(call.ctx, source, span) : fail(call.ctx, elementType(span, "what `count` counts", "a data set", printValue(value), undefined))
    },
  },
]
