/** Builtin elementwise functions and casts. */
import { elementType } from "../../diagnostics/messages/shapes.ts"
import type { UnaryFn } from "../../scalar/scalar.ts"
import { fail } from "../context.ts"
import { castTo } from "../emit.ts"
import { asTensor, binaryFunction, unaryFunction } from "../operators.ts"
import { mapPictures } from "../picture.ts"
import { printValue } from "../print-value.ts"
import { isSilent, type DType, type Value } from "../value.ts"
import { required, type Builtin } from "./builtin.ts"

const unary = (fn: UnaryFn, doc: string): Builtin => ({
  name: fn, params: required("x"), doc, apply: ({ ctx, span, at }) => unaryFunction(ctx, span, fn, fn, at("x")),
})

const castBuiltin = (to: DType, doc: string): Builtin => ({
  name: to, params: required("x"), doc,
  apply: ({ ctx, span, at }): Value => {
    const { value } = at("x")
    if (isSilent(value)) return value
    const pictures = to === "f32" ? mapPictures(ctx, span, [value], ([v]) => v!) : undefined
    if (pictures) return pictures
    const t = asTensor(value)
    return t ? castTo(ctx, span, t, to) : fail(ctx, elementType(at("x").span, `what ${to}(…) converts`, "a number or a tensor", printValue(value), undefined))
  },
})

export const elementwiseBuiltins: readonly Builtin[] = [
  unary("abs", "The magnitude."), unary("sign", "-1, 0 or 1."), unary("floor", "The largest integer not above, as f32."),
  unary("ceil", "The smallest integer not below, as f32."), unary("round", "The nearest integer, ties to even, as f32."),
  unary("sqrt", "The square root."), unary("rsqrt", "1 / sqrt(x)."), unary("exp", "The exponential."), unary("log", "The natural logarithm."),
  unary("log1p", "log(1 + x), exact for small x."), unary("expm1", "exp(x) - 1, exact for small x."),
  unary("sin", "The sine of radians."), unary("cos", "The cosine of radians."), unary("tan", "The tangent of radians."),
  unary("asin", "The inverse sine, in radians."), unary("acos", "The inverse cosine, in radians."), unary("atan", "The inverse tangent, in radians."),
  unary("sinh", "The hyperbolic sine."), unary("cosh", "The hyperbolic cosine."), unary("tanh", "The hyperbolic tangent."),
  unary("sigmoid", "1 / (1 + exp(-x))."), unary("softplus", "log(1 + exp(x))."), unary("erf", "The error function."),
  unary("isnan", "Whether it is not a number."), unary("isfinite", "Whether it is neither infinite nor NaN."),
  { name: "atan2", params: required("y", "x"), doc: "The angle of the point (x, y), in radians.", apply: ({ ctx, span, at }) => binaryFunction(ctx, span, "atan2", "atan2", at("y"), at("x")) },
  castBuiltin("f32", "As f32; true is 1."), castBuiltin("i32", "As i32, towards zero."), castBuiltin("bool", "Whether it is not zero."), castBuiltin("u32", "As u32."),
]
