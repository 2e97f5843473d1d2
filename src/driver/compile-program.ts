/** `compileProgram`: an entry that learns or remembers becomes plans over shared slots. */
import type { Diagnostic } from "../base/diagnostic.ts"
import { elaborate } from "../elaborate/elaborate.ts"
import { limitExceeded } from "../diagnostics/messages/data.ts"
import { graphBuilder } from "../ir/build.ts"
import type { Graph, SourceSpec } from "../ir/graph.ts"
import type { Evaluation, Program, Slot } from "../ir/program.ts"
import { makePlan } from "../plan/make-plan.ts"
import type { EvaluationPlan, Plan, ProgramPlan, SlotPlan } from "../plan/plan.ts"
import { makeMemo } from "../schedule/attempts.ts"
import type * as Ast from "../syntax/ast.ts"
import { simplifyGraph } from "../transform/simplify.ts"
import { hostProblem, openEntry, placeOf, planOptions, settingsOf, type Compiled, type CompileResult, type Opened } from "./compile.ts"
import type { Request } from "./check.ts"
import { joinedSlots, makeEvaluation } from "./evaluations.ts"

export interface CompiledProgram {
  readonly entry: string
  /** As elaborated: what the reference evaluator runs. */
  readonly program: Program
  readonly plan: ProgramPlan
  /** Each graph with its plan: `initial`, the steps, `every.0` …; for `--emit`. */
  readonly pieces: readonly Compiled[]
}

const slotPlan = (s: Slot): SlotPlan => ({ name: s.name, kind: s.kind, ...(s.model === undefined ? {} : { model: s.model }), dtype: s.node.dtype, shape: s.node.shape, leaves: s.leaves })

/** Computes the first value of every slot but the scratch of evaluations, which each begins by itself. */
export const initialGraph = (program: Program): Graph => ({
  entry: "initial", inputs: [], sources: [], rasters: [],
  outputs: program.slots.filter((s) => s.kind !== "scratch").map((s) => ({ name: `next:${s.name}`, node: s.initial, picture: undefined, population: undefined })),
})

/** The graphs of an entry: a train with the evals that it calls, an eval, or a graph that applies models. */
const programOf = (request: Request, opened: Opened, asked: Map<string, SourceSpec>, diagnostics: Diagnostic[]): Program | undefined => {
  const { program, entry } = opened
  const builder = graphBuilder()
  if (entry.kind === "entry" && entry.role === "eval") {
    const made = makeEvaluation(request, opened, entry, builder, undefined, asked, diagnostics)
    return made && { entry: entry.name.text, kind: "eval", slots: made.slots, steps: [], every: [], evaluations: [made.evaluation], models: made.models }
  }
  const own = elaborate(program, entry, diagnostics, { builder, scaled: request.precision === "f16" })
  for (const [key, source] of program.context.counts?.missing ?? []) asked.set(key, source)
  if (!own || asked.size > 0) return undefined
  const names = [...new Set(own.every.flatMap((every) => every.calls))]
  const made = names.flatMap((name) => {
    const declaration = program.main.ast.declarations.find((d): d is Ast.EntryDeclaration => d.kind === "entry" && d.name.text === name)!
    return makeEvaluation(request, opened, declaration, builder, own.slots, asked, diagnostics) ?? []
  })
  if (made.length < names.length) return undefined
  const models = [...own.models]
  for (const model of made.flatMap((m) => m.models)) if (!models.some((known) => known.name === model.name)) models.push(model)
  return { ...own, slots: joinedSlots(own.slots, made.map((m) => m.slots)), evaluations: made.map((m) => m.evaluation), models }
}

export const compileProgram = (request: Request): CompileResult<CompiledProgram> => {
  const diagnostics: Diagnostic[] = []
  const opened = openEntry(request, diagnostics)
  if ("needs" in opened) return { value: undefined, diagnostics, needs: opened.needs }
  const asked = new Map<string, SourceSpec>()
  const program = programOf(request, opened, asked, diagnostics)
  if (asked.size > 0) return { value: undefined, diagnostics: [], needs: [], uncounted: [...asked].map(([key, source]) => ({ key, source })) }
  if (!program) return { value: undefined, diagnostics, needs: [] }
  const settings = settingsOf(opened.program, opened.entry)
  const options = planOptions(request, [...program.steps.map((s) => s.graph), ...program.every.map((e) => e.graph), ...program.evaluations.map((e) => e.batch.graph)])
  const memo = makeMemo()
  const pieces: Compiled[] = []
  const planned = (name: string, graph: Graph): Plan | undefined => {
    const host = hostProblem(opened, graph)
    if (host) {
      diagnostics.push(host)
      return undefined
    }
    const simplified = simplifyGraph(graph)
    const made = makePlan(simplified, { ...options, memo, settings, placeOf: placeOf(opened.program) })
    const first = made.problems[0]
    if (first) diagnostics.push(limitExceeded(first.origin.span.file === "" ? opened.entry.name.span : first.origin.span, first.message, made.problems.length - 1))
    if (made.plan) pieces.push({ entry: name, program: opened.program, graph: { ...graph, entry: name }, simplified, schedule: made.schedule, plan: made.plan })
    return made.plan
  }
  const initial = planned("initial", initialGraph(program))
  const steps = program.steps.map((s) => ({ name: s.name, repeat: s.repeat, plan: planned(s.name, s.graph) }))
  const evaluations = program.evaluations.map((e) => evaluationPlan(e, planned))
  const every = program.every.map((e, i) => ({ period: e.period, save: e.save, calls: e.calls, plan: planned(`every.${i}`, e.graph) }))
  const complete = <T extends { plan: Plan | undefined }>(xs: readonly T[]): xs is (T & { plan: Plan })[] => xs.every((x) => x.plan)
  const whole = (xs: readonly (EvaluationPlan | undefined)[]): xs is EvaluationPlan[] => xs.every((x) => x !== undefined)
  if (!initial || !complete(steps) || !complete(every) || !whole(evaluations)) return { value: undefined, diagnostics, needs: [] }
  const plan: ProgramPlan = {
    version: 1, entry: program.entry, kind: program.kind, slots: program.slots.map(slotPlan), initial, steps, every, evaluations, settings,
    models: program.models.map(({ name, parameters, from }) => ({ name, parameters, ...(from === undefined ? {} : { from }) })),
  }
  return { value: { entry: program.entry, program, plan, pieces }, diagnostics, needs: [] }
}

const evaluationPlan = (e: Evaluation, planned: (name: string, graph: Graph) => Plan | undefined): EvaluationPlan | undefined => {
  const begin = planned(e.begin.entry, e.begin)
  const batch = planned(e.batch.name, e.batch.graph)
  const tail = e.tail && planned(e.tail.name, e.tail.graph)
  const stages = e.stages.map(({ prim, slot, graph }) => ({ host: prim, slot, plan: planned(graph.entry, graph) }))
  const final = planned(e.final.name, e.final.graph)
  if (!begin || !batch || !final || (e.tail && !tail) || stages.some((s) => !s.plan)) return undefined
  return {
    name: e.name, begin, batch, ...(tail ? { tail } : {}), stages: stages.map((s) => ({ ...s, plan: s.plan! })), final,
    ...(e.full === undefined ? {} : { full: e.full }), sources: e.sources,
  }
}
