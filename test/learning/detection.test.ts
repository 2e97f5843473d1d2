/** Average precision and suppression against the loops of the VOC and COCO evaluations, and against answers worked out by hand. */
import { describe, expect, test } from "vitest"
import { elaborated, executed, initialSlots, outputsOf } from "./program.ts"
import { counterRandom } from "../../src/runtime/data/counter-random.ts"

type Box = readonly [number, number, number, number]
interface Found { readonly box: Box; readonly kind: number; readonly score: number }
interface Truth { readonly box: Box; readonly kind: number; readonly difficult?: boolean }
interface Scene { readonly found: readonly Found[]; readonly truths: readonly Truth[] }
interface Settings { readonly classes: number; readonly rule: "voc" | "coco"; readonly thresholds: readonly number[]; readonly points: number }

const overlap = (a: Box, b: Box): number => {
  const along = (d: 0 | 1): number => Math.max(0, Math.min(a[d] + a[d + 2]! / 2, b[d] + b[d + 2]! / 2) - Math.max(a[d] - a[d + 2]! / 2, b[d] - b[d + 2]! / 2))
  const common = along(0) * along(1)
  return common / (a[2] * a[3] + b[2] * b[3] - common)
}

/** By the metric block, `batch` pictures at a time, on the reference evaluator. */
const measured = (scenes: readonly Scene[], settings: Settings, batch = 1) => {
  const k = Math.max(...scenes.map((scene) => scene.found.length))
  const m = Math.max(...scenes.map((scene) => scene.truths.length))
  const text = `from nda.data import array
from nda.detection import average_precision
data scenes: {
  boxes: f32[n@real, ${k}, 4], class: i32[n@real, ${k}], score: f32[n@real, ${k}],
  truth: f32[n@real, ${m}, 4], truth_class: i32[n@real, ${m}], valid: bool[n@real, ${m}], difficult: bool[n@real, ${m}],
} = array("scenes.npz")
eval precision(b in scenes.test(batch=${batch})) {
  average_precision(${settings.classes}, ${scenes.length}, rule="${settings.rule}", thresholds=[${settings.thresholds.join(", ")}], points=${settings.points})(
    b.boxes, b.class, b.score, b.truth, b.truth_class, b.valid, b.difficult)
}`
  const program = elaborated(text, "precision")
  let slots = initialSlots(program)
  let outputs = new Map<string, readonly number[]>()
  for (let first = 0; first < scenes.length; first += batch) {
    const part = scenes.slice(first, first + batch)
    const all = <T>(of: (scene: Scene) => readonly T[], length: number, read: (x: T | undefined) => readonly number[]): number[] => part.flatMap((scene) => Array.from({ length }, (_, j) => read(of(scene)[j])).flat())
    const sorted = (scene: Scene): readonly Found[] => [...scene.found].sort((a, b) => b.score - a.score)
    const truths = (scene: Scene): readonly Truth[] => scene.truths
    const given = {
      "b.boxes": all(sorted, k, (f) => f?.box ?? [0, 0, 1, 1]), "b.class": all(sorted, k, (f) => [f?.kind ?? 0]), "b.score": all(sorted, k, (f) => [f?.score ?? 0]),
      "b.truth": all(truths, m, (t) => t?.box ?? [0, 0, 1, 1]), "b.truth_class": all(truths, m, (t) => [t?.kind ?? 0]),
      "b.valid": all(truths, m, (t) => [Number(t !== undefined)]), "b.difficult": all(truths, m, (t) => [Number(t?.difficult ?? false)]),
    }
    outputs = new Map([...outputsOf(program.steps[0]!.graph, slots, undefined, given)].map(([name, value]) => [name, [...value.data]]))
    slots = executed(program.steps[0]!, slots, undefined, given).slots
  }
  return { ap: outputs.get("ap")![0]!, ap50: outputs.get("ap50")![0]!, byClass: outputs.get("by_class")! }
}

/** The loops of the evaluations, object by object. */
const looped = (scenes: readonly Scene[], { classes, rule, thresholds, points }: Settings) => {
  const area = (kind: number, least: number): number | undefined => {
    const positives = scenes.reduce((sum, scene) => sum + scene.truths.filter((t) => t.kind === kind && !t.difficult).length, 0)
    if (positives === 0) return undefined
    const all = scenes.flatMap((scene, picture) => scene.found.filter((f) => f.kind === kind).map((f) => ({ ...f, picture }))).sort((a, b) => b.score - a.score)
    const taken = scenes.map((): Set<Truth> => new Set())
    let [right, wrong] = [0, 0]
    const curve: { readonly recall: number; precision: number }[] = []
    for (const { box, picture } of all) {
      const reached = scenes[picture]!.truths.filter((t) => t.kind === kind).map((truth) => ({ truth, shared: overlap(box, truth.box) })).filter(({ shared }) => shared >= least)
      const most = (of: typeof reached) => of.reduce<(typeof reached)[number] | undefined>((best, each) => (best === undefined || each.shared > best.shared ? each : best), undefined)?.truth
      const own = rule === "voc" ? most(reached) : most(reached.filter(({ truth }) => !truth.difficult && !taken[picture]!.has(truth))) ?? reached.find(({ truth }) => truth.difficult)?.truth
      if (own?.difficult) continue
      if (own && !taken[picture]!.has(own)) right++
      else wrong++
      if (own) taken[picture]!.add(own)
      curve.push({ recall: right / positives, precision: right / (right + wrong) })
    }
    const best = (recall: number): number => Math.max(0, ...curve.filter((at) => at.recall >= recall - 1e-12).map((at) => at.precision))
    if (points > 0) return Array.from({ length: points }, (_, p) => best(p / (points - 1))).reduce((a, b) => a + b, 0) / points
    return Array.from({ length: right }, (_, r) => best((r + 1) / positives) / positives).reduce((a, b) => a + b, 0)
  }
  const mean = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length
  const at = thresholds.map((least) => mean(Array.from({ length: classes }, (_, kind) => area(kind, least)).filter((x) => x !== undefined)))
  return { ap: mean(at), ap50: at[0]!, byClass: Array.from({ length: classes }, (_, kind) => area(kind, thresholds[0]!) ?? -1) }
}

const here: Box = [10, 10, 8, 8]
const there: Box = [40, 10, 8, 8]
const nowhere: Box = [80, 80, 8, 8]
const one = (box: Box, score: number, kind = 0): Found => ({ box, score, kind })
const truth = (box: Box, kind = 0, difficult = false): Truth => ({ box, kind, difficult })
const single: Settings = { classes: 1, rule: "coco", thresholds: [0.5], points: 0 }

describe("average precision", () => {
  // Right, wrong, right, wrong of three truths: precision 1, 1/2, 2/3, 1/2 at recall 1/3, 1/3, 2/3, 2/3.
  const scenes: readonly Scene[] = [
    { found: [one(here, 0.9), one(nowhere, 0.8)], truths: [truth(here), truth(there)] },
    { found: [one(there, 0.7), one(nowhere, 0.6)], truths: [truth(there)] },
  ]

  test.each([
    ["the whole area under the curve", 0, 1 / 3 + (1 / 3) * (2 / 3)], ["eleven points", 11, (4 + 3 * (2 / 3)) / 11], ["a hundred and one points", 101, (34 + 33 * (2 / 3)) / 101],
  ])("is %s", (_, points, expected) => {
    expect(measured(scenes, { ...single, points }).ap).toBeCloseTo(expected, 5)
    expect(measured(scenes, { ...single, points }, 2).ap).toBeCloseTo(expected, 5)
  })

  test("counts one match a truth: a double is wrong", () => {
    expect(measured([{ found: [one(here, 0.9), one(here, 0.8), one(there, 0.7)], truths: [truth(here), truth(there)] }], single).ap).toBeCloseTo(0.5 + 0.5 * (2 / 3), 5)
  })

  test("lets an object whose best truth is taken go to another one by COCO's rule, not by VOC's", () => {
    // The second object overlaps the first truth by 7/9 and the second by 5/11.
    const [a, b]: readonly Box[] = [[10, 10, 8, 8], [14, 10, 8, 8]] as const
    const found = [one(a!, 0.9), one([11, 10, 8, 8], 0.8)]
    const scene = { found, truths: [truth(a!), truth(b!)] }
    expect(measured([scene], { ...single, thresholds: [0.4], rule: "coco" }).ap).toBeCloseTo(1, 5)
    expect(measured([scene], { ...single, thresholds: [0.4], rule: "voc" }).ap).toBeCloseTo(0.5, 5)
  })

  test.each(["voc", "coco"] as const)("neither asks for a difficult truth nor holds what finds it against (%s)", (rule) => {
    const scene = { found: [one(there, 0.9), one(there, 0.8), one(here, 0.7)], truths: [truth(here), truth(there, 0, true)] }
    expect(measured([scene], { ...single, rule }).ap).toBeCloseTo(1, 5)
  })

  test("is the mean over the classes that occur; one that does not is marked", () => {
    const scene = { found: [one(here, 0.9, 0), one(there, 0.8, 2)], truths: [truth(here, 0), truth(there, 1)] }
    expect(measured([scene], { ...single, classes: 3 })).toEqual({ ap: 0.5, ap50: 0.5, byClass: [1, 0, -1] })
  })

  test.each([["voc", 0], ["coco", 0], ["coco", 101], ["voc", 11]] as const)("is that of the evaluations' loops on scenes drawn at random (%s, %i points)", (rule, points) => {
    const draw = counterRandom(5, 0, 0)
    const box = (): Box => [10 + draw.below(12), 10 + draw.below(12), 8 + draw.below(6), 8 + draw.below(6)]
    const scenes = Array.from({ length: 6 }, (): Scene => ({
      found: Array.from({ length: 9 }, () => one(box(), draw.uniform(0.01, 1), draw.below(3))),
      truths: Array.from({ length: 1 + draw.below(6) }, () => truth(box(), draw.below(3), draw.below(5) === 0)),
    }))
    const settings = { classes: 4, rule, thresholds: [0.5, 0.6, 0.75], points }
    const [got, expected] = [measured(scenes, settings, 2), looped(scenes, settings)]
    expect(got.ap).toBeCloseTo(expected.ap, 5)
    expect(got.ap50).toBeCloseTo(expected.ap50, 5)
    got.byClass.forEach((x, kind) => expect(x).toBeCloseTo(expected.byClass[kind]!, 5))
  })
})
