import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { describe, expect, it } from "vitest"
import { openFeeds } from "../../src/runtime/batch-feeds.ts"
import { Gpu, gpuLayer } from "../../src/runtime/gpu.ts"
import { loadProgram, unitsOf } from "../../src/runtime/program.ts"
import { train, type TrainEvent } from "../../src/runtime/train.ts"
import { learnMean } from "./plans.ts"

/** A run of 16 rounds whose device is destroyed before each submit that `destroyAt` names, counted over all devices. */
const lossy = (destroyAt: readonly number[]) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "nda-loss-"))
  const program = learnMean({ save: 4 })
  let submits = 0
  let opened = 0
  const load = Effect.gen(function* () {
    opened++
    const context = yield* Layer.build(gpuLayer())
    const gpu = yield* Effect.provide(Gpu, context)
    const trainer = yield* Effect.provide(loadProgram(program), context)
    return {
      ...trainer,
      submit: (...given: Parameters<typeof trainer.submit>) =>
        Effect.suspend(() => {
          if (destroyAt.includes(submits++)) gpu.device.destroy()
          return trainer.submit(...given)
        }),
    }
  })
  const run = Effect.scoped(
    Effect.gen(function* () {
      const feeds = yield* openFeeds(unitsOf(program).map((unit) => unit.plan), { dataDir: ".", fileDir: ".", seed: 3, skipBad: false })
      return yield* Stream.runCollect(train({ program, folder, programHash: "p", seed: 3, rounds: 16, keep: 3, logEvery: 1, from: undefined, weights: {}, feeds, load }))
    }),
  )
  const state = (): string => fs.readFileSync(path.join(folder, "checkpoints/step-16/state.safetensors")).toString("hex")
  return { run: Effect.runPromise(Effect.result(run)), state, opened: () => opened, folder }
}
const notices = (events: readonly TrainEvent[]): readonly string[] => events.flatMap((event) => (event.kind === "rewind" ? [event.text] : []))

describe("a run whose device is lost", () => {
  it("goes on from its newest checkpoint on a new device, to the same bytes", async () => {
    const whole = lossy([])
    await whole.run
    for (const at of [1, 8, 13]) {
      const broken = lossy([at])
      const result = await broken.run
      expect(result._tag === "Failure" ? result.failure.message : "").toBe("")
      expect([at, broken.opened()]).toEqual([at, 2])
      if (result._tag === "Success") expect(notices(result.success)).toEqual([expect.stringMatching(at < 5 ? /from the beginning/ : /checkpoint of step (4|8)/)])
      expect(broken.state()).toBe(whole.state())
    }
  })

  it("ends with a typed error at the second loss, its checkpoints intact", async () => {
    const broken = lossy([7, 12])
    const result = await broken.run
    expect(result._tag === "Failure" && [result.failure._tag, "reason" in result.failure && result.failure.reason]).toEqual(["GpuError", "DeviceLost"])
    expect(fs.readdirSync(path.join(broken.folder, "checkpoints"))).toContain("step-4")
  })
})
