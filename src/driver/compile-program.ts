/** `compileProgram`: an entry that learns or remembers becomes plans over shared slots. */
import type { Diagnostic } from "../base/diagnostic.ts"
import { elaborate } from "../elaborate/elaborate.ts"
import { limitExceeded } from "../diagnostics/messages/data.ts"
import type { Graph } from "../ir/graph.ts"
import type { Program, Slot } from "../ir/program.ts"
import { makePlan } from "../plan/make-plan.ts"
import type { Plan, ProgramPlan, SlotPlan } from "../plan/plan.ts"
import { webgpuDefaults } from "../schedule/limits.ts"
import { simplifyGraph } from "../transform/simplify.ts"
import { openEntry, placeOf, settingsOf, type Compiled, type CompileResult } from "./compile.ts"
import type { Request } from "./check.ts"

export interface CompiledProgram {
  readonly entry: string
  /** As elaborated: what the reference evaluator runs. */
  readonly program: Program
  readonly plan: ProgramPlan
  /** Each graph with its plan: `initial`, the steps, `every.0` …; for `--emit`. */
  readonly pieces: readonly Compiled[]
}

const slotPlan = (s: Slot): SlotPlan => ({ name: s.name, kind: s.kind, ...(s.model === undefined ? {} : { model: s.model }), dtype: s.node.dtype, shape: s.node.shape, leaves: s.leaves })

/** Computes the first value of every slot. */
export const initialGraph = (program: Program): Graph => ({
  entry: "initial", inputs: [], sources: [], rasters: [],
  outputs: program.slots.map((s) => ({ name: `next:${s.name}`, node: s.initial, picture: undefined, population: undefined })),
})

export const compileProgram = (request: Request): CompileResult<CompiledProgram> => {
  const diagnostics: Diagnostic[] = []
  const opened = openEntry(request, diagnostics)
  if ("needs" in opened) return { value: undefined, diagnostics, needs: opened.needs }
  const program = elaborate(opened.program, opened.entry, diagnostics)
  if (!program) return { value: undefined, diagnostics, needs: [] }
  const limits = request.limits ?? webgpuDefaults
  const settings = settingsOf(opened.program, opened.entry)
  const pieces: Compiled[] = []
  const planned = (name: string, graph: Graph): Plan | undefined => {
    const simplified = simplifyGraph(graph)
    const made = makePlan(simplified, { limits, settings, placeOf: placeOf(opened.program) })
    const first = made.problems[0]
    if (first) diagnostics.push(limitExceeded(first.origin.span.file === "" ? opened.entry.name.span : first.origin.span, first.message, made.problems.length - 1))
    if (made.plan) pieces.push({ entry: name, program: opened.program, graph: { ...graph, entry: name }, simplified, schedule: made.schedule, plan: made.plan })
    return made.plan
  }
  const initial = planned("initial", initialGraph(program))
  const steps = program.steps.map((s) => ({ name: s.name, repeat: s.repeat, plan: planned(s.name, s.graph) }))
  const every = program.every.map((e, i) => ({ period: e.period, save: e.save, plan: planned(`every.${i}`, e.graph) }))
  const complete = <T extends { plan: Plan | undefined }>(xs: readonly T[]): xs is (T & { plan: Plan })[] => xs.every((x) => x.plan)
  if (!initial || !complete(steps) || !complete(every)) return { value: undefined, diagnostics, needs: [] }
  const plan: ProgramPlan = {
    version: 1, entry: program.entry, kind: program.kind, slots: program.slots.map(slotPlan), initial, steps, every, settings,
    models: program.models.map(({ name, parameters, from }) => ({ name, parameters, ...(from === undefined ? {} : { from }) })),
  }
  return { value: { entry: program.entry, program, plan, pieces }, diagnostics, needs: [] }
}
