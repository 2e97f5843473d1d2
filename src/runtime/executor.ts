/** Runs a plan: the interface that every device implements, and its implementation on Dawn. Nothing is created per run but the command buffer. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { BufferPlan, Command, InputPlan, OutputPlan, Plan } from "../plan/plan.ts"
import { affordable, mapForReading, scopedBuffer, usage } from "./buffers.ts"
import { DataError, GpuError } from "./errors.ts"
import { checked, Gpu, judge, type GpuService } from "./gpu.ts"
import { makePipelines } from "./pipelines.ts"
import { firstExcess } from "./requirements.ts"

export type TypedArray = Float32Array | Int32Array | Uint32Array
export type Arrays = Readonly<Record<string, TypedArray>>

/** The run-time values that draws depend on; each is taken modulo 2^32. */
export interface RunSettings {
  readonly seed: number
  readonly step: number
  readonly repeat: number
}

/** `dispatches`, `passes` and `submits` are those of one run. */
export interface ExecutorStats {
  readonly dispatches: number
  readonly passes: number
  readonly submits: number
  readonly kernels: number
  /** Bytes of all of the plan's buffers on the device. */
  readonly peakBytes: number
  /** Bytes of the buffers through which outputs are read back. */
  readonly stagingBytes: number
}

export interface Executor {
  /** One run; outputs are fresh arrays (a bool is a Uint32Array of 0 and 1). */
  readonly run: (inputs: Arrays, settings: RunSettings) => Effect.Effect<Record<string, TypedArray>, GpuError | DataError>
  readonly stats: ExecutorStats
}

export interface DawnExecutor extends Executor {
  /** Seconds for `times` runs on the inputs of the last run, each at the next step, without read-back, waited for once. */
  readonly bench: (times: number) => Effect.Effect<number, GpuError>
}

type Dispatch = Extract<Command, { readonly op: "dispatch" }>

const settingsWords = 8
const arrayOf = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint32Array } as const
const count = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1)

/** WebGPU knows no empty buffer and no empty binding. */
const atLeastOneWord = (bytes: number): number => Math.max(4, bytes)

const described = (input: InputPlan): string => `${input.dtype}[${input.shape.join(", ")}]`

/** The arrays in the order of the plan's inputs, or what is wrong with them. */
const matchInputs = (plan: Plan, inputs: Arrays): readonly TypedArray[] | DataError => {
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

interface Loaded {
  readonly buffers: ReadonlyMap<number, GPUBuffer>
  readonly steps: ReadonlyMap<Command, { readonly pipeline: GPUComputePipeline; readonly group: GPUBindGroup }>
}

/** Neighbouring dispatches share one pass; copies and fills stand between passes. */
const encode = (encoder: GPUCommandEncoder, commands: readonly Command[], loaded: Loaded): void => {
  let pass: GPUComputePassEncoder | undefined
  for (const command of commands) {
    if (command.op === "dispatch") {
      pass ??= encoder.beginComputePass()
      const step = loaded.steps.get(command)!
      pass.setPipeline(step.pipeline)
      pass.setBindGroup(0, step.group)
      pass.dispatchWorkgroups(...command.groups)
      continue
    }
    pass?.end()
    pass = undefined
    if (command.op === "copy") encoder.copyBufferToBuffer(loaded.buffers.get(command.from)!, 0, loaded.buffers.get(command.to)!, 0, command.bytes)
    else encoder.clearBuffer(loaded.buffers.get(command.buffer)!, 0, command.bytes)
  }
  pass?.end()
}

/** Dawn judges a command buffer as a whole. To name the line, each command is encoded once more by itself, without being submitted. */
const blame = async (gpu: GpuService, plan: Plan, loaded: Loaded, error: GpuError): Promise<GpuError> => {
  if (error.reason !== "ValidationFailed") return error
  for (const command of plan.commands) {
    const origin = command.op === "dispatch" ? command.origin : undefined
    const what = origin === undefined ? `a ${command.op} of ${plan.entry}` : `the dispatch of \`${origin.label}\``
    const alone = judge(gpu, what, origin?.at, (device) => {
      const encoder = device.createCommandEncoder()
      encode(encoder, [command], loaded)
      encoder.finish()
    })
    const found = alone instanceof GpuError ? alone : await alone.verdict
    if (found !== undefined) return found
  }
  return error
}

const firstRejection = (results: readonly PromiseSettledResult<unknown>[]): unknown => results.find((result) => result.status === "rejected")?.reason

/** What Dawn says about each object comes a turn of the event loop later; asked about together, all answers come in the same turn. */
const together = { concurrency: 64 } as const

/** Buffers, pipelines and bind groups of a plan, made once; all of it goes when the scope ends. */
export const loadPlan = (plan: Plan): Effect.Effect<DawnExecutor, GpuError, Gpu | Scope.Scope> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu
    const excess = firstExcess(gpu, plan)
    if (excess !== undefined) return yield* excess
    // Dawn gives destroyed buffers back only when its queue moves on; registered first, this runs after they are destroyed.
    yield* Effect.addFinalizer(() => Effect.sync(() => void judge(gpu, "the last submit", undefined, (device) => device.queue.submit([]))))

    const planBytes = plan.buffers.reduce((bytes, buffer) => bytes + atLeastOneWord(buffer.bytes), 0)
    const read = plan.outputs.filter((output) => count(output.shape) > 0)
    const stagingBytes = read.reduce((bytes, output) => bytes + 4 * count(output.shape), 0)
    yield* affordable(gpu, planBytes + stagingBytes, plan.entry, plan.buffers[0]?.origin.at)

    const makeBuffer = (buffer: BufferPlan) =>
      Effect.gen(function* () {
        const { at, label } = buffer.origin
        const flags = buffer.role === "uniform" ? usage.uniform | usage.copyTarget : usage.storage | usage.copySource | usage.copyTarget
        const bytes = buffer.role === "uniform" ? Math.max(settingsWords * 4, buffer.bytes) : atLeastOneWord(buffer.bytes)
        const made = yield* scopedBuffer(gpu, `\`${label}\``, at, bytes, flags)
        const words = Uint32Array.from(buffer.data ?? [])
        if (words.length > 0) yield* checked(gpu, `the constant \`${label}\``, at, (device) => device.queue.writeBuffer(made, 0, words))
        return [buffer.id, made] as const
      })
    const buffers = new Map(yield* Effect.forEach(plan.buffers, makeBuffer, together))
    const makeStaging = (output: OutputPlan) => {
      const where = plan.buffers.find((buffer) => buffer.id === output.buffer)?.origin.at
      const made = scopedBuffer(gpu, `the output \`${output.name}\``, where, 4 * count(output.shape), usage.mapRead | usage.copyTarget)
      return Effect.map(made, (buffer) => ({ output, buffer, source: buffers.get(output.buffer)! }))
    }
    const staging = yield* Effect.forEach(read, makeStaging, together)

    const pipelines = yield* makePipelines(gpu, plan.kernels)
    const pipelineOf = new Map(plan.kernels.map((kernel, index) => [kernel.id, pipelines[index]!]))
    const makeStep = (command: Dispatch) => {
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
    const steps = new Map(yield* Effect.forEach(dispatched, makeStep, together))
    const loaded: Loaded = { buffers, steps }

    const uniforms = plan.buffers.filter((buffer) => buffer.role === "uniform").map((buffer) => buffers.get(buffer.id)!)
    const words = new Uint32Array(settingsWords)
    const writeSettings = (device: GPUDevice, settings: RunSettings) => {
      words.set([settings.seed >>> 0, settings.step >>> 0, settings.repeat >>> 0])
      for (const uniform of uniforms) device.queue.writeBuffer(uniform, 0, words)
    }
    let lastSettings: RunSettings = { seed: 0, step: 0, repeat: 0 }
    const what = `a run of ${plan.entry}`

    const attempt = async (arrays: readonly TypedArray[], settings: RunSettings): Promise<Record<string, TypedArray> | GpuError> => {
      const submitted = judge(gpu, what, undefined, (device) => {
        plan.inputs.forEach((input, index) => {
          const array = arrays[index]!
          if (array.length > 0) device.queue.writeBuffer(buffers.get(input.buffer)!, 0, array.buffer as ArrayBuffer, array.byteOffset, array.byteLength)
        })
        writeSettings(device, settings)
        const encoder = device.createCommandEncoder()
        encode(encoder, plan.commands, loaded)
        for (const { source, buffer } of staging) encoder.copyBufferToBuffer(source, 0, buffer, 0, buffer.size)
        device.queue.submit([encoder.finish()])
        return Promise.allSettled(staging.map(({ buffer }) => buffer.mapAsync(mapForReading)))
      })
      if (submitted instanceof GpuError) return submitted
      const [maps, verdict] = await Promise.all([gpu.settle(submitted.value), submitted.verdict])
      if (verdict !== undefined) return blame(gpu, plan, loaded, verdict)
      const refused = firstRejection(maps)
      const trouble = gpu.trouble()
      if (trouble !== undefined) return trouble
      if (refused !== undefined) return new GpuError({ reason: "DriverFailed", message: `${what}: its outputs cannot be read: ${String(refused)}`, where: undefined, hint: "run the command again" })
      const results: Record<string, TypedArray> = {}
      for (const output of plan.outputs) results[output.name] = new arrayOf[output.dtype](0)
      for (const { output, buffer } of staging) results[output.name] = new arrayOf[output.dtype](buffer.getMappedRange().slice(0))
      return results
    }
    /** Also ends a mapping that is still pending, so that an interrupted run leaves the buffers as it found them. */
    const unmapAll = Effect.sync(() => {
      for (const { buffer } of staging) if (buffer.mapState !== "unmapped") buffer.unmap()
    })
    const oneAtATime = Semaphore.withPermits(yield* Semaphore.make(1), 1)

    const run: Executor["run"] = (inputs, settings) =>
      Effect.suspend((): Effect.Effect<Record<string, TypedArray>, GpuError | DataError> => {
        const matched = matchInputs(plan, inputs)
        if (matched instanceof DataError) return Effect.fail(matched)
        lastSettings = settings
        const attempted = Effect.promise(() => attempt(matched, settings))
        return Effect.flatMap(Effect.ensuring(attempted, unmapAll), (result) => (result instanceof GpuError ? Effect.fail(result) : Effect.succeed(result)))
      }).pipe(oneAtATime)

    const bench: DawnExecutor["bench"] = (times) =>
      Effect.flatMap(
        Effect.promise(async (): Promise<number | GpuError> => {
          const start = performance.now()
          const submitted = judge(gpu, what, undefined, (device) => {
            for (let time = 0; time < times; time++) {
              writeSettings(device, { ...lastSettings, step: lastSettings.step + time })
              const encoder = device.createCommandEncoder()
              encode(encoder, plan.commands, loaded)
              device.queue.submit([encoder.finish()])
            }
            return device.queue.onSubmittedWorkDone()
          })
          lastSettings = { ...lastSettings, step: lastSettings.step + times }
          if (submitted instanceof GpuError) return submitted
          await gpu.settle(submitted.value)
          const seconds = (performance.now() - start) / 1000
          const verdict = await submitted.verdict
          return verdict === undefined ? seconds : blame(gpu, plan, loaded, verdict)
        }),
        (result) => (result instanceof GpuError ? Effect.fail(result) : Effect.succeed(result)),
      ).pipe(oneAtATime)

    const passes = plan.commands.filter((command, index) => command.op === "dispatch" && plan.commands[index - 1]?.op !== "dispatch").length
    return { run, bench, stats: { dispatches: dispatched.length, passes, submits: 1, kernels: plan.kernels.length, peakBytes: planBytes, stagingBytes } }
  })
