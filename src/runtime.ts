/** `nda/runtime`: runs compiled plans on a device; the compiler is `nda`. `open` is for everyone, the rest for programs written with Effect. */
export * from "./runtime/runtime-api.ts"
export { loadPlan, type DawnExecutor, type Executor } from "./runtime/executor.ts"
export { Gpu, gpuLayer, type GpuService } from "./runtime/gpu.ts"
export { listDevices, type DevicesReport } from "./runtime/devices.ts"
export { openSource } from "./runtime/data/open-source.ts"
export type { Batch, OpenSource, SourceContext, SourceRequest } from "./runtime/data/source.ts"
