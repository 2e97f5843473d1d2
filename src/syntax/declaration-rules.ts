/** The parser's highest layer: modules and declarations. */
import { EOF } from "chevrotain"
import type { Diagnostic } from "../base/diagnostic.ts"
import type {
  Declaration, EntryParam, Every, Expr, FunctionDeclaration, Import, ModelDeclaration, Module, Name as NameNode, Param, Step, SuiteExpr, TrainDeclaration, TypeExpr,
} from "./ast.ts"
import type { Fault } from "./recovering-rules.ts"
import { unexpectedAtTop, unexpectedInSuite } from "./parse-errors.ts"
import { Id, K, Name, S, Str, type Token } from "./tokens.ts"
import { StatementRules } from "./statement-rules.ts"
import type { Rule } from "./type-rules.ts"

interface Signature {
  readonly groups: readonly (readonly Param[])[]
  readonly result: TypeExpr | undefined
  readonly where: readonly Expr[]
}

export class DeclarationRules extends StatementRules {
  constructor(validate: boolean) {
    super(validate)
    this.performSelfAnalysis()
  }

  // ------------------------------------------------------------------------------------------------- modules

  public readonly module: Rule<Module> = this.RULE("module", (): Module => {
    const imports: Import[] = []
    const declarations: Declaration[] = []
    let late = false
    for (;;) {
      if (declarations.length > 0 && !late && (this.LA(1).tokenType === K.import || this.LA(1).tokenType === K.from)) {
        late = true
        this.fault(unexpectedAtTop(this.place(this.cursor)), this.cursor)
      }
      this.MANY(() => {
        const read = this.guarded("declaration", () => this.SUBRULE(this.import_))
        if (read !== undefined) imports.push(read)
      })
      this.MANY2(() => {
        this.faultsBefore = this.faults.length
        const start = this.cursor
        const read = this.guarded("declaration", () => this.SUBRULE(this.declaration)) ?? this.salvaged(start)
        if (read !== undefined) declarations.push(read)
      })
      if (this.RECORDING_PHASE || this.LA(1).tokenType === EOF) break
      const at = this.cursor
      const type = this.LA(1).tokenType
      if (type === K.import || type === K.from) continue
      // What is left over after a declaration with a mistake follows from that mistake.
      if (this.faults.length === this.faultsBefore) this.fault(unexpectedAtTop(this.place(at)), at)
      this.skip("declaration", at)
      if (this.cursor === at) this.cursor = at + 1
    }
    this.CONSUME(EOF)
    return { kind: "module", file: this.file, span: { file: this.file, start: 0, end: this.text.length }, imports, declarations }
  })

  /** For a declaration whose head cannot be read: its name with an error value, so that uses of it are not reported too. */
  private salvaged(start: number): Declaration | undefined {
    const name = this.input.slice(start + 1, start + 3).find((token) => token.tokenType === Id)
    return name === undefined ? undefined : { kind: "const", span: this.since(this.input[start]!.startOffset), name: this.named(name), doc: undefined, type: undefined, value: this.errorHere() }
  }

  private readonly import_: Rule<Import> = this.RULE("import", (): Import => {
    const start = this.LA(1).startOffset
    return this.OR<Import>([
      {
        ALT: () => {
          this.CONSUME(K.from)
          const path = this.SUBRULE(this.modulePath)
          this.CONSUME(K.import)
          const names = [this.SUBRULE(this.importName)]
          this.MANY(() => {
            this.CONSUME(S.Comma)
            names.push(this.SUBRULE2(this.importName))
          })
          return { kind: "import", span: this.since(start), path, names, alias: undefined }
        },
      },
      {
        ALT: () => {
          this.CONSUME2(K.import)
          const path = this.SUBRULE2(this.modulePath)
          this.CONSUME(K.as)
          const alias = this.named(this.CONSUME(Id))
          return { kind: "import", span: this.since(start), path, names: [], alias }
        },
      },
    ])
  })

  private readonly modulePath: Rule<Import["path"]> = this.RULE("modulePath", () => {
    const start = this.LA(1).startOffset
    return this.OR([
      {
        ALT: () => {
          const token = this.CONSUME(Str)
          return { text: token.image.replace(/^"|"$/g, ""), quoted: true, span: this.since(start) }
        },
      },
      {
        ALT: () => {
          let text = this.CONSUME(Id).image
          this.MANY(() => {
            this.CONSUME(S.Dot)
            text += `.${this.CONSUME(Name).image}`
          })
          return { text, quoted: false, span: this.since(start) }
        },
      },
    ])
  })

  private readonly importName: Rule<Import["names"][number]> = this.RULE("importName", () => {
    const name = this.named(this.CONSUME(Id))
    const alias = this.OPTION(() => {
      this.CONSUME(K.as)
      return this.named(this.CONSUME2(Id))
    })
    return { name, alias }
  })

  // -------------------------------------------------------------------------------------------- declarations

  private readonly declaration: Rule<Declaration> = this.RULE("declaration", (): Declaration => {
    const doc = (this.LA(1) as Token).doc
    const read = this.OR<Declaration>([
      { ALT: () => this.SUBRULE(this.const_) },
      { ALT: () => this.SUBRULE(this.typeAlias) },
      { ALT: () => this.SUBRULE(this.function_) },
      { ALT: () => this.SUBRULE(this.model) },
      { ALT: () => this.SUBRULE(this.data) },
      { ALT: () => this.SUBRULE(this.entry) },
      { ALT: () => this.SUBRULE(this.train) },
    ])
    return doc === undefined ? read : { ...read, doc }
  })

  private readonly const_: Rule<Declaration> = this.RULE("const", (): Declaration => {
    const start = this.LA(1).startOffset
    this.CONSUME(K.const)
    const name = this.named(this.CONSUME(Id))
    const type = this.OPTION(() => {
      this.CONSUME(S.Colon)
      return this.SUBRULE(this.type)
    })
    this.CONSUME(S.Equal)
    const value = this.SUBRULE(this.expr)
    return { kind: "const", span: this.since(start), name, doc: undefined, type, value }
  })

  private readonly typeAlias: Rule<Declaration> = this.RULE("typeAlias", (): Declaration => {
    const start = this.LA(1).startOffset
    this.CONSUME(K.type)
    const name = this.named(this.CONSUME(Id))
    const dims = this.OPTION(() => this.SUBRULE(this.dims))?.dims ?? []
    this.CONSUME(S.Equal)
    const type = this.SUBRULE(this.type)
    return { kind: "type", span: this.since(start), name, doc: undefined, dims, type }
  })

  private readonly function_: Rule<FunctionDeclaration> = this.RULE("function", (): FunctionDeclaration => {
    const start = this.LA(1).startOffset
    let negative = false
    const role = this.OR([
      { ALT: () => this.CONSUME(K.fn) },
      { ALT: () => this.CONSUME(K.block) },
      { ALT: () => this.CONSUME(K.loss) },
      {
        ALT: () => {
          this.OPTION(() => {
            this.CONSUME(K.negative)
            negative = true
          })
          return this.CONSUME(K.augment)
        },
      },
    ])
    const name = this.named(this.CONSUME(Id))
    const { groups, result, where } = this.SUBRULE(this.signature)
    const body = this.guarded("declaration", () => this.SUBRULE(this.body)) ?? this.errorHere()
    return { kind: "function", span: this.since(start), name, doc: undefined, role: role.image as FunctionDeclaration["role"], negative, groups, result, where, body }
  })

  private readonly signature: Rule<Signature> = this.RULE("signature", () => {
    const groups = [this.SUBRULE(this.params)]
    this.OPTION(() => groups.push(this.SUBRULE2(this.params)))
    const result = this.OPTION2(() => {
      this.CONSUME(S.Arrow)
      return this.SUBRULE(this.type)
    })
    const where: Expr[] = []
    this.OPTION3(() => {
      this.CONSUME(K.where)
      where.push(this.SUBRULE(this.expr))
      this.MANY(() => {
        this.CONSUME(S.Comma)
        where.push(this.SUBRULE2(this.expr))
      })
    })
    return { groups, result, where }
  })

  private readonly params: Rule<Param[]> = this.RULE("params", () => {
    this.CONSUME(S.LParen)
    const params = this.OPTION(() => this.commas(S.RParen, () => this.SUBRULE(this.param), () => this.SUBRULE2(this.param))) ?? []
    this.CONSUME(S.RParen)
    return params
  })

  private readonly param: Rule<Param> = this.RULE("param", (): Param => {
    const start = this.LA(1).startOffset
    const name = this.named(this.CONSUME(Id))
    const type = this.OPTION(() => {
      this.CONSUME(S.Colon)
      return this.SUBRULE(this.type)
    })
    const value = this.OPTION2(() => {
      this.CONSUME(S.Equal)
      return this.SUBRULE(this.expr)
    })
    return { kind: "param", span: this.since(start), name, type, value }
  })

  private readonly body: Rule<Expr> = this.RULE("body", (): Expr =>
    this.OR<Expr>([
      {
        ALT: () => {
          this.CONSUME(S.Equal)
          return this.SUBRULE(this.expr)
        },
      },
      { ALT: () => this.SUBRULE(this.suite) },
    ]),
  )

  private readonly data: Rule<Declaration> = this.RULE("data", (): Declaration => {
    const start = this.LA(1).startOffset
    this.CONSUME(K.data)
    const name = this.named(this.CONSUME(Id))
    this.CONSUME(S.Colon)
    const type = this.SUBRULE(this.type)
    this.CONSUME(S.Equal)
    const value = this.SUBRULE(this.expr)
    return { kind: "data", span: this.since(start), name, doc: undefined, type, value }
  })

  private readonly entry: Rule<Declaration> = this.RULE("entry", (): Declaration => {
    const start = this.LA(1).startOffset
    const role = this.OR([{ ALT: () => this.CONSUME(K.graph) }, { ALT: () => this.CONSUME(K.eval) }])
    const name = this.named(this.CONSUME(Id))
    const params = this.SUBRULE(this.entryParams)
    const result = this.OPTION(() => {
      this.CONSUME(S.Arrow)
      return this.SUBRULE(this.type)
    })
    const body = this.guarded("declaration", () => this.SUBRULE(this.body)) ?? this.errorHere()
    return { kind: "entry", span: this.since(start), name, doc: undefined, role: role.image as "graph" | "eval", params, result, body }
  })

  private readonly entryParams: Rule<EntryParam[]> = this.RULE("entryParams", () => {
    this.CONSUME(S.LParen)
    const params = this.OPTION(() => this.commas(S.RParen, () => this.SUBRULE(this.entryParam), () => this.SUBRULE2(this.entryParam))) ?? []
    this.CONSUME(S.RParen)
    return params
  })

  private readonly entryParam: Rule<EntryParam> = this.RULE("entryParam", (): EntryParam => {
    const start = this.LA(1).startOffset
    return this.OR<EntryParam>([
      {
        ALT: () => {
          const name = this.named(this.CONSUME(Id))
          this.CONSUME(K.in)
          const source = this.SUBRULE(this.expr)
          return { kind: "batch", span: this.since(start), name, source }
        },
      },
      { ALT: () => this.SUBRULE(this.param) },
    ])
  })

  private readonly train: Rule<TrainDeclaration> = this.RULE("train", (): TrainDeclaration => {
    const start = this.LA(1).startOffset
    this.CONSUME(K.train)
    const name = this.named(this.CONSUME(Id))
    const params = this.SUBRULE(this.entryParams)
    const open = this.cursor
    this.CONSUME(S.LBrace)
    const items: TrainDeclaration["items"][number][] = []
    for (;;) {
      this.MANY(() => {
        const item = this.guarded("statement", () => this.OR<TrainDeclaration["items"][number]>([
          { ALT: () => this.SUBRULE(this.statement) },
          { ALT: () => this.SUBRULE(this.step) },
          { ALT: () => this.SUBRULE(this.every) },
        ]))
        if (item !== undefined) items.push(item)
      })
      if (this.RECORDING_PHASE || this.LA(1).tokenType === S.RBrace || this.atBoundary()) break
      const at = this.cursor
      this.fault(unexpectedInSuite(this.place(at), open, undefined), at)
      this.skip("statement", at)
    }
    this.close(open, open)
    return { kind: "train", span: this.since(start), name, doc: undefined, params, items }
  })

  private stepBody(read: () => SuiteExpr): SuiteExpr {
    this.inStep = true
    const body = read()
    this.inStep = false
    return body
  }

  private readonly step: Rule<Step> = this.RULE("step", (): Step => {
    const start = this.LA(1).startOffset
    this.CONSUME(K.step)
    const name = this.named(this.CONSUME(Id))
    const repeat = this.OPTION(() => {
      this.CONSUME(K.repeat)
      return this.SUBRULE(this.expr)
    })
    const body = this.stepBody(() => this.SUBRULE(this.suite))
    return { kind: "step", span: this.since(start), name, repeat, body }
  })

  private readonly every: Rule<Every> = this.RULE("every", (): Every => {
    const start = this.LA(1).startOffset
    this.CONSUME(K.every)
    const period = this.SUBRULE(this.expr)
    const body = this.stepBody(() => this.SUBRULE(this.suite))
    return { kind: "every", span: this.since(start), period, body }
  })

  // --------------------------------------------------------------------------------------------------- running

  read(file: string, text: string, tokens: Token[]): { module: Module; problems: readonly Diagnostic[]; faults: readonly Fault[] } {
    this.begin(file)
    this.text = text
    this.count = tokens.length
    this.faults = []
    this.faultsBefore = 0
    this.inStep = false
    this.input = tokens
    const module = this.module()
    return { module, problems: this.problems, faults: this.faults }
  }
}
