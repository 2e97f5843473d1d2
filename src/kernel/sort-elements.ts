/** Sorting by counting: each element's rank is the number of elements that come before it; equals keep their order, NaN comes last. */
import type { Node } from "../ir/graph.ts"
import { and, binary, bool, cast, eq, i32, idiv, lt, mod, mul, add, not, or, read, reduce, unary, variable, type Scalar, type Var } from "../scalar/scalar.ts"
import { sizeOf } from "../schedule/inline.ts"
import type { Elements } from "./lower-elements.ts"

export const sortElements = (node: Node): Elements => {
  const { axis, descending } = node.attrs as { readonly axis: number; readonly descending: boolean }
  const input = node.inputs[0]!
  const { shape } = input
  const extent = shape[axis]!
  const step = sizeOf(shape.slice(axis + 1))
  const place: Var = { op: "var", type: "i32", name: "p", low: 0, high: Math.max(0, sizeOf(shape) - 1) }
  // p = (outer * extent + own) * step + inner
  const own = mod(idiv(place, i32(step)), i32(extent))
  const start = add(mul(idiv(place, i32(step * extent)), i32(step * extent)), mod(place, i32(step)))
  const at = (along: Scalar): Scalar => read(input.dtype, input.id, [add(start, mul(along, i32(step)))])
  const other = variable("j", extent)
  const [a, b] = [at(other), at(own)]
  const earlier = lt(other, own)
  const smaller = descending ? binary("gt", a, b) : lt(a, b)
  const ordered = or(smaller, and(eq(a, b), earlier))
  const isNan = (x: Scalar): Scalar => (x.type === "f32" ? unary("isnan", x) : bool(false))
  const before = input.dtype === "f32" ? or(and(not(isNan(a)), or(isNan(b), ordered)), and(and(isNan(a), isNan(b)), earlier)) : ordered
  const rank = reduce("sum", [other], cast("i32", before))
  return { node, sample: undefined, within: undefined, place, lanes: [{ value: node.prim === "argsort" ? own : b, at: add(start, mul(rank, i32(step))) }] }
}
