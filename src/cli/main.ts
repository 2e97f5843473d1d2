/** The command `nda`: finds the command, runs it, and turns what comes of it into words and an exit code. */
import { suggest } from "../base/suggest.ts"
import { commands, laterCommands } from "./commands.ts"
import { failureText, makeConsole } from "./console.ts"
import { exitCode, type ExitCode } from "./exit-code.ts"
import { isFailure, usageFailure, type Failure } from "./failure.ts"
import { commandHelp, helpText } from "./help.ts"
import { internalError } from "./internal-error.ts"
import { optimiseLater } from "./optimise-later.ts"
import { parseArguments, shown } from "./parse-arguments.ts"
import { version } from "./version.ts"

const refuse = (failure: Failure): ExitCode => {
  process.stderr.write(`${failureText({ ...failure, usage: failure.usage ?? "nda COMMAND ..." })}\n`)
  return failure.exit
}

const dispatch = async (words: readonly string[]): Promise<ExitCode> => {
  const [name, ...rest] = words
  if (name === undefined) return refuse(usageFailure("a command is missing", "`nda --help` lists them"))
  if (name === "--version") {
    process.stdout.write(`${version()}\n`)
    return exitCode.ok
  }
  if (name === "--help" || name === "-h" || (name === "help" && rest.length === 0)) {
    process.stdout.write(`${helpText()}\n`)
    return exitCode.ok
  }
  if (name === "help") return dispatch([rest[0]!, "--help"])
  const command = commands.find((candidate) => candidate.name === name)
  if (command === undefined) {
    if (Object.hasOwn(laterCommands, name)) return refuse(usageFailure(laterCommands[name]!))
    if (name.startsWith("-")) return refuse(usageFailure(`the command comes first, then its flags (${shown(name)})`, "`nda --help` lists the commands"))
    const near = suggest(name, commands.map((candidate) => candidate.name))
    return refuse(usageFailure(`there is no command ${shown(name)}`, near === undefined ? "`nda --help` lists them" : `did you mean \`nda ${near}\`?`))
  }
  const args = parseArguments(command, rest)
  if (isFailure(args)) {
    makeConsole({ on: new Set(rest.includes("--json") && command.flags.includes("json") ? ["json"] : []) }).fail(args)
    return args.exit
  }
  if (args.on.has("help")) {
    process.stdout.write(`${commandHelp(command)}\n`)
    return exitCode.ok
  }
  const console = makeConsole(args)
  const outcome = await (await command.load())(args, console)
  console.status("")
  if (!isFailure(outcome)) return outcome
  console.fail(outcome)
  return outcome.exit
}

const bug = (error: unknown): ExitCode => {
  process.stderr.write(`${internalError(error)}\n`)
  return exitCode.internal
}

/** A reader that closes the pipe has seen enough: no error, and the work goes on. */
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error
  })
}

/** The process ends here and nowhere else, once both streams have taken what was written. */
const leave = (code: ExitCode): void => {
  process.exitCode = code
  process.stdout.write("", () => process.stderr.write("", () => process.exit(code)))
}

optimiseLater()
process.on("uncaughtException", (error) => leave(bug(error)))
void dispatch(process.argv.slice(2)).catch(bug).then(leave)
