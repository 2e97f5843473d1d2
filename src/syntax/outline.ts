/** The outline of a module: what it imports and the names it declares. A declaration itself is read when it is asked for. */
import type { Declaration, Import, Module, Name } from "./ast.ts"

export interface Declared {
  readonly kind: Declaration["kind"]
  readonly name: Name
  /** The declaration; the same object each time. */
  readonly whole: () => Declaration
}

export interface Outline {
  readonly imports: readonly Import[]
  readonly declarations: readonly Declared[]
}

export const outlineOf = (module: Module): Outline => ({
  imports: module.imports,
  declarations: module.declarations.map((d) => ({ kind: d.kind, name: d.name, whole: () => d })),
})
