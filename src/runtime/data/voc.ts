/** Pascal VOC folders: pictures letter-boxed to a square, boxes as centre and size in its pixels, classes in alphabetical order. */
import { join } from "node:path"
import { DataError } from "./data-error.ts"
import { pixelOf } from "./data-set.ts"
import type { Ask, DataSet } from "./data-set.ts"
import { within } from "./decode-image.ts"
import { decodedPictures } from "./decoded-pictures.ts"
import { wantedChannels, writePlanes } from "./folder.ts"
import { choiceOption, onlyOptions, textOption, wholeOption } from "./options.ts"
import { isPictureName } from "./picture-names.ts"
import { listFolder, look, placeOf, readWhole } from "./read-file.ts"
import { parseAnnotation } from "./voc-annotation.ts"
import type { VocAnnotation } from "./voc-annotation.ts"

/** What surrounds a letter-boxed picture: mid-grey. */
const surround = 128
const annotationLimit = 2 ** 22

const vocHint = "a Pascal VOC folder has Annotations/, JPEGImages/ and ImageSets/Main/; paths are relative to --data-dir"

/** The names of the split's pictures, from its list. */
const splitList = async (ask: Ask, root: string, all: readonly string[]): Promise<readonly string[]> => {
  const lists = join(root, "ImageSets", "Main")
  const asked = ask.options["split"] === undefined ? undefined : textOption(ask, "split")
  if (asked === undefined && ask.split === "all") return all
  if (asked !== undefined && !/^[\w-]+$/.test(asked)) throw new DataError({
    reason: "option", file: ask.loader, expected: "split= the name of a list in ImageSets/Main", found: JSON.stringify(asked),
  })
  for (const name of asked === undefined ? (ask.split === "train" ? ["train", "trainval"] : ["test", "val"]) : [asked]) {
    const file = join(lists, `${name}.txt`)
    if ((await look(file)) === undefined) continue
    const names = (await readWhole(file)).toString("utf8").split(/\r?\n/).map((line) => line.trim().split(/\s+/)[0]!).filter((word) => word !== "")
    const known = new Set(all)
    const bad = names.find((word) => !known.has(word))
    if (bad !== undefined) throw new DataError({
      reason: "corrupt", file, expected: "names that have a file in Annotations/", found: JSON.stringify(bad.slice(0, 80)),
    })
    return names
  }
  const there = (await listFolder(lists, vocHint)).filter((name) => name.endsWith(".txt")).map((name) => name.slice(0, -4))
  throw new DataError({
    reason: "missing", file: lists, expected: `the list ${asked ?? ask.split}.txt`,
    found: there.length === 0 ? "no lists" : `lists ${there.slice(0, 12).join(", ")}`,
  })
}

interface Scene {
  readonly file: string
  readonly annotationFile: string
  readonly annotation: VocAnnotation
}

export const loadVoc = async (ask: Ask): Promise<DataSet> => {
  onlyOptions(ask, ["path", "split", "size", "most", "overflow", "classes"])
  const root = placeOf(ask.context, textOption(ask, "path"))
  const size = wholeOption(ask, "size", 1, 8192)
  const most = wholeOption(ask, "most", 1, 65_536)
  const overflow = choiceOption(ask, "overflow", ["error", "drop"], "error")
  const all = (await listFolder(join(root, "Annotations"), vocHint)).filter((name) => name.endsWith(".xml")).map((name) => name.slice(0, -4))
  const names = await splitList(ask, root, all)
  const pictures = (await listFolder(join(root, "JPEGImages"), vocHint)).filter(isPictureName)
  const pictureOf = new Map(pictures.map((name) => [name.slice(0, name.lastIndexOf(".")), join(root, "JPEGImages", name)]))

  // All annotations are read, so that a class has the same number in every split.
  const annotations = new Map<string, VocAnnotation>()
  const skip = (error: unknown): void => {
    if (!ask.context.skipBad || !(error instanceof DataError)) throw error
    ask.context.onSkip?.(error.file, `expected ${error.expected}, found ${error.found}`)
  }
  const listed = ask.options["classes"] === undefined ? undefined : textOption(ask, "classes").split(",").map((name) => name.trim())
  const needed = listed === undefined ? all : names
  for (const [number, name] of needed.entries()) {
    if (number % 500 === 0) ask.context.onProgress?.(number, needed.length, join(root, "Annotations"))
    const file = join(root, "Annotations", `${name}.xml`)
    try {
      annotations.set(name, parseAnnotation(file, (await readWhole(file, undefined, annotationLimit)).toString("utf8")))
    } catch (error) {
      skip(error)
    }
  }
  const named = [...annotations.values()].flatMap((annotation) => annotation.objects.map((object) => object.className))
  const classes = listed ?? [...new Set(named)].sort((a, b) => (a < b ? -1 : 1))

  const scenes: Scene[] = []
  for (const name of names) {
    const annotation = annotations.get(name)
    if (annotation === undefined) continue
    const annotationFile = join(root, "Annotations", `${name}.xml`)
    try {
      const file = pictureOf.get(name)
      if (file === undefined) throw new DataError({
        reason: "missing", file: join(root, "JPEGImages", `${name}.jpg`), expected: "the picture of an annotation", found: "no such file",
      })
      if (annotation.objects.length > most && overflow === "error") {
        throw new DataError({
          reason: "limit", file: annotationFile, expected: `at most ${most} boxes (most=${most})`, found: String(annotation.objects.length),
          hint: "raise most=, or say overflow=\"drop\" to keep the first ones",
        })
      }
      const unknown = annotation.objects.find((object) => !classes.includes(object.className))
      if (unknown !== undefined) throw new DataError({
        reason: "corrupt", file: annotationFile, expected: `classes among ${classes.join(", ")}`, found: JSON.stringify(unknown.className),
      })
      scenes.push({ file, annotationFile, annotation })
    } catch (error) {
      skip(error)
    }
  }

  const crowded = scenes.filter(({ annotation }) => annotation.objects.length > most)
  const left = crowded.reduce((sum, { annotation }) => sum + annotation.objects.length - most, 0)
  if (left > 0) ask.context.onSkip?.(root, `${left} boxes of ${crowded.length} pictures, which have more than ${most} (overflow="drop")`)

  const channels = wantedChannels(ask, "image", 3)
  const plane = size * size
  const decoded = decodedPictures(channels, within(size))
  return {
    place: root, count: scenes.length, slow: true,
    fields: [
      { name: "image", dtypes: ["f32"], bytes: true, shape: [channels, size, size] }, { name: "boxes", dtypes: ["f32"], shape: [most, 4] },
      { name: "class", dtypes: ["i32"], shape: [most] }, { name: "valid", dtypes: ["bool"], shape: [most] }, { name: "difficult", dtypes: ["bool"], shape: [most] },
    ],
    async read(sample, _epoch, into, slot) {
      const { file, annotationFile, annotation } = scenes[sample]!
      const picture = await decoded(file)
      const { width, height } = picture.original
      if ((annotation.width ?? width) !== width || (annotation.height ?? height) !== height) {
        throw new DataError({
          reason: "corrupt", file: annotationFile, expected: `a picture of ${annotation.width} x ${annotation.height}`,
          found: `${width} x ${height} in ${file}`,
        })
      }
      const left = Math.floor((size - picture.width) / 2)
      const top = Math.floor((size - picture.height) / 2)
      const across = picture.width / width
      const down = picture.height / height
      const boxes = annotation.objects.slice(0, most).map((object, number) => {
        const x0 = Math.min(width, Math.max(0, object.corners[0])) * across + left
        const y0 = Math.min(height, Math.max(0, object.corners[1])) * down + top
        const x1 = Math.min(width, Math.max(0, object.corners[2])) * across + left
        const y1 = Math.min(height, Math.max(0, object.corners[3])) * down + top
        if (x1 <= x0 || y1 <= y0) {
          throw new DataError({
            reason: "corrupt", file: annotationFile, expected: `object ${number} (${object.className}) inside the ${width} x ${height} picture`,
            found: object.corners.join(", "),
          })
        }
        return { box: [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0], label: classes.indexOf(object.className), difficult: object.difficult }
      })
      // Nothing is written before all of the sample is known to be good.
      const image = into["image"]
      if (image !== undefined) {
        const start = slot * channels * plane
        image.fill(pixelOf(image)[surround]!, start, start + channels * plane)
        const row = picture.width * channels
        for (let y = 0; y < picture.height; y++) writePlanes(picture.data.subarray(y * row, (y + 1) * row), channels, image, start + (top + y) * size + left, plane)
      }
      for (const [number, { box, label, difficult }] of boxes.entries()) {
        const at = slot * most + number
        into["boxes"]?.set(box, at * 4)
        into["class"]?.set([label], at)
        into["valid"]?.set([1], at)
        into["difficult"]?.set([Number(difficult)], at)
      }
    },
  }
}
