/** Programs whose one step lowers a number, and the comparison of their gradients with central differences in f64. */
import { expect } from "vitest"
import { ndarray, type NdArray } from "../../src/backend/reference/ndarray.ts"
import type { Program } from "../../src/ir/program.ts"
import { elaborated, executed, initialSlots, type Slots } from "./program.ts"

/** A program whose step lowers a number made from `x`; after one step of rate 1 the parameters have moved by minus the gradient. */
export const lowering = (imports: string, shape: string, number: string): string => `from nda.optim import sgd
${imports}
block net(z: f32[1]) -> f32 {
  param x: ${shape} = normal()
  ${number}
}
model M = net
train fit(steps = 1) {
  step go { minimize M(zeros([1])) over M by sgd(lr=1.0) }
}
`

/** Numbers between -1 and 1 that depend on their place only. */
export const direction = (n: number, k: number): Float64Array => Float64Array.from({ length: n }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * (k + 1)))

const exactly = { step: 0, repeat: 0, mode: "exact" } as const

/** The gradient of the arena, and the loss, at these slots. */
export const derived = (program: Program, slots: Slots): { gradient: Float64Array; loss: (moved: NdArray) => number } => {
  const step = program.steps[0]!
  const before = slots.get("M")!
  const after = executed(step, slots, exactly).slots.get("M")!
  const loss = (moved: NdArray): number => [...executed({ ...step, graph: { ...step.graph, outputs: step.graph.outputs.filter((o) => o.name === "go.loss") } }, new Map(slots).set("M", moved), exactly).reports.values()][0]!
  return { gradient: before.data.map((v, i) => v - after.data[i]!), loss }
}

const small = 1e-5
/**
 * Each leaf along two directions, or all leaves at once: what the gradient says against the central difference. Gives the sum of the sizes
 * of what was compared.
 */
export const compare = (text: string, prepare: (program: Program, slots: Slots) => Slots = (_, slots) => slots, by: "leaf" | "arena" = "leaf"): number => {
  const program = elaborated(text, "fit")
  const slots = prepare(program, initialSlots(program, 5))
  const { gradient, loss } = derived(program, slots)
  const arena = slots.get("M")!
  let seen = 0
  const { leaves } = program.slots.find((s) => s.name === "M")!
  for (const leaf of by === "leaf" ? leaves : [{ path: "all", shape: arena.shape, offset: 0 }]) {
    const count = leaf.shape.reduce((a, b) => a * b, 1)
    for (const k of [0, 1]) {
      const d = direction(count, k)
      const at = (h: number): number => loss(ndarray("f32", arena.shape, arena.data.map((v, i) => (i >= leaf.offset && i < leaf.offset + count ? v + h * d[i - leaf.offset]! : v))))
      const numerical = (at(small) - at(-small)) / (2 * small)
      const own = gradient.subarray(leaf.offset, leaf.offset + count)
      const said = own.reduce((s, g, i) => s + g * d[i]!, 0)
      const scale = own.reduce((s, g, i) => s + Math.abs(g * d[i]!), 0)
      expect(Math.abs(said - numerical), `${leaf.path}: ${said} against ${numerical}`).toBeLessThan(1e-6 * scale + 1e-8)
      seen += scale
    }
  }
  return seen
}

export const squash = (y: string): string => `sum(sin(2 * (${y}) + 0.5))`
