/** Evaluates scalar expressions literally, in the arithmetic of devices: the oracle of the scalar passes. */
import { threefry2x32 } from "../../src/base/threefry.ts"
import { binaryF32, unaryF32 } from "../../src/prim/f32-math.ts"
import type { Scalar, Var } from "../../src/scalar/scalar.ts"

export type ReadElement = (slot: number, index: readonly number[]) => number

const floats = new Float32Array(1)
const words = new Uint32Array(floats.buffer)

const into = (value: number, type: Scalar["type"]): number => (type === "i32" ? value | 0 : type === "u32" ? value >>> 0 : type === "bool" ? Number(value !== 0) : Math.fround(value))

const integerBinary = (fn: string, a: number, b: number): number => {
  switch (fn) {
    case "add": return a + b
    case "sub": return a - b
    case "mul": return Math.imul(a, b)
    case "idiv": return b === 0 ? 0 : Math.floor(a / b)
    case "mod": return b === 0 ? 0 : a - b * Math.floor(a / b)
    case "min": return Math.min(a, b)
    case "max": return Math.max(a, b)
    case "eq": return Number(a === b)
    case "ne": return Number(a !== b)
    case "lt": return Number(a < b)
    case "le": return Number(a <= b)
    case "gt": return Number(a > b)
    case "ge": return Number(a >= b)
    case "and": return a & b
    case "or": return a | b
    case "xor": return a ^ b
    case "bitand": return a & b
    case "bitor": return a | b
    case "shl": return a << (b & 31)
    case "shr": return a >>> (b & 31)
    default: throw new Error(fn)
  }
}

export const evaluate = (root: Scalar, vars: ReadonlyMap<Var, number>, read: ReadElement): number => {
  const memo = new Map<Scalar, number>()
  const go = (e: Scalar): number => {
    const known = memo.get(e)
    if (known !== undefined) return known
    const value = compute(e)
    memo.set(e, value)
    return value
  }
  const compute = (e: Scalar): number => {
    switch (e.op) {
      case "const": return e.value
      case "var": return vars.get(e)!
      case "unary": {
        const x = go(e.x)
        if (e.x.type === "f32") return unaryF32(e.fn, x)
        return into(e.fn === "neg" ? -x : e.fn === "abs" ? Math.abs(x) : e.fn === "sign" ? Math.sign(x) : e.fn === "not" ? 1 - x : e.fn === "isnan" ? 0 : e.fn === "isfinite" ? 1 : x, e.type)
      }
      case "binary": return e.a.type === "f32" ? binaryF32(e.fn, go(e.a), go(e.b)) : into(integerBinary(e.fn, go(e.a), go(e.b)), e.type)
      case "cast": {
        const x = go(e.x)
        if (e.fn === "bits_u32") {
          floats[0] = x
          return e.x.type === "f32" ? words[0]! : x >>> 0
        }
        if (e.fn === "bits_f32") {
          words[0] = x
          return floats[0]!
        }
        if (e.x.type === "f32" && e.fn !== "bool" && e.fn !== "f32") {
          const whole = Math.trunc(x) || 0
          return e.fn === "i32" ? Math.max(-2147483648, Math.min(2147483647, whole)) : Math.max(0, Math.min(4294967295, whole))
        }
        return e.fn === "bool" ? Number(x !== 0) : into(x, e.type)
      }
      case "select": return go(e.condition) ? go(e.then) : go(e.else)
      case "read": return read(e.slot, e.index.map(go))
      case "reduce": {
        let result: number | undefined
        const loop = (depth: number, inner: Map<Var, number>): void => {
          const v = e.vars[depth]
          if (!v) {
            const x = evaluate(e.body, inner, read)
            result = result === undefined ? x : into(e.combine === "sum" ? result + x : e.combine === "prod" ? (e.type === "i32" ? Math.imul(result, x) : result * x) : e.combine === "max" ? Math.max(result, x) : Math.min(result, x), e.type)
            return
          }
          for (let i = v.low; i <= v.high; i++) loop(depth + 1, new Map(inner).set(v, i))
        }
        loop(0, new Map(vars))
        return result!
      }
      case "threefry": return threefry2x32(go(e.key[0]), go(e.key[1]), go(e.counter[0]), go(e.counter[1]))[e.word]
    }
  }
  return go(root)
}
