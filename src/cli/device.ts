/** What a program runs on: a Dawn adapter, or the reference evaluator. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Request } from "../driver/check.ts"
import type { Compiled } from "../driver/compile.ts"
import type { Program as LearningGraphs } from "../ir/program.ts"
import { tunedBy } from "../driver/tune.ts"
import type { Plan, ProgramPlan } from "../plan/plan.ts"
import type { Tuned } from "../schedule/contraction.ts"
import { limitsOf } from "../schedule/limits.ts"
import type { CheckpointError, DataError, GpuError, NotFiniteError } from "../runtime/errors.ts"
import { loadPlan, type Executor } from "../runtime/executor.ts"
import { loadProgram, type Trainer } from "../runtime/program.ts"
import { Gpu, gpuLayer } from "../runtime/gpu.ts"
import { readTuned, type TunedFor } from "../runtime/tuned-tiles.ts"
import { exitCode } from "./exit-code.ts"
import type { Failure } from "./failure.ts"
import { referenceTrainer } from "./reference-trainer.ts"
import { referenceExecutor } from "./reference-executor.ts"
import { version } from "./version.ts"

export interface Device {
  readonly name: string
  readonly kind: "hardware" | "software" | "reference"
  /** What a plan may use; undefined for WebGPU's defaults. */
  readonly limits: NonNullable<Request["limits"]> | undefined
  /** Which kernels suit it; undefined for those that suit a CPU. */
  readonly profile: NonNullable<Request["profile"]> | undefined
  /** Whether it can store values as f16. */
  readonly halves: boolean
  /** What `nda tune` measured on it. */
  readonly tuned: Tuned | undefined
  /** How to measure on it; undefined where there are no kernels. */
  readonly tuning: Tuning | undefined
  readonly load: (compiled: Compiled) => Effect.Effect<Executor, Failure, Scope.Scope>
  /** A program that learns. Asked again after the device was lost, it opens another. */
  readonly loadProgram: (learning: Learning) => Effect.Effect<Trainer, GpuError | DataError, Scope.Scope>
}

export interface Tuning {
  readonly limits: NonNullable<Request["limits"]>
  readonly profile: NonNullable<Request["profile"]>
  /** Seconds of a run of the plan: the least of a few samples, since other work only adds; of one, where that is far from `best`. */
  readonly time: (plan: Plan, best: number) => Effect.Effect<number, GpuError | DataError, Scope.Scope>
}

/** What measurements on an adapter hold for. */
export const tunedFor = (adapter: string, profile: string): TunedFor => ({ adapter, profile, version: version() })

const [sampleSeconds, samples, mostRuns, hopeless] = [0.03, 3, 64, 1.5]
const timed = (plan: Plan, best: number): Effect.Effect<number, GpuError | DataError, Gpu | Scope.Scope> =>
  Effect.gen(function* () {
    const executor = yield* loadPlan(plan)
    const inputs = Object.fromEntries(plan.inputs.map((input) => [input.name, Float32Array.from({ length: input.shape.reduce((n, size) => n * size, 1) }, (_, i) => Math.sin(i))]))
    yield* executor.run(inputs, { seed: 0, step: 0, repeat: 0 })
    const once = yield* executor.bench(1)
    if (once > hopeless * best) return once
    const runs = Math.max(1, Math.min(mostRuns, Math.ceil(sampleSeconds / once)))
    let least = Infinity
    for (let i = 0; i < samples; i++) least = Math.min(least, (yield* executor.bench(runs)) / runs)
    return least
  })

/** A program over slots: its plans for a device, its graphs for the reference evaluator. */
export interface Learning {
  readonly plan: ProgramPlan
  readonly program: LearningGraphs
}

/** What the runtime reports as a failure of the command. */
export const runtimeFailure = (error: GpuError | DataError | CheckpointError | NotFiniteError): Failure => ({
  kind: "failure", exit: exitCode.runtime, tag: error._tag, message: error.message, where: error.where, hint: error.hint,
})

const reference: Device = {
  name: "reference", kind: "reference", limits: undefined, profile: undefined, halves: false, tuned: undefined, tuning: undefined,
  load: (compiled) => Effect.succeed(referenceExecutor(compiled.graph)),
  loadProgram: (learning) => Effect.succeed(referenceTrainer(learning.program)),
}

/** `--device`: nothing of Dawn's is loaded for `reference`. */
export const openDevice = (wanted: string): Effect.Effect<Device, Failure, Scope.Scope> => {
  if (wanted === "reference") return Effect.succeed(reference)
  return Effect.gen(function* () {
    const context = yield* Effect.mapError(Layer.build(gpuLayer(wanted)), runtimeFailure)
    const gpu = yield* Effect.provide(Gpu, context)
    const profile = gpu.kind === "hardware" ? "gpu" : "cpu"
    const limits = limitsOf(gpu.limits, gpu.subgroupSize)
    return {
      name: gpu.name,
      kind: gpu.kind,
      profile,
      limits,
      halves: gpu.features.has("shader-f16"),
      tuned: tunedBy(readTuned(tunedFor(gpu.name, profile)), { limits, profile }),
      tuning: { limits, profile, time: (plan, best) => Effect.provide(timed(plan, best), context) },
      load: (compiled) => Effect.provide(Effect.mapError(loadPlan(compiled.plan), runtimeFailure), context),
      loadProgram: (learning) =>
        Effect.suspend((): Effect.Effect<Trainer, GpuError | DataError, Scope.Scope> => {
          const trouble = gpu.trouble()
          return trouble?.reason === "DeviceLost"
            ? Effect.flatMap(Layer.build(gpuLayer(wanted)), (again) => Effect.provide(loadProgram(learning.plan), again))
            : Effect.provide(loadProgram(learning.plan), context)
        }),
    }
  })
}

/** One line for who wonders why it is slow. */
export const slowness = (device: Device): string | undefined => {
  if (device.kind !== "software") return undefined
  const driver = /llvmpipe|lavapipe/i.test(device.name) ? "Mesa llvmpipe" : /swiftshader/i.test(device.name) ? "SwiftShader" : device.name
  return `running on the CPU through ${driver}; a GPU would be faster`
}
