/** `nda fmt`: the one formatter, in place. */
import { writeFile } from "node:fs/promises"
import { format } from "../syntax/format.ts"
import type { Console } from "./console.ts"
import { exitCode } from "./exit-code.ts"
import { isFailure, outputFailure, systemReason, type Outcome } from "./failure.ts"
import type { Arguments } from "./parse-arguments.ts"
import { normalised, readSource, report } from "./program.ts"

export const formatCommand = async (args: Arguments, console: Console): Promise<Outcome> => {
  const checking = args.on.has("check")
  let failed = false
  for (const given of args.operands) {
    const file = normalised(given)
    const text = await readSource(file)
    if (isFailure(text)) return text
    const { value, diagnostics } = format(file, text)
    if (report(console, args, { [file]: text }, diagnostics) || value === undefined) {
      failed = true
      continue
    }
    if (value === text) continue
    if (checking) {
      console.out(`${file} is not formatted`)
      failed = true
      continue
    }
    try {
      await writeFile(file, value)
    } catch (error) {
      return outputFailure(`cannot be written: ${systemReason(error)}`, file)
    }
    console.note(`formatted ${file}`)
  }
  return failed ? exitCode.program : exitCode.ok
}
