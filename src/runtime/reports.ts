/** What an execution reported, sorted: numbers by name, pictures, and the first value that is not finite. */
import type { OutputPlan, ProgramPlan } from "../plan/plan.ts"
import { count } from "./commands.ts"
import type { TypedArray } from "./executor.ts"
import { unitsOf, type Unit } from "./program.ts"

export interface Picture {
  readonly name: string
  readonly output: OutputPlan
  readonly values: TypedArray
}

export interface Reports {
  readonly values: Readonly<Record<string, number>>
  readonly pictures: readonly Picture[]
  /** The numbers that decide which file of a model is kept. */
  readonly best: Readonly<Record<string, number>>
  readonly notFinite: { readonly name: string; readonly value: number; readonly output: OutputPlan } | undefined
}

/** Arrays up to this size are reported element by element; larger ones by their mean. */
const mostElements = 64

const bestPrefix = "best:"
const reported = (outputs: readonly OutputPlan[]): readonly OutputPlan[] => outputs.filter((output) => output.slot === undefined)

/** Evaluations give nothing to read but to the host. */
const reporting = (program: ProgramPlan): readonly Unit[] => unitsOf(program).slice(0, program.steps.length + program.every.length)

/** The name of each report of a unit: its own, unless another unit has the same. */
export const reportNames = (program: ProgramPlan): readonly (ReadonlyMap<string, string>)[] => {
  const units = reporting(program)
  const uses = new Map<string, number>()
  for (const { plan } of units) for (const { name } of reported(plan.outputs)) uses.set(name, (uses.get(name) ?? 0) + 1)
  return units.map((unit) => new Map(reported(unit.plan.outputs).map(({ name }) => [name, uses.get(name)! > 1 ? `${unit.name}.${name}` : name])))
}

/** Sorts the outputs of an execution of a unit. */
export const reportReader = (program: ProgramPlan): ((unit: number, outputs: Readonly<Record<string, TypedArray>>) => Reports) => {
  const names = reportNames(program)
  const units = reporting(program)
  return (unit, outputs) => sorted(reported(units[unit]!.plan.outputs), names[unit]!, outputs)
}

const mean = (values: ArrayLike<number>): number => {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum / values.length
}

const sorted = (wanted: readonly OutputPlan[], names: ReadonlyMap<string, string>, outputs: Readonly<Record<string, TypedArray>>): Reports => {
  const values: Record<string, number> = {}
  const pictures: Picture[] = []
  const best: Record<string, number> = {}
  let notFinite: Reports["notFinite"]
  for (const output of wanted) {
    const name = names.get(output.name)!
    const array = outputs[output.name]
    if (array === undefined || count(output.shape) === 0) continue
    if (output.dtype === "f32" && notFinite === undefined) {
      const bad = (array as Float32Array).find((value) => !Number.isFinite(value))
      if (bad !== undefined) notFinite = { name: name.replace(/^.*best:(.*)$/, "best= of $1"), value: bad, output }
    }
    if (output.name.startsWith(bestPrefix)) best[output.name.slice(bestPrefix.length)] = array[0]!
    else if (output.picture !== undefined) pictures.push({ name, output, values: array })
    else if (output.shape.length === 0) values[name] = array[0]!
    else if (array.length <= mostElements) array.forEach((value, place) => void (values[`${name}.${place}`] = value))
    else values[`${name}.mean`] = mean(array)
  }
  return { values, pictures, best, notFinite }
}
