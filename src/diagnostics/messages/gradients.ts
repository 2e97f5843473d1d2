/** Words for family 07: losses and gradients. */
import type { Diagnostic, Related } from "../../base/diagnostic.ts"
import type { Span } from "../../base/span.ts"
import { problem } from "../problem.ts"

export const lossNotScalar = (span: Span, actual: string): Diagnostic =>
  problem("NDA0701", span, `a loss is one number, and this is ${actual}`, { hint: "take its mean" })

/** Where a path to the loss ends. */
interface Place {
  readonly span: Span
  readonly why: string
}
const places = (cuts: readonly Place[]): Related[] => cuts.slice(0, 3).map(({ span, why }) => ({ span, text: why }))
const more = (cuts: readonly Place[]): string | undefined => (cuts.length > 3 ? `paths end at ${cuts.length - 3} more places` : undefined)

export const noGradient = (span: Span, model: string, without: readonly string[], cuts: readonly Place[] = []): Diagnostic =>
  problem("NDA0702", span, `no gradient reaches \`${model}\``, {
    related: places(cuts),
    notes: [cuts.length === 0 ? `the loss does not depend on the parameters of \`${model}\`` : `every path from the parameters of \`${model}\` to the loss ends on the way`, more(cuts), ...without.map((name) => `\`${name}\` carries no gradient to it`)],
    hint: without.length > 0 ? `write \`${model}\` for \`${without[0]}\` in the loss` : cuts.length > 0 ? undefined : "leave it out of `over`, or use it in the loss",
  })

export const noGradientOver = (span: Span, loss: Span, cuts: readonly Place[], composed: boolean): Diagnostic =>
  problem("NDA0702", span, "no gradient reaches what `over` names", {
    related: [...(cuts.length === 0 ? [{ span: loss, text: "this does not depend on it" }] : []), ...places(cuts)],
    notes: [cuts.length > 0 ? "every path from it to the number ends on the way" : undefined, more(cuts), composed ? "it is a picture that was composed with the augments after it, which do not read it from memory" : undefined],
    hint: composed ? "end its definition with `|> raster`" : undefined,
  })

export const constantOver = (span: Span, actual: string): Diagnostic =>
  problem("NDA0702", span, "no gradient reaches a constant", { notes: [`its value is known when the program is compiled: ${actual}`], hint: "take the gradient over a tensor that the number is computed from" })

export const gradientOfIntegers = (span: Span, word: "of" | "over", actual: string): Diagnostic =>
  problem("NDA0705", span, `a gradient is taken ${word} real numbers, and this is ${actual}`, { hint: word === "over" ? "take it over the f32 tensor that this was made from" : "a mean or a sum of f32 values has a gradient" })

export const overNothing = (span: Span): Diagnostic =>
  problem("NDA0703", span, "a gradient is taken over a tensor, a model or a list of them", {})

export const frozenOver = (span: Span, model: string): Diagnostic =>
  problem("NDA0704", span, `\`${model}\` follows another model and carries no gradient`, { hint: "minimise over the model it follows" })
