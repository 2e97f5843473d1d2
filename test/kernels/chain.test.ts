import { describe, expect, it } from "vitest"
import { chainGraph } from "./chain-graph.ts"
import { chainReference } from "./chain-reference.ts"
import { loadPlan, messagesOf } from "./device.ts"
import { planned } from "./planned.ts"

const picture = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.abs(Math.sin(i * 12.9898) * 43758.5453) % 1)

describe("the benchmark chain crop, flip, jitter, jigsaw, erase", () => {
  it("takes two dispatches: one for draws and the mean, one for the pictures", () => {
    const plan = planned(chainGraph(16, 32, 4, 8).graph)
    expect(plan.commands.map((c) => c.op)).toEqual(["dispatch", "dispatch"])
    expect(plan.kernels.map((k) => k.kind)).toEqual(["sample", "gather"])
    for (const k of plan.kernels) expect(k.bindings.filter((b) => b !== "uniform").length).toBeLessThanOrEqual(4)
  })
  it("is accepted by Dawn without a message", async () => {
    expect(await messagesOf(planned(chainGraph(16, 32, 4, 8).graph))).toEqual([])
  })
  it("is planned the same, byte for byte, each time", () => {
    expect(JSON.stringify(planned(chainGraph(16, 32, 4, 8).graph))).toBe(JSON.stringify(planned(chainGraph(16, 32, 4, 8).graph)))
  })
  // A thread computes four places of a picture of side 32, in the last one a workgroup lies partly past the end; side 20 has too few places.
  it.each([[16, 32, 4, 8], [3, 20, 3, 5], [5, 46, 4, 10]])("equals direct loops in f64 on %i pictures of side %i", async (n, size, pad, hole) => {
    const chain = chainGraph(n, size, pad, hole)
    const x = picture(n * 3 * size * size)
    const index = Int32Array.from({ length: n }, (_, i) => 100 + 7 * i)
    const settings = { seed: 5, step: 3, repeat: 1 }
    const loaded = await loadPlan(planned(chain.graph), { x, "#index": index }, settings)
    await loaded.run()
    const got = await loaded.read("out")
    loaded.destroy()
    const expected = chainReference(chain, x, index, settings, hole)
    // The mean: 64 runs, then 64 sums of terms in [0, 1]; what follows has at most 12 roundings of values below 2.
    const run = Math.max(64, (size * size) / 64)
    const bound = (2 + run + 6 + 3) * 2 ** -24 + 24 * 2 ** -24
    let worst = 0
    expected.forEach((v, i) => (worst = Math.max(worst, Math.abs(v - got[i]!))))
    expect(worst).toBeLessThan(bound)
  })
})
