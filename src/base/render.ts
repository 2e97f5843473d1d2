/** Diagnostics as text: frames of source with carets for people, one line each for editors, JSON for programs. */
import type { Diagnostic, Hint } from "./diagnostic.ts"
import { layOut, displayed } from "./frame-line.ts"
import { lineText, positionOf, type SourceFile } from "./source.ts"
import type { Span } from "./span.ts"

export interface RenderOptions {
  readonly style: "full" | "short" | "json"
  readonly color: boolean
}

/** The sources by the names that spans carry; a span into a file that is not there is shown by its place alone. */
export type Sources = ReadonlyMap<string, SourceFile>

/** The text with the hint's edit made; unchanged where the hint has none. */
export const applyHint = (text: string, hint: Hint): string =>
  hint.edit === undefined ? text : text.slice(0, hint.edit.span.start) + hint.edit.replacement + text.slice(hint.edit.span.end)

export const render = (diagnostics: readonly Diagnostic[], sources: Sources, options: RenderOptions): string => {
  switch (options.style) {
    case "json":
      return JSON.stringify({ diagnostics: diagnostics.map((diagnostic) => asJson(diagnostic, sources)) })
    case "short":
      return diagnostics.map((diagnostic) => short(diagnostic, sources)).join("\n")
    case "full":
      return diagnostics.map((diagnostic) => full(diagnostic, sources, paint(options.color))).join("\n\n")
  }
}

// ------------------------------------------------------------------------------------------------------- places

const startOf = (span: Span, sources: Sources): { line: number; column: number } => {
  const source = sources.get(span.file)
  return source === undefined ? { line: 1, column: 1 } : positionOf(source, span.start)
}
const endOf = (span: Span, sources: Sources): { line: number; column: number } => {
  const source = sources.get(span.file)
  return source === undefined ? { line: 1, column: 1 } : positionOf(source, span.end)
}
const placeOf = (span: Span, sources: Sources): string => {
  const { line, column } = startOf(span, sources)
  return sources.has(span.file) ? `${span.file}:${line}:${column}` : span.file
}

// ------------------------------------------------------------------------------------------------ short and JSON

/** Messages may quote the source: control characters would let a program write to the terminal. */
const safe = (text: string): string => text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\ufffd")

const short = (diagnostic: Diagnostic, sources: Sources): string =>
  safe(`${placeOf(diagnostic.span, sources)}: ${diagnostic.severity}[${diagnostic.code}]: ${diagnostic.message}`)

const asJson = (diagnostic: Diagnostic, sources: Sources): unknown => ({
  code: diagnostic.code,
  severity: diagnostic.severity,
  file: diagnostic.span.file,
  start: startOf(diagnostic.span, sources),
  end: endOf(diagnostic.span, sources),
  message: diagnostic.message,
  ...(diagnostic.label === undefined ? {} : { label: diagnostic.label }),
  related: diagnostic.related.map(({ span, text }) => ({ file: span.file, start: startOf(span, sources), end: endOf(span, sources), text })),
  notes: diagnostic.notes,
  ...(diagnostic.hint === undefined ? {} : { hint: diagnostic.hint.text }),
  ...(diagnostic.hint?.edit === undefined
    ? {}
    : {
        edit: {
          start: startOf(diagnostic.hint.edit.span, sources),
          end: endOf(diagnostic.hint.edit.span, sources),
          replacement: diagnostic.hint.edit.replacement,
        },
      }),
})

// --------------------------------------------------------------------------------------------------------- full

type Paint = (style: "error" | "warning" | "primary" | "secondary" | "gutter" | "strong" | "hint", text: string) => string
const codes = { error: "1;31", warning: "1;33", primary: "1;31", secondary: "1;34", gutter: "1;34", strong: "1", hint: "1;36" }
const paint = (color: boolean): Paint => (style, text) => (color && text !== "" ? `\u001b[${codes[style]}m${text}\u001b[0m` : text)

interface Mark {
  readonly span: Span
  readonly text: string
  readonly primary: boolean
}

const full = (diagnostic: Diagnostic, sources: Sources, color: Paint): string => {
  const marks: Mark[] = [
    { span: diagnostic.span, text: diagnostic.label ?? "", primary: true },
    ...diagnostic.related.map(({ span, text }) => ({ span, text, primary: false })),
  ]
  const files = [...new Set(marks.map((mark) => mark.span.file))]
  const lastLine = Math.max(...marks.map((mark) => startOf(mark.span, sources).line))
  const width = String(lastLine).length
  const gutter = (number: string, mark: string): string => color("gutter", `${number.padStart(width)} ${mark}`)

  const lines = [`${color(diagnostic.severity, `${diagnostic.severity}[${diagnostic.code}]`)} ${color("strong", safe(diagnostic.message))}`]
  for (const file of files) {
    const inFile = marks.filter((mark) => mark.span.file === file)
    const head = inFile.find((mark) => mark.primary) ?? inFile[0]!
    lines.push(`${" ".repeat(width)}${color("gutter", "-->")} ${placeOf(head.span, sources)}`)
    const source = sources.get(file)
    if (source !== undefined) lines.push(...frame(source, inFile, gutter, color))
    else lines.push(...inFile.filter((mark) => mark.text !== "").map((mark) => `${gutter("", "=")} ${safe(mark.text)}`))
  }
  const more = (text: string): string => safe(text).replaceAll("\n", `\n${" ".repeat(width + 3)}`)
  for (const note of diagnostic.notes) lines.push(`${gutter("", "=")} ${more(note)}`)
  if (diagnostic.hint !== undefined) lines.push(`${gutter("", "=")} ${color("hint", "hint:")} ${more(diagnostic.hint.text)}`)
  return lines.join("\n")
}

/** The marked lines in order, `...` where lines are left out (a single one between two is shown). */
const frame = (source: SourceFile, marks: readonly Mark[], gutter: (number: string, mark: string) => string, color: Paint): string[] => {
  const byLine = new Map<number, Mark[]>()
  for (const mark of marks) {
    const { line } = positionOf(source, mark.span.start)
    byLine.set(line, [...(byLine.get(line) ?? []), mark])
  }
  const lines: string[] = []
  let before: number | undefined
  for (const line of [...byLine.keys()].sort((a, b) => a - b)) {
    if (before !== undefined && line === before + 2) lines.push(`${gutter(String(before + 1), "|")} ${displayed(lineText(source, before + 1))}`.trimEnd())
    else if (before !== undefined && line > before + 2) lines.push(color("gutter", "..."))
    const start = source.lineStarts[line - 1]!
    const text = lineText(source, line)
    const rows = layOut(text, byLine.get(line)!.map((mark) => ({
      start: Math.min(mark.span.start - start, text.length),
      end: Math.min(Math.max(mark.span.end, mark.span.start + 1) - start, Math.max(text.length, mark.span.start - start + 1)),
      text: safe(mark.text), primary: mark.primary,
    })))
    lines.push(`${gutter(String(line), "|")} ${rows.text}`.trimEnd())
    for (const row of rows.marks) {
      lines.push(`${gutter("", "|")} ${row.map((piece) => (piece.style === "space" ? piece.text : color(piece.style, piece.text))).join("")}`.trimEnd())
    }
    before = line
  }
  return lines
}
