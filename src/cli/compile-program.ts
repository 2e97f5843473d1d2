/** The steps that `run` and `compile` share: read, check, choose the entry, take settings and inputs, open the device. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Request } from "../driver/check.ts"
import type { Diagnostic } from "../base/diagnostic.ts"
import { compile, type Compiled } from "../driver/compile.ts"
import { compileProgram, type CompiledProgram } from "../driver/compile-program.ts"
import type { Console } from "./console.ts"
import { countSamples } from "./count-samples.ts"
import { dataFolder } from "./data-command.ts"
import { openDevice, type Device } from "./device.ts"
import { exitCode } from "./exit-code.ts"
import { isFailure, usageFailure, type Failure, type Outcome } from "./failure.ts"
import { readHostInputs, type HostInput } from "./host-inputs.ts"
import { namedValues, type Arguments } from "./parse-arguments.ts"
import { chooseEntry, readProgram, report, settingsOf, type EntryChoice, type Program } from "./program.ts"

export interface Prepared {
  readonly program: Program
  readonly entry: string
  readonly role: EntryChoice["role"]
  readonly request: Request
  readonly seed: number | undefined
  readonly inputs: readonly HostInput[]
}

/** For a run, every input must be given. An outcome is all that is left to say: the program has errors, or the command cannot go on. */
export const prepare = async (args: Arguments, console: Console, running: boolean): Promise<Prepared | Outcome> => {
  const [file, wanted] = args.operands
  const program = await readProgram(file!)
  if (isFailure(program)) return program
  if (report(console, args, program.sources, program.diagnostics)) return exitCode.program
  const entry = chooseEntry(program, wanted)
  if (isFailure(entry)) return entry
  const settings = settingsOf(args, entry)
  if (isFailure(settings)) return settings
  const files = namedValues(args, "input")
  if (isFailure(files)) return files
  if (entry.role === "train" && Object.keys(files).length > 0) return usageFailure(`${entry.name} is a train and takes no --input`)
  const host = entry.role === "train" ? { inputs: [], sizes: {} } : await readHostInputs(program, entry.name, files, settings.set, running)
  if (isFailure(host)) return host
  const set = { ...host.sizes, ...settings.set }
  return {
    program, entry: entry.name, role: entry.role, seed: settings.seed, inputs: host.inputs,
    request: { file: program.file, sources: program.sources, entry: entry.name, set, verify: args.on.has("verify"), checked: Object.keys(set).length === 0, ...(args.one.get("precision") === "f16" ? { precision: "f16" } : {}) },
  }
}

/** For the device: its limits, its kernels and its tiles; f32, with a line that says so, where it does not store f16; numbers for the reference, which has no bytes. */
export const preparedFor = (prepared: Prepared, device: Device | undefined, console: Console): Prepared => {
  if (device === undefined) return prepared
  const { limits, profile, tuned } = device
  const { precision, bytes, ...rest } = prepared.request
  if (precision === "f16" && !device.halves) console.note(device.kind === "reference" ? "the reference computes in f64: --precision f16 changes nothing" : `${device.name} has no shader-f16: values are stored as f32`)
  return {
    ...prepared,
    request: { ...rest, ...(precision === undefined || !device.halves ? {} : { precision }), ...(bytes === true && device.kind !== "reference" ? { bytes } : {}), ...(limits === undefined ? {} : { limits }), ...(profile === undefined ? {} : { profile }), ...(tuned === undefined ? {} : { tuned }) },
  }
}

/** Reports what the check had not said already; true when there are errors. */
const told = (prepared: Prepared, args: Arguments, console: Console, diagnostics: readonly Diagnostic[]): boolean => {
  const known = new Set(prepared.program.diagnostics.map((each) => `${each.code} ${each.span.file} ${each.span.start}`))
  return report(console, args, prepared.program.sources, diagnostics.filter((each) => !known.has(`${each.code} ${each.span.file} ${each.span.start}`)))
}

export type CompiledEntry = { readonly kind: "graph"; readonly compiled: Compiled } | { readonly kind: "program"; readonly compiled: CompiledProgram }

/**
 * Of what `preparedFor` made of the request: one plan where that is enough; a program of plans over slots for what learns or remembers. A program that
 * wants to know how many samples a data set has is made again once they are counted.
 */
export const compileEntry = async (prepared: Prepared, args: Arguments, console: Console): Promise<CompiledEntry | ExitOnErrors | Failure> => {
  let request: Request = prepared.request
  if (prepared.role === "graph") {
    const { value, diagnostics, uncounted } = compile(request)
    const remembers = uncounted !== undefined || (value === undefined && diagnostics.some((each) => each.code === "NDA0909"))
    if (!remembers) return told(prepared, args, console, diagnostics) || value === undefined ? exitOnErrors : { kind: "graph", compiled: value }
  }
  for (;;) {
    const { value, diagnostics, uncounted } = compileProgram(request)
    if (uncounted === undefined) return told(prepared, args, console, diagnostics) || value === undefined ? exitOnErrors : { kind: "program", compiled: value }
    const counts = await countSamples(uncounted, { dataDir: dataFolder(args), file: prepared.program.file, skipBad: args.on.has("skip-bad") })
    if (isFailure(counts)) return counts
    request = { ...request, checked: false, counts: { ...request.counts, ...counts } }
  }
}

export const exitOnErrors = exitCode.program
export type ExitOnErrors = typeof exitOnErrors

export const deviceFor = (args: Arguments, standard: string | undefined): Effect.Effect<Device | undefined, Failure, Scope.Scope> => {
  const wanted = args.one.get("device") ?? standard
  return wanted === undefined ? Effect.succeed(undefined) : openDevice(wanted)
}
