/** WGSL for every scalar function, cast and literal: an expression, and the prelude functions that it needs. */
import type { BinaryFn, CastFn, ScalarType, UnaryFn } from "../../scalar/scalar.ts"
import { drawFunctions } from "./draw-functions.ts"
import { bitFunctions } from "./math-bits.ts"
import { exponentialFunctions } from "./math-exponential.ts"
import { narrowName, widened, widenedFunction, wideName } from "./wide.ts"
import { trigonometricFunctions } from "./math-trigonometric.ts"
import { floatLiteral, type WgslFunction } from "./wgsl-function.ts"

export interface WgslText {
  readonly text: string
  /** Names for `mathSource`. */
  readonly needs: readonly string[]
}

export interface ExpressionOptions {
  /** idiv, mod on i32: the dividend is known to be at least 0 and the divisor at least 1. */
  readonly nonNegative?: boolean
  /** pow: the exponent, where it is a constant. */
  readonly exponent?: number
}

const prelude: ReadonlyMap<string, WgslFunction> =
  new Map([...bitFunctions, ...exponentialFunctions, ...trigonometricFunctions, ...drawFunctions].map((f) => [f.name, f]))

const wide = new Map<string, WgslFunction>()

/** A function of the prelude, for one value or for four (`wide.ts`). */
export const mathFunction = (name: string): WgslFunction => {
  const found = prelude.get(name) ?? wide.get(name)
  if (found) return found
  const narrow = prelude.get(narrowName(name) ?? "")
  if (narrow) {
    const made = widenedFunction(narrow)
    wide.set(name, made)
    return made
  }
  throw new Error(`the WGSL prelude has no function ${name}`)
}

/** The functions named and all that they use, in the prelude's order, each once. */
export const mathSource = (needs: Iterable<string>): string => {
  const closed = new Set<string>()
  const queue = [...needs]
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (closed.has(name)) continue
    closed.add(name)
    queue.push(...mathFunction(name).uses)
  }
  return [...prelude.values()].flatMap((f) => (f.name.startsWith("m") ? [f.name, wideName(f.name)] : [f.name]).filter((name) => closed.has(name)).map((name) => mathFunction(name).source)).join("")
}

/** A literal of the type; infinities, NaN and -0, which WGSL cannot write, are made at run time. */
export const wgslLiteral = (value: number, type: ScalarType): WgslText => {
  switch (type) {
    case "bool": return plain(value ? "true" : "false")
    case "u32": return plain(`${value >>> 0}u`)
    case "i32": return plain(value < 0 ? `(${value | 0})` : `${value | 0}`)
    case "f32": {
      if (Number.isNaN(value)) return call("mnan_0", [])
      const rounded = Math.fround(value)
      if (rounded === Infinity) return call("minf_0", [])
      if (rounded === -Infinity) return { text: "(-minf_0())", needs: ["minf_0"] }
      // a written -0.0 arrives as 0.0, even by its bits
      if (Object.is(rounded, -0)) return call("mnegzero_0", [])
      return plain(rounded < 0 ? `(${floatLiteral(rounded)})` : floatLiteral(rounded))
    }
  }
}

const plain = (text: string): WgslText => ({ text, needs: [] })
const call = (name: string, args: readonly string[]): WgslText => ({ text: `${name}(${args.join(", ")})`, needs: [name] })

const operators: { readonly [fn in UnaryFn | BinaryFn]?: string } = {
  add: "+", sub: "-", mul: "*", div: "/", eq: "==", ne: "!=", lt: "<", le: "<=", gt: ">", ge: ">=", and: "&&", or: "||", xor: "^", bitand: "&", bitor: "|",
}
const builtins: { readonly [fn in UnaryFn | BinaryFn]?: string } = { abs: "abs", floor: "floor", ceil: "ceil", round: "round", sqrt: "sqrt" }
/** On f32. */
const functions: { readonly [fn in UnaryFn | BinaryFn]?: string } = {
  sign: "msign_1", rsqrt: "mrsqrt_1", exp: "mexp_1", log: "mlog_1", log1p: "mlogp_1", expm1: "mexpm_1", sin: "msin_1", cos: "mcos_1", tan: "mtan_1",
  asin: "masin_1", acos: "macos_1", atan: "matan_1", sinh: "msinh_1", cosh: "mcosh_1", tanh: "mtanh_1", sigmoid: "msigmoid_1", softplus: "msoftplus_1", erf: "merf_1",
  isnan: "misnan_1", isfinite: "misfin_1", mod: "mfmod_1", min: "mmin_1", max: "mmax_1", pow: "mpow_1", atan2: "matan2_1",
}

/** `fn` on operands of `type`, given as texts that are names, literals or parenthesised. */
export const wgslExpression = (fn: UnaryFn | BinaryFn, type: ScalarType, args: readonly string[], options: ExpressionOptions = {}): WgslText => {
  const [a, b] = args as [string, string]
  if (fn === "neg") return plain(`(-(${a}))`)
  if (fn === "not") return plain(`(!(${a}))`)
  if (fn === "shl" || fn === "shr") return plain(`(${a} ${fn === "shl" ? "<<" : ">>"} (${b} & 31u))`)
  if (type === "f32") {
    if (fn === "pow" && options.exponent !== undefined) return power(a, b, options.exponent)
    // WGSL's != on floats is ordered: false for NaN
    if (fn === "ne") return plain(`(!(${a} == ${b}))`)
    const name = functions[fn]
    if (name) return call(name, args)
  } else {
    if (fn === "idiv" || fn === "mod") return integerDivision(fn, type, a, b, options.nonNegative ?? false)
    if (fn === "min" || fn === "max" || fn === "abs" || fn === "sign") return plain(type === "u32" && fn === "abs" ? a : `${fn}(${args.join(", ")})`)
    if (fn === "isnan" || fn === "isfinite") return plain(fn === "isnan" ? "false" : "true")
    if (fn === "xor" && type === "bool") return plain(`(${a} != ${b})`)
    if (fn === "floor" || fn === "ceil" || fn === "round") return plain(a)
  }
  const operator = operators[fn]
  if (operator) return plain(`(${a} ${operator} ${b})`)
  const builtin = builtins[fn]
  if (builtin) return plain(`${builtin}(${args.join(", ")})`)
  throw new Error(`${fn} has no meaning on ${type}`)
}

/** The same of wide values: what is written for names that stand for the operands, read as vectors. */
const wideForm = ({ text, needs }: WgslText, args: readonly string[]): WgslText =>
  ({ text: widened(text).replace(/\bx([0-9])0\b/g, (_, i) => args[Number(i)]!), needs: needs.map(wideName) })
const stand = (args: readonly string[]): string[] => args.map((_, i) => `x${i}0`)

/** `wgslExpression` of wide operands. A divisor known as a number is given as it is. */
export const wideExpression = (fn: UnaryFn | BinaryFn, type: ScalarType, args: readonly string[], options: ExpressionOptions = {}): WgslText =>
  wideForm(wgslExpression(fn, type, stand(args), options), args)
export const wideCast = (fn: CastFn, from: ScalarType, x: string): WgslText => wideForm(wgslCast(fn, from, "x00"), [x])

const integerDivision = (fn: "idiv" | "mod", type: ScalarType, a: string, b: string, nonNegative: boolean): WgslText => {
  const positive = /^[1-9][0-9]*u?$/.test(b)
  if (positive && (nonNegative || type === "u32") || nonNegative) return plain(`(${a} ${fn === "idiv" ? "/" : "%"} ${b})`)
  return call(type === "u32" ? (fn === "idiv" ? "mudiv_1" : "mumod_1") : fn === "idiv" ? "mfloordiv_1" : "mfloormod_1", [a, b])
}

const power = (x: string, y: string, exponent: number): WgslText => {
  switch (exponent) {
    case 1: return plain(x)
    case -1: return plain(`(1.0f / ${x})`)
    case 2: return call("msquare_2", [x])
    case 3: return call("mcube_3", [x])
    case 4: return call("mfourth_4", [x])
    default: return call("mpow_1", [x, y])
  }
}

/** A cast from `from`; f32 to an integer truncates and saturates, NaN gives 0. */
export const wgslCast = (fn: CastFn, from: ScalarType, x: string): WgslText => {
  if (fn === "bits_u32") return plain(`bitcast<u32>(${x})`)
  if (fn === "bits_f32") return plain(`bitcast<f32>(${x})`)
  if (from === fn) return plain(x)
  if (fn === "bool") return from === "f32" ? plain(`(!(${x} == 0.0f))`) : plain(`(${x} != ${from === "u32" ? "0u" : "0"})`)
  if (from === "f32") return call(fn === "i32" ? "mf2i_1" : "mf2u_1", [x])
  return plain(`${fn}(${x})`)
}

/** One word of threefry2x32-20. */
export const wgslThreefry = (word: 0 | 1, key: readonly [string, string], counter: readonly [string, string]): WgslText =>
  ({ text: `threefry_1(vec2<u32>(${key.join(", ")}), vec2<u32>(${counter.join(", ")})).${word === 0 ? "x" : "y"}`, needs: ["threefry_1"] })
