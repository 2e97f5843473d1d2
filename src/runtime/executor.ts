/** Runs a plan: the interface that every device implements, and its implementation on Dawn. Nothing is created per run but the command buffer. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { BufferPlan, OutputPlan, Plan } from "../plan/plan.ts"
import { affordable, mapForReading, scopedBuffer, usage } from "./buffers.ts"
import { DataError, GpuError } from "./errors.ts"
import { arrayOf, atLeastOneWord, blame, count, encode, encoding, makeBindings, matchInputs, settingsWords, together, upload, workOf, type Loaded } from "./commands.ts"
import { checked, Gpu, judge } from "./gpu.ts"
import { makePipelines } from "./pipelines.ts"
import { firstExcess } from "./requirements.ts"

export type TypedArray = Float32Array | Int32Array | Uint32Array | Uint8Array
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

export const firstRejection = (results: readonly PromiseSettledResult<unknown>[]): unknown => results.find((result) => result.status === "rejected")?.reason

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
    const steps = yield* makeBindings(gpu, plan, buffers, pipelines)
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
          upload(device, buffers.get(input.buffer)!, 0, arrays[index]!)
        })
        writeSettings(device, settings)
        const made = encoding(device)
        encode(made, plan.commands, loaded)
        const encoder = made.outside()
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
              const made = encoding(device)
              encode(made, plan.commands, loaded)
              device.queue.submit([made.outside().finish()])
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

    return { run, bench, stats: { ...workOf(plan), submits: 1, kernels: plan.kernels.length, peakBytes: planBytes, stagingBytes } }
  })
