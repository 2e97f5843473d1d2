/** Where `nda tune` keeps what it measured: a file for each adapter with its driver, profile of kernels and version of nda. */
import fs from "node:fs"
import { mkdir } from "node:fs/promises"
import path from "node:path"
import { fnv1a32 } from "../base/fnv.ts"
import { cacheFolder } from "./cache-folder.ts"
import { replaceFile } from "./durable-files.ts"

/** What measurements hold for. `adapter` names the driver's version too. */
export interface TunedFor {
  readonly adapter: string
  readonly profile: string
  readonly version: string
}

const folder = (): string => cacheFolder("tuned")
export const tunedFile = (of: TunedFor): string => path.join(folder(), `${fnv1a32(JSON.stringify([of.adapter, of.profile, of.version])).toString(16).padStart(8, "0")}.json`)

/** The choices by shape; none where there is no file, or none that holds for this. */
export const readTuned = (of: TunedFor): Readonly<Record<string, unknown>> => {
  try {
    const found = JSON.parse(fs.readFileSync(tunedFile(of), "utf8")) as TunedFor & { readonly tiles?: unknown }
    const holds = found.adapter === of.adapter && found.profile === of.profile && found.version === of.version
    return holds && typeof found.tiles === "object" && found.tiles !== null ? (found.tiles as Readonly<Record<string, unknown>>) : {}
  } catch {
    return {}
  }
}

/** Adds to what the file holds. */
export const writeTuned = async (of: TunedFor, tiles: Readonly<Record<string, unknown>>): Promise<string> => {
  await mkdir(folder(), { recursive: true })
  const file = tunedFile(of)
  await replaceFile(file, `${JSON.stringify({ ...of, tiles: { ...readTuned(of), ...tiles } })}\n`)
  return file
}
