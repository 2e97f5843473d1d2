/** Which argument goes to which parameter. */
import type { Span } from "../base/span.ts"
import { suggest } from "../base/suggest.ts"
import { argumentTwice, incompleteCall, missingArgument, tooManyArguments, unknownArgument } from "../diagnostics/messages/stages.ts"
import { report, type Context } from "./context.ts"
import type { EvaluatedArgument, Value } from "./value.ts"

export interface Formal {
  readonly name: string
  readonly optional: boolean
  /** For messages: what it is. */
  readonly type?: string | undefined
}

export interface Bound {
  readonly args: ReadonlyMap<string, EvaluatedArgument>
  /** Required parameters without an argument. */
  readonly missing: readonly string[]
}

/** Binds positional arguments in order and named ones by name; `undefined` after an error was reported. */
export const bindArguments = (ctx: Context, callee: string, formals: readonly Formal[], args: readonly EvaluatedArgument[]): Bound | undefined => {
  const bound = new Map<string, EvaluatedArgument>()
  let position = 0
  let ok = true
  for (const arg of args) {
    const name = arg.name ?? formals[position]?.name
    if (arg.name === undefined) position++
    if (name === undefined) {
      report(ctx, tooManyArguments(arg.span, callee, formals.length))
      return undefined
    }
    if (!formals.some((f) => f.name === name)) {
      report(ctx, unknownArgument(arg.nameSpan ?? arg.span, callee, name, formals.map((f) => f.name), suggest(name, formals.map((f) => f.name))))
      return undefined
    }
    if (bound.has(name)) {
      report(ctx, argumentTwice(arg.nameSpan ?? arg.span, callee, name))
      ok = false
      continue
    }
    bound.set(name, arg)
  }
  return ok ? { args: bound, missing: formals.filter((f) => !f.optional && !bound.has(f.name)).map((f) => f.name) } : undefined
}

/** A stage that still waits for an argument, where a value is needed: what is missing is said where it was made, once. */
export const reportIncomplete = (ctx: Context, value: Value): boolean => {
  if (value.kind !== "partial") return false
  report(ctx, incompleteCall(value.span, value.callee.kind === "builtin" ? value.callee.name : value.callee.declaration.name.text, value.missing))
  return true
}

export const reportMissing = (ctx: Context, span: Span, callee: string, formals: readonly Formal[], missing: readonly string[]): void => {
  const f = formals.find((x) => x.name === missing[0])!
  report(ctx, missingArgument(span, callee, f.name, f.type))
}
