/** `check`: parse, resolve, type-check, discharge every obligation of every entry point. Pure. */
import { hasErrors, type Diagnostic } from "../base/diagnostic.ts"
import { checkProgram, openProgram, settingsOf } from "../check/program.ts"
import type { Value } from "../check/value.ts"
import { parse } from "../syntax/parser.ts"
import type * as Ast from "../syntax/ast.ts"
import type { Limits, Precision, Profile } from "../schedule/limits.ts"
import type { Tuned } from "../schedule/contraction.ts"
import { library } from "./library.ts"

export interface Request {
  /** The main file: a key of `sources`. */
  readonly file: string
  /** Texts of `.nda` files by path; `nda.*` modules are built in. */
  readonly sources: Readonly<Record<string, string>>
  /** The entry to compile; may be left out when the file has one. */
  readonly entry?: string
  /** `--set`: texts by name, read like source. */
  readonly set?: Readonly<Record<string, string>>
  readonly limits?: Limits
  /** Which kernels suit the adapter; "cpu" unless the caller knows. */
  readonly profile?: Profile
  /** How values between kernels are stored; f32 unless it says f16. */
  readonly precision?: Precision
  /** Pictures that data sets have as bytes are given as bytes (u8), a quarter of what f32 takes; else as f32 in [0, 1]. */
  readonly bytes?: boolean
  /** Tiles that `nda tune` measured on the device. */
  readonly tuned?: Tuned
  /** Samples of data sets, by the keys under which a result asked for them (`uncounted`). Without it evals leave out what fills no batch. */
  readonly counts?: Readonly<Record<string, number>>
  readonly verify?: boolean
  /** The check found no errors with these very sources, settings and counts: it is not made again. */
  readonly checked?: boolean
}

export interface Checked {
  readonly diagnostics: readonly Diagnostic[]
  /** Paths of files that are imported and not among the sources: load them and ask again. */
  readonly needs: readonly string[]
}

export const check = (request: Request, types?: Map<Ast.Expr, Value>): Checked => {
  const diagnostics: Diagnostic[] = []
  const program = openProgram(request.file, request.sources, library, request.set ?? {}, diagnostics)
  if ("needs" in program) return { diagnostics, needs: program.needs }
  // A program that could not be read, or lacks a file, is not looked into further: what follows from that is no news.
  if (!hasErrors(program.loaded.diagnostics)) checkProgram(program, types)
  return { diagnostics, needs: program.loaded.needs }
}

export interface EntrySummary {
  readonly name: string
  readonly role: "graph" | "eval" | "train"
  readonly settings: readonly string[]
}

/** The entries of a file and what `--set` may give. */
export const entries = (request: Request): readonly EntrySummary[] => {
  const text = request.sources[request.file]
  const module = text === undefined ? undefined : parse(request.file, text).value
  if (!module) return []
  const settings = settingsOf(module)
  return module.declarations.flatMap((d): EntrySummary[] => (d.kind === "entry" ? [{ name: d.name.text, role: d.role, settings }] : d.kind === "train" ? [{ name: d.name.text, role: "train", settings }] : []))
}
