/** `einsum`, `@` and convolutions: shapes with their origins; the contraction itself is one primitive. */
import type { Span } from "../base/span.ts"
import { einsumPattern, rankMismatch, sizeMismatch, sizeNotPositive } from "../diagnostics/messages/shapes.ts"
import { convolution as convolutionOf, convolutionTransposed } from "../prim/convolution.ts"
import { einsum as einsumOf } from "../prim/einsum.ts"
import { dim, isDim, type Dim, type Dimension } from "../types/dimension.ts"
import { joinPopulations } from "../types/population.ts"
import { addSize, floorSize, mulSize, one, printSize, size, subSize, valueOf, type Size } from "../types/size.ts"
import { fail, originOf, sized, type Context } from "./context.ts"
import { nodeOf, numbers } from "./emit.ts"
import { agree, unequal } from "./match.ts"
import { bindingsOf, printTensor } from "./print-value.ts"
import { errorValue, tensor, unknown, type TensorValue, type Value } from "./value.ts"

export const einsum = (ctx: Context, span: Span, pattern: string, operands: readonly TensorValue[], spans: readonly Span[]): Value => {
  const [inputs, output] = pattern.replace(/\s/g, "").split("->") as [string, string | undefined]
  const parts = inputs.split(",")
  const bad = (why: string): Value => fail(ctx, einsumPattern(span, pattern, why))
  if (output === undefined || !/^[a-z,]*$/i.test(inputs) || !/^[a-z]*$/i.test(output)) return bad("it needs letters on both sides of `->`")
  if (parts.length !== operands.length) return bad(`it names ${parts.length} operands, and ${operands.length} are given`)
  if (operands.length > 2) return bad("at most two operands; chain two einsums")
  if (operands.some((v) => !v.dims.every(isDim))) return unknown
  const letters = new Map<string, Dim>()
  for (let k = 0; k < operands.length; k++) {
    const v = operands[k]!
    const part = parts[k]!
    if (part.length !== v.dims.length) return bad(`"${part}" has ${part.length} letters for ${printTensor(v.dtype, v.dims, v.alias)}`)
    for (let i = 0; i < part.length; i++) {
      const letter = part[i]!
      const d = v.dims[i] as Dim
      const known = letters.get(letter)
      if (!known) {
        letters.set(letter, d)
        continue
      }
      if (agree(known.size, d.size) === "different") return fail(ctx, sizeMismatch(spans[k] ?? span, `dimension "${letter}" of the einsum`, printSize(known.size), printSize(d.size), unequal(d.size, known.size), []))
      const joined = joinPopulations(known.population, d.population)
      if (joined) letters.set(letter, { ...known, population: joined.population, became: known.became ?? d.became })
    }
  }
  if (new Set(output).size !== output.length) return bad("a letter stands twice in the result")
  for (const letter of output) if (!letters.has(letter)) return bad(`"${letter}" of the result is in no operand`)
  const dims: Dimension[] = [...output].map((l) => letters.get(l)!)
  if (!ctx.build) return tensor("f32", dims)
  const nodes = operands.map((v) => nodeOf(ctx, span, v))
  if (!numbers(ctx, span, dims)) return errorValue
  const node = einsumOf(ctx.build.builder.at(originOf(ctx, span, "einsum")), pattern.replace(/\s/g, ""), nodes)
  return tensor("f32", dims, { rate: "node", node })
}

export interface ConvolutionOptions {
  /** One for each spatial dimension, as are `pad`, `dilation` and `outputPad`. */
  readonly stride: readonly Size[]
  readonly pad: readonly Size[]
  readonly dilation: readonly Size[]
  readonly groups: Size
  readonly outputPad: readonly Size[]
  readonly transposed: boolean
}

/** `conv_nd(x, w)`: x [n, ci, …], w [co, ci // groups, k…] (transposed: [ci, co // groups, k…]). */
export const convolution = (ctx: Context, span: Span, x: TensorValue, w: TensorValue, o: ConvolutionOptions): Value => {
  const name = o.transposed ? "conv_nd_transpose" : "conv_nd"
  if (!x.dims.every(isDim) || !w.dims.every(isDim)) return unknown
  if (x.dims.length < 3 || w.dims.length !== x.dims.length) return fail(ctx, rankMismatch(span, `the weight of ${name}`, `as many dimensions as the input, ${printTensor(x.dtype, x.dims, x.alias)}`, printTensor(w.dtype, w.dims), undefined))
  const xs = x.dims as Dim[]
  const ws = w.dims as Dim[]
  const channels = o.transposed ? ws[0]!.size : sized(ctx, span, () => mulSize(ws[1]!.size, o.groups))
  if (!channels) return errorValue
  if (agree(xs[1]!.size, channels) === "different")
    return fail(ctx, sizeMismatch(span, `the channels of ${name}`, `${printSize(channels)} (${printTensor(w.dtype, w.dims)})`, `${printSize(xs[1]!.size)}`, `${printTensor(x.dtype, x.dims, x.alias)}`, []))
  const spatial: Dim[] = []
  for (let i = 2; i < xs.length; i++) {
    const input = xs[i]!.size
    const k = ws[i]!.size
    const [stride, pad, dilation, outputPad] = [o.stride[i - 2]!, o.pad[i - 2]!, o.dilation[i - 2]!, o.outputPad[i - 2]!]
    const made = sized(ctx, span, (): Size | undefined => {
      const reach = addSize(mulSize(dilation, subSize(k, one)), one)
      if (o.transposed) return addSize(addSize(subSize(mulSize(subSize(input, one), stride), mulSize(size(2), pad)), reach), outputPad)
      const steps = floorSize(subSize(addSize(input, mulSize(size(2), pad)), reach), stride)
      return steps && addSize(steps, one)
    })
    if (!made) return errorValue
    const n = valueOf(made)
    if (n !== undefined && n < 1) return fail(ctx, sizeNotPositive(span, printSize(made), n, ["the kernel is larger than the padded input", ...bindingsOf([dim(made)])]))
    spatial.push(dim(made, { span, note: `made by ${name}: stride ${printSize(stride)}, pad ${printSize(pad)}` }))
  }
  const out = o.transposed ? sized(ctx, span, () => mulSize(ws[1]!.size, o.groups)) : ws[0]!.size
  if (!out) return errorValue
  const dims = [xs[0]!, { ...ws[0]!, size: out, population: undefined }, ...spatial]
  if (!ctx.build) return tensor("f32", dims)
  const shape = numbers(ctx, span, dims)
  if (!shape) return errorValue
  const each = (zs: readonly Size[]): number[] => zs.map((z) => valueOf(z)!)
  const options = { stride: each(o.stride), pad: each(o.pad).map((p) => [p, p] as const), dilation: each(o.dilation), groups: valueOf(o.groups)! }
  const builder = ctx.build.builder.at(originOf(ctx, span, name))
  const inputs = [nodeOf(ctx, span, x), nodeOf(ctx, span, w)] as const
  const node = o.transposed ? convolutionTransposed(builder, ...inputs, options, each(o.outputPad)) : convolutionOf(builder, ...inputs, options)
  return tensor("f32", dims, { rate: "node", node })
}
