/** What the compiler has to say about a program: a value, never an exception. */
import type { Span } from "./span.ts"

export interface Related {
  readonly span: Span
  readonly text: string
}

/** One mend. With an `edit`, applying it gives a program that compiles further. */
export interface Hint {
  readonly text: string
  readonly edit?: { readonly span: Span; readonly replacement: string }
}

export interface Diagnostic {
  readonly code: string
  readonly severity: "error" | "warning"
  /** The primary place. */
  readonly span: Span
  /** The headline sentence. */
  readonly message: string
  /** The words under the primary caret, if any. */
  readonly label?: string
  /** Other places that explain it, shown in the frame or as their own frames. */
  readonly related: readonly Related[]
  /** `= …` lines: where each size came from, what was expected. */
  readonly notes: readonly string[]
  readonly hint?: Hint
}

/** A pass gives what it could make and what it has to say. */
export interface Result<A> {
  readonly value: A | undefined
  readonly diagnostics: readonly Diagnostic[]
}

export const hasErrors = (diagnostics: readonly Diagnostic[]): boolean => diagnostics.some((d) => d.severity === "error")
