/** Words for family 07: losses and gradients. */
import type { Diagnostic } from "../../base/diagnostic.ts"
import type { Span } from "../../base/span.ts"
import { problem } from "../problem.ts"

export const lossNotScalar = (span: Span, actual: string): Diagnostic =>
  problem("NDA0701", span, `a loss is one number, and this is ${actual}`, { hint: "take its mean" })

export const noGradient = (span: Span, model: string, cut: readonly string[]): Diagnostic =>
  problem("NDA0702", span, `no gradient reaches \`${model}\``, {
    notes: [`the loss does not depend on the parameters of \`${model}\``, ...cut.map((name) => `\`${name}\` carries no gradient to it`)],
    hint: cut.length > 0 ? `write \`${model}\` for \`${cut[0]}\` in the loss` : "leave it out of `over`, or use it in the loss",
  })

export const overNothing = (span: Span): Diagnostic =>
  problem("NDA0703", span, "a gradient is taken over a tensor, a model or a list of them", {})

export const frozenOver = (span: Span, model: string): Diagnostic =>
  problem("NDA0704", span, `\`${model}\` follows another model and carries no gradient`, { hint: "minimise over the model it follows" })
