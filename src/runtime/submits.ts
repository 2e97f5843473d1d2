/** Which executions of a round are one submit: its steps, one after the other, as far as a submit stays short enough. A pure function of the program. */
import type { Plan, ProgramPlan } from "../plan/plan.ts"
import { inputBytes, settingsWords } from "./commands.ts"

/** An execution by its step and its number among those of the step in the round. */
export interface Place {
  readonly unit: number
  readonly repeat: number
}

/** With more dispatches what a submit costs no longer shows; a run is interrupted, and a device watched, by whole submits. */
const mostDispatches = 2048
/** Batches wait for their execution on the device, in a buffer of their own. */
const mostWaiting = 16 << 20

const fedBytes = (plan: Plan): number => plan.inputs.reduce((sum, input) => sum + (input.slot === undefined ? inputBytes(input) : 0), 0)

/** What an execution that is not the first of its submit brings with it: its settings and what the host feeds it. */
const broughtBytes = (plan: Plan): number => settingsWords * 4 + fedBytes(plan)

const dispatches = (plan: Plan): number => plan.commands.filter((command) => command.op === "dispatch").length

type Steps = Pick<ProgramPlan, "steps">

/** The steps' executions of a round in order, each list one submit. `every`s are submits of their own, since evaluations and files come between. */
export const submitsOfRound = ({ steps }: Steps): readonly (readonly Place[])[] => {
  const submits: Place[][] = []
  let work = 0
  let waiting = 0
  steps.forEach(({ plan, repeat }, unit) => {
    const more = { work: dispatches(plan), waiting: broughtBytes(plan) }
    for (let turn = 0; turn < repeat; turn++) {
      const last = submits[submits.length - 1]
      if (last !== undefined && work + more.work <= mostDispatches && waiting + more.waiting <= mostWaiting) {
        last.push({ unit, repeat: turn })
        work += more.work
        waiting += more.waiting
      } else {
        submits.push([{ unit, repeat: turn }])
        work = more.work
        waiting = 0
      }
    }
  })
  return submits
}

/** Bytes for what the executions of a submit bring with them; a submit that begins later in its list needs no more. */
export const waitingBytes = (program: Steps): number =>
  submitsOfRound(program).reduce((most, [, ...joined]) => Math.max(most, joined.reduce((sum, { unit }) => sum + broughtBytes(program.steps[unit]!.plan), 0)), 0)
