/** Where lines may end: the formatter's tree to a document for the pretty printer. */
import type { TokenType } from "chevrotain"
import { choice, group, hardLine, indent, last, line, print, softLine, type Doc } from "../base/pretty.ts"
import { firstLeaf, lastLeaf, type Atom, type Bracket, type Leaf, type Remark, type Tree } from "./format-tree.ts"
import { endsOperandAt, isSign, spaceBetween, type SpacingContext } from "./spacing.ts"
import { K, S, type Token } from "./tokens.ts"

/** Stands before a comment at the end of a line, for the alignment of such comments. */
export const trailingMark = "\u0001"

export const lineWidth = 110

/** The operators at which a long row is broken, loosest first; the line ends before an operator, but after those of `endLine`. */
const rows: readonly (readonly TokenType[])[] = [
  [K.over, K.by, K.from], [S.Pipe], [K.or], [K.and], [S.EqualEqual, S.NotEqual, S.Less, S.LessEqual, S.More, S.MoreEqual], [S.Plus, S.Minus],
  [S.Star, S.Slash, S.FloorDivide, S.Percent, S.AtSign],
]
/** Binary `-` must stand on the line of its left operand, and `//` at the start of a line looks like a comment of another language. */
const endLine: ReadonlySet<TokenType> = new Set([S.Minus, S.Star, S.Slash, S.FloorDivide, S.Percent, S.AtSign])
/** Rows whose line breaks are kept as the author set them. */
const kept = 2

const declares: ReadonlySet<TokenType> = new Set([K.fn, K.block, K.loss, K.augment, K.negative, K.graph, K.eval, K.train, K.const])

export const layOut = (tree: Tree, tokens: readonly Token[]): Doc => {
  const plain: SpacingContext = { tokens, labels: tree.labels, sizes: false, slice: undefined, save: false }

  // ------------------------------------------------------------------------------------------------ tokens

  /** Comments on lines of their own; an empty line before the first one is kept only where `first` says so. */
  const remarkLines = (remarks: readonly Remark[], startsLine: boolean, first = false): Doc[] =>
    remarks.flatMap((remark, i) => [i === 0 && startsLine ? "" : hardLine, remark.apart && (i > 0 || first) ? hardLine : "", last(remark.text)])

  const leafDoc = (leaf: Leaf, startsLine: boolean): Doc => {
    const after: Doc[] = leaf.after === undefined ? [] : [last(`${trailingMark}  ${leaf.after}`)]
    if (leaf.before.length === 0) return after.length === 0 ? leaf.token.image : [leaf.token.image, ...after]
    return [...remarkLines(leaf.before, startsLine), startsLine && leaf.apart ? [hardLine, hardLine] : "", leaf.token.image, ...after]
  }

  // ---------------------------------------------------------------------------------------------- brackets

  const suiteBody = (bracket: Bracket): Doc => [sectionsDoc(bracket.sections), tailDoc(bracket.close.before, bracket.sections.length > 0)]
  const tailDoc = (remarks: readonly Remark[], something: boolean): Doc => remarkLines(remarks, !something, something)

  const bracketDoc = (bracket: Bracket, startsLine: boolean, context: SpacingContext): Doc => {
    const open = leafDoc(bracket.open, startsLine)
    const close = leafDoc({ ...bracket.close, before: [] }, true)
    const empty = bracket.sections.length === 0
    if (empty && bracket.close.before.length === 0) return [open, close]
    if (bracket.role !== "list") {
      const edges: Doc = [open, indent([line, suiteBody(bracket)]), line, close]
      return bracket.role === "branch" ? edges : group(edges, bracket.broken || bracket.sections.length > 1)
    }
    const edge = bracket.open.token.tokenType === S.LBrace ? line : softLine
    const inner: SpacingContext = { ...plain, sizes: bracket.sizes || (context.sizes && bracket.open.token.tokenType === S.LParen) }
    const applied = !startsLine && endsOperandAt(tokens, bracket.open.index - 1)
    const indexes = bracket.open.token.tokenType === S.LBracket && !bracket.sizes && applied
    const items: Doc[] = bracket.sections.map((section, i) => {
      const separator = bracket.separators[i]
      const item = sectionDoc(section, indexes ? { ...inner, slice: sliceStyle(section) } : inner, true)
      if (i === bracket.sections.length - 1) return [item, lastSeparator(bracket, separator, applied)]
      return [item, separator!.token.image, separatorRemarks(separator), line]
    })
    return group([open, indent([edge, ...items, tailDoc(bracket.close.before, !empty)]), edge, close], bracket.broken)
  }

  /** The comments at a separator stand after it. */
  const separatorRemarks = (separator: Leaf | undefined): Doc =>
    separator === undefined ? "" : [separator.after === undefined ? "" : last(`${trailingMark}  ${separator.after}`), ...remarkLines(separator.before, false)]

  /** A comma after the last item where the list stands on several lines; `(a,)` keeps its own, the coordinates of a function take none. */
  const lastSeparator = (bracket: Bracket, separator: Leaf | undefined, applied: boolean): Doc => {
    const comment = separatorRemarks(separator)
    const single = bracket.sections.length === 1
    const round = bracket.open.token.tokenType === S.LParen
    const before = tokens[bracket.open.index - 1]
    if (before?.tokenType === K.fn || before?.tokenType === K.at) return comment
    if (separator !== undefined && single && round && !applied) return [",", comment]
    if (single && !(round && applied) && bracket.open.token.tokenType !== S.LBrace) return comment
    return [choice(",", ""), comment]
  }

  const sliceStyle = (section: readonly Atom[]): "tight" | "loose" =>
    section.some((atom, i) => atom.kind === "leaf" && i > 0 && rows.flat().includes(atom.token.tokenType) && !isSign(tokens, atom.index)) ? "loose" : "tight"

  // ---------------------------------------------------------------------------------------------- sections

  const sectionsDoc = (sections: readonly (readonly Atom[])[]): Doc =>
    sections.map((section, i) => {
      const first = firstLeaf(section[0]!)
      const apart = first.before[0]?.apart ?? first.apart
      return [i === 0 ? "" : apart ? [hardLine, hardLine] : hardLine, sectionDoc(section, plain, true)]
    })

  const sectionDoc = (section: readonly Atom[], context: SpacingContext, startsLine: boolean): Doc => {
    const first = firstLeaf(section[0]!)
    if (startsLine && first.before.length > 0) {
      // Above the statement, so that its own groups do not take them for ends of their lines.
      const bare = { ...first, before: [] }
      const atom: Atom = section[0]!.kind === "leaf" ? bare : { ...section[0], open: bare }
      return [...remarkLines(first.before, true), first.apart ? [hardLine, hardLine] : hardLine, sectionDoc([atom, ...section.slice(1)], context, true)]
    }
    const head = first.token.tokenType
    const inContext = head === K.save ? { ...context, save: true } : context
    return declares.has(head) && startsLine && section[1]?.kind === "leaf" ? declarationDoc(section, inContext) : bindingDoc(section, inContext, startsLine)
  }

  const fitsAlone = (value: Doc): boolean => {
    const written = print(group(value), Infinity)
    return !written.includes("\n") && written.length <= lineWidth - 2
  }

  /** `fn f(a)(b) -> T where c { … }`: the condition and the body may begin a line, the result too if the parameters fit on one. */
  const declarationDoc = (section: readonly Atom[], context: SpacingContext): Doc => {
    const find = (type: TokenType): number => section.findIndex((atom) => atom.kind === "leaf" && atom.token.tokenType === type)
    const equal = find(S.Equal)
    const body = equal >= 0 ? equal : section.length - 1
    const upTo = (index: number): number => (index < 0 || index > body ? body : index)
    const where = upTo(find(K.where))
    const arrow = Math.min(upTo(find(S.Arrow)), where)
    const brokenWhere = where < body && firstLeaf(section[where]!).token.first
    const name = plainRow(section.slice(0, arrow), context, true)
    const written = print(group(name), Infinity)
    const narrow = !written.includes("\n") && written.length <= lineWidth
    const resultRow = arrow < where ? plainRow(section.slice(arrow, where), context, false) : ""
    const result: Doc = arrow === where ? "" : narrow ? indent([line, resultRow]) : [" ", resultRow]
    const condition: Doc = where < body ? indent([line, plainRow(section.slice(where, body), context, false)]) : ""
    const signature: Doc = [name, result]
    const rest = section.slice(body)
    if (equal >= 0) {
      const value = section.slice(body + 1)
      const valueDoc = rowDoc(value, 0, context, false)
      const sign = leafDoc(section[body] as Leaf, false)
      // On its own line if it fits there as a whole, else here with breaks inside.
      if (where === body) return [group(signature), " ", sign, fitsAlone(valueDoc) ? group(indent([line, valueDoc])) : [" ", valueDoc]]
      return [group([group(signature), condition, indent(line)], brokenWhere), indent([sign, " ", valueDoc])]
    }
    const head = where < body ? [group(signature), condition, line] : narrow && arrow < where ? [signature, line] : [signature, " "]
    return [group(head, brokenWhere), plainRow(rest, context, false)]
  }

  /** `let x = value`: what stands up to the last `=`, `~` or `=>` keeps its line, the value is a row that may be broken. */
  const bindingDoc = (section: readonly Atom[], context: SpacingContext, startsLine: boolean): Doc => {
    let cut = 0
    section.forEach((atom, i) => {
      if (atom.kind !== "leaf") return
      const type = atom.token.tokenType
      if ((type === S.Equal && !context.labels.has(atom.index) && !context.save) || type === S.Tilde || type === S.FatArrow) cut = i + 1
    })
    if (cut === 0 || cut === section.length) return rowDoc(section, 0, context, startsLine)
    return [plainRow(section.slice(0, cut), context, startsLine), " ", rowDoc(section.slice(cut), 0, context, false)]
  }

  /** A row broken at its loosest operators, each part at the next tighter ones. */
  const rowDoc = (atoms: readonly Atom[], from: number, context: SpacingContext, startsLine: boolean): Doc => {
    const loops = atoms.some((atom) => atom.kind === "leaf" && (atom.token.tokenType === K.loop || atom.token.tokenType === K.for))
    const chained = new Set<Atom>()
    let inIf = 0
    for (const atom of atoms) {
      if (atom.kind === "leaf" && atom.token.tokenType === K.if) inIf++
      if (inIf > 0) chained.add(atom)
      if (atom.kind === "bracket" && atom.role === "branch") inIf = 0
    }
    const isOperator = (atom: Atom, row: readonly TokenType[]): atom is Leaf =>
      atom.kind === "leaf" && row.includes(atom.token.tokenType) && !chained.has(atom) && !isSign(tokens, atom.index) && tokens[atom.index - 1]?.tokenType !== S.Dot
    if (context.slice !== "tight" && !context.sizes) {
      for (let level = from; level < rows.length && (!loops || level === 0); level++) {
        const places = atoms.flatMap((atom, i) => (i > 0 && isOperator(atom, rows[level]!) ? [i] : []))
        if (places.length === 0) continue
        const parts = places.map((place, i) => atoms.slice(place + 1, places[i + 1] ?? atoms.length))
        if (parts.some((part) => part.length === 0)) break
        const broken = level < kept && places.some((place) => firstLeaf(atoms[place]!).token.first)
        const rest = places.map((place, i): Doc => {
          const operator = atoms[place] as Leaf
          const right = rowDoc(parts[i]!, level + 1, context, false)
          const sign = leafDoc(operator, false)
          return endLine.has(operator.token.tokenType) ? [" ", sign, line, right] : [line, sign, " ", right]
        })
        const left = rowDoc(atoms.slice(0, places[0]), level + 1, context, startsLine)
        // Where a part is itself broken, its brackets give the line ends.
        if (level >= kept && [left, ...rest].some((part) => print(group(part), Infinity).includes("\n"))) break
        return group([level === 0 ? indent(left) : left, indent(rest)], broken)
      }
    }
    return plainRow(atoms, context, startsLine)
  }

  /** Atoms one after another; lists without brackets (imports, names, conditions) are filled. */
  const plainRow = (atoms: readonly Atom[], context: SpacingContext, startsLine: boolean): Doc => {
    const out: Doc[] = []
    for (let i = 0; i < atoms.length; i++) {
      const atom = atoms[i]!
      const before = atoms[i - 1]
      if (before !== undefined) {
        const comma = before.kind === "leaf" && before.token.tokenType === S.Comma
        out.push(comma ? group(indent(line)) : spaceBetween(lastLeaf(before), firstLeaf(atom), context))
      }
      const chain = atom.kind === "leaf" && atom.token.tokenType === K.if ? ifChain(atoms, i) : i
      if (chain > i) {
        const parts = atoms.slice(i, chain)
        const broken = parts.some((part) => part.kind === "bracket" && part.role === "branch" && (part.broken || part.sections.length > 1))
        out.push(group(parts.map((part, j) => [j === 0 ? "" : spaceBetween(lastLeaf(parts[j - 1]!), firstLeaf(part), context), atomDoc(part, startsLine && i + j === 0, context)]), broken))
        i = chain - 1
      } else out.push(atomDoc(atom, startsLine && i === 0, context))
    }
    return out
  }

  /** The end of the chain `if c { … } else if d { … } else { … }` that begins at `start`. */
  const ifChain = (atoms: readonly Atom[], start: number): number => {
    for (let i = start; i < atoms.length; i++) {
      const atom = atoms[i]!
      if (atom.kind !== "bracket" || atom.role !== "branch") continue
      const next = atoms[i + 1]
      if (next?.kind !== "leaf" || next.token.tokenType !== K.else) return i + 1
    }
    return start
  }

  const atomDoc = (atom: Atom, startsLine: boolean, context: SpacingContext): Doc =>
    atom.kind === "leaf" ? leafDoc(atom, startsLine) : bracketDoc(atom, startsLine, context)

  return [sectionsDoc(tree.sections), tailDoc(tree.tail, tree.sections.length > 0)]
}
