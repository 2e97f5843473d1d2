/** Evals: two plans and a last batch; metrics against their definitions, computed here from all samples at once. */
import { describe, expect, test } from "vitest"
import { frechetDistance, gaussianOf } from "../../src/base/frechet-distance.ts"
import { batchesOf } from "../../src/driver/evaluations.ts"
import { compiledWith, evaluated } from "./evaluation.ts"

test("sources end together at the shortest, and those of one batch size take equally many", () => {
  const of = (...sources: readonly (readonly [number, number])[]) => {
    const { full, tail, used } = batchesOf(sources.map(([batch, count], i) => ({ name: `s${i}`, batch, count })))
    return { full, tail: tail && [...tail.values()], used: [...used.values()] }
  }
  expect(of([10, 40])).toEqual({ full: 4, tail: undefined, used: [40] })
  expect(of([10, 43])).toEqual({ full: 4, tail: [3], used: [43] })
  expect(of([10, 7])).toEqual({ full: 0, tail: [7], used: [7] })
  expect(of([10, 43], [10, 1000])).toEqual({ full: 4, tail: [3, 3], used: [43, 43] })
  expect(of([10, 43], [20, 1000])).toEqual({ full: 4, tail: [3, 20], used: [43, 100] })
  expect(of([10, 40], [10, 45])).toEqual({ full: 4, tail: undefined, used: [40, 40] })
})

const program = `
from nda.data import array
from nda.metric import auroc, fid, kid, precision_recall, knn_accuracy, mean_of

data one: { image: Image[n, 1, 1, 6], label: Label[n] } = array("one")
data two: { image: Image[n, 1, 1, 6], label: Label[n] } = array("two")
const batch = 16

fn flat(x: Image[n, c, h, w]) -> Feature[n, c * h * w] = plain(reshape(x, [n, c * h * w]))
fn score(x: Image[n, c, h, w]) -> f32[n] = plain(floor(2 * mean(x, axis=[1, 2, 3])))

eval quality(a in one(batch=batch), b in two(batch=batch)) {
  {
    fid: fid(flat)(a.image, b.image), exact: fid(flat, capacity=count(a))(a.image, b.image), kid: kid(flat, count(a), subset=12)(a.image, b.image),
    pr: precision_recall(flat, count(a))(a.image, b.image),
    knn: knn_accuracy(count(a), count(b), classes=3, k=5)(flat(a.image), a.label, flat(b.image), b.label),
    auroc: auroc(capacity=count(a))(score(a.image), score(b.image)), binned: auroc(bins=4096)(score(a.image), score(b.image)),
    mean: mean_of(score(a.image)), last: mean(score(a.image)),
  }
}`

const value = (i: number): number => 2 * (Math.abs(Math.sin(12.9898 * (i + 1)) * 43758.5453) % 1) - 1
const n = 41
/** The last feature is a combination of others: the covariance is singular. */
const rows = (from: number, shift: number): number[][] => Array.from({ length: n }, (_, i) => {
  const x = Array.from({ length: 5 }, (_, k) => Math.round(8 * (value(from + i * 5 + k) + value(2 * from + i * 5 + k + 1000))) / 8 + shift)
  return [...x, 2 * x[4]! - x[3]!]
})
const [a, b] = [rows(0, 0), rows(7000, 0.25)]
const labels = (x: readonly number[][]): number[] => x.map((row) => Math.floor(Math.abs(row[0]!) * 2) % 3)
const squared = (x: readonly number[], y: readonly number[]): number => x.reduce((sum, v, k) => sum + (v - y[k]!) ** 2, 0)
const dot = (x: readonly number[], y: readonly number[]): number => x.reduce((sum, v, k) => sum + v * y[k]!, 0)
const mean = (x: readonly number[]): number => x.reduce((sum, v) => sum + v, 0) / x.length

describe("an eval over 41 samples in batches of 16", async () => {
  const compiled = compiledWith(program, "quality", { one: n, two: n })
  const set = (x: readonly number[][]) => ({ count: n, fields: { image: Float32Array.from(x.flat()), label: Int32Array.from(labels(x)) } })
  const result = await evaluated(compiled, { a: set(a), b: set(b) })
  const number = (name: string): number => result.outputs[name]![0]!

  test("uses every sample, in two whole batches and one of nine, and computes the record in a plan that reads no data", () => {
    const [evaluation] = compiled.plan.evaluations
    expect(evaluation).toMatchObject({ full: 2, sources: [{ name: "a", used: n, of: n }, { name: "b", used: n, of: n }] })
    expect(evaluation!.tail!.sources.map((source) => source.batch)).toEqual([9, 9])
    expect(evaluation!.final.sources).toEqual([])
    expect(evaluation!.stages.map((stage) => stage.host).sort()).toEqual(["frechet", "frechet_of_rows"])
    expect(result.batches).toBe(3)
    // A plan without metrics to compute: the batch's own outputs are none, the last one's is what depends on it.
    expect(evaluation!.batch.outputs.filter((output) => output.slot === undefined)).toEqual([])
    expect(evaluation!.tail!.outputs.filter((output) => output.slot === undefined).map((output) => output.name)).toEqual(["last"])
  })

  const score = (x: readonly number[]): number => Math.floor(2 * mean(x))
  test("means are of all samples; what depends on a batch is the last one's", () => {
    expect(number("mean")).toBeCloseTo(mean(a.map(score)), 5)
    expect(number("last")).toBeCloseTo(mean(a.slice(32).map(score)), 5)
  })
  test("AUROC with a capacity is the share of pairs in order, ties half; of integers the histogram agrees", () => {
    const pairs = a.flatMap((x) => b.map((y) => (score(x) > score(y) ? 1 : score(x) === score(y) ? 0.5 : 0)))
    expect(pairs.filter((p) => p === 0.5).length).toBeGreaterThan(100)
    expect(number("auroc")).toBeCloseTo(mean(pairs), 6)
    expect(number("binned")).toBeCloseTo(mean(pairs), 6)
  })
  test("FID is that of all features, exactly where they are kept", () => {
    const expected = frechetDistance(gaussianOf(a.flat(), n, 6), gaussianOf(b.flat(), n, 6))
    expect(expected).toBeGreaterThan(0.1)
    expect(Math.abs(number("exact") - expected)).toBeLessThan(1e-7)
    // A covariance that is singular but for the rounding of f32 brings the root of that rounding.
    expect(Math.abs(number("fid") - expected)).toBeLessThan(2e-3)
  })
  test("KID is the unbiased estimate over disjoint subsets", () => {
    const kernel = (x: readonly number[], y: readonly number[]): number => (dot(x, y) / 6 + 1) ** 3
    const each = [0, 1, 2].map((k) => {
      const [x, y] = [a.slice(12 * k, 12 * k + 12), b.slice(12 * k, 12 * k + 12)]
      const own = (s: readonly number[][]): number => s.reduce((sum, p, i) => sum + s.reduce((t, q, j) => (i === j ? t : t + kernel(p, q)), 0), 0) / (12 * 11)
      return own(x) + own(y) - 2 * mean(x.flatMap((p) => y.map((q) => kernel(p, q))))
    })
    expect(Math.abs(number("kid") - mean(each))).toBeLessThan(1e-5)
  })
  test("precision and recall are shares within the third neighbour's distance", () => {
    const covered = (x: readonly number[][], y: readonly number[][]): number => {
      const radius = y.map((p, i) => y.flatMap((q, j) => (i === j ? [] : [squared(p, q)])).sort((s, t) => s - t)[2]!)
      return mean(x.map((p) => Number(y.some((q, j) => squared(p, q) <= radius[j]!))))
    }
    expect(number("pr.precision")).toBeCloseTo(covered(a, b), 6)
    expect(number("pr.recall")).toBeCloseTo(covered(b, a), 6)
  })
  test("kNN accuracy is that of the weighted vote of the five nearest by cosine", () => {
    const unit = (x: readonly number[]): number[] => x.map((v) => v / Math.sqrt(dot(x, x)))
    const known = labels(a)
    const right = b.map((x, i) => {
      const near = a.map((y, j) => ({ j, cosine: dot(unit(x), unit(y)) })).sort((s, t) => t.cosine - s.cosine || s.j - t.j).slice(0, 5)
      const votes = [0, 1, 2].map((c) => near.reduce((sum, { j, cosine }) => sum + (known[j] === c ? Math.exp((cosine - 1) / 0.1) : 0), 0))
      return Number(votes.indexOf(Math.max(...votes)) === labels(b)[i])
    })
    expect(number("knn")).toBeCloseTo(mean(right), 6)
  })
})
