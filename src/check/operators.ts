/** Operators and elementwise functions over values: compile-time numbers fold, tensors broadcast by name, pictures map pixelwise. */
import type { Span } from "../base/span.ts"
import { branchesDiffer, divisionByZero, elementType, matmulMismatch, matmulRank } from "../diagnostics/messages/shapes.ts"
import { unaryMisuse } from "../diagnostics/messages/stages.ts"
import * as s from "../scalar/scalar.ts"
import { mergeSelect } from "../scalar/merge.ts"
import type { BinaryFn, Scalar, UnaryFn } from "../scalar/scalar.ts"
import type * as Ast from "../syntax/ast.ts"
import { isDim, type Dim } from "../types/dimension.ts"
import { addSize, constantOf, equalSize, floorSize, modSize, mulSize, negSize, size, subSize, valueOf, type Size } from "../types/size.ts"
import { align } from "./align.ts"
import { reportIncomplete } from "./arguments.ts"
import { boundedParts } from "./bounds.ts"
import { fail, report, sized, type Context } from "./context.ts"
import { einsum } from "./contract.ts"
import { castTo, elementwise, type Operand } from "./emit.ts"
import { agree, convert, unequal } from "./match.ts"
import { mapPictures } from "./picture.ts"
import { bindingsOf, printTensor, printValue } from "./print-value.ts"
import { boolean, errorValue, int, isSilent, literal, silence, tensor, unknown, type DType, type TensorValue, type Value } from "./value.ts"

const arithmetic: Partial<Record<Ast.BinaryOp, BinaryFn>> = { "+": "add", "-": "sub", "*": "mul", "/": "div", "//": "idiv", "%": "mod", "**": "pow" }
const comparison: Partial<Record<Ast.BinaryOp, BinaryFn>> = { "==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge" }

const compute: Partial<Record<BinaryFn, (a: number, b: number) => number>> = {
  add: (a, b) => a + b, sub: (a, b) => a - b, mul: (a, b) => a * b, div: (a, b) => a / b,
  idiv: (a, b) => Math.floor(a / b), mod: (a, b) => a - b * Math.floor(a / b), pow: Math.pow, min: Math.min, max: Math.max, atan2: Math.atan2,
}
const decide: Partial<Record<BinaryFn, (a: number, b: number) => boolean>> = {
  eq: (a, b) => a === b, ne: (a, b) => a !== b, lt: (a, b) => a < b, le: (a, b) => a <= b, gt: (a, b) => a > b, ge: (a, b) => a >= b,
}

/** A value as a tensor, where it can be one: integers and booleans become scalars. */
export const asTensor = (v: Value): TensorValue | undefined =>
  v.kind === "tensor" ? v : v.kind === "int" ? tensor("i32", [], undefined, { literal: valueOf(v.size) }) : v.kind === "bool" ? tensor("bool", [], undefined, { literal: v.value === undefined ? undefined : Number(v.value) }) : undefined

export interface Located {
  readonly value: Value
  readonly span: Span
  /** Where the value was made, if the span only names it. */
  readonly from?: Span | undefined
}

export const binaryOperator = (ctx: Context, span: Span, op: Ast.BinaryOp, left: Located, right: Located): Value => {
  const a = left.value
  const b = right.value
  if (isSilent(a) || isSilent(b)) return silence(a, b)
  if (op === "and" || op === "or") return logical(ctx, span, op, left, right)
  if (op === "in") return membership(ctx, span, left, right)
  if (a.kind === "string" && b.kind === "string" && (op === "==" || op === "!="))
    return boolean(a.value === undefined || b.value === undefined ? undefined : (a.value === b.value) === (op === "=="))
  if (a.kind === "bool" && b.kind === "bool" && (op === "==" || op === "!="))
    return boolean(a.value === undefined || b.value === undefined ? undefined : (a.value === b.value) === (op === "=="))
  if ((op === "==" || op === "!=") && (isNone(a) || isNone(b))) return boolean((isNone(a) && isNone(b)) === (op === "=="))
  if (a.kind === "list" && b.kind === "list" && op === "+") return boundedParts(ctx, span, { kind: "list", items: a.items && b.items ? [...a.items, ...b.items] : undefined })
  if (isOpaqueNumber(a) || isOpaqueNumber(b)) return a.kind === "opaque" ? a : b
  if (a.kind === "int" && b.kind === "int") return integers(ctx, span, op, a.size, b.size)
  if (op === "@") return matmul(ctx, span, left, right)
  const fn = arithmetic[op] ?? comparison[op]
  if (!fn) throw new Error(`operator ${op} has no meaning`)
  return binaryFunction(ctx, span, fn, op, left, right)
}

const isNone = (v: Value): boolean => v.kind === "opaque" && v.type === "None"
const isOpaqueNumber = (v: Value): boolean => v.kind === "opaque" && v.type !== "None"

const integers = (ctx: Context, span: Span, op: Ast.BinaryOp, a: Size, b: Size): Value => {
  if (op === "/") {
    const x = valueOf(a)
    const y = valueOf(b)
    return tensor("f32", [], undefined, { literal: x !== undefined && y !== undefined ? x / y : undefined })
  }
  if (op === "**") {
    const exponent = constantOf(b) ?? valueOf(b)
    if (exponent === undefined || exponent < 0 || exponent > 62) {
      const x = valueOf(a)
      return exponent !== undefined && exponent < 0 && x !== undefined ? literal(x ** exponent) : unknown
    }
    const power = sized(ctx, span, () => {
      let product = size(1)
      for (let i = 0; i < exponent; i++) product = mulSize(product, a)
      return product
    })
    return power ? int(power) : errorValue
  }
  const compare = comparison[op]
  if (compare) {
    const agreement = agree(a, b)
    if (op === "==" && agreement !== "undecided" && (agreement === "equal" || (valueOf(a) !== undefined && valueOf(b) !== undefined))) return boolean(agreement === "equal")
    if (op === "!=" && agreement === "equal") return boolean(false)
    const x = valueOf(a)
    const y = valueOf(b)
    const known = constantOf(sized(ctx, span, () => subSize(a, b)) ?? a)
    if (x !== undefined && y !== undefined) return boolean(decide[compare]!(x, y))
    return boolean(known !== undefined ? decide[compare]!(known, 0) : undefined)
  }
  let zero = false
  const made = sized(ctx, span, () => {
    switch (op) {
      case "+": return addSize(a, b)
      case "-": return subSize(a, b)
      case "*": return mulSize(a, b)
      case "//": case "%": {
        const divided = op === "//" ? floorSize(a, b) : modSize(a, b)
        zero = divided === undefined
        return divided ?? size(0)
      }
      default: return undefined
    }
  })
  if (zero) return fail(ctx, divisionByZero(span))
  return made ? int(made) : errorValue
}

const logical = (ctx: Context, span: Span, op: "and" | "or", left: Located, right: Located): Value => {
  const a = left.value
  const b = right.value
  if (a.kind === "bool" && b.kind === "bool") {
    if (op === "and" ? a.value === false || b.value === false : a.value === true || b.value === true) return boolean(op === "or")
    return boolean(a.value === undefined || b.value === undefined ? undefined : op === "and" ? a.value && b.value : a.value || b.value)
  }
  // A decided side decides, or disappears.
  for (const [x, y] of [[a, b], [b, a]] as const) if (x.kind === "bool" && x.value !== undefined) return x.value === (op === "or") ? x : y
  for (const v of [left, right]) {
    const t = asTensor(v.value)
    if (!t || t.dtype !== "bool") return fail(ctx, elementType(v.span, `this side of \`${op}\``, "bool", printValue(v.value), undefined))
  }
  return binaryFunction(ctx, span, op, op, left, right)
}

const membership = (ctx: Context, span: Span, left: Located, right: Located): Value => {
  if (right.value.kind !== "list") return fail(ctx, elementType(right.span, "the right of `in`", "a list", printValue(right.value), undefined))
  if (!right.value.items) return boolean(undefined)
  let found: boolean | undefined = false
  for (const item of right.value.items) {
    const same = binaryOperator(ctx, span, "==", left, { value: item, span: right.span })
    if (same.kind !== "bool") return same
    if (same.value === true) return boolean(true)
    if (same.value === undefined) found = undefined
  }
  return boolean(found)
}

/** The common element type of an arithmetic operation (RULINGS 3), or undefined. */
const promote = (fn: BinaryFn, a: TensorValue, b: TensorValue): DType | undefined => {
  if (fn === "and" || fn === "or") return "bool"
  if (a.dtype === b.dtype) return a.dtype === "bool" && !(fn === "eq" || fn === "ne") ? "f32" : fn === "div" || fn === "atan2" ? "f32" : a.dtype
  if (a.dtype === "u32" || b.dtype === "u32") {
    const other = a.dtype === "u32" ? b : a
    return other.literal !== undefined && Number.isInteger(other.literal) && other.literal >= 0 ? "u32" : undefined
  }
  if (a.dtype === "bool" && b.dtype === "i32") return "i32"
  if (a.dtype === "i32" && b.dtype === "bool") return "i32"
  return "f32"
}

/** An elementwise function of two values. */
export const binaryFunction = (ctx: Context, span: Span, fn: BinaryFn, name: string, left: Located, right: Located): Value => {
  if (isSilent(left.value) || isSilent(right.value)) return silence(left.value, right.value)
  const pictures = mapPictures(ctx, span, [left.value, right.value], (xs) => binaryFunction(ctx, span, fn, name, { value: xs[0]!, span: left.span }, { value: xs[1]!, span: right.span }))
  if (pictures) return pictures
  if (isOpaqueNumber(left.value) || isOpaqueNumber(right.value)) return left.value.kind === "opaque" ? left.value : right.value
  // A schedule is a function of the step number.
  for (const v of [left, right]) if (v.value.kind === "lambda" || (v.value.kind === "function" && v.value.config !== undefined && v.value.declaration.role === "fn")) return { kind: "opaque", type: "Schedule" }
  const a0 = asTensor(left.value)
  const b0 = asTensor(right.value)
  if (!a0 || !b0) {
    const bad = a0 ? right : left
    if (reportIncomplete(ctx, bad.value)) return errorValue
    return fail(ctx, elementType(bad.span, `this side of \`${name}\``, "a tensor or a number", printValue(bad.value), undefined))
  }
  const dtype = promote(fn, a0, b0)
  if (!dtype) return fail(ctx, elementType(right.span, `the right of \`${name}\``, a0.dtype, printValue(right.value), "convert one of the two: f32(…), i32(…)"))
  const a = castTo(ctx, left.span, a0, dtype)
  const b = castTo(ctx, right.span, b0, dtype)
  const isComparison = decide[fn] !== undefined
  const result: DType = isComparison || dtype === "bool" ? "bool" : dtype
  if (a.literal !== undefined && b.literal !== undefined && a.dims.length === 0 && b.dims.length === 0) {
    if (isComparison) return boolean(decide[fn]!(a.literal, b.literal))
    const folded = compute[fn]
    if (folded) return literal(folded(a.literal, b.literal), result)
  }
  const alignment = align(ctx, span, name, a, left.from ?? left.span, b, right.from ?? right.span)
  if (!alignment) return errorValue
  if (alignment === "unknown") return unknown
  const operands: Operand[] = [{ value: a, map: alignment.maps[0] }, { value: b, map: alignment.maps[1] }]
  const data = elementwise(ctx, span, fn, {}, operands, result, alignment.dims, ([x, y]) => scalarBinary(fn, x!, y!))
  return withSamples(tensor(result, alignment.dims, data, { alias: keptAlias(a, b) }), a, b)
}

const scalarBinary = (fn: BinaryFn, x: Scalar, y: Scalar): Scalar => {
  switch (fn) {
    case "add": return s.add(x, y)
    case "sub": return s.sub(x, y)
    case "mul": return s.mul(x, y)
    case "idiv": return s.idiv(x, y)
    case "mod": return s.mod(x, y)
    case "min": return s.min(x, y)
    case "max": return s.max(x, y)
    case "and": return s.and(x, y)
    case "or": return s.or(x, y)
    default: return s.binary(fn, x, y)
  }
}

const keptAlias = (a: TensorValue, b: TensorValue): string | undefined => (a.dims.length >= b.dims.length ? a.alias : b.alias)
const withSamples = (v: TensorValue, ...from: readonly TensorValue[]): TensorValue => {
  const samples = from.find((x) => x.samples && x.dims.length > 0)?.samples
  return samples ? { ...v, samples } : v
}

/** Functions that map whole numbers to whole numbers: they keep i32 as it is. */
const keepsIntegers = new Set<UnaryFn>(["neg", "abs", "sign"])
const identityOnIntegers = new Set<UnaryFn>(["floor", "ceil", "round"])
const foldUnary: Partial<Record<UnaryFn, (x: number) => number>> = {
  neg: (x) => -x, abs: Math.abs, sign: Math.sign, floor: Math.floor, ceil: Math.ceil,
  round: (x) => { const r = Math.round(x); return Math.abs(x % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r },
  sqrt: Math.sqrt, rsqrt: (x) => 1 / Math.sqrt(x), exp: Math.exp, log: Math.log, log1p: Math.log1p, expm1: Math.expm1,
  sin: Math.sin, cos: Math.cos, tan: Math.tan, asin: Math.asin, acos: Math.acos, atan: Math.atan, sinh: Math.sinh, cosh: Math.cosh, tanh: Math.tanh,
}

/** An elementwise function of one value. */
export const unaryFunction = (ctx: Context, span: Span, fn: UnaryFn, name: string, operand: Located): Value => {
  const v = operand.value
  if (isSilent(v)) return v
  const pictures = mapPictures(ctx, span, [v], (xs) => unaryFunction(ctx, span, fn, name, { value: xs[0]!, span: operand.span }))
  if (pictures) return pictures
  if (isOpaqueNumber(v)) return v
  if (fn === "neg" && v.kind === "int") return int(negSize(v.size))
  if (fn === "not" && v.kind === "bool") return boolean(v.value === undefined ? undefined : !v.value)
  const t = asTensor(v)
  if (!t || (fn === "not" && t.dtype !== "bool")) return fail(ctx, unaryMisuse(span, name, printValue(v)))
  if (identityOnIntegers.has(fn) && t.dtype === "i32") return t
  const dtype: DType = fn === "not" ? "bool" : keepsIntegers.has(fn) && t.dtype === "i32" ? "i32" : "f32"
  const x = castTo(ctx, span, t, dtype)
  const result: DType = fn === "not" || fn === "isnan" || fn === "isfinite" ? "bool" : dtype
  const fold = foldUnary[fn]
  if (x.literal !== undefined && fold) return literal(fold(x.literal), result)
  const map = x.dims.map((_, i) => i)
  const data = elementwise(ctx, span, fn, {}, [{ value: x, map }], result, x.dims, ([e]) => (fn === "not" ? s.not(e!) : s.unary(fn, e!)))
  return withSamples(tensor(result, x.dims, data, { alias: result === "f32" ? t.alias : undefined }), t)
}

/** `if` with a tensor condition: elementwise. Records and tuples select field by field, pictures pixel by pixel. */
export const selectValues = (ctx: Context, span: Span, condition: Located, then: Located, otherwise: Located): Value => {
  const a = then.value
  const b = otherwise.value
  if (isSilent(a) || isSilent(b) || isSilent(condition.value)) return silence(condition.value, a, b)
  if (a.kind === "tuple" && b.kind === "tuple" && a.items.length === b.items.length)
    return { kind: "tuple", items: a.items.map((x, i) => selectValues(ctx, span, condition, { value: x, span: then.span }, { value: b.items[i]!, span: otherwise.span })) }
  const pictures = mapPictures(ctx, span, [condition.value, a, b], (xs) => selectValues(ctx, span, { value: xs[0]!, span: condition.span }, { value: xs[1]!, span: then.span }, { value: xs[2]!, span: otherwise.span }))
  if (pictures) return pictures
  const c = asTensor(condition.value)
  const x0 = asTensor(a)
  const y0 = asTensor(b)
  if (!c || !x0 || !y0) return fail(ctx, branchesDiffer(span, { span: then.span, text: printValue(a) }, { span: otherwise.span, text: printValue(b) }))
  const dtype = x0.dtype === y0.dtype ? x0.dtype : promote("add", x0, y0)
  if (!dtype) return fail(ctx, elementType(otherwise.span, "the else branch", x0.dtype, y0.dtype, undefined))
  const x = castTo(ctx, then.span, x0, dtype)
  const y = castTo(ctx, otherwise.span, y0, dtype)
  const branches = align(ctx, span, "if", x, then.span, y, otherwise.span)
  if (!branches) return errorValue
  if (branches === "unknown") return unknown
  const whole = align(ctx, span, "if", c, condition.span, tensor(dtype, branches.dims), span)
  if (!whole) return errorValue
  if (whole === "unknown") return unknown
  const via = (map: readonly number[]): number[] => map.map((d) => whole.maps[1][d]!)
  const operands: Operand[] = [{ value: c, map: whole.maps[0] }, { value: x, map: via(branches.maps[0]) }, { value: y, map: via(branches.maps[1]) }]
  const data = elementwise(ctx, span, "select", {}, operands, dtype, whole.dims, ([p, q, r]) => mergeSelect(p!, q!, r!))
  return withSamples(tensor(dtype, whole.dims, data, { alias: keptAlias(x, y) }), x, y)
}

const matmul = (ctx: Context, span: Span, left: Located, right: Located): Value => {
  const a = asTensor(left.value)
  const b = asTensor(right.value)
  if (reportIncomplete(ctx, left.value) || reportIncomplete(ctx, right.value)) return errorValue
  if (!a || !b) return fail(ctx, elementType((a ? right : left).span, "this side of `@`", "a tensor", printValue((a ? right : left).value), undefined))
  const text = (v: TensorValue): string => printTensor(v.dtype, v.dims, v.alias)
  const sides = [{ span: left.from ?? left.span, text: text(a) }, { span: right.from ?? right.span, text: text(b) }]
  if (a.dims.some((d) => !isDim(d)) || b.dims.some((d) => !isDim(d))) return unknown
  if (a.dims.length === 0 || b.dims.length === 0 || b.dims.length > 2 || a.dims.length > 2) return fail(ctx, matmulRank(span, sides))
  const inner = a.dims.at(-1) as Dim
  const first = b.dims[0] as Dim
  if (agree(inner.size, first.size) === "different") {
    const last = b.dims.at(-1) as Dim
    const turned = b.dims.length === 2 && agree(inner.size, last.size) !== "different" ? right.span : undefined
    return fail(ctx, matmulMismatch(span, sides, unequal(inner.size, first.size), bindingsOf([inner, first]), turned))
  }
  const pattern = a.dims.length === 2 ? (b.dims.length === 2 ? "ij,jk->ik" : "ij,j->i") : b.dims.length === 2 ? "j,jk->k" : "j,j->"
  return einsum(ctx, span, pattern, [castTo(ctx, left.span, a, "f32"), castTo(ctx, right.span, b, "f32")], [left.span, right.span])
}

/** Converts and reports where an element type is required (`sum` of bool, `f32(x)`). */
export const requireTensor = (ctx: Context, what: string, v: Located, dtype: DType): TensorValue | undefined => {
  const t = asTensor(v.value)
  const made = t && (convert(t, dtype) as TensorValue | undefined)
  if (!made) report(ctx, elementType(v.span, what, `a tensor of ${dtype}`, printValue(v.value), undefined))
  return made
}

