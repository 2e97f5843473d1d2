/** Weights that a program begins with: `--weights [MODEL=]PATH[#subtree]` and the `from` of its models, as values of slots. */
import fs from "node:fs/promises"
import path from "node:path"
import type { ProgramPlan } from "../plan/plan.ts"
import { newestModelFile } from "./checkpoint.ts"
import { arrayOf, count } from "./commands.ts"
import { CheckpointError } from "./errors.ts"
import type { TypedArray } from "./executor.ts"
import { parseSafetensors, readSafetensors, type SafeFile } from "./safetensors.ts"
import { modelFrom } from "./slot-tensors.ts"
import { fromTorchvision, isTorchvision, mayStayUnread, torchvisionNames } from "./torchvision-names.ts"

export interface WeightsRequest {
  /** undefined: every model of the program that is found there. */
  readonly model: string | undefined
  readonly path: string
  readonly subtree: string | undefined
  /** Read only where no other request gives the model: its `from`, beside `--weights`. */
  readonly otherwise?: boolean
}

export interface LoadedWeights {
  readonly slots: Readonly<Record<string, TypedArray>>
  readonly models: ReadonlySet<string>
  /** What was taken from where, and what stayed unused. */
  readonly notes: readonly string[]
}

/** A subtree is what follows the last `#`. */
export const weightsRequest = (text: string): WeightsRequest => {
  const named = /^([A-Za-z_]\w*)=(.+)$/s.exec(text)
  const rest = named === null ? text : named[2]!
  const hash = rest.lastIndexOf("#")
  return { model: named?.[1], path: hash < 0 ? rest : rest.slice(0, hash), subtree: hash < 0 || hash === rest.length - 1 ? undefined : rest.slice(hash + 1) }
}

const missing = (message: string, where: string, hint: string): CheckpointError => new CheckpointError({ reason: "Missing", message, where, hint })

interface Found {
  readonly model: string
  readonly file: string
  readonly tensors: SafeFile
  readonly step: number | undefined
}

/** In a run's folder each model has its file; in a newest whole checkpoint where there is one, else at the top. */
const inFolder = async (folder: string, model: string): Promise<Found | CheckpointError | undefined> => {
  const newest = await newestModelFile(folder, model)
  const file = newest?.file ?? path.join(folder, `${model}.safetensors`)
  if (newest === undefined && !(await fs.stat(file).then((found) => found.isFile(), () => false))) return undefined
  const tensors = newest === undefined ? await readSafetensors(file) : parseSafetensors(file, newest.bytes)
  return tensors instanceof CheckpointError ? tensors : { model, file, tensors, step: newest?.step }
}

const find = async (program: ProgramPlan, request: WeightsRequest): Promise<readonly Found[] | CheckpointError> => {
  const models = program.models.map((model) => model.name)
  const { model: wanted, path: place } = request
  if (wanted !== undefined && !models.includes(wanted)) return missing(`The program has no model ${wanted}.`, place, `its models: ${models.join(", ") || "none"}`)
  const found: Found[] = []
  if (await fs.stat(place).then((stats) => stats.isDirectory(), () => false)) {
    for (const model of wanted === undefined ? models : [wanted]) {
      const each = await inFolder(place, model)
      if (each instanceof CheckpointError) return each
      if (each !== undefined) found.push(each)
    }
    return found.length > 0 ? found : missing(`There are no weights of ${wanted ?? (models.join(", ") || "any model")} here.`, place, "give the folder of a run that saved the model, or its .safetensors file")
  }
  const own = path.basename(place).replace(/(\.best)?\.safetensors$/, "")
  const model = wanted ?? (models.length === 1 ? models[0] : models.find((name) => name === own))
  if (model === undefined) return missing(`The file does not say which model its weights are of.`, place, `say it: --weights MODEL=${place} (${models.join(", ")})`)
  const tensors = await readSafetensors(place)
  return tensors instanceof CheckpointError ? tensors : [{ model, file: place, tensors, step: undefined }]
}

/** The tensors under a subtree, by what follows it. */
export const under = (file: SafeFile, subtree: string | undefined): SafeFile["tensors"] => {
  if (subtree === undefined) return file.tensors
  return new Map([...file.tensors].flatMap(([name, tensor]) => (name.startsWith(`${subtree}.`) ? [[name.slice(subtree.length + 1), tensor] as const] : [])))
}

const isRunningStatistic = (path: string): boolean => /(^|\.)normalize_batch(\.\d+)?\.running_(mean|var)$/.test(path)

/**
 * What a trained model has and another program's use of it may not: a follower's count of updates, and the running statistics of batch norms
 * where the model is applied with the batch's own (`with_training`) and so reads none at all.
 */
const mayStayBehind = (path: string, own: ReadonlySet<string>): boolean => path === "updates" || (isRunningStatistic(path) && ![...own].some(isRunningStatistic))

/** Later requests win over earlier ones; all of a model's tensors or none. */
export const loadWeights = async (program: ProgramPlan, requests: readonly WeightsRequest[]): Promise<LoadedWeights | CheckpointError> => {
  // Between an arena's leaves there is always zero, so zeros are what leaves are laid into.
  const zeros = Object.fromEntries(program.slots.map((slot) => [slot.name, new arrayOf[slot.dtype](count(slot.shape))]))
  const slots: Record<string, TypedArray> = {}
  const models = new Set<string>()
  const notes: string[] = []
  for (const request of [...requests.filter((r) => !r.otherwise), ...requests.filter((r) => r.otherwise)]) {
    if (request.otherwise && request.model !== undefined && models.has(request.model)) continue
    const found = await find(program, request)
    if (found instanceof CheckpointError) return found
    for (const { model, file, tensors, step } of found) {
      const part = under(tensors, request.subtree)
      const foreign = isTorchvision(part.keys())
      const loaded = foreign
        ? modelFrom(program, zeros, model, { tensors: fromTorchvision(part), metadata: tensors.metadata }, file, undefined, mayStayUnread)
        : modelFrom(program, zeros, model, tensors, file, request.subtree, mayStayBehind)
      if (loaded instanceof CheckpointError) return loaded
      Object.assign(slots, loaded.slots)
      models.add(model)
      notes.push(`weights of ${model} from ${file}${foreign ? ", by torchvision's names" : ""}${step === undefined ? "" : ` (step ${step})`}`)
      const unused = foreign ? torchvisionNames(part.keys(), loaded.unused) : loaded.unused
      if (unused.length > 0) notes.push(`not used of ${file}: ${unused.join(", ")}`)
    }
  }
  return { slots, models, notes }
}
