/** `nda data get`: fetches a data set from its official address and leaves it in the layout that its loader reads. */
import { createReadStream } from "node:fs"
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises"
import { join } from "node:path"
import { createGunzip } from "node:zlib"
import { DataError, reasonText } from "./data-error.ts"
import { fetchFile } from "./fetch-file.ts"
import type { FetchOptions } from "./fetch-file.ts"
import { officialSets } from "./official-sets.ts"
import type { OfficialSet, RemoteFile } from "./official-sets.ts"
import { look } from "./read-file.ts"
import { unpackTar } from "./tar.ts"

const zlibFaults: readonly string[] = ["Z_BUF_ERROR", "Z_DATA_ERROR"]

/** Unpacks a .tar.gz beside its target and moves the one folder it holds into place: all of it or nothing. */
export const unpackArchive = async (archive: string, folder: string, unpacksTo: string, bytes: number): Promise<void> => {
  const place = await mkdtemp(join(folder, ".unpacking-"))
  const source = createReadStream(archive)
  try {
    const stream = source.pipe(createGunzip())
    source.on("error", (error) => stream.destroy(error))
    await unpackTar(archive, stream as AsyncIterable<Uint8Array>, place, { bytes, entries: 10_000 })
    if ((await look(join(place, unpacksTo))) !== "folder") throw new DataError({
      reason: "corrupt", file: archive, expected: `the folder ${unpacksTo}/`, found: "none",
    })
    await rm(join(folder, unpacksTo), { recursive: true, force: true })
    await rename(join(place, unpacksTo), join(folder, unpacksTo))
  } catch (error) {
    if (!zlibFaults.includes((error as { code?: string }).code ?? "")) throw error
    throw new DataError({ reason: "corrupt", file: archive, expected: "a whole .tar.gz archive", found: reasonText(error) })
  } finally {
    source.destroy()
    await rm(place, { recursive: true, force: true })
  }
}

const getFile = async (file: RemoteFile, folder: string, options: FetchOptions): Promise<boolean> => {
  const target = join(folder, file.name)
  if (file.unpacksTo === undefined) return fetchFile(file, target, options)
  if ((await look(join(folder, file.unpacksTo))) === "folder") return false
  await fetchFile(file, target, options)
  await unpackArchive(target, folder, file.unpacksTo, file.unpackedBytes ?? 10 * file.bytes)
  await rm(target, { force: true })
  return true
}

export interface Downloaded {
  readonly folder: string
  /** Names of the files that were fetched now, and of those that were there. */
  readonly fetched: readonly string[]
  readonly present: readonly string[]
}

/** `sets` is the table; tests give their own. */
export const getDataSet = async (name: string, dataDir: string, options: FetchOptions = {}, sets: readonly OfficialSet[] = officialSets): Promise<Downloaded> => {
  const set = sets.find((candidate) => candidate.name === name)
  if (set === undefined) throw new DataError({
    reason: "option", file: "nda data get", expected: `one of ${sets.map((each) => each.name).join(", ")}`, found: JSON.stringify(name),
  })
  const folder = join(dataDir, set.folder)
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw new DataError({
      reason: "missing", file: folder, expected: "a folder that can be written", found: reasonText(error), hint: "say --dir DIR",
    })
  })
  const fetched: string[] = []
  const present: string[] = []
  for (const file of set.files) ((await getFile(file, folder, options)) ? fetched : present).push(file.name)
  return { folder, fetched, present }
}

export interface SetStatus {
  readonly name: string
  readonly folder: string
  readonly about: string
  readonly licence: string
  readonly downloadBytes: number
  readonly present: boolean
}

/** `nda data list`: every official set, and whether its files lie under the data folder. */
export const listDataSets = async (dataDir: string, sets: readonly OfficialSet[] = officialSets): Promise<readonly SetStatus[]> => {
  const list: SetStatus[] = []
  for (const set of sets) {
    const folder = join(dataDir, set.folder)
    let present = true
    for (const file of set.files) {
      const kept = file.unpacksTo ?? file.name
      const places = file.unpacksTo === undefined ? [kept, kept.replace(/\.gz$/, "")] : [kept, "data_batch_1.bin", "train.bin"]
      const found = await Promise.all(places.map((place) => look(join(folder, place))))
      if (found.every((kind) => kind === undefined)) present = false
    }
    list.push({ name: set.name, folder, about: set.about, licence: set.licence, downloadBytes: set.files.reduce((sum, file) => sum + file.bytes, 0), present })
  }
  return list
}
