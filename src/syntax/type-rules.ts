/** The parser's lowest layer: names, sizes, types and patterns, and what all rules share (spans, commas, depth, recovery). */
import { EmbeddedActionsParser, MismatchedTokenException, type ParserMethod, type TokenType } from "chevrotain"
import type { Diagnostic } from "../base/diagnostic.ts"
import type { Span } from "../base/span.ts"
import * as say from "../diagnostics/messages/syntax.ts"
import type { DimExpr, Name as NameNode, Pattern, SizeExpr, TypeExpr } from "./ast.ts"
import { messageProvider } from "./parse-errors.ts"
import { Id, Int, Name, S, vocabulary, type Token } from "./tokens.ts"

/** Brackets, and constructs without brackets that nest (functions, `->`, `if` in a condition), may nest this deep. */
export const nestingLimit = 200
/** The words that open a step's statement and are followed by an expression: a value of that name would read as the statement. */
const refused: ReadonlySet<string> = new Set(["step", "every", "report", "save"])

/** The message of the exception that gives up a statement nested too deeply. */
export const tooDeep = "nested too deeply"

export type Rule<A> = ParserMethod<[], A>

export class TypeRules extends EmbeddedActionsParser {
  protected file = ""
  protected problems: Diagnostic[] = []
  protected depth = 0

  constructor(validate: boolean) {
    super(vocabulary, { maxLookahead: 3, recoveryEnabled: false, errorMessageProvider: messageProvider, skipValidations: !validate })
  }

  // ------------------------------------------------------------------------------------------------- shared

  /** The span from an offset to the end of the last token taken. */
  protected since(start: number): Span {
    return { file: this.file, start, end: Math.max(start, (this.LA(0).endOffset ?? start) + 1) }
  }

  protected spanOf(token: { readonly startOffset: number; readonly endOffset?: number | undefined }): Span {
    return { file: this.file, start: token.startOffset, end: (token.endOffset ?? token.startOffset) + 1 }
  }

  protected named(token: { readonly image: string; readonly startOffset: number; readonly endOffset?: number | undefined }): NameNode {
    return { text: token.image, span: this.spanOf(token) }
  }

  /** The newline rule: `(`, `[` and binary `-` continue an operand only on its line. */
  protected sameLine(): boolean {
    return !(this.LA(1) as Token).first
  }

  /** Called by each rule that can hold itself, and paired with `ascend`; past the limit the program is told so and the statement given up. */
  protected descend(): void {
    if (++this.depth > nestingLimit && !this.RECORDING_PHASE) {
      this.problems.push(say.nestedTooDeeply(this.spanOf(this.LA(1)), nestingLimit))
      throw new MismatchedTokenException(tooDeep, this.LA(1), this.LA(0))
    }
  }

  protected ascend(): void {
    this.depth--
  }

  protected begin(file: string): void {
    this.file = file
    this.problems = []
    this.depth = 0
  }

  /** `a, b, c` and an optional last comma, up to (not with) the closing bracket; `first` and `rest` call one rule with two indices. */
  protected commas<A>(close: TokenType, first: () => A, rest: () => A): A[] {
    const items: A[] = [first()]
    this.MANY8({
      GATE: () => this.LA(2).tokenType !== close,
      DEF: () => {
        this.CONSUME8(S.Comma)
        items.push(rest())
      },
    })
    this.OPTION8(() => this.CONSUME9(S.Comma))
    return items
  }

  /** The name that a `let` binds. */
  protected readonly binder: Rule<NameNode> = this.RULE("binder", () => {
    const token = this.CONSUME(Id)
    if (refused.has(token.image)) {
      this.ACTION(() => this.problems.push(say.keywordAsName(this.spanOf(token), token.image, `${token.image}s`)))
    }
    return this.named(token)
  })

  public readonly pattern: Rule<Pattern> = this.RULE("pattern", (): Pattern => {
    const start = this.LA(1).startOffset
    return this.OR<Pattern>([
      {
        ALT: () => {
          const name = this.SUBRULE(this.binder)
          return { kind: "name", span: this.since(start), name }
        },
      },
      {
        ALT: () => {
          this.CONSUME(S.LParen)
          const items = this.commas(S.RParen, () => this.SUBRULE(this.pattern), () => this.SUBRULE2(this.pattern))
          this.CONSUME(S.RParen)
          return { kind: "tuple", span: this.since(start), items }
        },
      },
    ])
  })

  // -------------------------------------------------------------------------------------------------- sizes

  public readonly size: Rule<SizeExpr> = this.RULE("size", (): SizeExpr => {
    const start = this.LA(1).startOffset
    let left = this.SUBRULE(this.sizeTerm)
    this.MANY(() => {
      const op = this.OR([{ ALT: () => this.CONSUME(S.Plus) }, { ALT: () => this.CONSUME(S.Minus) }])
      const right = this.SUBRULE2(this.sizeTerm)
      left = { kind: "binary", span: this.since(start), op: op.image as "+" | "-", left, right }
    })
    return left
  })

  private readonly sizeTerm: Rule<SizeExpr> = this.RULE("sizeTerm", (): SizeExpr => {
    const start = this.LA(1).startOffset
    let left = this.SUBRULE(this.sizeAtom)
    this.MANY(() => {
      const op = this.OR([{ ALT: () => this.CONSUME(S.Star) }, { ALT: () => this.CONSUME(S.FloorDivide) }, { ALT: () => this.CONSUME(S.Percent) }])
      const right = this.SUBRULE2(this.sizeAtom)
      left = { kind: "binary", span: this.since(start), op: op.image as "*" | "//" | "%", left, right }
    })
    return left
  })

  private readonly sizeAtom: Rule<SizeExpr> = this.RULE("sizeAtom", (): SizeExpr => {
    const start = this.LA(1).startOffset
    return this.OR<SizeExpr>([
      {
        ALT: () => {
          const token = this.CONSUME(Int)
          return { kind: "int", span: this.since(start), value: Number(token.image.replaceAll("_", "")) }
        },
      },
      {
        ALT: () => {
          const token = this.CONSUME(Id)
          return { kind: "name", span: this.since(start), name: this.named(token) }
        },
      },
      {
        ALT: () => {
          this.CONSUME(S.LParen)
          const size = this.SUBRULE(this.size)
          this.CONSUME(S.RParen)
          return size
        },
      },
    ])
  })

  private readonly dim: Rule<DimExpr> = this.RULE("dim", (): DimExpr => {
    const start = this.LA(1).startOffset
    return this.OR<DimExpr>([
      {
        ALT: () => {
          this.CONSUME(S.DotDot)
          const name = this.named(this.CONSUME(Id))
          return { kind: "rest", span: this.since(start), name }
        },
      },
      {
        ALT: () => {
          const size = this.SUBRULE(this.size)
          const population = this.OPTION(() => {
            this.CONSUME(S.AtSign)
            return this.named(this.CONSUME2(Id))
          })
          return { kind: "dim", span: this.since(start), size, population }
        },
      },
    ])
  })

  public readonly dims: Rule<{ readonly dims: readonly DimExpr[]; readonly semicolon: number | undefined }> = this.RULE("dims", () => {
    this.CONSUME(S.LBracket)
    const dims = [this.SUBRULE(this.dim)]
    let semicolon: number | undefined
    this.MANY({
      GATE: () => this.LA(2).tokenType !== S.RBracket,
      DEF: () => {
        this.OR([
          { ALT: () => this.CONSUME(S.Comma) },
          {
            ALT: () => {
              const token = this.CONSUME(S.Semicolon)
              if (semicolon !== undefined) this.ACTION(() => this.problems.push(say.misplaced(this.spanOf(token), "one `;` parts the colours from the extents; this is a second one")))
              semicolon = dims.length
            },
          },
        ])
        dims.push(this.SUBRULE2(this.dim))
      },
    })
    this.OPTION(() => this.CONSUME2(S.Comma))
    this.CONSUME(S.RBracket)
    return { dims, semicolon }
  })

  // -------------------------------------------------------------------------------------------------- types

  /** `T -> U -> V` is `T -> (U -> V)`. */
  public readonly type: Rule<TypeExpr> = this.RULE("type", (): TypeExpr => {
    const parts = [this.SUBRULE(this.baseType)]
    this.MANY(() => {
      this.CONSUME(S.Arrow)
      parts.push(this.SUBRULE2(this.baseType))
    })
    let to = parts[parts.length - 1]!
    for (let i = parts.length - 2; i >= 0; i--) {
      const from = parts[i]!
      to = this.ACTION(() => ({ kind: "function", span: { file: this.file, start: from.span.start, end: to.span.end }, from, to }))
    }
    return to
  })

  private readonly baseType: Rule<TypeExpr> = this.RULE("baseType", (): TypeExpr => {
    const start = this.LA(1).startOffset
    return this.OR<TypeExpr>([
      {
        ALT: () => {
          const name = this.named(this.CONSUME(Id))
          const dims = this.OPTION({ GATE: () => this.sameLine(), DEF: () => this.SUBRULE(this.dims) })
          return { kind: "named", span: this.since(start), name, dims: dims?.dims, semicolon: dims?.semicolon }
        },
      },
      {
        ALT: () => {
          this.CONSUME(S.LParen)
          const items = this.commas(S.RParen, () => this.SUBRULE(this.type), () => this.SUBRULE2(this.type))
          this.CONSUME(S.RParen)
          return items.length === 1 ? items[0]! : { kind: "tuple", span: this.since(start), items }
        },
      },
      {
        ALT: () => {
          this.CONSUME(S.LBracket)
          const item = this.SUBRULE3(this.type)
          this.CONSUME(S.RBracket)
          return { kind: "list", span: this.since(start), item }
        },
      },
      { ALT: () => this.SUBRULE(this.recordType) },
    ])
  })

  private readonly recordType: Rule<TypeExpr> = this.RULE("recordType", (): TypeExpr => {
    const start = this.LA(1).startOffset
    this.CONSUME(S.LBrace)
    const fields = this.OPTION(() => this.commas(S.RBrace, () => this.SUBRULE(this.fieldType), () => this.SUBRULE2(this.fieldType))) ?? []
    this.CONSUME(S.RBrace)
    return { kind: "record", span: this.since(start), fields }
  })

  private readonly fieldType: Rule<{ readonly name: NameNode; readonly type: TypeExpr }> = this.RULE("fieldType", () => {
    const name = this.named(this.CONSUME(Name))
    this.CONSUME(S.Colon)
    return { name, type: this.SUBRULE(this.type) }
  })
}
