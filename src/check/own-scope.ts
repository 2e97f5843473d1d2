/** The scope of a body that is instantiated: its own names for the sizes that its signature was given. */
import type * as Ast from "../syntax/ast.ts"
import { dim, isDim, type Dim, type Dimension } from "../types/dimension.ts"
import { atom, asAtom, valueOf, type Size } from "../types/size.ts"
import type { Context } from "./context.ts"
import { convert, sizesOf } from "./match.ts"
import { inner, type Scope } from "./scope.ts"
import { evaluateType } from "./types.ts"
import { isSilent, type FunctionValue, type Type, type Value } from "./value.ts"

/** A body's own view of its signature: every dimension and integer gets an atom of its own, which knows its number. */
export interface OwnScope {
  readonly scope: Scope
  /** From the body's atoms back to the caller's sizes. */
  readonly table: ReadonlyMap<number, Dim>
}

/**
 * The body's own atoms by name and number, the same at each instantiation: a body never runs within itself, and a dimension of another
 * number has another atom. What the body calls can then be known from before.
 */
const atomsOf = new WeakMap<Ast.FunctionDeclaration, Map<string, Size>>()
const ownAtom = (d: Ast.FunctionDeclaration, name: string, label: string, value: number | undefined): Size => {
  if (value === undefined) return atom(label)
  const known = atomsOf.get(d) ?? new Map<string, Size>()
  atomsOf.set(d, known)
  const key = `${name} ${value}`
  const size = known.get(key) ?? atom(label, value)
  known.set(key, size)
  return size
}

export const ownScope = (ctx: Context, fn: FunctionValue, signature: Scope): OwnScope => {
  const scope = inner(fn.scope)
  const table = new Map<number, Dim>()
  const own = (name: string, d: Dim, label = name): Dim => {
    const size = ownAtom(fn.declaration, name, label, valueOf(d.size))
    table.set(asAtom(size)!.id, d)
    return { ...d, size }
  }
  for (const [name, binding] of signature.names) {
    if (name.startsWith("@")) scope.names.set(name, binding)
    else if (Array.isArray(binding.dimension)) {
      const dims = (binding.dimension as readonly Dimension[]).map((d, i) => (isDim(d) ? own(`..${name}${i}`, d, `${name}${i}`) : d))
      scope.names.set(name, { ...binding, value: sizesOf(dims), dimension: dims })
    } else if (binding.dimension && isDim(binding.dimension as Dimension)) {
      const made = own(name, binding.dimension as Dim)
      scope.names.set(name, { value: { kind: "int", size: made.size }, span: binding.span, dimension: made })
    } else if (isSilent(binding.value)) scope.names.set(name, binding)
    else if (binding.value.kind === "int" && !fn.declaration.groups.flat().some((p) => p.name.text === name && !p.type && p.value === undefined)) {
      const made = own(name, dim(binding.value.size))
      scope.names.set(name, { value: { kind: "int", size: made.size }, span: binding.span })
    }
  }
  for (const p of fn.declaration.groups.flat()) {
    const binding = signature.names.get(p.name.text)!
    if (scope.names.has(p.name.text)) continue
    const type = p.type && !isSilent(binding.value) && evaluateType({ ...ctx, diagnostics: [] }, scope, p.type, "require")
    scope.names.set(p.name.text, { value: type ? retype(binding.value, type) : binding.value, span: p.name.span })
  }
  return { scope, table }
}

/** The same value seen with the dimensions of `type`. */
export const retype = (value: Value, type: Type): Value => {
  if (value.kind === "tensor" && type.kind === "tensor" && type.dims.length === value.dims.length) return { ...value, dims: type.dims, alias: type.alias ?? value.alias }
  if (value.kind === "field" && type.kind === "field") return { ...value, channels: type.channels, domain: type.domain }
  if (value.kind === "record" && type.kind === "record") return { kind: "record", fields: new Map([...value.fields].map(([k, v]) => [k, type.fields.has(k) ? retype(v, type.fields.get(k)!) : v])) }
  if (value.kind === "tuple" && type.kind === "tuple" && value.items.length === type.items.length) return { ...value, items: value.items.map((v, i) => retype(v, type.items[i]!)) }
  if ((value.kind === "int" || value.kind === "bool") && type.kind === "tensor" && type.dims.length === 0) return convert(value, type.dtype) ?? value
  return value
}
