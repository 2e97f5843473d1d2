/** The table of builtin functions and how a call reaches one. Everything else is nda, in `stdlib/`. */
import type { Span } from "../base/span.ts"
import { configurationFirst } from "../diagnostics/messages/stages.ts"
import { bindArguments, reportMissing } from "./arguments.ts"
import { convolutionBuiltins } from "./builtins/convolution.ts"
import { distributionBuiltins } from "./builtins/distribution.ts"
import { elementwiseBuiltins } from "./builtins/elementwise.ts"
import { hostBuiltins } from "./builtins/host.ts"
import { learningBuiltins } from "./builtins/learning.ts"
import { pictureBuiltins } from "./builtins/picture.ts"
import { reductionBuiltins } from "./builtins/reduction.ts"
import { shapeBuiltins } from "./builtins/shape.ts"
import { together } from "./builtins/together.ts"
import type { Builtin } from "./builtins/builtin.ts"
import { report, type Context } from "./context.ts"
import { errorValue, isSilent, silence, unknown, type EvaluatedArgument, type Value } from "./value.ts"

const all: readonly Builtin[] = [...elementwiseBuiltins, ...reductionBuiltins, ...shapeBuiltins, ...convolutionBuiltins, ...distributionBuiltins, ...pictureBuiltins, ...learningBuiltins, together, ...hostBuiltins]

/** By name. `size` is a form of its own: its argument is a name of dimensions (see `call.ts`). */
export const builtins: ReadonlyMap<string, Builtin> = new Map(all.map((b) => [b.name, b]))

/** The name of the parameter that a pipe fills. */
export const openFirst = (name: string): string | undefined => builtins.get(name)?.params[0]?.name

/**
 * Applies a builtin. `piped` are the values of a pipe: the first parameters of a one-group builtin, the inputs of a
 * configured one.
 */
export const applyBuiltin = (ctx: Context, name: string, args: readonly EvaluatedArgument[], span: Span, calleeSpan: Span, piped: readonly EvaluatedArgument[] = []): Value => {
  const builtin = builtins.get(name)
  if (!builtin) throw new Error(`there is no builtin ${name}`)
  if (builtin.configured) {
    const stage = call(ctx, builtin, args, span, calleeSpan, false)
    if (piped.length === 0 || isSilent(stage)) return stage
    if (stage.kind === "native") return stage.apply(ctx, piped, span)
    return errorValue
  }
  return call(ctx, builtin, [...piped, ...args], span, calleeSpan, piped.length === 0)
}

const call = (ctx: Context, builtin: Builtin, args: readonly EvaluatedArgument[], span: Span, calleeSpan: Span, mayStayOpen: boolean): Value => {
  const bound = bindArguments(ctx, builtin.name, builtin.params, args)
  if (!bound) return errorValue
  if (bound.missing.length > 0) {
    if (builtin.configured && args[0]?.value.kind === "field") {
      report(ctx, configurationFirst(span, builtin.name, `x |> ${builtin.name}(…)`, undefined))
      return errorValue
    }
    if (mayStayOpen && !builtin.complete && bound.missing.length === 1) return { kind: "partial", callee: { kind: "builtin", name: builtin.name }, args, missing: bound.missing[0]!, span }
    reportMissing(ctx, span, builtin.name, builtin.params, bound.missing)
    return errorValue
  }
  const error = [...bound.args.values()].find((a) => a.value.kind === "error")
  if (error) return silence(error.value)
  return builtin.apply({
    ctx, span, args: bound.args,
    get: (name) => bound.args.get(name)?.value,
    at: (name) => { const a = bound.args.get(name); return a ? { value: a.value, span: a.span } : { value: unknown, span: calleeSpan } },
  })
}
