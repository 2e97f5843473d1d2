/** The commands of a plan on Dawn: bind groups made once, encoding as a plain loop, and whose fault it is when Dawn refuses. */
import * as Effect from "effect/Effect"
import type { Command, InputPlan, Plan } from "../plan/plan.ts"
import { DataError, GpuError } from "./errors.ts"
import type { Arrays, TypedArray } from "./executor.ts"
import { checked, judge, type GpuService } from "./gpu.ts"

type Dispatch = Extract<Command, { readonly op: "dispatch" }>

export const settingsWords = 8
export const arrayOf = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint32Array, u8: Uint8Array } as const
export const count = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1)

/** WebGPU knows no empty buffer and no empty binding. */
export const atLeastOneWord = (bytes: number): number => Math.max(4, bytes)

const described = (input: InputPlan): string => `${input.dtype}[${input.shape.join(", ")}]`

/** The arrays in the order of the plan's inputs, or what is wrong with them. */
export const matchInputs = (plan: Plan, inputs: Arrays): readonly TypedArray[] | DataError => {
  const wrong = (input: InputPlan, what: string, hint: string) => {
    const where = plan.buffers.find((buffer) => buffer.id === input.buffer)?.origin.at
    return new DataError({ message: `Input \`${input.name}\` of ${plan.entry} ${what}.`, where, hint })
  }
  const unknown = Object.keys(inputs).find((name) => !plan.inputs.some((input) => input.name === name))
  if (unknown !== undefined) {
    const names = plan.inputs.map((input) => input.name).join(", ") || "none"
    return new DataError({ message: `${plan.entry} has no input \`${unknown}\`.`, where: undefined, hint: `its inputs are: ${names}` })
  }
  const matched: TypedArray[] = []
  for (const input of plan.inputs) {
    const array = inputs[input.name]
    if (array === undefined) return wrong(input, "is missing", `give a ${described(input)}`)
    if (!(array instanceof arrayOf[input.dtype])) return wrong(input, `is a ${(array as object).constructor.name}; ${described(input)} is expected`, `give a ${arrayOf[input.dtype].name}`)
    if (array.length !== count(input.shape)) return wrong(input, `has ${array.length} values; ${described(input)} has ${count(input.shape)}`, "compile the plan for this size, or give an array of the plan's size")
    matched.push(array)
  }
  return matched
}

/** Bytes of an input: of a picture of bytes, as many as fill its last word. */
export const inputBytes = ({ dtype, shape }: InputPlan): number => (dtype === "u8" ? 4 * Math.ceil(count(shape) / 4) : 4 * count(shape))

/** Writes values into a buffer, from a byte on; bytes are filled up to a whole word. Gives how many bytes were written. */
export const upload = (device: GPUDevice, buffer: GPUBuffer, at: number, array: TypedArray): number => {
  if (array.length === 0) return 0
  const rest = array.byteLength % 4
  const whole = rest === 0 ? array : Uint8Array.from({ length: array.byteLength + 4 - rest }, (_, i) => array[i] ?? 0)
  device.queue.writeBuffer(buffer, at, whole.buffer as ArrayBuffer, whole.byteOffset, whole.byteLength)
  return whole.byteLength
}

export interface Loaded {
  readonly buffers: ReadonlyMap<number, GPUBuffer>
  readonly steps: ReadonlyMap<Command, { readonly pipeline: GPUComputePipeline; readonly group: GPUBindGroup }>
}

/** A command buffer in the making: neighbouring dispatches share one pass, whichever plans they are of; copies and fills stand between passes. */
export interface Encoding {
  /** The pass that is open, or a new one. */
  readonly pass: () => GPUComputePassEncoder
  /** The encoder, when the pass is over. */
  readonly outside: () => GPUCommandEncoder
}

export const encoding = (device: GPUDevice): Encoding => {
  const encoder = device.createCommandEncoder()
  let open: GPUComputePassEncoder | undefined
  return {
    pass: () => (open ??= encoder.beginComputePass()),
    outside: () => {
      open?.end()
      open = undefined
      return encoder
    },
  }
}

export const encode = (into: Encoding, commands: readonly Command[], loaded: Loaded): void => {
  for (const command of commands) {
    if (command.op === "dispatch") {
      const pass = into.pass()
      const step = loaded.steps.get(command)!
      pass.setPipeline(step.pipeline)
      pass.setBindGroup(0, step.group)
      pass.dispatchWorkgroups(...command.groups)
      continue
    }
    if (command.op === "copy") into.outside().copyBufferToBuffer(loaded.buffers.get(command.from)!, 0, loaded.buffers.get(command.to)!, 0, command.bytes)
    else into.outside().clearBuffer(loaded.buffers.get(command.buffer)!, 0, command.bytes)
  }
}

/** Dawn judges a command buffer as a whole. To name the line, each command is encoded once more by itself, without being submitted. */
export const blame = async (gpu: GpuService, plan: Plan, loaded: Loaded, error: GpuError): Promise<GpuError> => {
  if (error.reason !== "ValidationFailed") return error
  for (const command of plan.commands) {
    const origin = command.op === "dispatch" ? command.origin : undefined
    const what = origin === undefined ? `a ${command.op} of ${plan.entry}` : `the dispatch of \`${origin.label}\``
    const alone = judge(gpu, what, origin?.at, (device) => {
      const made = encoding(device)
      encode(made, [command], loaded)
      made.outside().finish()
    })
    const found = alone instanceof GpuError ? alone : await alone.verdict
    if (found !== undefined) return found
  }
  return error
}

/** What Dawn says about each object comes a turn of the event loop later; asked about together, all answers come in the same turn. */
export const together = { concurrency: 64 } as const

/** The bind group of each dispatch; `pipelines` in the order of the plan's kernels. */
export const makeBindings = (
  gpu: GpuService, plan: Plan, buffers: ReadonlyMap<number, GPUBuffer>, pipelines: readonly GPUComputePipeline[],
): Effect.Effect<Loaded["steps"], GpuError> => {
  const pipelineOf = new Map(plan.kernels.map((kernel, index) => [kernel.id, pipelines[index]!]))
  const bind = (command: Dispatch) => {
    const pipeline = pipelineOf.get(command.kernel)!
    const entries = command.buffers.map((bound, binding) => ({
      binding,
      resource: { buffer: buffers.get(bound.buffer)!, offset: bound.offset, size: atLeastOneWord(bound.bytes) },
    }))
    const { at, label } = command.origin
    const group = checked(gpu, `the bindings of \`${label}\``, at, (device) => device.createBindGroup({ label: `${label} at ${at}`, layout: pipeline.getBindGroupLayout(0), entries }))
    return Effect.map(group, (made) => [command as Command, { pipeline, group: made }] as const)
  }
  const dispatched = plan.commands.filter((command) => command.op === "dispatch")
  return Effect.map(Effect.forEach(dispatched, bind, together), (bound) => new Map(bound))
}

/** Dispatches and passes of one run of the commands. */
export const workOf = (plan: Plan): { readonly dispatches: number; readonly passes: number } => ({
  dispatches: plan.commands.filter((command) => command.op === "dispatch").length,
  passes: plan.commands.filter((command, index) => command.op === "dispatch" && plan.commands[index - 1]?.op !== "dispatch").length,
})
