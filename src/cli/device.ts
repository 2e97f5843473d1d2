/** What a program runs on: a Dawn adapter, or the reference evaluator. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Request } from "../driver/check.ts"
import type { Compiled } from "../driver/compile.ts"
import type { Program as LearningGraphs } from "../ir/program.ts"
import type { ProgramPlan } from "../plan/plan.ts"
import type { CheckpointError, DataError, GpuError, NotFiniteError } from "../runtime/errors.ts"
import { loadPlan, type Executor } from "../runtime/executor.ts"
import { loadProgram, type Trainer } from "../runtime/program.ts"
import { Gpu, gpuLayer } from "../runtime/gpu.ts"
import { exitCode } from "./exit-code.ts"
import type { Failure } from "./failure.ts"
import { referenceTrainer } from "./reference-trainer.ts"
import { referenceExecutor } from "./reference-executor.ts"

export interface Device {
  readonly name: string
  readonly kind: "hardware" | "software" | "reference"
  /** What a plan may use; undefined for WebGPU's defaults. */
  readonly limits: NonNullable<Request["limits"]> | undefined
  /** Which kernels suit it; undefined for those that suit a CPU. */
  readonly profile: NonNullable<Request["profile"]> | undefined
  readonly load: (compiled: Compiled) => Effect.Effect<Executor, Failure, Scope.Scope>
  /** A program that learns. Asked again after the device was lost, it opens another. */
  readonly loadProgram: (learning: Learning) => Effect.Effect<Trainer, GpuError | DataError, Scope.Scope>
}

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
  name: "reference", kind: "reference", limits: undefined, profile: undefined,
  load: (compiled) => Effect.succeed(referenceExecutor(compiled.graph)),
  loadProgram: (learning) => Effect.succeed(referenceTrainer(learning.program)),
}

/** `--device`: nothing of Dawn's is loaded for `reference`. */
export const openDevice = (wanted: string): Effect.Effect<Device, Failure, Scope.Scope> => {
  if (wanted === "reference") return Effect.succeed(reference)
  return Effect.gen(function* () {
    const context = yield* Effect.mapError(Layer.build(gpuLayer(wanted)), runtimeFailure)
    const gpu = yield* Effect.provide(Gpu, context)
    const {
      maxStorageBuffersPerShaderStage, maxStorageBufferBindingSize, maxBufferSize, maxComputeWorkgroupStorageSize,
      maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupsPerDimension, minStorageBufferOffsetAlignment,
    } = gpu.limits
    return {
      name: gpu.name,
      kind: gpu.kind,
      profile: gpu.kind === "hardware" ? "gpu" : "cpu",
      limits: {
        maxStorageBuffersPerShaderStage, maxStorageBufferBindingSize, maxBufferSize, maxComputeWorkgroupStorageSize,
        maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupsPerDimension, storageOffsetAlignment: minStorageBufferOffsetAlignment,
      },
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
