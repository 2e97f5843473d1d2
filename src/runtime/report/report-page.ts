/** `report.html`: a run as one page that needs no other file. Equal runs give equal pages, but for the seconds. */
import type { OutputPlan, Plan } from "../../plan/plan.ts"
import { sizeText } from "../buffers.ts"
import { bars } from "./bars.ts"
import { kernelUses } from "./kernel-uses.ts"

export interface ReportPicture {
  readonly name: string
  readonly population: string | undefined
  readonly shape: readonly number[]
  readonly png: Uint8Array
  /** Pictures of the row that are shown, of how many. */
  readonly shown: number
  readonly of: number
}

export interface ReportValue {
  readonly output: OutputPlan
  readonly low: number
  readonly high: number
  readonly mean: number
  /** All of them, where there are few. */
  readonly values?: readonly number[]
}

export interface Report {
  readonly file: string
  readonly entry: string
  readonly program: string
  readonly plan: Plan
  readonly settings: Readonly<Record<string, string | number | boolean>>
  readonly seed: number
  readonly adapter: string
  readonly adapterKind: string
  readonly versions: Readonly<Record<string, string>>
  readonly seconds: number
  readonly dispatches: number
  readonly passes: number
  readonly submits: number
  /** What each source turned out to be: the loader's words. */
  readonly sources: readonly { readonly name: string; readonly text: string }[]
  readonly pictures: readonly ReportPicture[]
  readonly values: readonly ReportValue[]
  readonly fused: string | undefined
  readonly warnings: readonly string[]
}

const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" }
export const escape = (text: string): string => text.replace(/[&<>"']/g, (character) => escapes[character]!)

export const style = `
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --real: #2e7d3222; --neg: #d8431522; --fake: #1565c022; --mixed: #6a1b9a22; }
* { box-sizing: border-box }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 1900px; padding: 1.5rem 2rem 4rem }
h1 { font-size: 1.4rem; margin: 0 0 .25rem } h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; border-bottom: 1px solid var(--line) }
.lead { opacity: .75; margin: 0 0 1rem }
pre, code { font: 13px/1.5 ui-monospace, monospace } pre { background: var(--soft); padding: .8rem 1rem; overflow: auto; border-radius: 4px }
table { border-collapse: collapse; font-variant-numeric: tabular-nums } td, th { padding: .15rem .9rem .15rem 0; text-align: left; vertical-align: top } td.n, th.n { text-align: right }
tr + tr td { border-top: 1px solid var(--line) } summary { cursor: pointer }
figure { margin: 0; padding: .45rem .6rem; border-left: 4px solid var(--line) } figure + figure { margin-top: .3rem }
figcaption { font-size: 13px } figcaption b { font-weight: 600 } figcaption span { opacity: .7 }
figure img { display: block; max-width: 100%; image-rendering: pixelated; margin-top: .2rem }
.real { background: var(--real); border-color: #2e7d32 } .neg { background: var(--neg); border-color: #d84315 } .fake { background: var(--fake); border-color: #1565c0 } .mixed { background: var(--mixed); border-color: #6a1b9a }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(420px, 100%), 1fr)); gap: 1rem 1.6rem }
.chart { border: 0; padding: 0; margin: 0 !important } .chart svg { width: 100%; height: auto; display: block }
.tiles { display: flex; flex-wrap: wrap; gap: .5rem .7rem; margin: .8rem 0 0 } .tiles div { background: var(--soft); border-radius: 6px; padding: .4rem .8rem } .tiles b { display: block; font-size: 1.15rem; font-weight: 600; font-variant-numeric: tabular-nums } .tiles span { font-size: 12px; opacity: .7 }
.tiles + .charts { margin-top: 1rem }
.warning { border-left: 4px solid #d84315; padding: .2rem .8rem; background: var(--neg) }
.key { margin-left: .9rem; white-space: nowrap; opacity: 1 !important } .key i { display: inline-block; width: .7em; height: .7em; border-radius: 50%; margin-right: .35em } .key b { font-weight: 600; font-variant-numeric: tabular-nums }
`

export const rowsOf = (pairs: readonly (readonly [string, string])[]): string =>
  `<table>${pairs.map(([name, value]) => `<tr><td>${escape(name)}</td><td>${escape(value)}</td></tr>`).join("")}</table>`

const knownPopulations = new Set(["real", "neg", "fake", "mixed"])

const figure = (picture: ReportPicture): string => {
  const population = picture.population ?? ""
  const part = picture.shown < picture.of ? `, the first ${picture.shown} of ${picture.of}` : ""
  const source = `data:image/png;base64,${Buffer.from(picture.png).toString("base64")}`
  return `<figure class="${knownPopulations.has(population) ? population : ""}"><figcaption><b>${escape(picture.name)}</b> <span>${escape(population)} [${picture.shape.join(", ")}]${part}</span></figcaption><img alt="${escape(picture.name)}" src="${source}"></figure>`
}

const number = (value: number): string => (Number.isFinite(value) ? String(Number(value.toPrecision(6))) : String(value))

const valuesTable = (values: readonly ReportValue[]): string =>
  `<table><tr><th>output</th><th>type</th><th class="n">least</th><th class="n">mean</th><th class="n">greatest</th></tr>${values
    .map(({ output, low, high, mean }) => `<tr><td>${escape(output.name)}</td><td>${output.dtype}[${output.shape.join(", ")}]${output.population === undefined ? "" : ` ${escape(output.population)}`}</td>${[low, mean, high].map((each) => `<td class="n">${number(each)}</td>`).join("")}</tr>`)
    .join("")}</table>`

const mostBars = 256

/** Numbers as they are, short lists as bars; `x.low` and `x.high` beside `x.counts` are its axis. */
const results = (values: readonly ReportValue[]): string => {
  const numbers = values.filter(({ output, values: all }) => output.shape.length === 0 && all !== undefined)
  const valueOf = (name: string): number | undefined => numbers.find(({ output }) => output.name === name)?.values?.[0]
  const lists = values.filter(({ output, values: all }) => output.shape.length === 1 && output.shape[0]! > 1 && all !== undefined)
  const isAxis = ({ output }: ReportValue): boolean => /\.(low|high)$/.test(output.name) && lists.some((list) => list.output.name === output.name.replace(/\.(low|high)$/, ".counts"))
  const tiles = numbers.filter((each) => !isAxis(each)).map(({ output, values: all }) => `<div><b>${number(all![0]!)}</b><span>${escape(output.name)}</span></div>`)
  const charts = lists.map(({ output, values: all }) => {
    const name = output.name.replace(/\.counts$/, "")
    const [low, high] = [valueOf(`${name}.low`), valueOf(`${name}.high`)]
    return bars(name, all!, low === undefined || high === undefined ? undefined : { low, high })
  })
  return `${tiles.length === 0 ? "" : `<div class="tiles">${tiles.join("")}</div>`}${charts.length === 0 ? "" : `<div class="charts">${charts.join("\n")}</div>`}`
}

/** Of what is not a single number: its type and range. */
const outputsTable = (values: readonly ReportValue[]): string => {
  const listed = values.filter(({ values: all }) => all === undefined || all.length > 1)
  return listed.length === 0 ? "" : section("Outputs", valuesTable(listed))
}

/** As many values of an output as its page can show. */
export const shownValues = (output: OutputPlan, values: ArrayLike<number>): readonly number[] | undefined => (output.shape.length <= 1 && values.length <= mostBars ? Array.from(values) : undefined)

const kernelsTable = (plan: Plan): string => {
  const rows = kernelUses(plan).map(({ kernel, dispatches, groups, bytes }) =>
    `<tr><td><details><summary>${escape(kernel.name)}</summary><pre>${escape(kernel.wgsl)}</pre></details></td><td>${kernel.kind}</td><td>${escape(kernel.origin.label)} ${escape(kernel.origin.at)}</td><td class="n">${dispatches}</td><td class="n">${groups}</td><td class="n">${sizeText(bytes)}</td></tr>`)
  return `<table><tr><th>kernel</th><th>kind</th><th>from</th><th class="n">dispatches</th><th class="n">workgroups</th><th class="n">bytes bound</th></tr>${rows.join("")}</table>`
}

export const section = (title: string, body: string): string => `<h2>${title}</h2>\n${body}\n`

export const reportPage = (report: Report): string => {
  const { plan } = report
  const facts: readonly (readonly [string, string])[] = [
    ["seed", String(report.seed)],
    ...Object.entries(report.settings).filter(([name]) => name !== "seed").map(([name, value]) => [name, String(value)] as const),
    ...report.sources.map(({ name, text }) => [name, text] as const),
    ["device", `${report.adapter} (${report.adapterKind})`],
    ["run", `${report.dispatches} dispatches, ${report.passes} passes, ${report.submits} submits`],
    ["memory", `${sizeText(plan.peakBytes)} in buffers; ${sizeText(plan.liveBytes)} live at once at most`],
    ["seconds", report.seconds.toFixed(3)],
    ...Object.entries(report.versions),
  ]
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(report.entry)}: ${escape(report.file)}</title><style>${style}</style></head><body>
<h1>${escape(report.entry)}</h1><p class="lead">${escape(report.file)}</p>
${report.warnings.map((warning) => `<p class="warning">${escape(warning)}</p>`).join("\n")}
${report.values.some(({ values }) => values !== undefined) ? section("Results", results(report.values)) : ""}
${report.pictures.length === 0 ? "" : section("Pictures", report.pictures.map(figure).join("\n"))}
${section("Run", rowsOf(facts))}
${outputsTable(report.values)}
${section("Program", `<pre>${escape(report.program)}</pre>`)}
${section("Kernels", kernelsTable(plan))}
${report.fused === undefined ? "" : section("Fusion", `<pre>${escape(report.fused)}</pre>`)}
</body></html>
`
}
