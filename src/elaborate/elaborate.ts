/**
 * Elaboration: an entry of a checked program becomes tensor graphs in which every size is a number: one graph for a
 * `graph` or an `eval`, one for each step of a `train`. Gradients and updates are made here, once every parameter is known.
 */
import { hasErrors, type Diagnostic } from "../base/diagnostic.ts"
import type { Context, Elaboration } from "../check/context.ts"
import { nodeOf } from "../check/emit.ts"
import { newLearning, newStep, type Learning, type Minimize, type StateSlot, type StepRecord } from "../check/learning.ts"
import { cutPlaces } from "../check/gradient.ts"
import { asTensor } from "../check/operators.ts"
import { elaborateEntry, elaborateTrain, modelsOf, type Program as CheckedProgram } from "../check/program.ts"
import { flat, parametersOf } from "../check/tree.ts"
import { isSilent, type ModelValue, type TensorValue, type Value } from "../check/value.ts"
import { noGradient } from "../diagnostics/messages/gradients.ts"
import { nextTwice } from "../diagnostics/messages/state.ts"
import { graphBuilder, nowhere, type Builder } from "../ir/build.ts"
import type { Graph, GraphInput, Node, Output } from "../ir/graph.ts"
import type { EveryGraph, Program, Slot, StepGraph } from "../ir/program.ts"
import { topological } from "../ir/walk.ts"
import type * as Ast from "../syntax/ast.ts"
import { gradients } from "../transform/autodiff.ts"
import { apiPaths, arenaOf, withoutModel, type Arena } from "./arenas.ts"
import { lossScale } from "./loss-scale.ts"
import { outputsOf, pictureOf, sourcesUsed } from "./outputs.ts"
import { stateArenas, type Next, type StateArena } from "./state-arenas.ts"

interface Making {
  readonly program: CheckedProgram
  readonly entry: string
  readonly build: Elaboration
  readonly learning: Learning
  readonly inputs: GraphInput[]
  readonly diagnostics: Diagnostic[]
  readonly options: ElaborateOptions
  readonly arenas: Map<string, Arena>
  /** The arena's slot before the step, by model. */
  readonly arenaNodes: Map<string, Node>
  /** Arenas of states with their slots before the step. */
  readonly stateArenas: { readonly arena: StateArena; readonly node: Node }[]
}

/** What an elaboration may be told: the builder of a program that it is a part of, other sizes of batches, and that losses are scaled. */
export interface ElaborateOptions {
  readonly builder?: Builder
  readonly batches?: ReadonlyMap<string, number>
  /** Gradients will be stored as f16 (`loss-scale.ts`). */
  readonly scaled?: boolean
}

export const elaborate = (program: CheckedProgram, entry: Ast.EntryDeclaration | Ast.TrainDeclaration, diagnostics: Diagnostic[], options: ElaborateOptions = {}): Program | undefined => {
  let read = interpreted(program, entry, diagnostics, newLearning(), options.builder ?? graphBuilder(), options)
  // A tree that was made before all of its model's parameters were known lacks some: once more, with all of them known.
  if (!hasErrors(diagnostics) && read.m.learning.trees.some(({ model, parameters }) => parametersOf(read.m.learning, model).length > parameters))
    read = interpreted(program, entry, diagnostics, { ...newLearning(), parameters: read.m.learning.parameters }, read.m.build.builder, options)
  const { m, record, models, value } = read
  if (hasErrors(diagnostics) || isUncounted(program) || (entry.kind === "entry" && !value)) return undefined
  const outputs = entry.kind === "entry" ? outputsOf(program, m.build, entry, value!) : []
  if (hasErrors(diagnostics)) return undefined
  makeArenas(m)
  const ctx: Context = { ...program.context, build: m.build }
  if (entry.kind === "entry") {
    const nexts = proposalsOf(m, record)
    if (hasErrors(diagnostics)) return undefined
    const step = stepGraph(m, { ...record, name: entry.name.text }, outputs, nexts)
    return finished(m, entry.role, [step], [], models)
  }
  const advanced = m.learning.steps.map((s) => {
    const updates = s.minimizes.flatMap((x) => minimized(m, ctx, s, x))
    return { record: s, nexts: [...proposalsOf(m, s), ...updates, ...followed(m, s, new Map(updates.map((u) => [u.slot, u.node])))] }
  })
  for (const arena of stateArenas(m.learning.states.values(), advanced.map((a) => a.nexts)))
    m.stateArenas.push({ arena, node: m.build.builder.at({ ...nowhere, label: arena.name }).input(`slot:${arena.name}`, "f32", [arena.total]) })
  const steps = advanced.map(({ record: s, nexts }) => stepGraph(m, s, reportsOf(ctx, m, s), gathered(m, nexts)))
  const every: EveryGraph[] = m.learning.every.map(({ period, record: r }) => ({ period, save: [...new Set(r.saves)], calls: r.calls, graph: stepGraph(m, r, [...reportsOf(ctx, m, r), ...bestsOf(ctx, m, r)], []).graph }))
  return hasErrors(diagnostics) ? undefined : finished(m, "train", steps, every, models)
}

interface Interpreted {
  readonly m: Making
  readonly record: StepRecord
  readonly models: readonly ModelValue[]
  /** What a graph or an eval gives. */
  readonly value: Value | undefined
}

/** The entry's body, interpreted with a builder. */
const interpreted = (program: CheckedProgram, entry: Ast.EntryDeclaration | Ast.TrainDeclaration, diagnostics: Diagnostic[], learning: Learning, builder: Builder, options: ElaborateOptions): Interpreted => {
  const record = newStep(entry.name.text, 1, "own")
  const build: Elaboration = {
    builder, sources: [], rasters: [], nodes: new Map(), ranges: new Map(), learning, differentiate: gradients,
    step: entry.kind === "entry" && entry.role === "eval" ? record : undefined,
  }
  const m: Making = { program, entry: entry.name.text, build, learning, inputs: [], diagnostics, options, arenas: new Map(), arenaNodes: new Map(), stateArenas: [] }
  const models = modelsOf(program)
  for (const model of models) registerFollower(m, model)
  const onInput = (name: string, node: Node, source: GraphInput["source"]): void => void m.inputs.push({ name, node, source })
  if (entry.kind === "entry") return { m, record, models, value: elaborateEntry(program, entry, build, onInput, options.batches) }
  elaborateTrain(program, entry, build, onInput)
  return { m, record, models, value: undefined }
}

/** A size is the number of samples of a data set that nobody has counted yet. */
const isUncounted = (program: CheckedProgram): boolean => (program.context.counts?.missing.size ?? 0) > 0

const registerFollower = ({ learning }: Making, model: ModelValue): void => {
  if (model.mode !== "follow" || model.of === undefined) return
  const decay = model.follow?.decay && asTensor(model.follow.decay)?.literal
  const start = model.follow?.start && asTensor(model.follow.start)?.literal
  learning.followers.set(model.path, { name: model.path, of: model.of, decay: decay ?? 0.999, start: start ?? 0, span: model.span, owns: false })
}

// ------------------------------------------------------------------------------------------------------ arenas

/** What files call parameters and states, by path. */
const namesOf = ({ learning }: Making): ReadonlyMap<string, string> => apiPaths([...learning.parameters.keys(), ...learning.states.keys()])

const makeArenas = (m: Making): void => {
  const parametersOf = (model: string) => [...m.learning.parameters.values()].filter((p) => p.model === model)
  const models = [...new Set([...m.learning.parameters.values()].map((p) => p.model))]
  const names = namesOf(m)
  for (const model of models) {
    const follower = m.learning.followers.get(model)
    // A follower lies as the model it follows does.
    const led = follower ? parametersOf(follower.of) : []
    const own = parametersOf(model)
    const ordered = led.length > 0 ? led.flatMap((p) => own.find((q) => q.path.slice(model.length) === p.path.slice(follower!.of.length)) ?? []) : own
    m.arenas.set(model, arenaOf(model, ordered.length === own.length ? ordered : own, names))
  }
  // A follower that no graph applies is kept all the same: it is saved, and later programs load it.
  for (const f of m.learning.followers.values()) {
    const led = m.arenas.get(f.of)
    if (led && !m.arenas.has(f.name) && m.learning.steps.length > 0) m.arenas.set(f.name, { ...led, model: f.name })
  }
  if (m.learning.steps.length > 0) for (const f of m.learning.followers.values()) followedStates(m, f.name, f.of)
  for (const arena of m.arenas.values()) m.arenaNodes.set(arena.model, m.build.builder.at({ ...nowhere, label: arena.model }).input(`slot:${arena.model}`, "f32", [arena.total]))
}

/** A follower has the states of what it follows, also those that no graph of this program reads: later programs load them. */
const followedStates = (m: Making, name: string, of: string): void => {
  for (const s of [...m.learning.states.values()]) {
    const path = name + s.path.slice(of.length)
    if (s.model !== of || m.learning.states.has(path)) continue
    m.learning.states.set(path, { path, model: name, node: m.build.builder.input(`slot:${path}`, s.node.dtype, s.node.shape), initial: s.initial })
  }
}

/** A parameter's first value: a follower begins as what it follows. */
const initialArena = (m: Making, arena: Arena): Node => {
  const follower = m.learning.followers.get(arena.model)
  const from = follower ? m.arenas.get(follower.of) ?? arena : arena
  return m.build.builder.apply("pack", from.leaves.map((l) => l.parameter.initial), { offsets: from.leaves.map((l) => l.offset), total: from.total })
}

// -------------------------------------------------------------------------------------------- proposals, updates

/** Proposals for the leaves of a state arena become one for the arena. */
const gathered = (m: Making, nexts: readonly Next[]): Next[] => {
  const leaves = new Set(m.stateArenas.flatMap(({ arena }) => arena.leaves.map((l) => l.state.path)))
  const of = new Map(nexts.map((n) => [n.slot, n.node]))
  return [
    ...nexts.filter((n) => !leaves.has(n.slot)),
    ...m.stateArenas.filter(({ arena }) => arena.leaves.every((l) => of.has(l.state.path))).map(({ arena }): Next => ({
      slot: arena.name, node: m.build.builder.apply("pack", arena.leaves.map((l) => of.get(l.state.path)!), { offsets: arena.leaves.map((l) => l.offset), total: arena.total }),
    })),
  ]
}

/** What a step proposes for each state: float proposals are averaged, of others there may be one. */
const proposalsOf = (m: Making, step: StepRecord): Next[] =>
  [...step.proposals].flatMap(([path, all]): Next[] => {
    const slot = m.learning.states.get(path)!
    if (all.length > 1 && slot.node.dtype !== "f32") {
      m.diagnostics.push(nextTwice(all[1]!.span, path.split(".").at(-1)!, all[0]!.span, true))
      return []
    }
    const b = m.build.builder
    const sum = all.map((p) => p.node).reduce((x, y) => b.apply("add", [x, y]))
    return [{ slot: path, node: all.length === 1 ? sum : b.apply("div", [sum, filled(m, all.length, sum.shape)]) }]
  })

const filled = (m: Making, value: number, shape: readonly number[]): Node => {
  const c = m.build.builder.constant([value], "f32", [])
  return shape.length === 0 ? c : m.build.builder.apply("broadcast", [c], { shape, map: [] })
}

/** One `minimize`: gradients packed like the parameters, and the optimiser applied to both, flat. */
const minimized = (m: Making, ctx: Context, step: StepRecord, x: Minimize): Next[] => {
  const b = m.build.builder
  const arenas = x.models.flatMap(({ model }) => m.arenas.get(model.path) ?? [])
  const leaves = arenas.flatMap((a) => a.leaves)
  const name = step.minimizes.length === 1 ? "" : `.${step.minimizes.indexOf(x)}`
  const scaling = m.options.scaled === true ? lossScale(b, m.learning, step.name + name) : undefined
  const { values, cuts } = gradients(b, scaling ? b.apply("mul", [x.loss, scaling.scale]) : x.loss, leaves.map((l) => l.parameter.node))
  const of = new Map(leaves.map((l, i) => [l, values[i]]))
  for (const { model, span } of x.models) {
    const arena = m.arenas.get(model.path)
    if (!arena || arena.leaves.every((l) => of.get(l) === undefined)) m.diagnostics.push(noGradient(span, model.name, [], cutPlaces(cuts)))
  }
  if (hasErrors(m.diagnostics)) return []
  const packed = arenas.map((a) => b.apply("pack", a.leaves.map((l) => of.get(l) ?? filled(m, 0, l.shape)), { offsets: a.leaves.map((l) => l.offset), total: a.total }))
  const given = scaling ? scaling.unscaled(packed) : packed
  const joined = (nodes: readonly Node[]): TensorValue => flat(nodes.length === 1 ? nodes[0]! : b.apply("concat", nodes, { axis: 0 }))
  const before = step.proposals.size
  const updated = x.update(joined(arenas.map((a) => m.arenaNodes.get(a.model)!)), joined(given))
  const result = isSilent(updated) ? undefined : asTensor(updated)
  if (!result) return []
  const whole = nodeOf(ctx, x.lossSpan, result)
  const reported = (node: Node): TensorValue => ({ kind: "tensor", dtype: "f32", dims: [], alias: undefined, literal: undefined, data: { rate: "node", node } })
  step.reports.push({ name: `loss${name}`, value: reported(x.loss) }, ...(scaling ? [{ name: `loss_scale${name}`, value: reported(scaling.scale) }] : []))
  let start = 0
  const nexts = arenas.map((a): Next => {
    const node = arenas.length === 1 ? whole : b.apply("slice", [whole], { start: [start], size: [a.total], step: [1] })
    start += a.total
    return { slot: a.model, node }
  })
  // The optimiser's own states were proposed while it was applied.
  const own = new Map([...step.proposals].slice(before))
  const states = proposalsOf(m, { ...step, proposals: own })
  for (const path of own.keys()) step.proposals.delete(path)
  if (!scaling) return [...nexts, ...states]
  return [
    ...nexts.map(({ slot, node }): Next => ({ slot, node: scaling.kept(node, m.arenaNodes.get(slot)!) })),
    ...states.map(({ slot, node }): Next => ({ slot, node: scaling.kept(node, m.learning.states.get(slot)!.node) })),
    ...scaling.nexts(),
  ]
}

/** `follow` advances once after each update of what it follows (RULINGS 14). */
const followed = (m: Making, step: StepRecord, updates: ReadonlyMap<string, Node>): Next[] => {
  const b = m.build.builder
  const nexts: Next[] = []
  for (const f of m.learning.followers.values()) {
    const led = updates.get(f.of)
    const own = m.arenaNodes.get(f.name)
    if (!led || !own) continue
    const counter = counterOf(m, f.name)
    const copying = b.apply("lt", [counter, b.constant([f.start], "f32", [])])
    const trail = (mine: Node, theirs: Node): Node => {
      const moved = b.apply("add", [b.apply("mul", [mine, filled(m, f.decay, mine.shape)]), b.apply("mul", [theirs, filled(m, 1 - f.decay, mine.shape)])])
      if (f.start <= 0) return moved
      const condition = mine.shape.length === 0 ? copying : b.apply("broadcast", [copying], { shape: mine.shape, map: [] })
      return b.apply("select", [condition, theirs, moved])
    }
    nexts.push({ slot: f.name, node: trail(own, led) })
    if (f.start > 0) nexts.push({ slot: `${f.name}.updates`, node: b.apply("add", [counter, b.constant([1], "f32", [])]) })
    if (f.owns) continue
    const proposed = new Map(proposalsOf(m, step).map((n) => [n.slot, n.node]))
    for (const s of m.learning.states.values()) {
      if (s.model !== f.name) continue
      const path = f.of + s.path.slice(f.name.length)
      const theirs = proposed.get(path) ?? m.learning.states.get(path)?.node
      if (theirs) nexts.push({ slot: s.path, node: s.node.dtype === "f32" ? trail(s.node, theirs) : theirs })
    }
  }
  return nexts
}

const counterOf = (m: Making, follower: string): Node => {
  const path = `${follower}.updates`
  const known = m.learning.states.get(path)
  if (known) return known.node
  const node = m.build.builder.input(`slot:${path}`, "f32", [])
  m.learning.states.set(path, { path, model: follower, node, initial: m.build.builder.constant([0], "f32", []) })
  return node
}

// ------------------------------------------------------------------------------------------------------- graphs

const reportsOf = (ctx: Context, m: Making, step: StepRecord): Output[] => {
  const seen = new Map<string, number>()
  return step.reports.map(({ name, value }) => {
    const n = seen.get(name) ?? 0
    seen.set(name, n + 1)
    const full = `${step.name === "every" ? "" : `${step.name}.`}${name}${n === 0 ? "" : `.${n}`}`
    const span = { file: m.program.main.name, start: 0, end: 0 }
    return { name: full, node: nodeOf(ctx, span, value), ...pictureOf(value) }
  })
}

/** What decides which files are kept: one output for each model. */
const bestsOf = (ctx: Context, m: Making, step: StepRecord): Output[] =>
  step.bests.flatMap(({ models, value }) => models.map((model): Output => {
    const node = nodeOf(ctx, { file: m.program.main.name, start: 0, end: 0 }, value)
    return { name: `best:${model}`, node: node.dtype === "f32" ? node : m.build.builder.apply("cast", [node], { to: "f32" }), picture: undefined, population: undefined }
  }))

/** A step's graph: parameters become views of their arenas, nexts become outputs. */
const stepGraph = (m: Making, step: StepRecord, outputs: readonly Output[], nexts: readonly Next[]): StepGraph => {
  const roots = [...outputs.map((o) => o.node), ...nexts.map((n) => n.node)]
  const views = new Map<Node, Node>()
  for (const arena of m.arenas.values()) for (const leaf of arena.leaves) {
    if (m.learning.followers.has(arena.model) && leaf.parameter.model !== arena.model) continue
    views.set(leaf.parameter.node, m.build.builder.at(leaf.parameter.node.origin).apply("view", [m.arenaNodes.get(arena.model)!], { offset: leaf.offset, shape: leaf.shape }))
  }
  for (const { arena, node } of m.stateArenas) for (const { state, shape, offset } of arena.leaves)
    views.set(state.node, m.build.builder.at(state.node.origin).apply("view", [node], { offset, shape }))
  const now = rebuilt(m.build.builder, roots, views)
  const all: Output[] = [...outputs.map((o) => ({ ...o, node: now(o.node) })), ...nexts.map((n): Output => ({ name: `next:${n.slot}`, node: now(n.node), picture: undefined, population: undefined }))]
  const used = new Set(topological(all.map((o) => o.node)))
  const inputs: GraphInput[] = [
    ...m.inputs.filter((i) => used.has(i.node)),
    ...[...used].filter((n) => n.prim === "input" && inputName(n).startsWith("slot:")).map((node) => ({ name: inputName(node), node, source: undefined })),
  ]
  const graph: Graph = { entry: step.name, inputs, sources: sourcesUsed(m.build.sources, inputs), outputs: all, rasters: m.build.rasters.filter((r) => used.has(r.node)) }
  return { name: step.name, repeat: step.repeat, graph, nexts: nexts.map((n) => ({ slot: n.slot, node: now(n.node) })) }
}

const inputName = (n: Node): string => (n.attrs as { readonly name: string }).name

/** The same nodes with some replaced. */
export const rebuilt = (builder: Builder, roots: readonly Node[], replace: ReadonlyMap<Node, Node>): ((n: Node) => Node) => {
  const made = new Map<Node, Node>(replace)
  for (const node of topological(roots)) {
    if (made.has(node)) continue
    const inputs = node.inputs.map((x) => made.get(x)!)
    made.set(node, inputs.every((x, i) => x === node.inputs[i]) ? node : builder.at(node.origin).apply(node.prim, inputs, node.attrs as object))
  }
  return (n) => made.get(n)!
}

const finished = (m: Making, kind: Program["kind"], steps: readonly StepGraph[], every: readonly EveryGraph[], models: readonly ModelValue[]): Program => {
  const needed = new Set([...steps.flatMap((s) => [...s.graph.inputs.map((i) => i.name), ...s.nexts.map((n) => `slot:${n.slot}`)]), ...every.flatMap((e) => e.graph.inputs.map((i) => i.name))])
  const slots: Slot[] = []
  for (const arena of m.arenas.values()) {
    const node = m.arenaNodes.get(arena.model)!
    slots.push({ name: arena.model, kind: "params", model: arena.model, node, leaves: arena.leaves.map(({ path, shape, offset }) => ({ path, shape, offset })), initial: initialArena(m, arena), origin: node.origin })
  }
  const names = namesOf(m)
  const called = (s: StateSlot): string => withoutModel(names.get(s.path)!, s.model ?? "")
  for (const { arena, node } of m.stateArenas) {
    if (!needed.has(`slot:${arena.name}`)) continue
    const initial = m.build.builder.apply("pack", arena.leaves.map((l) => l.state.initial), { offsets: arena.leaves.map((l) => l.offset), total: arena.total })
    slots.push({ name: arena.name, kind: "state", model: arena.model, node, leaves: arena.leaves.map(({ state, shape, offset }) => ({ path: called(state), shape, offset })), initial, origin: node.origin })
  }
  const inArenas = new Set(m.stateArenas.flatMap(({ arena }) => arena.leaves.map((l) => l.state.path)))
  for (const s of m.learning.states.values())
    if (!inArenas.has(s.path) && needed.has(`slot:${s.path}`))
      slots.push({ name: s.path, kind: "state", model: s.model, node: s.node, leaves: s.model === undefined ? [] : [{ path: called(s), shape: s.node.shape, offset: 0 }], initial: s.initial, origin: s.node.origin })
  const order = [...new Set([...models.map((x) => x.path), ...m.arenas.keys()])].filter((name) => m.arenas.has(name))
  return {
    entry: m.entry, kind, slots, steps, every, evaluations: [],
    models: order.map((name) => ({ name, parameters: m.arenas.get(name)!.parameters, from: models.find((x) => x.path === name)?.from })),
  }
}

