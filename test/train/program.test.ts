import * as Effect from "effect/Effect"
import type { Scope } from "effect/Scope"
import { describe, expect, it } from "vitest"
import { compileProgram } from "../../src/index.ts"
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

  it("keeps zeros between the leaves of arenas, whatever the plans that share memory leave behind", async () => {
    const text = `
      from nda.nn import linear
      from nda.optim import adam
      block net(x: f32[n, 5]) -> f32[n, 3] = x |> linear(1601) |> relu |> linear(3)
      model A = net
      model B = net
      train two(steps = 3, seed = 0) {
        step first {
          let x: f32[64, 5] ~ normal()
          minimize mean(A(x) ** 2) over A by adam(lr=1e-2)
        }
        step second {
          let x: f32[48, 5] ~ normal()
          minimize mean((B(x) - A(x)) ** 2) over B by adam(lr=1e-2)
        }
      }`
    const { value, diagnostics } = compileProgram({ file: "two.nda", sources: { "two.nda": text } })
    expect(diagnostics).toEqual([])
    const program = value!.plan
    const slots = await onGpu(() =>
      Effect.gen(function* () {
        const trainer = yield* loadProgram(program)
        yield* trainer.initialise(3)
        for (let step = 0; step < 3; step++) for (const unit of [0, 1]) yield* trainer.step(unit, {}, { seed: 3, step, repeat: 0 }, false)
        return yield* trainer.readSlots
      }),
    )
    const { leaves, shape: [total] } = program.slots.find((slot) => slot.name === "A")!
    const inLeaf = new Set(leaves.flatMap((leaf) => Array.from({ length: leaf.shape.reduce((a, b) => a * b, 1) }, (_, i) => leaf.offset + i)))
    const arenas = Object.entries(slots).filter(([, values]) => values.length === total)
    // Parameters and both moments of each model.
    expect(arenas).toHaveLength(6)
    for (const [name, values] of arenas) {
      expect(Array.from(values).filter((v, i) => v !== 0 && !inLeaf.has(i)), name).toEqual([])
      expect(Array.from(values).filter((v, i) => v !== 0 && inLeaf.has(i)).length, name).toBeGreaterThan(10)
    }
  })
})
