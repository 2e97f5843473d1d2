/** An evaluation: its batches over whole sources in order, then what the host computes, then the record, once. */
import * as Effect from "effect/Effect"
import type { EvaluationPlan, ProgramPlan, SourcePlan } from "../plan/plan.ts"
import type { Feeds } from "./batch-feeds.ts"
import { DataError, GpuError, type CheckpointError, type NotFiniteError } from "./errors.ts"
import type { TypedArray } from "./executor.ts"
import { hostOperation } from "./host-operations.ts"
import { firstUnitOf, unitsOf, type Trainer } from "./program.ts"

export interface EvaluationProgress {
  readonly batch: number
  readonly batches: number
}

export interface EvaluationResult {
  /** The record's tensors by name; in a train they are in their slots instead. */
  readonly outputs: Readonly<Record<string, TypedArray>>
  readonly batches: number
  /** Samples used of each source, and how many it has. */
  readonly samples: ReadonlyMap<string, { readonly used: number; readonly of: number }>
}

type EvaluationError = GpuError | DataError | CheckpointError | NotFiniteError

/** Whole batches and samples; where the compiler was not told the numbers of samples, what fills no batch is left out. */
const amounts = (evaluation: EvaluationPlan, feeds: Feeds): Pick<EvaluationResult, "samples"> & { readonly full: number } | DataError => {
  const sources: readonly SourcePlan[] = evaluation.batch.sources
  if (evaluation.full !== undefined) return { full: evaluation.full, samples: new Map(evaluation.sources.map(({ name, used, of }) => [name, { used, of }])) }
  const countOf = (source: SourcePlan): number => feeds.counts.get(source.name)!
  const full = Math.min(...sources.map((source) => Math.floor(countOf(source) / source.batch)))
  const short = sources.find((source) => countOf(source) < source.batch)
  if (short !== undefined) return new DataError({ message: `${short.name} has ${countOf(short)} samples, fewer than one batch of ${short.batch}.`, where: short.origin.at, hint: "make the batch smaller (--set batch=…)" })
  return { full, samples: new Map(sources.map((source) => [source.name, { used: full * source.batch, of: countOf(source) }])) }
}

/** The evaluation at `place` of the program. */
export const evaluate = (
  program: ProgramPlan, place: number, trainer: Trainer, feeds: Feeds, seed: number, onBatch: (progress: EvaluationProgress) => void,
): Effect.Effect<EvaluationResult, EvaluationError> =>
  Effect.gen(function* () {
    const evaluation = program.evaluations[place]!
    const found = amounts(evaluation, feeds)
    if (found instanceof DataError) return yield* found
    const units = unitsOf(program)
    const rounds = found.full + (evaluation.tail === undefined ? 0 : 1)
    const outputs: Record<string, TypedArray> = {}
    let unit = firstUnitOf(program, place)
    const run = (batch: number, read: boolean): Effect.Effect<Readonly<Record<string, TypedArray>>, EvaluationError> =>
      Effect.gen(function* () {
        const { arrays } = yield* feeds.fetch(units[unit]!.plan, () => batch)
        const reading = yield* trainer.step(unit, arrays, { seed, step: batch, repeat: 0 }, read)
        if (reading === undefined) return {}
        const values = yield* Effect.promise(() => reading)
        return values instanceof GpuError ? yield* values : values
      })
    yield* run(0, false)
    unit++
    for (let batch = 0; batch < found.full; batch++) {
      onBatch({ batch, batches: rounds })
      Object.assign(outputs, yield* run(batch, batch === rounds - 1))
    }
    unit++
    if (evaluation.tail !== undefined) {
      onBatch({ batch: found.full, batches: rounds })
      Object.assign(outputs, yield* run(found.full, true))
      unit++
    }
    for (const stage of evaluation.stages) {
      const read = yield* run(rounds - 1, true)
      const operands = stage.plan.outputs.map((output) => ({ shape: output.shape, data: read[output.name]! }))
      yield* trainer.writeSlots({ [stage.slot]: hostOperation(stage.host)(operands) })
      unit++
    }
    Object.assign(outputs, yield* run(rounds - 1, true))
    yield* trainer.settled
    return { outputs, batches: rounds, samples: found.samples }
  })
