import * as Effect from "effect/Effect"
import type { Scope } from "effect/Scope"
import { describe, expect, it } from "vitest"
import { Gpu, gpuLayer, type GpuService } from "../../src/runtime/gpu.ts"
import { loadProgram } from "../../src/runtime/program.ts"
import { learnMean } from "./plans.ts"

const onGpu = <A, E>(program: (gpu: GpuService) => Effect.Effect<A, E, Gpu | Scope>): Promise<A> =>
  Effect.runPromise(Effect.scoped(Effect.flatMap(Gpu, program)).pipe(Effect.provide(gpuLayer())))

const image = Float32Array.from({ length: 4 * 3 * 12 * 12 }, (_, i) => ((i * 37) % 101) / 101)

describe("a program over slots on Dawn", () => {
  it("computes what the same steps compute on the host, allocates nothing after loading, and reads reports only when asked", async () => {
    const { slots, distances, bytes, ledger, created } = await onGpu((gpu) =>
      Effect.gen(function* () {
        const trainer = yield* loadProgram(learnMean())
        yield* trainer.initialise(3)
        const created: string[] = []
        const original = gpu.device.createBuffer.bind(gpu.device)
        Object.defineProperty(gpu.device, "createBuffer", { configurable: true, value: (given: GPUBufferDescriptor) => (created.push(given.label ?? ""), original(given)) })
        const distances: number[] = []
        for (let step = 0; step < 9; step++) {
          const reading = yield* trainer.step(0, { "b.image": image }, { seed: 3, step, repeat: 1 }, step % 3 === 2)
          const values = reading === undefined ? undefined : yield* Effect.promise(() => reading)
          if (values !== undefined && !("_tag" in values)) distances.push(values["distance"]![0]!)
        }
        const slots = yield* trainer.readSlots
        return { slots, distances, bytes: trainer.bytes, ledger: gpu.ledger.liveBytes, created }
      }),
    )
    const w = Float32Array.from({ length: 64 }, (_, i) => ((21 + i) % 13) / 13)
    const expected: number[] = []
    for (let step = 0; step < 9; step++) {
      let sum = 0
      for (let i = 0; i < 64; i++) {
        const mean = [0, 1, 2, 3].reduce((total, s) => total + image[s * 432 + i * 5]!, 0) / 4 + ((3 + step * 3 + 1) % 5) * 0.001
        sum += (w[i]! - mean) ** 2
        w[i]! -= 0.1 * (w[i]! - mean)
      }
      if (step % 3 === 2) expected.push(sum)
    }
    expect(distances.length).toBe(3)
    distances.forEach((distance, i) => expect(distance).toBeCloseTo(expected[i]!, 4))
    ;[...slots["M"]!].forEach((value, i) => expect(value).toBeCloseTo(w[i]!, 5))
    expect([...slots["M.n"]!]).toEqual([9])
    expect(created).toEqual([])
    expect(bytes).toBe(ledger)
  })

  it("lets slots trade places within one step", async () => {
    const base = learnMean()
    const swap = { ...base.every[0]!.plan, buffers: [...base.every[0]!.plan.buffers, { ...base.every[0]!.plan.buffers[0]!, id: 2 }],
      inputs: [base.every[0]!.plan.inputs[0]!, { ...base.every[0]!.plan.inputs[0]!, name: "N", buffer: 2, slot: "N" }],
      outputs: [{ name: "M", buffer: 2, dtype: "f32" as const, shape: [64], slot: "M" }, { name: "N", buffer: 1, dtype: "f32" as const, shape: [64], slot: "N" }] }
    const program = { ...base, slots: [...base.slots, { ...base.slots[0]!, name: "N" }], steps: [{ name: "swap", repeat: 1, plan: swap }], every: [] }
    const slots = await onGpu(() =>
      Effect.gen(function* () {
        const trainer = yield* loadProgram(program)
        yield* trainer.writeSlots({ M: new Float32Array(64).fill(1), N: new Float32Array(64).fill(2) })
        yield* trainer.step(0, {}, { seed: 0, step: 0, repeat: 0 }, false)
        return yield* trainer.readSlots
      }),
    )
    expect([slots["M"]![63], slots["N"]![63]]).toEqual([2, 1])
  })
})
