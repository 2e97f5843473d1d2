/** Curves as SVG: a metric over the steps, with its least, greatest and last value. */
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

export interface Series {
  /** What the figures of this line are called; nothing where it is the only one. */
  readonly name?: string
  readonly colour: string
  /** In order of their steps, at least one. */
  readonly points: readonly Point[]
}

/** Lines on the same axes. */
export const curves = (name: string, all: readonly Series[]): string => {
  const series = all.map((each) => ({ ...each, drawn: thinned(each.points.filter((point) => Number.isFinite(point.value))) })).filter((each) => each.drawn.length > 0)
  if (series.length === 0) return ""
  const drawn = series.flatMap((each) => each.drawn)
  const low = drawn.reduce((least, { value }) => Math.min(least, value), Infinity)
  const high = drawn.reduce((most, { value }) => Math.max(most, value), -Infinity)
  const first = drawn.reduce((least, { step }) => Math.min(least, step), Infinity)
  const end = series.reduce((most, each) => Math.max(most, each.points[each.points.length - 1]!.step), 0)
  const x = (step: number): number => left + ((width - left - 8) * (step - first)) / Math.max(1, end - first)
  const y = (value: number): number => top + (height - top - bottom) * (high === low ? 0.5 : (high - value) / (high - low))
  const label = (at: string, words: string): string => `<text ${at} font-size="11" fill="currentColor" opacity=".7">${escape(words)}</text>`
  const last = (each: Series): string => {
    const point = each.points[each.points.length - 1]!
    const words = `${each.name === undefined ? "" : `${escape(each.name)}: `}${text(point.value)} at step ${point.step}`
    return each.name === undefined ? `<span>${words}</span>` : `<span style="color: ${each.colour}; opacity: 1">${words}</span>`
  }
  const line = ({ colour, drawn: points }: (typeof series)[number]): string => (points.length === 1
    ? `<circle cx="${x(points[0]!.step)}" cy="${y(points[0]!.value)}" r="2.5" fill="${colour}"/>`
    : `<polyline points="${points.map(({ step, value }) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(" ")}" fill="none" stroke="${colour}" stroke-width="1.4"/>`)
  return `<figure><figcaption><b>${escape(name)}</b> ${series.map(last).join(" ")}</figcaption><svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escape(name)}">
<line x1="${left}" y1="${height - bottom}" x2="${width - 8}" y2="${height - bottom}" stroke="currentColor" opacity=".3"/><line x1="${left}" y1="${top}" x2="${left}" y2="${height - bottom}" stroke="currentColor" opacity=".3"/>
${label(`x="${left - 6}" y="${top + 8}" text-anchor="end"`, text(high))}${high === low ? "" : label(`x="${left - 6}" y="${height - bottom}" text-anchor="end"`, text(low))}${label(`x="${left}" y="${height - 6}"`, String(first))}${label(`x="${width - 8}" y="${height - 6}" text-anchor="end"`, String(end))}
${series.map(line).join("\n")}
</svg></figure>`
}

/** Points in order of their steps, at least one. */
export const curve = (name: string, points: readonly Point[]): string => curves(name, [{ colour: "#1565c0", points }])
