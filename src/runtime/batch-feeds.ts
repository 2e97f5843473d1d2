/** The batches that executions read: which batch of each source an execution gets is a pure function of its place in the run. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Plan, SourcePlan } from "../plan/plan.ts"
import { DataError as FileError } from "./data/data-error.ts"
import { openSource } from "./data/open-source.ts"
import type { Batch, OpenSource, SourceContext } from "./data/source.ts"
import { DataError } from "./errors.ts"
import type { TypedArray } from "./executor.ts"

export interface Feeds {
  /** The arrays for `plan`: the `number`-th batch of each of its sources. */
  readonly fetch: (plan: Plan, numberOf: (source: string) => number) => Effect.Effect<{ readonly arrays: Record<string, TypedArray>; readonly samples: number }, DataError>
  readonly counts: ReadonlyMap<string, number>
}

const asDataError = (source: SourcePlan, error: unknown): DataError => {
  if (!(error instanceof FileError)) throw error
  return new DataError({ message: `${source.name} (${source.origin.at}): expected ${error.expected}, found ${error.found}`, where: error.file, hint: error.hint })
}

/** One opening for each source of the plans; the fields that any of them reads. */
const merged = (plans: readonly Plan[]): readonly SourcePlan[] => {
  const sources = new Map<string, SourcePlan>()
  for (const source of plans.flatMap((plan) => plan.sources)) {
    const known = sources.get(source.name)
    if (known === undefined) sources.set(source.name, source)
    else {
      const fields = [...known.fields, ...source.fields.filter((field) => !known.fields.some((other) => other.name === field.name))]
      if (known.loader !== source.loader || known.split !== source.split || (known.batch !== source.batch && !known.whole)) throw new Error(`the source ${source.name} is the same in every plan of a program`)
      sources.set(source.name, { ...known, fields, batch: Math.max(known.batch, source.batch) })
    }
  }
  return [...sources.values()]
}

/** The first `size` samples of a batch: the last one of an evaluation may ask for fewer. */
const first = (size: number, of: number, batch: Batch): Batch =>
  size === of ? batch : {
    fields: Object.fromEntries(Object.entries(batch.fields).map(([name, array]) => [name, array.subarray(0, (array.length / of) * size)])),
    index: batch.index.subarray(0, size), count: Math.min(size, batch.count),
  }

/** Opens the sources of the plans; they close with the scope. */
export const openFeeds = (plans: readonly Plan[], context: SourceContext): Effect.Effect<Feeds, DataError, Scope.Scope> =>
  Effect.gen(function* () {
    const opened = new Map<string, { readonly plan: SourcePlan; readonly source: OpenSource }>()
    for (const plan of merged(plans)) {
      const source = yield* Effect.acquireRelease(
        Effect.tryPromise({ try: () => openSource(plan, context), catch: (error) => asDataError(plan, error) }),
        (open) => Effect.promise(() => open.close()),
      )
      opened.set(plan.name, { plan, source })
    }
    const batchOf = (name: string, number: number): Effect.Effect<Batch, DataError> => {
      const { plan, source } = opened.get(name)!
      return Effect.tryPromise({ try: () => source.batch(number), catch: (error) => asDataError(plan, error) })
    }
    return {
      counts: new Map([...opened].map(([name, { source }]) => [name, source.count])),
      fetch: (plan, numberOf) =>
        Effect.gen(function* () {
          const arrays: Record<string, TypedArray> = {}
          let samples = 0
          for (const { name, batch: size } of plan.sources) {
            const batch = first(size, opened.get(name)!.plan.batch, yield* batchOf(name, numberOf(name)))
            samples = Math.max(samples, batch.count)
            for (const input of plan.inputs) {
              if (input.source?.name !== name) continue
              const array = input.source.field === "#index" ? batch.index : batch.fields[input.source.field]
              if (array === undefined) throw new Error(`the batch of ${name} has the field ${input.source.field}`)
              arrays[input.name] = array
            }
          }
          return { arrays, samples }
        }),
    }
  })
