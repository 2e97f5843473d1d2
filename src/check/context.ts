/** What the interpreter carries along: where it is, what may stand there, and where diagnostics and nodes go. */
import type { Diagnostic } from "../base/diagnostic.ts"
import type { Span } from "../base/span.ts"
import type { Builder } from "../ir/build.ts"
import type { Node, Origin, SourceSpec } from "../ir/graph.ts"
import type { Scalar } from "../scalar/scalar.ts"
import type * as Ast from "../syntax/ast.ts"
import { SizeTooComplex, type Size } from "../types/size.ts"
import { sizeTooComplex } from "../diagnostics/messages/shapes.ts"
import type { Dim } from "../types/dimension.ts"
import type { EntryInputs } from "./entry.ts"
import type { Differentiate } from "./gradient.ts"
import type { Instances } from "./instances.ts"
import type { Learning, StepRecord } from "./learning.ts"
import type { ReadTrial } from "./picture.ts"
import { errorValue, type Value } from "./value.ts"

export type Role = "const" | "fn" | "loss" | "block" | "augment" | "graph" | "eval" | "train" | "step" | "every"

/** One call on the way to where we are. */
export interface Frame {
  readonly name: string
  readonly declaration: Ast.FunctionDeclaration | undefined
  /** The call, in the caller's file. */
  readonly span: Span
  readonly path: string
  /** How often each name occurred under this frame, for the ordinals of paths. */
  readonly ordinals: Map<string, number>
  /** A model instance: the block it is made of adds no name of its own. */
  readonly root?: boolean
}

/** What one entry collects while it is elaborated. */
export interface Elaboration {
  readonly builder: Builder
  readonly sources: SourceSpec[]
  readonly rasters: { node: Node; reason: string }[]
  /** Expressions read nodes by id until a tabulate numbers its inputs. */
  readonly nodes: Map<number, Node>
  /** What the integers of a node are known to lie in (draws). */
  readonly ranges: Map<number, readonly [number, number]>
  /** Parameters, states, steps. */
  readonly learning: Learning
  /** Writes gradients out as nodes. */
  readonly differentiate: Differentiate
  /** The step that is being elaborated. */
  readonly step: StepRecord | undefined
}

/** The model instance that a body belongs to. */
export interface Instance {
  readonly name: string
  /** No gradient reaches its parameters. */
  readonly frozen: boolean
  /** Its proposals of state are dropped. */
  readonly keeps: boolean
}

/** Samples of data sets by `sourceKey`: those that were counted, and those that are asked for. */
export interface Counts {
  readonly known: Readonly<Record<string, number>>
  readonly missing: Map<string, SourceSpec>
  /** One size for all counts of a data set, so that they are equal before anybody has counted. */
  readonly sizes: Map<string, Size>
}

export interface Context {
  readonly diagnostics: Diagnostic[]
  readonly counts?: Counts
  /** What `--set` gives the entries of the file. */
  readonly given?: EntryInputs
  readonly role: Role
  readonly frames: readonly Frame[]
  /** Calls are instantiated with their arguments (entries); otherwise signatures are believed (declarations). */
  readonly inline: boolean
  readonly build: Elaboration | undefined
  /** Inside `at` while building: the sample whose pixel is computed. */
  readonly sample: Scalar | undefined
  /** Inside an augment: the batch it is lifted over. */
  readonly batch: { readonly size: number; readonly samples: Node } | undefined
  readonly inAt: boolean
  /** During a trial evaluation of an `at` body: what its reads of pictures are answered with. */
  readonly reads: ReadTrial | undefined
  /** The domain of the picture that the present augment makes: what `at (y, x)` without extents ranges over. */
  readonly domain: readonly Dim[] | undefined
  readonly training: boolean
  readonly model: Instance | undefined
  /** Functions whose declared result does not hold: what calls them give is not judged. */
  readonly faulty: Set<Ast.FunctionDeclaration>
  /** What to say of an argument that is of another's population. */
  readonly swap?: string
  /** What is left of the steps that the present entry may take. */
  readonly budget: { steps: number; at: Span | undefined }
  /** Types of expressions, for `--emit types`. */
  readonly types: Map<Ast.Expr, Value> | undefined
  /** While entries are checked: what bodies gave before. */
  readonly instances?: Instances
  /** Collected by `term`, `next`, `report` inside the present body. */
  readonly body: Body | undefined
}

export interface Body {
  readonly states: Map<string, { span: Span; integer: boolean; type: Ast.TypeExpr | undefined; path: string }>
  readonly nexts: Map<string, Span>
  readonly minimized: Map<string, Span>
}

export const newBody = (): Body => ({ states: new Map(), nexts: new Map(), minimized: new Map() })

const isLibrary = (file: string): boolean => file.startsWith("nda.")

/** Nobody reads more than this at once; the rest is found when these are mended. */
const mostDiagnostics = 100
export const isFull = (ctx: Context): boolean => ctx.diagnostics.length >= mostDiagnostics

/**
 * Reports a diagnostic. One that arises inside the standard library while a user's call is instantiated stands at the
 * user's call, and shows the library's line as the explanation.
 */
export const report = (ctx: Context, diagnostic: Diagnostic): void => {
  if (isFull(ctx)) return
  let d = diagnostic
  if (isLibrary(d.span.file)) {
    const frame = [...ctx.frames].reverse().find((f) => !isLibrary(f.span.file))
    const { hint, ...rest } = d
    if (frame) d = { ...rest, ...(hint ? { hint: { text: hint.text } } : {}), span: frame.span, related: [{ span: d.span, text: d.label ?? `in \`${ctx.frames.at(-1)!.name}\`` }, ...d.related], ...(d.label ? { label: `in \`${frame.name}\`: ${d.label}` } : { label: `in \`${frame.name}\`` }) }
  } else if (ctx.inline && ctx.frames.length > 0) {
    const caller = ctx.frames.at(-1)!
    if (caller.declaration && !isLibrary(caller.span.file) && !d.related.some((r) => r.span.start === caller.span.start && r.span.file === caller.span.file))
      d = { ...d, related: [...d.related, { span: caller.span, text: `in this use of \`${caller.name}\`` }] }
  }
  // The same name is missing everywhere in a file: one mend for all.
  if (d.code === "NDA0201" && ctx.diagnostics.some((x) => x.code === d.code && x.message === d.message && x.span.file === d.span.file)) return
  const key = (x: Diagnostic): string => `${x.span.file}:${x.span.start}:${x.span.end}`
  // At most one error per expression.
  if (!ctx.diagnostics.some((x) => key(x) === key(d))) ctx.diagnostics.push(d)
}

export const fail = (ctx: Context, diagnostic: Diagnostic): Value => {
  report(ctx, diagnostic)
  return errorValue
}

/** Runs size arithmetic; a polynomial that grows too large is the user's, and reported. */
export const sized = <A>(ctx: Context, span: Span, compute: () => A): A | undefined => {
  try {
    return compute()
  } catch (problem) {
    if (!(problem instanceof SizeTooComplex)) throw problem
    report(ctx, sizeTooComplex(span))
    return undefined
  }
}

export const pathOf = (ctx: Context): string => ctx.frames.at(-1)?.path ?? ""

const numbered = (frame: Frame, name: string, key: string): string => {
  const count = frame.ordinals.get(key) ?? 0
  frame.ordinals.set(key, count + 1)
  return `${frame.path}.${name}${count === 0 ? "" : `.${count}`}`
}

/** A name under the present frame: the first keeps it, later ones get an ordinal. */
export const subPath = (ctx: Context, name: string): string => {
  const frame = ctx.frames.at(-1)
  return frame ? numbered(frame, name, name) : name
}

/** The path of what a `let` makes, each turn of a loop its own; lets do not count among the blocks that are applied without one. */
export const letPath = (ctx: Context, name: string): string => numbered(ctx.frames.at(-1)!, name, `let ${name}`)

export const enter = (ctx: Context, name: string, declaration: Ast.FunctionDeclaration | undefined, span: Span, path: string): Context => ({
  ...ctx, frames: [...ctx.frames, { name, declaration, span, path, ordinals: new Map() }],
})

export const originOf = (ctx: Context, span: Span, label: string): Origin => ({ span, label, path: pathOf(ctx) })
