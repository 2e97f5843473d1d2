/** `report.html` of a training run: curves, pictures by step, and what ran where, as one page that needs no other file. */
import { curve } from "./curve.ts"
import { escape, rowsOf, section, style } from "./report-page.ts"

export interface TrainingReport {
  readonly file: string
  readonly entry: string
  readonly program: string
  readonly facts: readonly (readonly [string, string])[]
  readonly lines: readonly { readonly step: number; readonly seconds: number; readonly [name: string]: number }[]
  readonly pictures: readonly { readonly name: string; readonly step: number; readonly png: Uint8Array }[]
  readonly warnings: readonly string[]
}

const ownStyle = ".curves { display: flex; flex-wrap: wrap; gap: .6rem 1.4rem } .curves figure { border: 0; padding: 0; margin: 0 }"

const curves = (lines: TrainingReport["lines"]): string => {
  const names = [...new Set(lines.flatMap((line) => Object.keys(line)))].filter((name) => name !== "step" && name !== "seconds")
  return names.map((name) => curve(name, lines.flatMap((line) => (line[name] === undefined ? [] : [{ step: line.step, value: line[name] }])))).join("\n")
}

const pictures = (all: TrainingReport["pictures"]): string => {
  const names = [...new Set(all.map((picture) => picture.name))]
  return names.map((name) => {
    const own = all.filter((picture) => picture.name === name)
    const figures = own.map(({ step, png }) => `<figure><figcaption>step ${step}</figcaption><img alt="${escape(name)} at step ${step}" src="data:image/png;base64,${Buffer.from(png).toString("base64")}"></figure>`)
    return section(escape(name), figures.reverse().join("\n"))
  }).join("\n")
}

export const trainingPage = (report: TrainingReport): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(report.entry)}: ${escape(report.file)}</title><style>${style}${ownStyle}</style></head><body>
<h1>${escape(report.entry)}</h1><p class="lead">${escape(report.file)}</p>
${report.warnings.map((warning) => `<p class="warning">${escape(warning)}</p>`).join("\n")}
${report.lines.length === 0 ? "" : section("Curves", `<div class="curves">${curves(report.lines)}</div>`)}
${pictures(report.pictures)}
${section("Run", rowsOf(report.facts))}
${section("Program", `<pre>${escape(report.program)}</pre>`)}
</body></html>
`
