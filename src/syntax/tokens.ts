/** The token types of nda: what the lexer makes and the parser matches. */
import { createToken, Lexer, type IToken, type TokenType } from "chevrotain"

/** A token with all its places known; `doc` is the text of the `##` lines before it. */
export interface Token extends IToken {
  endOffset: number
  startLine: number
  /** True for the first token of its line. */
  first: boolean
  doc: string | undefined
}

const token = (name: string, label: string, categories: TokenType[] = []): TokenType =>
  createToken({ name, label, pattern: Lexer.NA, categories })

/** A name, or any keyword where one may stand for a name: after `.`, as an argument's label, as a record's field. */
export const Name = token("Name", "a name")
export const Id = token("Id", "a name", [Name])
export const Int = token("Int", "a whole number")
export const Float = token("Float", "a number")
export const Str = token("Str", "a string")

/** Keywords everywhere. */
const hard = ["import", "const", "fn", "let", "minimize", "if", "else", "loop", "for", "in", "and", "or", "not", "true", "false", "at"] as const
/** Keywords only where their construct can stand (see contextual.ts), names elsewhere. */
const contextual = [
  "from", "as", "type", "block", "augment", "negative", "loss", "model", "data", "graph", "eval", "train", "step", "repeat", "every",
  "param", "state", "next", "term", "over", "by", "report", "save", "where", "with",
] as const

export type HardKeyword = (typeof hard)[number]
export type ContextualKeyword = (typeof contextual)[number]

const keyword = (word: string): TokenType => token(`K_${word}`, `\`${word}\``, [Name])
export const K = Object.fromEntries([...hard, ...contextual].map((word) => [word, keyword(word)])) as Record<HardKeyword | ContextualKeyword, TokenType>

/** Looked up with words of the source, hence a Map: `constructor` is a name like any other. */
export const hardKeywords: ReadonlyMap<string, TokenType> = new Map(hard.map((word) => [word, K[word]]))
export const contextualKeywords: ReadonlySet<string> = new Set(contextual)

const symbols = {
  Pipe: "|>", FatArrow: "=>", Arrow: "->", DotDot: "..", EqualEqual: "==", NotEqual: "!=", LessEqual: "<=", MoreEqual: ">=", Power: "**",
  FloorDivide: "//", Equal: "=", Tilde: "~", Less: "<", More: ">", Plus: "+", Minus: "-", Star: "*", Slash: "/", Percent: "%", AtSign: "@",
  LParen: "(", RParen: ")", LBracket: "[", RBracket: "]", LBrace: "{", RBrace: "}", Comma: ",", Semicolon: ";", Colon: ":", Dot: ".",
} as const

export const S = Object.fromEntries(Object.entries(symbols).map(([name, text]) => [name, token(name, `\`${text}\``)])) as Record<
  keyof typeof symbols,
  TokenType
>

/** Symbols by their text; the lexer takes the longest, at most two characters. */
export const symbolTypes: ReadonlyMap<string, TokenType> = new Map(
  Object.entries(symbols).map(([name, text]) => [text, S[name as keyof typeof symbols]]),
)

export const vocabulary: TokenType[] = [Name, Id, Int, Float, Str, ...Object.values(K), ...Object.values(S)]

export const opens = (token: IToken): boolean =>
  token.tokenType === S.LParen || token.tokenType === S.LBracket || token.tokenType === S.LBrace
export const closes = (token: IToken): boolean =>
  token.tokenType === S.RParen || token.tokenType === S.RBracket || token.tokenType === S.RBrace

/** True for a token that can be the last one of an expression, a type or a name. */
export const endsOperand = (token: IToken): boolean => {
  const type = token.tokenType
  return type === Id || type === Int || type === Float || type === Str || closes(token) || type === K.true || type === K.false
}
