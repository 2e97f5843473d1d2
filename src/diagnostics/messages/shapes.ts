/** Words for family 04: shapes, sizes and element types. */
import type { Diagnostic, Hint, Related } from "../../base/diagnostic.ts"
import type { Span } from "../../base/span.ts"
import { problem } from "../problem.ts"

export const shapesDiffer = (span: Span, op: string, left: { span: Span; type: string }, right: { span: Span; type: string }, differences: string, notes: readonly string[], hint: string | undefined, origins: readonly Related[]): Diagnostic =>
  problem("NDA0401", span, `\`${op}\` needs two tensors of the same shape`, {
    label: differences,
    related: [{ span: left.span, text: left.type }, { span: right.span, text: right.type }, ...origins],
    notes, hint,
  })

export const matmulMismatch = (span: Span, sides: readonly Related[], difference: string, notes: readonly string[], turned: Span | undefined): Diagnostic =>
  problem("NDA0402", span, "`@` needs the last dimension of the left to be the first of the right", {
    label: difference, related: sides, notes,
    hint: turned && { text: "transpose the right: write `.T` after it", edit: { span: { ...turned, start: turned.end }, replacement: ".T" } },
  })

export const matmulRank = (span: Span, sides: readonly Related[]): Diagnostic =>
  problem("NDA0402", span, "`@` takes matrices and vectors", { related: sides, hint: "for more dimensions write einsum" })

export const notADimension = (span: Span, what: string, type: string): Diagnostic =>
  problem("NDA0403", span, `${type} has no dimension \`${what}\``, { notes: ["`over=` names dimensions of the argument; `axis=` counts them from 0"] })

export const ambiguousDimension = (span: Span, what: string, type: string): Diagnostic =>
  problem("NDA0404", span, `${what} is ambiguous: it fits more than one dimension of ${type}`, { hint: "say which by its number: axis=0, or expand(x, axis=0)" })

export const reshapeCount = (span: Span, from: string, to: string, notes: readonly string[]): Diagnostic =>
  problem("NDA0405", span, `${from} cannot be reshaped to ${to}: the number of elements differs`, { notes })

export const axisOutOfRange = (span: Span, axis: number, type: string, rank: number): Diagnostic =>
  problem("NDA0406", span, `axis ${axis} is out of range for ${type}`, { notes: [rank === 0 ? "a scalar has no axes" : `its axes are 0 to ${rank - 1}, or -1 to -${rank} from the end`] })

export const sizeMismatch = (span: Span, what: string, wanted: string, actual: string, differences: string, notes: readonly string[], related: readonly (Related | undefined)[] = []): Diagnostic =>
  problem("NDA0407", span, `${what} is ${actual}, and ${wanted} is expected`, { label: differences, notes, related })

export const rankMismatch = (span: Span, what: string, wanted: string, actual: string, hint: Hint | string | undefined): Diagnostic =>
  problem("NDA0408", span, `${what} has the wrong number of dimensions: ${actual}, and ${wanted} is expected`, { hint })

export const whereViolated = (span: Span, callee: string, clause: Span, text: string, values: readonly string[]): Diagnostic =>
  problem("NDA0409", span, `\`${callee}\` needs ${text}`, { related: [{ span: clause, text: "required here" }], notes: values.length > 0 ? [`here ${values.join(", ")}`] : [] })

export const concatMismatch = (span: Span, first: string, other: string, axis: number): Diagnostic =>
  problem("NDA0410", span, `these cannot be joined along axis ${axis}: all other dimensions must agree`, { notes: [`first: ${first}`, `other: ${other}`] })

export const einsumPattern = (span: Span, pattern: string, why: string): Diagnostic =>
  problem("NDA0411", span, `the einsum pattern "${pattern}" does not fit: ${why}`, { notes: ["a pattern is like \"nd,kd->nk\": one letter a dimension, operands separated by commas"] })

export const sizeNotPositive = (span: Span, size: string, value: number, notes: readonly string[]): Diagnostic =>
  problem("NDA0412", span, `this size would be ${value}, and a size is at least 1`, { label: size === String(value) ? undefined : size, notes })

export const sizeTooLarge = (span: Span, value: number): Diagnostic =>
  problem("NDA0413", span, `this size is ${value > Number.MAX_SAFE_INTEGER ? "far" : value}, more than a tensor can have`.replace("is far, more", "is far more"), { notes: ["a size is at most 2,147,483,647"] })

export const indexProblem = (span: Span, why: string, type: string): Diagnostic =>
  problem("NDA0414", span, why, { notes: [`the tensor is ${type}`] })

export const sizeUndetermined = (span: Span, name: string, other?: string): Diagnostic =>
  problem("NDA0415", span, other ? `a size is a whole number, and \`${name}\` is ${other}` : `nothing here says what \`${name}\` is`, { notes: ["a size is bound where a name stands alone as a dimension of a parameter"] })

export const branchesDiffer = (span: Span, then: Related, otherwise: Related): Diagnostic =>
  problem("NDA0416", span, "the branches of an `if` on a tensor are tensors of one shape", { related: [then, otherwise], notes: ["each element takes its value from one of the two"] })

export const elementType = (span: Span, what: string, wanted: string, actual: string, hint: string | undefined): Diagnostic =>
  problem("NDA0417", span, `${what} is ${actual}, and ${wanted} is expected`, { hint })

export const loopChangesType = (span: Span, before: string, after: string): Diagnostic =>
  problem("NDA0419", span, "this loop's value changes type, and how often it runs is not known here", { notes: [`before: ${before}`, `after: ${after}`] })

export const sizeTooComplex = (span: Span): Diagnostic =>
  problem("NDA0420", span, "this size is too large to compute with", { notes: ["numbers stay below 2**53; sizes with names have at most 64 terms of degree 12"] })

export const missingElse = (span: Span): Diagnostic =>
  problem("NDA0421", span, "this `if` needs an `else`", { notes: ["an `if` is an expression: both sides give its value"] })

export const divisionByZero = (span: Span): Diagnostic => problem("NDA0422", span, "this divides a size by zero", {})
