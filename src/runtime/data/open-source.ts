/** Opening a data set by its loader's name, and checking what it holds against what the program declares. */
import { loadArray } from "./array.ts"
import { serveBatches } from "./batches.ts"
import type { AgreedField } from "./batches.ts"
import { loadCifar, loadCifarRecords } from "./cifar.ts"
import { loadClips } from "./clips.ts"
import { DataError } from "./data-error.ts"
import { sampleShape, shapeText } from "./data-set.ts"
import type { DataSet, Field, Loader } from "./data-set.ts"
import { loadDots } from "./dots.ts"
import { loadFolder } from "./folder.ts"
import { loadIdx } from "./idx.ts"
import { loadMotion } from "./motion.ts"
import type { OpenSource, SourceContext, SourceRequest } from "./source.ts"
import { loadVoc } from "./voc.ts"

const loaders: Readonly<Record<string, Loader>> = {
  cifar10: loadCifar, cifar100: loadCifar, cifar_records: loadCifarRecords, mnist: loadIdx, fashion: loadIdx, folder: loadFolder,
  clips: loadClips, voc: loadVoc, boxes_folder: loadVoc, array: loadArray, dots: loadDots, motion: loadMotion,
}

const loaderOf = (name: string): Loader => {
  const loader = Object.hasOwn(loaders, name) ? loaders[name] : undefined
  if (loader === undefined) throw new DataError({
    reason: "option", file: name, expected: `a loader among ${Object.keys(loaders).join(", ")}`, found: `"${name}"`,
  })
  return loader
}

const fieldText = (field: Field): string => `${field.name}: ${shapeText(field.dtypes[0]!, field.shape)}`

/** Each declared field, found in the data set with the same type and the same shape, or one error that names both. */
const agree = (request: SourceRequest, set: DataSet): readonly AgreedField[] =>
  request.fields.map((wanted) => {
    const field = set.fields.find((candidate) => candidate.name === wanted.name)
    if (field === undefined) {
      throw new DataError({
        reason: "shape", file: set.place, expected: `a field ${wanted.name} (declared by ${request.name})`,
        found: `${request.loader} gives ${set.fields.map(fieldText).join(", ")}`,
      })
    }
    const shape = sampleShape(wanted.shape, field.shape.length)
    const sameShape = shape.length === field.shape.length && shape.every((size, axis) => size === field.shape[axis])
    if (!sameShape || !(field.dtypes.includes(wanted.dtype) || (wanted.dtype === "u8" && field.bytes === true))) {
      throw new DataError({
        reason: "shape", file: set.place, expected: `${wanted.name}: ${shapeText(wanted.dtype, shape)} a sample (declared by ${request.name})`, found: fieldText(field),
        hint: sameShape ? `declare it as ${field.dtypes.join(" or ")}` : "change the declaration, or the loader's options (size=, frames=, most=)",
      })
    }
    return { name: field.name, dtype: wanted.dtype, shape: field.shape }
  })

const checkCount = (request: SourceRequest, set: DataSet): void => {
  if (!Number.isInteger(request.batch) || request.batch < 1) {
    throw new DataError({ reason: "option", file: request.name, expected: "batch= a whole number from 1", found: String(request.batch) })
  }
  if (set.count === 0) throw new DataError({ reason: "missing", file: set.place, expected: "at least one sample", found: "none" })
  if (request.split === "train" && request.whole !== true && request.batch > set.count) {
    throw new DataError({
      reason: "option", file: set.place, expected: `at least ${request.batch} samples (batch=${request.batch}; a train split drops the tail)`, found: String(set.count),
      hint: `take a batch of at most ${set.count}`,
    })
  }
}

export const openSource = async (request: SourceRequest, context: SourceContext): Promise<OpenSource> => {
  const set = await loaderOf(request.loader)({
    loader: request.loader, split: request.split, options: request.options, wanted: request.fields, batch: request.batch, context,
  })
  const fields = agree(request, set)
  checkCount(request, set)
  return serveBatches(set, fields, request, context)
}

export interface Description {
  readonly count: number
  /** Per-sample shapes. */
  readonly fields: readonly { readonly name: string; readonly dtype: string; readonly shape: readonly number[] }[]
  readonly place: string
}

/** What is there, before anything runs. */
export const describe = async (
  loader: string, options: SourceRequest["options"], context: SourceContext, split: SourceRequest["split"] = "train", wanted?: SourceRequest["fields"],
): Promise<Description> => {
  const set = await loaderOf(loader)({ loader, split, options, wanted, batch: undefined, context })
  return { count: set.count, place: set.place, fields: set.fields.map((field) => ({ name: field.name, dtype: field.dtypes[0]!, shape: field.shape })) }
}
