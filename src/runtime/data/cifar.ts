/** CIFAR-10 and CIFAR-100 in the authors' binary records: one or two label bytes, then 3 x 32 x 32 pixels as planes R, G, B. */
import { join } from "node:path"
import { DataError } from "./data-error.ts"
import { pixelOf } from "./data-set.ts"
import type { Ask, DataSet } from "./data-set.ts"
import { choiceOption, onlyOptions, textOption } from "./options.ts"
import { look, pathHint, placeOf, readWhole } from "./read-file.ts"

const pixels = 3 * 32 * 32

interface RecordLayout {
  readonly labelBytes: number
  readonly labelAt: number
  readonly classes: number
}

const one: RecordLayout = { labelBytes: 1, labelAt: 0, classes: 256 }
const fine: RecordLayout = { labelBytes: 2, labelAt: 1, classes: 100 }
const coarse: RecordLayout = { labelBytes: 2, labelAt: 0, classes: 20 }

const checkRecords = (file: string, bytes: Uint8Array, layout: RecordLayout): void => {
  const record = layout.labelBytes + pixels
  if (bytes.length === 0 || bytes.length % record !== 0) {
    const other = layout.labelBytes === 1 ? 2 : 1
    const fits = bytes.length > 0 && bytes.length % (other + pixels) === 0
    throw new DataError({
      reason: "corrupt", file, expected: `records of ${record} bytes`,
      found: `${bytes.length} bytes (${Math.floor(bytes.length / record)} records and ${bytes.length % record} bytes)`,
      ...(fits ? { hint: other === 2 ? "it holds CIFAR-100 records: say labels=\"fine\" or labels=\"coarse\"" : "it holds CIFAR-10 records: leave labels= out" } : {}),
    })
  }
  for (let row = 0, at = layout.labelAt; at < bytes.length; row++, at += record) {
    if (bytes[at]! >= layout.classes) {
      throw new DataError({ reason: "corrupt", file, expected: `labels below ${layout.classes}`, found: `label ${bytes[at]} in record ${row}` })
    }
  }
}

const recordSet = async (ask: Ask, place: string, files: readonly string[], layout: RecordLayout, hint: string | undefined): Promise<DataSet> => {
  const record = layout.labelBytes + pixels
  const parts: { readonly bytes: Uint8Array; readonly first: number; readonly count: number }[] = []
  let count = 0
  for (const [number, file] of files.entries()) {
    ask.context.onProgress?.(number, files.length, file)
    try {
      const bytes = await readWhole(file, hint)
      checkRecords(file, bytes, layout)
      parts.push({ bytes, first: count, count: bytes.length / record })
      count += bytes.length / record
    } catch (error) {
      if (!ask.context.skipBad || !(error instanceof DataError) || error.reason !== "corrupt") throw error
      ask.context.onSkip?.(file, `expected ${error.expected}, found ${error.found}`)
    }
  }
  return {
    place, count, slow: false,
    fields: [{ name: "image", dtypes: ["f32"], bytes: true, shape: [3, 32, 32] }, { name: "label", dtypes: ["i32"], shape: [] }],
    read(sample, _epoch, into, slot) {
      const part = parts.find((candidate) => sample < candidate.first + candidate.count)!
      const at = (sample - part.first) * record
      const image = into["image"]
      if (image !== undefined) {
        const start = at + layout.labelBytes
        const to = slot * pixels
        const pixel = pixelOf(image)
        for (let i = 0; i < pixels; i++) image[to + i] = pixel[part.bytes[start + i]!]!
      }
      const label = into["label"]
      if (label !== undefined) label[slot] = part.bytes[at + layout.labelAt]!
    },
  }
}

const official = {
  cifar10: {
    inner: "cifar-10-batches-bin",
    train: ["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"],
    test: ["test_batch.bin"],
  },
  cifar100: { inner: "cifar-100-binary", train: ["train.bin"], test: ["test.bin"] },
} as const

/** `cifar10` and `cifar100`: as many of the official batch files as are there, in the folder or in the one that the archive unpacks to. */
export const loadCifar = async (ask: Ask): Promise<DataSet> => {
  const name = ask.loader === "cifar100" ? "cifar100" : "cifar10"
  onlyOptions(ask, name === "cifar100" ? ["path", "labels"] : ["path"])
  const layout = name === "cifar10" ? { ...one, classes: 10 } : choiceOption(ask, "labels", ["fine", "coarse"], "fine") === "fine" ? fine : coarse
  const { inner, train, test } = official[name]
  const folder = placeOf(ask.context, textOption(ask, "path", name))
  const names = ask.split === "train" ? train : ask.split === "test" ? test : [...train, ...test]
  for (const place of [folder, join(folder, inner)]) {
    const files: string[] = []
    for (const file of names) if ((await look(join(place, file))) !== undefined) files.push(join(place, file))
    if (files.length > 0) return recordSet(ask, place, files, layout, undefined)
  }
  throw new DataError({
    reason: "missing", file: join(folder, names[0]!),
    expected: `${names.length > 1 ? `one or more of ${names.join(", ")}` : names[0]} in ${folder} or in ${inner}/ inside it`, found: "none of them",
    hint: `nda data get ${name} --dir ${ask.context.dataDir} downloads it; --data-dir names another root`,
  })
}

/** `cifar_records`: any one file of such records. */
export const loadCifarRecords = async (ask: Ask): Promise<DataSet> => {
  onlyOptions(ask, ["path", "labels"])
  const file = placeOf(ask.context, textOption(ask, "path"))
  const layout = ask.options["labels"] === undefined ? one : choiceOption(ask, "labels", ["fine", "coarse"]) === "fine" ? fine : coarse
  return recordSet(ask, file, [file], layout, pathHint)
}
