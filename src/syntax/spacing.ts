/** The space between two tokens on one line. */
import type { Leaf } from "./format-tree.ts"
import { endsOperand, Int, Name, S, type Token } from "./tokens.ts"

export interface SpacingContext {
  readonly tokens: readonly Token[]
  readonly labels: ReadonlySet<number>
  /** Inside dimensions and coordinates. */
  readonly sizes: boolean
  /** Inside an index, whether its `:` stands between simple ends. */
  readonly slice: "tight" | "loose" | undefined
  /** In a `save`, whose `=` is tight. */
  readonly save: boolean
}

/** True if the token can end an operand, keywords that stand as names after a point included. */
export const endsOperandAt = (tokens: readonly Token[], index: number): boolean => {
  const token = tokens[index]
  if (token === undefined) return false
  return endsOperand(token) || (tokens[index - 1]?.tokenType === S.Dot && (token.tokenType.CATEGORIES ?? []).includes(Name))
}

/** A `-` that begins a line is a sign, by the newline rule. */
export const isSign = (tokens: readonly Token[], index: number): boolean =>
  tokens[index]!.tokenType === S.Minus && (tokens[index]!.first || !endsOperandAt(tokens, index - 1))

export const spaceBetween = (left: Leaf, right: Leaf, context: SpacingContext): "" | " " => {
  const { tokens, labels, sizes, slice } = context
  const a = left.token.tokenType
  const b = right.token.tokenType
  if (b === S.Comma || b === S.Semicolon) return ""
  if (b === S.Dot) return a === Int ? " " : ""
  if (a === S.Dot || a === S.DotDot || b === S.DotDot) return ""
  if (slice === "tight" && (a === S.Colon || b === S.Colon)) return ""
  if (b === S.Colon) return slice === "loose" ? " " : ""
  if (sizes && (a === S.AtSign || b === S.AtSign || a === S.Star || b === S.Star)) return ""
  if (a === S.Equal && (labels.has(left.index) || context.save)) return ""
  if (b === S.Equal && (labels.has(right.index) || context.save)) return ""
  if (a === S.Minus && isSign(tokens, left.index)) return ""
  if (b === S.LParen || b === S.LBracket) return endsOperandAt(tokens, left.index) ? "" : " "
  return " "
}
