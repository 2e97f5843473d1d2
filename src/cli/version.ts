/** The versions of nda and of what it runs on. */
import fs from "node:fs"
import { createRequire } from "node:module"
import path from "node:path"
import { fileURLToPath } from "node:url"

interface Package {
  readonly name?: string
  readonly version?: string
}

const readPackage = (file: string): Package | undefined => {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8")) as Package
  } catch {
    return undefined
  }
}

/** The package.json above this file, wherever the bundle lies in it. */
export const version = (): string => {
  for (let folder = path.dirname(fileURLToPath(import.meta.url)); ; folder = path.dirname(folder)) {
    const found = readPackage(path.join(folder, "package.json"))
    if (found?.name === "nda" && found.version !== undefined) return found.version
    if (path.dirname(folder) === folder) return "unknown"
  }
}

/** The installed version of a package; undefined where it is not installed. */
export const versionOf = (name: string): string | undefined => {
  try {
    const entry = createRequire(import.meta.url).resolve(name)
    for (let folder = path.dirname(entry); path.dirname(folder) !== folder; folder = path.dirname(folder)) {
      const found = readPackage(path.join(folder, "package.json"))
      if (found?.name === name) return found.version
    }
    return undefined
  } catch {
    return undefined
  }
}
