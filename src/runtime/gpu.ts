/** The service `Gpu`: one device of one Dawn adapter, owned by a scope, with everything that must be asked before and after each use of it. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { GpuError } from "./errors.ts"
import { swiftShaderModule, useSwiftShader } from "./software-vulkan.ts"

export type AdapterKind = "hardware" | "software"

/** Bytes of the buffers that exist now, and at most so far. */
export interface Ledger {
  liveBytes: number
  peakBytes: number
  liveBuffers: number
}

export interface GpuService {
  readonly device: GPUDevice
  readonly name: string
  readonly kind: AdapterKind
  readonly features: ReadonlySet<string>
  readonly limits: GPUSupportedLimits
  /** The fewest lanes that a subgroup has; 0 where the device has no subgroups. */
  readonly subgroupSize: number
  readonly ledger: Ledger
  /** Compiled pipelines by everything that defines them (see `pipelines.ts`); they live as long as the device. */
  readonly pipelines: Map<string, GPUComputePipeline>
  /** Why the device cannot be used any more, or an error that no scope caught; undefined while all is well. */
  readonly trouble: () => GpuError | undefined
  /** Waits for a promise of Dawn's without burning a core on an adapter that needs the cores itself. */
  readonly settle: <A>(promise: Promise<A>) => Promise<A>
}

export class Gpu extends Context.Service<Gpu, GpuService>()("nda/runtime/Gpu") {}

export interface Dawn {
  readonly create: (options: readonly string[]) => GPU
}

/** Collecting the object that `create` gives kills the process, even after its device is gone: all are kept for good. */
const keepAlive = (gpu: GPU): GPU => {
  const holder = globalThis as { ndaDawnInstances?: GPU[] }
  ;(holder.ndaDawnInstances ??= []).push(gpu)
  return gpu
}

/** Loads Dawn's binary (22 MB) only when a device is asked for. */
export const systemDawn = async (): Promise<Dawn> => (await import("webgpu")) as unknown as Dawn

export const swiftShaderDawn = async (): Promise<Dawn | undefined> => {
  const module = swiftShaderModule()
  if (module === undefined) return undefined
  useSwiftShader()
  return (await import(module)) as Dawn
}

/** Dawn throws instead of giving null where there is no Vulkan at all; both mean that there is no such adapter. */
export const requestAdapter = async (dawn: Dawn, options: readonly string[], request: GPURequestAdapterOptions): Promise<GPUAdapter | undefined> => {
  try {
    return (await keepAlive(dawn.create(options)).requestAdapter(request)) ?? undefined
  } catch {
    return undefined
  }
}

/** The names of a Dawn instance's adapters: asking for one that cannot exist makes Dawn list them in its error. */
export const adapterNames = async (dawn: Dawn): Promise<readonly string[]> => {
  try {
    await keepAlive(dawn.create(["adapter=\u0001"])).requestAdapter()
    return []
  } catch (error) {
    return [...String(error).matchAll(/name: '([^']*)'/g)].map((match) => match[1]!)
  }
}

const softwareDrivers = /llvmpipe|lavapipe|swiftshader/i

export const adapterKind = (adapter: GPUAdapter): AdapterKind =>
  adapter.info.isFallbackAdapter || softwareDrivers.test(`${adapter.info.description} ${adapter.info.device}`) ? "software" : "hardware"

export const adapterName = (adapter: GPUAdapter): string => adapter.info.description || adapter.info.device || adapter.info.vendor || "unnamed adapter"

export const whatToInstall =
  "as root: apt-get install libvulkan1 mesa-vulkan-drivers (Debian 12: from bookworm-backports); or, without root, `npm run setup` in a checkout of nda; `nda devices` says more"

const noAdapter = (message: string, hint: string) => new GpuError({ reason: "NoAdapter", message, where: undefined, hint })

/** `auto` prefers hardware, `cpu` is a software adapter, anything else is a part of an adapter's name. */
const findAdapter = async (wanted: string): Promise<GPUAdapter | GpuError> => {
  const named = wanted !== "auto" && wanted !== "cpu"
  const part = wanted.toLowerCase()
  const system = await systemDawn()
  if (wanted === "auto") {
    const adapter = await requestAdapter(system, [], { powerPreference: "high-performance" })
    if (adapter !== undefined) return adapter
  }
  const names = wanted === "auto" ? [] : await adapterNames(system)
  const match = names.find((name) => (named ? name.toLowerCase().includes(part) : softwareDrivers.test(name)))
  if (match !== undefined) {
    const adapter = await requestAdapter(system, [`adapter=${match}`], {})
    if (adapter !== undefined) return adapter
  }
  if (!named || "swiftshader".includes(part)) {
    const swift = await swiftShaderDawn()
    const adapter = swift && (await requestAdapter(swift, [], {}))
    if (adapter !== undefined) return adapter
  }
  if (wanted === "cpu") return noAdapter("There is no software Vulkan driver on this machine.", whatToInstall)
  if (!named) return noAdapter("Dawn finds no Vulkan adapter on this machine: no GPU driver and no software driver.", whatToInstall)
  const found = names.length === 0 ? "Dawn finds none here" : `Dawn finds: ${names.join("; ")}`
  return noAdapter(`No adapter's name contains "${wanted}"; ${found}.`, names.length === 0 ? whatToInstall : "give a part of one of these names to --device, or leave it out")
}

/** Beyond WebGPU's defaults a device offers only what was asked for, so all that compute kernels use is asked for. */
const computeLimits = [
  "maxBufferSize", "maxStorageBufferBindingSize", "maxStorageBuffersPerShaderStage", "maxUniformBufferBindingSize", "maxBindingsPerBindGroup",
  "maxComputeWorkgroupStorageSize", "maxComputeInvocationsPerWorkgroup", "maxComputeWorkgroupSizeX", "maxComputeWorkgroupSizeY", "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupsPerDimension", "minStorageBufferOffsetAlignment", "minUniformBufferOffsetAlignment",
] as const
const usefulFeatures: readonly GPUFeatureName[] = ["shader-f16", "subgroups", "timestamp-query"]

/**
 * Dawn polls in a busy loop while a promise of its is pending; on a CPU adapter that takes a core from the kernels.
 * A turn of this loop sleeps up to a millisecond instead, less in the first turns so that short waits stay short.
 * There is one loop at most: what is waited for next often begins before the loop has seen that nothing was pending.
 */
export const sleepingWait = (): (<A>(promise: Promise<A>) => Promise<A>) => {
  const cell = new Int32Array(new SharedArrayBuffer(4))
  let pending = 0
  let turns = 0
  let turning = false
  const turn = () => {
    turning = pending > 0
    if (!turning) return
    turns++
    Atomics.wait(cell, 0, 0, Math.min(1, turns * 0.05))
    setImmediate(turn)
  }
  return (promise) => {
    const settled = () => {
      pending--
    }
    promise.then(settled, settled)
    if (pending++ === 0) turns = 0
    if (!turning) {
      turning = true
      setImmediate(turn)
    }
    return promise
  }
}

const openDevice = async (wanted: string): Promise<GpuService | GpuError> => {
  const adapter = await findAdapter(wanted)
  if (adapter instanceof GpuError) return adapter
  const kind = adapterKind(adapter)
  const name = adapterName(adapter)
  let device: GPUDevice
  try {
    device = await adapter.requestDevice({
      requiredFeatures: usefulFeatures.filter((feature) => adapter.features.has(feature)),
      requiredLimits: Object.fromEntries(computeLimits.map((limit) => [limit, adapter.limits[limit]])),
    })
  } catch (error) {
    return new GpuError({ reason: "DriverFailed", message: `The adapter ${name} gives no device: ${String(error)}`, where: undefined, hint: "try another adapter with --device" })
  }
  let lost: GPUDeviceLostInfo | undefined
  const uncaught: string[] = []
  void device.lost.then((info) => {
    lost = info
  })
  device.addEventListener("uncapturederror", (event) => {
    uncaught.push(event.error.message)
  })
  const trouble = (): GpuError | undefined => {
    if (lost !== undefined) {
      const why = lost.message === "" ? lost.reason : `${lost.reason}: ${lost.message}`
      return new GpuError({ reason: "DeviceLost", message: `The device of ${name} is lost (${why}).`, where: undefined, hint: "run the command again; a run with checkpoints goes on with --resume" })
    }
    const first = uncaught.shift()
    return first === undefined
      ? undefined
      : new GpuError({ reason: "ValidationFailed", message: `Dawn reports: ${firstLines(first)}`, where: undefined, hint: "this is a bug in nda: please report it with the program" })
  }
  return {
    device, name, kind, trouble,
    features: new Set([...device.features] as string[]),
    limits: device.limits,
    subgroupSize: device.features.has("subgroups") ? adapter.info.subgroupMinSize : 0,
    ledger: { liveBytes: 0, peakBytes: 0, liveBuffers: 0 },
    pipelines: new Map(),
    settle: kind === "software" ? sleepingWait() : (promise) => promise,
  }
}

/** Dawn's messages go on with a trace of its own calls; the first lines say what is wrong. */
export const firstLines = (message: string): string => message.split("\n").map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("at ")).slice(0, 3).join(" ")

/** A device for `--device wanted`; when the scope ends, the device is destroyed and its end waited for. */
export const gpuLayer = (wanted = "auto"): Layer.Layer<Gpu, GpuError> =>
  Layer.effect(
    Gpu,
    Effect.acquireRelease(
      Effect.flatMap(Effect.promise(() => openDevice(wanted)), (opened) => (opened instanceof GpuError ? Effect.fail(opened) : Effect.succeed(opened))),
      (gpu) =>
        Effect.promise(async () => {
          gpu.device.destroy()
          await gpu.settle(gpu.device.lost)
        }),
    ),
  )

const reasons = { validation: "ValidationFailed", "out-of-memory": "OutOfMemory", internal: "DriverFailed" } as const
const hints = {
  validation: "this is a bug in nda: please report it with the program",
  "out-of-memory": "make the batch smaller (--set batch=…) or choose another device (nda devices)",
  internal: "try another adapter with --device, or a newer driver",
} as const

export interface Checked<A> {
  readonly value: A
  /** Settles when Dawn has judged everything that was done; never rejects. */
  readonly verdict: Promise<GpuError | undefined>
}

/**
 * Does `use` inside the three error scopes. Scopes are a stack on the device, so they are pushed and popped in this one synchronous call.
 * The lost flag is looked at before and after: calls on a lost device fail silently.
 */
export const judge = <A>(gpu: GpuService, what: string, where: string | undefined, use: (device: GPUDevice) => A): Checked<A> | GpuError => {
  const before = gpu.trouble()
  if (before !== undefined) return before
  const { device } = gpu
  const kinds = ["validation", "out-of-memory", "internal"] as const
  for (const filter of [...kinds].reverse()) device.pushErrorScope(filter)
  let value: A | undefined
  let thrown: unknown
  try {
    value = use(device)
  } catch (error) {
    thrown = error
  }
  const pops = kinds.map((filter) =>
    device.popErrorScope().then(
      (error) => (error === null ? undefined : new GpuError({ reason: reasons[filter], message: `${what}: ${firstLines(error.message)}`, where, hint: hints[filter] })),
      (error: unknown) => new GpuError({ reason: "DriverFailed", message: `${what}: ${String(error)}`, where, hint: hints.internal }),
    ),
  )
  if (thrown !== undefined) {
    void Promise.all(pops)
    return new GpuError({ reason: "ValidationFailed", message: `${what}: ${thrown instanceof Error ? thrown.message : String(thrown)}`, where, hint: hints.validation })
  }
  const verdict = gpu.settle(Promise.all(pops)).then((errors) => gpu.trouble() ?? errors.find((error) => error !== undefined))
  return { value: value as A, verdict }
}

/** `judge`, waited for. */
export const checked = <A>(gpu: GpuService, what: string, where: string | undefined, use: (device: GPUDevice) => A): Effect.Effect<A, GpuError> =>
  Effect.suspend(() => {
    const result = judge(gpu, what, where, use)
    if (result instanceof GpuError) return Effect.fail(result)
    return Effect.flatMap(Effect.promise(() => result.verdict), (error) => (error === undefined ? Effect.succeed(result.value) : Effect.fail(error)))
  })
