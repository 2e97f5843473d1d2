/** What `nda devices` says: the adapters that Dawn finds, what they offer, and what would be faster. */
import * as Effect from "effect/Effect"
import fs from "node:fs"
import { sizeText } from "./buffers.ts"
import { adapterKind, adapterName, adapterNames, requestAdapter, swiftShaderDawn, systemDawn, whatToInstall, type AdapterKind, type Dawn } from "./gpu.ts"
import { swiftShaderFolder, swiftShaderModule } from "./software-vulkan.ts"

const limitsThatMatter = [
  "maxBufferSize", "maxStorageBufferBindingSize", "maxStorageBuffersPerShaderStage", "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup", "maxComputeWorkgroupsPerDimension",
] as const
type Limit = (typeof limitsThatMatter)[number]
const featuresThatMatter = ["shader-f16", "subgroups", "timestamp-query"]

export interface AdapterReport {
  readonly name: string
  readonly kind: AdapterKind
  /** Where the driver comes from: the system's Vulkan, or SwiftShader in nda's cache. */
  readonly driver: "system" | "swiftshader"
  readonly features: readonly string[]
  readonly limits: Readonly<Record<Limit, number>>
}

export interface DevicesReport {
  readonly adapters: readonly AdapterReport[]
  /** What `--device auto` takes. */
  readonly chosen: string | undefined
  readonly advice: readonly string[]
}

const report = (adapter: GPUAdapter, driver: AdapterReport["driver"]): AdapterReport => ({
  name: adapterName(adapter),
  kind: adapterKind(adapter),
  driver,
  features: featuresThatMatter.filter((feature) => adapter.features.has(feature as GPUFeatureName)),
  limits: Object.fromEntries(limitsThatMatter.map((limit) => [limit, adapter.limits[limit]])) as Record<Limit, number>,
})

const systemAdapters = async (dawn: Dawn): Promise<readonly AdapterReport[]> => {
  const found: AdapterReport[] = []
  const add = (adapter: GPUAdapter | undefined) => {
    if (adapter !== undefined && !found.some((other) => other.name === adapterName(adapter))) found.push(report(adapter, "system"))
  }
  add(await requestAdapter(dawn, [], { powerPreference: "high-performance" }))
  const names = await adapterNames(dawn)
  if (names.length > 1) for (const name of names) add(await requestAdapter(dawn, [`adapter=${name}`], {}))
  return found
}

/** Device files that show a GPU which Dawn cannot use for want of a driver. */
const gpuDeviceFiles = (): readonly string[] => ["/dev/nvidia0", "/dev/dri/renderD128", "/dev/dxg"].filter((file) => fs.existsSync(file))

const adviceFor = (adapters: readonly AdapterReport[]): readonly string[] => {
  if (adapters.length === 0) return [`Dawn finds no adapter: nothing can run but --device reference. Install a driver, ${whatToInstall.replace("; `nda devices` says more", "")}.`]
  if (adapters.some((adapter) => adapter.kind === "hardware")) return ["A hardware adapter is there: nothing faster to install."]
  const files = gpuDeviceFiles()
  const seen = files.includes("/dev/nvidia0") ? "An NVIDIA GPU is visible (/dev/nvidia0), but not to Vulkan: install the driver's Vulkan part (libnvidia-gl, or the container option NVIDIA_DRIVER_CAPABILITIES=graphics,compute)."
    : files.length > 0 ? `A GPU is visible (${files[0]}), but not to Vulkan: install its Vulkan driver (Debian, Ubuntu: mesa-vulkan-drivers, with this user in the group render).`
    : "No GPU is visible: kernels run on the CPU. A machine with a GPU and its Vulkan driver would be far faster."
  const onlySwift = adapters.every((adapter) => /swiftshader/i.test(adapter.name))
  return onlySwift ? [seen, "Mesa's lavapipe is several times faster than SwiftShader and has shader-f16: as root, apt-get install mesa-vulkan-drivers (Debian 12: from bookworm-backports)."] : [seen]
}

export const listDevices: Effect.Effect<DevicesReport> = Effect.promise(async () => {
  const system = await systemAdapters(await systemDawn())
  const swift = swiftShaderModule() === undefined ? undefined : await swiftShaderDawn()
  const swiftAdapter = swift && (await requestAdapter(swift, [], {}))
  const adapters = swiftAdapter === undefined ? system : [...system, report(swiftAdapter, "swiftshader")]
  return { adapters, chosen: adapters[0]?.name, advice: adviceFor(adapters) }
})

const limitText = (limit: Limit, value: number): string => (/Size$/.test(limit) ? `${limit} ${sizeText(value)}` : `${limit} ${value}`)

export const devicesText = (devices: DevicesReport): string => {
  const lines: string[] = []
  for (const adapter of devices.adapters) {
    lines.push(`${adapter.name === devices.chosen ? "*" : " "} ${adapter.name}`)
    lines.push(`    ${adapter.kind}, ${adapter.driver === "system" ? "the system's Vulkan driver" : `SwiftShader in ${swiftShaderFolder()}`}`)
    lines.push(`    features: ${adapter.features.join(", ") || "none of the optional ones"}`)
    for (const limit of limitsThatMatter) lines.push(`    ${limitText(limit, adapter.limits[limit])}`)
  }
  if (devices.chosen !== undefined) lines.push("", "* is what --device auto takes.")
  lines.push(...devices.advice)
  return lines.join("\n")
}
