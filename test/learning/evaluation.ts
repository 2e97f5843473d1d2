/** Carries out an `eval` of a text on the reference evaluator, with data that the test gives: the record and the samples used. */
import * as Effect from "effect/Effect"
import { referenceTrainer } from "../../src/cli/reference-trainer.ts"
import { compileProgram, type CompiledProgram } from "../../src/driver/compile-program.ts"
import type { Plan } from "../../src/plan/plan.ts"
import type { Feeds } from "../../src/runtime/batch-feeds.ts"
import { evaluate, type EvaluationResult } from "../../src/runtime/evaluate.ts"
import type { TypedArray } from "../../src/runtime/executor.ts"
import { unitsOf } from "../../src/runtime/program.ts"

/** Whole data sets: fields by source, of all samples. */
export type Samples = Readonly<Record<string, { readonly count: number; readonly fields: Readonly<Record<string, TypedArray>> }>>

/** The program with the samples of each loader counted; `counts` by loader. */
export const compiledWith = (text: string, entry: string, counts: Readonly<Record<string, number>>): CompiledProgram => {
  let known: Readonly<Record<string, number>> = {}
  for (;;) {
    const { value, diagnostics, uncounted } = compileProgram({ file: "e.nda", sources: { "e.nda": text }, entry, counts: known })
    if (value) return value
    if (!uncounted) throw new Error(diagnostics.map((d) => `${d.code} ${d.message} at ${text.slice(d.span.start, d.span.end)}`).join("; "))
    known = { ...known, ...Object.fromEntries(uncounted.map(({ key, source }) => [key, counts[String(source.options["path"] ?? source.loader)]!])) }
  }
}

const feedsOf = (compiled: CompiledProgram, samples: Samples): Feeds => {
  const whole = new Map<string, number>()
  for (const { plan } of unitsOf(compiled.plan)) for (const source of plan.sources) whole.set(source.name, Math.max(whole.get(source.name) ?? 0, source.batch))
  const arrays = (plan: Plan, numberOf: (source: string) => number): Record<string, TypedArray> =>
    Object.fromEntries(plan.inputs.filter((input) => input.source).map((input) => {
      const { name, field } = input.source!
      const { batch } = plan.sources.find((source) => source.name === name)!
      const { count, fields } = samples[name]!
      const first = numberOf(name) * whole.get(name)!
      if (first + batch > count) throw new Error(`samples ${first} to ${first + batch} of ${name}, which has ${count}`)
      const of = field === "#index" ? Int32Array.from({ length: count }, (_, i) => i) : fields[field]!
      const each = of.length / count
      return [input.name, of.slice(first * each, (first + batch) * each)]
    }))
  return { counts: new Map(Object.entries(samples).map(([name, { count }]) => [name, count])), fetch: (plan, numberOf) => Effect.succeed({ arrays: arrays(plan, numberOf), samples: 0 }) }
}

export const evaluated = (compiled: CompiledProgram, samples: Samples): Promise<EvaluationResult> => {
  const trainer = referenceTrainer(compiled.program)
  return Effect.runPromise(Effect.andThen(trainer.initialise(0), evaluate(compiled.plan, 0, trainer, feedsOf(compiled, samples), 0, () => undefined)))
}
