/** `conv_nd` and `conv_nd_transpose`: one number, or a list with one for each axis, says how the kernel steps. */
import { elementType } from "../../diagnostics/messages/shapes.ts"
import { isDim } from "../../types/dimension.ts"
import { atom, size, valueOf, type Size } from "../../types/size.ts"
import { convolution } from "../contract.ts"
import { fail, report } from "../context.ts"
import { printValue } from "../print-value.ts"
import { errorValue, isSilent, unknown } from "../value.ts"
import { optional, required, type Builtin, type BuiltinCall } from "./builtin.ts"
import { isTensor, tensorArgument } from "./shape.ts"

/** The numbers of `stride`, `pad`, … for each of `axes`; what a list of unknown length holds is not known either. */
const perAxis = (call: BuiltinCall, builtin: string, name: string, axes: number, fallback: number, least: number): readonly Size[] | undefined => {
  const v = call.get(name)
  const all = (z: Size): readonly Size[] => Array.from({ length: axes }, () => z)
  if (!v) return all(size(fallback))
  const bad = (wanted: string): undefined => {
    report(call.ctx, elementType(call.at(name).span, `\`${name}\` of \`${builtin}\``, wanted, printValue(v).replaceAll("Int ", ""), undefined))
    return undefined
  }
  const number = `a whole number from ${least}`
  if (isSilent(v) || (v.kind === "list" && !v.items)) return all(atom(name))
  const items = v.kind === "list" || v.kind === "tuple" ? v.items! : Array.from({ length: axes }, () => v)
  if (items.length !== axes) return bad(`one number or a list of ${axes}, one for each axis,`)
  const sizes: Size[] = []
  for (const item of items) {
    if (isSilent(item)) sizes.push(atom(name))
    else if (item.kind !== "int" || (valueOf(item.size) ?? least) < least) return bad(v === item ? number : `a list of whole numbers from ${least}`)
    else sizes.push(item.size)
  }
  return sizes
}

const conv = (name: string, transposed: boolean, doc: string): Builtin => ({
  name, doc, params: [...required("x", "weight"), ...optional("stride", "pad", "dilation", "groups", "output_pad")],
  apply: (call) => {
    const x = tensorArgument(call, "x")
    const w = tensorArgument(call, "weight")
    if (!isTensor(x)) return x
    if (!isTensor(w)) return w
    if (!x.dims.every(isDim)) return unknown
    const each = (option: string, fallback: number, least: number): readonly Size[] | undefined => perAxis(call, name, option, Math.max(x.dims.length - 2, 1), fallback, least)
    const [stride, pad, dilation, outputPad] = [each("stride", 1, 1), each("pad", 0, 0), each("dilation", 1, 1), each("output_pad", 0, 0)]
    const groups = perAxis(call, name, "groups", 1, 1, 1)?.[0]
    if (!stride || !pad || !dilation || !outputPad || !groups) return errorValue
    const [channels, parts] = [w.dims[0] && isDim(w.dims[0]) ? valueOf(w.dims[0].size) : undefined, valueOf(groups)]
    if (channels !== undefined && parts !== undefined && channels % parts !== 0)
      return fail(call.ctx, elementType(call.at("groups").span, `\`groups\` of \`${name}\``, `a divisor of ${channels}, the first size of the weight,`, String(parts), undefined))
    return convolution(call.ctx, call.span, x, w, { stride, pad, dilation, groups, outputPad, transposed })
  },
})

const axes = "`stride`, `pad` and `dilation` are one number or a list, one for each axis."

export const convolutionBuiltins: readonly Builtin[] = [
  conv("conv_nd", false, `Convolution of any spatial rank: x [n, ci, …], weight [co, ci // groups, k…]; ${axes}`),
  conv("conv_nd_transpose", true, `Transposed convolution: x [n, ci, …], weight [ci, co // groups, k…]; ${axes}`),
]
