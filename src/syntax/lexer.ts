/** The lexer: text to tokens and comments, by one scan over character codes; it never fails, it reports and goes on. */
import type { TokenType } from "chevrotain"
import type { Diagnostic } from "../base/diagnostic.ts"
import type { Span } from "../base/span.ts"
import * as say from "../diagnostics/messages/syntax.ts"
import { settleKeywords } from "./contextual.ts"
import { endsOperand, Float, hardKeywords, Id, Int, Str, S, symbolTypes, type Token } from "./tokens.ts"

export interface Comment {
  readonly start: number
  readonly end: number
  readonly line: number
}

export interface Lexed {
  readonly tokens: Token[]
  readonly comments: readonly Comment[]
  readonly diagnostics: readonly Diagnostic[]
}

const nameLimit = 255
const complaintLimit = 1000
const isDigit = (code: number): boolean => code >= 48 && code <= 57
const startsWord = (code: number): boolean => (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95
const continuesWord = (code: number): boolean => startsWord(code) || isDigit(code)

/** Symbols of other languages: their meaning here, and the token that lets the parser go on. */
const foreign: ReadonlyMap<string, { readonly instead: string; readonly write: string; readonly type: TokenType | undefined }> = new Map([
  ["&&", { instead: "the word is `and`", write: "and", type: hardKeywords.get("and") }],
  ["||", { instead: "the word is `or`", write: "or", type: hardKeywords.get("or") }],
  ["!", { instead: "the word is `not`", write: "not ", type: hardKeywords.get("not") }],
  ["^", { instead: "a power is written `**`", write: "**", type: S.Power }],
  ["<>", { instead: "`!=` asks whether two things differ", write: "!=", type: S.NotEqual }],
])
const assignments = /[-+*/%]=(?!=)/y

export const lex = (file: string, text: string): Lexed => {
  const tokens: Token[] = []
  const comments: Comment[] = []
  const diagnostics: Diagnostic[] = []
  /** What is wrong is reported up to a bound: a file of another kind has something wrong on every line. */
  const complain = (problem: () => Diagnostic): void => {
    if (diagnostics.length < complaintLimit) diagnostics.push(problem())
  }
  const span = (start: number, end: number): Span => ({ file, start, end })
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0
  let line = 1
  let first = true
  let doc: string | undefined

  const push = (type: TokenType, start: number, end: number): void => {
    tokens.push({
      image: text.slice(start, end), startOffset: start, endOffset: end - 1, startLine: line, first, doc,
      tokenType: type, tokenTypeIdx: type.tokenTypeIdx!,
    })
    at = end
    first = false
    doc = undefined
  }

  const word = (): void => {
    const start = at
    let end = at + 1
    while (end < text.length && continuesWord(text.charCodeAt(end))) end++
    if (text.charCodeAt(end) > 127 || text.charCodeAt(start) > 127) {
      const rest = /[\p{ID_Continue}$\u200c\u200d]*/uy
      rest.lastIndex = start
      rest.exec(text)
      if (rest.lastIndex > end || text.charCodeAt(start) > 127) {
        end = Math.max(end, rest.lastIndex)
        const odd = /[^A-Za-z0-9_]/u.exec(text.slice(start, end))!
        const from = start + odd.index
        complain(() => say.nameCharacter(span(from, from + odd[0].length), text.slice(start, end), odd[0]))
      }
    }
    if (end - start > nameLimit) complain(() => say.nameTooLong(span(start, end), nameLimit))
    push(hardKeywords.get(text.slice(start, Math.min(end, start + 12))) ?? Id, start, end)
  }

  const number = (): void => {
    const start = at
    const previous = tokens[tokens.length - 1]
    if (previous?.tokenType === S.Dot && previous.endOffset === start - 1) {
      let end = start
      while (isDigit(text.charCodeAt(end))) end++
      push(Int, start, end)
      return
    }
    let end = start
    let float = false
    for (let exponent = false; end < text.length; end++) {
      const code = text.charCodeAt(end)
      if (continuesWord(code)) {
        if ((code === 101 || code === 69) && !exponent && /^[-+]?\d/.test(text.slice(end + 1, end + 3))) {
          exponent = float = true
          if (!isDigit(text.charCodeAt(end + 1))) end++
        }
      } else if (code === 46 && !float && isDigit(text.charCodeAt(end + 1))) float = true
      else break
    }
    const image = text.slice(start, end)
    const bare = text.charCodeAt(end) === 46 && !float && text.charCodeAt(end + 1) !== 46 && !startsWord(text.charCodeAt(end + 1))
    if (bare) {
      end++
      complain(() => say.malformedNumber(span(start, end), `${image}.`, "a digit must follow the point", `${image}.0`))
    } else if (!/^\d+(_\d+)*(\.\d+(_\d+)*)?([eE][-+]?\d+)?$/.test(image)) {
      const why = /^0[xXbBoO]/.test(image) ? "numbers are decimal"
        : /^[\d_.]+$/.test(image) ? "one `_` may stand between two digits"
        : /^\d+(\.\d+)?[A-Za-z_]/.test(image) ? "a name cannot follow it directly" : "digits, then a point or an exponent"
      complain(() => say.malformedNumber(span(start, end), image, why))
    } else {
      const value = Number(image.replaceAll("_", ""))
      if (float ? value === Infinity : value > Number.MAX_SAFE_INTEGER) {
        complain(() => say.numberTooLarge(span(start, end), float ? "number" : "whole number"))
      }
    }
    push(float || bare ? Float : Int, start, end)
  }

  const string = (): void => {
    const start = at
    let end = start + 1
    for (; ; end++) {
      const code = text.charCodeAt(end)
      if (end >= text.length || code === 10 || code === 13) {
        complain(() => say.unterminatedString(span(start, start + 1)))
        break
      }
      if (code === 34) {
        end++
        break
      }
      if (code === 0) complain(() => say.unknownCharacter(span(end, end + 1), "\0"))
      if (code === 92 && text.charCodeAt(end + 1) !== 10 && end + 1 < text.length) {
        const escaped = text[end + 1]!
        if (!`nt"\\`.includes(escaped)) complain(() => say.unknownEscape(span(end, end + 2), `\\${escaped}`))
        end++
      }
    }
    push(Str, start, end)
  }

  const singleQuoted = (): void => {
    const quoted = /'([^'\n\r]*)'/y
    quoted.lastIndex = at
    const match = quoted.exec(text)
    if (match === null) {
      complain(() => say.unknownCharacter(span(at, at + 1), "'"))
      at++
    } else {
      complain(() => say.singleQuotes(span(at, quoted.lastIndex), match[1]!))
      push(Str, at, quoted.lastIndex)
    }
  }

  /** `.5` where a value must stand. */
  const bareFraction = (): void => {
    let end = at + 1
    while (continuesWord(text.charCodeAt(end))) end++
    complain(() => say.malformedNumber(span(at, end), text.slice(at, end), "a digit must stand before the point", `0${text.slice(at, end)}`))
    push(Float, at, end)
  }

  const other = (): void => {
    const pair = text.slice(at, at + 2)
    const known = symbolTypes.get(pair) ?? symbolTypes.get(pair[0]!)
    const taken = symbolTypes.has(pair) ? 2 : 1
    assignments.lastIndex = at
    if (first && (pair === "//" || pair === "/*")) {
      complain(() => say.otherLanguage(span(at, at + 2), pair, "a comment begins with `#`", { text: "write `#`", replacement: "#" }))
      while (at < text.length && text.charCodeAt(at) !== 10) at++
      return
    }
    if (assignments.test(text)) {
      const left = tokens[tokens.length - 1]
      complain(() => say.otherLanguage(span(at, at + 2), pair, "values do not change; bind a new name", left?.tokenType === Id ? { text: `let ${left.image}2 = ${left.image} ${pair[0]} …` } : undefined))
      push(S.Equal, at, at + 2)
      return
    }
    const odd = foreign.get(pair) ?? foreign.get(pair[0]!)
    if (odd !== undefined && pair !== "!=" && !(known !== undefined && !foreign.has(pair))) {
      const length = foreign.has(pair) ? 2 : 1
      complain(() => say.otherLanguage(span(at, at + length), text.slice(at, at + length), odd.instead, { text: `write \`${odd.write.trim()}\``, replacement: odd.write }))
      push(odd.type!, at, at + length)
      return
    }
    const before = tokens[tokens.length - 1]
    if (pair[0] === "." && isDigit(pair.charCodeAt(1)) && (before === undefined || !endsOperand(before))) {
      bareFraction()
      return
    }
    if (known !== undefined) {
      push(known, at, at + taken)
      return
    }
    const character = String.fromCodePoint(text.codePointAt(at)!)
    if (character === "?") complain(() => say.otherLanguage(span(at, at + 1), "?", "a choice is written `if condition { … } else { … }`"))
    else complain(() => say.unknownCharacter(span(at, at + character.length), character))
    at += character.length
  }

  for (const match of text.matchAll(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]|\ufffd/g)) {
    const place = span(match.index, match.index + 1)
    complain(() => (match[0] === "\ufffd" ? say.undecoded(place) : say.directionControl(place, match[0])))
  }

  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (code === 10) {
      line++
      first = true
      at++
    } else if (code === 32 || code === 9 || code === 13) at++
    else if (code === 35) {
      const start = at
      while (at < text.length && text.charCodeAt(at) !== 10) at++
      const end = text.charCodeAt(at - 1) === 13 ? at - 1 : at
      comments.push({ start, end, line })
      if (text.charCodeAt(start + 1) === 35 && first) {
        const said = text.slice(start + 2, end).replace(/^ /, "").trimEnd()
        doc = doc === undefined ? said : `${doc}\n${said}`
      }
    } else if (startsWord(code)) word()
    else if (isDigit(code)) number()
    else if (code === 34) string()
    else if (code === 39) singleQuoted()
    else if (code > 127 && /^[\p{ID_Continue}]/u.test(text.slice(at, at + 2))) word()
    else if (code > 127 && /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffd]/.test(text[at]!)) at++
    else other()
  }
  return { tokens: settleKeywords(tokens), comments, diagnostics }
}
