/** Where words go: results to stdout, everything else to stderr; as JSON lines when asked, with colour only on a terminal. */
import type { Arguments } from "./parse-arguments.ts"
import type { Failure } from "./failure.ts"

export interface Console {
  readonly json: boolean
  readonly quiet: boolean
  /** Colour on stderr, where diagnostics go. */
  readonly color: boolean
  /** Whether a person watches stderr. */
  readonly live: boolean
  /** A result. */
  readonly out: (text: string) => void
  /** What is nice to know; silent with --quiet. */
  readonly note: (text: string) => void
  readonly warn: (text: string) => void
  /** Diagnostics, already rendered. */
  readonly diagnostics: (text: string) => void
  readonly fail: (failure: Failure) => void
  /** Progress for programs: one JSON line on stderr, with --json only. */
  readonly event: (event: object) => void
  /** Rewrites the last line of a terminal; an empty text clears it. */
  readonly status: (text: string) => void
}

const tint = (text: string, code: number, color: boolean): string => (color ? `\u001b[${code}m${text}\u001b[0m` : text)

const line = (text: string): string => (text.endsWith("\n") ? text : `${text}\n`)

export const failureText = (failure: Failure, color = false): string => {
  const where = failure.where === undefined ? "" : `${failure.where}: `
  const lines = [`${tint("error", 31, color)}: ${where}${failure.message}`]
  if (failure.hint !== undefined) lines.push(`  ${tint("hint", 36, color)}: ${failure.hint}`)
  if (failure.usage !== undefined) lines.push(`usage: ${failure.usage}`)
  return lines.join("\n")
}

export const makeConsole = (args: Pick<Arguments, "on">): Console => {
  const json = args.on.has("json")
  const quiet = args.on.has("quiet")
  const live = process.stderr.isTTY === true && !json && !quiet && process.env["TERM"] !== "dumb"
  const color = process.stderr.isTTY === true && !args.on.has("no-color") && (process.env["NO_COLOR"] ?? "") === "" && process.env["TERM"] !== "dumb"
  let shown = false
  const status = (text: string): void => {
    if (!live || (text === "" && !shown)) return
    process.stderr.write(`\r\u001b[K${text}`)
    shown = text !== ""
  }
  const err = (text: string): void => {
    status("")
    process.stderr.write(line(text))
  }
  const event = (value: object): void => {
    if (json) process.stderr.write(`${JSON.stringify(value)}\n`)
  }
  return {
    json, quiet, color, live, event, status,
    out: (text) => {
      status("")
      process.stdout.write(line(text))
    },
    note: (text) => {
      if (!quiet && !json) err(text)
    },
    warn: (text) => (json ? event({ warning: text }) : err(`${tint("warning", 33, color)}: ${text}`)),
    diagnostics: err,
    fail: (failure) => {
      const { exit, tag, message, where, hint } = failure
      if (json) event({ error: { exit, tag, message, where, hint } })
      else err(failureText(failure, color))
    },
  }
}
