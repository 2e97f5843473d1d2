/** How the files in `messages/` write a diagnostic down. */
import type { Diagnostic, Hint, Related } from "../base/diagnostic.ts"
import type { Span } from "../base/span.ts"

export interface Details {
  readonly label?: string | undefined
  readonly related?: readonly (Related | undefined)[]
  readonly notes?: readonly (string | undefined)[]
  readonly hint?: Hint | string | undefined
  readonly severity?: "error" | "warning"
}

export const problem = (code: string, span: Span, message: string, details: Details = {}): Diagnostic => {
  const hint = typeof details.hint === "string" ? { text: details.hint } : details.hint
  return {
    code, severity: details.severity ?? "error", span, message,
    ...(details.label ? { label: details.label } : {}),
    related: (details.related ?? []).filter((r): r is Related => r !== undefined),
    notes: (details.notes ?? []).filter((n): n is string => n !== undefined),
    ...(hint ? { hint } : {}),
  }
}

export const replace = (text: string, span: Span, replacement: string): Hint => ({ text, edit: { span, replacement } })
