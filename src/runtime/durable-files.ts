/** Files that survive a crash: written aside, synced, renamed, and their folder synced (what a rename alone loses on power failure). */
import fs from "node:fs/promises"
import path from "node:path"

/** The beginning of every name that a crash may leave behind. */
export const asidePrefix = ".nda-"

export const syncFolder = async (folder: string): Promise<void> => {
  const handle = await fs.open(folder, "r")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Writes all bytes and syncs them; a failed sync is an error, never tried again. */
export const writeSynced = async (file: string, bytes: Uint8Array | string): Promise<void> => {
  const handle = await fs.open(file, "w")
  try {
    await handle.writeFile(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** The file has the old bytes or the new ones, whatever happens. */
export const replaceFile = async (file: string, bytes: Uint8Array | string): Promise<void> => {
  const folder = path.dirname(file)
  const aside = path.join(folder, `${asidePrefix}${path.basename(file)}`)
  try {
    await writeSynced(aside, bytes)
    await fs.rename(aside, file)
  } catch (error) {
    await fs.rm(aside, { force: true }).catch(() => undefined)
    throw error
  }
  await syncFolder(folder)
}

/** What a crash left in a folder goes. */
export const removeAside = async (folder: string): Promise<void> => {
  const names = await fs.readdir(folder).catch((): string[] => [])
  for (const name of names) if (name.startsWith(asidePrefix)) await fs.rm(path.join(folder, name), { recursive: true, force: true })
}
