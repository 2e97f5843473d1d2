/** Distributions (drawn from with `~`) and initialisers (after `=` in `param` and `state`). */
import { parameterRange, partnerOfWhat } from "../../diagnostics/messages/random.ts"
import { elementType } from "../../diagnostics/messages/shapes.ts"
import { dim, type Dim } from "../../types/dimension.ts"
import { valueOf } from "../../types/size.ts"
import { fail } from "../context.ts"
import { asTensor } from "../operators.ts"
import { printValue } from "../print-value.ts"
import { isSilent, literal, silence, type DType, type Value } from "../value.ts"
import { optional, required, type Builtin, type BuiltinCall } from "./builtin.ts"

interface Range { readonly holds: (x: number) => boolean; readonly words: string }
const probability: Range = { holds: (x) => x >= 0 && x <= 1, words: "between 0 and 1" }
const positive: Range = { holds: (x) => x > 0, words: "above 0" }

/** An arrangement is drawn by as many exchanges, a class by as many comparisons. */
const mostPlaces = 65_536
const mostClasses = 65_536

const per = (call: BuiltinCall): "sample" | "batch" => {
  const v = call.get("per")
  return v?.kind === "string" && v.value === "batch" ? "batch" : "sample"
}

/** Distributions whose parameters are numbers, one draw an element. */
const scalarDistribution = (name: string, dtype: DType, params: readonly { name: string; value?: number; range?: Range }[], doc: string): Builtin => ({
  name, doc, params: [...params.map((p) => ({ name: p.name, optional: p.value !== undefined })), ...optional("per")],
  apply: (call) => {
    const values: Value[] = []
    for (const p of params) {
      const given = call.get(p.name)
      const v: Value = given ?? literal(p.value!, dtype === "i32" ? "i32" : "f32")
      if (isSilent(v)) return silence(v)
      const t = asTensor(v)
      if (!t) return fail(call.ctx, elementType(call.at(p.name).span, `\`${p.name}\` of \`${name}\``, "a number", printValue(v), undefined))
      if (p.range && t.literal !== undefined && !p.range.holds(t.literal)) return fail(call.ctx, parameterRange(call.at(p.name).span, name, `\`${p.name}\``, String(t.literal), p.range.words))
      values.push(v)
    }
    if (name === "randint" || name === "uniform") {
      const [low, high] = values.map((v) => asTensor(v)!.literal)
      if (low !== undefined && high !== undefined && (name === "randint" ? high <= low : high < low))
        return fail(call.ctx, parameterRange(call.span, name, "the range", `[${low}, ${high})`, "not empty"))
    }
    return { kind: "distribution", dist: name, params: values, options: {}, dtype, rest: [], per: per(call), of: undefined, span: call.span }
  },
})

const arrangement = (name: "permutation" | "derangement", doc: string): Builtin => ({
  name, doc, params: [...required("k"), ...optional("identity", "per")],
  apply: (call) => {
    const k = call.get("k")!
    if (isSilent(k)) return k
    if (k.kind !== "int") return fail(call.ctx, elementType(call.at("k").span, `\`k\` of \`${name}\``, "a compile-time integer", printValue(k), undefined))
    const n = valueOf(k.size)
    const identity = call.get("identity")
    const excludes = name === "derangement" || (identity?.kind === "bool" && identity.value === false)
    if (n !== undefined && n < (excludes ? 2 : 1)) return fail(call.ctx, parameterRange(call.at("k").span, name, "`k`", String(n), excludes ? "at least 2: there is no other arrangement of one thing" : "at least 1"))
    if (n !== undefined && n > mostPlaces) return fail(call.ctx, parameterRange(call.at("k").span, name, "`k`", String(n), `at most ${mostPlaces}`))
    const rest: Dim = dim(k.size, { span: call.span, note: `the places of ${name}` })
    return { kind: "distribution", dist: name, params: [], options: { identity: !excludes }, dtype: "i32", rest: [rest], per: per(call), of: undefined, span: call.span }
  },
})

const categorical: Builtin = {
  name: "categorical", params: [...required("weights"), ...optional("per")], doc: "A class: by weights (which need not sum to 1), or uniformly among k.",
  apply: (call) => {
    const v = call.get("weights")!
    if (isSilent(v)) return v
    const ok = v.kind === "int" || v.kind === "list" || (v.kind === "tensor" && v.dims.length === 1)
    if (!ok) return fail(call.ctx, elementType(call.at("weights").span, "`weights` of `categorical`", "a number of classes or a list of weights", printValue(v), undefined))
    const classes = v.kind === "int" ? valueOf(v.size) : v.kind === "list" ? v.items?.length : undefined
    if (classes !== undefined && (classes < 1 || classes > mostClasses)) return fail(call.ctx, parameterRange(call.at("weights").span, "categorical", "the number of classes", String(classes), `between 1 and ${mostClasses}`))
    if (v.kind === "list" && v.items) {
      const numbers = v.items.map((x) => asTensor(x)?.literal)
      if (numbers.some((x) => x !== undefined && x < 0) || (numbers.every((x) => x !== undefined) && numbers.every((x) => x === 0)))
        return fail(call.ctx, parameterRange(call.at("weights").span, "categorical", "a weight", `[${numbers.join(", ")}]`, "at least 0, and one above 0"))
    }
    return { kind: "distribution", dist: "categorical", params: [v], options: {}, dtype: "i32", rest: [], per: per(call), of: undefined, span: call.span }
  },
}

const partner: Builtin = {
  name: "partner", params: [...required("img"), ...optional("self")], doc: "The same pipeline on another sample of the batch; self=false never the sample itself.",
  apply: (call) => {
    const v = call.get("img")!
    if (isSilent(v)) return v
    if (v.kind !== "field") return fail(call.ctx, partnerOfWhat(call.at("img").span, printValue(v)))
    const self = call.get("self")
    return { kind: "distribution", dist: "partner", params: [], options: { self: !(self?.kind === "bool" && self.value === false) }, dtype: "i32", rest: [], per: "batch", of: v, span: call.span }
  },
}

const initialiser = (name: string, doc: string): Builtin => ({
  name, doc, params: optional("gain", "std"),
  apply: (call) => ({ kind: "distribution", dist: name, params: [], options: {}, dtype: "f32", rest: [], per: "batch", of: undefined, span: call.span }),
})

export const distributionBuiltins: readonly Builtin[] = [
  scalarDistribution("uniform", "f32", [{ name: "low", value: 0 }, { name: "high", value: 1 }], "Uniform in [low, high)."),
  scalarDistribution("normal", "f32", [{ name: "mean", value: 0 }, { name: "std", value: 1, range: { holds: (x) => x >= 0, words: "at least 0" } }], "Gaussian with the mean and standard deviation given."),
  scalarDistribution("randint", "i32", [{ name: "low" }, { name: "high" }], "A whole number in [low, high)."),
  scalarDistribution("bernoulli", "bool", [{ name: "p", value: 0.5, range: probability }], "True with probability p."),
  scalarDistribution("beta", "f32", [{ name: "a", range: positive }, { name: "b", range: positive }], "The Beta distribution."),
  categorical, partner,
  arrangement("permutation", "A uniform permutation of 0 to k-1; identity=false excludes the identity as a whole."),
  arrangement("derangement", "A uniform permutation of 0 to k-1 that leaves nothing in its place."),
  initialiser("he_normal", "Initialiser: Gaussian with variance 2 / fan_in."), initialiser("glorot", "Initialiser: uniform with variance 2 / (fan_in + fan_out)."),
  initialiser("unit_normal", "Initialiser: Gaussian rows of length one."), initialiser("orthogonal", "Initialiser: orthogonal rows."),
]
