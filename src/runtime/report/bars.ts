/** A list of numbers as SVG bars from zero, with the largest at full height: what a histogram counted. */
import { short } from "./curve.ts"
import { escape } from "./report-page.ts"

const width = 480
const height = 150
const left = 46
const bottom = 20
const top = 8

export interface Axis {
  readonly low: number
  readonly high: number
}

/** `axis`: what the places stand for, where it is known; else their numbers. */
export const bars = (name: string, values: readonly number[], axis: Axis | undefined): string => {
  const high = Math.max(0, ...values)
  const low = Math.min(0, ...values)
  const y = (value: number): number => top + ((height - top - bottom) * (high - value)) / (high - low || 1)
  const step = (width - left - 8) / values.length
  const boxes = values.map((value, i) => {
    const [from, to] = [y(Math.max(0, value)), y(Math.min(0, value))]
    return `<rect x="${(left + i * step).toFixed(1)}" y="${from.toFixed(1)}" width="${Math.max(0.5, step - (step > 4 ? 1 : 0)).toFixed(1)}" height="${Math.max(0, to - from).toFixed(1)}"><title>${i}: ${short(value)}</title></rect>`
  })
  const text = (x: number, at: number, anchor: string, words: string): string => `<text x="${x}" y="${at}" text-anchor="${anchor}" font-size="11" fill="currentColor" opacity=".65">${escape(words)}</text>`
  const [first, last] = axis === undefined ? ["0", String(values.length - 1)] : [short(axis.low), short(axis.high)]
  return `<figure class="chart"><figcaption><b>${escape(name)}</b> <span>sum ${short(values.reduce((sum, value) => sum + value, 0))}</span></figcaption><svg viewBox="0 0 ${width} ${height}" width="${width}" role="img" aria-label="${escape(name)}">
<g fill="#1e88e5">${boxes.join("")}</g><line x1="${left}" y1="${y(0).toFixed(1)}" x2="${width - 8}" y2="${y(0).toFixed(1)}" stroke="currentColor" opacity=".3"/>
${text(left - 6, top + 9, "end", short(high))}${text(left, height - 5, "start", first)}${text(width - 8, height - 5, "end", last)}
</svg></figure>`
}
