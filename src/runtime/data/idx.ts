/** MNIST and its like in IDX files: a magic number with the rank, big-endian sizes, then u8 values; gzipped or not. */
import { join } from "node:path"
import { DataError } from "./data-error.ts"
import { pixelOf } from "./data-set.ts"
import type { Ask, DataSet } from "./data-set.ts"
import { gunzipBounded, isGzip } from "./gzip.ts"
import { onlyOptions, textOption } from "./options.ts"
import { look, placeOf, readWhole } from "./read-file.ts"

export interface IdxArray {
  readonly shape: readonly number[]
  readonly data: Uint8Array
}

/** The u8 array of an IDX file of the given rank. */
export const parseIdx = (file: string, bytes: Uint8Array, rank: number): IdxArray => {
  const corrupt = (expected: string, found: string): never => {
    throw new DataError({ reason: "corrupt", file, expected, found })
  }
  const header = 4 + 4 * rank
  if (bytes.length < header) return corrupt(`an IDX header of ${header} bytes`, `${bytes.length} bytes`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const magic = view.getUint32(0)
  if (magic !== 0x0800 + rank) return corrupt(`the IDX magic number 0x${(0x0800 + rank).toString(16).padStart(8, "0")}`, `0x${magic.toString(16).padStart(8, "0")}`)
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis))
  const size = shape.reduce((product, each) => product * BigInt(each), 1n)
  const held = bytes.length - header
  if (size !== BigInt(held)) return corrupt(`${shape.join(" x ")} = ${size} bytes after the header`, `${held} bytes`)
  return { shape, data: bytes.subarray(header) }
}

const readIdx = async (file: string, rank: number): Promise<IdxArray> => {
  const bytes = await readWhole(file)
  return parseIdx(file, isGzip(bytes) ? await gunzipBounded(file, bytes) : bytes, rank)
}

/** The pictures of one split and their labels, checked against each other. */
export const pairIdx = (imageFile: string, images: IdxArray, labelFile: string, labels: IdxArray, classes: number): void => {
  if (images.shape[0] !== labels.shape[0]) {
    throw new DataError({
      reason: "corrupt", file: labelFile, expected: `${images.shape[0]} labels (as many as ${imageFile} has pictures)`,
      found: `${labels.shape[0]}`,
    })
  }
  const row = labels.data.findIndex((label) => label >= classes)
  if (row >= 0) throw new DataError({
    reason: "corrupt", file: labelFile, expected: `labels below ${classes}`, found: `label ${labels.data[row]} in row ${row}`,
  })
}

const find = async (folder: string, name: string, kind: "idx1" | "idx3"): Promise<string | undefined> => {
  for (const candidate of [`${name}-${kind}-ubyte`, `${name}-${kind}-ubyte.gz`, `${name}.${kind}-ubyte`, `${name}.${kind}-ubyte.gz`]) {
    if ((await look(join(folder, candidate))) !== undefined) return join(folder, candidate)
  }
  return undefined
}

export interface LabelledPictures {
  readonly images: IdxArray
  readonly labels: IdxArray
  readonly place: string
}

/** One split of MNIST or Fashion-MNIST. */
export const readPictures = async (ask: Ask, folder: string, split: "train" | "test", name: string): Promise<LabelledPictures> => {
  const stem = split === "train" ? "train" : "t10k"
  const imageFile = await find(folder, `${stem}-images`, "idx3")
  const labelFile = await find(folder, `${stem}-labels`, "idx1")
  if (imageFile === undefined || labelFile === undefined) {
    const absent = imageFile === undefined ? `${stem}-images-idx3-ubyte` : `${stem}-labels-idx1-ubyte`
    throw new DataError({
      reason: "missing", file: join(folder, absent), expected: `${absent} or ${absent}.gz in ${folder}`, found: "neither",
      hint: `nda data get ${name} --dir ${ask.context.dataDir} downloads it; --data-dir names another root`,
    })
  }
  ask.context.onProgress?.(0, 2, imageFile)
  const images = await readIdx(imageFile, 3)
  ask.context.onProgress?.(1, 2, labelFile)
  const labels = await readIdx(labelFile, 1)
  pairIdx(imageFile, images, labelFile, labels, 10)
  return { images, labels, place: folder }
}

export const loadIdx = async (ask: Ask): Promise<DataSet> => {
  onlyOptions(ask, ["path"])
  const folder = placeOf(ask.context, textOption(ask, "path", ask.loader))
  const splits = ask.split === "all" ? (["train", "test"] as const) : ([ask.split] as const)
  const parts: LabelledPictures[] = []
  for (const split of splits) parts.push(await readPictures(ask, folder, split, ask.loader))
  const [, height, width] = parts[0]!.images.shape as [number, number, number]
  const size = height * width
  for (const part of parts) {
    if (part.images.shape[1] !== height || part.images.shape[2] !== width) {
      throw new DataError({
        reason: "corrupt", file: folder, expected: `pictures of ${height} x ${width} in both splits`,
        found: part.images.shape.slice(1).join(" x "),
      })
    }
  }
  const trained = parts[0]!.images.shape[0]!
  return {
    place: folder, slow: false, count: parts.reduce((total, part) => total + part.images.shape[0]!, 0),
    fields: [{ name: "image", dtypes: ["f32"], bytes: true, shape: [1, height, width] }, { name: "label", dtypes: ["i32"], shape: [] }],
    read(sample, _epoch, into, slot) {
      const part = sample < trained ? parts[0]! : parts[1]!
      const row = sample < trained ? sample : sample - trained
      const image = into["image"]
      if (image !== undefined) {
        const pixel = pixelOf(image)
        for (let i = 0; i < size; i++) image[slot * size + i] = pixel[part.images.data[row * size + i]!]!
      }
      const label = into["label"]
      if (label !== undefined) label[slot] = part.labels.data[row]!
    },
  }
}
