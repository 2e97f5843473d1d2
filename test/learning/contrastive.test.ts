/** Losses and helpers of nda.contrastive against their definitions, and what PAPER 1.5 says of negatives; then the programs that use them. */
import { describe, expect, test } from "vitest"
import type { Program } from "../../src/ir/program.ts"
import { elaborated, example, executed, initialSlots, outputsOf, type Slots } from "./program.ts"

const library = "from nda.contrastive import info_nce, nda_info_nce, nda_info_nce_batch, enqueue, enqueue_labels, dealt, dealt_pictures, nearest_class\n"
/** What a graph of that head and body gives for these inputs. */
const given = (head: string, body: string, inputs: Readonly<Record<string, ArrayLike<number>>>): Float64Array => {
  const graph = elaborated(`${library}graph g(${head}) = { y: ${body} }`, "g").steps[0]!.graph
  return outputsOf(graph, new Map(), undefined, inputs).get("y")!.data as Float64Array
}

/** Unit vectors that depend on their place only. */
const units = (rows: number, d: number, k: number): number[][] =>
  Array.from({ length: rows }, (_, i) => {
    const v = Array.from({ length: d }, (_, j) => Math.sin(12.9898 * (i * d + j + 1) + 78.233 * k))
    const length = Math.hypot(...v)
    return v.map((x) => x / length)
  })
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((s, x, i) => s + x * b[i]!, 0)
/** l(q) of the module's head, from the logits of the key and of everything else. */
const lossOf = (right: number, wrong: readonly number[], tau: number): number => Math.log([right, ...wrong].reduce((s, z) => s + Math.exp((z - right) / tau), 0))
const mean = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0) / x.length

const [n, k, m, d, tau] = [3, 5, 2, 4, 0.3]
const [q, key, queue] = [units(n, d, 1), units(n, d, 2), units(k, d, 3)]
const neg = Array.from({ length: n }, (_, i) => units(m, d, 10 + i))
const head = `q: Feature[${n}@real, ${d}], key: Feature[${n}@real, ${d}], queue: Feature[${k}@real, ${d}]`
const inputs = { q: q.flat(), key: key.flat(), queue: queue.flat() }

describe("the loss", () => {
  test("without negatives is -log of the key's share among key and queue", () => {
    const [y] = given(head, `info_nce(q, key, queue, tau=${tau})`, inputs)
    expect(y).toBeCloseTo(mean(q.map((a, i) => lossOf(dot(a, key[i]!), queue.map((b) => dot(a, b)), tau))), 6)
  })

  test("with negatives of the query's own picture adds each query's own m to the denominator", () => {
    const [y] = given(`${head}, neg: f32[${n}@neg, ${m}, ${d}]`, `nda_info_nce(q, key, queue, neg, tau=${tau})`, { ...inputs, neg: neg.flat(2) })
    expect(y).toBeCloseTo(mean(q.map((a, i) => lossOf(dot(a, key[i]!), [...queue, ...neg[i]!].map((b) => dot(a, b)), tau))), 6)
  })

  test("with negatives of the whole batch adds all of them for every query", () => {
    const all = neg.flat()
    const [y] = given(`${head}, neg: Feature[${n * m}@neg, ${d}]`, `nda_info_nce_batch(q, key, queue, neg, tau=${tau})`, { ...inputs, neg: all.flat() })
    expect(y).toBeCloseTo(mean(q.map((a, i) => lossOf(dot(a, key[i]!), [...queue, ...all].map((b) => dot(a, b)), tau))), 6)
  })

  test("is unchanged where the negatives' critic vanishes, and the bound then gains log((n + m) / n); elsewhere it gains less", () => {
    const sharp = 0.02
    const bound = (loss: number, columns: number): number => Math.log(columns) - loss
    const without = given(head, `info_nce(q, key, queue, tau=${sharp})`, inputs)[0]!
    const nda = (rows: readonly (readonly number[])[]): number =>
      given(`${head}, neg: f32[${n}@neg, 1, ${d}]`, `nda_info_nce(q, key, queue, neg, tau=${sharp})`, { ...inputs, neg: rows.flat() })[0]!
    // Opposite to its query a negative has g = e^(-1 / tau), which is 2e-22 here.
    const far = nda(q.map((a) => a.map((x) => -x)))
    expect(far).toBeCloseTo(without, 9)
    expect(bound(far, 1 + k + 1) - bound(without, 1 + k)).toBeCloseTo(Math.log((1 + k + 1) / (1 + k)), 9)
    const near = nda(q)
    expect(bound(near, 1 + k + 1) - bound(without, 1 + k)).toBeLessThan(Math.log((1 + k + 1) / (1 + k)) - 0.1)
  })
})

describe("the queue", () => {
  test("takes new keys, and labels, at the front and loses its oldest", () => {
    expect([...given("a: Feature[3, 2], b: Feature[2, 2]", "enqueue(a, b)", { a: [1, 2, 3, 4, 5, 6], b: [7, 8, 9, 10] })]).toEqual([7, 8, 9, 10, 1, 2])
    expect([...given("a: Label[3], b: Label[2]", "enqueue_labels(a, b)", { a: [1, 2, 3], b: [7, 8] })]).toEqual([7, 8, 1])
  })

  test("votes by its nearest rows, heavier the nearer, and rows without a label do not vote", () => {
    const bank = [[1, 0], [0.8, 0.6], [0, 1], [-1, 0]]
    const ask = (labels: readonly number[], neighbours: number, at: readonly number[]): number =>
      given("q: Feature[1, 2], bank: Feature[4, 2], label: Label[4]", `nearest_class(q, bank, label, 3, neighbours=${neighbours}, tau=0.5)`, { q: at, bank: bank.flat(), label: labels })[0]!
    expect(ask([2, 1, 1, 0], 1, [1, 0])).toBe(2)
    // e^(1 / 0.5) = 7.4 votes for 2 against e^(0.8 / 0.5) + e^(0 / 0.5) = 6.0 for 1; with the nearest unlabelled, 1 wins.
    expect(ask([2, 1, 1, 0], 3, [1, 0])).toBe(2)
    expect(ask([-1, 1, 1, 0], 3, [1, 0])).toBe(1)
  })

  test("keys are dealt so that no two of a part come from one part, and back", () => {
    const rows = Array.from({ length: 12 }, (_, i) => i)
    const parts = (x: Float64Array, size: number): number[][] => Array.from({ length: x.length / size }, (_, p) => [...x.slice(p * size, (p + 1) * size)])
    const out = given("x: Feature[12, 1]", "dealt(x, 3)", { x: rows })
    for (const part of parts(out, 4).map((p) => p.map((i) => Math.floor(i / 4)))) expect(new Set(part).size).toBe(3)
    expect([...given("x: Feature[12, 1]", "dealt(dealt(x, 3), 4)", { x: rows })]).toEqual(rows)
    expect([...given("x: Image[12, 1, 1, 1]", "dealt_pictures(x, 3)", { x: rows })]).toEqual([...out])
  })
})

/** A state by its name, whether it has a slot of its own or lies in one with others. */
const stateOf = (program: Program, slots: Slots, name: string): Float64Array => {
  const slot = program.slots.find((s) => s.name === name || s.leaves.some((leaf) => leaf.path === name))!
  const leaf = slot.leaves.find((l) => l.path === name) ?? { offset: 0, shape: slot.node.shape }
  return slots.get(slot.name)!.data.slice(leaf.offset, leaf.offset + leaf.shape.reduce((a, b) => a * b, 1)) as Float64Array
}

const tiny = { width: "4", batch: "4", slots: "64", size: "8" }

describe("moco", () => {
  test.each([{}, { pairing: '"batch"', each: "2" }, { nda: "false" }, { negative: "cutmix(alpha=1.0)", parts: "2" }])("with %o takes a step: all finite, the encoder moves, its follower trails it, the queue advances", (set) => {
    const program = elaborated(example("moco"), "moco", { ...tiny, ...set })
    const before = initialSlots(program)
    const { slots, reports } = executed(program.steps[0]!, before)
    for (const x of reports.values()) expect(Number.isFinite(x)).toBe(true)
    for (const x of slots.values()) expect(x.data.every(Number.isFinite)).toBe(true)
    expect(slots.get("F")!.data).not.toEqual(before.get("F")!.data)
    const [f, g, h] = [before.get("K")!.data, slots.get("F")!.data, slots.get("K")!.data]
    expect(f).toEqual(before.get("F")!.data)
    expect(Math.max(...h.map((x, i) => Math.abs(x - (0.99 * f[i]! + 0.01 * g[i]!))))).toBeLessThan(1e-6)
    const [old, now] = [stateOf(program, before, "moco.queue"), stateOf(program, slots, "moco.queue")]
    expect(now.slice(4 * 128)).toEqual(old.slice(0, 60 * 128))
    for (let i = 0; i < 4; i++) expect(Math.hypot(...now.slice(i * 128, (i + 1) * 128))).toBeCloseTo(1, 5)
  })

  test("without negatives makes none; more of them cost more keys", () => {
    const draws = (set: Readonly<Record<string, string>>): number => {
      const { graph } = elaborated(example("moco"), "moco", { ...tiny, ...set }).steps[0]!
      const seen = new Set<unknown>()
      const walk = (node: (typeof graph.outputs)[number]["node"]): number => (seen.has(node) ? 0 : (seen.add(node), Number(node.prim === "draw" && JSON.stringify(node.attrs).includes("jigsaw")) + node.inputs.reduce((s, x) => s + walk(x), 0)))
      return graph.outputs.reduce((s, o) => s + walk(o.node), 0)
    }
    const one = draws({})
    expect(one).toBeGreaterThan(0)
    expect(draws({ nda: "false" })).toBe(0)
    expect(draws({ each: "3" })).toBe(3 * one)
  })

  test("however its batch norms are split, its weights have the same names, and the probe finds its trunk's under resnet18", () => {
    const paths = (text: string, entry: string, set: Readonly<Record<string, string>>): string[] =>
      elaborated(text, entry, set).slots.filter((s) => s.model === "F").flatMap((s) => s.leaves.map((leaf) => leaf.path)).sort()
    const whole = paths(example("moco"), "moco", tiny)
    expect(paths(example("moco"), "moco", { ...tiny, parts: "2" })).toEqual(whole)
    const trunk = whole.filter((path) => path.startsWith("resnet18.")).map((path) => path.slice("resnet18.".length))
    expect(paths(example("linear_probe"), "linear_probe", { width: "4", batch: "4" })).toEqual(trunk)
  })
})

test("the linear probe moves its head and leaves its encoder, statistics too, as it was", () => {
  const program = elaborated(example("linear_probe"), "linear_probe", { width: "2", batch: "2" })
  const before = initialSlots(program)
  const { slots, reports } = executed(program.steps[0]!, before)
  for (const x of reports.values()) expect(Number.isFinite(x)).toBe(true)
  for (const slot of program.slots) {
    const same = JSON.stringify([...before.get(slot.name)!.data]) === JSON.stringify([...slots.get(slot.name)!.data])
    if (slot.model === "F") expect(same, slot.name).toBe(true)
    if (slot.name === "head") expect(same).toBe(false)
  }
})

test("the distance between pictures and their negatives is counted for both encoders and drawn", () => {
  const program = elaborated(example("moco_distance"), "distance", { width: "2", batch: "2", bins: "20" })
  const { graph } = program.steps[0]!
  const slots = initialSlots(program)
  const out = outputsOf(graph, slots)
  const value = (name: string): number => out.get(name)!.data[0]!
  expect(program.models.map((m) => m.from)).toEqual(["runs/moco-moco/F.safetensors", "runs/moco-plain/F.safetensors"])
  for (const arm of ["with", "without"]) {
    expect(value(`${arm}_nda`)).toBeGreaterThan(0)
    expect(value(`${arm}_nda`)).toBeLessThan(2)
    const counts = [...out.get(`histogram_${arm}.counts`)!.data]
    expect(counts.reduce((a, b) => a + b, 0)).toBe(2)
    // The middle of the intervals that hold both distances is within half an interval of their mean.
    expect(Math.abs(counts.reduce((s, c, i) => s + c * (i + 0.5) * 0.1, 0) / 2 - value(`${arm}_nda`))).toBeLessThanOrEqual(0.05 + 1e-6)
  }
  const figure = out.get("figure")!
  expect(figure.shape).toEqual([1, 3, 120, 120])
  expect(figure.data.every((v) => v >= 0 && v <= 1)).toBe(true)
  // Blank above every bar that is empty, coloured at the foot of one that is not.
  const foot = (bin: number): number[] => [0, 1, 2].map((c) => figure.data[(c * 120 + 119) * 120 + 6 * bin]!)
  const held = (bin: number): boolean => ["with", "without"].some((arm) => out.get(`histogram_${arm}.counts`)!.data[bin]! > 0)
  for (let bin = 0; bin < 20; bin++) expect(foot(bin).every((v) => v === 1), `bin ${bin}`).toBe(!held(bin))
})
