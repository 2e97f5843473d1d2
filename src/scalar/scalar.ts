/**
 * Scalar and index expressions: the language of one element. A primitive says what one element of its result is;
 * the reference evaluator, the fuser and the kernels all read it from here. Immutable and pure; nodes may be shared.
 *
 * Conventions: integer `//` and `%` round down (sign of the divisor); i32 arithmetic wraps; a `read` is always within
 * bounds (whoever builds it clamps or proves); `select` evaluates as if both sides were computed, neither may trap.
 */
export type ScalarType = "f32" | "i32" | "u32" | "bool"

export type UnaryFn =
  | "neg" | "abs" | "sign" | "floor" | "ceil" | "round" | "sqrt" | "rsqrt" | "exp" | "log" | "log1p" | "expm1"
  | "sin" | "cos" | "tan" | "asin" | "acos" | "atan" | "sinh" | "cosh" | "tanh" | "sigmoid" | "softplus" | "erf"
  | "not" | "isnan" | "isfinite"

export type BinaryFn =
  | "add" | "sub" | "mul" | "div"          // div: f32 only
  | "idiv" | "mod"                         // floored; mod also on f32
  | "min" | "max" | "pow" | "atan2"
  | "eq" | "ne" | "lt" | "le" | "gt" | "ge"
  | "and" | "or"
  | "xor" | "shl" | "shr" | "bitand" | "bitor"   // u32

export type CastFn = "f32" | "i32" | "u32" | "bool" | "bits_u32" | "bits_f32"   // casts; f32 -> i32, u32 truncates towards zero and saturates, NaN gives 0

export type Combine = "sum" | "prod" | "max" | "min"

/** An index variable: takes every integer in [low, high]. Identity is the object. */
export interface Var {
  readonly op: "var"
  readonly type: "i32"
  readonly name: string
  readonly low: number
  readonly high: number
}

export type Scalar =
  | { readonly op: "const"; readonly type: ScalarType; readonly value: number }     // bool: 0 or 1
  | Var
  | { readonly op: "unary"; readonly type: ScalarType; readonly fn: UnaryFn; readonly x: Scalar }
  | { readonly op: "binary"; readonly type: ScalarType; readonly fn: BinaryFn; readonly a: Scalar; readonly b: Scalar }
  | { readonly op: "cast"; readonly type: ScalarType; readonly fn: CastFn; readonly x: Scalar }
  | { readonly op: "select"; readonly type: ScalarType; readonly condition: Scalar; readonly then: Scalar; readonly else: Scalar }
  /** One element of input `slot`, one index per dimension. `range`: what an integer element is known to lie in. */
  | { readonly op: "read"; readonly type: ScalarType; readonly slot: number; readonly index: readonly Scalar[]; readonly range: readonly [number, number] | undefined }
  /** Combines `body` over all values of the variables, in row-major order, first variable outermost. */
  | { readonly op: "reduce"; readonly type: ScalarType; readonly combine: Combine; readonly vars: readonly Var[]; readonly body: Scalar }
  /** threefry2x32-20: word 0 or 1 of the block of (key0, key1) and (counter0, counter1); all u32. */
  | { readonly op: "threefry"; readonly type: "u32"; readonly word: 0 | 1; readonly key: readonly [Scalar, Scalar]; readonly counter: readonly [Scalar, Scalar] }

export const constant = (value: number | boolean, type: ScalarType): Scalar => ({ op: "const", type, value: type === "f32" ? Math.fround(Number(value)) : Number(value) })
export const f32 = (value: number): Scalar => constant(value, "f32")
export const i32 = (value: number): Scalar => constant(value, "i32")
export const u32 = (value: number): Scalar => constant(value >>> 0, "u32")
export const bool = (value: boolean): Scalar => constant(value, "bool")
/** A variable over [0, extent). */
export const variable = (name: string, extent: number): Var => ({ op: "var", type: "i32", name, low: 0, high: Math.max(0, extent - 1) })

const comparisons = new Set<BinaryFn>(["eq", "ne", "lt", "le", "gt", "ge", "and", "or"])
const predicates = new Set<UnaryFn>(["not", "isnan", "isfinite"])

export const unary = (fn: UnaryFn, x: Scalar): Scalar => ({ op: "unary", type: predicates.has(fn) ? "bool" : x.type, fn, x })
export const binary = (fn: BinaryFn, a: Scalar, b: Scalar): Scalar => ({ op: "binary", type: comparisons.has(fn) ? "bool" : a.type, fn, a, b })
export const cast = (fn: CastFn, x: Scalar): Scalar => {
  const type: ScalarType = fn === "bits_u32" ? "u32" : fn === "bits_f32" ? "f32" : fn
  if (fn === x.type) return x
  if (x.op === "const" && fn !== "bits_u32" && fn !== "bits_f32") {
    const whole = Math.trunc(x.value) || 0
    // from f32 it saturates, NaN gives 0; between integers the bits stay
    const kept = x.type !== "f32" ? whole : fn === "u32" ? Math.max(0, Math.min(4294967295, whole)) : Math.max(-2147483648, Math.min(2147483647, whole))
    return constant(fn === "bool" ? Number(x.value !== 0) : fn === "f32" ? x.value : fn === "u32" ? kept >>> 0 : kept | 0, type)
  }
  return { op: "cast", type, fn, x }
}
export const select = (condition: Scalar, then: Scalar, otherwise: Scalar): Scalar =>
  condition.op === "const" ? (condition.value ? then : otherwise) : then === otherwise ? then : { op: "select", type: then.type, condition, then, else: otherwise }
export const read = (type: ScalarType, slot: number, index: readonly Scalar[], range?: readonly [number, number]): Scalar => ({ op: "read", type, slot, index, range })
export const reduce = (combine: Combine, vars: readonly Var[], body: Scalar): Scalar => ({ op: "reduce", type: body.type, combine, vars, body })

const isConst = (x: Scalar, value: number): boolean => x.op === "const" && x.value === value

// Index arithmetic folds as it is built: coordinates stay short before the simplifier sees them.
const folded = (fn: BinaryFn, a: Scalar, b: Scalar, compute: (x: number, y: number) => number): Scalar =>
  a.type === "i32" && a.op === "const" && b.op === "const" ? i32(compute(a.value, b.value) | 0) : binary(fn, a, b)
export const add = (a: Scalar, b: Scalar): Scalar => (a.type === "i32" && isConst(a, 0) ? b : a.type === "i32" && isConst(b, 0) ? a : folded("add", a, b, (x, y) => x + y))
export const sub = (a: Scalar, b: Scalar): Scalar => (a.type === "i32" && isConst(b, 0) ? a : folded("sub", a, b, (x, y) => x - y))
export const mul = (a: Scalar, b: Scalar): Scalar =>
  a.type === "i32" && (isConst(a, 0) || isConst(b, 0)) ? i32(0) : isConst(a, 1) && a.type === "i32" ? b : isConst(b, 1) && a.type === "i32" ? a : folded("mul", a, b, Math.imul)
export const div = (a: Scalar, b: Scalar): Scalar => binary("div", a, b)
export const idiv = (a: Scalar, b: Scalar): Scalar => (isConst(b, 1) ? a : folded("idiv", a, b, (x, y) => Math.floor(x / y)))
export const mod = (a: Scalar, b: Scalar): Scalar => (a.type === "i32" && isConst(b, 1) ? i32(0) : folded("mod", a, b, (x, y) => x - y * Math.floor(x / y)))
export const min = (a: Scalar, b: Scalar): Scalar => folded("min", a, b, Math.min)
export const max = (a: Scalar, b: Scalar): Scalar => folded("max", a, b, Math.max)
export const lt = (a: Scalar, b: Scalar): Scalar => binary("lt", a, b)
export const le = (a: Scalar, b: Scalar): Scalar => binary("le", a, b)
export const ge = (a: Scalar, b: Scalar): Scalar => binary("ge", a, b)
export const eq = (a: Scalar, b: Scalar): Scalar => binary("eq", a, b)
export const and = (a: Scalar, b: Scalar): Scalar => (isConst(a, 1) ? b : isConst(b, 1) ? a : isConst(a, 0) ? a : isConst(b, 0) ? b : binary("and", a, b))
export const or = (a: Scalar, b: Scalar): Scalar => (isConst(a, 0) ? b : isConst(b, 0) ? a : isConst(a, 1) ? a : isConst(b, 1) ? b : binary("or", a, b))
export const not = (a: Scalar): Scalar => (a.op === "const" ? bool(!a.value) : unary("not", a))
export const neg = (a: Scalar): Scalar => unary("neg", a)
export const floor = (a: Scalar): Scalar => unary("floor", a)

const none: readonly Scalar[] = []
/** The operands of a node, in evaluation order. */
export const operands = (e: Scalar): readonly Scalar[] => {
  switch (e.op) {
    case "const": case "var": return none
    case "unary": case "cast": return [e.x]
    case "binary": return [e.a, e.b]
    case "select": return [e.condition, e.then, e.else]
    case "read": return e.index
    case "reduce": return [e.body]
    case "threefry": return [...e.key, ...e.counter]
  }
}

/** The same node over other operands (as many, of the same types). Fields in one order: most of a compilation goes through here. */
export const withOperands = (e: Scalar, xs: readonly Scalar[]): Scalar => {
  switch (e.op) {
    case "const": case "var": return e
    case "unary": return { op: "unary", type: e.type, fn: e.fn, x: xs[0]! }
    case "cast": return { op: "cast", type: e.type, fn: e.fn, x: xs[0]! }
    case "binary": return { op: "binary", type: e.type, fn: e.fn, a: xs[0]!, b: xs[1]! }
    case "select": return { op: "select", type: e.type, condition: xs[0]!, then: xs[1]!, else: xs[2]! }
    case "read": return { op: "read", type: e.type, slot: e.slot, index: xs, range: e.range }
    case "reduce": return { op: "reduce", type: e.type, combine: e.combine, vars: e.vars, body: xs[0]! }
    case "threefry": return { op: "threefry", type: "u32", word: e.word, key: [xs[0]!, xs[1]!], counter: [xs[2]!, xs[3]!] }
  }
}

/** What each of `xs` became; the same list where nothing changed. */
export const mapped = (xs: readonly Scalar[], became: ReadonlyMap<Scalar, Scalar>): readonly Scalar[] => {
  let after: Scalar[] | undefined
  for (let i = 0; i < xs.length; i++) {
    const x = became.get(xs[i]!)!
    if (x !== xs[i]) (after ??= [...xs])[i] = x
  }
  return after ?? xs
}

/** Rebuilds bottom-up, each shared node once. `f` sees a node whose operands are already rebuilt. Iterative: composed bodies may be deeper than the stack. */
export const mapScalar = (root: Scalar, f: (e: Scalar) => Scalar, memo = new Map<Scalar, Scalar>()): Scalar => {
  const stack = [root]
  while (stack.length > 0) {
    const e = stack[stack.length - 1]!
    if (memo.has(e)) {
      stack.pop()
      continue
    }
    const before = operands(e)
    const open = stack.length
    for (let i = before.length - 1; i >= 0; i--) if (!memo.has(before[i]!)) stack.push(before[i]!)
    if (stack.length > open) continue
    stack.pop()
    const after = mapped(before, memo)
    memo.set(e, f(after === before ? e : withOperands(e, after)))
  }
  return memo.get(root)!
}

export const containsReduction = (e: Scalar): boolean => {
  let found = false
  eachScalar([e], (x) => { if (x.op === "reduce") found = true })
  return found
}

/** Every node below the roots, each once. */
export const eachScalar = (roots: readonly Scalar[], visit: (e: Scalar) => void): void => {
  const seen = new Set<Scalar>()
  const stack = [...roots]
  while (stack.length > 0) {
    const e = stack.pop()!
    if (seen.has(e)) continue
    seen.add(e)
    visit(e)
    for (const x of operands(e)) stack.push(x)
  }
}
