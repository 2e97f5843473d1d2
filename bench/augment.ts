/**
 * nda's rows of the augmentation workloads: `augment WORKLOAD SAMPLES [URL of the peers' data module]` prints one line of JSON.
 * The timing protocol is the peers' own: inputs stay on the device, each run draws at a step of its own, a sample is k runs
 * waited for once, k such that a sample takes about 60 ms. Counters are taken from the calls that reach Dawn.
 */
import * as Effect from "effect/Effect"
import fs from "node:fs"
import { compile } from "../src/driver/compile.ts"
import { loadPlan } from "../src/runtime/executor.ts"
import { Gpu, gpuLayer } from "../src/runtime/gpu.ts"

const file = "bench/augment.nda"
const sizes: Readonly<Record<string, readonly [batch: number, side: number]>> = { aug32: [256, 32], aug224: [32, 224] }

const [workload = "", samples = "5", peersData] = process.argv.slice(2)

/** The peers' own values where they are there, else values of the same distribution: uniform in [0, 1). */
const values = async (count: number): Promise<Float32Array> => {
  if (peersData) return ((await import(peersData)) as { data: (count: number, seed: number, scale: number, shift: number) => Float32Array }).data(count, 1, 1, 0.5)
  let state = 1
  return Float32Array.from({ length: count }, () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 4294967296)
}

const counters = { dispatch: 0, pass: 0, submit: 0, writeBuf: 0, live: 0, peak: 0 }

/** Calls `seen` before each call of a method that all objects of this class share. */
const watch = (object: object, method: string, seen: (self: { size: number }, argument: { size: number }) => void): void => {
  const shared = Object.getPrototypeOf(object) as Record<string, (...given: unknown[]) => unknown>
  const original = shared[method]!
  shared[method] = function (this: { size: number }, ...given: unknown[]) {
    seen(this, given[0] as { size: number })
    return original.apply(this, given)
  }
}

const watchDevice = (device: GPUDevice): void => {
  watch(device, "createBuffer", (_, { size }) => {
    counters.live += size
    counters.peak = Math.max(counters.peak, counters.live)
  })
  const probe = device.createBuffer({ size: 4, usage: 8 })
  watch(probe, "destroy", ({ size }) => { counters.live -= size })
  probe.destroy()
  watch(device.queue, "submit", () => counters.submit++)
  watch(device.queue, "writeBuffer", () => counters.writeBuf++)
  const encoder = device.createCommandEncoder()
  const pass = encoder.beginComputePass()
  watch(pass, "dispatchWorkgroups", () => counters.dispatch++)
  pass.end()
  watch(encoder, "beginComputePass", () => counters.pass++)
}

const measure = Effect.gen(function* () {
  const started = performance.now()
  const [batch, side] = sizes[workload]!
  const result = compile({ file, sources: { [file]: fs.readFileSync(file, "utf8") }, entry: workload, set: { n: String(batch) } })
  if (!result.value) throw new Error(result.diagnostics.map((d) => d.message).join("; "))
  const gpu = yield* Gpu
  watchDevice(gpu.device)
  const executor = yield* loadPlan(result.value.plan)
  const setupMs = performance.now() - started

  const picture = yield* Effect.promise(() => values(batch * 3 * side * side))
  const firstStart = performance.now()
  const outputs = yield* executor.run({ x: picture }, { seed: 7, step: 0, repeat: 0 })
  const firstMs = performance.now() - firstStart
  const out = Object.values(outputs)[0]!
  let sum = 0
  for (const value of out) sum += Math.abs(value)

  const once = (runs: number) => Effect.map(executor.bench(runs), (seconds) => (1000 * seconds) / runs)
  yield* once(1)
  const warm = yield* once(1)
  Object.assign(counters, { dispatch: 0, pass: 0, submit: 0, writeBuf: 0, peak: counters.live })
  yield* once(1)
  const counted = { ...counters }
  const k = Math.max(1, Math.min(8, Math.floor(60 / warm)))
  const ms: number[] = []
  for (let sample = 0; sample < Number(samples); sample++) ms.push(yield* once(k))
  return { peer: "nda", wl: workload, setupMs, firstMs, check: sum / out.length, counters: counted, k, ms, adapter: gpu.name }
})

const measured = await Effect.runPromise(Effect.scoped(Effect.provide(measure, gpuLayer("auto")))).catch((error: unknown) => ({ peer: "nda", wl: workload, error: error instanceof Error ? error.message : String(error) }))
process.stdout.write(`${JSON.stringify(measured)}\n`)
