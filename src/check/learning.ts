/**
 * What a program that learns collects while it is elaborated: parameters, states, what each step proposes for them, and
 * what it minimises. Parameters are inputs of their own here; `elaborate/arenas.ts` puts a model's in one slot.
 */
import type { Span } from "../base/span.ts"
import type { Node } from "../ir/graph.ts"
import type * as Ast from "../syntax/ast.ts"
import { originOf, pathOf, type Context } from "./context.ts"
import { apply, nodeOf, numbers, broadcast } from "./emit.ts"
import { initialNode } from "./initialiser.ts"
import { errorValue, type ModelValue, type TensorValue, type Value } from "./value.ts"

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
  readonly steps: StepRecord[]
  /** Evaluations that an `every` calls, by name. */
  readonly evaluations: Map<string, { readonly declaration: Ast.EntryDeclaration; readonly span: Span }>
  readonly every: { readonly period: number; readonly record: StepRecord }[]
  /** The trees that were made, with the number of parameters that their models were known to have then. */
  readonly trees: { readonly model: ModelValue; readonly parameters: number }[]
}

export const newLearning = (): Learning => ({ parameters: new Map(), states: new Map(), followers: new Map(), steps: [], evaluations: new Map(), every: [], trees: [] })
export const newStep = (name: string, repeat: number, advances: StepRecord["advances"]): StepRecord => ({ name, repeat, proposals: new Map(), reports: [], minimizes: [], saves: [], bests: [], calls: [], advances })

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
