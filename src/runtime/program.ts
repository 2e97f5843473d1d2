/** A program that learns, on a device: plans over shared slots, each slot one buffer; the steps of a round are one submit where it is short, and nothing is created for it. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { EvaluationPlan, Plan, ProgramPlan, SlotPlan } from "../plan/plan.ts"
import { pooled, poolSizes, slotInputs, zeroedOf } from "../plan/pool.ts"
import { affordable, mapForReading, scopedBuffer, usage } from "./buffers.ts"
import { arrayOf, atLeastOneWord, blame, count, encode, encoding, makeBindings, matchInputs, settingsWords, together, upload, workOf, type Loaded } from "./commands.ts"
import { DataError, GpuError } from "./errors.ts"
import type { Arrays, RunSettings, TypedArray } from "./executor.ts"
import { checked, Gpu, judge, type GpuService } from "./gpu.ts"
import { makePipelines } from "./pipelines.ts"
import { firstExcess } from "./requirements.ts"
import { submitsOfRound, waitingBytes } from "./submits.ts"

/** What one unit of a program does when it runs once, without reports: `passes` that it begins, and of a step the `submits` of a round that begin with it. */
export interface UnitWork {
  readonly name: string
  readonly dispatches: number
  readonly passes: number
  readonly submits: number
}

/** One execution of a unit. */
export interface Asked {
  readonly unit: number
  readonly feeds: Arrays
  readonly settings: RunSettings
  readonly read: boolean
}

/** Outputs of one execution that are not slots; a promise that never rejects, settled some steps later. */
export type Reading = Promise<Record<string, TypedArray> | GpuError>

/**
 * A loaded program, on Dawn or by the reference evaluator. Units are the steps of the plan and then its `every`s, and the parts of evaluations (see `unitsOf`).
 * Executions happen in the order in which they are asked for; `step` and `submit` wait only while two submits are in flight.
 */
export interface Trainer {
  readonly initialise: (seed: number) => Effect.Effect<void, GpuError | DataError>
  /** With `read`, gives the reports of this execution; without, undefined. */
  readonly step: (unit: number, feeds: Arrays, settings: RunSettings, read: boolean) => Effect.Effect<Reading | undefined, GpuError | DataError>
  /** The same of several executions in one submit, one of those of a round (see `submits.ts`) or its end: all of them are submitted or none. */
  readonly submit: (executions: readonly Asked[]) => Effect.Effect<readonly (Reading | undefined)[], GpuError | DataError>
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

/** Whether a step's first execution goes on with the pass of what is before it in its submit: nothing is copied between them. */
const goesOn = (program: ProgramPlan, unit: number): boolean => {
  const before = program.steps[unit - 1]
  const { plan } = program.steps[unit]!
  return before !== undefined && before.repeat === 1 && nextsOf(before.plan).length === 0 && before.plan.commands.at(-1)?.op === "dispatch"
    && plan.commands[0]?.op === "dispatch" && plan.inputs.every((input) => input.slot !== undefined)
}

export const workOfUnits = (program: ProgramPlan): readonly UnitWork[] => {
  const submits = submitsOfRound(program)
  return unitsOf(program).map(({ name, plan }, unit) => {
    const work = workOf(plan)
    if (unit >= program.steps.length) return { name, ...work, submits: 1 }
    const begun = submits.filter(([first]) => first!.unit === unit)
    const joins = !begun.some(([first]) => first!.repeat === 0)
    return { name, ...work, passes: work.passes - (joins && goesOn(program, unit) ? 1 : 0), submits: begun.length }
  })
}

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
    const bytes = slotTotal + sum(kept.map(slotBytes)) + sum(sizes) + sum(plans.flatMap(zeroedOf).map((buffer) => atLeastOneWord(buffer.bytes))) + sum(constants.map((buffer) => atLeastOneWord(buffer.bytes))) + held + reading + settingsWords * 4 + waitingBytes(program)
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
    const most = waitingBytes(program)
    const waiting = most === 0 ? undefined : yield* make("what waits in a submit", most, usage.copySource | usage.copyTarget)

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

    interface Ready {
      readonly unit: LoadedUnit
      readonly arrays: readonly TypedArray[]
      readonly settings: RunSettings
      readonly read: boolean
      readonly staged: Staged | undefined
    }

    /** The first execution finds its settings and batches where it reads them; those of the others wait until what is before them in the submit is done. */
    const encodeAll = (device: GPUDevice, executions: readonly Ready[]): GPUCommandBuffer => {
      const made = encoding(device)
      let used = 0
      const bring = (to: GPUBuffer, array: TypedArray, first: boolean): void => {
        if (array.length === 0) return
        const target = first ? to : waiting
        if (target === undefined || (!first && used + array.byteLength > most)) throw new Error("a submit is one of those of a round, or the end of one")
        const bytes = upload(device, target, first ? 0 : used, array)
        if (first) return
        made.outside().copyBufferToBuffer(target, used, to, 0, bytes)
        used += bytes
      }
      executions.forEach(({ unit, arrays, settings, staged }, place) => {
        const { fed, plan, loaded, nexts, outputs } = unit
        fed.inputs.forEach((input, index) => bring(loaded.buffers.get(input.buffer)!, arrays[index]!, place === 0))
        const before = executions[place - 1]?.settings
        if (before === undefined || before.seed !== settings.seed || before.step !== settings.step || before.repeat !== settings.repeat) {
          words.set([settings.seed >>> 0, settings.step >>> 0, settings.repeat >>> 0])
          bring(uniform, words, place === 0)
        }
        encode(made, plan.commands, loaded)
        // Reports first: they may be a slot's old value.
        staged?.buffers.forEach((buffer, index) => made.outside().copyBufferToBuffer(loaded.buffers.get(outputs[index]!.buffer)!, 0, buffer, 0, buffer.size))
        for (const next of nexts) if (next.hold !== undefined) made.outside().copyBufferToBuffer(next.from, 0, next.hold, 0, next.bytes)
        for (const next of nexts) made.outside().copyBufferToBuffer(next.hold ?? next.from, 0, next.to, 0, next.bytes)
      })
      return made.outside().finish()
    }

    const nameOf = ({ unit }: Ready): string => `a step of ${program.entry} (${unit.plan.entry})`
    /** Whose fault it is when Dawn refuses the submit of these. */
    const blameOne = async (executions: readonly Ready[], error: GpuError): Promise<GpuError> => {
      for (const { unit } of executions) {
        const found = await blame(gpu, unit.plan, unit.loaded, error)
        if (found !== error) return found
      }
      return error
    }

    const readingOf = (execution: Ready, staged: Staged, maps: Promise<readonly PromiseSettledResult<undefined>[]>, verdict: Promise<GpuError | undefined>): Reading => {
      const reading = (async () => {
        const mapped = await gpu.settle(maps)
        const error = (await verdict) ?? gpu.trouble()
        const refused = mapped.find((result) => result.status === "rejected")
        if (error === undefined && refused === undefined) {
          const values: Record<string, TypedArray> = {}
          execution.unit.outputs.forEach((output, index) => {
            values[output.name] = new arrayOf[output.dtype](staged.buffers[index]!.getMappedRange().slice(0))
          })
          for (const buffer of staged.buffers) buffer.unmap()
          return values
        }
        for (const buffer of staged.buffers) if (buffer.mapState !== "unmapped") buffer.unmap()
        return error ?? (await troubleSoon(gpu)) ?? unreadable(nameOf(execution), refused?.reason)
      })()
      staged.pending = reading.then(() => {
        staged.pending = undefined
      })
      return reading
    }

    const submitAll = (executions: readonly Ready[]): readonly (Reading | undefined)[] | GpuError => {
      const what = executions.map(nameOf).filter((name, place, names) => names.indexOf(name) === place).join(", ")
      const submitted = judge(gpu, what, undefined, (device) => {
        device.queue.submit([encodeAll(device, executions)])
        const maps = executions.map(({ staged }) => staged && Promise.allSettled(staged.buffers.map((buffer) => buffer.mapAsync(mapForReading))))
        return { maps, done: device.queue.onSubmittedWorkDone() }
      })
      if (submitted instanceof GpuError) return submitted
      const { maps, done } = submitted.value
      const verdict = submitted.verdict.then((error) => (error === undefined ? undefined : blameOne(executions, error)))
      flying.push(gpu.settle(Promise.allSettled([done])).then(() => verdict))
      return executions.map((execution, place) =>
        !execution.read ? undefined : execution.staged === undefined ? Promise.resolve({}) : readingOf(execution, execution.staged, maps[place]!, verdict))
    }

    interface Matched extends Omit<Ready, "staged"> {}
    const execute = (executions: readonly Matched[]): Effect.Effect<readonly (Reading | undefined)[], GpuError> =>
      Effect.gen(function* () {
        yield* wait(inFlight)
        const ready: Ready[] = []
        for (const execution of executions) {
          const { unit, read } = execution
          const staged = read && unit.outputs.length > 0 ? unit.staged[unit.turn.next++ % ring] : undefined
          if (staged !== undefined && ready.some((other) => other.staged === staged)) throw new Error(`a submit reads a unit at most ${ring} times`)
          if (staged?.pending !== undefined) yield* Effect.promise(() => staged.pending!)
          ready.push({ ...execution, staged })
        }
        const result = submitAll(ready)
        return result instanceof GpuError ? yield* result : result
      })
    const matched = (unit: LoadedUnit, { feeds, settings, read }: Omit<Asked, "unit">): Effect.Effect<Matched, DataError> => {
      const arrays = matchInputs(unit.fed, feeds)
      return arrays instanceof DataError ? Effect.fail(arrays) : Effect.succeed({ unit, arrays, settings, read })
    }
    const submit: Trainer["submit"] = (executions) => Effect.flatMap(Effect.forEach(executions, (asked) => matched(steps[asked.unit]!, asked)), execute)

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
      initialise: (seed) => Effect.andThen(execute([{ unit: initial!, arrays: [], settings: { seed, step: 0, repeat: 0 }, read: false }]), wait(1)),
      step: (unit, feeds, settings, read) => Effect.map(submit([{ unit, feeds, settings, read }]), ([reading]) => reading),
      submit,
      readSlots,
      writeSlots,
      settled: wait(1),
      work: workOfUnits(program),
      kernels,
      bytes,
    }
  })
