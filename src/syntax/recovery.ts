/** Panic-mode recovery: where parsing goes on after a mistake. */
import { EOF, type IToken, type TokenType } from "chevrotain"
import { Id, K, S, type Token } from "./tokens.ts"

const statements: ReadonlySet<TokenType> = new Set([
  K.let, K.param, K.state, K.next, K.term, K.model, K.minimize, K.report, K.save, K.step, K.every,
])
const declarations: ReadonlySet<TokenType> = new Set([K.const, K.type, K.block, K.negative, K.augment, K.loss, K.data, K.graph, K.eval, K.train])

export const startsStatement = (token: IToken): boolean => statements.has(token.tokenType)

/** True where a declaration begins for sure: its word opens a line and cannot be part of an expression or a statement. */
export const startsDeclaration = (tokens: readonly IToken[], index: number): boolean => {
  const token = tokens[index] as Token
  if (token.tokenType === EOF || !token.first) return false
  return declarations.has(token.tokenType) || (token.tokenType === K.fn && tokens[index + 1]?.tokenType === Id)
}

/** False for a `}` in the midst of a line that is not the line of the `{` it would close: it was typed for something else. */
const closesSuite = (tokens: readonly IToken[], start: number, at: number): boolean => {
  const token = tokens[at] as Token
  const next = tokens[at + 1] as Token | undefined
  if (token.first || next === undefined || next.tokenType === EOF || next.first || next.tokenType === S.RBrace) return true
  for (let i = start - 1, open = 0; i >= 0; i--) {
    if (tokens[i]!.tokenType === S.RBrace) open--
    else if (tokens[i]!.tokenType === S.LBrace && ++open > 0) return (tokens[i] as Token).startLine === token.startLine
  }
  return true
}

/**
 * The index of the next boundary at or after `at`: for a statement that began at `start`, the `}` of its suite, the next statement that opens
 * a line in that suite, or the next declaration; for a declaration, the next declaration (a `model` in column 1 counts) or import.
 */
export const boundary = (tokens: readonly IToken[], text: string, at: number, start: number, level: "statement" | "declaration"): number => {
  let braces = 0
  for (let i = start; i < at; i++) {
    const type = tokens[i]!.tokenType
    if (type === S.LBrace) braces++
    else if (type === S.RBrace && braces > 0) braces--
  }
  for (let i = at; i < tokens.length; i++) {
    const token = tokens[i] as Token
    const type = token.tokenType
    if (type === EOF || startsDeclaration(tokens, i)) return i
    if (level === "declaration") {
      if (token.first && (type === K.import || type === K.from)) return i
      if (type === K.model && (token.startOffset === 0 || text.charCodeAt(token.startOffset - 1) === 10)) return i
    } else if (type === S.LBrace) braces++
    else if (type === S.RBrace) {
      if (braces > 0) braces--
      else if (closesSuite(tokens, start, i)) return i
    } else if (braces === 0 && token.first && statements.has(type)) return i
  }
  return tokens.findIndex((token) => token.tokenType === EOF)
}
