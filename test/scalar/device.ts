/** Runs a WGSL function over arrays on whatever adapter there is, for the tests of the prelude. */
import { create, globals } from "webgpu"

Object.assign(globalThis, globals)
// Dawn's instance must outlive everything made from it.
const keep = globalThis as { dawnForTests?: GPU }
keep.dawnForTests ??= create([])

export const openDevice = async (): Promise<GPUDevice | undefined> => {
  const adapter = await keep.dawnForTests!.requestAdapter()
  return adapter ? adapter.requestDevice() : undefined
}

/** The kernel's body sees its index `i` and the inputs `in0`, `in1`, …, and gives the text of one u32 per output. */
export const runKernel = async (
  device: GPUDevice, prelude: string, inputs: readonly (Float32Array | Int32Array | Uint32Array)[], types: readonly string[], body: string, count: number,
): Promise<Uint32Array> => {
  const bindings = inputs.map((_, i) => `@group(0) @binding(${i + 1}) var<storage, read> in${i}: array<${types[i]}>;`).join("\n")
  const code = `${prelude}\n@group(0) @binding(0) var<storage, read_write> out0: array<u32>;\n${bindings}
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = id.x + id.y * 2097152u;
  if (i >= ${count}u) { return; }
  ${body}
}`
  device.pushErrorScope("validation")
  const module = device.createShaderModule({ code })
  const messages = (await module.getCompilationInfo()).messages
  if (messages.length > 0) throw new Error(messages.map((m) => `${m.lineNum}: ${m.message}`).join("\n"))
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } })
  const usage = GPUBufferUsage
  const buffers = inputs.map((data) => {
    const buffer = device.createBuffer({ size: data.byteLength, usage: usage.STORAGE | usage.COPY_DST })
    device.queue.writeBuffer(buffer, 0, data as GPUAllowSharedBufferSource)
    return buffer
  })
  const out = device.createBuffer({ size: count * 4, usage: usage.STORAGE | usage.COPY_SRC })
  const back = device.createBuffer({ size: count * 4, usage: usage.MAP_READ | usage.COPY_DST })
  const encoder = device.createCommandEncoder()
  const pass = encoder.beginComputePass()
  pass.setPipeline(pipeline)
  pass.setBindGroup(0, device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [out, ...buffers].map((buffer, binding) => ({ binding, resource: { buffer } })),
  }))
  const groups = Math.ceil(count / 64)
  pass.dispatchWorkgroups(Math.min(groups, 32768), Math.ceil(groups / 32768))
  pass.end()
  encoder.copyBufferToBuffer(out, 0, back, 0, count * 4)
  device.queue.submit([encoder.finish()])
  await back.mapAsync(GPUMapMode.READ)
  const result = new Uint32Array(back.getMappedRange().slice(0))
  back.unmap()
  const error = await device.popErrorScope()
  if (error) throw new Error(error.message)
  for (const buffer of [out, back, ...buffers]) buffer.destroy()
  return result
}

export const asFloats = (words: Uint32Array): Float32Array => new Float32Array(words.buffer)
