/** What a plan must fit into: the limits of the WebGPU device it is made for, and whether that device is a CPU. */

export interface Limits {
  readonly maxStorageBuffersPerShaderStage: number
  readonly maxStorageBufferBindingSize: number
  readonly maxBufferSize: number
  readonly maxComputeWorkgroupStorageSize: number
  readonly maxComputeInvocationsPerWorkgroup: number
  readonly maxComputeWorkgroupsPerDimension: number
  /** Offsets of bindings are multiples of it. */
  readonly storageOffsetAlignment: number
}

/** The limits every WebGPU device offers; plans are made for them unless the caller knows more. */
export const webgpuDefaults: Limits = {
  maxStorageBuffersPerShaderStage: 8,
  maxStorageBufferBindingSize: 134217728,
  maxBufferSize: 268435456,
  maxComputeWorkgroupStorageSize: 16384,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupsPerDimension: 65535,
  storageOffsetAlignment: 256
}

/** A program that cannot be planned within the limits: which limit, the bytes (or count) needed and available. */
export interface LimitProblem {
  readonly limit: keyof Limits
  readonly needed: number
  readonly available: number
  readonly what: string
}

