/**
 * `together(D)(a, b, …)`: D runs once, on the batches one after the other, and each part of the result has the population
 * that its batch had (LANGUAGE section 4). A tuple among the arguments is one batch of several values.
 */
import type { Span } from "../../base/span.ts"
import { notTogether } from "../../diagnostics/messages/stages.ts"
import type { Node } from "../../ir/graph.ts"
import { isDim, type Dim, type Dimension } from "../../types/dimension.ts"
import { joinPopulations, mixed, samePopulation } from "../../types/population.ts"
import { addSize, printSize, valueOf, type Size } from "../../types/size.ts"
import { applyStage } from "../call.ts"
import { fail, type Context } from "../context.ts"
import { apply, nodeOf } from "../emit.ts"
import { agree } from "../match.ts"
import { asTensor } from "../operators.ts"
import { printTensor, printValue } from "../print-value.ts"
import { errorValue, isSilent, tensor, unknown, type EvaluatedArgument, type TensorValue, type Value } from "../value.ts"
import { required, type Builtin } from "./builtin.ts"

export const together: Builtin = {
  name: "together", params: required("model"), configured: true,
  doc: "together(D)(a, b): D runs once on both batches joined along their first dimension; a tuple of the results, each of its own population. together(D)((a, ya), (b, yb)): D takes several values.",
  apply: (call) => {
    const model = call.get("model")!
    if (isSilent(model)) return model
    return { kind: "native", name: "together", apply: (ctx, args, span) => runTogether(ctx, model, args, span, call.at("model").span) }
  },
}

/** The samples of one value that belong together: the first dimension of each batch. */
interface Joint {
  readonly parts: readonly Dim[]
  readonly whole: Dim
}

const counted = (n: number): string => (n === 1 ? "1 value" : `${n} values`)

const runTogether = (ctx: Context, model: Value, args: readonly EvaluatedArgument[], span: Span, modelSpan: Span): Value => {
  const groups = args.map((a) => (a.value.kind === "tuple" ? a.value.items : [a.value]))
  const [first] = groups
  if (!first) return fail(ctx, notTogether(span, "no batch is given", ["write together(D)(a, b)"]))
  const other = groups.findIndex((g) => g.length !== first.length)
  if (other >= 0) return fail(ctx, notTogether(args[other]!.span, `this batch has ${counted(groups[other]!.length)} and the first ${first.length}`, []))
  const joints: Joint[] = []
  const joined: Value[] = []
  for (let i = 0; i < first.length; i++) {
    const value = join(ctx, groups.map((g) => g[i]!), args.map((a) => a.span), span, joints)
    if (isSilent(value)) return value
    joined.push(value)
  }
  const [joint] = joints
  if (!joint) return fail(ctx, notTogether(span, "there is no tensor among what is given", []))
  for (const [g, part] of joint.parts.entries()) {
    const unlike = joints.find((j) => agree(j.parts[g]!.size, part.size) === "different")
    if (unlike) return fail(ctx, notTogether(args[g]!.span, "the values of this batch have different numbers of samples", [`${printSize(part.size)} and ${printSize(unlike.parts[g]!.size)}`]))
  }
  const result = applyStage(ctx, model, joined.map((value) => ({ name: undefined, value, span })), span, modelSpan)
  return isSilent(result) ? result : split(ctx, result, joint, span)
}

/** One after the other along the first dimension: tensors, and records of them. */
const join = (ctx: Context, values: readonly Value[], spans: readonly Span[], span: Span, joints: Joint[]): Value => {
  const silent = values.find(isSilent)
  if (silent) return silent
  const [first] = values
  if (first!.kind === "record") {
    const fields = new Map<string, Value>()
    for (const name of first!.fields.keys()) {
      const each = values.map((v) => (v.kind === "record" ? v.fields.get(name) : undefined))
      const missing = each.findIndex((v) => v === undefined)
      if (missing >= 0) return fail(ctx, notTogether(spans[missing]!, `this batch has no \`${name}\`, and the first has`, [`it is ${printValue(values[missing]!)}`]))
      const value = join(ctx, each as Value[], spans, span, joints)
      if (isSilent(value)) return value
      fields.set(name, value)
    }
    return { kind: "record", fields }
  }
  const tensors: TensorValue[] = []
  for (const [i, v] of values.entries()) {
    const t = asTensor(v)
    if (!t || t.dims.length === 0) return fail(ctx, notTogether(spans[i]!, "what is joined are batches, and this is none", [`it is ${printValue(v)}`]))
    if (!t.dims.every(isDim)) return unknown
    const like = tensors[0]
    const fits = !like || (t.dtype === like.dtype && t.dims.length === like.dims.length && t.dims.every((d, k) => k === 0 || agree((d as Dim).size, (like.dims[k] as Dim).size) !== "different"))
    if (!fits) return fail(ctx, notTogether(spans[i]!, "this batch is not of the shape of the first", [`first: ${printTensor(like.dtype, like.dims, like.alias)}`, `this: ${printTensor(t.dtype, t.dims, t.alias)}`]))
    tensors.push(t)
  }
  const parts = tensors.map((t) => t.dims[0] as Dim)
  const population = parts.map((d) => d.population).reduce((a, b) => { const both = joinPopulations(a, b); return both ? both.population : mixed })
  const whole: Dim = { ...parts[0]!, size: parts.map((d) => d.size).reduce<Size | undefined>((a, b) => (a ? addSize(a, b) : b), undefined)!, population, origin: { span, note: "joined by `together`" }, became: parts.find((d) => d.became)?.became }
  joints.push({ parts, whole })
  const like = tensors[0]!
  const dims: Dimension[] = [whole, ...like.dims.slice(1)]
  const alias = tensors.every((t) => t.alias === like.alias) ? like.alias : undefined
  if (!ctx.build) return tensor(like.dtype, dims, undefined, { alias })
  const nodes = tensors.map((t) => nodeOf(ctx, span, t))
  return tensor(like.dtype, dims, { rate: "node", node: nodes.length === 1 ? nodes[0]! : apply(ctx, span, "together", "concat", nodes, { axis: 0 }) }, { alias })
}

/** The parts of a result, as a tuple. */
const split = (ctx: Context, value: Value, joint: Joint, span: Span): Value => {
  const items: Value[] = []
  for (const [i, part] of joint.parts.entries()) {
    const item = partOf(ctx, value, joint, part, i, span)
    if (item.kind === "error") return errorValue
    items.push(item)
  }
  return { kind: "tuple", items }
}

const partOf = (ctx: Context, value: Value, joint: Joint, part: Dim, place: number, span: Span): Value => {
  if (isSilent(value)) return value
  if (value.kind === "record") return { kind: "record", fields: new Map([...value.fields].map(([name, v]) => [name, partOf(ctx, v, joint, part, place, span)])) }
  if (value.kind === "tuple") return { kind: "tuple", items: value.items.map((v) => partOf(ctx, v, joint, part, place, span)) }
  const t = asTensor(value)
  const first = t?.dims[0]
  if (first && !isDim(first)) return unknown
  if (!t || !first || agree(first.size, joint.whole.size) === "different")
    return fail(ctx, notTogether(span, "what is run together gives one result for each sample, and this does not", [`it gives ${printValue(value)} for ${printSize(joint.whole.size)} samples`]))
  // A population that the model itself declares holds for every part.
  const population = samePopulation(first.population, joint.whole.population) ? part.population : first.population
  const dims: Dimension[] = [{ ...part, population, became: population === part.population ? part.became : first.became }, ...t.dims.slice(1)]
  return tensor(t.dtype, dims, ctx.build && { rate: "node", node: sliceOf(ctx, span, nodeOf(ctx, span, t), joint, place) }, { alias: t.alias })
}

const sliceOf = (ctx: Context, span: Span, node: Node, joint: Joint, place: number): Node => {
  const counts = joint.parts.map((d) => valueOf(d.size)!)
  if (counts.length === 1) return node
  const start = counts.slice(0, place).reduce((a, b) => a + b, 0)
  return apply(ctx, span, "together", "slice", [node], { start: [start, ...node.shape.slice(1).map(() => 0)], size: [counts[place]!, ...node.shape.slice(1)], step: node.shape.map(() => 1) })
}
