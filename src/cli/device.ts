/** What a program runs on: a Dawn adapter, or the reference evaluator. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Request } from "../driver/check.ts"
import type { Compiled } from "../driver/compile.ts"
import type { DataError, GpuError } from "../runtime/errors.ts"
import { loadPlan, type Executor } from "../runtime/executor.ts"
import { Gpu, gpuLayer } from "../runtime/gpu.ts"
import { exitCode } from "./exit-code.ts"
import type { Failure } from "./failure.ts"
import { referenceExecutor } from "./reference-executor.ts"

export interface Device {
  readonly name: string
  readonly kind: "hardware" | "software" | "reference"
  /** What a plan may use; undefined for WebGPU's defaults. */
  readonly limits: NonNullable<Request["limits"]> | undefined
  readonly load: (compiled: Compiled) => Effect.Effect<Executor, Failure, Scope.Scope>
}

/** What the runtime reports as a failure of the command. */
export const runtimeFailure = (error: GpuError | DataError): Failure => ({
  kind: "failure", exit: exitCode.runtime, tag: error._tag, message: error.message, where: error.where, hint: error.hint,
})

const reference: Device = { name: "reference", kind: "reference", limits: undefined, load: (compiled) => Effect.succeed(referenceExecutor(compiled.graph)) }

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
      limits: {
        maxStorageBuffersPerShaderStage, maxStorageBufferBindingSize, maxBufferSize, maxComputeWorkgroupStorageSize,
        maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupsPerDimension, storageOffsetAlignment: minStorageBufferOffsetAlignment,
      },
      load: (compiled) => Effect.provide(Effect.mapError(loadPlan(compiled.plan), runtimeFailure), context),
    }
  })
}

/** One line for who wonders why it is slow. */
export const slowness = (device: Device): string | undefined => {
  if (device.kind !== "software") return undefined
  const driver = /llvmpipe|lavapipe/i.test(device.name) ? "Mesa llvmpipe" : /swiftshader/i.test(device.name) ? "SwiftShader" : device.name
  return `running on the CPU through ${driver}; a GPU would be faster`
}
