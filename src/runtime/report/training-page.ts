/** `report.html` of a training run: how it stands, pictures by step, curves, and what ran where, as one page that needs no other file. */
import { chart, short, type Series } from "./curve.ts"
import { escape, rowsOf, section, style } from "./report-page.ts"

export interface TrainingReport {
  readonly file: string
  readonly entry: string
  readonly program: string
  /** One line on how it went: steps, time, device. */
  readonly standing: string
  readonly facts: readonly (readonly [string, string])[]
  readonly lines: readonly { readonly step: number; readonly seconds: number; readonly [name: string]: number }[]
  readonly pictures: readonly { readonly name: string; readonly step: number; readonly png: Uint8Array }[]
  /** Models that are kept where a number is highest. */
  readonly best: Readonly<Record<string, { readonly value: number; readonly step: number }>>
  readonly warnings: readonly string[]
}

const ownStyle = `
body { max-width: 1500px }
.film { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(330px, 100%), 1fr)); gap: .8rem }
.film figure, .newest { border: 0; padding: 0; margin: 0 !important } .film img { width: 100% } .newest img { width: auto; max-width: min(100%, 860px) }
`

const isLater = (a: string, b: string): boolean => b.startsWith(`${a}_`)
const spread = (s: Series): number => Math.max(...s.points.map(({ value }) => Math.abs(value)))

interface Chart {
  readonly title: string
  readonly series: Series[]
  /** Terms of a step, named `step.term`. */
  readonly ofStep: boolean
}

/** What belongs on one chart: the terms of a step, and a value beside those that begin with its name (`value`, `value_theory`) where the two are of one size. */
const grouped = (all: readonly Series[]): readonly Chart[] => {
  const made: Chart[] = []
  for (const s of all) {
    const dot = s.name.lastIndexOf(".")
    const step = dot < 0 ? undefined : s.name.slice(0, dot)
    const fits = ({ title, series, ofStep }: Chart): boolean =>
      step === undefined ? !ofStep && isLater(title, s.name) && spread(s) <= 10 * spread(series[0]!) && spread(series[0]!) <= 10 * spread(s) : ofStep && title === step
    const known = made.find(fits)
    const own = step === undefined ? s : { ...s, name: s.name.slice(dot + 1) }
    if (known) known.series.push(own)
    else made.push({ title: step ?? s.name, series: [own], ofStep: step !== undefined })
  }
  return made
}

const charts = (lines: TrainingReport["lines"]): string => {
  const names = [...new Set(lines.flatMap((line) => Object.keys(line)))].filter((name) => name !== "step" && name !== "seconds")
  const all = grouped(names.map((name): Series => ({ name, points: lines.flatMap((line) => (line[name] === undefined ? [] : [{ step: line.step, value: line[name] }])) })))
  // Reports say more than the terms of a loss.
  return [...all.filter(({ ofStep }) => !ofStep), ...all.filter(({ ofStep }) => ofStep)].map(({ title, series, ofStep }) => chart(ofStep && series.length === 1 ? `${title}.${series[0]!.name}` : title, series)).join("\n")
}

/** The newest value of what is reported by name, and the best. */
const tiles = (report: TrainingReport): string => {
  const newest = new Map<string, { readonly step: number; readonly value: number }>()
  for (const { step, seconds: _, ...values } of report.lines) for (const [name, value] of Object.entries(values)) if (!name.includes(".") && value !== undefined) newest.set(name, { step, value })
  const cells = [
    ...[...newest].slice(0, 10).map(([name, { step, value }]) => `<div><b>${short(value)}</b><span>${escape(name)}, step ${step}</span></div>`),
    ...Object.entries(report.best).map(([model, { value, step }]) => `<div><b>${short(value)}</b><span>best ${escape(model)}, step ${step}</span></div>`),
  ]
  return cells.length === 0 ? "" : `<div class="tiles">${cells.join("")}</div>`
}

const image = (name: string, step: number, png: Uint8Array): string => `<figcaption>step ${step}</figcaption><img loading="lazy" alt="${escape(name)} at step ${step}" src="data:image/png;base64,${Buffer.from(png).toString("base64")}">`

/** Earlier pictures are told apart at this many; a longer run shows some of them, evenly spread. */
const mostEarlier = 12

const pictures = (all: TrainingReport["pictures"]): string => {
  const names = [...new Set(all.map((picture) => picture.name))]
  return names.map((name) => {
    const own = all.filter((picture) => picture.name === name)
    const newest = own[own.length - 1]!
    const earlier = own.slice(0, -1)
    const some = earlier.length <= mostEarlier ? earlier : Array.from({ length: mostEarlier }, (_, i) => earlier[Math.round((i * (earlier.length - 1)) / (mostEarlier - 1))]!)
    const film = some.map(({ step, png }) => `<figure>${image(name, step, png)}</figure>`).join("\n")
    const words = some.length < earlier.length ? `<p class="lead">${some.length} of ${earlier.length} earlier ones; all are in samples/.</p>` : ""
    return section(escape(name), `<figure class="newest">${image(name, newest.step, newest.png)}</figure>${some.length === 0 ? "" : `<h3>On the way</h3><div class="film">${film}</div>${words}`}`)
  }).join("\n")
}

export const trainingPage = (report: TrainingReport): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(report.entry)}: ${escape(report.file)}</title><style>${style}${ownStyle}</style></head><body>
<h1>${escape(report.entry)}</h1><p class="lead">${escape(report.file)}: ${escape(report.standing)}</p>
${report.warnings.map((warning) => `<p class="warning">${escape(warning)}</p>`).join("\n")}
${tiles(report)}
${pictures(report.pictures)}
${report.lines.length === 0 ? "" : section("Curves", `<div class="charts">${charts(report.lines)}</div>`)}
${section("Run", rowsOf(report.facts))}
${section("Program", `<pre>${escape(report.program)}</pre>`)}
</body></html>
`
