/** What a longer command is doing: a line on a terminal once it has taken two seconds, JSON lines when asked. */
import type { Console } from "./console.ts"

export interface Progress {
  readonly stage: (name: string, done?: number, total?: number) => void
}

const patience = 2000

export const progress = (console: Console): Progress => {
  const start = performance.now()
  let lastStage = ""
  let lastTime = -Infinity
  return {
    stage: (name, done, total) => {
      const now = performance.now()
      if (name === lastStage && now - lastTime < 100 && done !== total) return
      lastStage = name
      lastTime = now
      console.event({ stage: name, ...(done === undefined ? {} : { done, total }) })
      if (now - start < patience) return
      const bar = done === undefined || total === undefined || total === 0 ? "" : ` [${"#".repeat(Math.floor((24 * done) / total)).padEnd(24, "-")}] ${done} of ${total}`
      console.status(`${name}${bar}`)
    },
  }
}
