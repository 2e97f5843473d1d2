/** Movement primitives: each element of the result is one element of an input, or a constant. */
import { add, and, bool, constant, ge, i32, idiv, lt, max, min, mod, mul, select, sub } from "../scalar/scalar.ts"
import type { Scalar } from "../scalar/scalar.ts"
import type { Primitive, Shape } from "./primitive.ts"
import { floats, integers } from "./samples.ts"
import { constantLike, dimensions, elementCount, isFloat, typeText } from "./shape.ts"
import { tabulateOf } from "./access.ts"

/**
 * Where element `index` of a tensor of shape `to` stands in shape `from` of as many elements. Runs of dimensions whose
 * products agree are regrouped on their own, so that dimensions which did not change keep their plain index.
 */
export const reshapeIndex = (index: readonly Scalar[], to: Shape, from: Shape): Scalar[] => {
  const result: Scalar[] = []
  for (let i = 0, j = 0; i < to.length || j < from.length; ) {
    let [size, other] = [1, 1]
    const [startTo, startFrom] = [i, j]
    if (i < to.length) size = to[i++]!
    if (j < from.length) other = from[j++]!
    while (size !== other) {
      if (size < other && i < to.length) size *= to[i++]!
      else if (j < from.length) other *= from[j++]!
      else if (i < to.length) size *= to[i++]!
      else break
    }
    if (i - startTo === 1 && j - startFrom === 1) {
      result.push(from[startFrom] === 1 ? i32(0) : index[startTo]!)
      continue
    }
    let flat: Scalar = i32(0)
    for (let d = startTo; d < i; d++) flat = to[d] === 1 ? flat : add(mul(flat, i32(to[d]!)), index[d]!)
    let step = other
    for (let d = startFrom, first = true; d < j; d++) {
      step = Math.floor(step / from[d]!)
      if (from[d] === 1) result.push(i32(0))
      else {
        const quotient = idiv(flat, i32(step))
        result.push(first ? quotient : mod(quotient, i32(from[d]!)))
        first = false
      }
    }
  }
  return result
}

export interface ReshapeAttrs { readonly shape: Shape }
const reshape: Primitive<ReshapeAttrs> = {
  name: "reshape", kind: "movement", doc: "The same elements in row-major order under another shape.",
  infer: ([x], { shape }) => (elementCount(x!.shape) === elementCount(shape) ? { dtype: x!.dtype, shape } : `${typeText(x!)} has ${elementCount(x!.shape)} elements, [${shape.join(", ")}] has ${elementCount(shape)}`),
  element: (index, [x], { shape }, read) => read(0, elementCount(shape) === 0 ? x!.shape.map(() => i32(0)) : reshapeIndex(index, shape, x!.shape)),
  vjp: (b, g, [x]) => [isFloat(b, x!) ? b.apply("reshape", [g], { shape: b.typeOf(x!).shape }) : undefined],
  samples: [
    { inputs: [floats([2, 6])], attrs: { shape: [3, 4] } }, { inputs: [floats([2, 3, 4])], attrs: { shape: [2, 12] } }, { inputs: [floats([1, 4, 1])], attrs: { shape: [4] } },
    { inputs: [floats([1])], attrs: { shape: [] } }, { inputs: [integers([4, 3])], attrs: { shape: [2, 2, 3] } }, { inputs: [floats([2, 3, 5])], attrs: { shape: [1, 3, 2, 1, 5] } },
  ],
}

export interface PermuteAttrs { readonly perm: readonly number[] }
const inverse = (perm: readonly number[]): number[] => {
  const result = new Array<number>(perm.length)
  perm.forEach((from, to) => (result[from] = to))
  return result
}
const permute: Primitive<PermuteAttrs> = {
  name: "permute", kind: "movement", doc: "The same elements with the dimensions in another order: dimension d of the result is dimension perm[d] of the operand.",
  infer: ([x], { perm }) =>
    perm.length === x!.shape.length && new Set(perm).size === perm.length && perm.every((d) => d >= 0 && d < perm.length)
      ? { dtype: x!.dtype, shape: perm.map((d) => x!.shape[d]!) } : `[${perm.join(", ")}] is no order of the dimensions of ${typeText(x!)}`,
  element: (index, _inputs, { perm }, read) => read(0, inverse(perm).map((d) => index[d]!)),
  vjp: (b, g, [x], _y, { perm }) => [isFloat(b, x!) ? b.apply("permute", [g], { perm: inverse(perm) }) : undefined],
  samples: [{ inputs: [floats([2, 3, 4])], attrs: { perm: [2, 0, 1] } }, { inputs: [integers([2, 3])], attrs: { perm: [1, 0] } }, { inputs: [floats([])], attrs: { perm: [] } }],
}

export interface BroadcastAttrs { readonly shape: Shape; readonly map: readonly number[] }
const broadcast: Primitive<BroadcastAttrs> = {
  name: "broadcast", kind: "movement", doc: "Repeats the operand along new dimensions: its dimension d becomes dimension map[d].",
  infer: ([x], { shape, map }) =>
    map.length === x!.shape.length && new Set(map).size === map.length && map.every((to, d) => shape[to] === x!.shape[d])
      ? { dtype: x!.dtype, shape } : `${typeText(x!)} does not fit [${shape.join(", ")}] at dimensions [${map.join(", ")}]`,
  element: (index, _inputs, { map }, read) => read(0, map.map((d) => index[d]!)),
  vjp: (b, g, [x], _y, { shape, map }) => {
    if (!isFloat(b, x!)) return [undefined]
    const added = dimensions(shape.length).filter((d) => !map.includes(d))
    const kept = [...map].sort((p, q) => p - q)
    const summed = added.length === 0 ? g : b.apply("sum", [g], { axes: added })
    return [map.every((d, i) => d === kept[i]) ? summed : b.apply("permute", [summed], { perm: map.map((d) => kept.indexOf(d)) })]
  },
  samples: [
    { inputs: [floats([])], attrs: { shape: [2, 3], map: [] } }, { inputs: [floats([3])], attrs: { shape: [2, 3, 4], map: [1] } },
    { inputs: [floats([4, 2])], attrs: { shape: [2, 3, 4], map: [2, 0] } }, { inputs: [integers([3])], attrs: { shape: [3, 2], map: [0] } },
  ],
}

export interface SliceAttrs { readonly start: readonly number[]; readonly size: readonly number[]; readonly step: readonly number[] }
const slice: Primitive<SliceAttrs> = {
  name: "slice", kind: "movement", doc: "Every step-th element from start, size of them, in each dimension.",
  infer: ([x], { start, size, step }) => {
    const fits = [start, size, step].every((list) => list.length === x!.shape.length) &&
      x!.shape.every((extent, d) => step[d]! >= 1 && start[d]! >= 0 && size[d]! >= 0 && (size[d] === 0 || start[d]! + (size[d]! - 1) * step[d]! < extent))
    return fits ? { dtype: x!.dtype, shape: size } : `slice from [${start.join(", ")}], size [${size.join(", ")}], step [${step.join(", ")}] leaves ${typeText(x!)}`
  },
  element: (index, _inputs, { start, step }, read) => read(0, index.map((i, d) => add(i32(start[d]!), mul(i, i32(step[d]!))))),
  vjp: (b, g, [x], _y, { start, size, step }) => {
    if (!isFloat(b, x!)) return [undefined]
    const { shape } = b.typeOf(x!)
    if (elementCount(size) === 0) return [constantLike(b, 0, x!)]
    if (step.every((s) => s === 1)) return [b.apply("pad", [g], { low: start, high: shape.map((extent, d) => extent - start[d]! - size[d]!), value: 0 })]
    return [tabulateOf(b, [g], shape, (index, read) => {
      let inside: Scalar = bool(true)
      const at = index.map((i, d) => {
        const offset = sub(i, i32(start[d]!))
        const position = idiv(offset, i32(step[d]!))
        inside = and(inside, and(and(ge(offset, i32(0)), lt(position, i32(size[d]!))), { op: "binary", type: "bool", fn: "eq", a: mod(offset, i32(step[d]!)), b: i32(0) }))
        return max(i32(0), min(position, i32(size[d]! - 1)))
      })
      return select(inside, read(0, at), constant(0, "f32"))
    })]
  },
  samples: [
    { inputs: [floats([5, 4])], attrs: { start: [1, 0], size: [3, 4], step: [1, 1] } }, { inputs: [floats([7, 5])], attrs: { start: [1, 0], size: [3, 2], step: [2, 3] } },
    { inputs: [integers([6])], attrs: { start: [0], size: [3], step: [2] } },
  ],
}

export interface PadAttrs { readonly low: readonly number[]; readonly high: readonly number[]; readonly value: number }
const pad: Primitive<PadAttrs> = {
  name: "pad", kind: "movement", doc: "Surrounds the operand with a constant.",
  infer: ([x], { low, high }) =>
    low.length === x!.shape.length && high.length === x!.shape.length && [...low, ...high].every((n) => n >= 0)
      ? { dtype: x!.dtype, shape: x!.shape.map((extent, d) => low[d]! + extent + high[d]!) } : `[${low.join(", ")}], [${high.join(", ")}] is no padding of ${typeText(x!)}`,
  element: (index, [x], { low, high, value }, read) => {
    const outside = constant(value, x!.dtype)
    if (elementCount(x!.shape) === 0) return outside
    let inside: Scalar = bool(true)
    const at = index.map((i, d) => {
      const [extent, position] = [x!.shape[d]!, sub(i, i32(low[d]!))]
      if (low[d]! > 0) inside = and(inside, ge(position, i32(0)))
      if (high[d]! > 0) inside = and(inside, lt(position, i32(extent)))
      const above = low[d]! > 0 ? max(i32(0), position) : position
      return high[d]! > 0 ? min(above, i32(extent - 1)) : above
    })
    return select(inside, read(0, at), outside)
  },
  vjp: (b, g, [x], _y, { low }) => {
    const { shape } = b.typeOf(x!)
    return [isFloat(b, x!) ? b.apply("slice", [g], { start: low, size: shape, step: shape.map(() => 1) }) : undefined]
  },
  samples: [
    { inputs: [floats([2, 3])], attrs: { low: [1, 0], high: [0, 2], value: 0 } }, { inputs: [floats([4])], attrs: { low: [0], high: [0], value: 1 } },
    { inputs: [integers([2, 2])], attrs: { low: [1, 1], high: [1, 1], value: -3 } },
  ],
}

export interface FlipAttrs { readonly axes: readonly number[] }
const flip: Primitive<FlipAttrs> = {
  name: "flip", kind: "movement", doc: "Reverses the given dimensions.",
  infer: ([x], { axes }) => (axes.every((d) => d >= 0 && d < x!.shape.length) ? x! : `${typeText(x!)} has no dimensions [${axes.join(", ")}]`),
  element: (index, [x], { axes }, read) => read(0, index.map((i, d) => (axes.includes(d) ? sub(i32(x!.shape[d]! - 1), i) : i))),
  vjp: (b, g, [x], _y, attrs) => [isFloat(b, x!) ? b.apply("flip", [g], attrs) : undefined],
  samples: [{ inputs: [floats([2, 3])], attrs: { axes: [1] } }, { inputs: [integers([2, 3, 2])], attrs: { axes: [0, 2] } }, { inputs: [floats([3])], attrs: { axes: [] } }],
}

export interface ConcatAttrs { readonly axis: number }
const concat: Primitive<ConcatAttrs> = {
  name: "concat", kind: "movement", doc: "The operands one after another along a dimension.",
  infer: (inputs, { axis }) => {
    const first = inputs[0]
    if (!first) return "concat takes at least 1 operand"
    const fits = axis >= 0 && axis < first.shape.length &&
      inputs.every((x) => x.dtype === first.dtype && x.shape.length === first.shape.length && x.shape.every((extent, d) => d === axis || extent === first.shape[d]))
    if (!fits) return `${inputs.map(typeText).join(" and ")} do not line up along dimension ${axis}`
    return { dtype: first.dtype, shape: first.shape.map((extent, d) => (d === axis ? inputs.reduce((sum, x) => sum + x.shape[axis]!, 0) : extent)) }
  },
  element: (index, inputs, { axis }, read) => {
    let start = 0
    const parts = inputs.map((x, slot) => ({ slot, start: (start += x.shape[axis]!) - x.shape[axis]!, extent: x.shape[axis]! })).filter((part) => part.extent > 0)
    const last = parts.length - 1
    const element = (part: (typeof parts)[number], p: number): Scalar => {
      const position = sub(index[axis]!, i32(part.start))
      const above = p > 0 ? max(i32(0), position) : position
      return read(part.slot, index.map((i, d) => (d === axis ? (p < last ? min(above, i32(part.extent - 1)) : above) : i)))
    }
    if (last < 0) return constant(0, inputs[0]!.dtype)
    let result = element(parts[last]!, last)
    for (let p = last - 1; p >= 0; p--) result = select(lt(index[axis]!, i32(parts[p]!.start + parts[p]!.extent)), element(parts[p]!, p), result)
    return result
  },
  vjp: (b, g, inputs, _y, { axis }) => {
    let start = 0
    return inputs.map((x) => {
      const { shape } = b.typeOf(x)
      const from = start
      start += shape[axis]!
      return isFloat(b, x) ? b.apply("slice", [g], { start: shape.map((_, d) => (d === axis ? from : 0)), size: shape, step: shape.map(() => 1) }) : undefined
    })
  },
  samples: [
    { inputs: [floats([2, 3]), floats([2, 1]), floats([2, 2])], attrs: { axis: 1 } }, { inputs: [integers([2, 2]), integers([3, 2])], attrs: { axis: 0 } },
    { inputs: [floats([4])], attrs: { axis: 0 } },
  ],
}

export const movement = { reshape, permute, broadcast, slice, pad, flip, concat }
