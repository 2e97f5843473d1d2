/**
 * Splits an elaborated `eval` (RULINGS 16): the graph of a batch advances the states, a final graph computes the record from the states
 * alone, once; what a primitive of the host computes stands between them. A field that needs a batch itself is the last batch's.
 */
import { resultSlot } from "../check/entry-call.ts"
import type { Diagnostic } from "../base/diagnostic.ts"
import type { Span } from "../base/span.ts"
import { oneBatchOnly, sizedByBatch } from "../diagnostics/messages/state.ts"
import { nowhere, type Builder } from "../ir/build.ts"
import type { Graph, GraphInput, Node, Output, SourceSpec } from "../ir/graph.ts"
import type { Evaluation, HostStage, Program, Slot, StepGraph } from "../ir/program.ts"
import { topological } from "../ir/walk.ts"
import { primitiveNamed } from "../prim/table.ts"
import { rebuilt } from "./elaborate.ts"

export interface EvaluationParts {
  readonly builder: Builder
  readonly name: string
  readonly span: Span
  /** The eval at the size of its batches, and at that of the samples that are left. */
  readonly batch: Program
  readonly tail: Program | undefined
  /** Slots of the train that calls it: states that lie in an arena there are views of it. */
  readonly train: readonly Slot[]
  /** In a train: the record goes to slots, and names of sources carry the eval's. */
  readonly called: boolean
  readonly full: number | undefined
  readonly sources: Evaluation["sources"]
}

const inputName = (n: Node): string | undefined => (n.prim === "input" ? (n.attrs as { readonly name: string }).name : undefined)
const isReport = (o: Output): boolean => !o.name.startsWith("next:")

/** Each next value and the slot that holds it when a batch is over. */
const afterBatch = (builder: Builder, step: StepGraph): ReadonlyMap<Node, Node> => {
  const after = new Map<Node, Node>()
  for (const { slot, node } of step.nexts) if (node.prim !== "const" && node.prim !== "input" && !after.has(node)) after.set(node, builder.input(`slot:${slot}`, node.dtype, node.shape))
  return after
}

/** Whether a value can be had from the states once all batches are over. */
const isGathered = (step: StepGraph, after: ReadonlyMap<Node, Node>, root: Node): boolean => {
  const advanced = new Set(step.nexts.map((n) => `slot:${n.slot}`))
  const seen = new Set<Node>()
  const stack = [root]
  while (stack.length > 0) {
    const node = stack.pop()!
    if (seen.has(node) || after.has(node)) continue
    seen.add(node)
    const name = inputName(node)
    if (name !== undefined && (!name.startsWith("slot:") || advanced.has(name))) return false
    stack.push(...node.inputs)
  }
  return true
}

export const evaluationOf = (parts: EvaluationParts, diagnostics: Diagnostic[]): { readonly evaluation: Evaluation; readonly slots: readonly Slot[] } | undefined => {
  const { builder, name, called } = parts
  const batch = inArenas(builder, parts.batch, parts.train)
  const tail = parts.tail && inArenas(builder, parts.tail, parts.train)
  const step = batch.steps[0]!
  const last = (tail ?? batch).steps[0]!
  const slots = new Map(batch.slots.map((slot) => [slot.name, slot]))
  for (const slot of tail?.slots ?? []) {
    const known = slots.get(slot.name)
    if (known && known.node !== slot.node) diagnostics.push(sizedByBatch(parts.span, name, slot.name))
    if (!known) slots.set(slot.name, slot)
  }
  const after = afterBatch(builder, step)
  const reports = step.graph.outputs.filter(isReport)
  const gathered = reports.filter((o) => isGathered(step, after, o.node))
  const ofLast = reports.filter((o) => !gathered.includes(o))
  if (called) for (const o of ofLast) diagnostics.push(oneBatchOnly(parts.span, name, o.name))
  if (diagnostics.some((d) => d.severity === "error")) return undefined

  const renamed = (source: string): string => (called ? `${name}.${source}` : source)
  const graph = (from: StepGraph | undefined, entry: string, outputs: readonly Output[]): Graph => {
    const used = new Set(topological(outputs.map((o) => o.node)))
    const inputs: GraphInput[] = [
      ...(from?.graph.inputs ?? []).filter((i) => used.has(i.node)).map((i) => (i.source ? { ...i, source: { ...i.source, name: renamed(i.source.name) } } : i)),
      ...[...used].filter((n) => inputName(n)?.startsWith("slot:") && !from?.graph.inputs.some((i) => i.node === n)).map((node) => ({ name: inputName(node)!, node, source: undefined })),
    ]
    const sources = (from?.graph.sources ?? []).map((s): SourceSpec => ({ ...s, name: renamed(s.name), whole: true }))
    return { entry, inputs, sources, outputs, rasters: (from?.graph.rasters ?? []).filter((r) => used.has(r.node)) }
  }
  const advancing = (from: StepGraph, entry: string): StepGraph => {
    const own = from === last ? ofLast.map((o) => from.graph.outputs.find((x) => x.name === o.name)!) : []
    return { ...from, name: entry, graph: graph(from, entry, [...own, ...from.graph.outputs.filter((o) => !isReport(o))]) }
  }

  const roots = rebuiltAll(builder, gathered.map((o) => o.node), after)
  const made = new Map<Node, Node>()
  const stages: HostStage[] = []
  for (const node of topological(roots)) {
    if (!primitiveNamed(node.prim).host) continue
    const slot = `${name}:${node.prim}${stages.length === 0 ? "" : `.${stages.length}`}`
    const operands = rebuiltAll(builder, node.inputs, made).map((x, k): Output => ({ name: `operand${k}`, node: x, picture: undefined, population: undefined }))
    stages.push({ prim: node.prim, slot, graph: graph(undefined, `${name}.${node.prim}`, operands) })
    made.set(node, builder.at(node.origin).input(`slot:${slot}`, node.dtype, node.shape))
    slots.set(slot, zeroSlot(builder, slot, made.get(node)!))
  }
  const record = rebuiltAll(builder, roots, made).map((node, i): Output => ({ ...gathered[i]!, node }))
  const results = called ? record.map((o) => ({ slot: resultSlot(name, o.name), node: o.node })) : []
  for (const { slot, node } of results) slots.set(slot, zeroSlot(builder, slot, builder.at(node.origin).input(`slot:${slot}`, node.dtype, node.shape)))
  const finalOutputs = called ? results.map(({ slot, node }): Output => ({ name: `next:${slot}`, node, picture: undefined, population: undefined })) : record
  const own = batch.slots.filter((slot) => slot.kind === "state" && slot.model === undefined)
  const evaluation: Evaluation = {
    name, stages, full: parts.full, sources: parts.sources.map((s) => ({ ...s, name: renamed(s.name) })),
    begin: graph(undefined, `${name}.begin`, own.map((slot): Output => ({ name: `next:${slot.name}`, node: slot.initial, picture: undefined, population: undefined }))),
    batch: advancing(step, name),
    tail: tail && advancing(last, `${name}.tail`),
    final: { name: `${name}.final`, repeat: 1, graph: graph(undefined, `${name}.final`, finalOutputs), nexts: results },
  }
  return { evaluation, slots: [...slots.values()].map((slot) => (own.includes(slot) ? { ...slot, kind: "scratch" } : slot)) }
}

/** An eval by itself has a slot for each state; where a train keeps them in an arena, they are read from there. */
const inArenas = (builder: Builder, evaluated: Program, train: readonly Slot[]): Program => {
  const leaves = new Map(train.flatMap((slot) => (slot.kind === "state" ? slot.leaves.map((leaf) => [slot.model === undefined ? leaf.path : `${slot.model}.${leaf.path}`, { slot, leaf }] as const) : [])))
  const views = new Map(evaluated.slots.flatMap((own) => {
    const found = leaves.get(own.name)
    return found ? [[own.node, builder.apply("view", [found.slot.node], { offset: found.leaf.offset, shape: found.leaf.shape })] as const] : []
  }))
  if (views.size === 0) return evaluated
  const step = evaluated.steps[0]!
  const now = rebuilt(builder, [...step.graph.outputs, ...step.nexts].map((o) => o.node), views)
  const graph: Graph = { ...step.graph, outputs: step.graph.outputs.map((o) => ({ ...o, node: now(o.node) })) }
  return { ...evaluated, slots: evaluated.slots.filter((slot) => !views.has(slot.node)), steps: [{ ...step, graph, nexts: step.nexts.map((n) => ({ ...n, node: now(n.node) })) }] }
}

const rebuiltAll = (builder: Builder, roots: readonly Node[], replace: ReadonlyMap<Node, Node>): readonly Node[] => roots.map(rebuilt(builder, roots, replace))

const zeroSlot = (builder: Builder, name: string, node: Node): Slot => {
  const zero = builder.constant([0], node.dtype, [])
  const initial = node.shape.length === 0 ? zero : builder.apply("broadcast", [zero], { shape: node.shape, map: [] })
  return { name, kind: "scratch", model: undefined, node, leaves: [], initial, origin: nowhere }
}
