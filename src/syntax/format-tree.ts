/** What the formatter works on: the tokens grouped by brackets and parted into sections, with their comments. */
import type { Module } from "./ast.ts"
import type { Lexed } from "./lexer.ts"
import { closes, opens, S, type Token } from "./tokens.ts"
import { visit, type AnyNode } from "./visit.ts"

export interface Remark {
  readonly text: string
  /** True if an empty line stands before it. */
  readonly apart: boolean
}

export interface Leaf {
  readonly kind: "leaf"
  readonly token: Token
  readonly index: number
  /** Comments on lines of their own before the token, and the one after it on its line. */
  readonly before: readonly Remark[]
  readonly after: string | undefined
  /** True if an empty line stands before the token (below its comments). */
  readonly apart: boolean
}

export interface Bracket {
  readonly kind: "bracket"
  readonly open: Leaf
  readonly close: Leaf
  readonly role: "suite" | "branch" | "list"
  /** Statements of a suite; items of a list, each ended by its separator where it has one. */
  readonly sections: readonly (readonly Atom[])[]
  readonly separators: readonly Leaf[]
  /** True if the author began a new line after the opening bracket, or a comment stands inside. */
  readonly broken: boolean
  /** True where sizes stand: `2*h`, `n@real`. */
  readonly sizes: boolean
}

export type Atom = Leaf | Bracket

export interface Tree {
  readonly sections: readonly (readonly Atom[])[]
  readonly tail: readonly Remark[]
  /** The indices of `=` between an argument's label and its value. */
  readonly labels: ReadonlySet<number>
}

export const treeOf = (module: Module, text: string, { tokens, comments }: Lexed): Tree => {
  const leaves = attachComments(text, tokens, comments)
  const after = new Map(tokens.map((token, i) => [token.endOffset + 1, i + 1]))
  const at = new Map(tokens.map((token, i) => [token.startOffset, i]))

  const suites = new Set<number>()
  const branches = new Set<number>()
  const ends = new Set<number>()
  const labels = new Set<number>()
  const sizes = new Set<number>()
  const partEnds = (nodes: readonly AnyNode[]): void => nodes.forEach((node) => ends.add(node.span.end))
  partEnds(module.imports)
  visit(module, (any) => {
    const node = any as AnyNode & { [field: string]: never }
    if (node.kind === "module") partEnds((node as unknown as Module).declarations)
    else if (node.kind === "suite") {
      suites.add(at.get(node.span.start)!)
      partEnds(node["statements"]!)
    } else if (node.kind === "train") {
      const close = after.get(node.span.end)! - 1
      suites.add(openerOf(tokens, close))
      partEnds(node["items"]!)
    } else if (node.kind === "if") {
      for (const branch of [node["then"], node["else"]] as (AnyNode | undefined)[]) if (branch?.kind === "suite") branches.add(at.get(branch.span.start)!)
    } else if (node.kind === "call") {
      for (const { name } of node["args"] as { name?: AnyNode }[]) if (name !== undefined) labels.add(after.get(name.span.end)!)
    } else if ((node.kind === "named" || node.kind === "type") && node["dims"] !== undefined) {
      const open = after.get((node["name"] as AnyNode).span.end)!
      if (tokens[open]?.tokenType === S.LBracket) sizes.add(open)
    } else if (node.kind === "at") sizes.add(at.get(node.span.start)! + 1)
  })

  let position = 0
  const readSections = (inSuite: boolean, separators: Leaf[]): Atom[][] => {
    const sections: Atom[][] = []
    let section: Atom[] = []
    while (position < leaves.length && !closes(leaves[position]!.token)) {
      const leaf = leaves[position]!
      if (opens(leaf.token)) section.push(readBracket())
      else {
        position++
        if (!inSuite && (leaf.token.tokenType === S.Comma || leaf.token.tokenType === S.Semicolon)) {
          separators.push(leaf)
          sections.push(section)
          section = []
          continue
        }
        section.push(leaf)
      }
      if (inSuite && ends.has(leaves[position - 1]!.token.endOffset + 1)) {
        sections.push(section)
        section = []
      }
    }
    if (section.length > 0) sections.push(section)
    return sections
  }
  const readBracket = (): Bracket => {
    const start = position++
    const open = leaves[start]!
    const suite = suites.has(start)
    const separators: Leaf[] = []
    const sections = readSections(suite, separators)
    const close = leaves[position++]!
    const inside = leaves.slice(start, position)
    const remark = inside.some((leaf, i) => (i > 0 && leaf.before.length > 0) || (i < inside.length - 1 && leaf.after !== undefined))
    return {
      kind: "bracket", open, close, role: branches.has(start) ? "branch" : suite ? "suite" : "list", sections, separators,
      broken: remark || (leaves[start + 1]!.token.first && sections.length > 0), sizes: sizes.has(start),
    }
  }
  const sections = readSections(true, [])
  return { sections, tail: remarks(text, tokens[tokens.length - 1]?.endOffset ?? -1, comments.filter((comment) => comment.start > (tokens[tokens.length - 1]?.endOffset ?? -1) && !sharesLine(tokens[tokens.length - 1], comment.line))), labels }
}

const sharesLine = (token: Token | undefined, line: number): boolean => token !== undefined && token.startLine === line

/** The index of the bracket that the one at `close` closes. */
const openerOf = (tokens: readonly Token[], close: number): number => {
  let depth = 0
  for (let i = close; i >= 0; i--) {
    if (closes(tokens[i]!)) depth++
    else if (opens(tokens[i]!) && --depth === 0) return i
  }
  throw new Error("invariant: brackets of a parsed text match")
}

const remarks = (text: string, from: number, comments: Lexed["comments"]): Remark[] => {
  let end = from + 1
  return comments.map((comment) => {
    const apart = isApart(text, end, comment.start)
    end = comment.end
    return { text: text.slice(comment.start, comment.end).trimEnd(), apart }
  })
}
const isApart = (text: string, from: number, to: number): boolean => /\n[ \t\r]*\n/.test(text.slice(from, to))

const attachComments = (text: string, tokens: readonly Token[], comments: Lexed["comments"]): Leaf[] => {
  let next = 0
  let end = 0
  return tokens.map((token, index) => {
    const from = next
    while (next < comments.length && comments[next]!.start < token.startOffset) next++
    const before = remarks(text, end - 1, comments.slice(from, next))
    const apart = isApart(text, next > from ? comments[next - 1]!.end : end, token.startOffset)
    end = token.endOffset + 1
    const trailing = comments[next]
    const nextToken = tokens[index + 1]
    if (trailing === undefined || trailing.line !== token.startLine || (nextToken !== undefined && nextToken.startOffset < trailing.start)) {
      return { kind: "leaf", token, index, before, after: undefined, apart }
    }
    next++
    end = trailing.end
    return { kind: "leaf", token, index, before, after: text.slice(trailing.start, trailing.end).trimEnd(), apart }
  })
}

export const firstLeaf = (atom: Atom): Leaf => (atom.kind === "leaf" ? atom : atom.open)
export const lastLeaf = (atom: Atom): Leaf => (atom.kind === "leaf" ? atom : atom.close)
