/** Opaque primitives: sorting, with an evaluator of its own and a template in the kernel back end. */
import { argsortOf, linesOf } from "./sort-lines.ts"
import { read as readScalar, variable } from "../scalar/scalar.ts"
import type { TabulateAttrs } from "./access.ts"
import type { Build, Primitive, Shape, TensorType } from "./primitive.ts"
import { floats, integers } from "./samples.ts"
import { isFloat, typeText } from "./shape.ts"

export interface SortAttrs { readonly axis: number; readonly descending: boolean }

const inferSort = (name: string, dtype: "same" | "i32") => (inputs: readonly TensorType[], { axis }: SortAttrs): TensorType | string => {
  const x = inputs[0]
  if (!x || inputs.length !== 1) return `${name} takes 1 operand`
  if (x.dtype === "bool") return `${name} takes numbers, not bool`
  if (axis < 0 || axis >= x.shape.length) return `${typeText(x)} has no dimension ${axis}`
  return { dtype: dtype === "i32" ? "i32" : x.dtype, shape: x.shape }
}

/** `x` with its elements along `axis` taken at `places` (i32, of the same shape, each within [0, extent)). */
const takeAlong = <V>(b: Build<V>, x: V, places: V, shape: Shape, axis: number): V => {
  const vars = shape.map((extent, d) => variable(`i${d}`, extent))
  const place = readScalar("i32", 1, vars, [0, shape[axis]! - 1])
  return b.apply("tabulate", [x, places], { vars, body: [readScalar("f32", 0, vars.map((v, d) => (d === axis ? place : v)))] } satisfies TabulateAttrs)
}

const sort: Primitive<SortAttrs> = {
  name: "sort", kind: "opaque", doc: "The elements along a dimension in order; equals keep their order, NaN comes last.",
  infer: inferSort("sort", "same"),
  evaluate: ([x], { axis, descending }) => {
    const result = new Float64Array(x!.data.length)
    for (const line of linesOf(x!.shape, axis)) argsortOf(x!.data, line, descending).forEach((place, k) => (result[line.start + k * line.step] = x!.data[line.start + place * line.step]!))
    return result
  },
  // The k-th result came from place p[k]: what place i receives is g at the inverse of p.
  vjp: (b, g, [x], _y, attrs) => {
    if (!isFloat(b, x!)) return [undefined]
    const { shape } = b.typeOf(x!)
    const inverse = b.apply("argsort", [b.apply("argsort", [x!], attrs)], { axis: attrs.axis, descending: false })
    return [takeAlong(b, g, inverse, shape, attrs.axis)]
  },
  samples: [{ inputs: [floats([2, 5])], attrs: { axis: 1, descending: false } }, { inputs: [floats([4, 3])], attrs: { axis: 0, descending: true } }, { inputs: [integers([6], 0, 3)], attrs: { axis: 0, descending: false } }],
}

const argsort: Primitive<SortAttrs> = {
  name: "argsort", kind: "opaque", doc: "The places of the elements along a dimension in order; equals by place, NaN last.",
  infer: inferSort("argsort", "i32"),
  evaluate: ([x], { axis, descending }) => {
    const result = new Float64Array(x!.data.length)
    for (const line of linesOf(x!.shape, axis)) argsortOf(x!.data, line, descending).forEach((place, k) => (result[line.start + k * line.step] = place))
    return result
  },
  vjp: { none: "argsort gives positions, so no gradient passes through it" },
  samples: sort.samples,
}

export const opaque = { sort, argsort }
