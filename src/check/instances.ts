/**
 * What a body gives for the same arguments is found once: while entries are checked no graph is built, so that a function, a block or a
 * model gives the same value wherever it is applied to the same kinds of values. Only what reported nothing is kept. The reasons that
 * messages name (where a size or a population came from) may differ between two uses: those of a result are the ones of its arguments.
 */
import type { Span } from "../base/span.ts"
import type * as Ast from "../syntax/ast.ts"
import { isDim, type Dimension, type Reason } from "../types/dimension.ts"
import type { Population } from "../types/population.ts"
import { afford } from "./bounds.ts"
import type { Context } from "./context.ts"
import type { Binding, Scope } from "./scope.ts"
import { isSilent, type Value } from "./value.ts"

interface Instance {
  readonly value: Value
  /** The reasons of its arguments, in order. */
  readonly reasons: readonly Reason[]
  /** What it took from the budget. */
  readonly steps: number
  /** Everything that its body called: none of that may call it. */
  readonly calls: ReadonlySet<Ast.FunctionDeclaration>
}

export interface Instances {
  readonly known: Map<string, Instance>
  /** What the instances that are being made have called so far, outermost first. */
  readonly open: Set<Ast.FunctionDeclaration>[]
}

export const newInstances = (): Instances => ({ known: new Map(), open: [] })

const numbers = new WeakMap<object, number>()
let numbered = 0
const identity = (x: object): string => {
  let n = numbers.get(x)
  if (n === undefined) numbers.set(x, (n = numbered++))
  return `#${n}`
}

const populationKey = (p: Population | undefined): string => (p === undefined ? "" : p.kind === "variable" ? `@${p.id}` : p.kind)

/** What a body can tell of a binding, as text; the reasons in it are collected. */
const bindingKey = (b: Binding, reasons: Reason[]): string => {
  const reason = (r: Reason | undefined): string => (r === undefined ? "" : (reasons.push(r), "!"))
  const ofDim = (d: Dimension): string => (isDim(d) ? `${d.size.key}@${populationKey(d.population)}${reason(d.origin)}:${reason(d.became)}` : `..${d.id}`)
  const ofFields = (fields: ReadonlyMap<string, Value>): string => [...fields].map(([k, x]) => `${k}:${of(x)}`).join(",")
  const of = (v: Value): string => {
    switch (v.kind) {
      case "tensor": return `t${v.dtype} ${v.alias ?? ""} ${v.literal ?? ""}[${v.dims.map(ofDim).join(",")}]`
      case "int": return `i${v.size.key}`
      case "bool": return `b${v.value}`
      case "string": return `s${JSON.stringify(v.value)}`
      case "opaque": return v.type
      case "unknown": case "error": return v.kind
      case "builtin": return `f${v.name}`
      case "tuple": return `(${v.items.map(of).join(",")})`
      case "list": return v.items ? `[${v.items.map(of).join(",")}]` : "[]?"
      case "record": return `{${ofFields(v.fields)}}`
      case "function": return `F${identity(v.declaration)}${identity(v.scope)}${v.config ? `(${ofFields(v.config)})` : ""}`
      case "distribution": return `~${v.dist} ${v.dtype} ${v.per} ${JSON.stringify(v.options)}(${v.params.map(of).join(",")})[${v.rest.map(ofDim).join(",")}]${v.of ? of(v.of) : ""}`
      default: return `${v.kind}${identity(v)}`
    }
  }
  if (b.population) return `@${populationKey(b.population.is)}`
  return Array.isArray(b.dimension) ? (b.dimension as readonly Dimension[]).map(ofDim).join(",") : b.dimension ? ofDim(b.dimension as Dimension) : of(b.value)
}

/** The value with other reasons; `undefined` where it holds more than can be looked through. */
const withReasons = (value: Value, now: (r: Reason) => Reason): Value | undefined => {
  const all = (values: readonly Value[]): Value[] | undefined => {
    const moved = values.map((v) => withReasons(v, now))
    return moved.every((v) => v !== undefined) ? moved : undefined
  }
  switch (value.kind) {
    case "tensor": return { ...value, dims: value.dims.map((d) => (isDim(d) ? { ...d, origin: d.origin && now(d.origin), became: d.became && now(d.became) } : d)) }
    case "int": case "bool": case "string": return value
    case "tuple": {
      const items = all(value.items)
      return items && { ...value, items }
    }
    case "record": {
      const fields = all([...value.fields.values()])
      return fields && { kind: "record", fields: new Map([...value.fields.keys()].map((k, i) => [k, fields[i]!])) }
    }
    default: return undefined
  }
}

/** What an instance gives where its arguments have these reasons. */
const seenWith = ({ value, reasons }: Instance, own: readonly Reason[]): Value | undefined => {
  const table = new Map<Reason, Reason>()
  let same = true
  for (const [i, before] of reasons.entries()) {
    const now = own[i]!
    if (now !== before) same = false
    // Two arguments that had one reason have two now: the result's may be either.
    if ((table.get(before) ?? now) !== now) return undefined
    table.set(before, now)
  }
  return same ? value : withReasons(value, (r) => table.get(r) ?? r)
}

/** Bodies under a trial, or that see the coordinates of a picture, stand for themselves. */
const isPlain = (ctx: Context): boolean => ctx.inline && !ctx.build && !ctx.inAt && !ctx.reads && !ctx.domain && !ctx.batch && !ctx.swap

/** What `make` gives, or gave before for the same function, signature and surroundings. */
export const instance = (ctx: Context, d: Ast.FunctionDeclaration, module: Scope, signature: Scope, span: Span, make: () => Value): Value => {
  const all = ctx.instances
  if (!all || !isPlain(ctx)) return make()
  const reasons: Reason[] = []
  const bound = [...signature.names].map(([name, b]) => `${name}=${bindingKey(b, reasons)}`)
  const key = `${identity(d)}${identity(module)}${ctx.training} ${bound.join(";")}`
  const before = all.known.get(key)
  const known = before && !ctx.frames.some((f) => f.declaration && before.calls.has(f.declaration)) && ctx.budget.steps >= before.steps ? seenWith(before, reasons) : undefined
  if (before && known) {
    afford(ctx, span, before.steps)
    for (const open of all.open) for (const call of before.calls) open.add(call)
    return known
  }
  const [reported, steps, calls] = [ctx.diagnostics.length, ctx.budget.steps, new Set([d])]
  all.open.push(calls)
  let value: Value
  try {
    value = make()
  } finally {
    all.open.pop()
    for (const open of all.open) for (const call of calls) open.add(call)
  }
  if (ctx.diagnostics.length === reported && !isSilent(value)) all.known.set(key, { value, reasons, steps: steps - ctx.budget.steps, calls })
  return value
}
