/** A program that learns, on a device: plans over shared slots, each slot one buffer; a step is one submit and nothing is created for it. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { EvaluationPlan, Plan, ProgramPlan, SlotPlan } from "../plan/plan.ts"
import { pooled, poolSizes, slotInputs, zeroedOf } from "../plan/pool.ts"
import { affordable, mapForReading, scopedBuffer, usage } from "./buffers.ts"
import { arrayOf, atLeastOneWord, blame, count, encode, makeBindings, matchInputs, settingsWords, together, upload, workOf, type Loaded } from "./commands.ts"
import { DataError, GpuError } from "./errors.ts"
import type { Arrays, RunSettings, TypedArray } from "./executor.ts"
import { checked, Gpu, judge, type GpuService } from "./gpu.ts"
import { makePipelines } from "./pipelines.ts"
import { firstExcess } from "./requirements.ts"

/** What one unit of a program does when it runs once. */
export interface UnitWork {
  readonly name: string
  readonly dispatches: number
  readonly passes: number
  readonly submits: number
}

/** Outputs of one execution that are not slots; a promise that never rejects, settled some steps later. */
export type Reading = Promise<Record<string, TypedArray> | GpuError>

/**
 * A loaded program, on Dawn or by the reference evaluator. Units are the steps of the plan and then its `every`s, and the parts of evaluations (see `unitsOf`).
 * Executions happen in the order in which they are asked for; `step` waits only while two are in flight.
 */
export interface Trainer {
  readonly initialise: (seed: number) => Effect.Effect<void, GpuError | DataError>
  /** With `read`, gives the reports of this execution; without, undefined. */
  readonly step: (unit: number, feeds: Arrays, settings: RunSettings, read: boolean) => Effect.Effect<Reading | undefined, GpuError | DataError>
  /** All but the scratch of evaluations. */
  readonly readSlots: Effect.Effect<Readonly<Record<string, TypedArray>>, GpuError>
  /** Slots that are not named keep their value. */
  readonly writeSlots: (values: Readonly<Record<string, TypedArray>>) => Effect.Effect<void, GpuError>
  /** Waits until all that was submitted is done. */
  readonly settled: Effect.Effect<void, GpuError>
  readonly work: readonly UnitWork[]
  readonly kernels: number
  /** Bytes of all buffers, made once when loading. */
  readonly bytes: number
}

export interface Unit {
  readonly name: string
  readonly plan: Plan
}

/** Steps, `every`s, and then what each evaluation consists of (see `evaluationUnits`). */
export const unitsOf = (program: ProgramPlan): readonly Unit[] => [
  ...program.steps.map(({ name, plan }) => ({ name, plan })),
  ...program.every.map(({ period, plan }) => ({ name: `every ${period}`, plan })),
  ...program.evaluations.flatMap(partsOf),
]

const partsOf = (evaluation: EvaluationPlan): readonly Unit[] => [
  { name: `${evaluation.name}.begin`, plan: evaluation.begin },
  { name: evaluation.name, plan: evaluation.batch },
  ...(evaluation.tail === undefined ? [] : [{ name: `${evaluation.name}.tail`, plan: evaluation.tail }]),
  ...evaluation.stages.map(({ host, plan }) => ({ name: `${evaluation.name}.${host}`, plan })),
  { name: `${evaluation.name}.final`, plan: evaluation.final },
]

/** Where the units of an evaluation begin: the order is that of `partsOf`. */
export const firstUnitOf = (program: ProgramPlan, place: number): number =>
  program.steps.length + program.every.length + program.evaluations.slice(0, place).reduce((sum, evaluation) => sum + partsOf(evaluation).length, 0)

/** Slots that outlive an evaluation: those that checkpoints hold. */
export const keptSlots = (program: ProgramPlan): readonly SlotPlan[] => program.slots.filter((slot) => slot.kind !== "scratch")

const slotBytes = (slot: SlotPlan): number => atLeastOneWord(4 * count(slot.shape))
const inFlight = 2
/** Readings of one unit that can be under way at a time. */
const ring = 2

interface Slots {
  readonly buffer: (name: string) => GPUBuffer
}

/** Copies from the value that a plan made to its slot. A value that is itself a slot's old one is held first, so that slots can trade places. */
const nextsOf = (plan: Plan) => {
  const bound = slotInputs(plan)
  return plan.outputs.flatMap((output) => {
    const bytes = 4 * count(output.shape)
    if (output.slot === undefined || bytes === 0 || bound.get(output.buffer) === output.slot) return []
    return [{ from: output.buffer, slot: output.slot, bytes, held: bound.has(output.buffer) }]
  })
}

const readOf = (plan: Plan) => plan.outputs.filter((output) => output.slot === undefined && count(output.shape) > 0)

interface Staged {
  readonly buffers: readonly GPUBuffer[]
  pending: Promise<unknown> | undefined
}

/** A mapping may be refused a little before the device is known to be lost. */
const grace = 250
const troubleSoon = async (gpu: GpuService): Promise<GpuError | undefined> => {
  if (gpu.trouble() === undefined) await Promise.race([gpu.device.lost, new Promise((resolve) => setTimeout(resolve, grace))])
  return gpu.trouble()
}

const unreadable = (what: string, error: unknown): GpuError =>
  new GpuError({ reason: "DriverFailed", message: `${what}: its outputs cannot be read: ${String(error)}`, where: undefined, hint: "run the command again; a run with checkpoints goes on with --resume" })

/** Loads every plan of the program over one buffer for each slot; all of it goes when the scope ends. */
export const loadProgram = (program: ProgramPlan): Effect.Effect<Trainer, GpuError, Gpu | Scope.Scope> =>
  Effect.gen(function* () {
    const gpu = yield* Gpu
    const units = unitsOf(program)
    const plans = [program.initial, ...units.map((unit) => unit.plan)]
    for (const plan of plans) {
      const excess = firstExcess(gpu, plan)
      if (excess !== undefined) return yield* excess
    }
    const sizes = poolSizes(plans)
    const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0)
    const constants = plans.flatMap((plan) => plan.buffers.filter((buffer) => buffer.role === "constant"))
    const held = sum(plans.flatMap((plan) => nextsOf(plan).filter((next) => next.held).map((next) => next.bytes)))
    const slotTotal = sum(program.slots.map(slotBytes))
    const reading = sum(plans.map((plan, number) => (number === 0 ? 0 : ring * sum(readOf(plan).map((output) => 4 * count(output.shape))))))
    const kept = keptSlots(program)
    const bytes = slotTotal + sum(kept.map(slotBytes)) + sum(sizes) + sum(plans.flatMap(zeroedOf).map((buffer) => atLeastOneWord(buffer.bytes))) + sum(constants.map((buffer) => atLeastOneWord(buffer.bytes))) + held + reading + settingsWords * 4
    yield* Effect.addFinalizer(() => Effect.sync(() => void judge(gpu, "the last submit", undefined, (device) => device.queue.submit([]))))
    yield* affordable(gpu, bytes, program.entry, plans[plans.length - 1]!.buffers[0]?.origin.at)

    const storage = usage.storage | usage.copySource | usage.copyTarget
    const make = (label: string, size: number, flags: number) => scopedBuffer(gpu, label, undefined, size, flags)
    const slotBuffers = new Map(yield* Effect.forEach(program.slots, (slot) => Effect.map(make(`the slot \`${slot.name}\``, slotBytes(slot), storage), (buffer) => [slot.name, buffer] as const), together))
    const slotStaging = new Map(yield* Effect.forEach(kept, (slot) => Effect.map(make(`the slot \`${slot.name}\``, slotBytes(slot), usage.mapRead | usage.copyTarget), (buffer) => [slot.name, buffer] as const), together))
    const slots: Slots = {
      buffer: (name) => {
        const buffer = slotBuffers.get(name)
        if (buffer === undefined) throw new Error(`a plan's slot is a slot of the program: ${name} is none`)
        return buffer
      },
    }
    const pool = yield* Effect.forEach(sizes, (size, place) => make(`the shared buffer ${place}`, size, storage), together)
    const uniform = yield* make("the settings", settingsWords * 4, usage.uniform | usage.copyTarget)

    const load = (plan: Plan) =>
      Effect.gen(function* () {
        const buffers = new Map<number, GPUBuffer>()
        for (const [id, name] of slotInputs(plan)) buffers.set(id, slots.buffer(name))
        pooled(plan).forEach((buffer, place) => void buffers.set(buffer.id, pool[place]!))
        // WebGPU makes buffers of zeros; only the values of an arena are ever written.
        for (const buffer of zeroedOf(plan)) buffers.set(buffer.id, yield* scopedBuffer(gpu, `\`${buffer.origin.label}\``, buffer.origin.at, atLeastOneWord(buffer.bytes), storage))
        for (const buffer of plan.buffers) {
          if (buffer.role === "uniform") buffers.set(buffer.id, uniform)
          if (buffer.role !== "constant") continue
          const made = yield* scopedBuffer(gpu, `\`${buffer.origin.label}\``, buffer.origin.at, atLeastOneWord(buffer.bytes), storage)
          const words = Uint32Array.from(buffer.data ?? [])
          if (words.length > 0) yield* checked(gpu, `the constant \`${buffer.origin.label}\``, buffer.origin.at, (device) => device.queue.writeBuffer(made, 0, words))
          buffers.set(buffer.id, made)
        }
        const pipelines = yield* makePipelines(gpu, plan.kernels)
        const loaded: Loaded = { buffers, steps: yield* makeBindings(gpu, plan, buffers, pipelines) }
        const nexts = yield* Effect.forEach(nextsOf(plan), (next) =>
          Effect.map(next.held ? make(`the old value of \`${next.slot}\``, next.bytes, storage) : Effect.succeed(undefined), (hold) => ({
            from: buffers.get(next.from)!, to: slots.buffer(next.slot), bytes: next.bytes, hold,
          })))
        const outputs = readOf(plan)
        const staged = yield* Effect.forEach(plan === program.initial ? [] : Array.from({ length: ring }), () =>
          Effect.map(Effect.forEach(outputs, (output) => make(`the output \`${output.name}\``, 4 * count(output.shape), usage.mapRead | usage.copyTarget), together),
            (made): Staged => ({ buffers: made, pending: undefined })))
        const fed = { ...plan, inputs: plan.inputs.filter((input) => input.slot === undefined) }
        return { plan, fed, loaded, nexts, outputs, staged, turn: { next: 0 } }
      })
    const [initial, ...steps] = yield* Effect.forEach(plans, load)
    type LoadedUnit = typeof initial & {}

    const words = new Uint32Array(settingsWords)
    const flying: Promise<GpuError | undefined>[] = []
    /** Waits until fewer than `most` executions are in flight; the first error of any ends the wait. */
    const wait = (most: number): Effect.Effect<void, GpuError> =>
      Effect.flatMap(
        Effect.promise(async () => {
          while (flying.length >= most) {
            const error = await flying.shift()!
            if (error !== undefined) return error
          }
          return undefined
        }),
        (error) => (error === undefined ? Effect.void : Effect.fail(error)),
      )

    const submit = (unit: LoadedUnit, arrays: readonly TypedArray[], settings: RunSettings, staged: Staged | undefined): Reading | GpuError => {
      const what = `a step of ${program.entry} (${unit.plan.entry})`
      const submitted = judge(gpu, what, undefined, (device) => {
        unit.fed.inputs.forEach((input, index) => {
          upload(device, unit.loaded.buffers.get(input.buffer)!, arrays[index]!)
        })
        words.set([settings.seed >>> 0, settings.step >>> 0, settings.repeat >>> 0])
        device.queue.writeBuffer(uniform, 0, words)
        const encoder = device.createCommandEncoder()
        encode(encoder, unit.plan.commands, unit.loaded)
        // Reports first: they may be a slot's old value.
        staged?.buffers.forEach((buffer, index) => encoder.copyBufferToBuffer(unit.loaded.buffers.get(unit.outputs[index]!.buffer)!, 0, buffer, 0, buffer.size))
        for (const next of unit.nexts) if (next.hold !== undefined) encoder.copyBufferToBuffer(next.from, 0, next.hold, 0, next.bytes)
        for (const next of unit.nexts) encoder.copyBufferToBuffer(next.hold ?? next.from, 0, next.to, 0, next.bytes)
        device.queue.submit([encoder.finish()])
        const maps = staged === undefined ? undefined : Promise.allSettled(staged.buffers.map((buffer) => buffer.mapAsync(mapForReading)))
        return { maps, done: device.queue.onSubmittedWorkDone() }
      })
      if (submitted instanceof GpuError) return submitted
      const { maps, done } = submitted.value
      const verdict = submitted.verdict.then((error) => (error === undefined ? undefined : blame(gpu, unit.plan, unit.loaded, error)))
      const finished = gpu.settle(Promise.allSettled([done])).then(() => verdict)
      flying.push(finished)
      if (staged === undefined || maps === undefined) return finished.then((error) => error ?? {})
      const reading = (async () => {
        const mapped = await gpu.settle(maps)
        const error = (await verdict) ?? gpu.trouble()
        const refused = mapped.find((result) => result.status === "rejected")
        if (error === undefined && refused === undefined) {
          const values: Record<string, TypedArray> = {}
          unit.outputs.forEach((output, index) => {
            values[output.name] = new arrayOf[output.dtype](staged.buffers[index]!.getMappedRange().slice(0))
          })
          for (const buffer of staged.buffers) buffer.unmap()
          return values
        }
        for (const buffer of staged.buffers) if (buffer.mapState !== "unmapped") buffer.unmap()
        return error ?? (await troubleSoon(gpu)) ?? unreadable(what, refused?.reason)
      })()
      staged.pending = reading.then(() => {
        staged.pending = undefined
      })
      return reading
    }

    const execute = (unit: LoadedUnit, feeds: Arrays, settings: RunSettings, read: boolean): Effect.Effect<Reading | undefined, GpuError | DataError> =>
      Effect.gen(function* () {
        const matched = matchInputs(unit.fed, feeds)
        if (matched instanceof DataError) return yield* matched
        yield* wait(inFlight)
        const staged = read && unit.outputs.length > 0 ? unit.staged[unit.turn.next++ % ring] : undefined
        if (staged?.pending !== undefined) yield* Effect.promise(() => staged.pending!)
        const result = submit(unit, matched, settings, staged)
        if (result instanceof GpuError) return yield* result
        return read ? (staged === undefined ? Promise.resolve({}) : result) : undefined
      })

    const readSlots = Effect.gen(function* () {
      yield* wait(1)
      const copied = judge(gpu, "reading the slots", undefined, (device) => {
        const encoder = device.createCommandEncoder()
        for (const [name, staging] of slotStaging) encoder.copyBufferToBuffer(slots.buffer(name), 0, staging, 0, staging.size)
        device.queue.submit([encoder.finish()])
        return Promise.allSettled([...slotStaging.values()].map((staging) => staging.mapAsync(mapForReading)))
      })
      if (copied instanceof GpuError) return yield* copied
      const result = yield* Effect.promise(async () => {
        const [maps, verdict] = await Promise.all([gpu.settle(copied.value), copied.verdict])
        const refused = maps.find((map) => map.status === "rejected")
        const error = verdict ?? gpu.trouble() ?? (refused === undefined ? undefined : ((await troubleSoon(gpu)) ?? unreadable("reading the slots", refused.reason)))
        const values: Record<string, TypedArray> = {}
        if (error === undefined) for (const slot of kept) values[slot.name] = new arrayOf[slot.dtype](slotStaging.get(slot.name)!.getMappedRange().slice(0, 4 * count(slot.shape)))
        for (const staging of slotStaging.values()) if (staging.mapState !== "unmapped") staging.unmap()
        return error ?? values
      })
      return result instanceof GpuError ? yield* result : result
    })

    const writeSlots: Trainer["writeSlots"] = (values) =>
      Effect.asVoid(checked(gpu, "writing the slots", undefined, (device) => {
        for (const [name, array] of Object.entries(values)) {
          const slot = program.slots.find((candidate) => candidate.name === name)
          if (slot === undefined || array.length !== count(slot.shape)) throw new Error(`a value that is written fits its slot: ${name}`)
          if (array.length > 0) device.queue.writeBuffer(slots.buffer(name), 0, array.buffer as ArrayBuffer, array.byteOffset, array.byteLength)
        }
      }))

    const kernels = new Set(plans.flatMap((plan) => plan.kernels.map((kernel) => kernel.wgsl))).size
    return {
      initialise: (seed) => Effect.andThen(execute(initial!, {}, { seed, step: 0, repeat: 0 }, false), wait(1)),
      step: (unit, feeds, settings, read) => execute(steps[unit]!, feeds, settings, read),
      readSlots,
      writeSlots,
      settled: wait(1),
      work: units.map((unit) => ({ name: unit.name, ...workOf(unit.plan), submits: 1 })),
      kernels,
      bytes,
    }
  })
