/** One curve as SVG: a metric over the steps, with its least, greatest and last value. */
import { escape } from "./report-page.ts"

export interface Point {
  readonly step: number
  readonly value: number
}

const width = 460
const height = 150
const left = 62
const bottom = 20
const top = 8
/** More points than this are drawn as the least and the greatest of neighbours. */
const mostPoints = 400

const text = (value: number): string => (Number.isFinite(value) ? String(Number(value.toPrecision(4))) : String(value))

const thinned = (points: readonly Point[]): readonly Point[] => {
  if (points.length <= mostPoints) return points
  const bins = mostPoints / 2
  return Array.from({ length: bins }, (_, bin) => points.slice(Math.floor((bin * points.length) / bins), Math.floor(((bin + 1) * points.length) / bins))).flatMap((part) => {
    const low = part.reduce((least, point) => (point.value < least.value ? point : least))
    const high = part.reduce((most, point) => (point.value > most.value ? point : most))
    return low.step <= high.step ? [low, high] : [high, low]
  })
}

/** Points in order of their steps, at least one. */
export const curve = (name: string, all: readonly Point[]): string => {
  const points = thinned(all.filter((point) => Number.isFinite(point.value)))
  const last = all[all.length - 1]!
  if (points.length === 0) return ""
  const low = points.reduce((least, { value }) => Math.min(least, value), Infinity)
  const high = points.reduce((most, { value }) => Math.max(most, value), -Infinity)
  const first = points[0]!.step
  const x = (step: number): number => left + ((width - left - 8) * (step - first)) / Math.max(1, last.step - first)
  const y = (value: number): number => top + (height - top - bottom) * (high === low ? 0.5 : (high - value) / (high - low))
  const path = points.map(({ step, value }) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(" ")
  const label = (at: string, words: string): string => `<text ${at} font-size="11" fill="currentColor" opacity=".7">${escape(words)}</text>`
  return `<figure><figcaption><b>${escape(name)}</b> <span>${text(last.value)} at step ${last.step}</span></figcaption><svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escape(name)}">
<line x1="${left}" y1="${height - bottom}" x2="${width - 8}" y2="${height - bottom}" stroke="currentColor" opacity=".3"/><line x1="${left}" y1="${top}" x2="${left}" y2="${height - bottom}" stroke="currentColor" opacity=".3"/>
${label(`x="${left - 6}" y="${top + 8}" text-anchor="end"`, text(high))}${high === low ? "" : label(`x="${left - 6}" y="${height - bottom}" text-anchor="end"`, text(low))}${label(`x="${left}" y="${height - 6}"`, String(first))}${label(`x="${width - 8}" y="${height - 6}" text-anchor="end"`, String(last.step))}
${points.length === 1 ? `<circle cx="${x(first)}" cy="${y(points[0]!.value)}" r="2.5" fill="#1565c0"/>` : `<polyline points="${path}" fill="none" stroke="#1565c0" stroke-width="1.4"/>`}
</svg></figure>`
}
