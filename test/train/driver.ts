/** A training run of a hand-written program as its own process, so that it can be killed: `node driver.mjs JSON`. */
import * as Effect from "effect/Effect"
import { makeConsole } from "../../src/cli/console.ts"
import { openDevice } from "../../src/cli/device.ts"
import { isFailure } from "../../src/cli/failure.ts"
import { runInterruptibly } from "../../src/cli/interruption.ts"
import { trainRun } from "../../src/cli/train-run.ts"
import { learnMean, type Hand } from "./plans.ts"

export interface DriverRequest {
  readonly folder: string
  readonly mode: "new" | "force" | "resume"
  readonly steps: number
  readonly hand?: Hand
  readonly keep?: number
  readonly logEvery?: number
  readonly checkpointEvery?: number
  /** Milliseconds that each step takes at least, so that a signal finds the run under way. */
  readonly pace?: number
}

const request = JSON.parse(process.argv[2]!) as DriverRequest
const console = makeConsole({ on: new Set(["json"]) })
const base = learnMean(request.hand)
const plan = { ...base, settings: { ...base.settings, steps: request.steps } }

const outcome = await runInterruptibly(
  Effect.scoped(
    Effect.gen(function* () {
      const device = yield* openDevice("auto")
      const paced = {
        ...device,
        loadProgram: (learning: Parameters<typeof device.loadProgram>[0]) =>
          Effect.map(device.loadProgram(learning), (trainer) => ({
            ...trainer,
            submit: (...given: Parameters<typeof trainer.submit>) => Effect.tap(trainer.submit(...given), () => (request.pace === undefined ? Effect.void : Effect.sleep(request.pace))),
          })),
      }
      return yield* trainRun({
        learning: { plan, program: { entry: "fit", kind: "train", slots: [], steps: [], every: [], evaluations: [], models: [] } }, device: paced, file: "hand.nda", text: "train fit", folder: request.folder,
        mode: request.mode, seed: 3, programHash: "hand", weights: [], logEvery: request.logEvery, keep: request.keep ?? 3,
        source: { dataDir: ".", fileDir: ".", seed: 3, skipBad: false }, versions: {}, console,
        ...(request.checkpointEvery === undefined ? {} : { checkpointEvery: request.checkpointEvery }),
      })
    }),
  ),
  console,
)
if (isFailure(outcome)) console.fail(outcome)
process.exit(isFailure(outcome) ? outcome.exit : outcome)
