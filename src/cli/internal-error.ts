/** A bug in nda: its details go to a file in the temporary folder, one line to the terminal. */
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { version } from "./version.ts"

const details = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error))

const writeReport = (error: unknown): string | undefined => {
  const text = [
    `nda ${version()}, node ${process.version}, ${process.platform}-${process.arch}`,
    `arguments: ${JSON.stringify(process.argv.slice(2)).slice(0, 10_000)}`,
    "", details(error), "",
  ].join("\n")
  for (const folder of [os.tmpdir(), process.cwd()]) {
    try {
      const file = path.join(fs.mkdtempSync(path.join(folder, "nda-report-")), "internal-error.txt")
      fs.writeFileSync(file, text)
      return file
    } catch {
      // The next folder may be writable.
    }
  }
  return undefined
}

/** The line for the terminal. */
export const internalError = (error: unknown): string => {
  const first = (error instanceof Error ? error.message : String(error)).split("\n")[0]!.slice(0, 200)
  const file = writeReport(error)
  return `internal error: ${first}; this is a bug in nda: please report it with ${file === undefined ? "the program (no report could be written)" : `the program and ${file}`}`
}
