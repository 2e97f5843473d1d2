/** The parser's layer of statements. */
import type { Expr, ModelDeclaration, Name as NameNode, Statement } from "./ast.ts"
import { ExpressionRules } from "./expression-rules.ts"
import { Id, K, S } from "./tokens.ts"
import type { Rule } from "./type-rules.ts"

export abstract class StatementRules extends ExpressionRules {
  protected readonly statement: Rule<Statement> = this.RULE("statement", (): Statement =>
    this.OR<Statement>([
      { ALT: () => this.SUBRULE(this.let_) },
      { ALT: () => this.SUBRULE(this.slot) },
      { ALT: () => this.SUBRULE(this.assignment) },
      { ALT: () => this.SUBRULE(this.model) },
      { ALT: () => this.SUBRULE(this.minimize) },
      { ALT: () => this.SUBRULE(this.report) },
      { ALT: () => this.SUBRULE(this.save) },
    ]),
  )

  private readonly let_: Rule<Statement> = this.RULE("let", (): Statement => {
    const start = this.LA(1).startOffset
    this.CONSUME(K.let)
    const pattern = this.SUBRULE(this.pattern)
    const type = this.OPTION(() => {
      this.CONSUME(S.Colon)
      return this.SUBRULE(this.type)
    })
    const sign = this.OR([{ ALT: () => this.CONSUME(S.Equal) }, { ALT: () => this.CONSUME(S.Tilde) }])
    const value = this.SUBRULE(this.expr)
    return { kind: "let", span: this.since(start), pattern, type, draws: sign.tokenType === S.Tilde, value }
  })

  private readonly slot: Rule<Statement> = this.RULE("slot", (): Statement => {
    const start = this.LA(1).startOffset
    const role = this.OR([{ ALT: () => this.CONSUME(K.param) }, { ALT: () => this.CONSUME(K.state) }])
    const name = this.named(this.CONSUME(Id))
    this.CONSUME(S.Colon)
    const type = this.SUBRULE(this.type)
    this.CONSUME(S.Equal)
    const value = this.SUBRULE(this.expr)
    return { kind: "slot", span: this.since(start), role: role.image as "param" | "state", name, type, value }
  })

  private readonly assignment: Rule<Statement> = this.RULE("assignment", (): Statement => {
    const start = this.LA(1).startOffset
    const word = this.OR([{ ALT: () => this.CONSUME(K.next) }, { ALT: () => this.CONSUME(K.term) }])
    const name = this.named(this.CONSUME(Id))
    this.CONSUME(S.Equal)
    const value = this.SUBRULE(this.expr)
    return { kind: word.image as "next" | "term", span: this.since(start), name, value }
  })

  private readonly minimize: Rule<Statement> = this.RULE("minimize", (): Statement => {
    const start = this.LA(1).startOffset
    this.CONSUME(K.minimize)
    const loss = this.SUBRULE(this.expr)
    this.CONSUME(K.over)
    const over = this.SUBRULE(this.names)
    this.CONSUME(K.by)
    const by = this.SUBRULE2(this.expr)
    return { kind: "minimize", span: this.since(start), loss, over, by }
  })

  private readonly report: Rule<Statement> = this.RULE("report", (): Statement => {
    const start = this.LA(1).startOffset
    this.CONSUME(K.report)
    const value = this.SUBRULE(this.expr)
    return { kind: "report", span: this.since(start), value }
  })

  /** `best` is a word only here, before `=`. */
  private readonly save: Rule<Statement> = this.RULE("save", (): Statement => {
    const start = this.LA(1).startOffset
    this.CONSUME(K.save)
    const names = this.SUBRULE(this.names)
    const best = this.OPTION({
      GATE: () => this.LA(1).image === "best" && this.LA(2).tokenType === S.Equal,
      DEF: () => {
        this.CONSUME(Id)
        this.CONSUME(S.Equal)
        return this.SUBRULE(this.expr)
      },
    })
    return { kind: "save", span: this.since(start), names, best }
  })

  private readonly names: Rule<NameNode[]> = this.RULE("names", () => {
    const names = [this.named(this.CONSUME(Id))]
    this.MANY(() => {
      this.CONSUME(S.Comma)
      names.push(this.named(this.CONSUME2(Id)))
    })
    return names
  })

  /** At the top of a file too. */
  protected readonly model: Rule<ModelDeclaration> = this.RULE("model", (): ModelDeclaration => {
    const start = this.LA(1).startOffset
    this.CONSUME(K.model)
    const name = this.named(this.CONSUME(Id))
    this.CONSUME(S.Equal)
    const value = this.SUBRULE(this.expr)
    const from = this.OPTION(() => {
      this.CONSUME(K.from)
      return this.SUBRULE2(this.expr)
    })
    return { kind: "model", span: this.since(start), name, doc: undefined, value, from }
  })
}
