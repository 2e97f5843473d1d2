/** Builtin functions that move elements: reshape, permute, expand, concat, stack, flip, pad, constant tensors, sort, einsum. */
import { concatMismatch, elementType, reshapeCount } from "../../diagnostics/messages/shapes.ts"
import { notStatic } from "../../diagnostics/messages/stages.ts"
import { populationsDisagree } from "../../diagnostics/messages/populations.ts"
import type { Span } from "../../base/span.ts"
import * as s from "../../scalar/scalar.ts"
import type { Scalar } from "../../scalar/scalar.ts"
import { dim, isDim, type Dim, type Dimension } from "../../types/dimension.ts"
import { joinPopulations, mixed, printPopulation, samePopulation } from "../../types/population.ts"
import { addSize, atom, equalSize, mulSize, one, printSize, size, valueOf, type Size } from "../../types/size.ts"
import { moved, permuted } from "../access.ts"
import { reportIncomplete } from "../arguments.ts"
import { boundedSize } from "../bounds.ts"
import { einsum } from "../contract.ts"
import { fail, report, sized, type Context } from "../context.ts"
import { apply, castTo, constantNode, broadcast, nodeOf, numbers } from "../emit.ts"
import { agree } from "../match.ts"
import { asTensor, type Located } from "../operators.ts"
import { bindingsOf, printTensor, printValue } from "../print-value.ts"
import { errorValue, int, isSilent, tensor, unknown, type TensorValue, type Value } from "../value.ts"
import { optional, required, type Builtin, type BuiltinCall } from "./builtin.ts"
import { byNumber } from "./reduction.ts"

const text = (v: TensorValue): string => printTensor(v.dtype, v.dims, v.alias)

export const tensorArgument = (call: BuiltinCall, name: string): TensorValue | Value => {
  const { value, span } = call.at(name)
  if (isSilent(value)) return value
  if (reportIncomplete(call.ctx, value)) return errorValue
  return asTensor(value) ?? fail(call.ctx, elementType(span, `\`${name}\``, "a tensor", printValue(value), undefined))
}

export const isTensor = (v: TensorValue | Value): v is TensorValue => v.kind === "tensor"

/** A list of compile-time sizes. */
const sizesOf = (ctx: Context, given: Located): Size[] | "unknown" | undefined => {
  const sizes = integersOf(ctx, given)
  return Array.isArray(sizes) && !sizes.every((z) => boundedSize(ctx, given.span, z)) ? undefined : sizes
}

const integersOf = (ctx: Context, given: Located): Size[] | "unknown" | undefined => {
  const items = given.value.kind === "list" || given.value.kind === "tuple" ? given.value.items : given.value.kind === "int" ? [given.value] : undefined
  if (isSilent(given.value) || (given.value.kind === "list" && !items)) return given.value.kind === "error" ? undefined : "unknown"
  const sizes: Size[] = []
  for (const item of items ?? []) {
    if (isSilent(item)) return item.kind === "unknown" ? "unknown" : undefined
    if (item.kind !== "int") {
      report(ctx, notStatic(given.span, "a size of a shape"))
      return undefined
    }
    sizes.push(item.size)
  }
  if (!items) {
    report(ctx, elementType(given.span, "a shape", "a list of sizes, [n, 4] say", printValue(given.value), undefined))
    return undefined
  }
  return sizes
}

const sizeOfDimension = (d: Dimension): Size => d.size
const product = (dims: readonly Size[]): Size => dims.reduce((a, b) => mulSize(a, b), one)

const reshape = (call: BuiltinCall): Value => {
  const { ctx, span } = call
  const x = tensorArgument(call, "x")
  if (!isTensor(x)) return x
  const sizes = sizesOf(ctx, call.at("shape"))
  if (!sizes) return errorValue
  if (sizes === "unknown") return unknown
  const counts = sized(ctx, span, () => ({ from: product(x.dims.map(sizeOfDimension)), to: product(sizes) }))
  if (!counts) return errorValue
  if (agree(counts.from, counts.to) === "different")
    return fail(ctx, reshapeCount(span, text(x), `[${sizes.map((z) => printSize(z)).join(", ")}]`, [`${printSize(counts.from)} elements are not ${printSize(counts.to)}`, ...bindingsOf(x.dims)]))
  // A merge keeps the only tag; a split gives it to the leading factor.
  const dims = sizes.map((z): Dim => dim(z, { span, note: "made by `reshape`" }))
  const tagged = x.dims.filter((d): d is Dim => isDim(d) && d.population !== undefined)
  if (tagged.length > 0) {
    const tags = tagged.reduce<Dim["population"]>((p, d) => (samePopulation(p, d.population) ? p : mixed), tagged[0]!.population)
    const alone = tagged.length === 1 ? dims.findIndex((d) => equalSize(d.size, tagged[0]!.size)) : -1
    const target = alone >= 0 && x.dims.indexOf(tagged[0]!) !== 0 ? alone : 0
    if (dims[target]) dims[target] = { ...dims[target]!, population: tags, became: tagged[0]!.became }
  }
  if (!ctx.build) return tensor(x.dtype, dims)
  const shape = numbers(ctx, span, dims)
  const from = numbers(ctx, span, x.dims)
  if (!shape || !from) return errorValue
  if (x.data?.rate === "node" || x.data?.rate === "picture") {
    const leading = x.samples && shape[0] === from[0] ? { samples: x.samples } : {}
    return tensor(x.dtype, dims, { rate: "node", node: apply(ctx, span, "reshape", "reshape", [nodeOf(ctx, span, x)], { shape }) }, leading)
  }
  return moved(ctx, span, "reshape", x.dtype, dims, [x], ([read], index) => {
    const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1))
    const flat = index.map((e, i) => s.mul(e, s.i32(strides[i]!))).reduce(s.add, s.i32(0))
    return read!(from.map((n, i) => s.mod(s.idiv(flat, s.i32(from.slice(i + 1).reduce((a, b) => a * b, 1))), s.i32(n))))
  })
}

const permute = (call: BuiltinCall): Value => {
  const x = tensorArgument(call, "x")
  if (!isTensor(x)) return x
  const order = integersOf(call.ctx, call.at("order"))
  if (!order) return errorValue
  if (order === "unknown" || !x.dims.every(isDim)) return unknown
  const perm = order.map((z) => valueOf(z) ?? -1)
  if (perm.length !== x.dims.length || new Set(perm).size !== perm.length || perm.some((p) => p < 0 || p >= perm.length))
    return fail(call.ctx, elementType(call.at("order").span, "the order of permute", `each of 0 to ${x.dims.length - 1} once`, `[${perm.join(", ")}]`, undefined))
  return permuted(call.ctx, call.span, x, perm)
}

const expand = (call: BuiltinCall): Value => {
  const x = tensorArgument(call, "x")
  if (!isTensor(x)) return x
  const given = call.at("axis")
  if (given.value.kind !== "int") return isSilent(given.value) ? unknown : fail(call.ctx, notStatic(given.span, "an axis"))
  const axis = byNumber(call.ctx, given.span, x.dims, given.value.size, text(x), 1)
  if (axis === undefined) return errorValue
  if (axis === "unknown") return unknown
  const extent = call.get("size")
  if (extent && extent.kind !== "int") return isSilent(extent) ? unknown : fail(call.ctx, notStatic(call.at("size").span, "a size"))
  const made = dim(extent ? extent.size : one, { span: call.span, note: "made by `expand`" })
  return moved(call.ctx, call.span, "expand", x.dtype, [...x.dims.slice(0, axis), made, ...x.dims.slice(axis)], [x], ([read], index) => read!([...index.slice(0, axis), ...index.slice(axis + 1)]))
}

const listOfTensors = (call: BuiltinCall, name: string): TensorValue[] | Value => {
  const given = call.at(name)
  if (isSilent(given.value)) return given.value
  const items = given.value.kind === "list" || given.value.kind === "tuple" ? given.value.items : undefined
  if (given.value.kind === "list" && !items) return unknown
  if (!items || items.length === 0) return fail(call.ctx, elementType(given.span, "what is joined", "a list of tensors", printValue(given.value), undefined))
  const tensors: TensorValue[] = []
  for (const item of items) {
    if (isSilent(item)) return item
    const t = asTensor(item)
    if (!t) return fail(call.ctx, elementType(given.span, "what is joined", "a list of tensors", printValue(item), undefined))
    tensors.push(t)
  }
  const dtype = tensors.some((t) => t.dtype === "f32") ? "f32" : tensors[0]!.dtype
  return tensors.map((t) => castTo(call.ctx, given.span, t, dtype))
}

const concat = (call: BuiltinCall): Value => {
  const { ctx, span } = call
  const list = listOfTensors(call, "xs")
  if (!Array.isArray(list)) return list
  const first = list[0]!
  if (list.some((t) => !t.dims.every(isDim))) return unknown
  const axisValue = call.get("axis")
  if (axisValue && axisValue.kind !== "int") return isSilent(axisValue) ? unknown : fail(ctx, notStatic(call.at("axis").span, "an axis"))
  const axis = axisValue ? byNumber(ctx, call.at("axis").span, first.dims, (axisValue as { size: Size }).size, text(first)) : 0
  if (axis === undefined) return errorValue
  if (axis === "unknown") return unknown
  let total = (first.dims[axis] as Dim).size
  const dims = [...(first.dims as Dim[])]
  for (const t of list.slice(1)) {
    const fits = t.dims.length === first.dims.length && t.dims.every((d, i) => i === axis || agree((d as Dim).size, dims[i]!.size) !== "different")
    if (!fits) return fail(ctx, concatMismatch(span, text(first), text(t), axis))
    for (let i = 0; i < dims.length; i++) {
      const a = dims[i]!
      const b = t.dims[i] as Dim
      const joined = joinPopulations(a.population, b.population)
      // Along the joined axis different populations make a mixed one; along the others they must agree.
      if (!joined && i !== axis) return fail(ctx, populationsDisagree(span, printPopulation(a.population!), printPopulation(b.population!), text(first), text(t), [a.became, b.became]))
      dims[i] = { ...a, population: joined ? joined.population : mixed, became: a.became ?? b.became }
    }
    total = addSize(total, (t.dims[axis] as Dim).size)
  }
  dims[axis] = { ...dims[axis]!, size: total, origin: { span, note: "joined here" } }
  if (!ctx.build) return tensor(first.dtype, dims)
  const extents = list.map((t) => valueOf((t.dims[axis] as Dim).size))
  if (list.every((t) => t.data?.rate === "node" || t.data?.rate === "picture"))
    return tensor(first.dtype, dims, { rate: "node", node: apply(ctx, span, "concat", "concat", list.map((t) => nodeOf(ctx, span, t)), { axis }) })
  return joinedElements(ctx, span, first.dtype, dims, list, axis, extents.map((n) => n ?? 1))
}

const joinedElements = (ctx: Context, span: Span, dtype: TensorValue["dtype"], dims: readonly Dimension[], list: readonly TensorValue[], axis: number, extents: readonly number[]): Value =>
  moved(ctx, span, "concat", dtype, dims, list, (reads, index) => {
    const at = index[axis]!
    let result: Scalar | undefined
    let start = extents.reduce((a, b) => a + b, 0)
    for (let k = list.length - 1; k >= 0; k--) {
      start -= extents[k]!
      const local = s.max(s.min(s.sub(at, s.i32(start)), s.i32(extents[k]! - 1)), s.i32(0))
      const element = reads[k]!(index.map((e, d) => (d === axis ? local : e)))
      result = result === undefined ? element : s.select(foldedLess(at, start + extents[k]!), element, result)
    }
    return result!
  })

const foldedLess = (x: Scalar, n: number): Scalar => (x.op === "const" ? s.bool(x.value < n) : s.lt(x, s.i32(n)))

const stack = (call: BuiltinCall): Value => {
  const { ctx, span } = call
  const list = listOfTensors(call, "xs")
  if (!Array.isArray(list)) return list
  const first = list.reduce((a, b) => (b.dims.length > a.dims.length ? b : a))
  const axisValue = call.get("axis")
  if (axisValue && axisValue.kind !== "int") return isSilent(axisValue) ? unknown : fail(ctx, notStatic(call.at("axis").span, "an axis"))
  const axis = axisValue ? byNumber(ctx, call.at("axis").span, first.dims, (axisValue as { size: Size }).size, text(first), 1) : 0
  if (axis === undefined) return errorValue
  if (axis === "unknown") return unknown
  for (const t of list)
    if (t.dims.length > 0 && (t.dims.length !== first.dims.length || t.dims.some((d, i) => isDim(d) && isDim(first.dims[i]!) && agree(d.size, (first.dims[i] as Dim).size) === "different"))) return fail(ctx, concatMismatch(span, text(first), text(t), axis))
  const made = dim(size(list.length), { span, note: "made by `stack`" })
  const dims = [...first.dims.slice(0, axis), made, ...first.dims.slice(axis)]
  return moved(ctx, span, "stack", first.dtype, dims, list, (reads, index) => {
    const at = index[axis]!
    const rest = [...index.slice(0, axis), ...index.slice(axis + 1)]
    const element = (k: number): Scalar => reads[k]!(list[k]!.dims.length === 0 ? [] : rest)
    if (at.op === "const") return element(at.value)
    let result = element(list.length - 1)
    for (let k = list.length - 2; k >= 0; k--) result = s.select(s.eq(at, s.i32(k)), element(k), result)
    return result
  })
}

const flip = (call: BuiltinCall): Value => {
  const x = tensorArgument(call, "x")
  if (!isTensor(x)) return x
  const given = call.at("axis")
  if (given.value.kind !== "int") return isSilent(given.value) ? unknown : fail(call.ctx, notStatic(given.span, "an axis"))
  const axis = byNumber(call.ctx, given.span, x.dims, given.value.size, text(x))
  if (axis === undefined) return errorValue
  if (axis === "unknown") return unknown
  return moved(call.ctx, call.span, "flip", x.dtype, x.dims, [x], ([read], index) => read!(index.map((e, i) => (i === axis ? s.sub(s.i32(valueOf((x.dims[axis] as Dim).size)! - 1), e) : e))))
}

const pad = (call: BuiltinCall): Value => {
  const x = tensorArgument(call, "x")
  if (!isTensor(x)) return x
  const axisValue = call.get("axis")
  const low = call.get("low")
  const high = call.get("high")
  if (!axisValue || axisValue.kind !== "int" || low?.kind !== "int" || high?.kind !== "int") return isSilent(axisValue ?? unknown) ? unknown : fail(call.ctx, notStatic(call.span, "axis, low and high of pad_"))
  const axis = byNumber(call.ctx, call.span, x.dims, axisValue.size, text(x))
  if (axis === undefined) return errorValue
  if (axis === "unknown") return unknown
  const d = x.dims[axis] as Dim
  const dims = x.dims.map((e, i) => (i === axis ? dim(addSize(d.size, addSize(low.size, high.size)), { span: call.span, note: "padded here" }, d.population, d.became) : e))
  const fill = asTensor(call.get("value") ?? unknown)?.literal ?? 0
  return moved(call.ctx, call.span, "pad", x.dtype, dims, [x], ([read], index) => {
    const n = valueOf(d.size)!
    const at = s.sub(index[axis]!, s.i32(valueOf(low.size)!))
    const inside = s.and(s.ge(at, s.i32(0)), s.lt(at, s.i32(n)))
    const clamped = s.max(s.min(at, s.i32(n - 1)), s.i32(0))
    return s.select(inside, read!(index.map((e, i) => (i === axis ? clamped : e))), s.constant(fill, x.dtype))
  })
}

const filled = (ctx: Context, span: Span, shape: Located, value: TensorValue): Value => {
  const sizes = sizesOf(ctx, shape)
  if (!sizes) return errorValue
  if (sizes === "unknown") return unknown
  const dims = sizes.map((z) => dim(z, { span, note: "given here" }))
  if (!ctx.build) return tensor(value.dtype, dims)
  const extents = numbers(ctx, span, dims)
  if (!extents) return errorValue
  if (value.literal === undefined) return moved(ctx, span, "full", value.dtype, dims, [value], ([read]) => read!([]))
  return tensor(value.dtype, dims, { rate: "node", node: broadcast(ctx, span, constantNode(ctx, span, value.literal, value.dtype), extents, []) })
}

/** `zeros([n, d])` is a tensor; `zeros()` in `param` and `state` is an initialiser. */
const constantOrInitialiser = (name: "zeros" | "ones", value: number): Builtin => ({
  name, params: optional("shape"), doc: `A tensor of ${name}; without a shape, the initialiser.`,
  apply: (call) =>
    call.get("shape")
      ? filled(call.ctx, call.span, call.at("shape"), tensor("f32", [], undefined, { literal: value }))
      : { kind: "distribution", dist: name, params: [], options: {}, dtype: "f32", rest: [], per: "batch", of: undefined, span: call.span },
})

const sorting = (name: "sort" | "argsort", doc: string): Builtin => ({
  name, params: [...required("x"), ...optional("axis", "descending")], doc,
  apply: (call) => {
    const x = tensorArgument(call, "x")
    if (!isTensor(x)) return x
    const axisValue = call.get("axis") ?? int(size(-1))
    const descending = call.get("descending")
    if (axisValue.kind !== "int") return unknown
    const axis = byNumber(call.ctx, call.span, x.dims, axisValue.size, text(x))
    if (axis === undefined) return errorValue
    if (axis === "unknown") return unknown
    const dtype = name === "sort" ? x.dtype : "i32"
    if (!call.ctx.build) return tensor(dtype, x.dims)
    const node = apply(call.ctx, call.span, name, name, [nodeOf(call.ctx, call.span, x)], { axis, descending: descending?.kind === "bool" && descending.value === true })
    return tensor(dtype, x.dims, { rate: "node", node })
  },
})

export const shapeBuiltins: readonly Builtin[] = [
  { name: "reshape", params: required("x", "shape"), doc: "The same elements in row-major order under another shape.", apply: reshape },
  { name: "permute", params: required("x", "order"), doc: "The dimensions in another order: result dimension i is dimension order[i].", apply: permute },
  { name: "expand", params: [...required("x", "axis"), ...optional("size")], doc: "A new dimension of `size` (1) equal slices at `axis`.", apply: expand },
  { name: "concat", params: [...required("xs"), ...optional("axis")], doc: "Tensors one after the other along `axis` (0).", apply: concat },
  { name: "stack", params: [...required("xs"), ...optional("axis")], doc: "Tensors side by side along a new dimension at `axis` (0).", apply: stack },
  { name: "flip", params: required("x", "axis"), doc: "One dimension in reverse.", apply: flip },
  { name: "pad_", params: [...required("x", "axis", "low", "high"), ...optional("value")], doc: "`low` and `high` constant elements before and after, along one axis.", apply: pad },
  constantOrInitialiser("zeros", 0), constantOrInitialiser("ones", 1),
  { name: "full", params: required("shape", "value"), doc: "A tensor of one value.", apply: (call) => { const v = tensorArgument(call, "value"); return isTensor(v) ? filled(call.ctx, call.span, call.at("shape"), v) : v } },
  sorting("sort", "The elements along `axis` (-1) in order; equal ones stay in order."), sorting("argsort", "The places that sort along `axis` (-1)."),
  {
    name: "einsum", params: [...required("pattern", "a"), ...optional("b")], doc: "Einstein summation of one or two tensors: einsum(\"nd,kd->nk\", q, keys).",
    apply: (call) => {
      const pattern = call.at("pattern")
      if (isSilent(pattern.value)) return pattern.value
      if (pattern.value.kind !== "string" || pattern.value.value === undefined) return pattern.value.kind === "string" ? unknown : fail(call.ctx, elementType(pattern.span, "the first argument of einsum", "a pattern", printValue(pattern.value), undefined))
      const names = call.get("b") ? ["a", "b"] : ["a"]
      const operands: TensorValue[] = []
      for (const name of names) {
        const t = tensorArgument(call, name)
        if (!isTensor(t)) return t
        operands.push(castTo(call.ctx, call.at(name).span, t, "f32"))
      }
      return einsum(call.ctx, call.span, pattern.value.value, operands, names.map((n) => call.at(n).span))
    },
  },
]

