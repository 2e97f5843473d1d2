/** Calling an `eval` by name inside `every` (RULINGS 16): its record, as it is after the last batch. */
import type { Span } from "../base/span.ts"
import { notCallable } from "../diagnostics/messages/stages.ts"
import { fail, type Context } from "./context.ts"
import { numbers } from "./emit.ts"
import { instantiateEntry } from "./entry.ts"
import { printValue } from "./print-value.ts"
import { errorValue, isSilent, type EvaluatedArgument, type Value } from "./value.ts"

/** The slot in which an evaluation leaves a field of its record for the train that calls it. */
export const resultSlot = (evaluation: string, field: string): string => `${evaluation}:${field}`

export const evaluateEntryCall = (ctx: Context, entry: Extract<Value, { kind: "entry" }>, args: readonly EvaluatedArgument[], span: Span): Value => {
  const { declaration } = entry
  const name = declaration.name.text
  // An eval of another file has settings and models of its own.
  const own = declaration.span.file === ctx.frames[0]?.span.file
  if (ctx.role !== "every" || declaration.role !== "eval" || args.length > 0 || !own) return fail(ctx, notCallable(span, printValue(entry)))
  // Paths of draws and states are those of the eval run by itself, so that both give the same numbers.
  const frame = { name, declaration: undefined, span, path: name, ordinals: new Map<string, number>() }
  const value = instantiateEntry({ ...ctx, build: undefined, frames: [...ctx.frames, frame] }, entry.scope, declaration, ctx.given) ?? errorValue
  if (!ctx.build?.step || isSilent(value)) return value
  if (!ctx.build.step.calls.includes(name)) ctx.build.step.calls.push(name)
  ctx.build.learning.evaluations.set(name, { declaration, span })
  return delivered(ctx, span, name, "", value)
}

/** Tensors of the record are read from their slots. Names are those of the eval's outputs. */
const delivered = (ctx: Context, span: Span, evaluation: string, field: string, v: Value): Value => {
  const under = (name: string): string => (field === "" ? name : `${field}.${name}`)
  switch (v.kind) {
    case "record": return { kind: "record", fields: new Map([...v.fields].map(([name, x]) => [name, delivered(ctx, span, evaluation, under(name), x)])) }
    case "tuple": return { ...v, items: v.items.map((x, i) => delivered(ctx, span, evaluation, field === "" ? `out${i}` : `${field}.${i}`, x)) }
    case "tensor": {
      const shape = v.literal === undefined ? numbers(ctx, span, v.dims) : undefined
      if (!shape) return v
      return { ...v, data: { rate: "node", node: ctx.build!.builder.input(`slot:${resultSlot(evaluation, field === "" ? "result" : field)}`, v.dtype, shape) } }
    }
    default: return v
  }
}
