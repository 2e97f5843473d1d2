/**
 * What a program that learns collects while it is elaborated: parameters, states, what each step proposes for them, and
 * what it minimises. Parameters are inputs of their own here; `elaborate/arenas.ts` puts a model's in one slot.
 */
import type { Span } from "../base/span.ts"
import { elementType } from "../diagnostics/messages/shapes.ts"
import type { Node } from "../ir/graph.ts"
import type * as Ast from "../syntax/ast.ts"
import { fnv1a32 as siteOf } from "../base/fnv.ts"
import { dim } from "../types/dimension.ts"
import { size } from "../types/size.ts"
import { originOf, pathOf, report, type Context } from "./context.ts"
import { apply, constantNode, nodeOf, numbers, broadcast } from "./emit.ts"
import { asTensor } from "./operators.ts"
import { printValue } from "./print-value.ts"
import { errorValue, isSilent, tensor, type DistributionValue, type ModelValue, type TensorValue, type Value } from "./value.ts"

/** One parameter of a model. */
export interface Parameter {
  readonly path: string
  readonly model: string
  readonly node: Node
  readonly initial: Node
}

/** One remembered tensor; `model` is undefined for the state of an entry or an optimiser. */
export interface StateSlot {
  readonly path: string
  readonly model: string | undefined
  readonly node: Node
  readonly initial: Node
}

export interface Minimize {
  readonly loss: Node
  readonly lossSpan: Span
  readonly models: readonly { readonly model: ModelValue; readonly span: Span }[]
  /** Applies the optimiser to flat parameters and gradients. */
  readonly update: (parameters: TensorValue, gradients: TensorValue) => Value
}

export interface StepRecord {
  readonly name: string
  readonly repeat: number
  readonly proposals: Map<string, { node: Node; span: Span }[]>
  readonly reports: { name: string; value: TensorValue }[]
  readonly minimizes: Minimize[]
  readonly saves: string[]
  /** Models whose file is kept where this number is highest. */
  readonly bests: { readonly models: readonly string[]; readonly value: TensorValue }[]
  /** Evaluations that it calls. */
  readonly calls: string[]
  /** Who may advance states: a step any, an eval its own. */
  readonly advances: "all" | "own"
}

export interface Follower {
  readonly name: string
  readonly of: string
  readonly decay: number
  readonly start: number
  readonly span: Span
  /** Applied in a step: it owns its states. */
  owns: boolean
}

export interface Learning {
  readonly parameters: Map<string, Parameter>
  readonly states: Map<string, StateSlot>
  readonly followers: Map<string, Follower>
  /** Models in order of first use, with the file they are loaded from. */
  readonly models: Map<string, { readonly from: string | undefined }>
  readonly steps: StepRecord[]
  /** Evaluations that an `every` calls, by name. */
  readonly evaluations: Map<string, { readonly declaration: Ast.EntryDeclaration; readonly span: Span }>
  readonly every: { readonly period: number; readonly record: StepRecord }[]
}

export const newLearning = (): Learning => ({ parameters: new Map(), states: new Map(), followers: new Map(), models: new Map(), steps: [], evaluations: new Map(), every: [] })
export const newStep = (name: string, repeat: number, advances: StepRecord["advances"]): StepRecord => ({ name, repeat, proposals: new Map(), reports: [], minimizes: [], saves: [], bests: [], calls: [], advances })

/** The first value of a slot: an initialiser's draw, or a written value. */
export const initialNode = (ctx: Context, span: Span, path: string, shape: readonly number[], dtype: TensorValue["dtype"], value: Value): Node | undefined => {
  if (value.kind === "distribution") {
    const drawn = drawnInitial(ctx, span, path, shape, value)
    return dtype === "f32" ? drawn : apply(ctx, span, "initial", "cast", [drawn], { to: dtype })
  }
  const t = asTensor(value)
  if (!t) {
    if (!isSilent(value)) report(ctx, elementType(span, "the first value", "an initialiser or a number", printValue(value), undefined))
    return undefined
  }
  const node = t.literal !== undefined ? constantNode(ctx, span, t.literal, dtype) : nodeOf(ctx, span, t)
  return node.shape.length === shape.length ? node : broadcast(ctx, span, node, shape, [])
}

const drawnInitial = (ctx: Context, span: Span, path: string, shape: readonly number[], d: DistributionValue): Node => {
  const scalar = (x: number): Node => constantNode(ctx, span, x, "f32")
  const filled = (x: number): Node => broadcast(ctx, span, scalar(x), shape, [])
  const binary = (prim: string, a: Node, b: Node): Node => apply(ctx, span, prim, prim, [a, b])
  const draw = (dist: string, params: readonly number[]): Node => {
    const attrs = { dist, path: `${path}.initial`, site: siteOf(`${path}.initial`), per: "sample", rest: shape.slice(1) }
    if (shape.length === 0) return apply(ctx, span, "initial", "draw", params.map(scalar), { ...attrs, per: "batch", rest: [] })
    return apply(ctx, span, "initial", "draw", [apply(ctx, span, "position", "iota", [], { axis: 0, shape: [shape[0]!] }), ...params.map(scalar)], attrs)
  }
  const literals = d.params.map((p) => asTensor(p)?.literal ?? 0)
  const receptive = shape.slice(2).reduce((a, b) => a * b, 1)
  const fanIn = (shape[1] ?? shape[0] ?? 1) * receptive
  const fanOut = (shape[0] ?? 1) * receptive
  switch (d.dist) {
    case "zeros": return filled(0)
    case "ones": return filled(1)
    case "normal": case "uniform": return draw(d.dist, literals)
    case "he_normal": return draw("normal", [0, Math.sqrt(2 / fanIn)])
    case "glorot": {
      const bound = Math.sqrt(6 / (fanIn + fanOut))
      return draw("uniform", [-bound, bound])
    }
    case "unit_normal": {
      const x = draw("normal", [0, 1])
      const last = shape.length - 1
      const length = apply(ctx, span, "sum", "sum", [binary("mul", x, x)], { axes: [last] })
      const scale = apply(ctx, span, "rsqrt", "rsqrt", [length])
      return binary("mul", x, apply(ctx, span, "broadcast", "broadcast", [scale], { shape, map: shape.slice(0, -1).map((_, i) => i) }))
    }
    default: throw new Error(`${d.dist} cannot start a slot`)
  }
}

/** The model that the present body belongs to: the outermost instance on the way here. */
const ownerOf = (ctx: Context): string | undefined => ctx.model?.name

/** A parameter's value: the same path is the same parameter. */
export const parameterValue = (ctx: Context, span: Span, name: string, type: TensorValue, first: Value): Value => {
  const learning = ctx.build!.learning
  const shape = numbers(ctx, span, type.dims)
  if (!shape) return errorValue
  const model = ownerOf(ctx) ?? ctx.frames[0]!.name
  const path = `${pathOf(ctx)}.${name}`
  let known = learning.parameters.get(path)
  if (!known) {
    const initial = initialNode(ctx, span, path, shape, "f32", first)
    if (!initial) return errorValue
    const node = ctx.build!.builder.at(originOf(ctx, span, path)).input(`param:${path}`, "f32", shape)
    known = { path, model, node, initial }
    learning.parameters.set(path, known)
    if (!learning.models.has(model)) learning.models.set(model, { from: undefined })
  }
  const frozen = ctx.model?.frozen ?? false
  const node = frozen ? apply(ctx, span, "frozen", "stop", [known.node]) : known.node
  return { ...type, data: { rate: "node", node } }
}

export const stateValue = (ctx: Context, span: Span, name: string, type: TensorValue, first: Value): Value => {
  const learning = ctx.build!.learning
  const shape = numbers(ctx, span, type.dims)
  if (!shape) return errorValue
  const path = `${pathOf(ctx)}.${name}`
  let known = learning.states.get(path)
  if (!known) {
    const initial = initialNode(ctx, span, path, shape, type.dtype, first)
    if (!initial) return errorValue
    known = { path, model: ownerOf(ctx), node: ctx.build!.builder.at(originOf(ctx, span, path)).input(`slot:${path}`, type.dtype, shape), initial }
    learning.states.set(path, known)
  }
  return { ...type, data: { rate: "node", node: known.node } }
}

/** `next s = e`: a proposal, where this place may advance the state. */
export const propose = (ctx: Context, span: Span, path: string, value: TensorValue): void => {
  const step = ctx.build!.step
  if (!step || ctx.model?.keeps === true || (step.advances === "own" && ctx.model)) return
  const slot = ctx.build!.learning.states.get(path)
  if (!slot) return
  const list = step.proposals.get(path) ?? []
  const node = nodeOf(ctx, span, value)
  list.push({ node: node.shape.length === slot.node.shape.length ? node : broadcast(ctx, span, node, slot.node.shape, []), span })
  step.proposals.set(path, list)
}

/** A tree is its models' parameters one after the other, flat. */
export const flat = (node: Node): TensorValue => tensor("f32", [dim(size(node.shape[0]!))], { rate: "node", node })
