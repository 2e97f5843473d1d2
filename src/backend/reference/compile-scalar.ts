/**
 * Compiles scalar expressions to JavaScript: one loop nest over the given variables that stores every root. Each shared
 * node becomes one local, placed in the outermost loop in which its variables are bound. The text is made of generated
 * names and numbers only.
 */
import { threefry2x32 } from "../../base/threefry.ts"
import { binaryF32, unaryF32 } from "../../prim/f32-math.ts"
import { operandsFirst } from "../../prim/scalar-order.ts"
import { strides } from "../../prim/shape.ts"
import { operands } from "../../scalar/scalar.ts"
import type { Combine, Scalar, ScalarType, Var } from "../../scalar/scalar.ts"
import { exactBinary, exactUnary } from "./exact-math.ts"
import { bitsOfF32, f32OfBits, floorDivide, floorRemainder, truncateI32, truncateU32 } from "./integer-math.ts"
import { coordinatesOf, variantFor } from "./variant.ts"
import type { Mode, Variant } from "./variant.ts"

export interface Operand { readonly dtype: ScalarType; readonly shape: readonly number[] }

/** Stores (or adds) `value` at `at` of the result, one index per dimension. */
export interface Store { readonly at: readonly Scalar[]; readonly value: Scalar }

export interface Nest {
  readonly vars: readonly Var[]
  readonly stores: readonly Store[]
  readonly accumulate: boolean
}

export interface Compiled {
  /** The inputs that are read, and in which variant. */
  readonly reads: readonly { readonly slot: number; readonly variant: Variant }[]
  /** `inputs` in the order of `reads`. */
  readonly run: (result: Float64Array, inputs: readonly Float64Array[]) => void
}

/** A loop (or the whole body): its statements, and the names of what is known inside it. */
interface Scope {
  readonly parent: Scope | undefined
  readonly variable: Var | undefined
  readonly lines: string[]
  readonly names: Map<Scalar, { real?: string; device?: string }>
  readonly texts: Map<string, string>
}

const scopeIn = (parent: Scope | undefined, variable: Var | undefined): Scope => ({ parent, variable, lines: [], names: new Map(), texts: new Map() })

const initial: Readonly<Record<Combine, (type: ScalarType) => string>> = {
  sum: () => "0", prod: () => "1",
  max: (type) => (type === "f32" ? "-Infinity" : type === "i32" ? "-2147483648" : "0"),
  min: (type) => (type === "f32" ? "Infinity" : type === "i32" ? "2147483647" : "4294967295"),
}

const number = (x: number): string => (Object.is(x, -0) ? "-0" : String(x))
const comparison: Readonly<Record<string, string>> = { eq: "===", ne: "!==", lt: "<", le: "<=", gt: ">", ge: ">=" }
const bitwise: Readonly<Record<string, string>> = { xor: "^", bitand: "&", bitor: "|", shl: "<<", shr: ">>>" }
const arithmetic: Readonly<Record<string, string>> = { add: "+", sub: "-", mul: "*", div: "/" }
const wrap = (type: ScalarType, text: string): string => (type === "i32" ? `((${text}) | 0)` : type === "u32" ? `((${text}) >>> 0)` : text)

const outOfBounds = (slot: number, dimension: number, index: number, extent: number): never => {
  throw new Error(`a scalar expression reads input ${slot} at ${index} in dimension ${dimension}, outside [0, ${extent})`)
}

export const compileNest = (nests: readonly Nest[], inputs: readonly Operand[], shape: readonly number[], type: ScalarType, wanted: Variant, mode: Mode): Compiled => {
  const free = new Map<Scalar, ReadonlySet<Var>>()
  const roots = nests.flatMap((nest) => nest.stores.flatMap((store) => [...store.at, store.value]))
  for (const e of operandsFirst(roots)) {
    const result = new Set<Var>(e.op === "var" ? [e] : [])
    for (const x of operands(e)) free.get(x)!.forEach((v) => result.add(v))
    if (e.op === "reduce") e.vars.forEach((v) => result.delete(v))
    free.set(e, result)
  }
  const coordinates = coordinatesOf(roots)
  const variantOf = (e: Scalar, asked: Variant): Variant => variantFor(mode, e.type, coordinates.has(e) ? "device" : asked)

  const constants: unknown[] = []
  const names: string[] = []
  const helpers = new Map<unknown, string>()
  /** A name for something the generated text calls. */
  const helper = (value: unknown, key: unknown = value): string => {
    const known = helpers.get(key)
    if (known) return known
    const name = `h${names.length}`
    helpers.set(key, name)
    names.push(name)
    constants.push(value)
    return name
  }
  const fround = helper(Math.fround)
  const reads: { slot: number; variant: Variant }[] = []
  const arrayOf = (slot: number, variant: Variant): string => {
    let i = reads.findIndex((r) => r.slot === slot && r.variant === variant)
    if (i < 0) i = reads.push({ slot, variant }) - 1
    return `a${i}`
  }
  let locals = 0

  /** The innermost scope, from `scope` outwards, that binds one of the variables. */
  const homeOf = (e: Scalar, scope: Scope): Scope => {
    const needed = free.get(e)!
    let at = scope
    while (at.parent && !(at.variable && needed.has(at.variable))) at = at.parent
    return at
  }
  const local = (scope: Scope, text: string): string => {
    const known = scope.texts.get(text)
    if (known) return known
    const name = `t${locals++}`
    scope.lines.push(`const ${name} = ${text}`)
    scope.texts.set(text, name)
    return name
  }

  const known = (e: Scalar, asked: Variant, scope: Scope): string | undefined => (e.op === "const" ? number(e.value) : homeOf(e, scope).names.get(e)?.[variantOf(e, asked)])
  /** The operands of a node in the variants that it needs; a reduction's body has a scope of its own. */
  const needs = (e: Scalar, variant: Variant): readonly (readonly [Scalar, Variant])[] =>
    e.op === "reduce" ? [] : operands(e).map((x, i) => [x, e.op === "select" && i > 0 ? variant : e.type === "f32" && e.op !== "read" ? variant : "device"] as const)
  /** The name or literal of `e`; its definition stands in the scope where it belongs. Operands are defined first, without recursion. */
  const emit = (e: Scalar, asked: Variant, scope: Scope): string => {
    const stack: (readonly [Scalar, Variant])[] = [[e, asked]]
    while (stack.length > 0) {
      const [x, wantedOfX] = stack[stack.length - 1]!
      const missing = known(x, wantedOfX, scope) === undefined ? needs(x, variantOf(x, wantedOfX)).filter(([y, v]) => known(y, v, scope) === undefined) : []
      if (missing.length > 0) {
        stack.push(...missing.reverse())
        continue
      }
      stack.pop()
      if (known(x, wantedOfX, scope) !== undefined) continue
      if (x.op === "var") throw new Error(`index variable ${x.name} is used outside its loop`)
      const [variant, home] = [variantOf(x, wantedOfX), homeOf(x, scope)]
      const name = definition(x, variant, home)
      home.names.set(x, { ...home.names.get(x), [variant]: name })
    }
    return known(e, asked, scope)!
  }
  const definition = (e: Scalar, variant: Variant, scope: Scope): string => {
    const rounded = (text: string): string => (e.type === "f32" && variant === "device" ? `${fround}(${text})` : text)
    switch (e.op) {
      case "unary": {
        const x = emit(e.x, e.type === "f32" ? variant : "device", scope)
        if (e.fn === "not") return local(scope, `1 - ${x}`)
        if (e.fn === "neg" || e.fn === "abs") return local(scope, wrap(e.type, e.fn === "neg" ? `-(${x})` : `Math.abs(${x})`))
        if (e.x.type !== "f32") return local(scope, wrap(e.type, `${helper(exactUnary[e.fn])}(${x})`))
        const fn = e.fn
        return local(scope, variantOf(e.x, variant) === "device" ? `${helper((v: number) => unaryF32(fn, v), `device ${fn}`)}(${x})` : `${helper(exactUnary[fn])}(${x})`)
      }
      case "binary": return local(scope, binaryText(e, variant, emit(e.a, e.type === "f32" ? variant : "device", scope), emit(e.b, e.type === "f32" ? variant : "device", scope)))
      case "cast": {
        const x = emit(e.x, e.type === "f32" ? variant : "device", scope)
        if (e.fn === "bits_u32") return local(scope, `${helper(bitsOfF32)}(${x})`)
        if (e.fn === "bits_f32") return local(scope, `${helper(f32OfBits)}(${x})`)
        if (e.fn === "bool") return local(scope, `${x} !== 0 ? 1 : 0`)
        if (e.fn === "f32") return local(scope, rounded(x))
        return local(scope, e.x.type === "f32" ? `${helper(e.fn === "i32" ? truncateI32 : truncateU32)}(${x})` : wrap(e.fn, x))
      }
      case "select": {
        const [condition, then, otherwise] = [emit(e.condition, "device", scope), emit(e.then, variant, scope), emit(e.else, variant, scope)]
        return local(scope, `${condition} ? ${then} : ${otherwise}`)
      }
      case "read": return readText(e, variant, scope)
      case "reduce": return reduceText(e, variant, scope)
      case "threefry": {
        const [k0, k1, c0, c1] = operands(e).map((x) => emit(x, "device", scope))
        const block = local(scope, `${helper(threefry2x32)}(${k0}, ${k1}, ${c0}, ${c1})`)
        return local(scope, `${block}[${e.word}]`)
      }
      case "var": case "const": throw new Error("variables and constants have no definition")
    }
  }
  const binaryText = (e: Scalar & { op: "binary" }, variant: Variant, a: string, b: string): string => {
    const { fn, type: result } = e
    if (fn in comparison) return `${a} ${comparison[fn]} ${b} ? 1 : 0`
    if (fn === "and") return `${a} & ${b}`
    if (fn === "or") return `${a} | ${b}`
    if (fn in bitwise) return `(${a} ${bitwise[fn]} ${b}) >>> 0`
    if (fn === "min" || fn === "max") return `Math.${fn}(${a}, ${b})`
    if (result === "f32") {
      if (fn in arithmetic) return variant === "device" ? `${fround}(${a} ${arithmetic[fn]} ${b})` : `${a} ${arithmetic[fn]} ${b}`
      return variant === "device" ? `${helper((x: number, y: number) => binaryF32(fn, x, y), `device ${fn}`)}(${a}, ${b})` : `${helper(exactBinary(fn))}(${a}, ${b})`
    }
    if (fn === "mul") return wrap(result, `Math.imul(${a}, ${b})`)
    if (fn === "idiv") return wrap(result, `${helper(floorDivide)}(${a}, ${b})`)
    if (fn === "mod") return wrap(result, `${helper(floorRemainder)}(${a}, ${b})`)
    if (fn === "add" || fn === "sub") return wrap(result, `${a} ${arithmetic[fn]} ${b}`)
    throw new Error(`${fn} is not defined on ${result}`)
  }
  /** The flat place of an index; each product stands where its index does. Checks what its variable's range does not prove. */
  const placeText = (index: readonly Scalar[], extents: readonly number[], slot: number, scope: Scope): string => {
    const steps = strides(extents)
    const terms = index.map((e, d) => {
      const home = homeOf(e, scope)
      const text = emit(e, "device", scope)
      const extent = extents[d]!
      const proven = (e.op === "var" && e.low >= 0 && e.high < extent) || (e.op === "const" && e.value >= 0 && e.value < extent)
      const check = `if (!(${text} >= 0 && ${text} < ${extent})) ${helper(outOfBounds)}(${slot}, ${d}, ${text}, ${extent})`
      if (!proven && !home.texts.has(check)) {
        home.texts.set(check, "")
        home.lines.push(check)
      }
      return e.op === "const" ? number(e.value * steps[d]!) : steps[d] === 1 ? text : local(home, `${text} * ${steps[d]}`)
    })
    return terms.filter((t) => t !== "0").join(" + ") || "0"
  }
  const readText = (e: Scalar & { op: "read" }, variant: Variant, scope: Scope): string => {
    const place = placeText(e.index, inputs[e.slot]!.shape, e.slot, scope)
    return local(scope, `${arrayOf(e.slot, variant)}[${place}]`)
  }
  const looped = (outer: Scope, vars: readonly Var[]): { scopes: Scope[]; inner: Scope } => {
    const scopes: Scope[] = []
    for (const v of vars) {
      const scope = scopeIn(scopes[scopes.length - 1] ?? outer, v)
      const name = `i${locals++}`
      scope.names.set(v, { real: name, device: name })
      scopes.push(scope)
    }
    return { scopes, inner: scopes[scopes.length - 1] ?? outer }
  }
  /** Puts the loops' text, innermost first, at the end of the scope around them. */
  const close = (outer: Scope, scopes: readonly Scope[]): void => {
    for (let i = scopes.length - 1; i >= 0; i--) {
      const { variable, names: own, lines } = scopes[i]!
      const name = own.get(variable!)!.real!
      const target = i === 0 ? outer : scopes[i - 1]!
      target.lines.push(`for (let ${name} = ${variable!.low}; ${name} <= ${variable!.high}; ${name}++) {`, ...lines.map((line) => `  ${line}`), "}")
    }
  }
  const reduceText = (e: Scalar & { op: "reduce" }, variant: Variant, scope: Scope): string => {
    const name = `r${locals++}`
    const { scopes, inner } = looped(scope, e.vars)
    const x = emit(e.body, variant, inner)
    const step = e.combine === "max" || e.combine === "min" ? `Math.${e.combine}(${name}, ${x})`
      : e.type === "f32" ? (variant === "device" ? `${fround}(${name} ${e.combine === "sum" ? "+" : "*"} ${x})` : `${name} ${e.combine === "sum" ? "+" : "*"} ${x}`)
      : wrap(e.type, e.combine === "sum" ? `${name} + ${x}` : `Math.imul(${name}, ${x})`)
    inner.lines.push(`${name} = ${step}`)
    scope.lines.push(`let ${name} = ${initial[e.combine](e.type)}`)
    close(scope, scopes)
    return name
  }

  const root = scopeIn(undefined, undefined)
  const device = variantFor(mode, type, wanted) === "device"
  for (const { vars, stores, accumulate } of nests) {
    const { scopes, inner } = looped(root, vars)
    for (const { at, value } of stores) {
      const text = emit(value, wanted, inner)
      const place = placeText(at, shape, -1, inner)
      inner.lines.push(!accumulate ? `out[${place}] = ${text}` : device ? `out[${place}] = ${fround}(out[${place}] + ${text})` : `out[${place}] += ${text}`)
    }
    close(root, scopes)
  }
  const parameters = ["out", ...reads.map((_, i) => `a${i}`), ...names]
  const compiled = new Function(...parameters, `"use strict"\n${root.lines.join("\n")}`) as (...args: unknown[]) => void
  return { reads, run: (result, arrays) => compiled(result, ...arrays, ...constants) }
}
