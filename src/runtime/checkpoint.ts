/** Checkpoints: everything that going on needs, in a folder that is either whole or not there; damaged ones are noticed and the one before is used. */
import { createHash } from "node:crypto"
import fs from "node:fs/promises"
import path from "node:path"
import type { ProgramPlan } from "../plan/plan.ts"
import { asidePrefix, removeAside, replaceFile, syncFolder, writeSynced } from "./durable-files.ts"
import { CheckpointError } from "./errors.ts"
import type { TypedArray } from "./executor.ts"
import type { Cursor } from "./run-order.ts"
import { parseSafetensors, writeSafetensors } from "./safetensors.ts"
import { modelTensors, slotTensors, slotsFrom } from "./slot-tensors.ts"

const formatVersion = 1

export interface RunState {
  readonly cursor: Cursor
  readonly seed: number
  /** Executions of steps since the run began. */
  readonly executions: number
  /** Seconds of all parts of the run so far. */
  readonly seconds: number
  readonly slots: Readonly<Record<string, TypedArray>>
  /** Models that are kept where a number is highest: the number so far, and its step. */
  readonly best: Readonly<Record<string, Best>>
}

export interface Best {
  readonly value: number
  readonly step: number
}

/** The file of a model where its number was highest. */
export const bestFile = (model: string): string => `${model}.best.safetensors`

interface RunFile {
  readonly version: number
  readonly entry: string
  readonly step: number
  readonly within: number
  readonly executions: number
  readonly seed: number
  readonly program: string
  readonly best?: Readonly<Record<string, Best>>
  readonly files: Readonly<Record<string, string>>
  readonly seconds: number
  readonly written: string
}

const sha256 = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex")

const folderOf = (run: string): string => path.join(run, "checkpoints")
const nameOf = (step: number): string => `step-${step}`
const stepOf = (name: string): number | undefined => (/^step-(0|[1-9]\d{0,15})$/.test(name) ? Number(name.slice(5)) : undefined)

/** The file's own hash comes last, over the text without it. */
const sealed = (run: RunFile): string => {
  const text = JSON.stringify(run, undefined, 1)
  return `${JSON.stringify({ ...run, sha256: sha256(text) }, undefined, 1)}\n`
}

const unsealed = (text: string): RunFile | undefined => {
  try {
    const { sha256: hash, ...run } = JSON.parse(text) as RunFile & { readonly sha256: string }
    return hash === sha256(JSON.stringify(run, undefined, 1)) && sealed(run) === text ? run : undefined
  } catch {
    return undefined
  }
}

/** Numbers of the steps that have a checkpoint folder, newest first. */
export const checkpointSteps = async (run: string): Promise<readonly number[]> => {
  const names = await fs.readdir(folderOf(run)).catch((): string[] => [])
  return names.flatMap((name) => stepOf(name) ?? []).sort((a, b) => b - a)
}

const systemReason = (error: unknown): string => {
  const code = (error as NodeJS.ErrnoException).code
  return code === "ENOSPC" ? "the disk is full" : code === "EACCES" || code === "EROFS" ? "there is no permission to write" : error instanceof Error ? error.message : String(error)
}

/** What an earlier process left behind when it was killed: half-written folders go, a folder that was moved aside comes back. */
export const tidyCheckpoints = async (run: string): Promise<void> => {
  const folder = folderOf(run)
  const names = await fs.readdir(folder).catch((): string[] => [])
  for (const name of names) {
    if (!name.startsWith(`${asidePrefix}old-`)) continue
    const own = name.slice(`${asidePrefix}old-`.length)
    if (!names.includes(own)) await fs.rename(path.join(folder, name), path.join(folder, own))
  }
  await removeAside(folder)
  await removeAside(run)
}

export interface WrittenCheckpoint {
  readonly folder: string
  readonly models: readonly string[]
}

/**
 * Writes `checkpoints/step-N`, then the newest file of each model at the top, then removes what is older than the newest `keep`.
 * `models`: those that get a file of their own; `improved`: those that have never been better.
 */
export const writeCheckpoint = async (
  run: string, program: ProgramPlan, state: RunState, options: { readonly programHash: string; readonly keep: number; readonly models: readonly string[]; readonly improved: readonly string[] },
): Promise<WrittenCheckpoint | CheckpointError> => {
  const folder = folderOf(run)
  const name = nameOf(state.cursor.round)
  const aside = path.join(folder, `${asidePrefix}new-${name}`)
  const whole = path.join(folder, name)
  try {
    await fs.mkdir(folder, { recursive: true })
    await fs.rm(aside, { recursive: true, force: true })
    await fs.mkdir(aside)
    const contents = new Map<string, Uint8Array>(options.models.map((model) => [`${model}.safetensors`, writeSafetensors(modelTensors(program, state.slots, model))]))
    contents.set("state.safetensors", writeSafetensors(slotTensors(program, state.slots)))
    for (const [file, bytes] of contents) await writeSynced(path.join(aside, file), bytes)
    // Before the checkpoint that knows of them: a run that is killed in between finds them again.
    for (const model of options.improved) await replaceFile(path.join(run, bestFile(model)), contents.get(`${model}.safetensors`) ?? writeSafetensors(modelTensors(program, state.slots, model)))
    const about: RunFile = {
      version: formatVersion, entry: program.entry, step: state.cursor.round, within: state.cursor.within, executions: state.executions, seed: state.seed, program: options.programHash,
      ...(Object.keys(state.best).length === 0 ? {} : { best: state.best }),
      files: Object.fromEntries([...contents].map(([file, bytes]) => [file, sha256(bytes)])), seconds: state.seconds, written: new Date().toISOString(),
    }
    await writeSynced(path.join(aside, "run.json"), sealed(about))
    await syncFolder(aside)
    // A folder cannot be renamed over another: the old one steps aside, and comes back if this is as far as it gets.
    const old = path.join(folder, `${asidePrefix}old-${name}`)
    const replaced = await fs.rename(whole, old).then(() => true, (error: NodeJS.ErrnoException) => (error.code === "ENOENT" ? false : Promise.reject(error)))
    await fs.rename(aside, whole)
    await syncFolder(folder)
    if (replaced) await fs.rm(old, { recursive: true, force: true })
    for (const model of options.models) await replaceFile(path.join(run, `${model}.safetensors`), contents.get(`${model}.safetensors`)!)
    for (const step of (await checkpointSteps(run)).filter((step) => step !== state.cursor.round).slice(Math.max(0, options.keep - 1))) await fs.rm(path.join(folder, nameOf(step)), { recursive: true, force: true })
    return { folder: whole, models: options.models }
  } catch (error) {
    await fs.rm(aside, { recursive: true, force: true }).catch(() => undefined)
    return new CheckpointError({ reason: "Write", message: `The checkpoint of step ${state.cursor.round} cannot be written: ${systemReason(error)}.`, where: whole, hint: "earlier checkpoints are as they were; make room and go on with --resume" })
  }
}

const corrupt = (where: string, message: string): CheckpointError => new CheckpointError({ reason: "Corrupt", message, where, hint: "the checkpoint before it is used where there is one" })

const readOne = async (run: string, program: ProgramPlan, step: number, programHash: string): Promise<RunState | CheckpointError> => {
  const folder = path.join(folderOf(run), nameOf(step))
  const text = await fs.readFile(path.join(folder, "run.json"), "utf8").catch(() => undefined)
  const about = text === undefined ? undefined : unsealed(text)
  if (about === undefined) return corrupt(folder, `The checkpoint of step ${step} is damaged: run.json is ${text === undefined ? "missing" : "not as it was written"}.`)
  if (about.version > formatVersion) return new CheckpointError({ reason: "Version", message: `The checkpoint of step ${step} is of format ${about.version}; this nda reads up to ${formatVersion}.`, where: folder, hint: "use the nda that wrote it, or a newer one" })
  let state: Uint8Array | undefined
  for (const [file, hash] of Object.entries(about.files)) {
    const bytes = await fs.readFile(path.join(folder, path.basename(file))).catch(() => undefined)
    if (bytes === undefined || sha256(bytes) !== hash) return corrupt(folder, `The checkpoint of step ${step} is damaged: ${file} is ${bytes === undefined ? "missing" : "not as it was written"}.`)
    if (file === "state.safetensors") state = bytes
  }
  if (state === undefined) return corrupt(folder, `The checkpoint of step ${step} holds no state.`)
  if (about.program !== programHash || about.entry !== program.entry) {
    return new CheckpointError({
      reason: "OtherProgram", message: `The checkpoint of step ${step} was written by another program: the text or the settings of ${about.entry} have changed since.`, where: folder,
      hint: "--resume goes on only with the same program; to start from these weights, use --weights with another --out",
    })
  }
  const file = path.join(folder, "state.safetensors")
  const tensors = parseSafetensors(file, state)
  if (tensors instanceof CheckpointError) return tensors
  const slots = slotsFrom(program, tensors, file)
  if (slots instanceof CheckpointError) return slots
  return { cursor: { round: about.step, within: about.within }, seed: about.seed, executions: about.executions, seconds: about.seconds, slots, best: about.best ?? {} }
}

export interface FoundCheckpoint {
  readonly state: RunState
  /** Newer ones that are damaged, in words. */
  readonly skipped: readonly string[]
}

/** The newest whole checkpoint; undefined where there is none at all. */
export const readNewest = async (run: string, program: ProgramPlan, programHash: string): Promise<FoundCheckpoint | CheckpointError | undefined> => {
  const skipped: string[] = []
  let last: CheckpointError | undefined
  for (const step of await checkpointSteps(run)) {
    const state = await readOne(run, program, step, programHash)
    if (!(state instanceof CheckpointError)) return { state, skipped }
    if (state.reason !== "Corrupt") return state
    skipped.push(state.message)
    last = state
  }
  return last === undefined ? undefined : corrupt(folderOf(run), `No checkpoint is whole: ${skipped.join(" ")}`)
}

/** A model's own file in a run's newest whole checkpoint, held against its hash. */
export const newestModelFile = async (run: string, model: string): Promise<{ readonly file: string; readonly bytes: Uint8Array; readonly step: number } | undefined> => {
  for (const step of await checkpointSteps(run)) {
    const folder = path.join(folderOf(run), nameOf(step))
    const about = unsealed(await fs.readFile(path.join(folder, "run.json"), "utf8").catch(() => ""))
    const file = path.join(folder, `${model}.safetensors`)
    const bytes = await fs.readFile(file).catch(() => undefined)
    if (about !== undefined && bytes !== undefined && about.files[`${model}.safetensors`] === sha256(bytes)) return { file, bytes, step }
  }
  return undefined
}
