/** Runs an effect so that Ctrl-C and SIGTERM end it through its scopes; a second signal ends the process at once. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Console } from "./console.ts"
import { exitCode, type ExitCode } from "./exit-code.ts"
import type { Failure, Outcome } from "./failure.ts"

const codeOf = { SIGINT: exitCode.interrupted, SIGTERM: exitCode.terminated } as const

export const runInterruptibly = async (effect: Effect.Effect<Outcome, Failure>, console: Console): Promise<Outcome> => {
  const fiber = Effect.runFork(effect)
  let stopped: ExitCode | undefined
  const onSignal = (signal: keyof typeof codeOf): void => {
    if (stopped !== undefined) process.exit(codeOf[signal])
    stopped = codeOf[signal]
    fiber.interruptUnsafe(fiber.id)
  }
  process.on("SIGINT", onSignal)
  process.on("SIGTERM", onSignal)
  const exit = await new Promise<Exit.Exit<Outcome, Failure>>((resolve) => void fiber.addObserver(resolve))
  process.off("SIGINT", onSignal)
  process.off("SIGTERM", onSignal)
  if (stopped !== undefined) {
    console.warn(stopped === exitCode.interrupted ? "interrupted" : "terminated")
    return stopped
  }
  if (Exit.isSuccess(exit)) return exit.value
  const failed = exit.cause.reasons.find(Cause.isFailReason)
  if (failed !== undefined) return failed.error
  throw Cause.squash(exit.cause)
}
