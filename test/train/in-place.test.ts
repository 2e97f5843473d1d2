/** Slots advanced in their own buffers: which are, which must not be, and that the values are those of the evaluator either way. */
import * as Effect from "effect/Effect"
import type { Scope } from "effect/Scope"
import { describe, expect, it } from "vitest"
import { referenceTrainer } from "../../src/cli/reference-trainer.ts"
import { compileProgram } from "../../src/driver/compile-program.ts"
import type { Node } from "../../src/ir/graph.ts"
import { builtin, type ArrayLocal, type Expr } from "../../src/kernel/kernel.ts"
import { inPlace, type InPlace } from "../../src/plan/in-place.ts"
import type { Schedule } from "../../src/schedule/groups.ts"
import type { Plan } from "../../src/plan/plan.ts"
import { Gpu, gpuLayer } from "../../src/runtime/gpu.ts"
import { loadProgram, type Trainer } from "../../src/runtime/program.ts"
import type { Profile } from "../../src/schedule/limits.ts"

const compiled = (text: string, profile: Profile) => {
  const { value, diagnostics } = compileProgram({ file: "place.nda", sources: { "place.nda": text }, profile, verify: true })
  if (!value) throw new Error(diagnostics.map((d) => d.message).join("; "))
  return value
}
const slotsInPlace = ({ inputs, outputs }: Plan): string[] => outputs.flatMap((o) => (o.slot !== undefined && inputs.some((i) => i.slot === o.slot && i.buffer === o.buffer) ? [o.slot] : []))
const slotsAdvanced = ({ outputs }: Plan): string[] => outputs.flatMap((o) => o.slot ?? [])

const rounds = 3
const advanced = async (trainer: Trainer, units: number): Promise<Record<string, number[]>> => Effect.runPromise(
  Effect.gen(function* () {
    yield* trainer.initialise(5)
    for (let step = 0; step < rounds; step++) for (let unit = 0; unit < units; unit++) yield* trainer.step(unit, {}, { seed: 5, step, repeat: 0 }, false)
    return Object.fromEntries(Object.entries(yield* trainer.readSlots).map(([name, values]) => [name, [...values]]))
  }) as Effect.Effect<Record<string, number[]>>,
)
const onDevice = (value: ReturnType<typeof compiled>): Promise<Record<string, number[]>> =>
  Effect.runPromise(Effect.scoped(Effect.flatMap(loadProgram(value.plan), (trainer) => Effect.promise(() => advanced(trainer, value.plan.steps.length)))).pipe(Effect.provide(gpuLayer())) as Effect.Effect<Record<string, number[]>, never, never>)

const state = (body: string, more = ""): string => `train go(steps = 3, seed = 5) {
  state s: f32[1000] = at (i: 1000) => f32(i % 17)
  ${more}
  step one { ${body} }
}`
/** Name, program, the slots that are advanced in place. Whole numbers throughout, so that every device agrees to the bit. */
const programs: readonly (readonly [string, string, readonly string[]])[] = [
  ["each element by itself", state("next s = s * 2 + 1"), ["go.s"]],
  ["two that read each other", state("next s = s + t\n next t = s - t", "state t: f32[1000] = at (i: 1000) => f32(i % 5)"), []],
  ["from the other end", state("next s = at (i: 1000) => s[999 - i]"), []],
  ["from the neighbour", state("next s = at (i: 1000) => s[i] + s[(i + 1) % 1000]"), []],
  ["while its old value is reported", state("report { old: s }\n next s = s + 1"), []],
  ["while its old value is summed, before", state("report { total: sum(s) }\n next s = s + sum(s) % 7"), ["go.s"]],
  ["one from the other's next", state("let n = s + 1\n next s = n\n next t = (at (i: 1000) => n[999 - i]) + t", "state t: f32[1000] = at (i: 1000) => f32(i % 5)"), ["go.s", "go.t"]],
  ["numbers of steps", state("next k = k + 1\n next s = s + f32(k)", "state k: i32 = 0"), ["go.k", "go.s"]],
]

describe("slots in place", () => {
  it.each(programs.flatMap(([name, text, slots]) => (["cpu", "gpu"] as const).map((profile) => [name, profile, text, slots] as const)))("%s (%s)", async (_, profile, text, slots) => {
    const value = compiled(text, profile)
    const { plan } = value.plan.steps[0]!
    const found = slotsInPlace(plan)
    // What may not be is never; what may be is, unless a kernel has no room for it.
    expect(found.filter((name) => !slots.includes(name))).toEqual([])
    if (slots.length === 1) expect(found).toEqual(slots)
    for (const name of found) expect(plan.commands.some((c) => c.op === "copy" && c.to === plan.outputs.find((o) => o.slot === name)!.buffer)).toBe(false)
    const [device, exact] = [await onDevice(value), await advanced(referenceTrainer(value.program), value.plan.steps.length)]
    expect(device).toEqual(exact)
  })

  it("are not those that are read where one table says and written where another does", () => {
    const node = (id: number, prim: string): Node => ({ id, prim, inputs: [], attrs: {}, dtype: "f32", shape: [4], origin: { span: { file: "", start: 0, end: 0 }, label: "", path: "" } })
    const [slot, next] = [node(1, "input"), node(2, "exp")]
    const table = (data: readonly number[]): ArrayLocal => ({ kind: "array", space: "constant", element: "i32", length: 4, data })
    const [one, other] = [table([0, 1, 2, 3]), table([3, 2, 1, 0])]
    const at = (array: ArrayLocal): Expr => ({ op: "element", type: "i32", array, index: builtin("lane") })
    const advancing = (from: ArrayLocal, to: ArrayLocal): InPlace => inPlace(
      { entry: "f", sources: [], rasters: [], inputs: [{ name: "slot:s", node: slot, source: undefined }], outputs: [{ name: "next:s", node: next, picture: undefined, population: undefined }] },
      {
        places: new Map(), arenas: new Set(),
        kernels: [{
          node: next, ranges: undefined, parts: new Set(), bound: [{ kind: "node", node: slot }, { kind: "node", node: next }],
          kernel: {
            kind: "map", workgroup: [4, 1, 1], groups: [1, 1, 1], shared: [one, other],
            bindings: (["read", "write"] as const).map((access) => ({ access, element: "f32", length: 4, label: "" })),
            body: [{ op: "store", binding: 1, index: at(to), value: { op: "unary", type: "f32", fn: "exp", x: { op: "load", type: "f32", binding: 0, index: at(from) } } }],
          },
        }],
      } as unknown as Schedule,
    )
    expect([advancing(one, one).slots.size, advancing(one, other).slots.size]).toEqual([1, 0])
    expect(advancing(one, one).kernels[0]!.kernel.bindings).toHaveLength(1)
  })

  it("are parameters, moments and followers of an optimiser, which then binds each once", () => {
    const { plan } = compiled(`from nda.nn import linear
from nda.optim import adam
block net(x: f32[n, 5]) -> f32[n, 3] = x |> linear(1601) |> relu |> linear(3)
model M = net
model M_avg = follow(M, decay=0.9)
train fit(steps = 3, seed = 0) {
  step learn {
    let x: f32[64, 5] ~ normal()
    minimize mean(M(x) ** 2) over M by adam(lr=1e-2)
  }
}`, "cpu")
    const [{ plan: step }] = plan.steps as [{ plan: Plan }]
    expect(slotsInPlace(step)).toEqual(slotsAdvanced(step))
    expect(slotsAdvanced(step)).toEqual(expect.arrayContaining(["M", "M_avg", "fit.learn.optimizer.adam.m", "fit.learn.optimizer.adam.v"]))
    expect(step.commands.every((c) => c.op === "dispatch")).toBe(true)
  })
})
