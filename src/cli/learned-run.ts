/** `nda run` of what learns or remembers: a train goes to its loop; an eval, or a graph that applies models, runs with their weights. */
import { createHash } from "node:crypto"
import path from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { entries } from "../driver/check.ts"
import type { CompiledProgram } from "../driver/compile-program.ts"
import { emitCompiled } from "../driver/emit.ts"
import type { Graph } from "../ir/graph.ts"
import type { Plan, ProgramPlan } from "../plan/plan.ts"
import { openFeeds } from "../runtime/batch-feeds.ts"
import { checkpointSteps } from "../runtime/checkpoint.ts"
import { evaluate } from "../runtime/evaluate.ts"
import { CheckpointError, GpuError } from "../runtime/errors.ts"
import type { Arrays, TypedArray } from "../runtime/executor.ts"
import { firstUnitOf, unitsOf, type Trainer } from "../runtime/program.ts"
import { loadWeights, weightsRequest, type WeightsRequest } from "../runtime/weights.ts"
import type { Prepared } from "./compile-program.ts"
import type { Console } from "./console.ts"
import { dataFolder } from "./data-command.ts"
import { runtimeFailure, slowness, type Device } from "./device.ts"
import { exitCode } from "./exit-code.ts"
import { checkpointFailure, isFailure, usageFailure, type Failure, type Outcome } from "./failure.ts"
import { findInExecution, findNonFinite } from "./finite.ts"
import { fitInputs } from "./host-inputs.ts"
import { orFail } from "./or-fail.ts"
import { countOf, type Arguments } from "./parse-arguments.ts"
import type { Progress } from "./progress.ts"
import { defaultFolder, type RunDirectory } from "./run-directory.ts"
import { rangeWarnings, writeResults } from "./run-results.ts"
import { requestsOf, trainRun } from "./train-run.ts"
import { version, versionOf } from "./version.ts"

const versions = () => ({ nda: version(), node: process.version, webgpu: versionOf("webgpu") ?? "not installed" })

const weightsOf = (args: Arguments): readonly WeightsRequest[] => (args.many.get("weights") ?? []).map(weightsRequest)

const seedFor = (prepared: Prepared, settings: Plan["settings"]): number => {
  const own = settings["seed"]
  return prepared.seed ?? (typeof own === "number" ? own : 0)
}

/** What a checkpoint must have been written by to be gone on from. How many steps the run takes is no part of it. */
const programHash = (prepared: Prepared, seed: number): string => {
  const { steps: _, ...set } = prepared.request.set ?? {}
  return createHash("sha256").update(JSON.stringify([prepared.program.sources, prepared.entry, Object.entries(set).sort(), seed, ...(prepared.request.precision === "f16" ? ["f16"] : [])])).digest("hex")
}

/** The graphs of steps and `every`s, in the order of the runtime's units. */
const graphsOf = ({ program }: CompiledProgram): readonly Graph[] => [...program.steps, ...program.every].map(({ graph }) => graph)

export const runTrain = (prepared: Prepared, compiled: CompiledProgram, device: Device, args: Arguments, console: Console): Effect.Effect<Outcome, Failure> => {
  const { program, entry } = prepared
  const logEvery = countOf(args, "log-every")
  const keep = countOf(args, "keep")
  if (isFailure(logEvery)) return Effect.fail(logEvery)
  if (isFailure(keep)) return Effect.fail(keep)
  if (args.on.has("resume") && args.on.has("force")) return Effect.fail(usageFailure("--resume goes on with a run, --force begins anew: not both"))
  if (args.on.has("resume") && args.many.has("weights")) return Effect.fail(usageFailure("--resume takes the weights of its checkpoint: not --weights too"))
  const seed = seedFor(prepared, compiled.plan.settings)
  return trainRun({
    learning: compiled, device, file: program.file, text: program.sources[program.file]!, folder: args.one.get("out") ?? defaultFolder(program.file, entry),
    mode: args.on.has("resume") ? "resume" : args.on.has("force") ? "force" : "new", seed, programHash: programHash(prepared, seed), weights: weightsOf(args), logEvery, keep: keep ?? 3,
    source: { dataDir: dataFolder(args), fileDir: path.dirname(program.file), seed, skipBad: args.on.has("skip-bad") }, set: prepared.request.set ?? {}, versions: versions(), console,
    ...(args.on.has("check-finite") ? { checkFinite: (unit, arrays, settings, slots) => findInExecution(graphsOf(compiled)[unit]!, program.sources, arrays, slots, settings) } : {}),
  })
}

/** The folder in which a train of the same file has left checkpoints, when there is one. */
const trainedHere = async (prepared: Prepared): Promise<string | undefined> => {
  for (const entry of entries({ file: prepared.program.file, sources: prepared.program.sources })) {
    const folder = defaultFolder(prepared.program.file, entry.name)
    if (entry.role === "train" && (await checkpointSteps(folder)).length > 0) return folder
  }
  return undefined
}

/** Weights from --weights, from `from`, else from the file's own newest run; models that have none are told. */
const beginWith = async (prepared: Prepared, compiled: CompiledProgram, args: Arguments, console: Console): Promise<{ readonly slots: Arrays; readonly notes: readonly string[] } | Failure> => {
  const { plan } = compiled
  if (plan.models.length === 0) return { slots: {}, notes: [] }
  const given = weightsOf(args)
  const own = given.length === 0 ? await trainedHere(prepared) : undefined
  const requests = [...(own === undefined ? [] : [{ model: undefined, path: own, subtree: undefined }]), ...requestsOf(plan, given)]
  const weights = await loadWeights(plan, requests)
  if (weights instanceof CheckpointError) return checkpointFailure(weights)
  for (const note of weights.notes) console.note(note)
  const fresh = plan.models.filter((model) => model.parameters > 0 && !weights.models.has(model.name)).map((model) => model.name)
  if (fresh.length === 0) return { slots: weights.slots, notes: weights.notes }
  const words = `${fresh.join(", ")} ${fresh.length === 1 ? "has" : "have"} fresh weights, not learnt ones`
  console.warn(`${words}: train first, or give --weights`)
  return { slots: weights.slots, notes: [...weights.notes, words] }
}

/** The step's plan as its user sees it: without the slots. */
const visible = (plan: Plan, entry: string): Plan => ({
  ...plan, entry, inputs: plan.inputs.filter((input) => input.slot === undefined), outputs: plan.outputs.filter((output) => output.slot === undefined),
})

/** What the user ran: the graph's plan; of an eval the batch's, with the record as its outputs. */
const ranPlan = (plan: ProgramPlan): Plan => {
  const evaluation = plan.evaluations[0]
  if (plan.kind !== "eval" || evaluation === undefined) return plan.steps[0]!.plan
  return { ...evaluation.batch, outputs: [...evaluation.final.outputs, ...(evaluation.tail ?? evaluation.batch).outputs] }
}

/** The first field of an eval's record that holds what is no finite number, with the line that makes it. */
const spoiledOutput = (plan: Plan, { evaluations }: ProgramPlan, results: Readonly<Record<string, TypedArray>>): Failure | undefined => {
  for (const { name, dtype } of plan.outputs) {
    const value = dtype === "f32" ? (results[name] as Float32Array).find((each) => !Number.isFinite(each)) : undefined
    if (value === undefined) continue
    const made = [evaluations[0]!.final, evaluations[0]!.tail, evaluations[0]!.batch].find((each) => each?.outputs.some((output) => output.name === name))
    const buffer = made?.outputs.find((output) => output.name === name)?.buffer
    return {
      kind: "failure", exit: exitCode.runtime, tag: "NotFinite", message: `${name} holds ${value}`, where: made?.buffers.find(({ id }) => id === buffer)?.origin.at || undefined,
      hint: "look for a division by zero, a logarithm of zero or a root of a negative number there",
    }
  }
  return undefined
}

const metricsOf = (plan: Plan, results: Readonly<Record<string, TypedArray>>): Readonly<Record<string, number>> =>
  Object.fromEntries(plan.outputs.filter((output) => output.shape.length === 0).map((output) => [output.name, results[output.name]![0]!]))

interface Run {
  readonly results: Readonly<Record<string, TypedArray>>
  readonly images: number
  readonly sources: readonly { readonly name: string; readonly text: string }[]
  readonly inputs: Arrays
  readonly steps: number
  /** Samples of each source that an eval used, and how many there are. */
  readonly samples?: Readonly<Record<string, { readonly used: number; readonly of: number }>>
}

const once = (trainer: Trainer, plan: Plan, inputs: Arrays, seed: number): Effect.Effect<Readonly<Record<string, TypedArray>>, Failure> =>
  Effect.gen(function* () {
    const reading = yield* Effect.mapError(trainer.step(0, inputs, { seed, step: 0, repeat: 0 }, true), runtimeFailure)
    const results = yield* Effect.promise(async (): Promise<Record<string, TypedArray> | GpuError> => reading ?? {})
    return results instanceof GpuError ? yield* Effect.fail(runtimeFailure(results)) : Object.fromEntries(plan.outputs.map((output) => [output.name, results[output.name] ?? new Float32Array(0)]))
  })

export const runLearned = (
  prepared: Prepared, compiled: CompiledProgram, device: Device, directory: RunDirectory, args: Arguments, console: Console, shown: Progress,
): Effect.Effect<Outcome, Failure, Scope.Scope> =>
  Effect.gen(function* () {
    const { program, entry } = prepared
    const { plan: whole } = compiled
    const plan = visible(ranPlan(whole), entry)
    const seed = seedFor(prepared, compiled.plan.settings)
    const host = fitInputs(entry, plan.inputs, prepared.inputs)
    if (isFailure(host)) return yield* Effect.fail(host)
    const begin = yield* orFail(() => beginWith(prepared, compiled, args, console))
    const skipped: string[] = []
    shown.stage("opening the data")
    const feeds = yield* Effect.mapError(openFeeds(unitsOf(whole).map((unit) => unit.plan), {
      dataDir: dataFolder(args), fileDir: path.dirname(program.file), seed, skipBad: args.on.has("skip-bad"),
      onSkip: (file, why) => void skipped.push(`skipped ${file}: ${why}`), onProgress: (done, total) => shown.stage("opening the data", done, total),
    }), runtimeFailure)
    const slow = slowness(device)
    if (slow !== undefined) console.note(slow)
    shown.stage(`preparing ${plan.kernels.length} kernels`)
    const trainer = yield* Effect.mapError(device.loadProgram(compiled), runtimeFailure)
    yield* Effect.mapError(Effect.andThen(trainer.initialise(seed), trainer.writeSlots(begin.slots)), runtimeFailure)
    shown.stage(`running ${entry}`)
    const start = performance.now()
    const single = Effect.gen(function* () {
      const { arrays } = yield* Effect.mapError(feeds.fetch(plan, () => 0), runtimeFailure)
      const inputs = { ...arrays, ...host }
      const results = yield* once(trainer, plan, inputs, seed)
      const images = Math.max(0, ...plan.sources.map((source) => source.batch), ...Object.keys(host).map((name) => plan.inputs.find((input) => input.name === name)?.shape[0] ?? 0))
      const sources = plan.sources.map((source) => ({ name: source.name, text: `${source.batch} of ${feeds.counts.get(source.name)} samples of ${source.loader}, ${source.split}` }))
      return { results, images, sources, inputs, steps: 1 } satisfies Run
    })
    const evaluated = Effect.gen(function* () {
      const done = yield* Effect.mapError(evaluate(whole, 0, trainer, feeds, seed, ({ batch, batches }) => shown.stage(`running ${entry}`, batch, batches)), runtimeFailure)
      const sources = [...done.samples].map(([name, { used, of }]) => ({ name, text: `${used} of ${of} samples` }))
      for (const { name, text } of sources) console.note(`${name}: ${text} used`)
      return { results: Object.fromEntries(plan.outputs.map((output) => [output.name, done.outputs[output.name] ?? new Float32Array(0)])), images: Math.max(0, ...[...done.samples.values()].map(({ used }) => used)), sources, inputs: {}, steps: done.batches, samples: Object.fromEntries(done.samples) } satisfies Run
    })
    const run: Run = yield* compiled.plan.kind === "eval" ? evaluated : single
    const seconds = (performance.now() - start) / 1000
    if (args.on.has("check-finite") && compiled.plan.kind === "graph") {
      const slots = yield* Effect.mapError(trainer.readSlots, runtimeFailure)
      const named = Object.fromEntries(Object.entries(slots).map(([name, values]) => [`slot:${name}`, values]))
      const graph = compiled.program.steps[0]!.graph
      const found = findNonFinite({ ...graph, outputs: graph.outputs.filter((output) => run.results[output.name] !== undefined) }, program.sources, { ...run.inputs, ...named }, { seed, step: 0, repeat: 0 }, run.results)
      if (found !== undefined) return yield* Effect.fail(found)
    }
    const spoiled = whole.kind === "eval" ? spoiledOutput(plan, whole, run.results) : undefined
    if (spoiled !== undefined && args.on.has("check-finite")) return yield* Effect.fail(spoiled)
    const warnings = [...rangeWarnings(plan.outputs, run.results), ...(spoiled === undefined ? [] : [spoiled.message])]
    for (const line of [...skipped, ...warnings]) console.warn(line)
    const work = trainer.work[whole.kind === "eval" ? firstUnitOf(whole, 0) + 1 : 0]!
    const piece = compiled.pieces.find((each) => each.plan === (whole.evaluations[0]?.batch ?? whole.steps[0]!.plan))
    yield* orFail(() => writeResults(directory, console, shown, plan, run.results, {
      file: program.file, entry, program: program.sources[program.file]!, settings: compiled.plan.settings, seed, adapter: device.name, adapterKind: device.kind, versions: versions(),
      seconds, dispatches: work.dispatches, passes: work.passes, submits: work.submits, sources: [...run.sources, ...begin.notes.map((text) => ({ name: "weights", text }))],
      fused: piece === undefined ? undefined : emitCompiled(piece, "fused"), warnings: [...skipped, ...warnings],
    }, compiled.plan).then((failure) => failure ?? true as const))
    const metrics = metricsOf(plan, run.results)
    if (console.json) {
      console.out(JSON.stringify({
        entry, adapter: device.name, steps: run.steps, seconds, imagesPerSecond: run.images === 0 ? 0 : run.images / seconds, parameters: Object.fromEntries(compiled.plan.models.map((model) => [model.name, model.parameters])),
        dispatches: { [entry]: work.dispatches }, passes: { [entry]: work.passes }, submits: { [entry]: work.submits }, peakBytes: trainer.bytes, kernels: trainer.kernels, metrics, ...(run.samples === undefined ? {} : { samples: run.samples }), files: directory.files,
      }))
    } else {
      for (const [name, value] of Object.entries(metrics)) console.out(`${name} ${Number(value.toPrecision(6))}`)
      console.note(`${entry}: ${plan.outputs.length} outputs in ${seconds.toFixed(2)} s on ${device.name} (${trainer.kernels} kernels, ${work.dispatches} dispatches)`)
      console.out(path.join(directory.folder, "report.html"))
    }
    return exitCode.ok
  })
