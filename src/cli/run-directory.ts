/** The folder of a run: made before anything starts, never written over silently. */
import fs from "node:fs/promises"
import path from "node:path"
import { outputFailure, systemReason, type Failure } from "./failure.ts"

export interface RunDirectory {
  readonly folder: string
  readonly files: readonly string[]
  /** A folder that was made for this run goes again if nothing was written to it. */
  readonly close: () => Promise<void>
  readonly write: (name: string, bytes: Uint8Array | string) => Promise<void | Failure>
}

/** `examples/preview.nda`, `preview` give `runs/preview-preview`. */
export const defaultFolder = (file: string, entry: string): string => path.join("runs", `${path.basename(file).replace(/\.nda$/, "")}-${entry}`)

interface WrittenOutputs {
  readonly outputs?: readonly { readonly name?: unknown }[]
}

/** A plan, or a program of plans. */
interface WrittenPlan extends WrittenOutputs {
  readonly entry?: unknown
  readonly steps?: readonly { readonly plan?: WrittenOutputs }[]
  readonly evaluations?: readonly { readonly batch?: WrittenOutputs; readonly tail?: WrittenOutputs; readonly final?: WrittenOutputs }[]
}

/** What an earlier run's plan says it wrote; nothing when there is no such plan. */
const earlierFiles = async (folder: string): Promise<readonly string[]> => {
  try {
    const plan = JSON.parse(await fs.readFile(path.join(folder, "plan.json"), "utf8")) as WrittenPlan
    const outputs = [...(plan.outputs ?? []), ...[...(plan.steps ?? []).map((step) => step.plan), ...(plan.evaluations ?? []).flatMap((e) => [e.batch, e.tail, e.final])].flatMap((each) => each?.outputs ?? [])]
    const names = [plan.entry, ...outputs.map((output) => output.name)].filter((name): name is string => typeof name === "string" && /^[\w.]+$/.test(name))
    return [...names.flatMap((name) => [`${name}.png`, `${name}.npy`]), "report.html", "plan.json"]
  } catch {
    return []
  }
}

/** Removes empty folders from `folder` up to `top`. */
const removeEmpty = async (folder: string, top: string): Promise<void> => {
  const gone = await fs.rmdir(folder).then(() => true, () => false)
  if (gone && folder !== top) await removeEmpty(path.dirname(folder), top)
}

/** With `force`, files of an earlier run go first, so that none is taken for one of this run. */
export const openRunDirectory = async (folder: string, force: boolean): Promise<RunDirectory | Failure> => {
  let made: string | undefined
  try {
    made = await fs.mkdir(folder, { recursive: true })
    const present = await fs.readdir(folder)
    if (present.length > 0 && !force) {
      return outputFailure("there are results here already", folder, "--force writes over them; --out DIR puts these elsewhere")
    }
    await fs.access(folder, fs.constants.W_OK)
    for (const name of await earlierFiles(folder)) await fs.rm(path.join(folder, name), { force: true })
  } catch (error) {
    return outputFailure(`the folder for results cannot be made or written: ${systemReason(error)}`, folder, "--out DIR puts them elsewhere")
  }
  const files: string[] = []
  return {
    folder,
    files,
    close: async () => {
      if (made !== undefined && files.length === 0) await removeEmpty(path.resolve(folder), path.resolve(made))
    },
    write: async (name, bytes) => {
      const file = path.join(folder, name)
      try {
        await fs.writeFile(file, bytes)
        files.push(file)
      } catch (error) {
        return outputFailure(`cannot be written: ${systemReason(error)}`, file)
      }
    },
  }
}
