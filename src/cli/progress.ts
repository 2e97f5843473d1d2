/** What a longer command is doing: a line on a terminal once it has taken two seconds, JSON lines when asked. */
import type { Console } from "./console.ts"

export interface Progress {
  readonly stage: (name: string, done?: number, total?: number) => void
  readonly close: () => void
}

const patience = 2000
const barWidth = 24

export const progress = (console: Console): Progress => {
  const start = performance.now()
  let stage = ""
  let since = start
  let amount = ""
  let told = -Infinity
  const show = (): void => {
    const now = performance.now()
    if (stage === "" || now - start < patience) return
    const seconds = Math.floor((now - since) / 1000)
    console.status(`${stage}${amount}${seconds > 1 ? `, ${seconds} s` : ""}`)
  }
  // A stage that says nothing more (a kernel that runs for long) still shows that time passes.
  const timer = console.live ? setInterval(show, 500) : undefined
  timer?.unref()
  return {
    stage: (name, done, total) => {
      const now = performance.now()
      const fresh = name !== stage
      if (!fresh && now - told < 100 && done !== total) return
      if (fresh) since = now
      stage = name
      told = now
      amount = done === undefined || total === undefined || total === 0 ? "" : ` [${"#".repeat(Math.floor((barWidth * done) / total)).padEnd(barWidth, "-")}] ${done} of ${total}`
      console.event({ stage: name, ...(done === undefined ? {} : { done, total }) })
      show()
    },
    close: () => {
      clearInterval(timer)
      console.status("")
    },
  }
}
