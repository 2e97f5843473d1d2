/** Words for family 02: names and modules. */
import type { Diagnostic } from "../../base/diagnostic.ts"
import type { Span } from "../../base/span.ts"
import { problem, replace } from "../problem.ts"

export const unknownName = (span: Span, name: string, suggestion: string | undefined, home: string | undefined): Diagnostic =>
  problem("NDA0201", span, `\`${name}\` is not defined here`, {
    hint: suggestion ? replace(`did you mean \`${suggestion}\`?`, span, suggestion) : home ? `it is in \`${home}\`: from ${home} import ${name}` : undefined,
  })

export const duplicateName = (span: Span, name: string, first: Span): Diagnostic =>
  problem("NDA0202", span, `\`${name}\` is defined twice`, { related: [{ span: first, text: "first defined here" }], hint: "rename one of the two" })

export const moduleNotFound = (span: Span, path: string, known: readonly string[]): Diagnostic =>
  problem("NDA0203", span, `there is no module \`${path}\``, {
    notes: [path.startsWith("nda") ? `the standard library has ${known.join(", ")}` : "paths of files are relative to the file that imports them, and end in .nda"],
  })

export const notExported = (span: Span, name: string, module: string, suggestion: string | undefined, home: string | undefined): Diagnostic =>
  problem("NDA0204", span, `\`${module}\` has no \`${name}\``, {
    hint: suggestion ? replace(`did you mean \`${suggestion}\`?`, span, suggestion) : home ? `\`${name}\` is in \`${home}\`` : undefined,
  })

export const importCycle = (span: Span, path: readonly string[]): Diagnostic =>
  problem("NDA0205", span, "these modules import each other", { notes: [path.join(" imports ")], hint: "move what both need into a third file" })

export const unknownType = (span: Span, name: string, suggestion: string | undefined): Diagnostic =>
  problem("NDA0206", span, `\`${name}\` is not a type`, {
    notes: ["types are f32 i32 u32 bool, Int, Stage, Schedule, Field[c; h, w], a tensor like f32[n, d], or an alias such as Image[n, c, h, w]"],
    hint: suggestion ? replace(`did you mean \`${suggestion}\`?`, span, suggestion) : undefined,
  })

export const shadowsDimension = (span: Span, name: string, dimension: Span | undefined): Diagnostic =>
  problem("NDA0207", span, `\`${name}\` is a dimension here and cannot also name a value`, {
    related: [dimension && { span: dimension, text: "the dimension gets its name here" }],
    hint: `call the value something else, \`${name}_\` say`,
  })

export const recursion = (span: Span, name: string, path: readonly string[]): Diagnostic =>
  problem("NDA0208", span, `\`${name}\` calls itself, and nda has no recursion`, { notes: [path.join(" -> ")], hint: "write a `loop` over a static range" })

export const noSuchField = (span: Span, name: string, fields: readonly string[], suggestion: string | undefined): Diagnostic =>
  problem("NDA0209", span, `there is no field \`${name}\` here`, {
    notes: [fields.length > 0 ? `the fields are ${fields.join(", ")}` : "only records have fields"],
    hint: suggestion ? replace(`did you mean \`${suggestion}\`?`, span, suggestion) : undefined,
  })

export const aliasArguments = (span: Span, name: string, wanted: number, given: number): Diagnostic =>
  problem("NDA0210", span, `\`${name}\` has ${wanted} dimensions, and ${given} are given`, {})

export const fieldTwice = (span: Span, name: string, first: Span): Diagnostic =>
  problem("NDA0211", span, `the field \`${name}\` is given twice`, { related: [{ span: first, text: "first given here" }] })

export const nestsTooDeeply = (span: Span): Diagnostic =>
  problem("NDA0212", span, "definitions or calls are nested too deeply here", { notes: ["at most 200 calls within calls, and 500 definitions through one another"] })

export const tooManySteps = (span: Span): Diagnostic =>
  problem("NDA0212", span, "this program is too long once its loops and calls are written out", { notes: ["loops are unrolled and functions inlined when a program is compiled"] })

export const rangeTooLong = (span: Span, steps: number): Diagnostic =>
  problem("NDA0212", span, `this range has ${steps} steps`, { notes: ["a range is unrolled, and has at most 100,000"] })

export const tooManyParts = (span: Span): Diagnostic =>
  problem("NDA0212", span, "this value has too many parts", { notes: ["lists, tuples and records have at most 200,000 parts in all"] })
