/** A chart as SVG: metrics over the steps, with round ticks; of many points a smooth line over the faint ones. */
import { escape } from "./report-page.ts"

export interface Point {
  readonly step: number
  readonly value: number
}

export interface Series {
  readonly name: string
  /** In order of their steps. */
  readonly points: readonly Point[]
}

const width = 480
const height = 210
const left = 56
const right = 12
const bottom = 22
const top = 10
/** More points than this are drawn as the least and the greatest of neighbours. */
const mostPoints = 400
/** From here on a line is smoothed. */
const manyPoints = 60
const colours = ["#1e88e5", "#e4572e", "#43a047", "#8e44ad", "#00897b", "#b58900"]
export const colourOf = (series: number): string => colours[series % colours.length]!

export const short = (value: number): string => (Number.isFinite(value) ? String(Number(value.toPrecision(4))) : String(value))

const thinned = (points: readonly Point[]): readonly Point[] => {
  if (points.length <= mostPoints) return points
  const bins = mostPoints / 2
  return Array.from({ length: bins }, (_, bin) => points.slice(Math.floor((bin * points.length) / bins), Math.floor(((bin + 1) * points.length) / bins))).flatMap((part) => {
    const low = part.reduce((least, point) => (point.value < least.value ? point : least))
    const high = part.reduce((most, point) => (point.value > most.value ? point : most))
    return low.step <= high.step ? [low, high] : [high, low]
  })
}

/** The mean of each point with its neighbours, as many on either side as there are, up to a fortieth of all. */
const smoothed = (points: readonly Point[]): readonly Point[] => {
  const reach = Math.max(2, Math.round(points.length / 40))
  return points.map(({ step }, i) => {
    const own = Math.min(reach, i, points.length - 1 - i)
    const part = points.slice(i - own, i + own + 1)
    return { step, value: part.reduce((sum, point) => sum + point.value, 0) / part.length }
  })
}

/** Multiples of 1, 2 or 5 times a power of ten: about `wanted` of them between low and high. */
export const ticks = (low: number, high: number, wanted: number): readonly number[] => {
  if (!(high > low)) return [low]
  const rough = (high - low) / wanted
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= rough)!
  const first = Math.ceil(low / step - 1e-9)
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)))
}

/** Low and high of what is shown. Of many points the outermost hundredth does not stretch it. */
const rangeOf = (values: readonly number[]): readonly [number, number] => {
  const sorted = [...values].sort((a, b) => a - b)
  const cut = sorted.length > 50 ? Math.floor(sorted.length / 100) : 0
  const [low, high] = [sorted[cut]!, sorted[sorted.length - 1 - cut]!]
  const room = high > low ? (high - low) * 0.06 : Math.abs(low) * 0.1 || 1
  return [low - room, high + room]
}

/** At least one series with at least one point. */
export const chart = (title: string, all: readonly Series[]): string => {
  const series = all.map(({ name, points }) => ({ name, points: points.filter((point) => Number.isFinite(point.value)) })).filter(({ points }) => points.length > 0)
  if (series.length === 0) return ""
  const shown = series.flatMap(({ points }) => points)
  const [low, high] = rangeOf(shown.map(({ value }) => value))
  const first = shown.reduce((least, { step }) => Math.min(least, step), Infinity)
  const last = shown.reduce((most, { step }) => Math.max(most, step), -Infinity)
  const x = (step: number): number => left + ((width - left - right) * (step - first)) / Math.max(1, last - first)
  const y = (value: number): number => top + ((height - top - bottom) * (high - Math.min(high, Math.max(low, value)))) / (high - low)
  const line = (points: readonly Point[], colour: string, style: string): string =>
    `<polyline points="${points.map(({ step, value }) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(" ")}" fill="none" stroke="${colour}" stroke-linejoin="round" ${style}/>`
  const drawn = ({ points }: Series, i: number): string => {
    const colour = colourOf(i)
    if (points.length === 1) return `<circle cx="${x(points[0]!.step).toFixed(1)}" cy="${y(points[0]!.value).toFixed(1)}" r="3" fill="${colour}"/>`
    if (points.length <= manyPoints) return line(points, colour, 'stroke-width="1.8"')
    return line(thinned(points), colour, 'stroke-width="1" opacity=".3"') + line(thinned(smoothed(points)), colour, 'stroke-width="1.8"')
  }
  const text = (at: string, words: string): string => `<text ${at} font-size="11" fill="currentColor" opacity=".65">${escape(words)}</text>`
  const across = ticks(low, high, 4).map((value) => `<line x1="${left}" y1="${y(value).toFixed(1)}" x2="${width - right}" y2="${y(value).toFixed(1)}" stroke="currentColor" opacity=".12"/>${text(`x="${left - 7}" y="${(y(value) + 4).toFixed(1)}" text-anchor="end"`, short(value))}`)
  const along = ticks(first, last, 5).filter(Number.isInteger).map((step) => text(`x="${x(step).toFixed(1)}" y="${height - 6}" text-anchor="middle"`, String(step)))
  const legend = series.map(({ name, points }, i) => `<span class="key"><i style="background:${colourOf(i)}"></i>${escape(series.length === 1 ? "" : `${name} `)}<b>${short(points[points.length - 1]!.value)}</b></span>`).join("")
  return `<figure class="chart"><figcaption><b>${escape(title)}</b>${legend}</figcaption><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(title)}">
${across.join("")}${along.join("")}
${series.map(drawn).join("\n")}
</svg></figure>`
}
