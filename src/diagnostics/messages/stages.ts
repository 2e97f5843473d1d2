/** Words for family 05: calls, stages and arguments. */
import type { Diagnostic, Hint } from "../../base/diagnostic.ts"
import type { Span } from "../../base/span.ts"
import { problem, replace } from "../problem.ts"

export const notAStage = (span: Span, what: string): Diagnostic =>
  problem("NDA0501", span, `${what} is not a stage`, { notes: ["after `|>` stands a function, a block, an augment or a model"] })

export const unknownArgument = (span: Span, callee: string, name: string, known: readonly string[], suggestion: string | undefined): Diagnostic =>
  problem("NDA0502", span, `\`${callee}\` has no parameter \`${name}\``, {
    notes: [known.length > 0 ? `its parameters are ${known.join(", ")}` : "it takes no named parameters"],
    hint: suggestion ? replace(`did you mean \`${suggestion}\`?`, span, suggestion) : undefined,
  })

export const configurationFirst = (span: Span, callee: string, example: string, edit: Hint | undefined): Diagnostic =>
  problem("NDA0503", span, `\`${callee}\` takes its configuration first`, { hint: edit ?? `write ${example}` })

export const missingArgument = (span: Span, callee: string, parameter: string, type: string | undefined): Diagnostic =>
  problem("NDA0504", span, `\`${callee}\` needs \`${parameter}\`${type ? `, which is ${type}` : ""}`, {})

export const incompleteCall = (span: Span, callee: string, parameter: string): Diagnostic =>
  problem("NDA0504", span, `\`${callee}\` needs \`${parameter}\``, { notes: ["without it this is a stage, and a value is needed where it is used"] })

export const pipeMismatch = (span: Span, stage: string, wanted: string, carried: string, hint: string | undefined): Diagnostic =>
  problem("NDA0505", span, "this stage cannot take what is piped into it", { label: `${stage} wants ${wanted}, the pipe carries ${carried}`, hint })

export const tooManyArguments = (span: Span, callee: string, most: number): Diagnostic =>
  problem("NDA0506", span, `\`${callee}\` takes ${most === 0 ? "no arguments" : most === 1 ? "one argument" : `at most ${most} arguments`}`, {})

export const argumentTwice = (span: Span, callee: string, name: string): Diagnostic =>
  problem("NDA0507", span, `\`${name}\` of \`${callee}\` is given twice`, {})

export const argumentType = (span: Span, callee: string, parameter: string, wanted: string, actual: string, hint?: string): Diagnostic =>
  problem("NDA0508", span, `\`${parameter}\` of \`${callee}\` is ${wanted}, and this is ${actual}`, { hint })

export const notAnOption = (span: Span, parameter: string, value: string, options: readonly string[], suggestion: string | undefined): Diagnostic =>
  problem("NDA0509", span, `"${value}" is not a choice of \`${parameter}\``, {
    notes: [`the choices are ${options.map((o) => `"${o}"`).join(", ")}`],
    hint: suggestion ? `did you mean "${suggestion}"?` : undefined,
  })

export const notCallable = (span: Span, what: string): Diagnostic => problem("NDA0510", span, `${what} cannot be called`, {})

/** A value of the program has the name of a function that is wanted here. */
export const hidesFunction = (span: Span, name: string, what: string, made: Span | undefined): Diagnostic =>
  problem("NDA0510", span, `\`${name}\` is ${what} here, which cannot be called`, {
    related: [made && { span: made, text: `this hides the function \`${name}\`` }],
    hint: "give the value another name",
  })

export const coordinateCount = (span: Span, wanted: number, given: number, names: string): Diagnostic =>
  problem("NDA0511", span, `this picture has ${wanted} coordinates (${names}), and ${given} ${given === 1 ? "is" : "are"} given`, {})

export const wouldStayBehind = (span: Span, stage: string, field: string, alias: string): Diagnostic =>
  problem("NDA0512", span, `\`${stage}\` moves pixels, and \`${field}\` (${alias}) would stay behind`, {
    hint: "draw what the stage draws yourself, apply it to both, and put the result back: b with { image: … }",
  })

export const notStatic = (span: Span, what: string): Diagnostic =>
  problem("NDA0513", span, `${what} must be known when the program is compiled`, {})

export const extentsNeeded = (span: Span): Diagnostic =>
  problem("NDA0514", span, "`at` needs an extent for each coordinate here", { notes: ["inside an augment the picture's own size is meant; elsewhere write at (i: n, j: 4) => …"] })

export const noPicture = (span: Span, stage: string, actual: string): Diagnostic =>
  problem("NDA0515", span, `\`${stage}\` is an augment: it takes a picture, and this is ${actual}`, {
    notes: ["a picture is Image[n, c, h, w], a clip is Clip[n, c, t, h, w], or a record with such fields"],
  })

export const patternMismatch = (span: Span, wanted: number, actual: string): Diagnostic =>
  problem("NDA0516", span, `this pattern takes ${wanted} values, and the value is ${actual}`, {})

export const unaryMisuse = (span: Span, op: string, actual: string): Diagnostic =>
  problem("NDA0517", span, `\`${op}\` does not apply to ${actual}`, {})

export const notTogether = (span: Span, why: string, notes: readonly string[]): Diagnostic =>
  problem("NDA0518", span, `these do not run together: ${why}`, { notes })
