/** `nda check`: what is wrong with programs. */
import type { Console } from "./console.ts"
import { exitCode } from "./exit-code.ts"
import { isFailure, type Outcome } from "./failure.ts"
import { namedValues, type Arguments } from "./parse-arguments.ts"
import { diagnosticsJson, readProgram, report } from "./program.ts"
import { hasErrors, type Diagnostic } from "../base/diagnostic.ts"

export const checkCommand = async (args: Arguments, console: Console): Promise<Outcome> => {
  const set = namedValues(args, "set")
  if (isFailure(set)) return set
  const all: Diagnostic[] = []
  const sources: Record<string, string> = {}
  let failed = false
  for (const file of args.operands) {
    const program = await readProgram(file, { set, verify: args.on.has("verify") })
    if (isFailure(program)) return program
    Object.assign(sources, program.sources)
    all.push(...program.diagnostics)
    if (!console.json) report(console, args, program.sources, program.diagnostics)
    if (hasErrors(program.diagnostics)) failed = true
    else console.note(`${program.file}: no errors`)
  }
  if (console.json) console.out(diagnosticsJson(sources, all))
  return failed ? exitCode.program : exitCode.ok
}
