/** A program on disk: its file, the files it imports, and the entry that is meant. The compiler reads no files; this does it for it. */
import path from "node:path"
import { hasErrors, type Diagnostic } from "../base/diagnostic.ts"
import { render, type Sources } from "../base/render.ts"
import { sourceFile } from "../base/source.ts"
import { suggest } from "../base/suggest.ts"
import { check, entries, type Request } from "../driver/check.ts"
import { stdlibText } from "../driver/stdlib-text.ts"
import { readWhole } from "../runtime/data/read-file.ts"
import type { Console } from "./console.ts"
import { exitCode } from "./exit-code.ts"
import { isFailure, orDataFailure, usageFailure, type Failure } from "./failure.ts"
import { countOf, namedValues, seedOf, shown, type Arguments } from "./parse-arguments.ts"

/** Larger files are refused before they are read: no one wrote them by hand. */
const sourceLimit = 16 * 1024 * 1024

export interface Program {
  /** As the user gave it, normalised, with `/`. */
  readonly file: string
  readonly sources: Readonly<Record<string, string>>
  /** What the check says, with every import read. */
  readonly diagnostics: readonly Diagnostic[]
}

export const normalised = (file: string): string => path.normalize(file).split(path.sep).join("/")

export const readSource = async (file: string, importedBy?: string): Promise<string | Failure> => {
  const hint = importedBy === undefined ? undefined : `${importedBy} imports it`
  const bytes = await orDataFailure(readWhole(file, hint, sourceLimit))
  if (isFailure(bytes)) return { ...bytes, exit: importedBy === undefined ? exitCode.usage : exitCode.program, tag: "SourceError" }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return { kind: "failure", exit: exitCode.program, tag: "SourceError", message: "expected text in UTF-8, found other bytes", where: file, hint: undefined }
  }
}

/** Reads the file and, round after round, what the check says it needs. */
export const readProgram = async (given: string, options: Omit<Request, "file" | "sources"> = {}): Promise<Program | Failure> => {
  const file = normalised(given)
  const first = await readSource(file)
  if (isFailure(first)) return first
  const sources: Record<string, string> = { [file]: first }
  for (;;) {
    const { diagnostics, needs } = check({ ...options, file, sources })
    if (needs.length === 0) return { file, sources, diagnostics }
    for (const need of needs) {
      if (need in sources) throw new Error(`the check needs ${need}, which it has been given`)
      const text = await readSource(need, file)
      if (isFailure(text)) return text
      sources[need] = text
    }
  }
}

const sourcesOf = (texts: Readonly<Record<string, string>>): Sources => new Map(Object.entries({ ...stdlibText, ...texts }).map(([name, text]) => [name, sourceFile(name, text)]))

const styleOf = (args: Arguments): "full" | "short" => (args.one.get("errors") === "short" ? "short" : "full")

/** Diagnostics for a person on stderr, for a program as one JSON object on stdout. True when one of them is an error. */
export const report = (console: Console, args: Arguments, sources: Readonly<Record<string, string>>, diagnostics: readonly Diagnostic[]): boolean => {
  const failed = hasErrors(diagnostics)
  if (console.json) {
    if (failed) console.out(render(diagnostics, sourcesOf(sources), { style: "json", color: false }))
    else for (const warning of diagnostics) console.warn(render([warning], sourcesOf(sources), { style: "short", color: false }))
  } else if (diagnostics.length > 0) console.diagnostics(render(diagnostics, sourcesOf(sources), { style: styleOf(args), color: console.color }))
  return failed
}

export const diagnosticsJson = (sources: Readonly<Record<string, string>>, diagnostics: readonly Diagnostic[]): string =>
  render(diagnostics, sourcesOf(sources), { style: "json", color: false })

export interface EntryChoice {
  readonly name: string
  readonly role: "graph" | "eval" | "train"
  readonly settings: readonly string[]
}

/** The entry that is named, or the only one. */
export const chooseEntry = (program: Program, wanted: string | undefined): EntryChoice | Failure => {
  const all = entries({ file: program.file, sources: program.sources })
  const list = all.map(({ name }) => name).join(", ")
  if (wanted === undefined) {
    if (all.length === 1) return all[0]!
    if (all.length > 1) return usageFailure(`${program.file} has ${all.length} entries: say which`, list)
    return usageFailure(`${program.file} has no entry: nothing to run`, "declare one: graph NAME(...) { ... }")
  }
  const found = all.find((entry) => entry.name === wanted)
  if (found !== undefined) return found
  const near = suggest(wanted, all.map((entry) => entry.name))
  return usageFailure(`${program.file} has no entry ${shown(wanted)}`, near === undefined ? `its entries: ${list || "none"}` : `did you mean ${near}?`)
}

export interface Settings {
  /** `--set`, and `--seed` where the entry has a parameter of that name. */
  readonly set: Readonly<Record<string, string>>
  /** `--seed`, for the draws of an entry without the parameter too. */
  readonly seed: number | undefined
}

export const settingsOf = (args: Arguments, entry: EntryChoice): Settings | Failure => {
  const given = namedValues(args, "set")
  if (isFailure(given)) return given
  const seed = seedOf(args)
  if (isFailure(seed)) return seed
  const steps = countOf(args, "steps")
  if (isFailure(steps)) return steps
  const set = { ...given }
  if (steps !== undefined) {
    if ("steps" in set) return usageFailure("--steps and --set steps=… are both given")
    if (!entry.settings.includes("steps")) return usageFailure(`${entry.name} has no parameter steps`, `its parameters: ${entry.settings.join(", ") || "none"}`)
    set["steps"] = String(steps)
  }
  if (seed === undefined) return { set, seed }
  if ("seed" in set) return usageFailure("--seed and --set seed=… are both given")
  return { set: entry.settings.includes("seed") ? { ...set, seed: String(seed) } : set, seed }
}
