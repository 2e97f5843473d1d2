/** Clips: one .npy of u8 [n, t, h, w] or [n, t, h, w, 3], or a folder of folders of frames; a window of frames is taken from each. */
import { join } from "node:path"
import { fnv1a32 } from "../../base/fnv.ts"
import { threefry2x32 } from "../../base/threefry.ts"
import { DataError } from "./data-error.ts"
import { elements } from "./data-set.ts"
import type { Ask, DataSet } from "./data-set.ts"
import { decodeImage, middleSquare } from "./decode-image.ts"
import { multiplyHigh } from "./epoch-order.ts"
import { wantedChannels, writePlanes } from "./folder.ts"
import { readNpy } from "./npy.ts"
import { onlyOptions, textOption, wholeOption } from "./options.ts"
import { listPictures, splitFolders } from "./picture-names.ts"
import { look, pathHint, placeOf, readWhole } from "./read-file.ts"

const site = fnv1a32("window")

/** The first frame of the window: drawn anew each epoch in training, the middle otherwise. */
const firstFrame = (ask: Ask, sample: number, epoch: number, spare: number): number =>
  ask.split === "train" ? multiplyHigh(threefry2x32(ask.context.seed, site, epoch, sample)[0], spare + 1) : Math.floor(spare / 2)

const spanOf = (frames: number, stride: number): number => (frames - 1) * stride + 1

/** One label a clip: the column `label` of a .csv, or a .npy of integers. */
const readLabels = async (file: string, count: number): Promise<Int32Array> => {
  const bytes = await readWhole(file, pathHint)
  const corrupt = (expected: string, found: string): never => {
    throw new DataError({ reason: "corrupt", file, expected, found })
  }
  let values: number[]
  if (file.endsWith(".npy")) values = Array.from(readNpy(file, bytes).data)
  else {
    const [head, ...rows] = bytes.toString("utf8").split(/\r?\n/).filter((line) => line.trim() !== "").map((line) => line.split(","))
    const column = head?.findIndex((name) => name.trim() === "label") ?? -1
    if (column < 0) return corrupt("a column named label", head === undefined ? "an empty file" : head.join(", "))
    values = rows.map((row, number) => {
      const cell = row[column]?.trim() ?? ""
      return /^\d{1,9}$/.test(cell) ? Number(cell) : corrupt("whole numbers in the column label", `${JSON.stringify(cell)} in row ${number}`)
    })
  }
  if (values.length !== count) return corrupt(`${count} labels, one a clip`, String(values.length))
  const bad = values.findIndex((value) => !Number.isInteger(value) || value < 0)
  return bad < 0 ? Int32Array.from(values) : corrupt("labels that are whole numbers from 0", `${values[bad]} in row ${bad}`)
}

const fromArray = async (ask: Ask, file: string): Promise<DataSet> => {
  ask.context.onProgress?.(0, 1, file)
  const array = readNpy(file, await readWhole(file, pathHint))
  const rank = array.shape.length
  if (array.dtype !== "u8" || (rank !== 4 && !(rank === 5 && (array.shape[4] === 1 || array.shape[4] === 3)))) {
    throw new DataError({
      reason: "shape", file, expected: "u8[n, t, h, w] or u8[n, t, h, w, 3]", found: `${array.dtype}[${array.shape.join(", ")}]`,
    })
  }
  const [count, available, high, wide] = array.shape as [number, number, number, number]
  const channels = rank === 5 && array.shape[4] === 3 ? 3 : 1
  const frames = wholeOption(ask, "frames", 1, 4096, available)
  const stride = wholeOption(ask, "stride", 1, 4096, 1)
  const span = spanOf(frames, stride)
  if (span > available) throw new DataError({
    reason: "shape", file, expected: `${span} frames a clip (frames=${frames}, stride=${stride})`, found: String(available),
  })
  const size = ask.options["size"] === undefined ? undefined : wholeOption(ask, "size", 1, 4096)
  const resized = size !== undefined && (size !== high || size !== wide)
  const shape = resized ? [channels, frames, size, size] : [channels, frames, high, wide]
  const frameBytes = high * wide * channels
  const plane = shape[2]! * shape[3]!
  const labels = ask.options["labels"] === undefined ? undefined : await readLabels(placeOf(ask.context, textOption(ask, "labels")), count)
  const bytes = array.data as Uint8Array
  const resizeFrame = async (frame: Uint8Array): Promise<Uint8Array> => {
    const { default: sharp } = await import("sharp")
    const to = middleSquare(size!)(wide, high)
    return sharp(frame, { raw: { width: wide, height: high, channels } }).resize(to.width, to.height, { fit: "fill", kernel: "cubic" })
      .extract(to.crop!).toColourspace(channels === 1 ? "b-w" : "srgb").raw().toBuffer()
  }
  return {
    place: file, count, slow: resized,
    fields: [{ name: "clip", dtypes: ["f32"], bytes: true, shape }, ...(labels === undefined ? [] : [{ name: "label", dtypes: ["i32"], shape: [] }])],
    async read(sample, epoch, into, slot) {
      const clip = into["clip"]
      if (clip !== undefined) {
        const first = firstFrame(ask, sample, epoch, available - span)
        for (let t = 0; t < frames; t++) {
          const at = (sample * available + first + t * stride) * frameBytes
          const frame = bytes.subarray(at, at + frameBytes)
          writePlanes(resized ? await resizeFrame(frame) : frame, channels, clip, slot * elements(shape) + t * plane, frames * plane)
        }
      }
      const label = into["label"]
      if (label !== undefined) label[slot] = labels![sample]!
    },
  }
}

interface FrameFolder {
  readonly folder: string
  readonly frames: readonly string[]
  readonly className: string | undefined
}

/** `path/clip/frame.png`, or `path/class/clip/frame.png`. */
const findFrames = async (places: readonly string[]): Promise<readonly FrameFolder[]> => {
  const found: FrameFolder[] = []
  for (const place of places) {
    for (const name of (await listPictures(place)).folders) {
      const folder = join(place, name)
      const { pictures, folders } = await listPictures(folder)
      if (pictures.length > 0) found.push({ folder, frames: pictures, className: undefined })
      for (const inner of folders) {
        const frames = (await listPictures(join(folder, inner))).pictures
        if (frames.length > 0) found.push({ folder: join(folder, inner), frames, className: name })
      }
    }
  }
  return found
}

const fromFolders = async (ask: Ask, root: string): Promise<DataSet> => {
  const frames = wholeOption(ask, "frames", 1, 4096)
  const stride = wholeOption(ask, "stride", 1, 4096, 1)
  const size = wholeOption(ask, "size", 1, 4096)
  const channels = wantedChannels(ask, "clip", 4)
  const span = spanOf(frames, stride)
  const all = await findFrames(await splitFolders(ask, root, (await listPictures(root, pathHint)).folders))
  if (all.length === 0) throw new DataError({
    reason: "missing", file: root, expected: "folders of frames (clip/0001.png, or class/clip/0001.png), or a .npy file", found: "none",
  })
  const clips = all.filter((clip) => {
    if (clip.frames.length >= span) return true
    const fault = { reason: "shape", file: clip.folder, expected: `at least ${span} frames (frames=${frames}, stride=${stride})`, found: String(clip.frames.length) } as const
    if (!ask.context.skipBad) throw new DataError({ ...fault, hint: "take fewer frames, or go on without such clips by --skip-bad" })
    ask.context.onSkip?.(fault.file, `expected ${fault.expected}, found ${fault.found}`)
    return false
  })
  const classes = [...new Set(clips.map((clip) => clip.className))].sort((a, b) => ((a ?? "") < (b ?? "") ? -1 : 1))
  const labelled = !classes.includes(undefined)
  const plane = size * size
  const shape = [channels, frames, size, size]
  return {
    place: root, count: clips.length, slow: true,
    fields: [{ name: "clip", dtypes: ["f32"], bytes: true, shape }, ...(labelled ? [{ name: "label", dtypes: ["i32"], shape: [] }] : [])],
    async read(sample, epoch, into, slot) {
      const { folder, frames: names, className } = clips[sample]!
      const clip = into["clip"]
      if (clip !== undefined) {
        const first = firstFrame(ask, sample, epoch, names.length - span)
        for (let t = 0; t < frames; t++) {
          const file = join(folder, names[first + t * stride]!)
          const { data } = await decodeImage(file, await readWhole(file), channels, middleSquare(size))
          writePlanes(data, channels, clip, slot * elements(shape) + t * plane, frames * plane)
        }
      }
      const label = into["label"]
      if (label !== undefined) label[slot] = classes.indexOf(className)
    },
  }
}

export const loadClips = async (ask: Ask): Promise<DataSet> => {
  onlyOptions(ask, ["path", "frames", "size", "stride", "labels"])
  const place = placeOf(ask.context, textOption(ask, "path"))
  return (await look(place)) === "folder" ? fromFolders(ask, place) : fromArray(ask, place)
}
