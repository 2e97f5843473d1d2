/** Where the real data sets and the conformance files are, when they are: NDA_DATA, else ../shared/data beside the checkout. */
import { existsSync } from "node:fs"
import { dirname, join, resolve } from "node:path"

export const dataDir = resolve(process.env["NDA_DATA"] ?? "../shared/data")
export const haveData = existsSync(join(dataDir, "README.md"))
export const sharedPath = (path: string): string => join(dirname(dataDir), path)
