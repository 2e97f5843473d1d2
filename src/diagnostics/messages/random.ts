/** Words for family 08: randomness. */
import type { Diagnostic } from "../../base/diagnostic.ts"
import type { Span } from "../../base/span.ts"
import { problem } from "../problem.ts"

export const drawInPure = (span: Span, name: string, role: string): Diagnostic =>
  problem("NDA0801", span, `\`~\` draws a random value, and \`${name}\` is a \`${role}\``, { hint: "make it a block, or pass the draw in" })

export const notADistribution = (span: Span, actual: string): Diagnostic =>
  problem("NDA0802", span, `\`~\` needs a distribution, and this is ${actual}`, {
    notes: ["the distributions are uniform normal randint bernoulli beta categorical permutation derangement partner"],
    hint: "for a plain value write `=`",
  })

export const drawShape = (span: Span): Diagnostic =>
  problem("NDA0803", span, "a draw outside an augment needs a shape", { hint: "annotate it: let z: f32[n, 128] ~ normal()" })

export const notDrawn = (span: Span, dist: string): Diagnostic =>
  problem("NDA0804", span, `\`${dist}\` is a distribution: it is drawn from with \`~\``, { hint: "write `~` instead of `=`" })

export const parameterRange = (span: Span, dist: string, parameter: string, value: string, wanted: string): Diagnostic =>
  problem("NDA0805", span, `${parameter} of \`${dist}\` is ${value}, and it must ${wanted === "not empty" ? "hold a value" : `be ${wanted}`}`, {})

export const drawInAt = (span: Span): Diagnostic =>
  problem("NDA0806", span, "a draw cannot stand inside `at`", { notes: ["draws are made once per sample, before any pixel"], hint: "draw it before, with a shape: let e: f32[c, h, w] ~ normal()" })

export const partnerOfWhat = (span: Span, actual: string): Diagnostic =>
  problem("NDA0807", span, `partner draws another sample's picture, and this is ${actual}`, { hint: "use it inside an augment: let mate ~ partner(img)" })

export const drawType = (span: Span, dist: string, wanted: string, actual: string): Diagnostic =>
  problem("NDA0808", span, `\`${dist}\` draws ${wanted}, and the annotation says ${actual}`, {})
