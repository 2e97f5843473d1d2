import * as Effect from "effect/Effect"
import fs from "node:fs"
import { describe, expect, it } from "vitest"
import { loadPlan } from "../../src/runtime/executor.ts"
import { Gpu, gpuLayer, type GpuService } from "../../src/runtime/gpu.ts"
import type { Scope } from "effect/Scope"
import { buffer, dispatch, doubleThenSquare, kernel, slow, squareWgsl } from "./plans.ts"

const onGpu = <A, E>(program: (gpu: GpuService) => Effect.Effect<A, E, Gpu | Scope>): Promise<A> =>
  Effect.runPromise(Effect.scoped(Effect.flatMap(Gpu, program)).pipe(Effect.provide(gpuLayer())))
/** CPU time of the thread that runs this test, in the kernel's ticks of 10 ms. */
const ownThreadMilliseconds = (): number => {
  const fields = fs.readFileSync("/proc/thread-self/stat", "utf8").replace(/^.*\) /, "").split(" ")
  return 10 * (Number(fields[11]) + Number(fields[12]))
}
const x = Float32Array.from({ length: 8 }, (_, i) => i - 3)

describe("a plan on Dawn", () => {
  it("runs its kernels in order in one pass and one submit, with the run's settings", async () => {
    const { first, second, stats } = await onGpu(() =>
      Effect.gen(function* () {
        const executor = yield* loadPlan(doubleThenSquare())
        const first = yield* executor.run({ x }, { seed: 1, step: 2, repeat: 3 })
        const second = yield* executor.run({ x: x.map((v) => -v) }, { seed: 2 ** 32 + 5, step: 0, repeat: 0 })
        return { first, second, stats: executor.stats }
      }),
    )
    expect([...first["y"]!]).toEqual([...x].map((v) => 2 * v + 321))
    expect([...first["z"]!]).toEqual([...x].map((v) => (2 * v + 321) ** 2))
    expect([...second["y"]!]).toEqual([...x].map((v) => -2 * v + 5))
    expect(stats).toMatchObject({ dispatches: 2, passes: 1, submits: 1, kernels: 2, peakBytes: 32 + 3 * 32 })
  })

  it("creates nothing on the device after loading, however often it runs", async () => {
    const created = await onGpu((gpu) =>
      Effect.gen(function* () {
        const executor = yield* loadPlan(doubleThenSquare())
        const { device } = gpu
        const calls: string[] = []
        for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(device)).filter((name) => name.startsWith("create") && name !== "createCommandEncoder")) {
          const original = (device as unknown as Record<string, (...given: unknown[]) => unknown>)[name]!
          Object.defineProperty(device, name, { value: (...given: unknown[]) => (calls.push(name), original.apply(device, given)) })
        }
        for (let step = 0; step < 5; step++) yield* executor.run({ x }, { seed: 0, step, repeat: 0 })
        yield* executor.bench(3)
        device.createBuffer({ size: 16, usage: 8 }).destroy()
        return calls
      }),
    )
    expect(created).toEqual(["createBuffer"])       // the test's own, to show that calls are seen
  })

  it("shares a pipeline between kernels of the same text and carries out copies, fills and constants", async () => {
    const plan = doubleThenSquare(4)
    const constant = { ...buffer(3, "constant", 4, "c"), data: [...new Uint32Array(Float32Array.of(1, 2, 3, 4).buffer)] }
    const chained = {
      ...plan,
      buffers: [buffer(0, "temporary", 4, "a"), buffer(1, "temporary", 4, "b"), buffer(2, "output", 4, "y"), constant],
      kernels: [kernel(0, squareWgsl, ["read", "write"]), kernel(1, squareWgsl, ["read", "write"])],
      inputs: [], outputs: [{ name: "y", buffer: 2, dtype: "f32" as const, shape: [4] }, { name: "empty", buffer: 2, dtype: "i32" as const, shape: [0, 4] }],
      commands: [dispatch(0, [[3, 16], [0, 16]]), { op: "copy" as const, from: 0, to: 1, bytes: 16 }, { op: "fill" as const, buffer: 1, bytes: 4 }, dispatch(1, [[1, 16], [2, 16]])],
    }
    const { results, stats, pipelines } = await onGpu((gpu) =>
      Effect.gen(function* () {
        const executor = yield* loadPlan(chained)
        const results = yield* executor.run({}, { seed: 0, step: 0, repeat: 0 })
        return { results, stats: executor.stats, pipelines: gpu.pipelines.size }
      }),
    )
    expect([...results["y"]!]).toEqual([0, 16, 81, 256])
    expect(results["empty"]).toEqual(new Int32Array(0))
    expect(stats).toMatchObject({ dispatches: 2, passes: 2, kernels: 2 })
    expect(pipelines).toBe(1)
  })

  it("queues concurrent runs, and each gets its own outputs", async () => {
    const outputs = await onGpu(() =>
      Effect.gen(function* () {
        const executor = yield* loadPlan(doubleThenSquare())
        return yield* Effect.forEach([0, 1, 2, 3, 4, 5], (seed) => executor.run({ x }, { seed, step: 0, repeat: 0 }), { concurrency: "unbounded" })
      }),
    )
    expect(outputs.map((output) => output["y"]![3])).toEqual([0, 1, 2, 3, 4, 5])
  })

  it("leaves the cores to the kernels while it waits for a software adapter", async () => {
    const { kind, share } = await onGpu((gpu) =>
      Effect.gen(function* () {
        const executor = yield* loadPlan(slow(64 * 256, 200_000))
        yield* executor.run({}, { seed: 0, step: 0, repeat: 0 })
        const wallBefore = performance.now()
        const cpuBefore = ownThreadMilliseconds()
        for (let step = 0; step < 3; step++) yield* executor.run({}, { seed: 0, step, repeat: 0 })
        return { kind: gpu.kind, share: (ownThreadMilliseconds() - cpuBefore) / (performance.now() - wallBefore) }
      }),
    )
    if (kind === "software") expect(share).toBeLessThan(0.4)      // Dawn's own busy loop takes a whole core: 1.0
  })
})
