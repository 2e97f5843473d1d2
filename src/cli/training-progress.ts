/** How a training run stands: a live line on a terminal, a line now and then elsewhere, JSON lines when asked; and early on, how long it will take. */
import type { Console } from "./console.ts"

export interface TrainingProgress {
  readonly report: (event: { readonly step: number; readonly values: Readonly<Record<string, number>>; readonly every: boolean }) => void
  readonly close: () => void
}

/** Where nobody watches, a line this often (milliseconds). */
const lineEvery = 10_000
/** The estimate is said once, after this long; runs shorter than a minute need none. */
const estimateAfter = 5000
const mostTerms = 4

const durationText = (seconds: number): string => {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${(seconds / 3600).toFixed(1)} h` : `${(seconds / 86_400).toFixed(1)} days`
}

export const trainingProgress = (console: Console, entry: string, rounds: number, from: number, kind: string): TrainingProgress => {
  const began = performance.now()
  let first: { readonly step: number; readonly time: number } | undefined
  let told = began
  let estimated = false
  return {
    report: ({ step, values, every }) => {
      const now = performance.now()
      if (Object.keys(values).length > 0) console.event({ step, ...values })
      if (every) return
      // The first step compiles what the driver compiles late, so rates are counted from it.
      first ??= { step, time: now }
      const rate = step > first.step && now > first.time ? (step - first.step) / ((now - first.time) / 1000) : undefined
      const left = rate === undefined ? undefined : (rounds - step) / rate
      const terms = Object.entries(values).slice(0, mostTerms).map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`)
      const line = [`step ${step} of ${rounds}`, ...(rate === undefined ? [] : [`${rate >= 10 ? rate.toFixed(0) : rate.toPrecision(2)} steps/s`]), ...terms, ...(left === undefined ? [] : [`${durationText(left)} left`])].join(", ")
      console.status(line)
      if (!console.live && now - told >= lineEvery) {
        told = now
        console.note(line)
      }
      if (!estimated && rate !== undefined && left !== undefined && now - began >= estimateAfter) {
        estimated = true
        const whole = (rounds - from) / rate
        const advice = kind === "hardware" ? "" : `; on this slow device --steps ${Math.max(1, Math.floor(rate * 60))} would take about a minute, and a smaller --set batch=… helps`
        if (whole > 60) console.note(`${entry} will take about ${durationText(whole)}${whole > 600 ? advice : ""}`)
      }
    },
    close: () => console.status(""),
  }
}
