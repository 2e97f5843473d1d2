/** The record of a builtin function: its parameters, its sentence, and what it makes of its arguments. */
import type { Span } from "../../base/span.ts"
import type { Formal } from "../arguments.ts"
import type { Context } from "../context.ts"
import type { Located } from "../operators.ts"
import type { EvaluatedArgument, Value } from "../value.ts"

export interface BuiltinCall {
  readonly ctx: Context
  readonly span: Span
  /** Bound arguments by parameter. */
  readonly args: ReadonlyMap<string, EvaluatedArgument>
  /** The value of a parameter, or undefined where it was left out. */
  readonly get: (name: string) => Value | undefined
  readonly at: (name: string) => Located
}

export interface Builtin {
  readonly name: string
  readonly params: readonly Formal[]
  /** Two groups: the first call gives the configuration, and what `apply` returns takes the inputs. */
  readonly configured?: boolean
  /** Never a stage: all required arguments must be given. */
  readonly complete?: boolean
  /** Takes any number of further positional arguments, under the names `…1`, `…2`. */
  readonly variadic?: boolean
  readonly doc: string
  readonly apply: (call: BuiltinCall) => Value
}

export const required = (...names: readonly string[]): Formal[] => names.map((name) => ({ name, optional: false }))
export const optional = (...names: readonly string[]): Formal[] => names.map((name) => ({ name, optional: true }))
