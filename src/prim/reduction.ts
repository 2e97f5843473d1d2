/** Reductions over whole dimensions, and the place of the largest element. */
import { and, binary, constant, eq, i32, min, reduce, select, unary, variable } from "../scalar/scalar.ts"
import type { Combine, Scalar, ScalarType, Var } from "../scalar/scalar.ts"
import { tabulateOf } from "./access.ts"
import type { Build, Primitive, Sample, Shape, TensorType, Vjp } from "./primitive.ts"
import { floats, integers, naturals } from "./samples.ts"
import { constantLike, dimensions, isFloat, typeText } from "./shape.ts"

export interface ReductionAttrs { readonly axes: readonly number[] }

const numeric: readonly ScalarType[] = ["f32", "i32", "u32"]
const keptAxes = (rank: number, axes: readonly number[]): number[] => dimensions(rank).filter((d) => !axes.includes(d))

/** The full index of an element: the kept dimensions from `index`, the reduced ones from `vars`. */
const interleaved = (rank: number, axes: readonly number[], index: readonly Scalar[], vars: readonly Var[]): Scalar[] => {
  let next = 0
  return dimensions(rank).map((d) => (axes.includes(d) ? vars[axes.indexOf(d)]! : index[next++]!))
}

const infer = (name: string, emptyAllowed: boolean) => (inputs: readonly TensorType[], { axes }: ReductionAttrs): TensorType | string => {
  const x = inputs[0]
  if (!x || inputs.length !== 1) return `${name} takes 1 operand`
  if (!numeric.includes(x.dtype)) return `${name} takes ${numeric.join(" or ")}, not ${x.dtype}`
  if (new Set(axes).size !== axes.length || axes.some((d) => d < 0 || d >= x.shape.length)) return `${typeText(x)} has no dimensions [${axes.join(", ")}]`
  if (!emptyAllowed && axes.some((d) => x.shape[d] === 0)) return `${name} of no elements: ${typeText(x)}`
  return { dtype: x.dtype, shape: keptAxes(x.shape.length, axes).map((d) => x.shape[d]!) }
}

/** A value of the reduced shape, repeated along the reduced axes. */
const spread = <V>(b: Build<V>, value: V, shape: Shape, axes: readonly number[]): V => b.apply("broadcast", [value], { shape, map: keptAxes(shape.length, axes) })

const reduction = (name: string, combine: Combine, doc: string, empty: number | undefined, samples: readonly Sample<ReductionAttrs>[], vjp: Vjp<ReductionAttrs>): Primitive<ReductionAttrs> => ({
  name, kind: "reduction", doc, infer: infer(name, empty !== undefined), samples,
  element: (index, [x], { axes }, read) => {
    const ordered = [...axes].sort((p, q) => p - q)
    if (ordered.some((d) => x!.shape[d] === 0)) return constant(empty!, x!.dtype)
    const vars = ordered.map((d) => variable(`r${d}`, x!.shape[d]!))
    const body = read(0, interleaved(x!.shape.length, ordered, index, vars))
    return vars.length === 0 ? body : reduce(combine, vars, body)
  },
  vjp: (b, g, inputs, y, attrs) => (isFloat(b, inputs[0]!) ? vjp(b, g, inputs, y, attrs) : [undefined]),
})

const sampled = (low: number, high: number): Sample<ReductionAttrs>[] => [
  { inputs: [floats([2, 3, 4], low, high)], attrs: { axes: [1] } }, { inputs: [floats([2, 3, 4], low, high)], attrs: { axes: [0, 2] } },
  { inputs: [floats([5], low, high)], attrs: { axes: [0] } }, { inputs: [floats([2, 3], low, high)], attrs: { axes: [] } },
  { inputs: [integers([3, 2])], attrs: { axes: [0] } }, { inputs: [naturals([3, 2], 0, 9)], attrs: { axes: [1] } },
]

/** Equal extremes share the cotangent. A select, not a product: where nothing equals the extreme (NaN), nothing arrives. */
const extremeVjp: Vjp<ReductionAttrs> = (b, g, [x], y, { axes }) => {
  const { shape } = b.typeOf(x!)
  const isExtreme = b.apply("eq", [x!, spread(b, y, shape, axes)])
  const count = b.apply("sum", [b.apply("cast", [isExtreme], { to: "f32" })], { axes })
  return [b.apply("select", [isExtreme, spread(b, b.div(g, count), shape, axes), constantLike(b, 0, x!)])]
}

const prodVjp: Vjp<ReductionAttrs> = (b, g, [x], _y, { axes }) => {
  const { shape } = b.typeOf(x!)
  if (axes.length === 0) return [g]
  // d prod / d x_k = product of the others, also where x_k is 0
  const others = tabulateOf(b, [x!], shape, (index, read) => {
    const vars = axes.map((d) => variable(`r${d}`, shape[d]!))
    const same = axes.map((d, i) => eq(vars[i]!, index[d]!)).reduce((p, q) => and(p, q))
    return reduce("prod", vars, select(same, constant(1, "f32"), read(0, index.map((i, d) => (axes.includes(d) ? vars[axes.indexOf(d)]! : i)))))
  })
  return [b.mul(spread(b, g, shape, axes), others)]
}

export interface ArgmaxAttrs { readonly axis: number }
const argmax: Primitive<ArgmaxAttrs> = {
  name: "argmax", kind: "reduction", doc: "The place of the largest element along a dimension, the first of equals; NaN counts as infinity.",
  infer: ([x], { axis }) => {
    const reduced = infer("argmax", false)(x ? [x] : [], { axes: [axis] })
    return typeof reduced === "string" ? reduced : { dtype: "i32", shape: reduced.shape }
  },
  element: (index, [x], { axis }, read) => {
    const extent = x!.shape[axis]!
    const at = (v: Var): Scalar => {
      const e = read(0, interleaved(x!.shape.length, [axis], index, [v]))
      return e.type === "f32" ? select(unary("isnan", e), constant(Infinity, "f32"), e) : e
    }
    const [first, second] = [variable("r", extent), variable("r", extent)]
    const largest = reduce("max", [first], at(first))
    return min(reduce("min", [second], select(binary("eq", at(second), largest), second, i32(extent))), i32(extent - 1))
  },
  vjp: { none: "argmax gives a position, so no gradient passes through it" },
  samples: [{ inputs: [floats([3, 5])], attrs: { axis: 1 } }, { inputs: [integers([4, 3], 0, 2)], attrs: { axis: 0 } }, { inputs: [floats([1])], attrs: { axis: 0 } }],
}

export const reductions = {
  sum: reduction("sum", "sum", "The sum over the given dimensions.", 0, [...sampled(-2, 2), { inputs: [floats([2, 0])], attrs: { axes: [1] } }],
    (b, g, [x], _y, { axes }) => [spread(b, g, b.typeOf(x!).shape, axes)]),
  prod: reduction("prod", "prod", "The product over the given dimensions.", 1, sampled(0.5, 2), prodVjp),
  max_reduce: reduction("max_reduce", "max", "The largest element over the given dimensions.", undefined, sampled(-2, 2), extremeVjp),
  min_reduce: reduction("min_reduce", "min", "The smallest element over the given dimensions.", undefined, sampled(-2, 2), extremeVjp),
  argmax,
}
