/** `nda`: the compiler as pure functions. It reads no files and needs no device; a browser runs it unchanged. */
import type { Diagnostic } from "./base/diagnostic.ts"
import { render as renderDiagnostics, type RenderOptions } from "./base/render.ts"
import { sourceFile } from "./base/source.ts"
import { stdlibText } from "./driver/stdlib-text.ts"

export { check, entries, type Request } from "./driver/check.ts"
export { compile, type Compiled } from "./driver/compile.ts"
export { compileProgram, type CompiledProgram } from "./driver/compile-program.ts"
export { emit, stages } from "./driver/emit.ts"
export { explain } from "./driver/explain.ts"
export { format } from "./syntax/format.ts"
export { hasErrors } from "./base/diagnostic.ts"
export type { Diagnostic, Hint, Related, Result } from "./base/diagnostic.ts"
export type { Span } from "./base/span.ts"
export type * from "./plan/plan.ts"

/** The texts of the standard library by module (`nda.image`, …). They are built in: a program may import them without being given them. */
export const stdlib: Readonly<Record<string, string>> = stdlibText

/** Diagnostics as text. `sources` are the texts that were compiled, by file name. */
export const render = (diagnostics: readonly Diagnostic[], sources: Readonly<Record<string, string>> = {}, options: Partial<RenderOptions> = {}): string =>
  renderDiagnostics(
    diagnostics,
    new Map(Object.entries({ ...stdlibText, ...sources }).map(([name, text]) => [name, sourceFile(name, text)])),
    { style: "full", color: false, ...options },
  )
