/**
 * What an expression stands for while a program is interpreted abstractly: its type, and what is known about it at
 * compile time; when a graph is being built, also how to compute it. Checking and elaboration are one interpreter
 * over these values (docs/decisions.md): with symbolic sizes it checks, with numbers and a builder it elaborates.
 */
import type { Span } from "../base/span.ts"
import type { Node } from "../ir/graph.ts"
import type { Scalar, ScalarType } from "../scalar/scalar.ts"
import type * as Ast from "../syntax/ast.ts"
import type { Dim, Dimension, Reason } from "../types/dimension.ts"
import type { Population } from "../types/population.ts"
import type { Size } from "../types/size.ts"
import type { Context } from "./context.ts"
import type { Scope } from "./scope.ts"

export type DType = ScalarType

/** How a tensor is computed, when a graph is being built. */
export type Data =
  /** A node with exactly the tensor's dimensions. */
  | { readonly rate: "node"; readonly node: Node }
  /** Inside an augment: one value per sample; the node has the batch as an extra first dimension. */
  | { readonly rate: "sample"; readonly node: Node }
  /** Inside `at`: a function of the tensor's own indices, closed over the coordinates. */
  | { readonly rate: "element"; readonly at: (index: readonly Scalar[]) => Scalar }
  /** A batch of pictures that has not been rasterised: pipelines compose before anything is sampled. */
  | { readonly rate: "picture"; readonly picture: Picture; readonly force: () => Node }

/** A batch of pictures as a function: the colour (over channels) of sample `sample` at `coords`, inside the domain. */
export interface Picture {
  /** Integer coordinates always; fractional ones only where `smooth`. */
  readonly at: (coords: readonly Scalar[], sample: Scalar) => (channel: Scalar) => Scalar
  /** A fractional read may move inward (LANGUAGE section 8, the seam rule). */
  readonly smooth: boolean
  /** Reads of memory per colour. */
  readonly taps: number
  /** Each sample's number in its data set: i32[n]. */
  readonly samples: Node
  /** How many samples the batch has. */
  readonly batch: number
  readonly label: string
  /** The batch in memory that this is, where it is one as it lies there. */
  readonly node?: Node | undefined
}

export interface TensorValue {
  readonly kind: "tensor"
  readonly dtype: DType
  readonly dims: readonly Dimension[]
  /** The alias the type was written with (`Image`, `Boxes`, …): remembered for messages and for records of pictures. */
  readonly alias: string | undefined
  /** The number, where it is known at compile time (rank 0). */
  readonly literal: number | undefined
  readonly data: Data | undefined
  /** Each sample's number, for what came from a source: draws follow the picture, not its place in the batch. */
  readonly samples?: Node
}

/** A compile-time integer, usable as a size. */
export interface IntValue { readonly kind: "int"; readonly size: Size }
/** A compile-time boolean; `value` is undefined while a configuration is symbolic. */
export interface BoolValue { readonly kind: "bool"; readonly value: boolean | undefined }
export interface StringValue { readonly kind: "string"; readonly value: string | undefined }
export interface RecordValue {
  readonly kind: "record"
  readonly fields: ReadonlyMap<string, Value>
  /** The data set that it is a batch of. */
  readonly source?: SourceValue
}
export interface TupleValue { readonly kind: "tuple"; readonly items: readonly Value[] }
/** A compile-time list; `items` is undefined while its length is not known. */
export interface ListValue { readonly kind: "list"; readonly items: readonly Value[] | undefined }

/** A picture inside an augment: LANGUAGE section 8. */
export interface FieldValue {
  readonly kind: "field"
  readonly channels: Dim
  /** Its colour is a number (`luma(img)`): statistics of it have no channel dimension. */
  readonly scalar?: boolean
  readonly domain: readonly Dim[]
  readonly population: Population | undefined
  readonly became: Reason | undefined
  readonly picture: Picture | undefined
}

export interface FunctionValue {
  readonly kind: "function"
  readonly declaration: Ast.FunctionDeclaration
  /** The scope of the module that declares it. */
  readonly scope: Scope
  /** Two groups: the bound configuration, once given. */
  readonly config: ReadonlyMap<string, Value> | undefined
  readonly span: Span
}

/** What a builtin of two groups is once it is configured: `one_of([…])`, `together(D)`. */
export interface NativeValue {
  readonly kind: "native"
  readonly name: string
  readonly apply: (ctx: Context, args: readonly EvaluatedArgument[], span: Span) => Value
}

/** A function given all but its first argument: a stage. */
export interface PartialValue {
  readonly kind: "partial"
  readonly callee: FunctionValue | BuiltinValue
  readonly args: readonly EvaluatedArgument[]
  /** The parameter that has no argument, counting in order. */
  readonly missing: string
  readonly span: Span
}

export interface EvaluatedArgument {
  readonly name: string | undefined
  readonly value: Value
  readonly span: Span
  /** Where its name stands, if it is named in the source. */
  readonly nameSpan?: Span | undefined
}

export interface LambdaValue {
  readonly kind: "lambda"
  readonly params: readonly Ast.Name[]
  readonly body: Ast.Expr
  readonly scope: Scope
}

export interface BuiltinValue {
  readonly kind: "builtin"
  readonly name: string
}

/** A stage whose definition is not known here: a parameter of type `Stage` or `T -> U`. */
export interface StageValue { readonly kind: "stage"; readonly from: Type | undefined; readonly to: Type | undefined }

/** `model G = …`, `follow(G)`, `frozen(G)`. */
export interface ModelValue {
  readonly kind: "model"
  readonly name: string
  /** The name its parameters begin with: top-level models their own, models inside blocks that of the instance. */
  readonly path: string
  readonly block: Value
  /** `follow(G, …)`: the model it follows, by name. */
  readonly of?: string
  /** The file its parameters are loaded from. */
  readonly from?: string
  readonly follow?: { readonly decay: Value | undefined; readonly start: Value | undefined }
  readonly mode: "plain" | "frozen" | "follow" | "with_training"
  readonly span: Span
}

/** A data set, a split of it, or a batched split. */
export interface SourceValue {
  readonly kind: "source"
  readonly loader: string
  readonly options: Readonly<Record<string, string | number | boolean>>
  /** Field types with the batch dimension left open: made for a given batch dimension. */
  readonly fields: (batch: Dim) => ReadonlyMap<string, TensorValue>
  readonly split: "train" | "test" | "all" | undefined
  readonly batch: { readonly dim: Dim } | undefined
  readonly span: Span
}

/** A distribution, drawn from with `~`; or an initialiser in `param` and `state`. */
export interface DistributionValue {
  readonly kind: "distribution"
  readonly dist: string
  readonly params: readonly Value[]
  readonly options: Readonly<Record<string, number | boolean | string>>
  /** What one draw is when nothing is annotated. */
  readonly dtype: DType
  readonly rest: readonly Dim[]
  readonly per: "sample" | "batch"
  /** `partner(img)`: draws a picture. */
  readonly of: Value | undefined
  readonly span: Span
}

/** A schedule, a tree of parameters, nothing: kinds that only later stages look into. */
export interface OpaqueValue { readonly kind: "opaque"; readonly type: "Schedule" | "Tree" | "None" }

/** Not known before instantiation; whatever is done with it is not known either, and never an error here. */
export interface UnknownValue { readonly kind: "unknown" }
/** Already reported; whatever is done with it stays silent. */
export interface ErrorValue { readonly kind: "error" }

export type Value =
  | TensorValue | IntValue | BoolValue | StringValue | RecordValue | TupleValue | ListValue | FieldValue
  | FunctionValue | PartialValue | NativeValue | LambdaValue | BuiltinValue | StageValue | ModelValue | SourceValue | DistributionValue
  | OpaqueValue | UnknownValue | ErrorValue
  | { readonly kind: "module"; readonly scope: Scope; readonly name: string }
  | { readonly kind: "entry"; readonly declaration: Ast.EntryDeclaration; readonly scope: Scope }

/** A type as written, with its dimension names resolved in a scope. */
export type Type =
  | { readonly kind: "tensor"; readonly dtype: DType; readonly dims: readonly Dimension[]; readonly alias: string | undefined }
  | { readonly kind: "field"; readonly channels: Dim; readonly domain: readonly Dim[] }
  | { readonly kind: "int" | "bool" | "string" | "stage" | "schedule" | "tree" | "unknown" }
  | { readonly kind: "list"; readonly item: Type }
  | { readonly kind: "tuple"; readonly items: readonly Type[] }
  | { readonly kind: "record"; readonly fields: ReadonlyMap<string, Type> }
  | { readonly kind: "function"; readonly from: Type; readonly to: Type }

export const unknown: UnknownValue = { kind: "unknown" }
export const errorValue: ErrorValue = { kind: "error" }
export const none: OpaqueValue = { kind: "opaque", type: "None" }

export const tensor = (dtype: DType, dims: readonly Dimension[], data?: Data, more: { literal?: number | undefined; alias?: string | undefined; samples?: Node | undefined } = {}): TensorValue => ({
  kind: "tensor", dtype, dims, alias: more.alias, literal: more.literal, data, ...(more.samples ? { samples: more.samples } : {}),
})
export const int = (size: Size): IntValue => ({ kind: "int", size })
export const literal = (value: number, dtype: DType = "f32"): TensorValue => tensor(dtype, [], undefined, { literal: value })
export const boolean = (value: boolean | undefined): BoolValue => ({ kind: "bool", value })

/** Nothing more can be said about it: unknown or already reported. */
export const isSilent = (v: Value): v is UnknownValue | ErrorValue => v.kind === "unknown" || v.kind === "error"
export const silence = (...values: readonly Value[]): UnknownValue | ErrorValue => (values.some((v) => v.kind === "error") ? errorValue : unknown)
