/** `nda run` of a train entry: the run's stream of events into its folder, the terminal and the JSON summary. */
import fs from "node:fs/promises"
import path from "node:path"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { ProgramPlan } from "../plan/plan.ts"
import { openFeeds } from "../runtime/batch-feeds.ts"
import { sizeText } from "../runtime/buffers.ts"
import { readNewest, type FoundCheckpoint } from "../runtime/checkpoint.ts"
import type { SourceContext } from "../runtime/data/source.ts"
import { CheckpointError, type NotFiniteError } from "../runtime/errors.ts"
import type { Arrays, RunSettings } from "../runtime/executor.ts"
import { unitsOf, type Trainer } from "../runtime/program.ts"
import { trainingPage, type TrainingReport } from "../runtime/report/training-page.ts"
import { openRunRecord, type RunRecord } from "../runtime/run-record.ts"
import { savedModels, train, type TrainEvent } from "../runtime/train.ts"
import { loadWeights, weightsRequest, type LoadedWeights, type WeightsRequest } from "../runtime/weights.ts"
import { numbersOf, smallerRun } from "./bearable.ts"
import type { Console } from "./console.ts"
import { runtimeFailure, slowness, type Device, type Learning } from "./device.ts"
import { exitCode } from "./exit-code.ts"
import { checkpointFailure, outputFailure, systemReason, usageFailure, type Failure, type Outcome } from "./failure.ts"
import { orFail } from "./or-fail.ts"
import { progress } from "./progress.ts"
import { openTrainDirectory } from "./train-directory.ts"
import { durationText, trainingProgress } from "./training-progress.ts"

export interface TrainRun {
  readonly learning: Learning
  readonly device: Device
  readonly file: string
  readonly text: string
  readonly folder: string
  readonly mode: "new" | "force" | "resume"
  readonly seed: number
  readonly programHash: string
  readonly weights: readonly WeightsRequest[]
  readonly logEvery: number | undefined
  readonly keep: number
  readonly source: Omit<SourceContext, "onSkip" | "onProgress">
  /** What `--set` gave. */
  readonly set?: Readonly<Record<string, string>>
  readonly versions: Readonly<Record<string, string>>
  readonly console: Console
  readonly checkFinite?: (unit: number, arrays: Arrays, settings: RunSettings, slots: Arrays) => NotFiniteError | undefined
  /** Milliseconds between checkpoints that no `save` asks for. */
  readonly checkpointEvery?: number
}

/** A model's own `from` stands where no --weights gives that model. */
export const requestsOf = (plan: ProgramPlan, given: readonly WeightsRequest[]): readonly WeightsRequest[] => [
  ...plan.models.flatMap((model) => (model.from === undefined ? [] : [{ ...weightsRequest(model.from), model: model.name, otherwise: given.length > 0 }])), ...given,
]

const roundsOf = (plan: ProgramPlan): number | Failure => {
  const steps = plan.settings["steps"]
  if (typeof steps === "number" && Number.isInteger(steps) && steps >= 0) return steps
  return usageFailure(`${plan.entry} does not say how many steps it runs`, `give the entry a parameter: train ${plan.entry}(…, steps = 1000); then --steps changes it`)
}

/** A file that cannot be written; any other error is a bug and goes on. */
const systemFailure = (error: unknown, folder: string): Failure => {
  if (typeof (error as NodeJS.ErrnoException).code !== "string") throw error
  return outputFailure(`the run's files cannot be written: ${systemReason(error)}`, folder, "checkpoints are as they were; make room and go on with --resume")
}

const parametersOf = (plan: ProgramPlan): Readonly<Record<string, number>> => Object.fromEntries(plan.models.map((model) => [model.name, model.parameters]))

const perRound = (plan: ProgramPlan, trainer: Trainer): number => plan.steps.reduce((sum, step, unit) => sum + step.repeat * trainer.work[unit]!.dispatches, 0)

/** What the run will cost, in one line. */
const costLine = (plan: ProgramPlan, trainer: Trainer, rounds: number, from: number): string => {
  const parameters = plan.models.reduce((sum, model) => sum + model.parameters, 0)
  const device = trainer.bytes === 0 ? "" : `, ${perRound(plan, trainer)} dispatches a step, ${sizeText(trainer.bytes)} on the device`
  return `${plan.entry}: ${parameters} parameters${device}, ${rounds - from} steps${from > 0 ? ` from step ${from} on` : ""}`
}

const work = (trainer: Trainer, pick: (unit: Trainer["work"][number]) => number): Readonly<Record<string, number>> => Object.fromEntries(trainer.work.map((unit) => [unit.name, pick(unit)]))

interface Begun {
  readonly found: FoundCheckpoint | undefined
  readonly weights: LoadedWeights
}

const nothing: LoadedWeights = { slots: {}, models: new Set(), notes: [] }

const begin = (run: TrainRun): Promise<Begun | Failure> =>
  (async (): Promise<Begun | Failure> => {
    const { plan } = run.learning
    const found = run.mode === "resume" ? await readNewest(run.folder, plan, run.programHash) : undefined
    if (found instanceof CheckpointError) return checkpointFailure(found)
    if (found !== undefined) return { found, weights: nothing }
    const weights = await loadWeights(plan, requestsOf(plan, run.weights))
    return weights instanceof CheckpointError ? checkpointFailure(weights) : { found, weights }
  })()

const writePage = async (run: TrainRun, record: RunRecord, about: Pick<TrainingReport, "standing" | "facts" | "best">, warnings: readonly string[]): Promise<void> => {
  const { plan } = run.learning
  const pictures = await Promise.all(record.samples().map(async ({ name, step, file }) => ({ name, step, png: await fs.readFile(path.join(run.folder, file)) })))
  const page = trainingPage({ file: run.file, entry: plan.entry, program: run.text, lines: record.lines(), pictures, ...about, warnings })
  await fs.writeFile(path.join(run.folder, "report.html"), page)
}

/** The files of a finished run, as `--json` lists them. */
const filesOf = async (folder: string): Promise<readonly string[]> => {
  const all = await fs.readdir(folder, { recursive: true, withFileTypes: true })
  return all.filter((entry) => entry.isFile() && entry.name !== "run.lock").map((entry) => path.join(entry.parentPath, entry.name)).sort()
}

export const trainRun = (run: TrainRun): Effect.Effect<Outcome, Failure> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { learning, device, console } = run
      const written = <A>(write: () => Promise<A>): Effect.Effect<A, Failure> =>
        Effect.tryPromise({ try: write, catch: (error) => systemFailure(error, run.folder) })
      const { plan } = learning
      const rounds = roundsOf(plan)
      if (typeof rounds !== "number") return yield* Effect.fail(rounds)
      const directory = yield* Effect.acquireRelease(orFail(() => openTrainDirectory(run.folder, run.mode)), (made) => Effect.promise(made.close))
      const { found, weights } = yield* orFail(() => begin(run))
      const warnings = [...(found?.skipped ?? [])]
      for (const line of warnings) console.warn(`${line} The one before it is used.`)
      if (run.mode === "resume" && found === undefined) console.note("there is no checkpoint to go on from: the run begins anew")
      for (const note of weights.notes) console.note(note)
      const from = found?.state.cursor.round ?? 0

      const shown = yield* Effect.acquireRelease(Effect.sync(() => progress(console)), (made) => Effect.sync(made.close))
      shown.stage("opening the data")
      const feeds = yield* Effect.mapError(openFeeds(unitsOf(plan).map((unit) => unit.plan), {
        ...run.source,
        onSkip: (file, why) => {
          warnings.push(`skipped ${file}: ${why}`)
          console.warn(`skipped ${file}: ${why}`)
        },
        onProgress: (done, total) => shown.stage("opening the data", done, total),
      }), runtimeFailure)
      const slow = slowness(device)
      if (slow !== undefined) console.note(slow)
      shown.stage(`preparing ${unitsOf(plan).reduce((sum, unit) => sum + unit.plan.kernels.length, plan.initial.kernels.length)} kernels`)

      yield* written(() => fs.writeFile(path.join(run.folder, "plan.json"), `${JSON.stringify(plan)}\n`))
      const began = performance.now()
      let trainer: Trainer | undefined
      let state: { step: number; seconds: number; samples: number } = { step: from, seconds: found?.state.seconds ?? 0, samples: 0 }
      const facts = (): readonly (readonly [string, string])[] => [
        ["seed", String(run.seed)], ...Object.entries(plan.settings).filter(([name]) => name !== "seed").map(([name, value]) => [name, String(value)] as const),
        ["device", `${device.name} (${device.kind})`],
        ...plan.models.map((model) => [model.name, `${model.parameters} parameters`] as const),
        ...(trainer === undefined ? [] : [["dispatches a step", String(perRound(plan, trainer))], ["memory", `${sizeText(trainer.bytes)} in buffers`]] as const),
        ...weights.notes.map((note) => ["weights", note] as const),
        ...plan.evaluations.map((each) => [`eval ${each.name}`, each.sources.map(({ name, used, of }) => `${used} of ${of} samples of ${name.slice(each.name.length + 1)}`).join(", ") || "no data"] as const),
        ["seconds", state.seconds.toFixed(1)], ...Object.entries(run.versions),
      ]
      let best: TrainingReport["best"] = found?.state.best ?? {}
      const about = (): Pick<TrainingReport, "standing" | "facts" | "best"> => ({ standing: `step ${state.step} of ${rounds}, ${durationText(state.seconds)} on ${device.name}`, facts: facts(), best })
      // However the run ends, its page is written and its files are closed.
      const record = yield* Effect.acquireRelease(written(() => openRunRecord(run.folder, from)), (made) => Effect.ignore(written(() => writePage(run, made, about(), warnings).finally(made.close))))
      const live = trainingProgress(console, {
        entry: plan.entry, rounds, from, slow: device.kind !== "hardware",
        smaller: (whole) => smallerRun(numbersOf(run.file, run.text, run.set ?? {}), whole, rounds - from),
      })
      const load = Effect.tap(device.loadProgram(learning), (made) =>
        Effect.sync(() => {
          if (trainer === undefined) console.note(costLine(plan, made, rounds, from))
          trainer = made
          // A software driver compiles a shader when it first runs, which can take minutes.
          shown.stage("the first step")
        }))
      const metrics: Record<string, number> = {}
      let reported = false
      const take = (event: TrainEvent): Effect.Effect<void, Failure> => {
        if (event.kind === "rewind") {
          warnings.push(event.text)
          console.warn(event.text)
          return written(() => record.rewind(event.step))
        }
        if (event.kind === "checkpoint") {
          state = { ...state, step: event.step }
          best = event.best
          console.event({ checkpoint: event.folder, step: event.step })
          return written(() => writePage(run, record, about(), warnings))
        }
        state = { step: event.step, seconds: event.seconds, samples: event.samples }
        Object.assign(metrics, event.values)
        if (!reported) shown.close()
        reported = true
        live.report(event)
        return written(() => record.write(event))
      }
      const events = train({
        program: plan, folder: run.folder, programHash: run.programHash, seed: run.seed, rounds, keep: run.keep, logEvery: run.logEvery, from: found?.state, weights: weights.slots, feeds, load,
        onEvaluation: (name, { batch, batches }) => live.evaluating(name, batch, batches),
        onInterrupted: (outcome) => {
          if (typeof outcome === "number") console.note(`stopped at step ${outcome}; --resume goes on from there`)
          else console.warn(`no checkpoint was written: ${outcome.message}`)
        },
        ...(run.checkFinite === undefined ? {} : { locate: run.checkFinite }),
        ...(run.checkpointEvery === undefined ? {} : { checkpointEvery: run.checkpointEvery }),
      })
      yield* Stream.runForEach(Stream.mapError(events, runtimeFailure), take)
      yield* Effect.sync(() => live.close())
      yield* written(() => writePage(run, record, about(), warnings))
      const seconds = (performance.now() - began) / 1000
      const files = yield* Effect.promise(() => filesOf(run.folder))
      if (trainer === undefined) throw new Error("a run that ended has loaded its program")
      if (console.json) {
        console.out(JSON.stringify({
          entry: plan.entry, adapter: device.name, steps: rounds - from, seconds, imagesPerSecond: state.samples / seconds, parameters: parametersOf(plan),
          dispatches: work(trainer, (unit) => unit.dispatches), passes: work(trainer, (unit) => unit.passes), submits: work(trainer, (unit) => unit.submits),
          peakBytes: trainer.bytes, kernels: trainer.kernels, metrics, ...(Object.keys(best).length === 0 ? {} : { best }), files,
        }))
      } else {
        console.note(`${plan.entry}: ${rounds - from} steps in ${seconds.toFixed(1)} s on ${device.name}; weights of ${savedModels(plan).join(", ") || "no model"} saved`)
        console.out(path.join(directory.folder, "report.html"))
      }
      return exitCode.ok
    }),
  )
