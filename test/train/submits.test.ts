import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Scope } from "effect/Scope"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { describe, expect, it } from "vitest"
import { counters, restart, watchDevice } from "../../bench/counters.ts"
import { programPlanOf } from "../../bench/planned.ts"
import { workloads } from "../../bench/workloads.mjs"
import { compileProgram } from "../../src/driver/compile-program.ts"
import type { ProgramPlan } from "../../src/plan/plan.ts"
import { openFeeds } from "../../src/runtime/batch-feeds.ts"
import type { RunState } from "../../src/runtime/checkpoint.ts"
import { Gpu, gpuLayer, type GpuService } from "../../src/runtime/gpu.ts"
import { loadProgram, unitsOf, workOfUnits, type Asked, type Reading, type Trainer } from "../../src/runtime/program.ts"
import { submitsFrom, type Cursor } from "../../src/runtime/run-order.ts"
import { submitsOfRound, waitingBytes } from "../../src/runtime/submits.ts"
import { train, type TrainEvent } from "../../src/runtime/train.ts"
import { dispatch } from "../runtime/plans.ts"
import { learnMean } from "./plans.ts"

const onGpu = <A, E>(program: (gpu: GpuService) => Effect.Effect<A, E, Gpu | Scope>): Promise<A> =>
  Effect.runPromise(Effect.scoped(Effect.flatMap(Gpu, program)).pipe(Effect.provide(gpuLayer())))

/** Two steps that read a batch each time they run, one of them three times a round. */
const twoSteps = ({ batch = 4, repeat = 3 } = {}): ProgramPlan => {
  const base = learnMean({ batch, repeat, save: 2 })
  return { ...base, steps: [base.steps[0]!, { ...base.steps[0]!, name: "again", repeat: 1 }] }
}
const dcgan = programPlanOf(workloads.gan_step, workloads.gan_step.small, "cpu")
const ofRound = (program: ProgramPlan) => submitsOfRound(program).map((submit) => submit.map(({ unit, repeat }) => `${program.steps[unit]!.name} ${repeat}`))
const bits = (values: Readonly<Record<string, ArrayLike<number> & { readonly buffer: ArrayBufferLike }>>) =>
  Object.entries(values).map(([name, { buffer }]) => [name, Buffer.from(buffer).toString("hex")])

describe("the submits of a round", () => {
  it("are one, with all steps and all their repeats", () => {
    expect(ofRound(twoSteps())).toEqual([["learn 0", "learn 1", "learn 2", "again 0"]])
    expect(ofRound(dcgan)).toEqual([["critic 0", "generator 0"]])
    expect(ofRound({ ...dcgan, steps: [] })).toEqual([])
  })

  it("are more where one would be long or would hold much that waits", () => {
    const program = twoSteps({ repeat: 5 })
    const long = program.steps.map((step) => ({ ...step, plan: { ...step.plan, commands: Array.from({ length: 900 }, () => step.plan.commands[0]!) } }))
    expect(ofRound({ ...program, steps: long })).toEqual([["learn 0", "learn 1"], ["learn 2", "learn 3"], ["learn 4", "again 0"]])
    expect(ofRound(twoSteps({ batch: 4000 }))).toEqual([["learn 0", "learn 1", "learn 2"], ["again 0"]])
    expect(waitingBytes(twoSteps())).toBe(3 * (32 + 4 * 4 * 3 * 12 * 12))
    expect(waitingBytes(dcgan)).toBe(32)
    expect(workOfUnits({ ...program, steps: long }).map(({ submits }) => submits)).toEqual([3, 0, 1])
  })

  it("go on from any execution, in the same order", () => {
    const program = twoSteps()
    const from = (cursor: Cursor, apart: boolean) =>
      [...submitsFrom(program, cursor, 4, apart)].map((submit) => submit.map(({ unit, round, repeat, after }) => `${round}: ${unitsOf(program)[unit]!.name} ${repeat} > ${after.round}.${after.within}`))
    expect(from({ round: 2, within: 2 }, false)).toEqual([
      ["2: learn 2 > 2.3", "2: again 0 > 3.0"], ["3: learn 0 > 3.1", "3: learn 1 > 3.2", "3: learn 2 > 3.3", "3: again 0 > 3.4"], ["3: every 2 0 > 4.0"],
    ])
    expect(from({ round: 3, within: 4 }, false)).toEqual([["3: every 2 0 > 4.0"]])
    for (let within = 0; within < 5; within++) expect(from({ round: 1, within }, false).flat()).toEqual(from({ round: 1, within }, true).flat())
    expect(from({ round: 2, within: 2 }, true).every((submit) => submit.length === 1)).toBe(true)
  })
})

/** What is watched is shared by all devices. */
let watched = false

/** Rounds of a program, each execution a submit or all that belong together one. */
const rounds = (program: ProgramPlan, apart: boolean, number: number, image?: (count: number) => Float32Array | Uint8Array) =>
  onGpu((gpu) =>
    Effect.gen(function* () {
      const trainer = yield* loadProgram(program)
      yield* trainer.initialise(3)
      if (!watched) watchDevice(gpu.device)
      watched = true
      const reports: Readonly<Record<string, ArrayLike<number>>>[] = []
      let fed = 0
      restart()
      for (let round = 0; round < number; round++) {
        const readings: (Reading | undefined)[] = []
        for (const submit of submitsOfRound(program)) {
          const asked = submit.map(({ unit, repeat }): Asked =>
            ({ unit, feeds: image === undefined ? {} : { "b.image": image(fed++) }, settings: { seed: 3, step: round, repeat }, read: round % 2 === 1 && repeat === program.steps[unit]!.repeat - 1 }))
          if (apart) for (const { unit, feeds, settings, read } of asked) readings.push(yield* trainer.step(unit, feeds, settings, read))
          else readings.push(...yield* trainer.submit(asked))
        }
        for (const reading of readings) if (reading !== undefined) reports.push((yield* Effect.promise(() => reading)) as Readonly<Record<string, ArrayLike<number>>>)
      }
      const counted = { ...counters }
      const slots = yield* trainer.readSlots
      return { counted, reports, slots: bits(slots), work: trainer.work, bytes: [trainer.bytes, gpu.ledger.liveBytes] }
    }))

describe("a round in one submit", () => {
  it("of both players of a DCGAN gives what two submits give, bit for bit", async () => {
    const whole = await rounds(dcgan, false, 4)
    const apart = await rounds(dcgan, true, 4)
    expect([whole.counted.submit, apart.counted.submit]).toEqual([4, 8])
    // The players' next values are copied between the two passes.
    expect([whole.counted.pass, whole.counted.writeBuf, whole.counted.dispatch]).toEqual([8, 4, apart.counted.dispatch])
    expect(whole.work.map(({ name, passes, submits }) => [name, passes, submits])).toEqual([["critic", 1, 1], ["generator", 1, 0]])
    expect(whole.reports).toEqual(apart.reports)
    expect(whole.reports).toHaveLength(4)
    expect(whole.slots).toEqual(apart.slots)
    expect(whole.bytes[0]).toBe(whole.bytes[1])
  })

  it("gives each execution its own batch and settings", async () => {
    const image = (number: number) => Float32Array.from({ length: 4 * 3 * 12 * 12 }, (_, i) => ((i * 37 + number * 11) % 101) / 101)
    const whole = await rounds(twoSteps(), false, 4, image)
    const apart = await rounds(twoSteps(), true, 4, image)
    expect([whole.counted.submit, apart.counted.submit]).toEqual([4, 16])
    expect(whole.work.map(({ submits }) => submits)).toEqual([1, 0, 1])
    expect(whole.reports).toEqual(apart.reports)
    expect(whole.reports).toHaveLength(4)
    expect(whole.slots).toEqual(apart.slots)
    expect(whole.bytes[0]).toBe(whole.bytes[1])
  })

  it("gives each execution its own bytes, also where they fill no whole word", async () => {
    const text = `from nda.data import folder
from nda.nn import linear
from nda.optim import sgd
block small(x: Image[n, 3, 5, 5]) -> f32[n, 2] = x |> reshape([n, 75]) |> linear(2)
model M = small
train odd(b in folder("photos", size=5).train(batch=1), steps = 3, seed = 3) {
  step learn repeat 3 { minimize mean(M(b.image) ** 2) over M by sgd(lr=0.1) }
}`
    const { value } = compileProgram({ file: "odd.nda", sources: { "odd.nda": text }, bytes: true })
    const bytes = (number: number) => Uint8Array.from({ length: 75 }, (_, i) => (i * 37 + number * 11) % 256)
    const whole = await rounds(value!.plan, false, 2, bytes)
    const apart = await rounds(value!.plan, true, 2, bytes)
    expect([whole.counted.submit, apart.counted.submit]).toEqual([2, 6])
    expect(whole.reports).toEqual(apart.reports)
    expect(whole.slots).toEqual(apart.slots)
    expect(whole.bytes[0]).toBe(whole.bytes[1])
  })

  it("is one pass where nothing is copied between its steps", async () => {
    const { steps: [learn], every: [show], ...base } = learnMean()
    const still = { ...learn!.plan, inputs: learn!.plan.inputs.filter((input) => input.slot !== undefined), outputs: learn!.plan.outputs.filter((output) => output.slot === undefined), sources: [] }
    const program = { ...base, every: [show!], steps: [{ name: "look", repeat: 1, plan: still }, { name: "again", repeat: 1, plan: still }, { name: "more", repeat: 2, plan: still }] }
    const { counted, work } = await rounds(program, false, 1)
    // The settings of the last execution are copied.
    expect([counted.submit, counted.pass, counted.copy]).toEqual([1, 2, 1])
    expect(work.map(({ passes }) => passes)).toEqual([1, 0, 0, 0])
  })

  it("blames the line of the step that Dawn refuses", async () => {
    const program = twoSteps()
    const plan = program.steps[1]!.plan
    // A buffer that is read and written by one dispatch.
    const wrong = { ...plan, commands: [dispatch(0, [[0, 32], [1, 4 * 4 * 432], [2, 256], [3, 4], [2, 256], [5, 4], [6, 4]], 1, "wrong")] }
    const error = await onGpu(() =>
      Effect.gen(function* () {
        const trainer = yield* loadProgram({ ...program, steps: [program.steps[0]!, { ...program.steps[1]!, plan: wrong }] })
        const feeds = { "b.image": new Float32Array(4 * 432) }
        const [reading] = yield* trainer.submit([0, 1].map((unit) => ({ unit, feeds, settings: { seed: 3, step: 0, repeat: 0 }, read: true })))
        return yield* Effect.promise(() => reading!)
      }))
    expect(error).toMatchObject({ reason: "ValidationFailed", where: "hand.nda:30:3" })
    expect((error as { message: string }).message).toMatch(/wrong.*writable usage/s)
  })
})

/** A run of 5 rounds; gives its last checkpoint, its reports, and the lengths of its submits. */
const runOf = (program: ProgramPlan, options: { readonly from?: RunState; readonly apart?: true }) =>
  onGpu(() =>
    Effect.gen(function* () {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), "nda-submits-"))
      const feeds = yield* openFeeds(unitsOf(program).map((unit) => unit.plan), { dataDir: ".", fileDir: ".", seed: 3, skipBad: false })
      const lengths: number[] = []
      const load = Effect.map(loadProgram(program), (trainer): Trainer => ({ ...trainer, submit: (executions) => (lengths.push(executions.length), trainer.submit(executions)) }))
      const events = yield* Stream.runCollect(train({
        program, folder, programHash: "p", seed: 3, rounds: 5, keep: 9, logEvery: 1, from: options.from, weights: {}, feeds, load, ...(options.apart ? { locate: () => undefined } : {}),
      }))
      const reports = events.flatMap((event: TrainEvent) => (event.kind === "report" ? [{ step: event.step, samples: event.samples, values: event.values }] : []))
      return { state: fs.readFileSync(path.join(folder, "checkpoints/step-5/state.safetensors")).toString("hex"), reports, lengths }
    }))

describe("a run", () => {
  it("is the same whether executions are submits of their own, as where values are looked for, or not", async () => {
    const whole = await runOf(twoSteps(), {})
    const apart = await runOf(twoSteps(), { apart: true })
    expect(whole.lengths).toEqual([4, 4, 1, 4, 4, 1, 4])
    expect(apart.lengths).toEqual(Array.from({ length: 22 }, () => 1))
    expect(whole.reports).toHaveLength(7)
    expect(whole.reports).toEqual(apart.reports)
    expect(whole.state).toBe(apart.state)
  })

  it("goes on from the middle of a round to the same bytes", async () => {
    const program = twoSteps()
    const whole = await runOf(program, {})
    for (const within of [1, 3]) {
      const slots = await onGpu(() =>
        Effect.gen(function* () {
          const feeds = yield* openFeeds(unitsOf(program).map((unit) => unit.plan), { dataDir: ".", fileDir: ".", seed: 3, skipBad: false })
          const trainer = yield* loadProgram(program)
          yield* trainer.initialise(3)
          for (const execution of [...submitsFrom(program, { round: 0, within: 0 }, 1, true)].flat().slice(0, within)) {
            const { arrays } = yield* feeds.fetch(program.steps[execution.unit]!.plan, execution.batchOf)
            yield* trainer.step(execution.unit, arrays, { seed: 3, step: 0, repeat: execution.repeat }, false)
          }
          return yield* trainer.readSlots
        }))
      const rest = await runOf(program, { from: { cursor: { round: 0, within }, seed: 3, executions: within, seconds: 0, slots, best: {} } })
      expect(rest.lengths[0]).toBe(4 - within)
      expect(rest.state).toBe(whole.state)
    }
  })
})
