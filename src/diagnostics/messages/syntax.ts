/** The words of family 01: what is wrong with the text itself. */
import type { Diagnostic, Hint, Related } from "../../base/diagnostic.ts"
import type { Span } from "../../base/span.ts"

const error = (code: string, span: Span, message: string, more: Partial<Diagnostic> = {}): Diagnostic => ({
  code, severity: "error", span, message, related: [], notes: [], ...more,
})
const hint = (text: string, span?: Span, replacement?: string): { hint: Hint } => ({
  hint: span !== undefined && replacement !== undefined ? { text, edit: { span, replacement } } : { text },
})
/** How a character is shown in a message: itself if it can be seen, and its number. */
const shown = (character: string): string => {
  const number = `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`
  return /^[\p{L}\p{N}\p{P}\p{S}]$/u.test(character) ? `\`${character}\` (${number})` : number
}

export const expected = (span: Span, what: string, where: string, found: string, more: Partial<Diagnostic> = {}): Diagnostic =>
  error("NDA0101", span, `expected ${what}${where}, found ${found}`, more)

export const unknownCharacter = (span: Span, character: string): Diagnostic =>
  error("NDA0102", span, `${shown(character)} is not a character of nda`, character.codePointAt(0)! > 127 ? { notes: ["outside of strings and comments a program is plain ASCII"] } : {})

export const nameCharacter = (span: Span, name: string, character: string): Diagnostic =>
  error("NDA0102", span, `a name holds only A-Z, a-z, 0-9 and _: ${shown(character)} cannot stand in ${name.length > 40 ? "it" : `\`${name}\``}`)

export const directionControl = (span: Span, character: string): Diagnostic =>
  error("NDA0102", span, `${shown(character)} changes the direction in which text is shown, so the program would not read as it is`, hint("remove it", span, ""))

export const undecoded = (span: Span): Diagnostic =>
  error("NDA0102", span, "U+FFFD stands here: the file is not valid UTF-8", { notes: ["save the file as UTF-8"] })

export const unterminatedString = (span: Span): Diagnostic =>
  error("NDA0103", span, "this string does not end on its line", { label: "opened here", notes: ['a string is written "like this", on one line; `\\"` is a quote in it'] })

export const unknownEscape = (span: Span, escape: string): Diagnostic =>
  error("NDA0103", span, `\`${escape}\` is not an escape`, { notes: ['the escapes are \\n, \\t, \\" and \\\\'] })

export const singleQuotes = (span: Span, content: string): Diagnostic =>
  error("NDA0103", span, "a string is written in double quotes", hint(`write ${JSON.stringify(content)}`, span, JSON.stringify(content)))

export const keywordAsName = (span: Span, word: string, proposal: string): Diagnostic =>
  error("NDA0104", span, `\`${word}\` is a keyword and cannot name a value`, hint(`\`${proposal}\`?`, span, proposal))

export const unclosed = (span: Span, opener: Span, bracket: string, closer: string, found: string, replacement: string): Diagnostic =>
  error("NDA0105", span, `this \`${bracket}\` is not closed`, {
    label: `expected \`${closer}\` before ${found}`,
    related: [{ span: opener, text: "opened here" }],
    ...hint(`insert \`${closer}\``, { ...span, end: span.start }, replacement),
  })

export const wrongCloser = (span: Span, opener: Span, bracket: string, closer: string, found: string): Diagnostic =>
  error("NDA0105", span, `\`${bracket}\` is closed by \`${closer}\`, not by \`${found}\``, {
    related: [{ span: opener, text: "opened here" }],
    ...hint(`write \`${closer}\``, span, closer),
  })

export const closesNothing = (span: Span, found: string): Diagnostic =>
  error("NDA0105", span, `this \`${found}\` closes nothing`, hint("remove it", span, ""))

export const malformedNumber = (span: Span, text: string, why: string, mend?: string): Diagnostic =>
  error("NDA0106", span, `\`${text.length > 40 ? `${text.slice(0, 37)}...` : text}\` is not a number of nda: ${why}`, mend === undefined ? {} : hint(`write \`${mend}\``, span, mend))

export const numberTooLarge = (span: Span, kind: "whole number" | "number"): Diagnostic =>
  error("NDA0106", span, kind === "number" ? "this number is too large for any float" : "this whole number is too large to be exact", {
    notes: [kind === "number" ? "f32 ends near 3.4e38" : "whole numbers go up to 9_007_199_254_740_991"],
  })

export const nestedTooDeeply = (span: Span, limit: number): Diagnostic =>
  error("NDA0107", span, `nested too deeply (limit ${limit})`, { notes: ["name parts of it with `let`, or make them functions"] })

export const tooManyOperators = (span: Span, limit: number): Diagnostic =>
  error("NDA0107", span, `this expression is too long (limit ${limit} operators, calls and branches in a chain)`, { notes: ["name parts of it with `let`"] })

export const fileTooLong = (span: Span, limit: number, unit: string): Diagnostic =>
  error("NDA0107", span, `this file is too long (limit ${limit} ${unit})`, { notes: ["part it into modules: `from \"./part.nda\" import …`"] })

export const nameTooLong = (span: Span, limit: number): Diagnostic => error("NDA0107", span, `this name is too long (limit ${limit} characters)`)

export const otherLanguage = (span: Span, found: string, instead: string, mend?: { text: string; span?: Span; replacement?: string }): Diagnostic =>
  error("NDA0108", span, `nda has no \`${found}\`: ${instead}`, mend === undefined ? {} : hint(mend.text, mend.span ?? span, mend.replacement))

export const mistakenFor = (span: Span, found: string, meant: string, why: string): Diagnostic =>
  error("NDA0109", span, `\`${found}\` where \`${meant}\` is meant: ${why}`, hint(`write \`${meant}\``, span, meant))

export const doesNotChain = (span: Span, previous: Span, operator: string, notes: readonly string[]): Diagnostic =>
  error("NDA0110", span, `\`${operator}\` does not chain`, { related: [{ span: previous, text: "the first one" }], notes })

export const notNeedsParentheses = (span: Span, operator: string): Diagnostic =>
  error("NDA0110", span, `\`not\` binds more loosely than \`${operator}\``, { notes: ["put parentheses around `not …`"] })

export const misplaced = (span: Span, message: string, related: readonly Related[] = [], more: Partial<Diagnostic> = {}): Diagnostic =>
  error("NDA0111", span, message, { related, ...more })

export const emptyProgram = (span: Span): Diagnostic =>
  error("NDA0112", span, "this file declares nothing", { notes: ["a program has at least one declaration, such as `graph`, `eval` or `train`"] })

export const tooManyErrors = (span: Span): Diagnostic => error("NDA0101", span, "and more errors from here on; mend the ones above first")
