/** The graphs of a workload and their plans for one kind of adapter. */
import fs from "node:fs"
import { openEntry, placeOf, settingsOf } from "../src/driver/compile.ts"
import { compileProgram } from "../src/driver/compile-program.ts"
import { elaborate } from "../src/elaborate/elaborate.ts"
import type { Diagnostic } from "../src/base/diagnostic.ts"
import type { Graph } from "../src/ir/graph.ts"
import type { Program } from "../src/ir/program.ts"
import { makePlan, type PlanOptions } from "../src/plan/make-plan.ts"
import type { Plan, ProgramPlan } from "../src/plan/plan.ts"
import type { Schedule } from "../src/schedule/groups.ts"
import { webgpuDefaults, type Limits, type Profile } from "../src/schedule/limits.ts"
import { simplifyGraph } from "../src/transform/simplify.ts"
import { settingsOf as texts } from "./workloads.mjs"

export interface Workload {
  readonly what: string
  readonly file: string
  readonly entry: string
  /** Sizes and constants; `small` for tests. */
  readonly set: Readonly<Record<string, number>>
  readonly small: Readonly<Record<string, number>>
  readonly inputs?: Readonly<Record<string, Values>>
  /** Of a program that learns: the steps that are run, in order, and slots that begin with other values than the program's own. */
  readonly steps?: readonly string[]
  readonly slots?: Readonly<Record<string, Values>>
  /** What the first loss is near, where the first weights are near zero. */
  readonly about?: number
  /** Whether every peer computes the same numbers; otherwise each draws its own. */
  readonly exact: boolean
  readonly target: { readonly dispatches?: number; readonly peer?: number; readonly hand?: number }
}

export type Values = { readonly value: number } | { readonly seed: number; readonly scale: number; readonly shift: number }

export interface PlannedUnit {
  readonly name: string
  /** As elaborated: what the reference evaluator runs. */
  readonly graph: Graph
  readonly schedule: Schedule
  readonly plan: Plan
}

export interface Planned {
  readonly program: Program
  /** The step of a graph, or the steps that the workload runs. */
  readonly units: readonly PlannedUnit[]
}

export const requestOf = (workload: Workload, sizes: Readonly<Record<string, number>>) =>
  ({ file: workload.file, sources: { [workload.file]: fs.readFileSync(workload.file, "utf8") }, entry: workload.entry, set: texts(sizes) })

/** A workload before it is known what it runs on: the same for every profile. */
export interface Elaborated {
  readonly program: Program
  readonly units: readonly { readonly name: string; readonly graph: Graph; readonly simplified: Graph }[]
  readonly options: PlanOptions
}

export const elaboratedFor = (workload: Workload, sizes: Readonly<Record<string, number>>): Elaborated => {
  const diagnostics: Diagnostic[] = []
  const opened = openEntry(requestOf(workload, sizes), diagnostics)
  const program = "needs" in opened ? undefined : elaborate(opened.program, opened.entry, diagnostics)
  if ("needs" in opened || !program) throw new Error(`${workload.file}: ${diagnostics.map((d) => d.message).join("; ")}`)
  const wanted = program.steps.filter((step) => workload.steps?.includes(step.name) ?? true)
  return {
    program, units: wanted.map(({ name, graph }) => ({ name, graph, simplified: simplifyGraph(graph) })),
    options: { settings: settingsOf(opened.program, opened.entry), placeOf: placeOf(opened.program) },
  }
}

export const planned = ({ program, units, options }: Elaborated, profile: Profile, limits: Limits = webgpuDefaults): Planned => ({
  program,
  units: units.map(({ name, graph, simplified }): PlannedUnit => {
    const { plan, schedule, problems } = makePlan(simplified, { ...options, limits, profile })
    if (!plan) throw new Error(`${name}: ${problems[0]!.message}`)
    return { name, graph, schedule, plan }
  }),
})

/** The program of a workload that learns, with the steps that it runs, once a round, and nothing of what is done every so often. */
export const programPlanOf = (workload: Workload, sizes: Readonly<Record<string, number>>, profile: Profile, limits: Limits = webgpuDefaults): ProgramPlan => {
  const { value, diagnostics } = compileProgram({ ...requestOf(workload, sizes), limits, profile })
  if (!value) throw new Error(`${workload.file}: ${diagnostics.map((d) => d.message).join("; ")}`)
  return { ...value.plan, steps: value.plan.steps.filter((step) => workload.steps!.includes(step.name)).map((step) => ({ ...step, repeat: 1 })), every: [], evaluations: [] }
}
