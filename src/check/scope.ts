/** Scopes: what a name means. Module scopes hold declarations; inner ones hold values. Immutable chains. */
import type { Span } from "../base/span.ts"
import type * as Ast from "../syntax/ast.ts"
import type { Dimension } from "../types/dimension.ts"
import type { Population } from "../types/population.ts"
import type { Value } from "./value.ts"

export interface Binding {
  readonly value: Value
  readonly span: Span | undefined
  /** The expression that gave the value, for messages about it. */
  readonly from?: Ast.Expr
  /** The name is a dimension: its value is the size. */
  readonly dimension?: Dimension | readonly Dimension[]
  /** Under `type NAME`: a type alias. */
  readonly type?: Ast.TypeDeclaration
  /** Under `@NAME`: what a population variable stands for (`undefined`: no tag). */
  readonly population?: { readonly is: Population | undefined }
}

export interface Scope {
  readonly parent: Scope | undefined
  readonly names: Map<string, Binding>
  /** Looks up what the parents do not know: a module's declarations are made on demand. */
  readonly fallback?: (name: string) => Binding | undefined
  /** The module's file, on module scopes. */
  readonly file?: string
}

export const inner = (parent: Scope | undefined): Scope => ({ parent, names: new Map() })

export const lookup = (scope: Scope, name: string): Binding | undefined => {
  for (let s: Scope | undefined = scope; s; s = s.parent) {
    const found = s.names.get(name) ?? s.fallback?.(name)
    if (found) return found
  }
  return undefined
}

/** What `name` would mean here without the binding that is nearest. */
export const hiddenBy = (scope: Scope, name: string): Binding | undefined => {
  for (let s: Scope | undefined = scope; s; s = s.parent) if (s.names.get(name) ?? s.fallback?.(name)) return s.parent && lookup(s.parent, name)
  return undefined
}

export const bind = (scope: Scope, name: string, value: Value, span: Span | undefined): void => {
  scope.names.set(name, { value, span })
}

/** Every name that can be seen from a scope, nearest first, for suggestions. */
export const visibleNames = (scope: Scope): string[] => {
  const seen = new Set<string>()
  for (let s: Scope | undefined = scope; s; s = s.parent) for (const name of s.names.keys()) seen.add(name)
  return [...seen]
}
