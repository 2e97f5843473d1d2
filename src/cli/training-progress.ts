/** How a training run stands: a live line on a terminal, a line now and then elsewhere, JSON lines when asked; and early on, how long it will take. */
import type { Console } from "./console.ts"

export interface TrainingProgress {
  readonly report: (event: { readonly step: number; readonly samples: number; readonly values: Readonly<Record<string, number>>; readonly every: boolean }) => void
  /** An evaluation is under way. */
  readonly evaluating: (name: string, batch: number, batches: number) => void
  readonly close: () => void
}

export interface Run {
  readonly entry: string
  readonly rounds: number
  readonly from: number
  readonly slow: boolean
  /** For a slow device: what to set so that the run becomes bearable, and how many seconds it takes then. */
  readonly smaller: (seconds: number) => { readonly set: readonly string[]; readonly seconds: number }
}

/** Where nobody watches, a line this often (milliseconds). */
const lineEvery = 10_000
/** The estimate is said once, after this long; runs shorter than a minute need none. */
const estimateAfter = 5000
const mostTerms = 4
/** From here on a slow device's user is told what would be faster (seconds). */
const long = 600

export const durationText = (seconds: number): string => {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${(seconds / 3600).toFixed(1)} h` : `${(seconds / 86_400).toFixed(1)} days`
}

const rateText = (rate: number): string => (rate >= 10 ? rate.toFixed(0) : rate.toPrecision(2))

/** `patience`: milliseconds after which the whole is estimated. */
export const trainingProgress = (console: Console, run: Run, patience = estimateAfter): TrainingProgress => {
  const began = performance.now()
  let first: { readonly step: number; readonly samples: number; readonly time: number } | undefined
  let told = began
  let estimated = false
  return {
    report: ({ step, samples, values, every }) => {
      const now = performance.now()
      if (Object.keys(values).length > 0) console.event({ step, ...values })
      if (every) return
      // The first step compiles what the driver compiles late, so rates are counted from it.
      first ??= { step, samples, time: now }
      const seconds = (now - first.time) / 1000
      const rate = step > first.step && seconds > 0 ? (step - first.step) / seconds : undefined
      const left = rate === undefined ? undefined : (run.rounds - step) / rate
      const images = samples - first.samples
      const terms = Object.entries(values).slice(0, mostTerms).map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`)
      const rates = rate === undefined ? [] : [`${rateText(rate)} steps/s`, ...(images > 0 ? [`${rateText(images / seconds)} images/s`] : [])]
      const line = [`step ${step} of ${run.rounds}`, ...rates, ...terms, ...(left === undefined ? [] : [`${durationText(left)} left`])].join(", ")
      console.status(line)
      if (!console.live && now - told >= lineEvery) {
        told = now
        console.note(line)
      }
      if (estimated || rate === undefined || now - began < patience) return
      estimated = true
      const whole = (run.rounds - run.from) / rate
      if (whole <= 60) return
      const smaller = run.slow && whole > long ? run.smaller(whole) : undefined
      const advice = smaller === undefined || smaller.set.length === 0 ? "" : `; on this slow device ${smaller.set.join(" ")} would take about ${durationText(smaller.seconds)}`
      console.note(`${run.entry} will take about ${durationText(whole)}${advice}`)
    },
    evaluating: (name, batch, batches) => {
      console.event({ stage: `eval ${name}`, done: batch, total: batches })
      console.status(`eval ${name}, batch ${batch + 1} of ${batches}`)
    },
    close: () => console.status(""),
  }
}
