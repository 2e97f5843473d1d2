/** `nda fmt`: the one way a program is laid out. Comments stay; the syntax tree stays. */
import type { Result } from "../base/diagnostic.ts"
import { print } from "../base/pretty.ts"
import type { Module } from "./ast.ts"
import { layOut, lineWidth, trailingMark } from "./format-layout.ts"
import { treeOf } from "./format-tree.ts"
import { lex } from "./lexer.ts"
import { parse } from "./parser.ts"
import { printModule } from "./print-ast.ts"

/** The formatted text, or why the text cannot be read. Formatting a formatted text gives it back. */
export const format = (file: string, text: string): Result<string> => {
  const { value: module, diagnostics } = parse(file, text)
  const wrong = diagnostics.filter((diagnostic) => diagnostic.code !== "NDA0112")
  if (module === undefined || wrong.length > 0) return { value: undefined, diagnostics: wrong }
  // A line end that the first pass set may count as the author's in the second.
  let formatted = once(file, text, module)
  for (let pass = 0, before = text; pass < 4 && formatted !== before; pass++) {
    before = formatted
    formatted = once(file, formatted, checked(file, formatted, module))
  }
  if (lex(file, formatted).comments.length !== lex(file, text).comments.length) throw new Error(`invariant: formatting ${file} would have lost a comment`)
  return { value: formatted, diagnostics: [] }
}

const once = (file: string, text: string, module: Module): string => {
  const lexed = lex(file, text)
  return finish(print(layOut(treeOf(module, text, lexed), lexed.tokens), lineWidth))
}

/** The tree of a formatted text, which must be that of the text before. */
const checked = (file: string, formatted: string, module: Module): Module => {
  const { value } = parse(file, formatted)
  if (value === undefined || printModule(value) !== printModule(module)) throw new Error(`invariant: formatting ${file} would have changed its meaning`)
  return value
}

/** Sets the comments at the ends of neighbouring lines under each other, and one line end at the end. */
const finish = (printed: string): string => {
  const lines = printed.split("\n").map((line) => line.split(trailingMark))
  for (let i = 0; i < lines.length; ) {
    let end = i
    while (end < lines.length && lines[end]!.length > 1) end++
    const longest = Math.max(0, ...lines.slice(i, end).map(([code]) => code!.length))
    for (; i < end; i++) lines[i] = [lines[i]![0]!.padEnd(longest), ...lines[i]!.slice(1)]
    i++
  }
  const whole = lines.map((parts) => parts.join("").trimEnd()).join("\n").replace(/^\n+/, "").trimEnd()
  return whole === "" ? "" : `${whole}\n`
}
