import { expect, test } from "vitest"
import { topological } from "../../src/ir/walk.ts"
import { openSource } from "../../src/runtime/data/open-source.ts"
import { elaborated, example, executed, initialSlots } from "./program.ts"

const counts = (name: string, set: Readonly<Record<string, string>> = {}): Readonly<Record<string, number>> =>
  Object.fromEntries(elaborated(example(name), name, set).models.map((m) => [m.name, m.parameters]))

test("the GANs have the paper's parameters, to the last one", () => {
  expect(counts("nda_gan")).toEqual({ G: 4_276_739, D: 4_205_057, G_avg: 4_276_739 })
  expect(counts("biggan")).toEqual({ G: 4_304_387, D: 4_207_361, G_avg: 4_304_387 })
})

const tiny = { width: "4", batch: "4" }
/** The train of an example bears its name; dots, that of a data set, is taken. */
const entryOf = (name: string): string => (name === "dots" ? "dots_gan" : name)
const nodesOf = (set: Readonly<Record<string, string>>): readonly { readonly prim: string; readonly attrs: unknown }[] =>
  topological(elaborated(example("nda_gan"), "nda_gan", { ...tiny, ...set }).steps[0]!.graph.outputs.map((o) => o.node))

test("lambda = 1 is the plain GAN: no negative is made", () => {
  const negatives = (lambda: string): number => nodesOf({ lambda }).filter((n) => n.prim === "draw" && JSON.stringify(n.attrs).includes("jigsaw")).length
  expect(negatives("0.25")).toBeGreaterThan(0)
  expect(negatives("1")).toBe(0)
})

test.each([
  ["nda_gan", {}], ["nda_gan", { negative: "cutmix(alpha=1.0)" }], ["nda_gan", { positive: "diff_augment" }],
  ["biggan", {}], ["biggan", { attend: "true", width: "8" }], ["dots", { width: "2" }], ["dots", { width: "2", lambda: "1" }],
])("%s with %o takes a step of both players, all finite, and both move", (name, set) => {
  const program = elaborated(example(name), entryOf(name), { ...tiny, ...set })
  let slots = initialSlots(program)
  const before = new Map(slots)
  for (const step of program.steps) {
    const after = executed(step, slots)
    for (const x of after.reports.values()) expect(Number.isFinite(x)).toBe(true)
    for (const x of after.slots.values()) expect(x.data.every(Number.isFinite)).toBe(true)
    slots = after.slots
  }
  for (const player of ["G", "D"]) expect(slots.get(player)!.data).not.toEqual(before.get(player)!.data)
})

test("dots are counted without learning: right on all but a hundredth of real pictures of three dots", async () => {
  const program = elaborated(example("dots"), "counts", { width: "2" })
  const step = program.steps[0]!
  const source = await openSource({ ...step.graph.sources[0]! }, { dataDir: ".", fileDir: ".", seed: 0, skipBad: false })
  const batch = await source.batch(0)
  const given = { "b.image": Float64Array.from(batch.fields["image"]!), "b.#index": Float64Array.from(batch.index) }
  const { reports } = executed(step, initialSlots(program), { step: 0, repeat: 0 }, given)
  expect(reports.get("p_right_of_real")).toBeGreaterThanOrEqual(0.99)
})

test.each<[string, Readonly<Record<string, string>>, readonly string[]]>([
  ["dpc", { blocks: "2" }, ["E", "A", "P"]], ["dpc", { blocks: "3", predict: "2", nda: "false" }, ["E", "A", "P"]], ["dpc", { blocks: "2", negative: "cutmix" }, ["E", "A", "P"]],
  ["action", { recorded: "6" }, ["E", "A", "H"]],
])("%s with %o takes a step, finite, and all its models move", (name, set, models) => {
  const program = elaborated(example(name), name, { ...tiny, frames: "2", size: "24", ...set })
  const before = initialSlots(program)
  const { slots, reports } = executed(program.steps[0]!, before)
  for (const x of reports.values()) expect(Number.isFinite(x)).toBe(true)
  for (const x of slots.values()) expect(x.data.every(Number.isFinite)).toBe(true)
  for (const model of models) expect(slots.get(model)!.data).not.toEqual(before.get(model)!.data)
})
