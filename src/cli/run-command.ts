/** `nda run`: compiles an entry for the device; a graph gets its data, runs once, and what came of it is written. */
import path from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { emitCompiled } from "../driver/emit.ts"
import type { Plan } from "../plan/plan.ts"
import type { TypedArray } from "../runtime/executor.ts"
import type { OpenSource } from "../runtime/data/source.ts"
import { openSource } from "../runtime/data/open-source.ts"
import { compileEntry, prepare, preparedFor, type Prepared } from "./compile-program.ts"
import type { Console } from "./console.ts"
import { dataFolder } from "./data-command.ts"
import { openDevice, runtimeFailure, slowness } from "./device.ts"
import { exitCode } from "./exit-code.ts"
import { isFailure, orDataFailure, usageFailure, type Failure, type Outcome } from "./failure.ts"
import { findNonFinite } from "./finite.ts"
import { fitInputs } from "./host-inputs.ts"
import { runInterruptibly } from "./interruption.ts"
import { runLearned, runTrain } from "./learned-run.ts"
import { orFail } from "./or-fail.ts"
import type { Arguments } from "./parse-arguments.ts"
import { progress, type Progress } from "./progress.ts"
import { defaultFolder, openRunDirectory } from "./run-directory.ts"
import { rangeWarnings, writeResults } from "./run-results.ts"
import { version, versionOf } from "./version.ts"

const seedFor = (prepared: Prepared, plan: Plan): number => {
  const own = plan.settings["seed"]
  return prepared.seed ?? (typeof own === "number" ? own : 0)
}

interface Fetched {
  readonly arrays: Readonly<Record<string, TypedArray>>
  readonly sources: readonly { readonly name: string; readonly text: string }[]
  readonly skipped: readonly string[]
}

/** One batch of each source: the data sets are opened, held against the program, and closed with the scope. */
const fetchBatches = (plan: Plan, prepared: Prepared, args: Arguments, seed: number, shown: Progress): Effect.Effect<Fetched, Failure, Scope.Scope> =>
  Effect.gen(function* () {
    const arrays: Record<string, TypedArray> = {}
    const sources: { name: string; text: string }[] = []
    const skipped: string[] = []
    for (const source of plan.sources) {
      const what = `reading ${source.loader}`
      shown.stage(what)
      const context = {
        dataDir: dataFolder(args), fileDir: path.dirname(prepared.program.file), seed, skipBad: args.on.has("skip-bad"),
        onSkip: (file: string, why: string) => void skipped.push(`skipped ${file}: ${why}`),
        onProgress: (done: number, total: number) => shown.stage(what, done, total),
      }
      const place = (failure: Failure): Failure => ({ ...failure, message: `${source.name} (${source.origin.at}): ${failure.message}` })
      const opened = yield* Effect.acquireRelease(
        Effect.mapError(orFail<OpenSource>(() => orDataFailure(openSource(source, context))), place),
        (open) => Effect.promise(() => open.close()),
      )
      const batch = yield* Effect.mapError(orFail(() => orDataFailure(opened.batch(0))), place)
      for (const input of plan.inputs) {
        if (input.source?.name !== source.name) continue
        const array = input.source.field === "#index" ? batch.index : batch.fields[input.source.field]
        if (array === undefined) throw new Error(`the batch of ${source.name} has the field ${input.source.field}`)
        arrays[input.name] = array
      }
      sources.push({ name: source.name, text: `${source.batch} of ${opened.count} samples of ${source.loader}, ${source.split}` })
    }
    return { arrays, sources, skipped }
  })

/** What happened, as `--json` gives it. */
const summaryOf = (plan: Plan, adapter: string, seconds: number, images: number, stats: { dispatches: number; passes: number; submits: number; kernels: number; peakBytes: number }, files: readonly string[]) => ({
  entry: plan.entry, adapter, steps: 1, seconds, imagesPerSecond: images === 0 ? 0 : images / seconds, parameters: {},
  dispatches: { [plan.entry]: stats.dispatches }, passes: { [plan.entry]: stats.passes }, submits: { [plan.entry]: stats.submits },
  peakBytes: stats.peakBytes, kernels: stats.kernels, metrics: {}, files,
})

/** A run knows its data: evals take them to the last sample, and pictures stay the bytes that they were read as. */
const counting = (prepared: Prepared): Prepared => ({ ...prepared, request: { ...prepared.request, checked: false, counts: {}, bytes: true } })

const training = (given: Prepared, args: Arguments, console: Console): Effect.Effect<Outcome, Failure> =>
  Effect.scoped(
    Effect.gen(function* () {
      const device = yield* openDevice(args.one.get("device") ?? "auto")
      const prepared = preparedFor(counting(given), device, console)
      const entry = yield* orFail(() => compileEntry(prepared, args, console))
      if (typeof entry === "number") return entry
      if (entry.kind === "graph") throw new Error("a train is a program")
      return yield* runTrain(prepared, entry.compiled, device, args, console)
    }),
  )

/** Flags that only a train takes. */
const ofTrain = ["resume", "log-every", "keep"] as const

const run = (given: Prepared, args: Arguments, console: Console): Effect.Effect<Outcome, Failure> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { program, entry } = given
      const flag = ofTrain.find((name) => args.on.has(name) || args.one.has(name))
      if (flag !== undefined) return yield* Effect.fail(usageFailure(`--${flag} belongs to a train; ${entry} is ${given.role === "eval" ? "an eval" : "a graph"}`))
      const folder = args.one.get("out") ?? defaultFolder(program.file, entry)
      const directory = yield* Effect.acquireRelease(orFail(() => openRunDirectory(folder, args.on.has("force"))), (made) => Effect.promise(made.close))
      const shown = yield* Effect.acquireRelease(Effect.sync(() => progress(console)), (made) => Effect.sync(made.close))
      const device = yield* openDevice(args.one.get("device") ?? "auto")
      const prepared = preparedFor(counting(given), device, console)
      shown.stage("compiling")
      const made = yield* orFail(() => compileEntry(prepared, args, console))
      if (typeof made === "number") return made
      if (made.kind === "program") return yield* runLearned(prepared, made.compiled, device, directory, args, console, shown)
      if (args.many.has("weights")) return yield* Effect.fail(usageFailure(`--weights: ${entry} applies no model`))
      const { compiled } = made
      const { plan } = compiled
      const seed = seedFor(prepared, plan)
      const host = fitInputs(entry, plan.inputs, prepared.inputs)
      if (isFailure(host)) return yield* Effect.fail(host)
      const fetched = yield* fetchBatches(plan, prepared, args, seed, shown)
      for (const line of fetched.skipped) console.warn(line)
      const slow = slowness(device)
      if (slow !== undefined) console.note(slow)
      shown.stage(`preparing ${plan.kernels.length} kernels`)
      const executor = yield* device.load(compiled)
      shown.stage(`running ${entry}`)
      const inputs = { ...fetched.arrays, ...host }
      const settings = { seed, step: 0, repeat: 0 }
      const start = performance.now()
      const results = yield* Effect.mapError(executor.run(inputs, settings), runtimeFailure)
      const seconds = (performance.now() - start) / 1000
      if (args.on.has("check-finite")) {
        const found = findNonFinite(compiled.graph, program.sources, inputs, settings, results)
        if (found !== undefined) return yield* Effect.fail(found)
      }
      const warnings = rangeWarnings(plan.outputs, results)
      for (const warning of warnings) console.warn(warning)
      const { stats } = executor
      yield* orFail(() => writeResults(directory, console, shown, plan, results, {
        file: program.file, entry, program: program.sources[program.file]!, settings: plan.settings, seed, adapter: device.name, adapterKind: device.kind,
        versions: { nda: version(), node: process.version, webgpu: versionOf("webgpu") ?? "not installed" },
        seconds, dispatches: stats.dispatches, passes: stats.passes, submits: stats.submits, sources: fetched.sources,
        fused: emitCompiled(compiled, "fused"), warnings: [...fetched.skipped, ...warnings],
      }).then((failure) => failure ?? true as const))
      const images = Math.max(0, ...plan.sources.map((source) => source.batch), ...plan.inputs.filter((input) => input.source === undefined && input.shape.length > 1).map((input) => input.shape[0]!))
      if (console.json) console.out(JSON.stringify(summaryOf(plan, device.name, seconds, images, stats, directory.files)))
      else {
        console.note(`${entry}: ${plan.outputs.length} outputs in ${seconds.toFixed(2)} s on ${device.name} (${stats.kernels} kernels, ${stats.dispatches} dispatches)`)
        console.out(path.join(directory.folder, "report.html"))
      }
      return exitCode.ok
    }),
  )

export const runCommand = async (args: Arguments, console: Console): Promise<Outcome> => {
  const prepared = await prepare(args, console, true)
  if (typeof prepared === "number" || isFailure(prepared)) return prepared
  return runInterruptibly(prepared.role === "train" ? training(prepared, args, console) : run(prepared, args, console), console)
}
