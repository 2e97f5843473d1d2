/** Words for family 03: populations. */
import type { Diagnostic } from "../../base/diagnostic.ts"
import type { Span } from "../../base/span.ts"
import type { Reason } from "../../types/dimension.ts"
import { problem } from "../problem.ts"

const words: Record<string, string> = { neg: "negative", real: "real", fake: "generated", mixed: "mixed" }
export const samples = (population: string | undefined): string => (population === undefined ? "samples of no stated population" : `${words[population] ?? population} samples`)

export const wrongPopulation = (
  span: Span, actual: string | undefined, wanted: string, actualType: string, wantedType: string, parameter: string, became: Reason | undefined, swap: string | undefined,
): Diagnostic =>
  problem("NDA0301", span, `${samples(actual)} where ${words[wanted] ?? wanted} ones are required`, {
    label: `${actualType}, but ${parameter} wants ${wantedType}`,
    related: [became && { span: became.span, text: became.note }],
    notes: [actual === undefined ? "a tag comes from `data`, a block's result type or a negative augment; `assume(real)(x)` asserts one" : undefined],
    hint: swap,
  })

export const populationsDisagree = (span: Span, left: string, right: string, leftType: string, rightType: string, reasons: readonly (Reason | undefined)[]): Diagnostic =>
  problem("NDA0302", span, `${words[left] ?? left} and ${words[right] ?? right} samples meet along one dimension`, {
    notes: [`left: ${leftType}`, `right: ${rightType}`],
    related: reasons.map((r) => r && { span: r.span, text: r.note }),
    hint: "use `together(D)(a, b)` to run a model on both, or `plain(x)` to drop a tag on purpose",
  })

export const plainAugmentLeaves = (span: Span, name: string, became: Reason | undefined): Diagnostic =>
  problem("NDA0303", span, `\`${name}\` is a plain augment, but its result is negative`, {
    related: [became && { span: became.span, text: became.note }],
    hint: `declare it as \`negative augment ${name}\``,
  })

export const declaredPopulation = (span: Span, population: string): Diagnostic =>
  problem("NDA0304", span, `a result type may introduce \`@fake\`, not \`@${population}\``, {
    notes: ["`@real` comes from data, `@neg` from a negative augment"],
    hint: `write assume(${population})(x) where you are sure`,
  })

export const sometimesNegative = (span: Span, what: string, probability: string | undefined): Diagnostic =>
  problem("NDA0305", span, "these samples would be negative only sometimes", {
    label: probability ? `negative with probability ${probability}` : what,
    notes: ["a batch has one population; draw the choice per batch, or make two batches"],
  })

export const tagOnNothing = (span: Span, what: string): Diagnostic =>
  problem("NDA0306", span, `${what} takes a batch of samples`, { notes: ["a population belongs to the first dimension of a tensor or to the fields of a record"] })
