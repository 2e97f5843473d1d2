/** Words for family 09: data, entries and settings. */
import type { Diagnostic } from "../../base/diagnostic.ts"
import type { Span } from "../../base/span.ts"
import { problem } from "../problem.ts"

export const freeSize = (span: Span, entry: string, name: string): Diagnostic =>
  problem("NDA0901", span, `\`${entry}\` leaves the size \`${name}\` open`, { hint: `give it with --set ${name}=16, or with the shape of --input` })

export const unknownSetting = (span: Span, name: string, known: readonly string[], suggestion: string | undefined): Diagnostic =>
  problem("NDA0902", span, `there is no setting \`${name}\` here`, {
    notes: [known.length > 0 ? `the settings are ${known.join(", ")}` : "this program has no const, parameter or open size"],
    hint: suggestion ? `did you mean --set ${suggestion}=…?` : undefined,
  })

export const dataDisagrees = (span: Span, field: string, loader: string, declared: string, delivered: string): Diagnostic =>
  problem("NDA0903", span, `\`${field}\` is declared as ${declared}, and \`${loader}\` delivers ${delivered}`, {})

export const fieldNotDelivered = (span: Span, field: string, loader: string, known: readonly string[], suggestion: string | undefined): Diagnostic =>
  problem("NDA0903", span, `\`${loader}\` delivers no field \`${field}\``, {
    notes: [`it delivers ${known.join(", ")}`], hint: suggestion ? `did you mean \`${suggestion}\`?` : undefined,
  })

export const notADataSet = (span: Span, name: string, actual: string): Diagnostic =>
  problem("NDA0911", span, `\`data ${name}\` needs a data set after \`=\`, and this is ${actual}`, { hint: "write for instance: folder(\"photos\", size=64)" })

export const notASource = (span: Span, actual: string): Diagnostic =>
  problem("NDA0904", span, `after \`in\` stands a batched data set, and this is ${actual}`, { hint: "write for instance: b in cifar10.train(batch=64)" })

export const limitExceeded = (span: Span, message: string, others: number): Diagnostic =>
  problem("NDA0905", span, `this does not fit the device: ${message}`, { notes: [others > 0 ? `${others} other ${others === 1 ? "value does" : "values do"} not fit either` : undefined], hint: "make the batch or the pictures smaller, or run on a device with larger limits (nda devices)" })

export const whichEntry = (span: Span, entries: readonly string[], asked: string | undefined, suggestion: string | undefined): Diagnostic =>
  problem("NDA0906", span, asked ? `there is no entry \`${asked}\` in this file` : entries.length === 0 ? "this file has no entry to run" : "this file has several entries: say which", {
    notes: [entries.length > 0 ? `its entries are ${entries.join(", ")}` : "an entry is a graph, an eval or a train"],
    hint: suggestion ? `did you mean ${suggestion}?` : undefined,
  })

export const badOption = (span: Span, loader: string, option: string, why: string): Diagnostic =>
  problem("NDA0907", span, `\`${option}\` of \`${loader}\`: ${why}`, {})

export const settingValue = (span: Span, name: string, value: string, wanted: string): Diagnostic =>
  problem("NDA0908", span, `--set ${name}=${value}: ${wanted} is expected`, {})

export const needsTraining = (span: Span, entry: string, what: string): Diagnostic =>
  problem("NDA0909", span, `\`${entry}\` checks, but this version runs graphs without parameters only`, { notes: [what] })

export const outputKind = (span: Span, entry: string, actual: string): Diagnostic =>
  problem("NDA0910", span, `\`${entry}\` gives ${actual}; an entry gives a tensor or a record of tensors`, {})
