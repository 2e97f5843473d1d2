/** The `eval`s of a program: how many batches each takes, the size of its last one, and their graphs over the slots of the program they belong to. */
import { hasErrors, type Diagnostic } from "../base/diagnostic.ts"
import { settingsOf as settableNames } from "../check/program.ts"
import { sourceKey } from "../check/sources.ts"
import { elaborate } from "../elaborate/elaborate.ts"
import { evaluationOf } from "../elaborate/evaluation.ts"
import type { Builder } from "../ir/build.ts"
import type { SourceSpec } from "../ir/graph.ts"
import type { Evaluation, Program, Slot } from "../ir/program.ts"
import type * as Ast from "../syntax/ast.ts"
import { openEntry, type Opened } from "./compile.ts"
import type { Request } from "./check.ts"

/** The batches of an eval: sources end together, at the shortest; those of one batch size take equally many. */
export interface Batches {
  readonly full: number
  /** Sizes of the last batch by source, where one is left. */
  readonly tail: ReadonlyMap<string, number> | undefined
  readonly used: ReadonlyMap<string, number>
}

export const batchesOf = (sources: readonly { readonly name: string; readonly batch: number; readonly count: number }[]): Batches => {
  const full = Math.min(...sources.map((s) => Math.floor(s.count / s.batch)))
  const left = (s: { readonly batch: number; readonly count: number }): number => Math.min(s.batch, s.count - full * s.batch)
  const rest = new Map(sources.map((s) => [s.name, Math.min(...sources.filter((other) => other.batch === s.batch).map(left))]))
  const tail = [...rest.values()].every((n) => n > 0)
  return { full, tail: tail ? rest : undefined, used: new Map(sources.map((s) => [s.name, full * s.batch + (tail ? rest.get(s.name)! : 0)])) }
}

/** Where `batch=` is a constant of the file or a parameter of the entry, all of the eval follows it. */
const batchSetting = (opened: Opened, entry: Ast.EntryDeclaration, source: string): string | undefined => {
  const param = entry.params.find((p) => p.kind === "batch" && p.name.text === source)
  const call = param?.kind === "batch" && param.source.kind === "call" ? param.source : undefined
  const value = call?.args.find((a) => a.name?.text === "batch")?.value
  return value?.kind === "name" && settableNames(opened.program.main.ast).includes(value.name) ? value.name : undefined
}

const smaller = (request: Request, opened: Opened, entry: Ast.EntryDeclaration, builder: Builder, sizes: ReadonlyMap<string, number>, diagnostics: Diagnostic[]): Program | undefined => {
  const own: Diagnostic[] = []
  const set: Record<string, string> = { ...request.set }
  for (const [source, n] of sizes) {
    const setting = batchSetting(opened, entry, source)
    if (setting !== undefined) set[setting] = String(n)
  }
  const again = openEntry({ ...request, checked: false, entry: entry.name.text, set }, own)
  const made = "needs" in again || hasErrors(own) ? undefined : elaborate(again.program, again.entry, own, { builder, batches: sizes })
  const words = [...sizes].map(([name, n]) => `${n} of ${name}`).join(", ")
  diagnostics.push(...own.map((d) => ({ ...d, message: `${d.message} (in the last batch: ${words})` })))
  return made
}

export interface Asked {
  readonly key: string
  readonly source: SourceSpec
}

export interface MadeEvaluation {
  readonly evaluation: Evaluation
  readonly slots: readonly Slot[]
  readonly models: Program["models"]
}

/** An eval's graphs, by itself or over the slots of a train; undefined after errors, or while samples of its sources are uncounted, which are added to `asked`. */
export const makeEvaluation = (
  request: Request, opened: Opened, entry: Ast.EntryDeclaration, builder: Builder, train: readonly Slot[] | undefined, asked: Map<string, SourceSpec>, diagnostics: Diagnostic[],
): MadeEvaluation | undefined => {
  const whole = elaborate(opened.program, entry, diagnostics, { builder })
  for (const [key, source] of opened.program.context.counts?.missing ?? []) asked.set(key, source)
  if (!whole || asked.size > 0) return undefined
  const sources = whole.steps[0]!.graph.sources
  const counted = sources.map((s) => ({ source: s, count: request.counts?.[sourceKey(s)] }))
  if (request.counts !== undefined) for (const { source, count } of counted) if (count === undefined) asked.set(sourceKey(source), { ...source, whole: true })
  if (asked.size > 0) return undefined
  const known = request.counts === undefined || sources.length === 0 ? undefined : counted.map(({ source, count }) => ({ name: source.name, batch: source.batch, count: count! }))
  const batches = known && batchesOf(known)
  const tail = batches?.tail && smaller(request, opened, entry, builder, batches.tail, diagnostics)
  if (hasErrors(diagnostics)) return undefined
  const none = batches?.full === 0 && tail
  const made = evaluationOf({
    builder, name: entry.name.text, span: entry.name.span, batch: none ? tail : whole, tail: none ? undefined : tail, train: train ?? [], called: train !== undefined,
    full: sources.length === 0 ? 1 : none ? 1 : batches?.full,
    sources: known?.map((s) => ({ name: s.name, used: batches!.used.get(s.name)!, of: s.count })) ?? [],
  }, diagnostics)
  return made && { ...made, models: whole.models }
}

/** The slots of a program and those that its evaluations bring: what a model is called it is everywhere. */
export const joinedSlots = (own: readonly Slot[], more: readonly (readonly Slot[])[]): readonly Slot[] => {
  const all = new Map(own.map((slot) => [slot.name, slot]))
  for (const slot of more.flat()) if (!all.has(slot.name)) all.set(slot.name, slot)
  return [...all.values()]
}
