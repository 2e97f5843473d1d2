/** The order of a training run: rounds of executions, each step `repeat` times, then the `every`s that are due; which of them are one submit; and which batch each one reads. */
import type { ProgramPlan } from "../plan/plan.ts"
import { submitsOfRound } from "./submits.ts"

/** Where a run stands: whole rounds that are over, and executions of the present one. All that the order of what follows depends on. */
export interface Cursor {
  readonly round: number
  readonly within: number
}

export interface Execution {
  /** As in `unitsOf`: the steps, then the `every`s. */
  readonly unit: number
  readonly kind: "step" | "every"
  readonly round: number
  readonly repeat: number
  /** Whether this is the last execution of its step in the round: the one whose reports are read. */
  readonly last: boolean
  /** Names to save when it is over. */
  readonly save: readonly string[]
  /** The cursor when it is over. */
  readonly after: Cursor
  /** How often this source was read before. */
  readonly batchOf: (source: string) => number
}

const reads = (program: ProgramPlan, unit: number, source: string): boolean =>
  (program.steps[unit] ?? program.every[unit - program.steps.length]!).plan.sources.some(({ name }) => name === source)

/** The number of the batch that execution `repeat` of a unit reads in a round; sources of a step and of an `every` count together. */
const batchNumber = (program: ProgramPlan, round: number, unit: number, repeat: number) => (source: string): number => {
  let number = repeat
  program.steps.forEach((step, other) => {
    if (reads(program, other, source)) number += step.repeat * (round + (other < unit ? 1 : 0))
  })
  program.every.forEach((every, place) => {
    const other = program.steps.length + place
    if (reads(program, other, source)) number += Math.floor(round / every.period) + (other < unit && (round + 1) % every.period === 0 ? 1 : 0)
  })
  return number
}

/** `every N` is due when N, 2 N, … rounds are over. */
const ofRound = (program: ProgramPlan, round: number): readonly Omit<Execution, "after">[] => [
  ...program.steps.flatMap((step, unit) =>
    Array.from({ length: step.repeat }, (_, repeat) => ({
      unit, kind: "step" as const, round, repeat, last: repeat === step.repeat - 1, save: [], batchOf: batchNumber(program, round, unit, repeat),
    }))),
  ...program.every.flatMap((every, place) => {
    const unit = program.steps.length + place
    return (round + 1) % every.period === 0 ? [{ unit, kind: "every" as const, round, repeat: 0, last: true, save: every.save, batchOf: batchNumber(program, round, unit, 0) }] : []
  }),
]

/** The executions that follow, submit by submit: a run that goes on within a submit begins with the end of it. `apart`: each by itself. */
export function* submitsFrom(program: ProgramPlan, from: Cursor, rounds: number, apart: boolean): Generator<readonly Execution[]> {
  const lengths = submitsOfRound(program).map((submit) => submit.length)
  for (let round = from.round; round < rounds; round++) {
    const all = ofRound(program, round).map((execution, place, { length }): Execution =>
      ({ ...execution, after: place + 1 === length ? { round: round + 1, within: 0 } : { round, within: place + 1 } }))
    const begin = round === from.round ? from.within : 0
    let end = 0
    for (let submit = 0; end < all.length; submit++) {
      const start = end
      end += apart ? 1 : lengths[submit] ?? 1
      if (end > begin) yield all.slice(Math.max(start, begin), end)
    }
  }
}
