/** What a run leaves in its folder: pictures, arrays, the plan and the report. */
import type { OutputPlan, Plan, ProgramPlan } from "../plan/plan.ts"
import { writeNpy } from "../runtime/data/npy.ts"
import type { TypedArray } from "../runtime/executor.ts"
import { gridPng, shareOutside, type GridRow } from "../runtime/pictures/grid.ts"
import { pictureRow } from "../runtime/report/picture-row.ts"
import { reportPage, shownValues, type Report, type ReportPicture, type ReportValue } from "../runtime/report/report-page.ts"
import type { Console } from "./console.ts"
import { isFailure, type Failure } from "./failure.ts"
import type { Progress } from "./progress.ts"
import type { RunDirectory } from "./run-directory.ts"

/** A row of the report is about as wide as a screen: of larger pictures it shows the first. */
const rowPixels = 1800

const gridRow = (output: OutputPlan, values: TypedArray): GridRow => ({
  label: output.name, shape: output.shape, values, ...(output.population === undefined ? {} : { population: output.population }),
})

const isPicture = (output: OutputPlan): boolean => output.picture !== undefined && output.shape.every((size) => size > 0)

const statistics = (output: OutputPlan, values: TypedArray): ReportValue => {
  let low = Infinity
  let high = -Infinity
  let sum = 0
  for (const value of values) {
    if (value < low) low = value
    if (value > high) high = value
    sum += value
  }
  const shown = shownValues(output, values)
  return { output, low, high, mean: sum / values.length, ...(shown === undefined ? {} : { values: shown }) }
}

const reportPicture = (output: OutputPlan, values: TypedArray): ReportPicture => ({
  name: output.name, population: output.population, shape: output.shape, ...pictureRow(output.shape, values, rowPixels),
})

/** Pictures are shown as values of [0, 1]; one that is mostly elsewhere was probably meant to be converted. */
export const rangeWarnings = (outputs: readonly OutputPlan[], results: Readonly<Record<string, TypedArray>>): readonly string[] =>
  outputs.filter(isPicture).flatMap((output) => {
    const share = shareOutside(results[output.name]!)
    return share > 0.01 ? [`${(100 * share).toFixed(0)}% of ${output.name} lies outside [0, 1] and is shown clamped; if it is a picture in [-1, 1], unsigned(${output.name}) converts it`] : []
  })

export const writeResults = async (
  directory: RunDirectory, console: Console, progress: Progress, plan: Plan, results: Readonly<Record<string, TypedArray>>, about: Omit<Report, "plan" | "pictures" | "values">,
  written: Plan | ProgramPlan = plan,
): Promise<void | Failure> => {
  const pictures = plan.outputs.filter(isPicture)
  const total = plan.outputs.length + pictures.length + 3
  let done = 0
  const write = async (name: string, make: () => Uint8Array | string): Promise<void | Failure> => {
    progress.stage("writing results", done++, total)
    // Between two files the event loop turns, so that Ctrl-C is heard.
    await new Promise((resolve) => setImmediate(resolve))
    return directory.write(name, make())
  }
  const jobs: (readonly [string, () => Uint8Array | string])[] = [["plan.json", () => `${JSON.stringify(written, undefined, 1)}\n`]]
  for (const output of plan.outputs) jobs.push([`${output.name}.npy`, () => writeNpy(output.dtype, output.shape, results[output.name]!)])
  for (const output of pictures) if (output.name !== plan.entry) jobs.push([`${output.name}.png`, () => gridPng([gridRow(output, results[output.name]!)])])
  if (pictures.length > 0) jobs.push([`${plan.entry}.png`, () => gridPng(pictures.map((output) => gridRow(output, results[output.name]!)))])
  jobs.push(["report.html", () => reportPage({
    ...about, plan,
    pictures: pictures.map((output) => reportPicture(output, results[output.name]!)),
    values: plan.outputs.filter((output) => !isPicture(output)).map((output) => statistics(output, results[output.name]!)),
  })])
  for (const [name, make] of jobs) {
    const failed = await write(name, make)
    if (isFailure(failed)) return failed
  }
  console.status("")
}
