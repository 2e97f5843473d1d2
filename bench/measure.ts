/**
 * nda's row of a workload: `measure WORKLOAD SAMPLES [--profile cpu|gpu] [--data URL]` prints one line of JSON. The timing protocol is the peers'
 * own: inputs stay on the device, each run draws at a step of its own, a sample is k runs waited for once, k such that a sample takes about 60 ms.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { limitsOf, type Limits, type Profile } from "../src/schedule/limits.ts"
import { loadPlan, type TypedArray } from "../src/runtime/executor.ts"
import { Gpu, gpuLayer, type GpuService } from "../src/runtime/gpu.ts"
import { loadProgram, type Reading } from "../src/runtime/program.ts"
import { submitsOfRound } from "../src/runtime/submits.ts"
import { counters, restart, watchDevice } from "./counters.ts"
import { elaboratedFor, planned, programPlanOf, type Workload } from "./planned.ts"
import { countOf, dataOf, filled, meanAbsolute } from "./values.ts"
import { workloads } from "./workloads.mjs"

const [name = "", samples = "5", ...rest] = process.argv.slice(2)
const option = (flag: string): string | undefined => (rest.includes(flag) ? rest[rest.indexOf(flag) + 1] : undefined)

/** A loaded workload. `once` takes that many runs and gives their milliseconds. */
interface Ready {
  readonly check: number
  readonly firstMs: number
  readonly once: (runs: number) => Effect.Effect<number, unknown>
}

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<readonly [A, number], E, R> =>
  Effect.suspend(() => {
    const start = performance.now()
    return Effect.map(effect, (value) => [value, performance.now() - start] as const)
  })

const data = await dataOf(option("--data"))
const seed = 7

const graphOf = (workload: Workload, limits: Limits, profile: Profile, began: number): Effect.Effect<Ready & Compiled, unknown, Gpu | Scope.Scope> =>
  Effect.gen(function* () {
    const { units: [unit] } = planned(elaboratedFor(workload, workload.set), profile, limits)
    const { plan } = unit!
    const compileMs = performance.now() - began
    const [executor, loadMs] = yield* timed(loadPlan(plan))
    const inputs = Object.fromEntries(plan.inputs.map((input) => [input.name, filled(data, workload.inputs![input.name]!, countOf(input.shape))]))
    const [outputs, runMs] = yield* timed(executor.run(inputs, { seed, step: 0, repeat: 0 }))
    const once = (runs: number) => Effect.map(executor.bench(runs), (seconds) => 1000 * seconds)
    return { check: meanAbsolute(outputs[plan.outputs[0]!.name]!), firstMs: loadMs + runMs, once, compileMs, kernels: plan.kernels.length, peakBytes: plan.peakBytes, liveBytes: plan.liveBytes }
  })

interface Compiled {
  readonly compileMs: number
  readonly kernels: number
  /** Of the plan with most: all its buffers, and the lower bound that the lives of its values give. */
  readonly peakBytes: number
  readonly liveBytes: number
}

const programOf = (workload: Workload, limits: Limits, profile: Profile, began: number): Effect.Effect<Ready & Compiled, unknown, Gpu | Scope.Scope> =>
  Effect.gen(function* () {
    const program = programPlanOf(workload, workload.set, profile, limits)
    const compileMs = performance.now() - began
    const [trainer, loadMs] = yield* timed(loadProgram(program))
    yield* trainer.initialise(seed)
    const slots = program.slots.filter((slot) => workload.slots?.[slot.name])
    yield* trainer.writeSlots(Object.fromEntries(slots.map((slot) => [slot.name, filled(data, workload.slots![slot.name]!, countOf(slot.shape))])))
    const feeds = program.steps.map(({ plan }) => Object.fromEntries(plan.inputs.filter((input) => input.slot === undefined).map((input): [string, TypedArray] => {
      const values = workload.inputs?.[input.name]
      return [input.name, values ? filled(data, values, countOf(input.shape)) : Int32Array.from({ length: countOf(input.shape) }, (_, i) => i)]
    })))
    const submits = submitsOfRound(program)
    let step = 0
    const round = (read: boolean) =>
      Effect.gen(function* () {
        const readings: (Reading | undefined)[] = []
        for (const submit of submits) readings.push(...yield* trainer.submit(submit.map(({ unit, repeat }) => ({ unit, feeds: feeds[unit]!, settings: { seed, step, repeat }, read }))))
        step++
        return readings
      })
    const [readings, runMs] = yield* timed(Effect.tap(round(true), () => trainer.settled))
    const reports = (yield* Effect.promise(() => Promise.all(readings))) as Record<string, TypedArray>[]
    const loss = reports[0]![`${program.steps[0]!.name}.loss`]![0]!
    const once = (runs: number) =>
      Effect.map(timed(Effect.andThen(Effect.forEach(Array.from({ length: runs }), () => round(false), { discard: true }), trainer.settled)), ([, ms]) => ms)
    const most = program.steps.map(({ plan }) => plan).sort((a, b) => b.peakBytes - a.peakBytes)[0]!
    const kernels = new Set(program.steps.flatMap(({ plan }) => plan.kernels.map((kernel) => kernel.wgsl))).size
    return { check: loss, firstMs: loadMs + runMs, once, compileMs, kernels, peakBytes: most.peakBytes, liveBytes: most.liveBytes }
  })

const measure = Effect.gen(function* () {
  const workload = (workloads as Readonly<Record<string, Workload>>)[name]
  if (!workload) throw new Error(`there is no workload ${name}`)
  const gpu: GpuService = yield* Gpu
  const profile = (option("--profile") as Profile | undefined) ?? (gpu.kind === "hardware" ? "gpu" : "cpu")
  watchDevice(gpu.device)
  const began = performance.now()
  const { once, ...facts } = yield* workload.steps ? programOf(workload, limitsOf(gpu.limits, gpu.subgroupSize), profile, began) : graphOf(workload, limitsOf(gpu.limits, gpu.subgroupSize), profile, began)
  if (!Number.isFinite(facts.check)) throw new Error(`the result is ${facts.check}`)
  yield* once(1)
  const warm = yield* once(1)
  restart()
  yield* once(1)
  const counted = { ...counters }
  const k = Math.max(1, Math.min(8, Math.floor(60 / warm)))
  const count = warm > 15000 ? 1 : warm > 1500 ? Math.min(3, Number(samples)) : Number(samples)
  const ms: number[] = []
  for (let sample = 0; sample < count; sample++) ms.push((yield* once(k)) / k)
  return { peer: "nda", wl: name, ...facts, counters: counted, k, ms, adapter: gpu.name, profile }
})

const measured = await Effect.runPromise(Effect.scoped(Effect.provide(measure, gpuLayer("auto")))).catch((error: unknown) => ({ peer: "nda", wl: name, error: error instanceof Error ? error.message : String(error) }))
process.stdout.write(`${JSON.stringify(measured)}\n`)
