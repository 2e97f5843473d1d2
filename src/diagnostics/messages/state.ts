/** Words for family 06: parameters, state, models and where statements may stand. */
import type { Diagnostic } from "../../base/diagnostic.ts"
import type { Span } from "../../base/span.ts"
import { problem, replace } from "../problem.ts"

export const nextTwice = (span: Span, name: string, first: Span, integer: boolean): Diagnostic =>
  problem("NDA0601", span, integer ? `\`next ${name}\` is proposed twice with integer values; only float state is averaged` : `\`next ${name}\` is written twice in one body`, { related: [{ span: first, text: "first here" }] })

export const nextOfNothing = (span: Span, name: string, suggestion: string | undefined): Diagnostic =>
  problem("NDA0602", span, `\`next ${name}\` without \`state ${name}\``, {
    hint: suggestion ? replace(`did you mean \`${suggestion}\`?`, span, suggestion) : `declare it: state ${name}: f32 = 0`,
  })

export const notInThisPlace = (span: Span, word: string, where: string, place: string): Diagnostic =>
  problem("NDA0603", span, `\`${word}\` cannot stand in ${where}`, { notes: [`it belongs in ${place}`] })

export const minimizeTwice = (span: Span, model: string, first: Span): Diagnostic =>
  problem("NDA0604", span, `\`${model}\` is minimised twice in one step`, { related: [{ span: first, text: "first here" }], hint: "add the two losses, or make two steps" })

export const notAModel = (span: Span, name: string, what: string): Diagnostic =>
  problem("NDA0605", span, `\`${name}\` is not a model`, { notes: [`it is ${what}; a model is declared with \`model ${name} = …\``] })

export const modelNeedsBlock = (span: Span, actual: string): Diagnostic =>
  problem("NDA0606", span, "a model is a block that has been given its configuration", { notes: [`this is ${actual}`] })

export const trainingModel = (span: Span, model: string): Diagnostic =>
  problem("NDA0607", span, `a \`fn\` may apply \`${model}\` only where \`training\` is false`, { hint: `use frozen(${model})` })

export const twoSteps = (span: Span, name: string, first: Span): Diagnostic =>
  problem("NDA0608", span, `there are two steps called \`${name}\``, { related: [{ span: first, text: "first here" }] })

export const emptyTrain = (span: Span, name: string): Diagnostic => problem("NDA0609", span, `\`train ${name}\` has no step`, {})

export const reportsRecord = (span: Span, actual: string): Diagnostic =>
  problem("NDA0610", span, "`report` takes a record: report { name: value }", { notes: [`this is ${actual}`] })

export const bestNumber = (span: Span, actual: string): Diagnostic =>
  problem("NDA0611", span, "`best=` takes one number, of which more is better", { notes: [`this is ${actual}`], hint: "write best=q.auroc, or best=-q.fid where less is better" })

export const oneBatchOnly = (span: Span, entry: string, field: string): Diagnostic =>
  problem("NDA0612", span, `\`${entry}.${field}\` belongs to one batch, not to the whole data set`, {
    notes: ["a train takes from an eval what its states have gathered"], hint: "gather it with a metric: mean_of(…), histogram(…), auroc(…)(…)",
  })

export const sizedByBatch = (span: Span, entry: string, slot: string): Diagnostic =>
  problem("NDA0614", span, `\`${slot}\` of \`${entry}\` has the size of a batch, and the last batch is smaller`, {
    hint: "give it a size of its own, or a batch size that divides the number of samples",
  })

export const hostOnly = (span: Span, name: string): Diagnostic =>
  problem("NDA0613", span, `\`${name}\` is computed on the host, once: it belongs in the result of an \`eval\``, {
    notes: ["what it reads must come from the states of metrics, not from a batch or a step"], hint: "call the eval inside `every`, and report what it gives",
  })

export const reportedKind = (span: Span, name: string, actual: string): Diagnostic =>
  problem("NDA0610", span, `\`${name}\` of this report is ${actual}`, { notes: ["numbers become metrics, pictures become grids"] })
