/**
 * The kernel IR: one compute kernel as structured statements over scalar expressions, buffers, workgroup memory and
 * barriers. It knows no WGSL; `backend/wgsl/emit.ts` prints it. Locals and arrays are objects, their identity is the name.
 */
import type { BinaryFn, CastFn, ScalarType, UnaryFn } from "../scalar/scalar.ts"

/** What a local may hold: a scalar, four words of a table, or the stream key of a draw site. */
export type ValueType = ScalarType | "words" | "key"

/**
 * What one element of a bound buffer is; `words` are four u32. Numbers of `f16` and of `halves`, which are four of them, are loaded as f32 and rounded when
 * they are stored. A `byte` and four `bytes` are loaded as f32, divided by 255; they are never stored.
 */
export type ElementType = "f32" | "i32" | "u32" | "bool" | "words" | "f16" | "halves" | "byte" | "bytes"

/** Bytes of one element in its buffer. */
export const elementBytes = (type: ElementType): number => (type === "words" ? 16 : type === "halves" ? 8 : type === "f16" ? 2 : type === "byte" ? 1 : 4)

export interface Binding {
  readonly access: "uniform" | "read" | "write"
  readonly element: ElementType
  /** How many elements are bound. */
  readonly length: number
  /** For printed kernels only. */
  readonly label: string
}

export interface Local {
  readonly kind: "local"
  readonly type: ValueType
  /** A variable that holds a wide value. Of a `let` its value tells. */
  readonly wide?: true
}

export interface ArrayLocal {
  readonly kind: "array"
  readonly space: "workgroup" | "private" | "constant"
  readonly element: ScalarType
  readonly length: number
  /** What a constant array holds. */
  readonly data?: readonly number[]
}

/** A distribution and the options that choose its function (`backend/wgsl/draws-wgsl.ts`). */
export interface Distribution {
  readonly name: string
  readonly options: Readonly<Record<string, unknown>>
}

export type Builtin = "lane" | "group_x" | "group_y" | "group_z"

export type Expr =
  | { readonly op: "const"; readonly type: ScalarType; readonly value: number }
  | { readonly op: "local"; readonly type: ValueType; readonly local: Local }
  | { readonly op: "builtin"; readonly type: "i32"; readonly name: Builtin }
  | { readonly op: "unary"; readonly type: ScalarType; readonly fn: UnaryFn; readonly x: Expr }
  /** `nonNegative`: the dividend is known to be at least 0 and the divisor at least 1 (integer division and remainder). */
  | { readonly op: "binary"; readonly type: ScalarType; readonly fn: BinaryFn; readonly a: Expr; readonly b: Expr; readonly nonNegative: boolean }
  /** a * b + c, f32, rounded once where the device can. */
  | { readonly op: "fma"; readonly type: "f32"; readonly a: Expr; readonly b: Expr; readonly c: Expr }
  | { readonly op: "cast"; readonly type: ScalarType; readonly fn: CastFn; readonly x: Expr }
  | { readonly op: "select"; readonly type: ScalarType; readonly condition: Expr; readonly then: Expr; readonly else: Expr }
  | { readonly op: "threefry"; readonly type: "u32"; readonly word: 0 | 1; readonly key: readonly [Expr, Expr]; readonly counter: readonly [Expr, Expr] }
  /** One element of a bound buffer; a `bool` buffer gives a bool. */
  | { readonly op: "load"; readonly type: ScalarType | "words"; readonly binding: number; readonly index: Expr }
  /** Four neighbours of a buffer that is bound as words, read as `type`: a wide value, one component for each of the four places of a thread. */
  | { readonly op: "quad"; readonly type: ScalarType; readonly binding: number; readonly index: Expr }
  /** The number of a wide value's component, 0 to 3: what depends on it is wide. */
  | { readonly op: "component"; readonly type: "i32" }
  /** One component of a wide value. */
  | { readonly op: "part"; readonly type: ScalarType; readonly x: Expr; readonly at: 0 | 1 | 2 | 3 }
  /** One word of four, read as `type`. */
  | { readonly op: "word"; readonly type: ScalarType; readonly words: Expr; readonly at: 0 | 1 | 2 | 3 }
  | { readonly op: "element"; readonly type: ScalarType; readonly array: ArrayLocal; readonly index: Expr }
  /** The stream key of a site in this run: threefry((seed, site), (step, repeat)). */
  | { readonly op: "key"; readonly type: "key"; readonly site: Expr }
  /** A key from its two words, and a word of a key. */
  | { readonly op: "pair"; readonly type: "key"; readonly first: Expr; readonly second: Expr }
  | { readonly op: "key_word"; readonly type: "u32"; readonly key: Expr; readonly at: 0 | 1 }
  /** One element of a draw. `args`: key, sample, element, count of elements, then the parameters. */
  | { readonly op: "draw"; readonly type: ScalarType; readonly distribution: Distribution; readonly args: readonly Expr[] }
  /** The value, no truth value, that one lane of the subgroup has; where all lanes of a workgroup are. */
  | { readonly op: "subgroup_broadcast"; readonly type: ScalarType; readonly x: Expr; readonly lane: number }
  /** A u32 zero that no compiler can see through (keeps constant trip counts from being unrolled). */
  | { readonly op: "hidden_zero"; readonly type: "i32" }

export type Stmt =
  | { readonly op: "let"; readonly local: Local; readonly value: Expr }
  | { readonly op: "var"; readonly local: Local; readonly value: Expr }
  | { readonly op: "assign"; readonly local: Local; readonly value: Expr }
  /** Declares a private array (workgroup arrays are declared by the kernel). */
  | { readonly op: "array"; readonly array: ArrayLocal }
  | { readonly op: "set"; readonly array: ArrayLocal; readonly index: Expr; readonly value: Expr }
  | { readonly op: "store"; readonly binding: number; readonly index: Expr; readonly value: Expr }
  /** Stores a wide value to four neighbours of a buffer that is bound as words. */
  | { readonly op: "store_quad"; readonly binding: number; readonly index: Expr; readonly value: Expr }
  | { readonly op: "store_words"; readonly binding: number; readonly index: Expr; readonly values: readonly [Expr, Expr, Expr, Expr] }
  /** Fills a private array with a drawn arrangement. `args`: key, sample, then the parameters. */
  | { readonly op: "draw_array"; readonly array: ArrayLocal; readonly distribution: Distribution; readonly args: readonly Expr[] }
  /** A loop from 0 whose turns all lanes of a workgroup take together, so that barriers may stand in it. */
  | { readonly op: "steps"; readonly local: Local; readonly below: Expr; readonly step: number; readonly body: readonly Stmt[] }
  /** Done where a condition holds that is the same for a whole workgroup, so that barriers may stand in it. */
  | { readonly op: "once"; readonly condition: Expr; readonly body: readonly Stmt[] }
  | { readonly op: "if"; readonly condition: Expr; readonly then: readonly Stmt[]; readonly else: readonly Stmt[] }
  /** i32 counter from `from`, while below `below`, by `step`. */
  | { readonly op: "for"; readonly local: Local; readonly from: Expr; readonly below: Expr; readonly step: number; readonly body: readonly Stmt[] }
  | { readonly op: "barrier" }

export type KernelKind = "sample" | "map" | "gather" | "reduce" | "contract" | "opaque" | "joint"

export interface Kernel {
  readonly kind: KernelKind
  readonly bindings: readonly Binding[]
  readonly workgroup: readonly [number, number, number]
  readonly groups: readonly [number, number, number]
  /** Workgroup memory and constant arrays. */
  readonly shared: readonly ArrayLocal[]
  readonly body: readonly Stmt[]
}

export const local = (type: ValueType): Local => ({ kind: "local", type })
export const use = (x: Local): Expr => ({ op: "local", type: x.type, local: x })
export const number = (value: number, type: ScalarType = "i32"): Expr => ({ op: "const", type, value: type === "f32" ? Math.fround(value) : value })
export const builtin = (name: Builtin): Expr => ({ op: "builtin", type: "i32", name })

const foldable = new Map<BinaryFn, (a: number, b: number) => number>([
  ["add", (a, b) => (a + b) | 0], ["sub", (a, b) => (a - b) | 0], ["mul", Math.imul]
])

/** Integer arithmetic of addresses: folds constants and neutral elements. */
export const arithmetic = (fn: BinaryFn, a: Expr, b: Expr, nonNegative = false): Expr => {
  if (a.op === "const" && b.op === "const" && a.type === "i32") {
    const fold = foldable.get(fn)
    if (fold) return number(fold(a.value, b.value))
  }
  if (a.type === "i32") {
    const left = a.op === "const" ? a.value : undefined
    const right = b.op === "const" ? b.value : undefined
    if ((fn === "add" || fn === "sub") && right === 0) return a
    if (fn === "add" && left === 0) return b
    if (fn === "mul" && (left === 0 || right === 0)) return number(0)
    if ((fn === "mul" || fn === "idiv") && right === 1) return a
    if (fn === "mul" && left === 1) return b
    if (fn === "mod" && right === 1) return number(0)
  }
  const compares = fn === "lt" || fn === "le" || fn === "gt" || fn === "ge" || fn === "eq" || fn === "ne" || fn === "and" || fn === "or"
  return { op: "binary", type: compares ? "bool" : (a.type as ScalarType), fn, a, b, nonNegative }
}

/** The operands of an expression, in evaluation order. */
export const operandsOf = (e: Expr): readonly Expr[] => {
  switch (e.op) {
    case "const": case "local": case "builtin": case "hidden_zero": case "component": return []
    case "key": return [e.site]
    case "pair": return [e.first, e.second]
    case "key_word": return [e.key]
    case "unary": case "cast": case "part": case "subgroup_broadcast": return [e.x]
    case "binary": return [e.a, e.b]
    case "fma": return [e.a, e.b, e.c]
    case "select": return [e.condition, e.then, e.else]
    case "threefry": return [...e.key, ...e.counter]
    case "load": case "quad": case "element": return [e.index]
    case "word": return [e.words]
    case "draw": return e.args
  }
}

/** The expressions a statement holds itself (not those of nested statements). */
export const expressionsOf = (s: Stmt): readonly Expr[] => {
  switch (s.op) {
    case "let": case "var": case "assign": return [s.value]
    case "array": case "barrier": return []
    case "set": case "store": case "store_quad": return [s.index, s.value]
    case "store_words": return [s.index, ...s.values]
    case "draw_array": return s.args
    case "if": case "once": return [s.condition]
    case "for": return [s.from, s.below]
    case "steps": return [s.below]
  }
}

/** The statements directly inside a statement. */
export const blocksOf = (s: Stmt): readonly (readonly Stmt[])[] => (s.op === "if" ? [s.then, s.else] : s.op === "for" || s.op === "once" || s.op === "steps" ? [s.body] : [])

/** Bytes of workgroup memory. */
export const sharedBytes = (kernel: Kernel): number => kernel.shared.reduce((n, a) => (a.space === "workgroup" ? n + 4 * a.length : n), 0)

/** Tells the wide values of a kernel: those that depend on a component. `learn` hears of each `let`, in order. */
export const wideness = (): { readonly isWide: (e: Expr) => boolean; readonly learn: (name: Local, value: Expr) => void } => {
  const locals = new Set<Local>()
  const known = new Map<Expr, boolean>()
  const isWide = (e: Expr): boolean => {
    if (e.op === "local") return e.local.wide === true || locals.has(e.local)
    if (e.op === "quad" || e.op === "component") return true
    if (e.op === "part") return false
    const found = known.get(e) ?? operandsOf(e).some(isWide)
    known.set(e, found)
    return found
  }
  return { isWide, learn: (name, value) => { if (isWide(value)) locals.add(name) } }
}

/** Whether a buffer holds numbers of 16 bits. */
export const usesHalves = (kernel: Kernel): boolean => kernel.bindings.some((b) => b.element === "f16" || b.element === "halves")

/** Whether lanes read each other's values. */
export const usesSubgroups = (kernel: Kernel): boolean => {
  const inside = (e: Expr): boolean => e.op === "subgroup_broadcast" || operandsOf(e).some(inside)
  const among = (list: readonly Stmt[]): boolean => list.some((s) => expressionsOf(s).some(inside) || blocksOf(s).some(among))
  return among(kernel.body)
}
