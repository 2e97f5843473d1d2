/**
 * Elementwise primitives: the functions of `scalar.ts` applied to each element, operands of equal shape.
 * The gradient rules are written once and serve tensors and single scalars (`scalar-derivative.ts`) alike.
 */
import { binary, cast as castScalar, unary } from "../scalar/scalar.ts"
import type { BinaryFn, CastFn, ScalarType, UnaryFn } from "../scalar/scalar.ts"
import type { Build, Primitive, Sample, TensorType, Vjp } from "./primitive.ts"
import { bools, floats, integers, naturals, smallShapes } from "./samples.ts"
import type { Operand } from "./samples.ts"
import { constantLike, isFloat, sameShape, typeText } from "./shape.ts"
import { ulpBound } from "./ulp.ts"

type NoAttrs = Record<string, never>
type None = { readonly none: string }

const predicates: readonly string[] = ["not", "isnan", "isfinite", "eq", "ne", "lt", "le", "gt", "ge", "and", "or"]

const operandsOf = (dtype: ScalarType, shape: readonly number[], low: number, high: number): Operand =>
  dtype === "f32" ? floats(shape, low, high) : dtype === "i32" ? integers(shape) : dtype === "u32" ? naturals(shape) : bools(shape)

const inferSame = (name: string, types: readonly ScalarType[], count: number) => (inputs: readonly TensorType[]): TensorType | string => {
  if (inputs.length !== count) return `${name} takes ${count} operand${count === 1 ? "" : "s"}, not ${inputs.length}`
  const first = inputs[0]!
  for (const x of inputs) {
    if (!types.includes(x.dtype)) return `${name} takes ${types.join(" or ")}, not ${x.dtype}`
    if (x.dtype !== first.dtype || !sameShape(x.shape, first.shape)) return `${name} takes operands of one type, not ${typeText(first)} and ${typeText(x)}`
  }
  return { dtype: predicates.includes(name) ? "bool" : first.dtype, shape: first.shape }
}

const bound = (fn: UnaryFn | BinaryFn): { ulp?: number } => {
  const ulp = ulpBound(fn)
  return ulp === undefined ? {} : { ulp }
}

/** `domain`: where the function is smooth and the samples are drawn. */
const unaryPrimitive = (fn: UnaryFn, doc: string, types: readonly ScalarType[], domain: readonly [number, number], vjp: Vjp<NoAttrs> | None): Primitive<NoAttrs> => ({
  name: fn, kind: "elementwise", doc, infer: inferSame(fn, types, 1), ...bound(fn),
  element: (index, _inputs, _attrs, read) => unary(fn, read(0, index)),
  vjp: "none" in vjp ? vjp : (b, g, inputs, y, attrs) => (isFloat(b, inputs[0]!) ? vjp(b, g, inputs, y, attrs) : [undefined]),
  samples: types.flatMap((dtype): Sample<NoAttrs>[] => smallShapes.map((shape) => ({ inputs: [operandsOf(dtype, shape, ...domain)], attrs: {} }))),
})

const binaryPrimitive = (fn: BinaryFn, doc: string, types: readonly ScalarType[], domain: readonly [number, number, number, number], vjp: Vjp<NoAttrs> | None): Primitive<NoAttrs> => ({
  name: fn, kind: "elementwise", doc, infer: inferSame(fn, types, 2), ...bound(fn),
  element: (index, _inputs, _attrs, read) => binary(fn, read(0, index), read(1, index)),
  vjp: "none" in vjp ? vjp : (b, g, inputs, y, attrs) => (isFloat(b, inputs[0]!) ? vjp(b, g, inputs, y, attrs) : [undefined, undefined]),
  samples: types.flatMap((dtype): Sample<NoAttrs>[] =>
    smallShapes.map((shape) => ({ inputs: [operandsOf(dtype, shape, domain[0], domain[1]), operandsOf(dtype, shape, domain[2], domain[3])], attrs: {} }))),
})

const f = <V>(b: Build<V>, fn: UnaryFn, x: V): V => b.apply(fn, [x])
const like = constantLike
/** 1 - x^2 and 1 + x^2. */
const oneMinusSquare = <V>(b: Build<V>, x: V): V => b.sub(like(b, 1, x), b.mul(x, x))
const onePlusSquare = <V>(b: Build<V>, x: V): V => b.add(like(b, 1, x), b.mul(x, x))

const steps = (name: string): None => ({ none: `${name} is piecewise constant, so no gradient passes through it` })
const truth = (name: string): None => ({ none: `${name} gives a truth value, so no gradient passes through it` })
const whole = (name: string): None => ({ none: `${name} is an integer operation, so no gradient passes through it` })

const F: readonly ScalarType[] = ["f32"]
const signed: readonly ScalarType[] = ["f32", "i32"]
const numeric: readonly ScalarType[] = ["f32", "i32", "u32"]
const every: readonly ScalarType[] = ["f32", "i32", "u32", "bool"]

const unaries = {
  neg: unaryPrimitive("neg", "The negative of each element.", signed, [-2, 2], (b, g) => [b.neg(g)]),
  abs: unaryPrimitive("abs", "The magnitude of each element.", signed, [-2, 2], (b, g, [x]) => [b.mul(g, f(b, "sign", x!))]),
  sign: unaryPrimitive("sign", "-1, 0 or 1.", signed, [-2, 2], steps("sign")),
  floor: unaryPrimitive("floor", "The largest whole number not above each element.", F, [-4, 4], steps("floor")),
  ceil: unaryPrimitive("ceil", "The smallest whole number not below each element.", F, [-4, 4], steps("ceil")),
  round: unaryPrimitive("round", "The nearest whole number; halves go to the even one.", F, [-4, 4], steps("round")),
  sqrt: unaryPrimitive("sqrt", "Square root; NaN below zero.", F, [0.2, 4], (b, g, _x, y) => [b.div(b.mul(g, like(b, 0.5, y)), y)]),
  // d x^(-1/2) = -1/2 y^3
  rsqrt: unaryPrimitive("rsqrt", "One over the square root.", F, [0.2, 4], (b, g, _x, y) => [b.mul(b.mul(g, like(b, -0.5, y)), b.mul(y, b.mul(y, y)))]),
  exp: unaryPrimitive("exp", "e to the power of each element.", F, [-2, 2], (b, g, _x, y) => [b.mul(g, y)]),
  log: unaryPrimitive("log", "Natural logarithm; NaN below zero.", F, [0.2, 4], (b, g, [x]) => [b.div(g, x!)]),
  log1p: unaryPrimitive("log1p", "log(1 + x), exact near zero.", F, [-0.7, 3], (b, g, [x]) => [b.div(g, b.add(like(b, 1, x!), x!))]),
  expm1: unaryPrimitive("expm1", "exp(x) - 1, exact near zero.", F, [-2, 2], (b, g, _x, y) => [b.mul(g, b.add(y, like(b, 1, y)))]),
  sin: unaryPrimitive("sin", "Sine of an angle in radians.", F, [-4, 4], (b, g, [x]) => [b.mul(g, f(b, "cos", x!))]),
  cos: unaryPrimitive("cos", "Cosine of an angle in radians.", F, [-4, 4], (b, g, [x]) => [b.neg(b.mul(g, f(b, "sin", x!)))]),
  tan: unaryPrimitive("tan", "Tangent of an angle in radians.", F, [-1.2, 1.2], (b, g, _x, y) => [b.mul(g, onePlusSquare(b, y))]),
  asin: unaryPrimitive("asin", "Inverse sine, in radians; NaN outside [-1, 1].", F, [-0.9, 0.9], (b, g, [x]) => [b.mul(g, f(b, "rsqrt", oneMinusSquare(b, x!)))]),
  acos: unaryPrimitive("acos", "Inverse cosine, in radians; NaN outside [-1, 1].", F, [-0.9, 0.9], (b, g, [x]) => [b.neg(b.mul(g, f(b, "rsqrt", oneMinusSquare(b, x!))))]),
  atan: unaryPrimitive("atan", "Inverse tangent, in radians.", F, [-3, 3], (b, g, [x]) => [b.div(g, onePlusSquare(b, x!))]),
  sinh: unaryPrimitive("sinh", "Hyperbolic sine.", F, [-2, 2], (b, g, [x]) => [b.mul(g, f(b, "cosh", x!))]),
  cosh: unaryPrimitive("cosh", "Hyperbolic cosine.", F, [-2, 2], (b, g, [x]) => [b.mul(g, f(b, "sinh", x!))]),
  tanh: unaryPrimitive("tanh", "Hyperbolic tangent.", F, [-2, 2], (b, g, _x, y) => [b.mul(g, oneMinusSquare(b, y))]),
  sigmoid: unaryPrimitive("sigmoid", "1 / (1 + exp(-x)).", F, [-3, 3], (b, g, _x, y) => [b.mul(g, b.mul(y, b.sub(like(b, 1, y), y)))]),
  softplus: unaryPrimitive("softplus", "log(1 + exp(x)), without overflow.", F, [-3, 3], (b, g, [x]) => [b.mul(g, f(b, "sigmoid", x!))]),
  // d erf(x) = 2 / sqrt(pi) exp(-x^2)
  erf: unaryPrimitive("erf", "The error function.", F, [-2, 2], (b, g, [x]) => [b.mul(g, b.mul(like(b, 2 / Math.sqrt(Math.PI), x!), f(b, "exp", b.neg(b.mul(x!, x!)))))]),
  not: unaryPrimitive("not", "The opposite truth value.", ["bool"], [0, 1], truth("not")),
  isnan: unaryPrimitive("isnan", "Whether an element is not a number.", F, [-2, 2], truth("isnan")),
  isfinite: unaryPrimitive("isfinite", "Whether an element is neither infinite nor NaN.", F, [-2, 2], truth("isfinite")),
}

/** The cotangent where the condition holds, else 0. */
const where = <V>(b: Build<V>, condition: V, g: V): V => b.apply("select", [condition, g, constantLike(b, 0, g)])

const powVjp: Vjp<NoAttrs> = (b, g, [x, p], y) => {
  const [zero, one] = [like(b, 0, x!), like(b, 1, x!)]
  // x^0 is constant: its rule p * x^(p - 1) is 0 * infinity at x = 0.
  const exponent = b.apply("select", [b.apply("eq", [p!, zero]), one, p!])
  const dx = b.mul(g, b.mul(p!, b.apply("pow", [x!, b.sub(exponent, one)])))
  const positive = b.apply("gt", [x!, zero])
  return [dx, where(b, positive, b.mul(g, b.mul(y, f(b, "log", b.apply("select", [positive, x!, one])))))]
}

const atan2Vjp: Vjp<NoAttrs> = (b, g, [y, x]) => {
  const scaled = b.div(g, b.add(b.mul(x!, x!), b.mul(y!, y!)))
  return [b.mul(scaled, x!), b.neg(b.mul(scaled, y!))]
}

/** The second operand carries the gradient of ties, so that `max(x, 0)` has slope 0 at 0. */
const extremeVjp = (wins: "gt" | "lt"): Vjp<NoAttrs> => (b, g, [x, y]) => {
  const first = b.apply(wins, [x!, y!])
  return [where(b, first, g), where(b, b.apply("not", [first]), g)]
}

const binaries = {
  add: binaryPrimitive("add", "The sum.", numeric, [-2, 2, -2, 2], (_b, g) => [g, g]),
  sub: binaryPrimitive("sub", "The difference.", numeric, [-2, 2, -2, 2], (b, g) => [g, b.neg(g)]),
  mul: binaryPrimitive("mul", "The product.", numeric, [-2, 2, -2, 2], (b, g, [x, y]) => [b.mul(g, y!), b.mul(g, x!)]),
  div: binaryPrimitive("div", "The real quotient.", F, [-2, 2, 0.5, 2], (b, g, [_x, y], quotient) => [b.div(g, y!), b.neg(b.div(b.mul(g, quotient), y!))]),
  idiv: binaryPrimitive("idiv", "The quotient rounded down; 0 where the divisor is 0.", ["i32", "u32"], [-9, 9, -9, 9], whole("//")),
  // x mod y = x - y floor(x / y)
  mod: binaryPrimitive("mod", "What remains after division rounded down; it has the divisor's sign.", numeric, [2.2, 2.5, 0.9, 1.05],
    (b, g, [x, y]) => [g, b.neg(b.mul(g, f(b, "floor", b.div(x!, y!))))]),
  min: binaryPrimitive("min", "The smaller of two.", numeric, [-2, 2, -2, 2], extremeVjp("lt")),
  max: binaryPrimitive("max", "The larger of two.", numeric, [-2, 2, -2, 2], extremeVjp("gt")),
  pow: binaryPrimitive("pow", "x to the power y.", F, [0.3, 2, -2, 2], powVjp),
  atan2: binaryPrimitive("atan2", "The angle of the point (x, y), given y and x, in radians.", F, [-2, 2, 0.4, 2], atan2Vjp),
  eq: binaryPrimitive("eq", "Whether two elements are equal.", every, [-2, 2, -2, 2], truth("==")),
  ne: binaryPrimitive("ne", "Whether two elements differ.", every, [-2, 2, -2, 2], truth("!=")),
  lt: binaryPrimitive("lt", "Whether the first is below the second.", numeric, [-2, 2, -2, 2], truth("<")),
  le: binaryPrimitive("le", "Whether the first is not above the second.", numeric, [-2, 2, -2, 2], truth("<=")),
  gt: binaryPrimitive("gt", "Whether the first is above the second.", numeric, [-2, 2, -2, 2], truth(">")),
  ge: binaryPrimitive("ge", "Whether the first is not below the second.", numeric, [-2, 2, -2, 2], truth(">=")),
  and: binaryPrimitive("and", "Whether both hold.", ["bool"], [0, 1, 0, 1], truth("and")),
  or: binaryPrimitive("or", "Whether at least one holds.", ["bool"], [0, 1, 0, 1], truth("or")),
  xor: binaryPrimitive("xor", "Bitwise exclusive or.", ["u32"], [0, 30, 0, 30], whole("xor")),
  shl: binaryPrimitive("shl", "Bits moved up; the count is taken modulo 32.", ["u32"], [0, 30, 0, 30], whole("shl")),
  shr: binaryPrimitive("shr", "Bits moved down; the count is taken modulo 32.", ["u32"], [0, 30, 0, 30], whole("shr")),
  bitand: binaryPrimitive("bitand", "Bitwise and.", ["u32"], [0, 30, 0, 30], whole("bitand")),
  bitor: binaryPrimitive("bitor", "Bitwise or.", ["u32"], [0, 30, 0, 30], whole("bitor")),
}

export interface CastAttrs { readonly to: CastFn }
const castResult: Readonly<Record<CastFn, ScalarType>> = { f32: "f32", i32: "i32", u32: "u32", bool: "bool", bits_u32: "u32", bits_f32: "f32" }

const cast: Primitive<CastAttrs> = {
  name: "cast", kind: "elementwise", doc: "The same values as another type; f32 to an integer truncates towards zero, `bits_` keeps the bits.",
  infer: ([x, ...more], { to }) => {
    if (!x || more.length > 0) return "cast takes 1 operand"
    if (to === "bits_u32" && x.dtype !== "f32") return `bits_u32 takes f32, not ${x.dtype}`
    if (to === "bits_f32" && x.dtype !== "u32") return `bits_f32 takes u32, not ${x.dtype}`
    return { dtype: castResult[to], shape: x.shape }
  },
  element: (index, _inputs, { to }, read) => castScalar(to, read(0, index)),
  vjp: (b, g, [x], _y, { to }) => [to === "f32" && isFloat(b, x!) ? g : undefined],
  samples: [
    { inputs: [integers([2, 3])], attrs: { to: "f32" } }, { inputs: [bools([4])], attrs: { to: "f32" } }, { inputs: [floats([3, 2], -5, 5)], attrs: { to: "i32" } },
    { inputs: [floats([3], 0, 5)], attrs: { to: "u32" } }, { inputs: [integers([5], -1, 1)], attrs: { to: "bool" } }, { inputs: [floats([3])], attrs: { to: "f32" } },
    { inputs: [floats([3])], attrs: { to: "bits_u32" } },
  ],
}

const select: Primitive<NoAttrs> = {
  name: "select", kind: "elementwise", doc: "The second operand where the first holds, else the third.",
  infer: (inputs) => {
    const [condition, x, y] = inputs
    if (inputs.length !== 3) return `select takes 3 operands, not ${inputs.length}`
    if (condition!.dtype !== "bool") return `select's condition is bool, not ${condition!.dtype}`
    if (x!.dtype !== y!.dtype || !sameShape(x!.shape, y!.shape) || !sameShape(condition!.shape, x!.shape))
      return `select takes operands of one shape, not ${inputs.map(typeText).join(", ")}`
    return x!
  },
  element: (index, _inputs, _attrs, read) => {
    const condition = read(0, index)
    return { op: "select", type: read(1, index).type, condition, then: read(1, index), else: read(2, index) }
  },
  vjp: (b, g, [condition, x]) => (isFloat(b, x!) ? [undefined, where(b, condition!, g), where(b, b.apply("not", [condition!]), g)] : [undefined, undefined, undefined]),
  samples: [...smallShapes.map((shape) => ({ inputs: [bools(shape), floats(shape), floats(shape)], attrs: {} })), { inputs: [bools([3]), integers([3]), integers([3])], attrs: {} }],
}

const stop: Primitive<NoAttrs> = {
  name: "stop", kind: "elementwise", doc: "The same value, through which no gradient passes.",
  infer: ([x, ...more]) => (x && more.length === 0 ? x : "stop takes 1 operand"),
  element: (index, _inputs, _attrs, read) => read(0, index),
  vjp: { none: "stop cuts the gradient on purpose" },
  samples: [{ inputs: [floats([2, 3])], attrs: {} }],
}

export const elementwise = { ...unaries, ...binaries, cast, select, stop }
