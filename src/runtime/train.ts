/** A training run as a stream of events: batches ahead, steps in order, reports read now and then, checkpoints, and one new device when one is lost. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ProgramPlan } from "../plan/plan.ts"
import type { Feeds } from "./batch-feeds.ts"
import { readNewest, writeCheckpoint, type Best, type RunState } from "./checkpoint.ts"
import { CheckpointError, DataError, GpuError, NotFiniteError } from "./errors.ts"
import type { RunSettings, TypedArray } from "./executor.ts"
import { evaluate, type EvaluationProgress } from "./evaluate.ts"
import { unitsOf, type Asked, type Reading, type Trainer } from "./program.ts"
import { submitsFrom, type Cursor, type Execution } from "./run-order.ts"
import { reportReader, type Picture } from "./reports.ts"
import { firstNotFinite } from "./slot-tensors.ts"

export type TrainError = GpuError | DataError | CheckpointError | NotFiniteError

export type TrainEvent =
  /** What a round reported: scalars by name. `seconds` of the whole run, resumed or not. */
  | { readonly kind: "report"; readonly step: number; readonly seconds: number; readonly samples: number; readonly values: Readonly<Record<string, number>>; readonly pictures: readonly Picture[]; readonly every: boolean }
  | { readonly kind: "checkpoint"; readonly step: number; readonly folder: string; readonly best: Readonly<Record<string, Best>> }
  /** The run goes on from an earlier step: what was reported of later ones is void. */
  | { readonly kind: "rewind"; readonly step: number; readonly text: string }

export interface TrainOptions {
  readonly program: ProgramPlan
  /** The run's folder. */
  readonly folder: string
  readonly programHash: string
  readonly seed: number
  readonly rounds: number
  readonly keep: number
  /** Rounds between reports; undefined for about once a second. */
  readonly logEvery: number | undefined
  /** Where to go on; undefined at the beginning. */
  readonly from: RunState | undefined
  /** Slots that begin with other values than the program's own. */
  readonly weights: Readonly<Record<string, TypedArray>>
  readonly feeds: Feeds
  /** Loads the program on a device; asked again after a device was lost. */
  readonly load: Effect.Effect<Trainer, TrainError, Scope.Scope>
  /** Milliseconds between checkpoints that no `save` asks for. */
  readonly checkpointEvery?: number
  /** Every execution is looked at: the place of a value that is not finite, from all that the execution read. */
  readonly locate?: (unit: number, arrays: Readonly<Record<string, TypedArray>>, settings: RunSettings, slots: Readonly<Record<string, TypedArray>>) => NotFiniteError | undefined
  /** Told of each batch of an evaluation that an `every` calls. */
  readonly onEvaluation?: (name: string, progress: EvaluationProgress) => void
  /** Told what came of the checkpoint of a run that was interrupted: its step, or why there is none. */
  readonly onInterrupted?: (outcome: number | TrainError) => void
}

/** Submits whose batches are ready before they begin. */
const ahead = 2
const logMilliseconds = 1000

/** Models that get a file of their own: those that a `save` names, or all when none does. */
export const savedModels = (program: ProgramPlan): readonly string[] => {
  const named = new Set(program.every.flatMap((every) => every.save))
  const all = program.models.map((model) => model.name)
  return named.size === 0 ? all : all.filter((name) => named.has(name))
}

interface Waiting {
  readonly step: number
  readonly every: boolean
  /** Read only to see that all is well before a checkpoint. */
  readonly silent?: boolean
  /** When its reports came back. */
  seconds: number
  readonly samples: number
  readonly parts: readonly { readonly unit: number; readonly reading: Reading }[]
  settled: readonly (Record<string, TypedArray> | GpuError)[] | undefined
}

/** What may have made it, for whoever reads the error. */
const causes = ({ steps }: ProgramPlan): string =>
  steps.some(({ plan }) => plan.needs.features.includes("shader-f16"))
    ? "the last checkpoint is kept; f16 holds nothing beyond 65504, so see whether --precision f32 stays finite; else lower the learning rate, clip gradients, or look for a division by zero there"
    : "the last checkpoint is kept; lower the learning rate, clip gradients, or look for a division by zero there"

const notFinite = (program: ProgramPlan, name: string, value: number, step: number, where: string | undefined): NotFiniteError =>
  new NotFiniteError({ message: `${name} is ${value} at step ${step}.`, where, hint: causes(program) })

/** From one loading of the program to its end, or to the loss of its device. */
const attempt = (options: TrainOptions, from: RunState | undefined): Stream.Stream<TrainEvent, TrainError> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { program, seed, feeds } = options
      const units = unitsOf(program)
      const sort = reportReader(program)
      const trainer = yield* options.load
      if (from === undefined) {
        yield* trainer.initialise(seed)
        yield* trainer.writeSlots(options.weights)
      } else yield* trainer.writeSlots(from.slots)

      let cursor: Cursor = from?.cursor ?? { round: 0, within: 0 }
      let executions = from?.executions ?? 0
      let samples = 0
      let saved: Cursor | undefined = from?.cursor
      const began = performance.now() - 1000 * (from?.seconds ?? 0)
      const seconds = (): number => (performance.now() - began) / 1000
      let logged = -Infinity
      let checkpointed = performance.now()
      let decided = -1
      let reading = false
      const best: Record<string, Best> = { ...from?.best }
      const improved = new Set<string>()
      let parts: { unit: number; reading: Reading }[] = []
      const waiting: Waiting[] = []

      const eventOf = (entry: Waiting): Effect.Effect<TrainEvent, TrainError> =>
        Effect.gen(function* () {
          const values: Record<string, number> = {}
          const pictures: Picture[] = []
          for (const [place, part] of entry.parts.entries()) {
            const outputs = entry.settled![place]!
            if (outputs instanceof GpuError) return yield* outputs
            const found = sort(part.unit, outputs)
            if (found.notFinite !== undefined) {
              const { name, value, output } = found.notFinite
              return yield* notFinite(program, name, value, entry.step, units[part.unit]!.plan.buffers.find((buffer) => buffer.id === output.buffer)?.origin.at)
            }
            for (const [model, value] of Object.entries(found.best)) {
              if (value <= (best[model]?.value ?? -Infinity)) continue
              best[model] = { value, step: entry.step }
              improved.add(model)
            }
            Object.assign(values, found.values)
            pictures.push(...found.pictures)
          }
          return { kind: "report", step: entry.step, seconds: entry.seconds, samples: entry.samples, values, pictures, every: entry.every }
        })
      /** The reports that have come back, in order; with `all`, those under way are waited for. */
      const arrived = (all: boolean): Effect.Effect<readonly TrainEvent[], TrainError> =>
        Effect.gen(function* () {
          const events: TrainEvent[] = []
          while (waiting.length > 0 && (all || waiting[0]!.settled !== undefined)) {
            const entry = waiting[0]!
            if (entry.settled === undefined) {
              const results = yield* Effect.promise(() => Promise.all(entry.parts.map((part) => part.reading)))
              entry.settled ??= results
            }
            waiting.shift()
            const event = yield* eventOf(entry)
            if (entry.silent !== true) events.push(event)
          }
          return events
        })
      const expect = (entry: Omit<Waiting, "settled">): void => {
        const made: Waiting = { ...entry, settled: undefined }
        waiting.push(made)
        void Promise.all(entry.parts.map((part) => part.reading)).then((results) => {
          made.settled = results
          made.seconds = seconds()
        })
      }

      /** Nothing that is not finite is ever written: a checkpoint is always one that can be gone on from. */
      const checkpoint: Effect.Effect<readonly TrainEvent[], TrainError> = Effect.gen(function* () {
        const events = yield* arrived(true)
        const at = cursor
        if (saved !== undefined && saved.round === at.round && saved.within === at.within) return events
        const slots = yield* trainer.readSlots
        const spoiled = firstNotFinite(program, slots)
        if (spoiled !== undefined) return yield* notFinite(program, `A parameter of ${spoiled}`, NaN, at.round, undefined)
        const state: RunState = { cursor: at, seed, executions, seconds: seconds(), slots, best: { ...best } }
        const written = yield* Effect.promise(() => writeCheckpoint(options.folder, program, state, { programHash: options.programHash, keep: options.keep, models: savedModels(program), improved: [...improved] }))
        if (written instanceof CheckpointError) return yield* written
        saved = at
        improved.clear()
        checkpointed = performance.now()
        return [...events, { kind: "checkpoint", step: at.round, folder: written.folder, best: { ...best } }]
      })

      // Registered after the trainer, so it runs before the device goes. A run that failed keeps the checkpoint it has.
      yield* Effect.addFinalizer((exit) =>
        Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
          ? Effect.map(Effect.result(checkpoint), (result) => options.onInterrupted?.(Result.isSuccess(result) ? cursor.round : result.failure))
          : Effect.void)

      const due = (round: number): boolean =>
        round === 0 || round === options.rounds - 1 || (options.logEvery === undefined ? performance.now() - logged >= logMilliseconds : (round + 1) % options.logEvery === 0)

      /** What is saved is what still had a finite loss. */
      const saves = (round: number): boolean => program.every.some((every) => every.save.length > 0 && (round + 1) % every.period === 0)

      interface Fed {
        readonly execution: Execution
        readonly arrays: Record<string, TypedArray>
        readonly samples: number
      }
      /** One submit: executions of one round. */
      const execute = (submit: readonly Fed[]): Effect.Effect<readonly TrainEvent[], TrainError> =>
        Effect.gen(function* () {
          const { unit: first, kind, round } = submit[0]!.execution
          const { after, save } = submit[submit.length - 1]!.execution
          if (round !== decided) {
            decided = round
            reading = due(round)
          }
          const before = options.locate === undefined ? undefined : yield* trainer.readSlots
          if (kind === "every") for (const name of program.every[first - program.steps.length]!.calls) {
            const place = program.evaluations.findIndex((evaluation) => evaluation.name === name)
            yield* evaluate(program, place, trainer, feeds, seed, (progress) => options.onEvaluation?.(name, progress))
          }
          const wanted = ({ last }: Execution): boolean => kind === "every" || ((reading || saves(round)) && last)
          const asked = submit.map(({ execution, arrays }) =>
            ({ unit: execution.unit, feeds: arrays, settings: { seed, step: round, repeat: execution.repeat }, read: wanted(execution) || before !== undefined }))
          // Between a submit and the cursor that counts it nothing may stop the run.
          const results = yield* Effect.uninterruptible(
            Effect.tap(trainer.submit(asked), () => {
              cursor = after
              for (const fed of submit) samples += fed.samples
              if (kind === "step") executions += submit.length
              return Effect.void
            }),
          )
          // Where values are looked for, each execution is a submit.
          const [result] = results
          if (before !== undefined && result !== undefined) {
            const [{ unit, feeds: arrays, settings }] = asked as [Asked]
            const outputs = yield* Effect.promise(() => result)
            const bad = outputs instanceof GpuError ? undefined : sort(unit, outputs).notFinite?.name ?? firstNotFinite(program, yield* trainer.readSlots)
            if (bad !== undefined) return yield* options.locate!(unit, arrays, settings, before) ?? notFinite(program, bad, NaN, round + 1, undefined)
          }
          const entry = { step: round + 1, seconds: seconds(), samples }
          const read = submit.flatMap(({ execution }, place) => (wanted(execution) && results[place] !== undefined ? [{ unit: execution.unit, reading: results[place] }] : []))
          if (kind === "every" && read.length > 0) expect({ ...entry, every: true, parts: read })
          if (kind === "step") parts.push(...read)
          const stepsOver = submit.some(({ execution: { unit, last } }) => kind === "step" && last && unit === program.steps.length - 1)
          if (stepsOver && parts.length > 0) {
            expect({ ...entry, every: false, silent: !reading, parts })
            parts = []
            if (reading) logged = performance.now()
          }
          const roundOver = after.within === 0
          if (save.length > 0 || (roundOver && performance.now() - checkpointed >= (options.checkpointEvery ?? 600_000))) return yield* checkpoint
          return yield* arrived(false)
        })

      const fetched = (execution: Execution): Effect.Effect<Fed, DataError> =>
        Effect.map(feeds.fetch(units[execution.unit]!.plan, execution.batchOf), ({ arrays, samples: count }) => ({ execution, arrays, samples: count }))
      const prepared = Stream.fromIterable(submitsFrom(program, cursor, options.rounds, options.locate !== undefined), { chunkSize: 1 }).pipe(
        Stream.mapEffect((submit) => Effect.forEach(submit, fetched)),
        Stream.buffer({ capacity: ahead }),
      )
      return prepared.pipe(
        Stream.mapEffect(execute),
        Stream.concat(Stream.fromEffect(Effect.suspend(() => checkpoint))),
        Stream.flattenIterable,
      )
    }),
  )

const isLoss = (error: TrainError): error is GpuError => error._tag === "GpuError" && error.reason === "DeviceLost"

/** The run. When the device is lost it is opened once more and the run goes on from its newest checkpoint; a second loss ends it. */
export const train = (options: TrainOptions): Stream.Stream<TrainEvent, TrainError> =>
  attempt(options, options.from).pipe(
    Stream.catchIf(isLoss, (loss) =>
      Stream.unwrap(
        Effect.gen(function* () {
          const found = yield* Effect.promise(() => readNewest(options.folder, options.program, options.programHash))
          if (found instanceof CheckpointError) return yield* found
          const state = found?.state ?? options.from
          const text = `${loss.message} Going on from ${state === undefined ? "the beginning" : `the checkpoint of step ${state.cursor.round}`} on a new device.`
          return Stream.concat(Stream.fromIterable<TrainEvent>([{ kind: "rewind", step: state?.cursor.round ?? 0, text }]), attempt(options, state))
        }),
      )),
  )
