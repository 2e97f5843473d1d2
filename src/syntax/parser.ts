/** `parse`: the front end's one entry, from text to syntax tree. */
import type { ISerializedGast } from "chevrotain"
import type { Diagnostic, Result } from "../base/diagnostic.ts"
import { positionOf, sourceFile } from "../base/source.ts"
import * as say from "../diagnostics/messages/syntax.ts"
import type { Module } from "./ast.ts"
import { DeclarationRules } from "./declaration-rules.ts"
import { faultLimit, type Fault } from "./recovering-rules.ts"
import { lex } from "./lexer.ts"
import { checkDepth, checkLength, checkNesting, checkSize, deepest } from "./limits.ts"
import type { Token } from "./tokens.ts"

/** Made once: its construction analyses the grammar. It is reset by each use and never used by two at once. */
const parser = new DeclarationRules(false)

/** The grammar as data, with chevrotain's own checks (ambiguity, left recursion) run on it. */
export const grammar = (): ISerializedGast[] => new DeclarationRules(true).getSerializedGastProductions()

/**
 * The tree, as far as it could be read, and everything wrong with the text: at most one error a line, and none that follows from another.
 * Parts that could not be read are `error` nodes. There is no tree where the text is nested beyond the limits.
 */
export const parse = (file: string, text: string): Result<Module> => {
  const tooLong = checkSize(file, text)
  if (tooLong !== undefined) return { value: undefined, diagnostics: [tooLong] }
  const { tokens, diagnostics: lexical } = lex(file, text)
  const unreadable = checkLength(file, tokens) ?? checkNesting(file, tokens)
  if (unreadable !== undefined) return { value: undefined, diagnostics: select(file, text, lexical, [unreadable], []) }
  const read = readWithinStack(file, text, tokens)
  if (read === undefined) return { value: undefined, diagnostics: select(file, text, lexical, [deepest(file, tokens)], []) }
  const { module, problems, faults } = read
  const diagnostics = select(file, text, lexical, problems, faults)
  const chain = checkDepth(module)
  if (chain !== undefined) return { value: undefined, diagnostics: [...diagnostics, chain] }
  if (diagnostics.length === 0 && module.declarations.length === 0 && module.imports.length === 0) {
    return { value: module, diagnostics: [say.emptyProgram({ file, start: 0, end: 0 })] }
  }
  return { value: module, diagnostics }
}

/** The limits keep the parser's recursion within Node's default stack; a caller that has used most of it gets an error value all the same. */
const readWithinStack = (file: string, text: string, tokens: Token[]): ReturnType<typeof parser.read> | undefined => {
  try {
    return parser.read(file, text, tokens)
  } catch (thrown) {
    if (thrown instanceof RangeError) return undefined
    throw thrown
  }
}

/** Characters first, then sense, then grammar: a grammar error in a stretch where one of the others stands follows from it. */
const select = (file: string, text: string, lexical: readonly Diagnostic[], problems: readonly Diagnostic[], faults: readonly Fault[]): Diagnostic[] => {
  const causes = [...lexical, ...problems]
  const independent = faults.filter(({ from, diagnostic }) => !causes.some(({ span }) => span.start >= from && span.start <= diagnostic.span.end))
  const source = sourceFile(file, text)
  const lines = new Set<number>()
  const firstOfLine = ({ span }: Diagnostic): boolean => {
    const { line } = positionOf(source, span.start)
    return !lines.has(line) && lines.add(line) !== undefined
  }
  const byPlace = (a: Diagnostic, b: Diagnostic): number => a.span.start - b.span.start
  const first = [...causes].sort(byPlace).filter(firstOfLine)
  const all = [...first, ...independent.map(({ diagnostic }) => diagnostic).sort(byPlace).filter(firstOfLine)].sort(byPlace)
  if (all.length <= faultLimit) return all
  return [...all.slice(0, faultLimit), say.tooManyErrors(all[faultLimit]!.span)]
}
