/** The folder of a training run: begun anew, or gone on in; one process at a time. */
import fs from "node:fs/promises"
import path from "node:path"
import { tidyCheckpoints } from "../runtime/checkpoint.ts"
import { CheckpointError } from "../runtime/errors.ts"
import { takeLock } from "../runtime/run-lock.ts"
import { checkpointFailure, outputFailure, systemReason, type Failure } from "./failure.ts"

export interface TrainDirectory {
  readonly folder: string
  readonly close: () => Promise<void>
}

/** What a training run writes, and `--force` therefore removes. */
const isOwn = (name: string): boolean => /^(checkpoints|samples|metrics\.jsonl|plan\.json|report\.html|events\.out\.tfevents\..*\.nda|\w+(\.best)?\.safetensors)$/.test(name)

/** Removes empty folders from `folder` up to `top`. */
const removeEmpty = async (folder: string, top: string): Promise<void> => {
  const gone = await fs.rmdir(folder).then(() => true, () => false)
  if (gone && folder !== top) await removeEmpty(path.dirname(folder), top)
}

export const openTrainDirectory = async (folder: string, mode: "new" | "force" | "resume"): Promise<TrainDirectory | Failure> => {
  try {
    const made = await fs.mkdir(folder, { recursive: true })
    const lock = await takeLock(folder)
    if (lock instanceof CheckpointError) return checkpointFailure(lock)
    const close = async (): Promise<void> => {
      await lock.release()
      if (made !== undefined) await removeEmpty(path.resolve(folder), path.resolve(made))
    }
    await tidyCheckpoints(folder)
    const present = (await fs.readdir(folder)).filter((name) => name !== "run.lock")
    if (present.length > 0 && mode === "new") {
      await close()
      return outputFailure("there is a run here already", folder, "--resume goes on with it; --force begins anew in its place; --out DIR puts this one elsewhere")
    }
    if (mode === "force") for (const name of present.filter(isOwn)) await fs.rm(path.join(folder, name), { recursive: true, force: true })
    return { folder, close }
  } catch (error) {
    return outputFailure(`the folder for the run cannot be made or written: ${systemReason(error)}`, folder, "--out DIR puts it elsewhere")
  }
}
