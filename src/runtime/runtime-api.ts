/** Running a compiled plan without knowing Effect: the package's `nda/runtime`. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type { InputPlan, Plan } from "../plan/plan.ts"
import { loadPlan, type Arrays, type ExecutorStats, type RunSettings, type TypedArray } from "./executor.ts"
import { Gpu, gpuLayer, type AdapterKind } from "./gpu.ts"

export { DataError, GpuError } from "./errors.ts"
export type { Arrays, ExecutorStats, RunSettings, TypedArray } from "./executor.ts"

export interface OpenOptions {
  /** `auto` (hardware first), `cpu` (a software adapter) or a part of an adapter's name. */
  readonly device?: string
}

export interface OpenedPlan {
  /** One run. The seed is the plan's own and the step 0 unless given; sample numbers that are left out count from 0. Rejects with GpuError or DataError. */
  readonly graph: (inputs?: Arrays, settings?: Partial<RunSettings>) => Promise<Record<string, TypedArray>>
  readonly adapter: { readonly name: string; readonly kind: AdapterKind }
  readonly stats: ExecutorStats
  /** Frees all that the plan holds on the device, and the device. */
  readonly close: () => Promise<void>
}

const isSampleNumber = (input: InputPlan): boolean => input.source?.field === "#index"

export const open = async (plan: Plan, options: OpenOptions = {}): Promise<OpenedPlan> => {
  const scope = Effect.runSync(Scope.make())
  const close = () => Effect.runPromise(Scope.close(scope, Exit.void))
  const loading = Effect.gen(function* () {
    const gpu = yield* Gpu
    return { gpu, executor: yield* loadPlan(plan) }
  })
  const building = Effect.flatMap(Layer.build(gpuLayer(options.device)), (context) => Effect.provide(loading, context))
  const { gpu, executor } = await Effect.runPromise(Scope.provide(building, scope)).catch(async (error: unknown) => {
    await close()
    throw error
  })
  const seed = plan.settings["seed"]
  const standard: RunSettings = { seed: typeof seed === "number" ? seed : 0, step: 0, repeat: 0 }
  const withSampleNumbers = (inputs: Arrays): Arrays => {
    const left = plan.inputs.filter((input) => isSampleNumber(input) && inputs[input.name] === undefined)
    return { ...inputs, ...Object.fromEntries(left.map((input) => [input.name, Int32Array.from({ length: input.shape[0] ?? 0 }, (_, i) => i)])) }
  }
  return {
    graph: (inputs = {}, settings = {}) => Effect.runPromise(executor.run(withSampleNumbers(inputs), { ...standard, ...settings })),
    adapter: { name: gpu.name, kind: gpu.kind },
    stats: executor.stats,
    close,
  }
}
