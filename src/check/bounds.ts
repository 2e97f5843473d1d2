/** What keeps the check of any program short: every size is a number a device could count, and nothing nests without end. */
import type { Span } from "../base/span.ts"
import { nestsTooDeeply, tooManyParts, tooManySteps } from "../diagnostics/messages/names.ts"
import { sizeNotPositive, sizeTooComplex, sizeTooLarge } from "../diagnostics/messages/shapes.ts"
import { isDim, type Dim, type Dimension } from "../types/dimension.ts"
import { printSize, SizeTooComplex, valueOf, type Size } from "../types/size.ts"
import { report, type Context } from "./context.ts"
import { bindingsOf } from "./print-value.ts"
import { errorValue, type Value } from "./value.ts"

/** Coordinates are i32. */
export const largestSize = 2_147_483_647

/** What all declarations, and each entry, may take: a loop's turn is one step, a call ten. */
export interface Budget { steps: number; at: Span | undefined }
export const newBudget = (): Budget => ({ steps: 300_000, at: undefined })

/** Takes steps from the budget; `settle` reports where it was used up. */
export const afford = (ctx: Context, span: Span, steps: number): boolean => {
  if (ctx.budget.steps < 0) return false
  ctx.budget.steps -= steps
  if (ctx.budget.steps < 0) ctx.budget.at = span
  return ctx.budget.steps >= 0
}

/** Reported at the end, since parts of the check are tried with their diagnostics thrown away. */
export const settle = (ctx: Context, span: Span): void => {
  if (ctx.budget.at) report(ctx, tooManySteps(ctx.budget.at.file === span.file ? ctx.budget.at : span))
}

const mostParts = 200_000

/** Composite values share their parts, so that a few lines can name more of them than could ever be walked. */
export const boundedParts = (ctx: Context, span: Span, value: Value): Value => {
  let left = mostParts
  const stack: Value[] = [value]
  for (let v = stack.pop(); v; v = stack.pop()) {
    const parts = v.kind === "tuple" || v.kind === "list" ? v.items ?? [] : v.kind === "record" ? [...v.fields.values()] : []
    left -= parts.length
    if (left < 0) {
      report(ctx, tooManyParts(span))
      return errorValue
    }
    for (const p of parts) if (p.kind === "tuple" || p.kind === "list" || p.kind === "record") stack.push(p)
  }
  return value
}

/** Calls within calls; past it a program is not one that a person follows. */
export const deepestCall = 200

/** Whether a size, where it is a number, is one a tensor can have; reported where not. */
export const boundedSize = (ctx: Context, span: Span, size: Size, dim?: Dim): boolean => {
  const n = valueOf(size)
  if (n === undefined || (n >= 1 && n <= largestSize)) return true
  report(ctx, n < 1 ? sizeNotPositive(span, printSize(size), n, dim ? bindingsOf([dim]) : []) : sizeTooLarge(span, n))
  return false
}

export const boundedDims = (ctx: Context, span: Span, dims: readonly Dimension[]): boolean => dims.every((d) => !isDim(d) || boundedSize(ctx, span, d.size, d))

/** Runs a part of the check; a size that grew too large, or nesting that used up the stack, is the program's, and reported at `span`. */
export const bounded = (ctx: Context, span: Span, run: () => void): void => {
  try {
    run()
  } catch (problem) {
    if (problem instanceof SizeTooComplex) report(ctx, sizeTooComplex(span))
    else if (problem instanceof RangeError && /call stack/i.test(problem.message)) report(ctx, nestsTooDeeply(span))
    else throw problem
  }
}
