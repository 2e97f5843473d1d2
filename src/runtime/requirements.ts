/** What a plan asks of a device, compared with what it offers before anything is made: the first excess is named with its line. */
import type { BufferPlan, Plan, Where } from "../plan/plan.ts"
import { sizeText } from "./buffers.ts"
import { GpuError } from "./errors.ts"
import type { GpuService } from "./gpu.ts"

const smaller = "make the batch smaller (--set batch=…), or choose an adapter with a higher limit (nda devices)"
const recompile = "the plan was made for another device: compile it again for this one, or choose another (nda devices)"

const amount = (limit: string, value: number): string => (/StorageSize$|BufferSize$|BindingSize$/.test(limit) ? sizeText(value) : String(value))

const exceeded = (gpu: GpuService, limit: string, needed: number, available: number, origin: Where | undefined, hint: string) => {
  const who = origin === undefined ? "The plan" : `\`${origin.label}\``
  const message = `${who} needs ${amount(limit, needed)} of ${limit}; ${gpu.name} offers ${amount(limit, available)} (${needed} > ${available}).`
  return new GpuError({ reason: "LimitExceeded", message, where: origin?.at, hint })
}

const largest = (buffers: readonly BufferPlan[]): BufferPlan | undefined =>
  buffers.reduce<BufferPlan | undefined>((best, buffer) => (best === undefined || buffer.bytes > best.bytes ? buffer : best), undefined)

/** undefined when the device can run the plan. */
export const firstExcess = (gpu: GpuService, plan: Plan): GpuError | undefined => {
  const { limits } = gpu
  const kernelOf = new Map(plan.kernels.map((kernel) => [kernel.id, kernel]))
  const big = largest(plan.buffers)
  if (big !== undefined && big.bytes > limits.maxBufferSize) return exceeded(gpu, "maxBufferSize", big.bytes, limits.maxBufferSize, big.origin, smaller)
  for (const command of plan.commands) {
    if (command.op !== "dispatch") continue
    const { origin } = command
    const kernel = kernelOf.get(command.kernel)
    if (kernel === undefined) throw new Error(`a plan's dispatch names its kernel: ${command.kernel} is none`)
    if (kernel.bindings.length !== command.buffers.length) throw new Error(`a dispatch binds one buffer for each binding of kernel ${kernel.name}`)
    for (const [index, bound] of command.buffers.entries()) {
      const limit = kernel.bindings[index] === "uniform" ? "maxUniformBufferBindingSize" : "maxStorageBufferBindingSize"
      const buffer = plan.buffers.find((candidate) => candidate.id === bound.buffer)
      if (bound.bytes > limits[limit]) return exceeded(gpu, limit, bound.bytes, limits[limit], buffer?.origin ?? origin, smaller)
    }
    const storage = kernel.bindings.filter((binding) => binding !== "uniform").length
    if (storage > limits.maxStorageBuffersPerShaderStage)
      return exceeded(gpu, "maxStorageBuffersPerShaderStage", storage, limits.maxStorageBuffersPerShaderStage, origin, recompile)
    const groups = Math.max(...command.groups)
    if (groups > limits.maxComputeWorkgroupsPerDimension)
      return exceeded(gpu, "maxComputeWorkgroupsPerDimension", groups, limits.maxComputeWorkgroupsPerDimension, origin, smaller)
    const invocations = kernel.workgroup[0] * kernel.workgroup[1] * kernel.workgroup[2]
    if (invocations > limits.maxComputeInvocationsPerWorkgroup)
      return exceeded(gpu, "maxComputeInvocationsPerWorkgroup", invocations, limits.maxComputeInvocationsPerWorkgroup, origin, recompile)
  }
  const { features, subgroupSize = 0, ...needs } = plan.needs
  for (const [limit, needed] of Object.entries(needs)) {
    const available = limits[limit as keyof typeof needs]
    if (needed > available) return exceeded(gpu, limit, needed, available, undefined, recompile)
  }
  const missing = features.find((feature) => !gpu.features.has(feature))
  if (missing !== undefined) return new GpuError({ reason: "LimitExceeded", message: `The plan needs the feature ${missing}; ${gpu.name} does not offer it.`, where: undefined, hint: recompile })
  if (subgroupSize > gpu.subgroupSize) return new GpuError({ reason: "LimitExceeded", message: `The plan needs subgroups of ${subgroupSize} lanes; those of ${gpu.name} may have ${gpu.subgroupSize}.`, where: undefined, hint: recompile })
  return undefined
}
