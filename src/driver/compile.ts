/** `compile`: a checked program and one of its graphs become a plan. The list of passes, and nothing else. */
import { hasErrors, type Diagnostic } from "../base/diagnostic.ts"
import { positionOf } from "../base/source.ts"
import { suggest } from "../base/suggest.ts"
import { checkProgram, openProgram, type Program } from "../check/program.ts"
import { limitExceeded, needsProgram, whichEntry } from "../diagnostics/messages/data.ts"
import { hostOnly } from "../diagnostics/messages/state.ts"
import { elaborate } from "../elaborate/elaborate.ts"
import type { Graph, Origin, SourceSpec } from "../ir/graph.ts"
import { verifyGraph } from "../ir/verify.ts"
import { topological } from "../ir/walk.ts"
import { makePlan, type PlanOptions } from "../plan/make-plan.ts"
import { verifyKernel } from "../kernel/verify-kernel.ts"
import type { Plan } from "../plan/plan.ts"
import type { Schedule } from "../schedule/groups.ts"
import { sizeOf } from "../schedule/inline.ts"
import { webgpuDefaults } from "../schedule/limits.ts"
import { simplifyGraph } from "../transform/simplify.ts"
import type * as Ast from "../syntax/ast.ts"
import { valueOf } from "../types/size.ts"
import type { Request } from "./check.ts"
import { primitiveNamed } from "../prim/table.ts"
import { library } from "./library.ts"

export interface Compiled {
  readonly entry: string
  readonly program: Program
  /** As elaborated: what the reference evaluator runs. */
  readonly graph: Graph
  /** After simplification: what is scheduled. */
  readonly simplified: Graph
  readonly schedule: Schedule
  readonly plan: Plan
}

export interface CompileResult<A> {
  readonly value: A | undefined
  readonly diagnostics: readonly Diagnostic[]
  readonly needs: readonly string[]
  /** Data sets whose samples must be counted before the program can be made: count them, and ask again with `counts`. */
  readonly uncounted?: readonly { readonly key: string; readonly source: SourceSpec }[]
}

type Entry = Ast.EntryDeclaration | Ast.TrainDeclaration

/** The entry asked for, or the only one. */
const entryOf = (program: Program, asked: string | undefined, diagnostics: Diagnostic[]): Entry | undefined => {
  const all = program.main.ast.declarations.filter((d): d is Entry => d.kind === "entry" || d.kind === "train")
  const found = asked === undefined ? (all.length === 1 ? all[0] : undefined) : all.find((d) => d.name.text === asked)
  if (!found) {
    const names = all.map((d) => d.name.text)
    diagnostics.push(whichEntry({ file: program.main.name, start: 0, end: 0 }, names, asked, asked && suggest(asked, names)))
  }
  return found
}

export interface Opened {
  readonly program: Program
  readonly entry: Entry
}

/** With `entryless` the program is only parsed, and an entry need not exist. */
type OpenedFile = Opened | { readonly program: Program; readonly entry: undefined }

/** Parses, checks and finds the entry. */
export function openEntry(request: Request, diagnostics: Diagnostic[]): Opened | { readonly needs: readonly string[] }
export function openEntry(request: Request, diagnostics: Diagnostic[], entryless: boolean): OpenedFile | { readonly needs: readonly string[] }
export function openEntry(request: Request, diagnostics: Diagnostic[], entryless = false): OpenedFile | { readonly needs: readonly string[] } {
  const program = openProgram(request.file, request.sources, library, request.set ?? {}, diagnostics, request.counts)
  if ("needs" in program) return program
  if (program.loaded.needs.length > 0) return { needs: program.loaded.needs }
  if (entryless) return { program, entry: undefined }
  if (!request.checked && !hasErrors(program.loaded.diagnostics)) checkProgram(program)
  if (hasErrors(diagnostics)) return { needs: [] }
  const entry = entryOf(program, request.entry, diagnostics)
  return entry ? { program, entry } : { needs: [] }
}

/** `file:line:column` of an origin. */
export const placeOf = (program: Program) => ({ span }: Origin): string => {
  const source = program.loaded.modules.get(span.file)?.source
  if (!source) return span.file
  const { line, column } = positionOf(source, span.start)
  return `${span.file}:${line}:${column}`
}

/** The graph of an entry without parameters and states, before anything is scheduled. */
export const graphOf = ({ program, entry }: Opened, diagnostics: Diagnostic[]): Graph | undefined => {
  const made = entry.kind === "entry" && entry.role === "graph" ? elaborate(program, entry, diagnostics) : undefined
  if (hasErrors(diagnostics)) return undefined
  if (made && made.slots.length === 0) return { ...made.steps[0]!.graph, entry: entry.name.text }
  diagnostics.push(needsProgram(entry.name.span, entry.name.text, entry.kind === "train" ? "it is a train" : entry.role === "eval" ? "it is an eval" : "it applies models"))
  return undefined
}

/** What plans of these graphs are made for. Pictures stay bytes where each can be bound as a whole: all plans of a program are given the same batches. */
export const planOptions = ({ limits = webgpuDefaults, profile, precision, bytes, tuned }: Request, graphs: readonly Graph[]): PlanOptions => ({
  limits, ...(profile ? { profile } : {}), ...(precision ? { precision } : {}), ...(tuned ? { tuned } : {}),
  ...(bytes === true && graphs.every((g) => g.inputs.every(({ node }) => 4 * sizeOf(node.shape) <= limits.maxStorageBufferBindingSize)) ? { bytes } : {}),
})

export const settingsOf = (program: Program, entry: Entry): Plan["settings"] => {
  const settings: Record<string, number | string | boolean> = {}
  for (const p of entry.params) {
    if (p.kind !== "param" || !p.value) continue
    const given = program.inputs.set.get(p.name.text)
    const n = given?.kind === "int" ? valueOf(given.size) : given?.kind === "tensor" ? given.literal : given?.kind === "string" || given?.kind === "bool" ? given.value : literalOf(p.value)
    if (n !== undefined) settings[p.name.text] = n
  }
  return settings
}

/** What only the host computes has no kernel: a graph that runs on a device must not hold it. */
export const hostProblem = ({ program, entry }: Opened, graph: Graph): Diagnostic | undefined => {
  const node = topological(graph.outputs.map((o) => o.node)).find(({ prim }) => primitiveNamed(prim).host)
  if (!node) return undefined
  const own = program.loaded.modules.get(node.origin.span.file)?.library === false
  return hostOnly(own ? node.origin.span : entry.name.span, node.prim)
}

const literalOf = (e: Ast.Expr): number | string | boolean | undefined => (e.kind === "int" || e.kind === "float" || e.kind === "string" || e.kind === "bool" ? e.value : undefined)

const holds = (what: string, problems: readonly string[]): void => {
  if (problems.length > 0) throw new Error(`the ${what} is not sound: ${problems[0]}`)
}
const sound = (graph: Graph): void => holds(`graph of ${graph.entry}`, verifyGraph(graph))

export const compile = (request: Request): CompileResult<Compiled> => {
  const diagnostics: Diagnostic[] = []
  const opened = openEntry(request, diagnostics)
  if ("needs" in opened) return { value: undefined, diagnostics, needs: opened.needs }
  const graph = graphOf(opened, diagnostics)
  const missing = opened.program.context.counts?.missing
  if (missing && missing.size > 0) return { value: undefined, diagnostics: [], needs: [], uncounted: [...missing].map(([key, source]) => ({ key, source })) }
  if (!graph) return { value: undefined, diagnostics, needs: [] }
  const host = hostProblem(opened, graph)
  if (host) return { value: undefined, diagnostics: [...diagnostics, host], needs: [] }
  if (request.verify) sound(graph)
  const simplified = simplifyGraph(graph)
  if (request.verify) sound(simplified)
  const limits = request.limits ?? webgpuDefaults
  const planned = makePlan(simplified, { ...planOptions(request, [simplified]), settings: settingsOf(opened.program, opened.entry), placeOf: placeOf(opened.program) })
  // One size is too large, and everything made from it: the first is told.
  const first = planned.problems.find((p) => opened.program.loaded.modules.get(p.origin.span.file)?.library === false) ?? planned.problems[0]
  if (first) diagnostics.push(limitExceeded(first.origin.span.file === "" ? opened.entry.name.span : first.origin.span, first.message, planned.problems.length - 1))
  if (!planned.plan) return { value: undefined, diagnostics, needs: [] }
  if (request.verify) for (const { kernel } of planned.schedule.kernels) holds(`kernel of ${graph.entry}`, verifyKernel(kernel, limits))
  return { value: { entry: graph.entry, program: opened.program, graph, simplified, schedule: planned.schedule, plan: planned.plan }, diagnostics, needs: [] }
}
