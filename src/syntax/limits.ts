/** The bounds that keep every later pass's recursion short, whatever the input. */
import type { Diagnostic } from "../base/diagnostic.ts"
import * as say from "../diagnostics/messages/syntax.ts"
import type { Module } from "./ast.ts"
import { childrenOf, type AnyNode } from "./visit.ts"
import { startsDeclaration } from "./recovery.ts"
import { closes, opens, type Token } from "./tokens.ts"
import { nestingLimit } from "./type-rules.ts"

/** The longest way from the module to a leaf of its tree: a chain of so many operators, calls or branches is as deep. */
export const depthLimit = 1000

/** A file this long is not a program; reading ten million characters would take seconds. */
const characterLimit = 1_000_000

export const checkSize = (file: string, text: string): Diagnostic | undefined =>
  text.length > characterLimit ? say.fileTooLong({ file, start: 0, end: 0 }, characterLimit, "characters") : undefined

/** So many words and signs are some ten thousand lines. */
const tokenLimit = 250_000

export const checkLength = (file: string, tokens: readonly Token[]): Diagnostic | undefined =>
  tokens.length > tokenLimit ? say.fileTooLong({ file, start: 0, end: 0 }, tokenLimit, "words and signs") : undefined

/** Before parsing, since the parser recurses on brackets: the first one that is too deep. A declaration is never inside one. */
export const checkNesting = (file: string, tokens: readonly Token[]): Diagnostic | undefined => {
  let depth = 0
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!
    if (startsDeclaration(tokens, i)) depth = 0
    if (opens(token)) {
      depth++
      if (depth > nestingLimit) return say.nestedTooDeeply({ file, start: token.startOffset, end: token.endOffset + 1 }, nestingLimit)
    } else if (closes(token) && depth > 0) depth--
  }
  return undefined
}

/** The report for a text that is within the limits but not within what is left of the stack: at the deepest bracket. */
export const deepest = (file: string, tokens: readonly Token[]): Diagnostic => {
  let depth = 0
  let most = 0
  let where: Token | undefined
  for (const token of tokens) {
    if (opens(token)) {
      if (++depth > most) {
        most = depth
        where = token
      }
    } else if (closes(token) && depth > 0) depth--
  }
  return say.nestedTooDeeply({ file, start: where?.startOffset ?? 0, end: (where?.endOffset ?? -1) + 1 }, most)
}

/** After parsing, without recursion: the declaration's part that is too deep, if any. */
export const checkDepth = (module: Module): Diagnostic | undefined => {
  const stack: { readonly node: AnyNode; readonly depth: number; readonly top: AnyNode | undefined }[] = [{ node: module, depth: 0, top: undefined }]
  for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
    const { node, depth, top } = item
    if (depth > depthLimit) return say.tooManyOperators((top ?? node).span, depthLimit)
    const chain = node.kind === "binary" || node.kind === "pipe" || node.kind === "call" || node.kind === "if" || node.kind === "field"
    for (const child of childrenOf(node)) stack.push({ node: child, depth: depth + 1, top: chain ? (top ?? node) : undefined })
  }
  return undefined
}
