/** Contextual keywords: decides for each such word, from its neighbours alone, whether it is a keyword or a name. */
import type { TokenType } from "chevrotain"
import { contextualKeywords, endsOperand, Float, Id, Int, K, S, Str, type ContextualKeyword, type Token } from "./tokens.ts"

/** What may stand two tokens after a word that begins `WORD name …`. */
const afterName: { readonly [word in ContextualKeyword]?: readonly TokenType[] } = {
  type: [S.Equal, S.LBracket], block: [S.LParen], augment: [S.LParen], loss: [S.LParen], model: [S.Equal], data: [S.Colon], graph: [S.LParen],
  eval: [S.LParen], train: [S.LParen], param: [S.Colon], state: [S.Colon], next: [S.Equal], term: [S.Equal],
}
const startsOperand: ReadonlySet<TokenType> = new Set([
  Id, Int, Float, Str, S.LParen, S.LBracket, S.LBrace, S.Minus, K.true, K.false, K.if, K.loop, K.fn, K.at, K.not,
])

/**
 * The one rule: such a word is a keyword only where no operand is expected (after something complete, after `{`, or at the start) and what
 * follows fits its construct; on a new line `WORD name` is enough, so that a mistake further on is reported as one in that construct.
 */
const isKeyword = (word: ContextualKeyword, previous: Token | undefined, token: Token, next: Token | undefined, second: Token | undefined): boolean => {
  const complete = previous === undefined || endsOperand(previous)
  if (next === undefined) return false
  const named = next.tokenType === Id
  const begins = complete || previous.tokenType === S.LBrace
  const opensLine = token.first || previous === undefined || previous.tokenType === S.LBrace || previous.tokenType === S.RBrace
  switch (word) {
    case "augment":
      if (previous?.tokenType === K.negative) return true
      break
    case "negative":
      return begins && next.image === "augment"
    case "step":
      return begins && named && (opensLine || second?.tokenType === S.LBrace || second?.image === "repeat")
    case "save":
      return begins && named
    case "report":
      return begins && (named || next.tokenType === S.LBrace || (startsOperand.has(next.tokenType) && ![S.LParen, S.LBracket, S.Minus].includes(next.tokenType)))
    case "every":
      return begins && opensLine && (named || next.tokenType === Int || next.tokenType === S.LParen)
    case "from":
      if (token.first && (next.tokenType === Str || second?.tokenType === S.Dot || second?.tokenType === K.import)) return true
      return complete && (named || next.tokenType === Str)
    case "as":
      return complete && named
    case "with":
      return complete && next.tokenType === S.LBrace
    case "over":
    case "by":
    case "where":
    case "repeat":
      return complete && startsOperand.has(next.tokenType)
    default:
      break
  }
  if (!begins || !named) return false
  return (opensLine && next.startLine === token.startLine) || (second !== undefined && afterName[word]!.includes(second.tokenType))
}

/** Gives the contextual keywords among the tokens their types; goes left to right, as each decision looks at the one before. */
export const settleKeywords = (tokens: Token[]): Token[] => {
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!
    if (token.tokenType !== Id || !contextualKeywords.has(token.image)) continue
    const word = token.image as ContextualKeyword
    if (isKeyword(word, tokens[i - 1], token, tokens[i + 1], tokens[i + 2])) {
      token.tokenType = K[word]
      token.tokenTypeIdx = K[word].tokenTypeIdx!
    }
  }
  return tokens
}
