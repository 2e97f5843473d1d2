/** The parser's layer of expressions and suites. */
import type { ParserMethod, TokenType } from "chevrotain"
import type { Argument, BinaryOp, Coord, Expr, Name as NameNode, Slice, Statement, SuiteExpr } from "./ast.ts"
import { missingComma, unexpectedInSuite } from "./parse-errors.ts"
import { associate, type Operand, type Operator } from "./precedence.ts"
import { RecoveringRules } from "./recovering-rules.ts"
import { Float, Id, Int, K, Name, S, Str } from "./tokens.ts"
import type { Rule } from "./type-rules.ts"

const operators: readonly TokenType[] = [
  S.Pipe, S.DotDot, K.or, K.and, S.EqualEqual, S.NotEqual, S.LessEqual, S.MoreEqual, S.Less, S.More, K.in, S.Plus, S.Minus, S.Star,
  S.FloorDivide, S.Slash, S.Percent, S.AtSign, S.Power,
]
const escapes: ReadonlyMap<string, string> = new Map([["n", "\n"], ["t", "\t"]])
const unquoted = (image: string): string => {
  const closed = image.length > 1 && image.endsWith(image[0]!)
  const inside = image.slice(1, closed ? -1 : undefined)
  return image[0] === "'" ? inside : inside.replace(/\\(.)/g, (_, escaped: string) => escapes.get(escaped) ?? escaped)
}

export abstract class ExpressionRules extends RecoveringRules {
  protected abstract readonly statement: Rule<Statement>

  // ------------------------------------------------------------------------------------------------- suites

  public readonly suite: Rule<SuiteExpr> = this.RULE("suite", (): SuiteExpr => {
    const start = this.LA(1).startOffset
    const open = this.cursor
    this.CONSUME(S.LBrace)
    const statements: Statement[] = []
    let result: Expr | undefined
    for (;;) {
      this.MANY(() => {
        const at = this.cursor
        const statement = this.guarded("statement", () => this.SUBRULE(this.statement)) ?? this.salvagedLet(at)
        if (statement !== undefined) statements.push(statement)
        else result = this.errorHere()
      })
      const early = result
      if (this.RECORDING_PHASE || !this.atBoundary()) {
        const last = statements[statements.length - 1]
        if (last?.kind === "save" && this.sameLine() && this.LA(1).tokenType === Id) this.fault(missingComma(this.place(this.cursor)), this.cursor)
        this.OPTION(() => {
          result = this.guarded("statement", () => this.SUBRULE(this.expr)) ?? this.errorHere()
        })
      }
      if (this.RECORDING_PHASE || this.LA(1).tokenType === S.RBrace || this.atBoundary()) break
      const at = this.cursor
      this.fault(unexpectedInSuite(this.place(at), open, result === early ? undefined : result), at)
      this.skip("statement", at)
      result = this.errorHere()
    }
    this.close(open, open)
    return { kind: "suite", span: this.since(start), statements, result }
  })

  // ------------------------------------------------------------------------------------- expressions, loosest first

  /**
   * A function without a name, or a row of operands and operators, which precedence.ts groups. Few rules stand between one bracket and the
   * next inside it: a level of nesting costs some twenty frames of the stack.
   */
  public readonly expr: Rule<Expr> = this.RULE("expr", (): Expr => {
    this.descend()
    const expr = this.OR<Expr>([
      { ALT: () => this.SUBRULE(this.lambda) },
      {
        ALT: () => {
          const operands: Operand[] = [this.SUBRULE(this.operand)]
          const between: Operator[] = []
          this.MANY({
            GATE: () => this.LA(1).tokenType !== S.Minus || this.sameLine(),
            DEF: () => {
              const token = this.OR2(this.operatorAlternatives)
              between.push({ op: token.image as BinaryOp | "|>", span: this.spanOf(token) })
              operands.push(this.SUBRULE2(this.operand))
            },
          })
          const only = operands[0]!
          if (between.length === 0 && only.prefixes?.length === 0) return only.expr
          return this.ACTION(() => associate(operands, between, (problem) => this.problems.push(problem)))
        },
      },
    ])
    this.ascend()
    return expr
  })
  private readonly operatorAlternatives = operators.map((type) => ({ ALT: () => this.CONSUME(type) }))

  private readonly lambda: Rule<Expr> = this.RULE("lambda", (): Expr => {
    const start = this.LA(1).startOffset
    return this.OR<Expr>([
      {
        ALT: () => {
          this.CONSUME(K.fn)
          this.CONSUME(S.LParen)
          const params = [this.named(this.CONSUME(Id))]
          this.MANY(() => {
            this.CONSUME(S.Comma)
            params.push(this.named(this.CONSUME2(Id)))
          })
          this.CONSUME(S.RParen)
          this.CONSUME(S.FatArrow)
          const body = this.SUBRULE(this.expr)
          return { kind: "lambda", span: this.since(start), params, body }
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.at)
          this.CONSUME2(S.LParen)
          const coords = [this.SUBRULE(this.coord)]
          this.MANY2(() => {
            this.CONSUME2(S.Comma)
            coords.push(this.SUBRULE2(this.coord))
          })
          this.CONSUME2(S.RParen)
          this.CONSUME2(S.FatArrow)
          const body = this.SUBRULE2(this.expr)
          return { kind: "at", span: this.since(start), coords, body }
        },
      },
    ])
  })

  private readonly coord: Rule<Coord> = this.RULE("coord", (): Coord => {
    const start = this.LA(1).startOffset
    const name = this.named(this.CONSUME(Id))
    const extent = this.OPTION(() => {
      this.CONSUME(S.Colon)
      return this.SUBRULE(this.size)
    })
    return { span: this.since(start), name, extent }
  })

  /** `not`, `-`, a primary, and what is applied to it. */
  private readonly operand: Rule<Operand> = this.RULE("operand", (): Operand => {
    let start = this.LA(1).startOffset
    const prefixes: Operand["prefixes"][number][] = []
    this.OPTION(() => prefixes.push({ op: "not", span: this.spanOf(this.CONSUME(K.not)) }))
    this.OPTION2(() => prefixes.push({ op: "-", span: this.spanOf(this.CONSUME(S.Minus)) }))
    if (prefixes.length > 0) start = this.LA(1).startOffset
    let expr = this.OR<Expr>(this.primaryAlternatives)
    this.MANY({
      GATE: () => (this.LA(1).tokenType !== S.LParen && this.LA(1).tokenType !== S.LBracket) || this.sameLine(),
      DEF: () => {
        expr = this.SUBRULE(this.application, { ARGS: [expr, start] })
      },
    })
    return { prefixes, expr, span: this.since(start) }
  })
  private readonly primaryAlternatives = [
    { ALT: (): Expr => ({ kind: "float", value: Number(this.CONSUME(Float).image.replaceAll("_", "")), span: this.spanOf(this.LA(0)) }) },
    { ALT: (): Expr => ({ kind: "int", value: Number(this.CONSUME(Int).image.replaceAll("_", "")), span: this.spanOf(this.LA(0)) }) },
    { ALT: (): Expr => ({ kind: "string", value: unquoted(this.CONSUME(Str).image), span: this.spanOf(this.LA(0)) }) },
    { ALT: (): Expr => ({ kind: "bool", value: this.CONSUME(K.true) !== undefined, span: this.spanOf(this.LA(0)) }) },
    { ALT: (): Expr => ({ kind: "bool", value: this.CONSUME(K.false) === undefined, span: this.spanOf(this.LA(0)) }) },
    { ALT: (): Expr => ({ kind: "name", name: this.CONSUME(Id).image, span: this.spanOf(this.LA(0)) }) },
    { ALT: (): Expr => this.SUBRULE(this.parentheses) },
    { ALT: (): Expr => this.SUBRULE(this.listExpr) },
    { ALT: (): Expr => this.SUBRULE(this.recordExpr) },
    { ALT: (): Expr => this.SUBRULE(this.suite) },
    { ALT: (): Expr => this.SUBRULE(this.ifExpr) },
    { ALT: (): Expr => this.SUBRULE(this.loop) },
  ]

  /** One thing applied to `base`, which began at `start`: a call, an index, a field, a replacement. */
  private readonly application: ParserMethod<[Expr, number], Expr> = this.RULE("application", (base: Expr, start: number): Expr =>
    this.OR<Expr>([
      {
        ALT: () => {
          const args = this.SUBRULE(this.call)
          return { kind: "call", span: this.since(start), callee: base, args }
        },
      },
      {
        ALT: () => {
          const slices = this.SUBRULE(this.index)
          return { kind: "index", span: this.since(start), base, slices }
        },
      },
      {
        ALT: () => {
          this.CONSUME(S.Dot)
          const token = this.OR2([{ ALT: () => this.CONSUME(Name) }, { ALT: () => this.CONSUME(Int) }])
          return token.tokenType === Int
            ? { kind: "item", span: this.since(start), base, index: Number(token.image) }
            : { kind: "field", span: this.since(start), base, name: this.named(token) }
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.with)
          const fields = this.SUBRULE(this.record)
          return { kind: "with", span: this.since(start), base, fields }
        },
      },
    ]),
  )

  private readonly call: Rule<readonly Argument[]> = this.RULE("call", () => {
    this.CONSUME(S.LParen)
    const args = this.OPTION(() => this.commas(S.RParen, () => this.SUBRULE(this.argument), () => this.SUBRULE2(this.argument))) ?? []
    this.CONSUME(S.RParen)
    return args
  })

  private readonly argument: Rule<Argument> = this.RULE("argument", (): Argument => {
    const start = this.LA(1).startOffset
    const name = this.OPTION({
      GATE: () => this.LA(2).tokenType === S.Equal,
      DEF: () => {
        const token = this.CONSUME(Name)
        this.CONSUME(S.Equal)
        return this.named(token)
      },
    })
    const value = this.SUBRULE(this.expr)
    return { span: this.since(start), name, value }
  })

  private readonly index: Rule<readonly Slice[]> = this.RULE("index", () => {
    this.CONSUME(S.LBracket)
    const slices = this.commas(S.RBracket, () => this.SUBRULE(this.slice), () => this.SUBRULE2(this.slice))
    this.CONSUME(S.RBracket)
    return slices
  })

  private readonly slice: Rule<Slice> = this.RULE("slice", (): Slice => {
    const from = this.LA(1).startOffset
    return this.OR<Slice>([
      {
        ALT: () => {
          this.CONSUME(S.Colon)
          const end = this.OPTION(() => this.SUBRULE(this.expr))
          return { kind: "range", span: this.since(from), start: undefined, end }
        },
      },
      {
        ALT: () => {
          const start = this.SUBRULE2(this.expr)
          let end: Expr | undefined
          const colon = this.OPTION2(() => {
            const token = this.CONSUME2(S.Colon)
            end = this.OPTION3(() => this.SUBRULE3(this.expr))
            return token
          })
          return colon === undefined ? { kind: "at", span: this.since(from), index: start } : { kind: "range", span: this.since(from), start, end }
        },
      },
    ])
  })

  /** `(e)` is e itself; `()` and `(a, b)` are tuples, and so is `(a,)`. */
  private readonly parentheses: Rule<Expr> = this.RULE("parentheses", (): Expr => {
    const start = this.LA(1).startOffset
    this.CONSUME(S.LParen)
    const items = this.expressions(S.RParen)
    const tuple = this.LA(0).tokenType === S.Comma || items.length !== 1
    this.CONSUME(S.RParen)
    return tuple ? { kind: "tuple", span: this.since(start), items } : items[0]!
  })

  private readonly listExpr: Rule<Expr> = this.RULE("list", (): Expr => {
    const start = this.LA(1).startOffset
    this.CONSUME(S.LBracket)
    const items = this.expressions(S.RBracket)
    this.CONSUME(S.RBracket)
    return { kind: "list", span: this.since(start), items }
  })

  /** Any number of expressions up to the closing bracket, a last comma allowed. */
  private expressions(close: TokenType): Expr[] {
    const items: Expr[] = []
    this.OPTION6(() => items.push(this.SUBRULE6(this.expr)))
    this.MANY6({
      GATE: () => items.length > 0 && this.LA(2).tokenType !== close,
      DEF: () => {
        this.CONSUME6(S.Comma)
        items.push(this.SUBRULE7(this.expr))
      },
    })
    this.OPTION7({ GATE: () => items.length > 0, DEF: () => this.CONSUME7(S.Comma) })
    return items
  }

  private readonly recordExpr: Rule<Expr> = this.RULE("recordExpr", (): Expr => {
    const start = this.LA(1).startOffset
    const fields = this.SUBRULE(this.record)
    return { kind: "record", span: this.since(start), fields }
  })

  private readonly record: Rule<readonly { readonly name: NameNode; readonly value: Expr }[]> = this.RULE("record", () => {
    this.CONSUME(S.LBrace)
    const fields = this.commas(S.RBrace, () => this.SUBRULE(this.field), () => this.SUBRULE2(this.field))
    this.CONSUME(S.RBrace)
    return fields
  })

  private readonly field: Rule<{ readonly name: NameNode; readonly value: Expr }> = this.RULE("field", () => {
    const name = this.named(this.CONSUME(Name))
    this.CONSUME(S.Colon)
    const value = this.SUBRULE(this.expr)
    return { name, value }
  })

  /** A chain of `else if` is one rule, so that its length needs no stack. */
  private readonly ifExpr: Rule<Expr> = this.RULE("if", (): Expr => {
    const branches: { readonly start: number; readonly condition: Expr; readonly then: Expr }[] = []
    const branch = (condition: () => Expr, then: () => Expr): void => {
      branches.push({ start: this.LA(0).startOffset, condition: condition(), then: then() })
    }
    this.CONSUME(K.if)
    branch(() => this.SUBRULE(this.expr), () => this.SUBRULE(this.suite))
    this.MANY({
      GATE: () => this.LA(2).tokenType === K.if,
      DEF: () => {
        this.CONSUME(K.else)
        this.CONSUME2(K.if)
        branch(() => this.SUBRULE2(this.expr), () => this.SUBRULE2(this.suite))
      },
    })
    let otherwise: Expr | undefined
    this.OPTION(() => {
      this.CONSUME2(K.else)
      otherwise = this.SUBRULE3(this.suite)
    })
    for (let i = branches.length - 1; i >= 0; i--) {
      const { start, condition, then } = branches[i]!
      otherwise = { kind: "if", span: this.since(start), condition, then, else: otherwise }
    }
    return otherwise!
  })

  private readonly loop: Rule<Expr> = this.RULE("loop", (): Expr => {
    const from = this.LA(1).startOffset
    this.CONSUME(K.loop)
    const pattern = this.SUBRULE(this.pattern)
    this.CONSUME(S.Equal)
    const start = this.SUBRULE(this.expr)
    this.CONSUME(K.for)
    const item = this.SUBRULE2(this.pattern)
    this.CONSUME(K.in)
    const over = this.SUBRULE2(this.expr)
    const body = this.SUBRULE(this.suite)
    return { kind: "loop", span: this.since(from), pattern, start, item, over, body }
  })
}
