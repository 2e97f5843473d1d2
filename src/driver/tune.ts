/**
 * What `nda tune` measures: for the shape of a contraction the tiles that the cost model likes best, each as a plan of that
 * contraction alone. What was measured is looked up by shape; an entry that is no tile of its shape does not count.
 */
import { graphBuilder } from "../ir/build.ts"
import type { Graph, Node } from "../ir/graph.ts"
import { makePlan } from "../plan/make-plan.ts"
import type { Plan } from "../plan/plan.ts"
import { tileCandidates, type Tile } from "../schedule/contraction-tiles.ts"
import { shapeOfKey, type Tuned } from "../schedule/contraction.ts"
import type { Limits, Profile } from "../schedule/limits.ts"

/** What tiles depend on besides the shape. */
export interface Target {
  readonly limits: Limits
  readonly profile: Profile
}

/** So many tiles of a shape are measured. */
const measured = 6
/** An operand that is computed when it is loaded costs at least so much. */
const leastWork = 1

export interface Candidate {
  readonly tile: Tile
  readonly plan: Plan
}

/** The contraction alone; operands that the program computes on the way are rectified on the way. */
const graphOf = (key: string): Graph => {
  const { attrs, layouts } = shapeOfKey(key)
  const b = graphBuilder({ span: { file: "", start: 0, end: 0 }, label: "contraction", path: "" })
  const inputs = layouts.map((layout, i) => b.input(i === 0 ? "left" : "right", "f32", layout.shape))
  const operands = inputs.map((x, i): Node => (layouts[i]!.work < leastWork ? x : b.apply("max", [x, b.mul(x, b.apply("broadcast", [b.scalar(0.2)], { shape: x.shape, map: [] }))])))
  const node = b.apply("contract", operands, attrs)
  return {
    entry: "contraction", sources: [], rasters: [],
    inputs: inputs.map((x, i) => ({ name: i === 0 ? "left" : "right", node: x, source: undefined })),
    outputs: [{ name: "y", node, picture: undefined, population: undefined }],
  }
}

/** The first is the one that is taken where nothing was measured. */
export const candidatesFor = (key: string, { limits, profile }: Target): readonly Candidate[] => {
  const { attrs, layouts } = shapeOfKey(key)
  const graph = graphOf(key)
  return tileCandidates(attrs, layouts, profile, limits).slice(0, measured).flatMap((tile) => {
    const { plan } = makePlan(graph, { limits, profile, tuned: () => tile })
    return plan ? [{ tile, plan }] : []
  })
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** Entries of a file that anyone may have written. */
export const tunedBy = (entries: Readonly<Record<string, unknown>>, { limits, profile }: Target): Tuned => {
  const known = new Map<string, Tile | undefined>()
  return (key) => {
    if (!Object.hasOwn(entries, key)) return undefined
    if (!known.has(key)) {
      const { attrs, layouts } = shapeOfKey(key)
      known.set(key, tileCandidates(attrs, layouts, profile, limits).find((tile) => same(tile, entries[key])))
    }
    return known.get(key)
  }
}

/** The sizes of a contraction: of its result, and what is summed over. */
export const sizesOf = (key: string): { readonly out: readonly number[]; readonly over: readonly number[] } => {
  const { attrs } = shapeOfKey(key)
  return { out: attrs.out, over: attrs.over }
}

const product = (sizes: readonly number[]): number => sizes.reduce((n, size) => n * size, 1)
/** What does less than this part of a program's multiply-adds, all together, is not measured: it could save no more. */
const negligible = 1 / 50

/** The shapes from the largest on, and the small ones, whose tiles are worth no measurement. */
export const worthMeasuring = (keys: readonly string[]): { readonly large: readonly string[]; readonly small: readonly string[] } => {
  const work = new Map(keys.map((key) => { const { out, over } = sizesOf(key); return [key, product(out) * product(over)] }))
  const order = [...keys].sort((a, b) => work.get(b)! - work.get(a)!)
  let rest = [...work.values()].reduce((n, x) => n + x, 0)
  const most = rest * negligible
  const large = order.filter((key) => {
    const kept = rest >= most
    rest -= work.get(key)!
    return kept
  })
  return { large, small: order.slice(large.length) }
}
