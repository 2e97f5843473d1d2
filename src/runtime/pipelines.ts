/** Compute pipelines of a plan's kernels: compiled eight at a time, once for each WGSL text on a device. */
import * as Effect from "effect/Effect"
import type { KernelPlan } from "../plan/plan.ts"
import { GpuError } from "./errors.ts"
import { checked, firstLines, judge, type GpuService } from "./gpu.ts"

const computeStage = 0x4
const bindingTypes = { uniform: "uniform", read: "read-only-storage", write: "storage" } as const
const concurrency = 8

const refused = (kernel: KernelPlan, why: string) =>
  new GpuError({
    reason: "ValidationFailed",
    message: `The shader of ${kernel.origin.label} (kernel ${kernel.name}) is refused: ${why}`,
    where: kernel.origin.at,
    hint: "this is a bug in nda: please report it with the program (nda compile --emit wgsl shows the shader)",
  })

/** Tint's first error with its line of WGSL, which the pipeline's own message does not have. */
const shaderError = (wgsl: string, info: GPUCompilationInfo): string | undefined => {
  const error = info.messages.find((message) => message.type === "error")
  if (error === undefined) return undefined
  const line = wgsl.split("\n")[error.lineNum - 1]?.trim() ?? ""
  return `${error.message} (WGSL ${error.lineNum}:${error.linePos}${line === "" ? "" : `: ${line}`})`
}

const compile = (gpu: GpuService, kernel: KernelPlan): Effect.Effect<GPUComputePipeline, GpuError> =>
  Effect.gen(function* () {
    const label = `${kernel.name} of ${kernel.origin.label} at ${kernel.origin.at}`
    const where = kernel.origin.at
    const made = judge(gpu, `the shader of ${label}`, where, (device) => {
      const module = device.createShaderModule({ label, code: kernel.wgsl })
      return { module, info: gpu.settle(module.getCompilationInfo()) }
    })
    if (made instanceof GpuError) return yield* made
    const { module } = made.value
    const [info, verdict] = yield* Effect.promise(() => Promise.all([made.value.info, made.verdict]))
    const error = shaderError(kernel.wgsl, info)
    if (error !== undefined) return yield* refused(kernel, error)
    if (verdict !== undefined) return yield* verdict
    const layout = yield* checked(gpu, `the pipeline layout of ${label}`, where, (device) => {
      const entries = kernel.bindings.map((binding, index) => ({ binding: index, visibility: computeStage, buffer: { type: bindingTypes[binding] } }))
      return device.createPipelineLayout({ label, bindGroupLayouts: [device.createBindGroupLayout({ label, entries })] })
    })
    const pipeline = yield* Effect.tryPromise({
      try: () => gpu.settle(gpu.device.createComputePipelineAsync({ label, layout, compute: { module } })),
      catch: (failure) => gpu.trouble() ?? refused(kernel, firstLines(failure instanceof Error ? failure.message : String(failure))),
    })
    const trouble = gpu.trouble()
    return trouble === undefined ? pipeline : yield* trouble
  })

/** The pipeline of each kernel, in the order of `kernels`. */
export const makePipelines = (gpu: GpuService, kernels: readonly KernelPlan[]): Effect.Effect<readonly GPUComputePipeline[], GpuError> =>
  Effect.gen(function* () {
    const keyOf = (kernel: KernelPlan): string => `${kernel.bindings.join(" ")}\n${kernel.wgsl}`
    const missing = new Map<string, KernelPlan>()
    for (const kernel of kernels) if (!gpu.pipelines.has(keyOf(kernel))) missing.set(keyOf(kernel), kernel)
    yield* Effect.forEach(
      missing,
      ([key, kernel]) => Effect.map(compile(gpu, kernel), (pipeline) => void gpu.pipelines.set(key, pipeline)),
      { concurrency, discard: true },
    )
    return kernels.map((kernel) => gpu.pipelines.get(keyOf(kernel))!)
  })
