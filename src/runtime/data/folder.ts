/** An image folder: pictures of any size and kind, resized and cut to one size; one level of sub-folders are classes. */
import { join } from "node:path"
import { DataError } from "./data-error.ts"
import { pixelOf, wantedShape } from "./data-set.ts"
import type { Ask, DataSet, FieldArray } from "./data-set.ts"
import { middleSquare } from "./decode-image.ts"
import { decodedPictures } from "./decoded-pictures.ts"
import { onlyOptions, textOption, wholeOption } from "./options.ts"
import { listPictures, splitFolders } from "./picture-names.ts"
import { pathHint, placeOf } from "./read-file.ts"

interface Picture {
  readonly file: string
  readonly label: number
}

interface Found {
  readonly pictures: readonly Picture[]
  readonly classes: readonly string[]
}

const findPictures = async (places: readonly string[]): Promise<Found> => {
  const direct: string[] = []
  const named: { readonly file: string; readonly className: string }[] = []
  for (const place of places) {
    const { pictures, folders } = await listPictures(place, pathHint)
    direct.push(...pictures.map((name) => join(place, name)))
    for (const className of folders) {
      for (const name of (await listPictures(join(place, className))).pictures) named.push({ file: join(place, className, name), className })
    }
  }
  if (direct.length > 0 && named.length > 0) {
    throw new DataError({
      reason: "option", file: places[0]!, expected: "pictures in the folder, or in sub-folders that are classes", found: `both (${direct.length} in it, ${named.length} in sub-folders)`,
      hint: "move the pictures that have no class elsewhere",
    })
  }
  const classes = [...new Set(named.map((picture) => picture.className))].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  return {
    classes,
    pictures: named.length > 0 ? named.map((picture) => ({ file: picture.file, label: classes.indexOf(picture.className) })) : direct.map((file) => ({ file, label: 0 })),
  }
}

/** 1 or 3 channels, as the program declares the field; 3 where it says nothing of use. */
export const wantedChannels = (ask: Ask, name: string, rank: number): 1 | 3 => (wantedShape(ask, name, rank)?.[0] === 1 ? 1 : 3)

/** Writes interleaved bytes as planes: of bytes, or of numbers in [0, 1]. */
export const writePlanes = (data: Uint8Array, channels: number, into: FieldArray, start: number, planeStride: number): void => {
  const count = data.length / channels
  const pixel = pixelOf(into)
  for (let c = 0; c < channels; c++) {
    const to = start + c * planeStride
    for (let i = 0; i < count; i++) into[to + i] = pixel[data[i * channels + c]!]!
  }
}

export const loadFolder = async (ask: Ask): Promise<DataSet> => {
  onlyOptions(ask, ["path", "size"])
  const root = placeOf(ask.context, textOption(ask, "path"))
  if (ask.options["size"] === undefined) {
    throw new DataError({
      reason: "option", file: root, expected: "size=, the side to which pictures are brought",
      found: "nothing", hint: "say folder(path, size=32)",
    })
  }
  const size = wholeOption(ask, "size", 1, 8192)
  const channels = wantedChannels(ask, "image", 3)
  const places = await splitFolders(ask, root, (await listPictures(root, pathHint)).folders)
  const { pictures, classes } = await findPictures(places)
  if (pictures.length === 0) throw new DataError({
    reason: "missing", file: root, expected: "pictures (.png, .jpg, .jpeg, .webp, .ppm) in it or in its sub-folders", found: "none",
  })
  const fit = middleSquare(size)
  const plane = size * size
  const decoded = decodedPictures(channels, fit)
  return {
    place: root, count: pictures.length, slow: true,
    fields: [
      { name: "image", dtypes: ["f32"], bytes: true, shape: [channels, size, size] },
      ...(classes.length === 0 ? [] : [{ name: "label", dtypes: ["i32"], shape: [] }]),
    ],
    async read(sample, _epoch, into, slot) {
      const { file, label } = pictures[sample]!
      const image = into["image"]
      if (image !== undefined) {
        const { data } = await decoded(file)
        writePlanes(data, channels, image, slot * channels * plane, plane)
      }
      const labels = into["label"]
      if (labels !== undefined) labels[slot] = label
    },
  }
}
