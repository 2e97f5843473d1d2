/** Reading a regular file whole, never waiting: pipes, devices and folders are refused by name, sizes are bounded before anything is allocated. */
import { constants } from "node:fs"
import { open, readdir, stat } from "node:fs/promises"
import { isAbsolute, join, resolve } from "node:path"
import type { Stats } from "node:fs"
import { DataError, reasonText } from "./data-error.ts"
import type { SourceContext } from "./source.ts"

/** The most that is read into one array. */
export const fileLimit = 2 ** 31 - 1

export const pathHint = "paths are relative to --data-dir, or to the .nda file when they begin with ./ or ../"

/** `./` and `../` start at the `.nda` file, everything else at `--data-dir`. */
export const placeOf = (context: SourceContext, path: string): string =>
  isAbsolute(path) ? path : /^\.\.?(\/|$)/.test(path) ? resolve(context.fileDir, path) : join(context.dataDir, path)

const kindOf = (stats: Stats): string =>
  stats.isDirectory() ? "a folder"
    : stats.isFIFO() ? "a pipe (FIFO)"
    : stats.isCharacterDevice() || stats.isBlockDevice() ? "a device"
    : stats.isSocket() ? "a socket" : "a file"

const systemWords: Readonly<Record<string, string>> = {
  ENOENT: "no such file", ENOTDIR: "no such file (a part of the path is not a folder)", EACCES: "no permission to read it", EPERM: "no permission to read it",
  ELOOP: "a symbolic link that leads to itself", EISDIR: "a folder", ENXIO: "a pipe or device that nothing answers", ENAMETOOLONG: "a path that is too long",
}

const systemFault = (file: string, expected: string, error: unknown, hint: string | undefined): DataError => {
  const code = (error as { code?: string }).code
  return new DataError({
    reason: "missing", file, expected,
    found: (code === undefined ? undefined : systemWords[code]) ?? reasonText(error), ...(hint === undefined ? {} : { hint }),
  })
}

/** What is at a path, or undefined where nothing is. */
export const look = async (path: string): Promise<"file" | "folder" | "other" | undefined> => {
  try {
    const stats = await stat(path)
    return stats.isFile() ? "file" : stats.isDirectory() ? "folder" : "other"
  } catch {
    return undefined
  }
}

/** The whole file. `hint` is what to do when it is not there. */
export const readWhole = async (file: string, hint?: string, limit = fileLimit): Promise<Buffer> => {
  // O_NONBLOCK: opening a pipe that nobody writes to returns at once instead of waiting.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw systemFault(file, "a file", error, hint)
  })
  try {
    const stats = await handle.stat()
    if (!stats.isFile()) throw new DataError({
      reason: "missing", file, expected: "a file", found: kindOf(stats), ...(hint === undefined ? {} : { hint }),
    })
    if (stats.size > limit) throw new DataError({ reason: "limit", file, expected: `at most ${limit} bytes`, found: `${stats.size} bytes` })
    const bytes = Buffer.allocUnsafe(stats.size)
    let filled = 0
    while (filled < stats.size) {
      const { bytesRead } = await handle.read(bytes, filled, Math.min(stats.size - filled, 2 ** 26), filled)
      if (bytesRead === 0) throw new DataError({
        reason: "corrupt", file, expected: `${stats.size} bytes`, found: `an end after ${filled} (it shrank while it was read)`,
      })
      filled += bytesRead
    }
    return bytes
  } catch (error) {
    throw error instanceof DataError ? error : systemFault(file, "a readable file", error, hint)
  } finally {
    await handle.close()
  }
}

/** The names in a folder in code-unit order, without hidden ones. */
export const listFolder = async (folder: string, hint?: string): Promise<readonly string[]> => {
  const names = await readdir(folder).catch((error: unknown) => {
    throw systemFault(folder, "a folder", (error as { code?: string }).code === "ENOTDIR" ? new Error("something that is not a folder") : error, hint)
  })
  return names.filter((name) => !name.startsWith(".")).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}
