/** An evaluation: its plan over a whole source once, in order; the record of the last batch is the result. */
import * as Effect from "effect/Effect"
import type { ProgramPlan } from "../plan/plan.ts"
import type { Feeds } from "./batch-feeds.ts"
import { DataError, GpuError, type CheckpointError, type NotFiniteError } from "./errors.ts"
import type { TypedArray } from "./executor.ts"
import type { Trainer } from "./program.ts"

export interface EvaluationProgress {
  readonly batch: number
  readonly batches: number
}

export interface EvaluationResult {
  /** The record of each step of the program, after the last batch. */
  readonly outputs: readonly Readonly<Record<string, TypedArray>>[]
  readonly batches: number
  /** Samples used of each source, and how many it has. */
  readonly samples: ReadonlyMap<string, { readonly used: number; readonly of: number }>
}

/** Sources end together, at the shortest; an incomplete last batch is left out and said so by `samples`. */
export const evaluate = (
  program: ProgramPlan, trainer: Trainer, feeds: Feeds, seed: number, onBatch: (progress: EvaluationProgress) => void,
): Effect.Effect<EvaluationResult, GpuError | DataError | CheckpointError | NotFiniteError> =>
  Effect.gen(function* () {
    const sources = new Map(program.steps.flatMap((step) => step.plan.sources.map((source) => [source.name, source] as const)))
    const batches = Math.min(...[...sources.values()].map((source) => Math.floor(feeds.counts.get(source.name)! / source.batch)))
    if (sources.size > 0 && batches === 0) {
      const short = [...sources.values()].find((source) => feeds.counts.get(source.name)! < source.batch)!
      return yield* new DataError({ message: `${short.name} has ${feeds.counts.get(short.name)} samples, fewer than one batch of ${short.batch}.`, where: short.origin.at, hint: "make the batch smaller (--set batch=…)" })
    }
    const rounds = sources.size === 0 ? 1 : batches
    const outputs: Readonly<Record<string, TypedArray>>[] = []
    for (let batch = 0; batch < rounds; batch++) {
      onBatch({ batch, batches: rounds })
      const last = batch === rounds - 1
      for (const [unit, step] of program.steps.entries()) {
        const { arrays } = yield* feeds.fetch(step.plan, () => batch)
        const reading = yield* trainer.step(unit, arrays, { seed, step: batch, repeat: 0 }, last)
        if (reading === undefined) continue
        const values = yield* Effect.promise(() => reading)
        if (values instanceof GpuError) return yield* values
        outputs.push(values)
      }
    }
    yield* trainer.settled
    const samples = new Map([...sources.values()].map((source) => [source.name, { used: rounds * source.batch, of: feeds.counts.get(source.name)! }] as const))
    return { outputs, batches: rounds, samples }
  })
