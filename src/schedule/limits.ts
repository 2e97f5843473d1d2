/** What a plan must fit into: the limits of the WebGPU device it is made for, and whether that device is a CPU. */

import type { Origin } from "../ir/graph.ts"

/** Which kernels suit an adapter: a CPU's (small workgroups, no workgroup memory, few loads) or a GPU's. */
export type Profile = "cpu" | "gpu"

/** How values between kernels are stored. */
export type Precision = "f32" | "f16"

export interface Limits {
  readonly maxStorageBuffersPerShaderStage: number
  readonly maxStorageBufferBindingSize: number
  readonly maxBufferSize: number
  readonly maxComputeWorkgroupStorageSize: number
  readonly maxComputeInvocationsPerWorkgroup: number
  readonly maxComputeWorkgroupsPerDimension: number
  /** Offsets of bindings are multiples of it. */
  readonly storageOffsetAlignment: number
  /** The fewest lanes of a subgroup, which may read each other's values; 0 where there are no subgroups. */
  readonly subgroupSize: number
}

/** The limits every WebGPU device offers; plans are made for them unless the caller knows more. */
export const webgpuDefaults: Limits = {
  maxStorageBuffersPerShaderStage: 8,
  maxStorageBufferBindingSize: 134217728,
  maxBufferSize: 268435456,
  maxComputeWorkgroupStorageSize: 16384,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupsPerDimension: 65535,
  storageOffsetAlignment: 256,
  subgroupSize: 0
}

/** A program that cannot be planned within the limits: which limit, what is needed and available (bytes or a count). */
export interface LimitProblem {
  readonly limit: keyof Limits | "elements"
  readonly needed: number
  readonly available: number
  readonly message: string
  readonly origin: Origin
}

const inWords = (bytes: number): string => (bytes >= 2 ** 20 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${bytes} bytes`)

export const tooLarge = (limit: keyof Limits, needed: number, limits: Limits, what: string, origin: Origin): LimitProblem => ({
  limit, needed, available: limits[limit], origin,
  message: `${what} needs ${inWords(needed)}, but ${limit} is ${inWords(limits[limit])}`
})

/** Samples of a buffer that one dispatch binds. */
export interface Ranges {
  /** Samples of each dispatch but the last. */
  readonly step: number
  readonly samples: number
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))

/** The most samples that fit a binding and start at aligned offsets; 0 when one sample does not fit. */
export const rangesFor = (samples: number, bytesPerSample: readonly number[], limits: Limits): Ranges => {
  const unit = bytesPerSample.reduce((u, b) => Math.max(u, limits.storageOffsetAlignment / gcd(limits.storageOffsetAlignment, b)), 1)
  const most = Math.min(limits.maxComputeWorkgroupsPerDimension, Math.floor(limits.maxStorageBufferBindingSize / Math.max(...bytesPerSample)))
  return { step: most >= samples ? samples : Math.floor(most / unit) * unit, samples }
}

/** What a device grants, under WebGPU's names, as far as kernels ask for it. */
export const limitsOf = (device: Omit<Limits, "storageOffsetAlignment" | "subgroupSize"> & { readonly minStorageBufferOffsetAlignment: number }, subgroupSize: number): Limits => ({
  maxStorageBuffersPerShaderStage: device.maxStorageBuffersPerShaderStage, maxStorageBufferBindingSize: device.maxStorageBufferBindingSize,
  maxBufferSize: device.maxBufferSize, maxComputeWorkgroupStorageSize: device.maxComputeWorkgroupStorageSize,
  maxComputeInvocationsPerWorkgroup: device.maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupsPerDimension: device.maxComputeWorkgroupsPerDimension,
  storageOffsetAlignment: device.minStorageBufferOffsetAlignment, subgroupSize,
})
