/** Two or more runs of one program side by side, as one page that needs no other file: a share of theirs, what they counted, pictures by step. */
import { chart, colourOf } from "./curve.ts"
import { escape, rowsOf, section, style } from "./report-page.ts"

export interface ComparedRun {
  readonly name: string
  /** A metric's value at the end, and the same metric by step. */
  readonly share: number
  readonly line: readonly { readonly step: number; readonly value: number }[]
  readonly steps: number
  readonly seconds: number
  /** How many pictures showed 0, 1, 2 … things. */
  readonly counts: readonly number[]
  readonly pictures: readonly { readonly step: number; readonly png: Uint8Array }[]
}

export interface Comparison {
  readonly title: string
  readonly lead: string
  /** What `share` is a share of, as a heading says it. */
  readonly metric: string
  /** The count that is right. */
  readonly right: number
  readonly runs: readonly ComparedRun[]
  /** The same metric of what is not a run: real pictures, an untrained generator. */
  readonly others: readonly { readonly name: string; readonly share: number }[]
  readonly data: readonly { readonly name: string; readonly png: Uint8Array }[]
  readonly facts: readonly (readonly [string, string])[]
}

/** Pairs of pictures shown at most. */
const mostRows = 6

const ownStyle = `
.columns { display: grid; gap: 1rem } .bar { display: inline-block; height: .8rem; vertical-align: middle; margin-right: .4rem } td.share { min-width: 17rem }
tr.right td { font-weight: 600 } .columns figure { border: 0; padding: 0; margin: 0 }`

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

/** Some of the steps: the first, the last, and between them such that each is about as many times later as the one before. */
export const shownSteps = (all: readonly number[], most = mostRows): readonly number[] => {
  const steps = [...new Set(all)].sort((a, b) => a - b)
  if (steps.length <= most) return steps
  const [first, last] = [steps[0]!, steps[steps.length - 1]!]
  const wanted = Array.from({ length: most }, (_, i) => first * (last / first) ** (i / (most - 1)))
  const places = wanted.map((step) => steps.reduce((best, each, at) => (Math.abs(each - step) < Math.abs(steps[best]! - step) ? at : best), 0))
  return [...new Set(places)].map((at) => steps[at]!)
}

const shares = ({ metric, runs, others }: Comparison): string => {
  const rows = [
    ...runs.map((run, i) => `<tr><td><b style="color: ${colourOf(i)}">${escape(run.name)}</b></td><td class="n"><b>${percent(run.share)}</b></td><td class="n">${run.steps}</td><td class="n">${run.seconds.toFixed(0)}</td></tr>`),
    ...others.map((other) => `<tr><td>${escape(other.name)}</td><td class="n">${percent(other.share)}</td><td></td><td></td></tr>`),
  ]
  return `<table><tr><th></th><th class="n">${escape(metric)}</th><th class="n">steps</th><th class="n">seconds</th></tr>${rows.join("")}</table>`
}

const histogram = ({ runs, right }: Comparison): string => {
  const part = (run: ComparedRun, count: number): number => (run.counts[count] ?? 0) / Math.max(1, run.counts.reduce((sum, each) => sum + each, 0))
  const last = runs.reduce((most, run) => run.counts.reduce((seen, each, count) => (each > 0 ? Math.max(seen, count) : seen), most), right)
  const cell = (run: ComparedRun, i: number, count: number): string => {
    const share = part(run, count)
    return `<td class="share"><span class="bar" style="width: ${(12 * share).toFixed(2)}rem; background: ${colourOf(i)}"></span>${percent(share)}</td>`
  }
  const rows = Array.from({ length: last + 1 }, (_, count) => `<tr${count === right ? ' class="right"' : ""}><td class="n">${count}</td>${runs.map((run, i) => cell(run, i, count)).join("")}</tr>`)
  return `<table><tr><th class="n">count</th>${runs.map((run) => `<th>${escape(run.name)}</th>`).join("")}</tr>${rows.join("")}</table>`
}

const picture = (label: string, png: Uint8Array): string =>
  `<figure><figcaption>${escape(label)}</figcaption><img alt="${escape(label)}" src="data:image/png;base64,${Buffer.from(png).toString("base64")}"></figure>`

const pictures = ({ runs }: Comparison): string => shownSteps(runs.flatMap((run) => run.pictures.map(({ step }) => step)))
  .map((step) => {
    const cells = runs.map((run) => {
      const found = run.pictures.find((each) => each.step === step)
      return found === undefined ? "<div></div>" : picture(`${run.name}, step ${step}`, found.png)
    })
    return `<div class="columns" style="grid-template-columns: repeat(${runs.length}, 1fr)">${cells.join("")}</div>`
  }).reverse().join("\n")

export const comparisonPage = (comparison: Comparison): string => {
  const { title, lead, metric, runs, data, facts } = comparison
  const lines = runs.flatMap((run) => (run.line.length === 0 ? [] : [{ name: run.name, points: run.line }]))
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(title)}</title><style>${style}${ownStyle}</style></head><body>
<h1>${escape(title)}</h1><p class="lead">${escape(lead)}</p>
${shares(comparison)}
${section("How many are counted", histogram(comparison))}
${lines.length === 0 ? "" : section("While learning", `<div class="charts">${chart(metric, lines)}</div>`)}
${section("Generated pictures, the latest first", pictures(comparison))}
${data.length === 0 ? "" : section("What the runs are shown", data.map(({ name, png }) => picture(name, png)).join("\n"))}
${section("Runs", rowsOf(facts))}
</body></html>
`
}
