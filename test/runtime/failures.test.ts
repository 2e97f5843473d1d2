import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import type { Scope } from "effect/Scope"
import { describe, expect, it } from "vitest"
import type { Plan } from "../../src/plan/plan.ts"
import type { DataError, GpuError } from "../../src/runtime/errors.ts"
import { loadPlan } from "../../src/runtime/executor.ts"
import { checked, Gpu, gpuLayer, type GpuService } from "../../src/runtime/gpu.ts"
import { buffer, dispatch, doubleThenSquare, doubleWgsl, kernel, slow } from "./plans.ts"

const x = new Float32Array(8)
const settings = { seed: 0, step: 0, repeat: 0 }
const onGpu = <A, E>(program: (gpu: GpuService) => Effect.Effect<A, E, Gpu | Scope>, device = "auto"): Promise<A> =>
  Effect.runPromise(Effect.scoped(Effect.flatMap(Gpu, program)).pipe(Effect.provide(gpuLayer(device))))
const failure = <A, E>(effect: Effect.Effect<A, E, Gpu | Scope>): Effect.Effect<E, never, Gpu | Scope> =>
  Effect.map(Effect.result(effect), (result) => (Result.isFailure(result) ? result.failure : expect.fail("it succeeded")))
const failureOf = (plan: Plan, before: (gpu: GpuService) => void = () => {}): Promise<GpuError | DataError> =>
  onGpu((gpu) =>
    failure(
      Effect.gen(function* () {
        const executor = yield* loadPlan(plan)
        before(gpu)
        return yield* executor.run({ x }, settings)
      }),
    ),
  )

describe("a failure on the device is a typed error that names the line", () => {
  it("a faulty shader gives Tint's message and the kernel's line", async () => {
    const plan = doubleThenSquare()
    const error = await failureOf({ ...plan, kernels: [plan.kernels[0]!, kernel(1, "@compute @workgroup_size(64) fn main() {\n  let a: i32 = 1.5;\n}", ["read", "write"], "blur")] })
    expect(error).toMatchObject({ _tag: "GpuError", reason: "ValidationFailed", where: "hand.nda:21:3" })
    expect(error.message).toMatch(/blur.*cannot.*(WGSL 2:\d+: let a: i32 = 1\.5;)/s)
  })

  it("a shader that does not fit its bindings gives the kernel's line", async () => {
    const plan = doubleThenSquare()
    const error = await failureOf({ ...plan, kernels: [kernel(0, doubleWgsl, ["uniform", "read", "read"], "double"), plan.kernels[1]!] })
    expect(error).toMatchObject({ reason: "ValidationFailed", where: "hand.nda:20:3" })
  })

  it("a buffer above the device's limit is refused before anything is made", async () => {
    const plan = doubleThenSquare()
    const huge = { ...buffer(2, "output", 2 ** 40, "y"), bytes: 2 ** 42 }
    const { error, peak } = await onGpu((gpu) =>
      Effect.map(failure(loadPlan({ ...plan, buffers: [plan.buffers[0]!, plan.buffers[1]!, huge, plan.buffers[3]!] })), (error) => ({ error, peak: gpu.ledger.peakBytes })),
    )
    expect(error).toMatchObject({ reason: "LimitExceeded", where: "hand.nda:12:3" })
    expect(error.message).toMatch(/`y` needs 4.4 TB of maxBufferSize; .* offers/)
    expect(peak).toBe(0)
  })

  it("a plan larger than the machine's memory is refused on a software adapter, not killed", async () => {
    const plan = doubleThenSquare()
    const many = Array.from({ length: 2000 }, (_, i) => ({ ...buffer(10 + i, "temporary", 1, "t"), bytes: 2 ** 30 - 4 }))
    const { error, kind } = await onGpu((gpu) => Effect.map(failure(loadPlan({ ...plan, buffers: [...plan.buffers, ...many] })), (error) => ({ error, kind: gpu.kind })), "cpu")
    expect(kind).toBe("software")
    expect(error).toMatchObject({ reason: "OutOfMemory" })
  })

  it("65,536 groups are refused with the dispatch's line", async () => {
    const plan = doubleThenSquare()
    const error = await failureOf({ ...plan, commands: [plan.commands[0]!, dispatch(1, [[2, 32], [3, 32]], 65_536, "square")] })
    expect(error).toMatchObject({ reason: "LimitExceeded", where: "hand.nda:31:3" })
    expect(error.message).toContain("maxComputeWorkgroupsPerDimension")
  })

  it("a command that Dawn refuses only when it is encoded gives its line", async () => {
    const plan = doubleThenSquare()
    const error = await failureOf({ ...plan, commands: [plan.commands[0]!, dispatch(1, [[2, 32], [2, 32]], 1, "square")] })
    expect(error).toMatchObject({ reason: "ValidationFailed", where: "hand.nda:31:3" })
    expect(error.message).toMatch(/square.*writable usage/s)
  })

  it("a feature or limit that the plan needs and the device lacks is named", async () => {
    const plan = doubleThenSquare()
    expect((await failureOf({ ...plan, needs: { ...plan.needs, features: ["chromium-experimental-nothing"] } })).message).toContain("needs the feature chromium-experimental-nothing")
    expect((await failureOf({ ...plan, needs: { ...plan.needs, subgroupSize: 4096 } })).message).toMatch(/needs subgroups of 4096 lanes; those of .* may have \d+/)
    expect(await failureOf({ ...plan, needs: { ...plan.needs, maxStorageBuffersPerShaderStage: 10_000 } })).toMatchObject({ reason: "LimitExceeded" })
  })

  it("a destroyed device is DeviceLost, before a run and during one", async () => {
    expect(await failureOf(doubleThenSquare(), (gpu) => gpu.device.destroy())).toMatchObject({ reason: "DeviceLost" })
    const during = await onGpu((gpu) =>
      failure(
        Effect.gen(function* () {
          const executor = yield* loadPlan(slow(64 * 256, 100_000))
          const running = yield* Effect.forkChild(executor.run({}, settings))
          yield* Effect.sleep("5 millis")
          gpu.device.destroy()
          return yield* Fiber.join(running)
        }),
      ),
    )
    expect(during).toMatchObject({ reason: "DeviceLost" })
  })

  it("an error outside every scope is raised at the next check", async () => {
    const error = await failureOf(doubleThenSquare(), (gpu) => void gpu.device.createBuffer({ size: 16, usage: 0x3 }))
    expect(error).toMatchObject({ reason: "ValidationFailed" })
  })

  it("an error in the driver's hands carries the message of the call", async () => {
    const error = await onGpu((gpu) => failure(checked(gpu, "the buffer of `x`", "hand.nda:1:1", (device) => device.createBuffer({ size: 2 ** 60, usage: 8 }))))
    expect(error).toMatchObject({ reason: "ValidationFailed", where: "hand.nda:1:1" })
  })

  it("inputs of another name, type or size are DataErrors that say what is expected", async () => {
    const errors = await onGpu(() =>
      Effect.gen(function* () {
        const executor = yield* loadPlan(doubleThenSquare())
        const wrong = [{}, { x: new Int32Array(8) }, { x: new Float32Array(9) }, { x, z: x }]
        return yield* Effect.forEach(wrong, (inputs) => failure(executor.run(inputs as never, settings)))
      }),
    )
    expect(errors.map((error) => `${error._tag}: ${error.message}`)).toEqual([
      "DataError: Input `x` of hand is missing.",
      "DataError: Input `x` of hand is a Int32Array; f32[8] is expected.",
      "DataError: Input `x` of hand has 9 values; f32[8] has 8.",
      "DataError: hand has no input `z`.",
    ])
  })

  it("an adapter that does not exist is NoAdapter and lists those that do", async () => {
    const error = await Effect.runPromise(Effect.flip(Effect.provide(Effect.asVoid(Gpu), gpuLayer("Voodoo 2"))))
    expect(error).toMatchObject({ reason: "NoAdapter" })
    expect(error.message).toMatch(/No adapter's name contains "Voodoo 2"; Dawn finds/)
  })
})

describe("what a plan holds on the device is given back", () => {
  const bytesAround = (inside: Effect.Effect<unknown, unknown, Gpu | Scope>): Promise<{ before: number; peak: number; after: number; buffers: number }> =>
    onGpu((gpu) =>
      Effect.gen(function* () {
        const before = gpu.ledger.liveBytes
        yield* Effect.exit(Effect.scoped(inside))
        return { before, peak: gpu.ledger.peakBytes, after: gpu.ledger.liveBytes, buffers: gpu.ledger.liveBuffers }
      }),
    )
  const held = { before: 0, peak: 32 + 3 * 32 + 2 * 32, after: 0, buffers: 0 }

  it("on success", async () => {
    expect(await bytesAround(Effect.flatMap(loadPlan(doubleThenSquare()), (executor) => executor.run({ x }, settings)))).toEqual(held)
  })

  it("on failure, also of a shader after the buffers were made", async () => {
    expect(await bytesAround(Effect.andThen(loadPlan(doubleThenSquare()), Effect.fail("no")))).toEqual(held)
    const plan = doubleThenSquare()
    expect(await bytesAround(loadPlan({ ...plan, kernels: [plan.kernels[0]!, kernel(1, "nonsense", ["read", "write"])] }))).toEqual(held)
  })

  it("on interruption, and an interrupted executor can run again", async () => {
    const outcome = await onGpu((gpu) =>
      Effect.gen(function* () {
        const again = yield* Effect.scoped(
          Effect.gen(function* () {
            const executor = yield* loadPlan(slow(64 * 256, 100_000))
            const running = yield* Effect.forkChild(executor.run({}, settings))
            yield* Effect.sleep("5 millis")
            yield* Fiber.interrupt(running)
            return yield* executor.run({}, settings)
          }),
        )
        const stopped = yield* Effect.forkChild(Effect.scoped(Effect.flatMap(loadPlan(slow(64 * 256, 100_000)), (executor) => executor.run({}, settings))))
        yield* Effect.sleep("30 millis")
        const during = gpu.ledger.liveBytes
        yield* Fiber.interrupt(stopped)
        return { value: again["y"]![5]!, during, after: gpu.ledger.liveBytes }
      }),
    )
    expect(outcome.value).toBeCloseTo(500, 0)
    expect(outcome.during).toBeGreaterThan(0)
    expect(outcome.after).toBe(0)
  })
})
