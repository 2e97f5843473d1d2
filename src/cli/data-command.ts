/** `nda data list` and `nda data get NAME`. */
import * as Effect from "effect/Effect"
import { suggest } from "../base/suggest.ts"
import { DataError } from "../runtime/data/data-error.ts"
import { getDataSet, listDataSets } from "../runtime/data/download.ts"
import { officialSets } from "../runtime/data/official-sets.ts"
import { progressLine } from "../runtime/data/progress-line.ts"
import { sizeText } from "../runtime/buffers.ts"
import type { Console } from "./console.ts"
import { exitCode } from "./exit-code.ts"
import { dataFailure, usageFailure, type Failure, type Outcome } from "./failure.ts"
import { runInterruptibly } from "./interruption.ts"
import { shown, type Arguments } from "./parse-arguments.ts"

/** `--dir` or `--data-dir`, `$NDA_DATA`, `./data`. */
export const dataFolder = (args: Arguments): string => args.one.get("dir") ?? args.one.get("data-dir") ?? (process.env["NDA_DATA"] || "data")

const list = async (folder: string, console: Console): Promise<Outcome> => {
  const sets = await listDataSets(folder)
  if (console.json) {
    console.out(JSON.stringify({ folder, sets }))
    return exitCode.ok
  }
  for (const set of sets) {
    console.out(`${set.name.padEnd(10)}${set.present ? `in ${set.folder}` : `not here; \`nda data get ${set.name}\` fetches ${sizeText(set.downloadBytes)}`}`)
    console.out(`${" ".repeat(10)}${set.about}; licence: ${set.licence}`)
  }
  console.out("generated, nothing to fetch: dots; read where they lie: folder, clips, array, voc, cifar_records")
  return exitCode.ok
}

const get = (name: string, folder: string, console: Console): Effect.Effect<Outcome, Failure> => {
  const onProgress = (done: number, total: number, what: string): void => {
    console.status(progressLine(done, total, what, process.stderr.columns ?? 80))
    console.event({ stage: "download", what, done, total })
  }
  const fetched = Effect.tryPromise({
    try: (signal) => getDataSet(name, folder, { onProgress, signal }),
    catch: (error) => {
      if (error instanceof DataError) return dataFailure(error)
      throw error
    },
  })
  return Effect.map(fetched, (done) => {
    if (console.json) console.out(JSON.stringify(done))
    else console.out(done.fetched.length === 0 ? `${name} is already in ${done.folder}` : `${name} is in ${done.folder}: fetched ${done.fetched.join(", ")}`)
    return exitCode.ok
  })
}

export const dataCommand = async (args: Arguments, console: Console): Promise<Outcome> => {
  const [action, name] = args.operands
  const folder = dataFolder(args)
  if (action === "list") return name === undefined ? list(folder, console) : usageFailure("`nda data list` takes no name")
  if (action !== "get") return usageFailure(`\`nda data\` knows list and get, not ${shown(action!)}`)
  const names = officialSets.map((set) => set.name)
  if (name === undefined) return usageFailure("`nda data get` needs a name", names.join(", "))
  if (!names.includes(name)) {
    const near = suggest(name, names)
    return usageFailure(`no data set ${shown(name)} has an official address here`, near === undefined ? `there are: ${names.join(", ")}` : `did you mean ${near}?`)
  }
  return runInterruptibly(get(name, folder, console), console)
}
