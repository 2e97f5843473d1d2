/** Broadcasting by name: how two shapes line up (LANGUAGE section 3). */
import type { Span } from "../base/span.ts"
import { populationsDisagree } from "../diagnostics/messages/populations.ts"
import { ambiguousDimension, shapesDiffer } from "../diagnostics/messages/shapes.ts"
import { isDim, type Dim, type Dimension } from "../types/dimension.ts"
import { joinPopulations, printPopulation } from "../types/population.ts"
import { constantOf, equalSize, printSize } from "../types/size.ts"
import { report, type Context } from "./context.ts"
import { agree, madeHere, unequal } from "./match.ts"
import { bindingsOf, printTensor } from "./print-value.ts"
import type { TensorValue } from "./value.ts"

export interface Alignment {
  readonly dims: readonly Dimension[]
  readonly maps: readonly [readonly number[], readonly number[]]
}

/** Where in `large` the dimensions of `small` can stand, in order: none, the only way, or the leftmost and the rightmost of several. */
const embeddings = (small: readonly Dim[], large: readonly Dim[]): readonly (readonly number[])[] => {
  const lines = (a: Dim, b: Dim): boolean => equalSize(a.size, b.size) && constantOf(a.size) === undefined
  const leftmost: number[] = []
  for (let i = 0; i < large.length && leftmost.length < small.length; i++) if (lines(small[leftmost.length]!, large[i]!)) leftmost.push(i)
  if (leftmost.length < small.length) return []
  const rightmost: number[] = []
  for (let i = large.length - 1; i >= 0 && rightmost.length < small.length; i--) if (lines(small[small.length - 1 - rightmost.length]!, large[i]!)) rightmost.push(i)
  rightmost.reverse()
  return leftmost.every((place, i) => place === rightmost[i]) ? [leftmost] : [leftmost, rightmost]
}

const joined = (a: Dim, b: Dim): Dim | undefined => {
  const population = joinPopulations(a.population, b.population)
  return population && { ...a, population: population.population, became: a.population ? a.became : b.became }
}

/** Lines up two shapes; `"unknown"` while a number of dimensions is open, `undefined` after an error was reported. */
export const align = (
  ctx: Context, span: Span, op: string, a: TensorValue, aSpan: Span, b: TensorValue, bSpan: Span,
): Alignment | "unknown" | undefined => {
  const identity = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
  if (a.dims.length === 0) return { dims: b.dims, maps: [[], identity(b.dims.length)] }
  if (b.dims.length === 0) return { dims: a.dims, maps: [identity(a.dims.length), []] }
  const sameRests = a.dims.length === b.dims.length && a.dims.every((d, i) => (d.kind === "rest") === (b.dims[i]!.kind === "rest") && (d.kind !== "rest" || d.id === (b.dims[i] as typeof d).id))
  if (!sameRests && (a.dims.some((d) => !isDim(d)) || b.dims.some((d) => !isDim(d)))) return "unknown"

  if (a.dims.length === b.dims.length) {
    const different = a.dims.flatMap((d, i) => (isDim(d) && agree(d.size, (b.dims[i] as Dim).size) === "different" ? [[d, b.dims[i] as Dim] as const] : []))
    if (different.length === 0) {
      const dims: Dimension[] = []
      for (let i = 0; i < a.dims.length; i++) {
        const x = a.dims[i]!
        const y = b.dims[i]!
        const both = isDim(x) && isDim(y) ? joined(x, y) : x
        if (!both) return disagree(ctx, span, a, x as Dim, b, y as Dim)
        dims.push(both)
      }
      return { dims, maps: [identity(a.dims.length), identity(b.dims.length)] }
    }
    return differ(ctx, span, op, a, aSpan, b, bSpan, different.map(([x, y]) => unequal(x.size, y.size)).join(", "), different.flat())
  }
  const aSmall = a.dims.length < b.dims.length
  const [small, large] = aSmall ? [a, b] : [b, a]
  const ways = embeddings(small.dims as Dim[], large.dims as Dim[])
  const type = (v: TensorValue): string => printTensor(v.dtype, v.dims, v.alias)
  if (ways.length > 1) {
    report(ctx, ambiguousDimension(span, type(small), type(large)))
    return undefined
  }
  if (ways.length === 0) return differ(ctx, span, op, a, aSpan, b, bSpan, `${type(small)} does not line up with ${type(large)} by name`, [])
  const map = ways[0]!
  const dims = [...large.dims]
  for (let i = 0; i < map.length; i++) {
    const both = joined(large.dims[map[i]!] as Dim, small.dims[i] as Dim)
    if (!both) return disagree(ctx, span, a, small.dims[i] as Dim, b, large.dims[map[i]!] as Dim)
    dims[map[i]!] = both
  }
  return { dims, maps: aSmall ? [map, identity(large.dims.length)] : [identity(large.dims.length), map] }
}

const disagree = (ctx: Context, span: Span, a: TensorValue, x: Dim, b: TensorValue, y: Dim): undefined => {
  report(ctx, populationsDisagree(span, printPopulation(x.population!), printPopulation(y.population!), printTensor(a.dtype, a.dims, a.alias), printTensor(b.dtype, b.dims, b.alias), [x.became, y.became]))
  return undefined
}

const differ = (ctx: Context, span: Span, op: string, a: TensorValue, aSpan: Span, b: TensorValue, bSpan: Span, differences: string, unequal: readonly Dim[]): undefined => {
  const origins = new Map(unequal.flatMap((d) => { const made = madeHere(d); return made ? [[`${made.span.start} ${made.text}`, made] as const] : [] }))
  const notes = new Set([...bindingsOf(unequal.length > 0 ? unequal : a.dims), ...bindingsOf(unequal.length > 0 ? [] : b.dims)])
  const small = a.dims.length < b.dims.length ? a : b
  const large = small === a ? b : a
  const hint = a.dims.length === b.dims.length ? undefined : `line them up by hand: expand(x, axis=${Math.max(0, large.dims.length - 1)}) adds a dimension to ${printTensor(small.dtype, small.dims, small.alias)}`
  report(ctx, shapesDiffer(span, op, { span: aSpan, type: printTensor(a.dtype, a.dims, a.alias) }, { span: bSpan, type: printTensor(b.dtype, b.dims, b.alias) }, differences, [...notes], hint, [...origins.values()]))
  return undefined
}
