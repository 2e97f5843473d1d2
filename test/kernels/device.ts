/** Runs plans on the adapter of this machine, and checks shaders on Dawn's null backend, for the tests of this folder. */
import { create, globals } from "webgpu"
import type { Plan } from "../../src/plan/plan.ts"

Object.assign(globalThis, globals)
const kept: unknown[] = []
;(globalThis as unknown as { keptGpu: unknown[] }).keptGpu = kept

const devices = new Map<string, Promise<GPUDevice>>()
export const deviceFor = (backend: "real" | "null"): Promise<GPUDevice> => {
  const known = devices.get(backend)
  if (known) return known
  const made = (async () => {
    const gpu = create(backend === "null" ? ["backend=null"] : [])
    kept.push(gpu)
    const adapter = await gpu.requestAdapter()
    if (!adapter) throw new Error("no adapter: install a Vulkan driver (npm run setup)")
    const requiredFeatures = (["shader-f16", "subgroups"] as const).filter((feature) => adapter.features.has(feature))
    return adapter.requestDevice(backend === "null" ? { requiredFeatures } : { requiredFeatures, requiredLimits: { maxStorageBuffersPerShaderStage: adapter.limits.maxStorageBuffersPerShaderStage, maxBufferSize: adapter.limits.maxBufferSize, maxStorageBufferBindingSize: adapter.limits.maxStorageBufferBindingSize } })
  })()
  devices.set(backend, made)
  return made
}

/** All messages of Dawn about the plan's shaders and pipelines. */
export const messagesOf = async (plan: Plan): Promise<string[]> => {
  const device = await deviceFor("null")
  const messages: string[] = []
  for (const k of plan.kernels) {
    device.pushErrorScope("validation")
    const module = device.createShaderModule({ code: k.wgsl })
    device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main0" } })
    const error = device.popErrorScope()
    const info = await module.getCompilationInfo()
    messages.push(...info.messages.map((m) => `${k.name}:${m.lineNum}:${m.linePos} ${m.message}`))
    const raised = await error
    if (raised) messages.push(`${k.name}: ${raised.message}`)
  }
  return messages
}

export interface Loaded {
  /** Encodes and submits one run. */
  run(times?: number): Promise<void>
  read(output: string): Promise<Float32Array | Int32Array | Uint32Array>
  destroy(): void
}

const usage = { storage: 0x80, copySrc: 0x4, copyDst: 0x8, uniform: 0x40, mapRead: 0x1 }

export const loadPlan = async (plan: Plan, inputs: Readonly<Record<string, ArrayBufferView>>, settings: { seed: number; step: number; repeat: number }): Promise<Loaded> => {
  const device = await deviceFor("real")
  device.pushErrorScope("validation")
  const buffers = plan.buffers.map((b) => device.createBuffer({ size: b.bytes, usage: usage.copySrc | usage.copyDst | (b.role === "uniform" ? usage.uniform : usage.storage) }))
  for (const b of plan.buffers) {
    if (b.role === "uniform") device.queue.writeBuffer(buffers[b.id]!, 0, Uint32Array.of(settings.seed, settings.step, settings.repeat, 0, 0, 0, 0, 0))
    if (b.data) device.queue.writeBuffer(buffers[b.id]!, 0, Uint32Array.from(b.data))
  }
  for (const i of plan.inputs) device.queue.writeBuffer(buffers[i.buffer]!, 0, inputs[i.name] as BufferSource)
  const pipelines = plan.kernels.map((k) => device.createComputePipeline({ layout: "auto", compute: { module: device.createShaderModule({ code: k.wgsl }), entryPoint: "main0" } }))
  const groups = plan.commands.map((c) => (c.op !== "dispatch" ? undefined : device.createBindGroup({
    layout: pipelines[c.kernel]!.getBindGroupLayout(0),
    entries: c.buffers.map((b, binding) => ({ binding, resource: { buffer: buffers[b.buffer]!, offset: b.offset, size: b.bytes } }))
  })))
  const encode = (): GPUCommandBuffer => {
    const encoder = device.createCommandEncoder()
    let pass: GPUComputePassEncoder | undefined
    plan.commands.forEach((c, i) => {
      if (c.op === "dispatch") {
        pass ??= encoder.beginComputePass()
        pass.setPipeline(pipelines[c.kernel]!)
        pass.setBindGroup(0, groups[i]!)
        pass.dispatchWorkgroups(...c.groups)
        return
      }
      pass?.end()
      pass = undefined
      if (c.op === "copy") encoder.copyBufferToBuffer(buffers[c.from]!, 0, buffers[c.to]!, 0, c.bytes)
      else encoder.clearBuffer(buffers[c.buffer]!, 0, c.bytes)
    })
    pass?.end()
    return encoder.finish()
  }
  const error = await device.popErrorScope()
  if (error) throw new Error(error.message)
  return {
    run: async (times = 1) => {
      device.pushErrorScope("validation")
      for (let i = 0; i < times; i++) device.queue.submit([encode()])
      const scope = device.popErrorScope()
      await device.queue.onSubmittedWorkDone()
      const raised = await scope
      if (raised) throw new Error(raised.message)
    },
    read: async (name) => {
      const output = plan.outputs.find((o) => o.name === name)!
      const size = plan.buffers[output.buffer]!.bytes
      const staging = device.createBuffer({ size, usage: usage.mapRead | usage.copyDst })
      const encoder = device.createCommandEncoder()
      encoder.copyBufferToBuffer(buffers[output.buffer]!, 0, staging, 0, size)
      device.queue.submit([encoder.finish()])
      await staging.mapAsync(1)
      const bytes = staging.getMappedRange().slice(0)
      staging.destroy()
      return output.dtype === "f32" ? new Float32Array(bytes) : output.dtype === "i32" ? new Int32Array(bytes) : new Uint32Array(bytes)
    },
    destroy: () => buffers.forEach((b) => b.destroy())
  }
}
