/** The abstract syntax of `.nda` (LANGUAGE section 13). Every node has a span inside its parent's span. */
import type { Span } from "../base/span.ts"

export interface Name {
  readonly text: string
  readonly span: Span
}

// ---------------------------------------------------------------------------------------------------- modules

export interface Module {
  readonly kind: "module"
  readonly file: string
  readonly span: Span
  readonly imports: readonly Import[]
  readonly declarations: readonly Declaration[]
}

/** `from PATH import a, b as c` (names) or `import PATH as m` (alias). */
export interface Import {
  readonly kind: "import"
  readonly span: Span
  /** `nda.image` (dotted, `quoted` false) or the text of a string literal (`quoted` true). */
  readonly path: { readonly text: string; readonly quoted: boolean; readonly span: Span }
  readonly names: readonly { readonly name: Name; readonly alias: Name | undefined }[]
  readonly alias: Name | undefined
}

interface DeclarationBase {
  readonly span: Span
  readonly name: Name
  /** The text of the `##` lines before it, without the marks. */
  readonly doc: string | undefined
}

export interface ConstDeclaration extends DeclarationBase {
  readonly kind: "const"
  readonly type: TypeExpr | undefined
  readonly value: Expr
}

export interface TypeDeclaration extends DeclarationBase {
  readonly kind: "type"
  readonly dims: readonly DimExpr[]
  readonly type: TypeExpr
}

export interface FunctionDeclaration extends DeclarationBase {
  readonly kind: "function"
  readonly role: "fn" | "block" | "loss" | "augment"
  /** `negative augment`. */
  readonly negative: boolean
  /** One group (inputs) or two (configuration, inputs). */
  readonly groups: readonly (readonly Param[])[]
  readonly result: TypeExpr | undefined
  readonly where: readonly Expr[]
  readonly body: Expr
}

export interface ModelDeclaration extends DeclarationBase {
  readonly kind: "model"
  readonly value: Expr
  readonly from: Expr | undefined
}

export interface DataDeclaration extends DeclarationBase {
  readonly kind: "data"
  readonly type: TypeExpr
  readonly value: Expr
}

/** `graph` or `eval`. */
export interface EntryDeclaration extends DeclarationBase {
  readonly kind: "entry"
  readonly role: "graph" | "eval"
  readonly params: readonly EntryParam[]
  readonly result: TypeExpr | undefined
  readonly body: Expr
}

export interface TrainDeclaration extends DeclarationBase {
  readonly kind: "train"
  readonly params: readonly EntryParam[]
  readonly items: readonly (Statement | Step | Every)[]
}

export type Declaration =
  | ConstDeclaration | TypeDeclaration | FunctionDeclaration | ModelDeclaration | DataDeclaration | EntryDeclaration | TrainDeclaration

export interface Param {
  readonly kind: "param"
  readonly span: Span
  readonly name: Name
  readonly type: TypeExpr | undefined
  readonly value: Expr | undefined
}

/** `b in source(...)` or an ordinary parameter. */
export type EntryParam = Param | { readonly kind: "batch"; readonly span: Span; readonly name: Name; readonly source: Expr }

export interface Step {
  readonly kind: "step"
  readonly span: Span
  readonly name: Name
  readonly repeat: Expr | undefined
  readonly body: SuiteExpr
}

export interface Every {
  readonly kind: "every"
  readonly span: Span
  readonly period: Expr
  readonly body: SuiteExpr
}

// ------------------------------------------------------------------------------------------------- statements

export type Statement =
  | { readonly kind: "let"; readonly span: Span; readonly pattern: Pattern; readonly type: TypeExpr | undefined; readonly draws: boolean; readonly value: Expr }
  | { readonly kind: "slot"; readonly span: Span; readonly role: "param" | "state"; readonly name: Name; readonly type: TypeExpr; readonly value: Expr }
  | { readonly kind: "next"; readonly span: Span; readonly name: Name; readonly value: Expr }
  | { readonly kind: "term"; readonly span: Span; readonly name: Name; readonly value: Expr }
  | ModelDeclaration
  | { readonly kind: "minimize"; readonly span: Span; readonly loss: Expr; readonly over: readonly Name[]; readonly by: Expr }
  | { readonly kind: "report"; readonly span: Span; readonly value: Expr }
  /** `save G, D` and `save G best=q.fid`. */
  | { readonly kind: "save"; readonly span: Span; readonly names: readonly Name[]; readonly best: Expr | undefined }

export type Pattern =
  | { readonly kind: "name"; readonly span: Span; readonly name: Name }
  | { readonly kind: "tuple"; readonly span: Span; readonly items: readonly Pattern[] }

// ------------------------------------------------------------------------------------------------------ types

export type TypeExpr =
  | { readonly kind: "named"; readonly span: Span; readonly name: Name; readonly dims: readonly DimExpr[] | undefined
      /** True where a `;` stood in the dimensions (`Field[c; h, w]`): the index of the first dimension after it. */
      readonly semicolon: number | undefined }
  | { readonly kind: "tuple"; readonly span: Span; readonly items: readonly TypeExpr[] }
  | { readonly kind: "list"; readonly span: Span; readonly item: TypeExpr }
  | { readonly kind: "record"; readonly span: Span; readonly fields: readonly { readonly name: Name; readonly type: TypeExpr }[] }
  | { readonly kind: "function"; readonly span: Span; readonly from: TypeExpr; readonly to: TypeExpr }
  | { readonly kind: "error"; readonly span: Span }

export type DimExpr =
  | { readonly kind: "rest"; readonly span: Span; readonly name: Name }
  | { readonly kind: "dim"; readonly span: Span; readonly size: SizeExpr; readonly population: Name | undefined }

export type SizeExpr =
  | { readonly kind: "int"; readonly span: Span; readonly value: number }
  | { readonly kind: "name"; readonly span: Span; readonly name: Name }
  | { readonly kind: "binary"; readonly span: Span; readonly op: "+" | "-" | "*" | "//" | "%"; readonly left: SizeExpr; readonly right: SizeExpr }
  | { readonly kind: "error"; readonly span: Span }

// ------------------------------------------------------------------------------------------------ expressions

export type BinaryOp =
  | "+" | "-" | "*" | "/" | "//" | "%" | "@" | "**" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "and" | "or" | ".."

export interface SuiteExpr {
  readonly kind: "suite"
  readonly span: Span
  readonly statements: readonly Statement[]
  readonly result: Expr | undefined
}

export interface Argument {
  readonly span: Span
  readonly name: Name | undefined
  readonly value: Expr
}

export type Slice =
  /** `i` */
  | { readonly kind: "at"; readonly span: Span; readonly index: Expr }
  /** `a:b`, either end may be missing */
  | { readonly kind: "range"; readonly span: Span; readonly start: Expr | undefined; readonly end: Expr | undefined }

export interface Coord {
  readonly span: Span
  readonly name: Name
  readonly extent: SizeExpr | undefined
}

export type Expr =
  | { readonly kind: "int"; readonly span: Span; readonly value: number }
  | { readonly kind: "float"; readonly span: Span; readonly value: number }
  | { readonly kind: "string"; readonly span: Span; readonly value: string }
  | { readonly kind: "bool"; readonly span: Span; readonly value: boolean }
  | { readonly kind: "name"; readonly span: Span; readonly name: string }
  /** `()` is the empty tuple; `(e)` gives `e` itself. */
  | { readonly kind: "tuple"; readonly span: Span; readonly items: readonly Expr[] }
  | { readonly kind: "list"; readonly span: Span; readonly items: readonly Expr[] }
  | { readonly kind: "record"; readonly span: Span; readonly fields: readonly { readonly name: Name; readonly value: Expr }[] }
  /** `b with { image: … }` */
  | { readonly kind: "with"; readonly span: Span; readonly base: Expr; readonly fields: readonly { readonly name: Name; readonly value: Expr }[] }
  | SuiteExpr
  | { readonly kind: "if"; readonly span: Span; readonly condition: Expr; readonly then: Expr; readonly else: Expr | undefined }
  | { readonly kind: "loop"; readonly span: Span; readonly pattern: Pattern; readonly start: Expr; readonly item: Pattern; readonly over: Expr; readonly body: SuiteExpr }
  /** `fn (t) => e` */
  | { readonly kind: "lambda"; readonly span: Span; readonly params: readonly Name[]; readonly body: Expr }
  /** `at (y, x) => e`, `at (i: n, j: m) => e` */
  | { readonly kind: "at"; readonly span: Span; readonly coords: readonly Coord[]; readonly body: Expr }
  | { readonly kind: "pipe"; readonly span: Span; readonly value: Expr; readonly stage: Expr }
  | { readonly kind: "call"; readonly span: Span; readonly callee: Expr; readonly args: readonly Argument[] }
  | { readonly kind: "index"; readonly span: Span; readonly base: Expr; readonly slices: readonly Slice[] }
  /** `a.name` */
  | { readonly kind: "field"; readonly span: Span; readonly base: Expr; readonly name: Name }
  /** `a.0` */
  | { readonly kind: "item"; readonly span: Span; readonly base: Expr; readonly index: number }
  | { readonly kind: "unary"; readonly span: Span; readonly op: "-" | "not"; readonly operand: Expr }
  | { readonly kind: "binary"; readonly span: Span; readonly op: BinaryOp; readonly opSpan: Span; readonly left: Expr; readonly right: Expr }
  /** What recovery left; already reported, later passes skip it in silence. */
  | { readonly kind: "error"; readonly span: Span }
