/** Builtins that the host computes in f64, once, in the result of an eval. */
import { elementType } from "../../diagnostics/messages/shapes.ts"
import { isDim, type Dimension } from "../../types/dimension.ts"
import { valueOf } from "../../types/size.ts"
import { fail } from "../context.ts"
import { apply, nodeOf } from "../emit.ts"
import { asTensor } from "../operators.ts"
import { printValue } from "../print-value.ts"
import { isSilent, tensor, type DType, type TensorValue, type Value } from "../value.ts"
import { required, type Builtin, type BuiltinCall } from "./builtin.ts"

interface Operand {
  readonly name: string
  readonly words: string
  readonly dtype: DType
  readonly rank: number
}

const known = (d: Dimension | undefined): number | undefined => (d && isDim(d) ? valueOf(d.size) : undefined)

/** Features are the last dimension of every operand that has one: all must have as many. */
const host = (name: string, prim: string, operands: readonly Operand[], doc: string): Builtin => ({
  name, doc, params: required(...operands.map((o) => o.name)), complete: true,
  apply: (call: BuiltinCall): Value => {
    const { ctx, span } = call
    const given: TensorValue[] = []
    let features: number | undefined
    for (const operand of operands) {
      const { value, span: at } = call.at(operand.name)
      if (isSilent(value)) return value
      const t = asTensor(value)
      const own = t?.dims.map(known) ?? []
      const wanted = features ?? own.at(-1)
      const fits = t !== undefined && t.dtype === operand.dtype && t.dims.length === operand.rank && (operand.dtype !== "f32" || own.slice(operand.words.includes("n,") ? 1 : 0).every((n) => n === undefined || wanted === undefined || n === wanted))
      if (!fits) return fail(ctx, elementType(at, `\`${operand.name}\` of \`${name}\``, operand.words, printValue(value), undefined))
      if (operand.dtype === "f32") features ??= own.at(-1)
      given.push(t)
    }
    if (!ctx.build) return tensor("f32", [])
    return tensor("f32", [], { rate: "node", node: apply(ctx, span, name, prim, given.map((t) => nodeOf(ctx, span, t))) })
  },
})

const mean = (name: string): Operand => ({ name, words: "f32[d]", dtype: "f32", rank: 1 })
const covariance = (name: string): Operand => ({ name, words: "f32[d, d], d features", dtype: "f32", rank: 2 })
const rows = (name: string): Operand => ({ name, words: "f32[n, d], d features", dtype: "f32", rank: 2 })
const count = (name: string): Operand => ({ name, words: "i32, a number of rows", dtype: "i32", rank: 0 })

export const hostBuiltins: readonly Builtin[] = [
  host("frechet", "frechet", [mean("mean_a"), covariance("covariance_a"), mean("mean_b"), covariance("covariance_b")], "The Frechet distance between the Gaussians of two means and covariances; in the result of an eval, in f64."),
  host("frechet_of_rows", "frechet_of_rows", [rows("a"), count("count_a"), rows("b"), count("count_b")], "The Frechet distance between the Gaussians that fit the first rows of two matrices; in the result of an eval, in f64."),
]
