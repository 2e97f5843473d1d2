/** Calling an `eval` by name inside `every` (RULINGS 16): its record, as it would be after the last batch. */
import type { Span } from "../base/span.ts"
import { notCallable } from "../diagnostics/messages/stages.ts"
import { enter, fail, type Context } from "./context.ts"
import { instantiateEntry } from "./entry.ts"
import { printValue } from "./print-value.ts"
import { errorValue, type EvaluatedArgument, type Value } from "./value.ts"

export const evaluateEntryCall = (ctx: Context, entry: Extract<Value, { kind: "entry" }>, args: readonly EvaluatedArgument[], span: Span): Value => {
  if (ctx.role !== "every" || entry.declaration.role !== "eval" || args.length > 0) return fail(ctx, notCallable(span, printValue(entry)))
  return instantiateEntry(enter({ ...ctx, build: undefined }, entry.declaration.name.text, undefined, span, entry.declaration.name.text), entry.scope, entry.declaration) ?? errorValue
}
