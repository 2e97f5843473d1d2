/** `nda compile`: a stage of the compiler as text, or the plan. */
import fs from "node:fs/promises"
import path from "node:path"
import * as Effect from "effect/Effect"
import { suggest } from "../base/suggest.ts"
import { emit, emitCompiled, stages } from "../driver/emit.ts"
import { compileEntry, deviceFor, prepare, preparedFor, type Prepared } from "./compile-program.ts"
import { compileProgram } from "../driver/compile-program.ts"
import type { Console } from "./console.ts"
import { countSamples } from "./count-samples.ts"
import { dataFolder } from "./data-command.ts"
import { exitCode } from "./exit-code.ts"
import { isFailure, outputFailure, systemReason, usageFailure, type Failure, type Outcome } from "./failure.ts"
import { runInterruptibly } from "./interruption.ts"
import { namedValues, shown, type Arguments } from "./parse-arguments.ts"
import { readProgram, report } from "./program.ts"

const write = async (file: string, text: string): Promise<void | Failure> => {
  try {
    await fs.writeFile(file, text)
  } catch (error) {
    return outputFailure(`cannot be written: ${systemReason(error)}`, file)
  }
}

const stageText = (prepared: Prepared, stage: string, args: Arguments, console: Console): string | typeof exitCode.program => {
  const { value, diagnostics } = emit(prepared.request, stage)
  const failed = report(console, args, prepared.program.sources, diagnostics.filter((each) => each.severity === "error"))
  return failed || value === undefined ? exitCode.program : value
}

/** To stdout, or to the file `-o`. */
const give = async (text: string, args: Arguments, console: Console): Promise<Outcome> => {
  const file = args.one.get("output")
  if (file === undefined) {
    console.out(text)
    return exitCode.ok
  }
  return (await write(file, text.endsWith("\n") ? text : `${text}\n`)) ?? exitCode.ok
}

const endings: Readonly<Record<string, string>> = { plan: "json", dot: "dot", wgsl: "wgsl" }

const emitAll = async (prepared: Prepared, args: Arguments, console: Console): Promise<Outcome> => {
  const folder = args.one.get("output")!
  try {
    await fs.mkdir(folder, { recursive: true })
  } catch (error) {
    return outputFailure(`the folder cannot be made: ${systemReason(error)}`, folder)
  }
  const made = await compileEntry(prepared, args, console)
  if (typeof made === "number" || isFailure(made)) return made
  for (const stage of stages) {
    const text = (made.kind === "graph" ? emitCompiled(made.compiled, stage) : undefined) ?? stageText(prepared, stage, args, console)
    if (typeof text === "number") return text
    const failed = await write(path.join(folder, `${stage}.${endings[stage] ?? "txt"}`), text)
    if (isFailure(failed)) return failed
  }
  console.note(`wrote ${stages.length} stages to ${folder}`)
  return exitCode.ok
}

const writePlan = async (prepared: Prepared, args: Arguments, console: Console): Promise<Outcome> => {
  const file = args.one.get("output") ?? "plan.json"
  const present = args.one.has("output") || args.on.has("force") ? false : await fs.access(file).then(() => true, () => false)
  if (present) return outputFailure("is there already", file, "--force writes over it; -o OUT writes another file")
  const made = await compileEntry(prepared, args, console)
  if (typeof made === "number" || isFailure(made)) return made
  const failed = await write(file, `${JSON.stringify(made.compiled.plan, undefined, 1)}\n`)
  if (isFailure(failed)) return failed
  console.note(`wrote ${file}`)
  return exitCode.ok
}

/** With the samples that the program's sizes depend on counted; most programs ask for none. */
const counted = async (prepared: Prepared, args: Arguments): Promise<Prepared | Failure> => {
  if (!Object.values(prepared.program.sources).some((text) => /\bcount\s*\(/.test(text))) return prepared
  let { request } = prepared
  for (;;) {
    const { uncounted } = compileProgram(request)
    if (uncounted === undefined) return { ...prepared, request }
    const counts = await countSamples(uncounted, { dataDir: dataFolder(args), file: prepared.program.file, skipBad: args.on.has("skip-bad") })
    if (isFailure(counts)) return counts
    request = { ...request, checked: false, counts: { ...request.counts, ...counts } }
  }
}

const compiling = async (given: Prepared, args: Arguments, console: Console): Promise<Outcome> => {
  const prepared = await counted(given, args)
  if (isFailure(prepared)) return prepared
  const stage = args.one.get("emit")
  if (stage === undefined) return writePlan(prepared, args, console)
  if (stage === "all") return emitAll(prepared, args, console)
  const text = stageText(prepared, stage, args, console)
  return typeof text === "number" ? text : give(text, args, console)
}

/** Stages of the file as a whole: no entry is chosen for them. */
const wholeFile = new Set(["ast", "types"])

const printWhole = async (stage: string, args: Arguments, console: Console): Promise<Outcome> => {
  const set = namedValues(args, "set")
  if (isFailure(set)) return set
  const program = await readProgram(args.operands[0]!, { set })
  if (isFailure(program)) return program
  if (report(console, args, program.sources, program.diagnostics)) return exitCode.program
  const text = emit({ file: program.file, sources: program.sources, set }, stage).value
  if (text === undefined) throw new Error(`a program without errors has the stage ${stage}`)
  return give(text, args, console)
}

export const compileCommand = async (args: Arguments, console: Console): Promise<Outcome> => {
  const stage = args.one.get("emit")
  if (stage !== undefined && stage !== "all" && !stages.includes(stage)) {
    const near = suggest(stage, [...stages, "all"])
    return usageFailure(`there is no stage ${shown(stage)}`, near === undefined ? `stages: ${stages.join(", ")}, all` : `did you mean ${near}?`)
  }
  if (stage === "all" && !args.one.has("output")) return usageFailure("--emit all needs a folder: -o DIR")
  if (stage !== undefined && wholeFile.has(stage) && args.operands[1] === undefined) return printWhole(stage, args, console)
  const prepared = await prepare(args, console, false)
  if (typeof prepared === "number" || isFailure(prepared)) return prepared
  const effect = Effect.scoped(
    Effect.gen(function* () {
      // Without --device the plan is made for what every WebGPU device offers, so it is the same everywhere.
      const device = yield* deviceFor(args, undefined)
      return yield* Effect.promise(() => compiling(preparedFor(prepared, device, console), args, console))
    }),
  )
  return runInterruptibly(effect, console)
}
