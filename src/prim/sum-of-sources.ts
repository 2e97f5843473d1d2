/**
 * The tensor that loop nests add up to: a gather where the nests' index maps can be inverted and few sources reach each
 * place (the adjoints of shifts, flips, windows, blocks, repetitions), a `scatter_add` of the rest.
 */
import { add, and, bool, eq, f32, i32, mapScalar, read as readScalar, select, variable } from "../scalar/scalar.ts"
import type { Scalar, Var } from "../scalar/scalar.ts"
import { simplify } from "../scalar/simplify-scalar.ts"
import { canonical } from "../scalar/intern.ts"
import { inverted, visits, type Inverse, type Source } from "./invert-index.ts"
import type { Build, Shape } from "./primitive.ts"
import { operandsFirst } from "./scalar-order.ts"
import { elementCount } from "./shape.ts"
import { substituteAll } from "./substitute.ts"

/** A gather may visit so many sources for each one that there is, or for each place. */
const mostVisits = 64

/** Up to so many components of a place are written out. */
const mostLanes = 4

const extentOf = (v: Var): number => v.high - v.low + 1
const all = (conditions: readonly Scalar[]): Scalar => conditions.reduce(and, bool(true))
const zero = f32(0)

/** Only the inputs that the expressions read, and the expressions with their slots numbered anew. */
const compact = <V>(inputs: readonly V[], roots: readonly Scalar[]): { inputs: V[]; roots: Scalar[] } => {
  const slots = [...new Set(operandsFirst(roots).flatMap((e) => (e.op === "read" ? [e.slot] : [])))].sort((a, b) => a - b)
  const memo = new Map<Scalar, Scalar>()
  return { inputs: slots.map((slot) => inputs[slot]!), roots: roots.map((root) => mapScalar(root, (e) => (e.op === "read" ? { ...e, slot: slots.indexOf(e.slot) } : e), memo)) }
}

/** The sum of the parts, each simplified, without those that are 0. */
const simpleSum = (parts: readonly Scalar[]): Scalar => {
  const left = simplify(parts).filter((e) => !(e.op === "const" && e.value === 0))
  return left.length === 0 ? zero : left.reduce(add)
}

/** The tabulate of the sum of `parts` over `vars`, summed over the last `summed` of them; a movement or a sum where that says the same. */
const gather = <V>(b: Build<V>, inputs: readonly V[], vars: readonly Var[], summed: number, parts: readonly Scalar[], lanes?: number): V => {
  const kept = vars.length - summed
  if (lanes !== undefined) {
    const components = Array.from({ length: extentOf(vars[lanes]!) }, (_, k) => simpleSum(substituteAll(parts, new Map([[vars[lanes]!, i32(k)]]))))
    const used = compact(inputs, canonical(components))
    return b.apply("tabulate", used.inputs, { vars: vars.filter((_, d) => d !== lanes), lanes, body: used.roots })
  }
  const [simple] = canonical([simpleSum(parts)]) as [Scalar]
  if (simple.op === "read") {
    const source = inputs[simple.slot]!
    const { shape } = b.typeOf(source)
    const axisOf = vars.map((v) => simple.index.indexOf(v))
    if (shape.length === vars.length && axisOf.every((axis, i) => axis >= 0 && shape[axis] === extentOf(vars[i]!))) {
      const axes = axisOf.slice(kept).sort((p, q) => p - q)
      const rest = shape.map((_, d) => d).filter((d) => !axes.includes(d))
      const total = axes.length === 0 ? source : b.apply("sum", [source], { axes })
      const perm = axisOf.slice(0, kept).map((axis) => rest.indexOf(axis))
      return perm.every((d, i) => d === i) ? total : b.apply("permute", [total], { perm })
    }
  }
  const used = compact(inputs, [simple])
  const table = b.apply("tabulate", used.inputs, { vars, body: used.roots })
  return summed === 0 ? table : b.apply("sum", [table], { axes: vars.slice(kept).map((_, i) => kept + i) })
}

const worthGathering = (inverse: Inverse, source: Source, shape: Shape): boolean =>
  inverse.loops.every((v) => v.low === 0) && visits(inverse, shape) <= mostVisits * Math.max(elementCount(shape), source.vars.reduce((n, v) => n * extentOf(v), 1))

/** Adds `value` at `index` for all `vars` of every source to zeros of `shape`; reads number `inputs`. */
export const sumOfSources = <V>(b: Build<V>, inputs: readonly V[], shape: Shape, sources: readonly Source[]): V => {
  const places = shape.map((extent, d) => variable(`j${d}`, extent))
  const parts: V[] = []
  const here: Scalar[] = []
  const scattered: Source[] = []
  // Where single components (colours) are meant, each place has an expression of its own.
  let laneAxis: number | undefined
  for (const source of sources) {
    const inverse = inverted(source, places)
    if (!worthGathering(inverse, source, shape)) {
      scattered.push(source)
      continue
    }
    const { value, guards, loops, placed } = inverse
    for (const [d, at] of placed) if (at.op === "const" && shape[d]! <= mostLanes) laneAxis = d
    const arrives = all([...placed].map(([d, at]) => eq(at, places[d]!)))
    if (loops.length === 0) {
      here.push(select(all([arrives, ...guards]), value, zero))
      continue
    }
    const deciding = places.filter((_, d) => !placed.has(d))
    const total = gather(b, inputs, [...deciding, ...loops], loops.length, [select(all(guards), value, zero)])
    if (placed.size === 0) parts.push(total)
    else parts.push(gather(b, [...inputs, total], places, 0, [select(arrives, readScalar("f32", inputs.length, deciding), zero)]))
  }
  if (here.length > 0) parts.unshift(gather(b, inputs, places, 0, here, laneAxis))
  if (scattered.length > 0) {
    const used = compact(inputs, scattered.flatMap((s) => [s.value, ...s.index]))
    let next = 0
    const terms = scattered.map((s) => ({ vars: s.vars, value: used.roots[next++]!, index: s.index.map(() => used.roots[next++]!) }))
    parts.push(b.apply("scatter_add", used.inputs, { shape, terms }))
  }
  return parts.reduce((x, y) => b.add(x, y))
}
