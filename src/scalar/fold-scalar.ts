/** Constant folding: what a node over constants is, in the arithmetic that devices use (f32 rounded, i32 and u32 wrapping). */
import { threefry2x32 } from "../base/threefry.ts"
import { constant, type Scalar } from "./scalar.ts"

const f = Math.fround

const roundEven = (x: number): number => {
  const r = Math.round(x)
  return Math.abs(x % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r
}

const unaryF32: { readonly [fn: string]: (x: number) => number } = {
  neg: (x) => -x, abs: Math.abs, sign: Math.sign, floor: Math.floor, ceil: Math.ceil,
  round: (x) => (Math.abs(x) < 8388608 ? roundEven(x) || x * 0 : x),
  sqrt: (x) => f(Math.sqrt(x)), isnan: (x) => Number(x !== x), isfinite: (x) => Number(Number.isFinite(x)),
}

const compare: { readonly [fn: string]: (a: number, b: number) => number } = {
  eq: (a, b) => Number(a === b), ne: (a, b) => Number(a !== b), lt: (a, b) => Number(a < b), le: (a, b) => Number(a <= b),
  gt: (a, b) => Number(a > b), ge: (a, b) => Number(a >= b),
}

const binaryF32: { readonly [fn: string]: (a: number, b: number) => number } = {
  ...compare, add: (a, b) => f(a + b), sub: (a, b) => f(a - b), mul: (a, b) => f(a * b), div: (a, b) => f(a / b), min: Math.min, max: Math.max,
}

/** Of integers before they are brought back into their type; by zero `idiv` and `mod` give 0. */
const binaryInteger: { readonly [fn: string]: (a: number, b: number) => number } = {
  ...compare, add: (a, b) => a + b, sub: (a, b) => a - b, mul: Math.imul, min: Math.min, max: Math.max,
  idiv: (a, b) => (b === 0 ? 0 : Math.floor(a / b)), mod: (a, b) => (b === 0 ? 0 : a - b * Math.floor(a / b)),
  xor: (a, b) => a ^ b, bitand: (a, b) => a & b, bitor: (a, b) => a | b, shl: (a, b) => a << (b & 31), shr: (a, b) => a >>> (b & 31),
  and: (a, b) => a & b, or: (a, b) => a | b,
}

const unaryInteger: { readonly [fn: string]: (x: number) => number } = {
  neg: (x) => -x, abs: Math.abs, sign: Math.sign, not: (x) => Number(!x), isnan: () => 0, isfinite: () => 1, floor: (x) => x, ceil: (x) => x, round: (x) => x,
}

const into = (value: number, type: Scalar["type"]): Scalar =>
  constant(type === "i32" ? value | 0 : type === "u32" ? value >>> 0 : type === "bool" ? Number(value !== 0) : value, type)

const bits = new Float32Array(1)
const words = new Uint32Array(bits.buffer)

/** f32 to an integer truncates and saturates, NaN gives 0; between integers the bits stay. */
const foldCast = (fn: string, from: Scalar["type"], x: number): Scalar => {
  switch (fn) {
    case "bits_u32":
      if (from !== "f32") return constant(x >>> 0, "u32")
      bits[0] = x
      return constant(words[0]!, "u32")
    case "bits_f32":
      words[0] = x
      return constant(bits[0]!, "f32")
    case "bool": return constant(Number(x !== 0), "bool")
    case "f32": return constant(x, "f32")
    default: {
      const whole = Math.trunc(x) || 0
      const [low, high] = fn === "i32" ? [-2147483648, 2147483647] : [0, 4294967295]
      return into(from === "f32" ? Math.max(low, Math.min(high, whole)) : whole, fn === "i32" ? "i32" : "u32")
    }
  }
}

/** The constant that a node over constants is, where this file knows how to compute it exactly as a device does. */
export const foldConstant = (e: Scalar): Scalar | undefined => {
  switch (e.op) {
    case "unary": {
      if (e.x.op !== "const") return undefined
      const compute = (e.x.type === "f32" ? unaryF32 : unaryInteger)[e.fn]
      return compute && into(compute(e.x.value), e.type)
    }
    case "binary": {
      if (e.a.op !== "const" || e.b.op !== "const") return undefined
      const compute = (e.a.type === "f32" ? binaryF32 : binaryInteger)[e.fn]
      return compute && into(compute(e.a.value, e.b.value), e.type)
    }
    case "cast": return e.x.op === "const" ? foldCast(e.fn, e.x.type, e.x.value) : undefined
    case "threefry": {
      const [k0, k1] = e.key
      const [c0, c1] = e.counter
      return k0.op === "const" && k1.op === "const" && c0.op === "const" && c1.op === "const"
        ? constant(threefry2x32(k0.value, k1.value, c0.value, c1.value)[e.word], "u32") : undefined
    }
    default: return undefined
  }
}
