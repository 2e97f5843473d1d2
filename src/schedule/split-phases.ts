/**
 * Loop nests whose turns all count. Where an operand of stride s is read at a place that is divided by s (a transposed convolution), or a summed
 * loop runs over inputs of which only every s-th meets the kernel (the gradient of a strided convolution), the output's places fall into s phases,
 * each a dense sum over its own part of the kernel: y = s y' + r and k = s k' + (r + pad) mod s (sub-pixel convolution; Shi et al., 2016).
 */
import type { Graph, Node } from "../ir/graph.ts"
import { linear, loopAccess, plainLoop, replaceLoop, type Affine, type AffineAccess, type ContractAttrs, type Guard, type Linear } from "../prim/contraction.ts"
import { nodesOf, rebuilt } from "./rebuilt.ts"

type Shape = readonly number[]

/** A loop's value in terms of other loops, which are called by their new numbers. */
interface Substitution {
  readonly out: readonly number[]
  readonly over: readonly number[]
  /** By the old numbers. */
  readonly values: readonly Linear[]
  /** Loops whose new value may leave what they ran over, with what they ran over. */
  readonly bounded: ReadonlyMap<number, number>
}

const sum = (terms: Readonly<Record<number, number>>, offset = 0): Linear => ({ coefficients: new Map(Object.entries(terms).map(([l, c]) => [Number(l), c])), offset, divide: 1 })
const remainder = (a: number, b: number): number => ((a % b) + b) % b

const substituted = (attrs: ContractAttrs, shapes: readonly [Shape, Shape], result: Shape, { out, over, values, bounded }: Substitution): ContractAttrs => {
  // Old loops are called below zero while they are replaced by new ones.
  const place = (a: Affine): Affine => {
    const { coefficients, offset, divide } = linear(a)
    const before: Linear = { coefficients: new Map([...coefficients].map(([l, c]) => [~l, c])), offset, divide }
    const x = values.reduce((y, value, l) => replaceLoop(y, ~l, value), before)
    return { terms: [...x.coefficients].map(([loop, step]) => ({ loop, step })).sort((p, q) => p.loop - q.loop), offset: x.offset, divide: x.divide }
  }
  const accesses: readonly [AffineAccess, AffineAccess] = [attrs.left, attrs.right]
  // A place checks its operand's bounds.
  const checked = new Set(accesses.flatMap((access, side) => access.flatMap((a, d) => {
    const loop = plainLoop(a)
    return loop !== undefined && shapes[side]![d] === bounded.get(loop) ? [loop] : []
  })))
  const guards: Guard[] = [
    ...(attrs.guards ?? []).map((g) => ({ ...place(g), extent: g.extent })),
    ...[...bounded].filter(([loop]) => !checked.has(loop)).map(([loop, extent]) => ({ ...place(loopAccess(loop)), extent })),
  ]
  return { out, over, left: attrs.left.map(place), right: attrs.right.map(place), ...(guards.length > 0 ? { guards } : {}), shape: result }
}

/** Loops y (of the output) and k (summed over) of a place y - k + o that is divided by s, or a place y - s i + o of few values. */
const phased = (attrs: ContractAttrs, shapes: readonly [Shape, Shape]): Substitution | undefined => {
  const { out, over } = attrs
  const extents = [...out, ...over]
  for (const [side, access] of [attrs.left, attrs.right].entries()) for (const [d, a] of access.entries()) {
    if (a.terms.length !== 2) continue
    const y = a.terms.find((t) => t.loop >= 1 && t.loop < out.length && t.step === 1)
    const other = a.terms.find((t) => t.loop >= out.length && t.step < 0)
    if (!y || !other) continue
    const divided = a.divide > 1 && other.step === -1
    const sparse = a.divide === 1 && other.step < -1
    const s = divided ? a.divide : -other.step
    if ((!divided && !sparse) || extents[y.loop]! % s !== 0) continue
    const kernel = divided ? extents[other.loop]! : shapes[side]![d]!
    const taps = Math.ceil(kernel / s)
    const b = remainder(a.offset, s)
    // The first tap of each phase must be affine in the phase.
    if ((b !== 0 && s !== 2) || (sparse && taps >= extents[other.loop]!)) continue
    const at = (loop: number): number => loop + (loop > y.loop ? 1 : 0)
    const [whole, phase, tap] = [y.loop, y.loop + 1, at(other.loop)]
    const value = divided
      ? sum({ [tap]: s, [phase]: b === 0 ? 1 : -1 }, b === 0 ? 0 : 1)
      : sum({ [whole]: 1, [tap]: -1, ...(b === 0 ? {} : { [phase]: 1 }) }, (a.offset - b) / s)
    return {
      out: [...out.slice(0, y.loop), out[y.loop]! / s, s, ...out.slice(y.loop + 1)],
      over: over.map((extent, k) => (k + out.length === other.loop ? taps : extent)),
      values: extents.map((_, l) => (l === y.loop ? sum({ [whole]: s, [phase]: 1 }) : l === other.loop ? value : sum({ [at(l)]: 1 }))),
      bounded: new Map([[other.loop, extents[other.loop]!]]),
    }
  }
  return undefined
}

/** A summed loop y of a place (y - k + o) / s: the loop runs over the place instead, so that y = s i + k - o. */
const turned = (attrs: ContractAttrs, shapes: readonly [Shape, Shape]): Substitution | undefined => {
  const { out, over } = attrs
  const extents = [...out, ...over]
  for (const [side, access] of [attrs.left, attrs.right].entries()) for (const [d, a] of access.entries()) {
    const y = a.divide > 1 ? a.terms.find((t) => t.loop >= out.length && Math.abs(t.step) === 1 && shapes[side]![d]! <= Math.ceil(extents[t.loop]! / a.divide)) : undefined
    if (!y) continue
    const rest = Object.fromEntries(a.terms.filter((t) => t.loop !== y.loop).map((t) => [t.loop, -t.step * y.step]))
    return {
      out, over: over.map((extent, k) => (k + out.length === y.loop ? shapes[side]![d]! : extent)),
      values: extents.map((_, l) => (l === y.loop ? sum({ ...rest, [l]: a.divide * y.step }, -a.offset * y.step) : sum({ [l]: 1 }))),
      bounded: new Map([[y.loop, extents[y.loop]!]]),
    }
  }
  return undefined
}

/** The same sums without turns that count for nothing, as far as this is known of `attrs`. */
export const dense = (attrs: ContractAttrs, shapes: readonly [Shape, Shape]): ContractAttrs => {
  const result = attrs.shape ?? attrs.out
  for (let now = attrs; ;) {
    const step = phased(now, shapes) ?? turned(now, shapes)
    if (!step) return now
    now = substituted(now, shapes, result, step)
  }
}

export const splitPhases = (graph: Graph): Graph => {
  const denseOf = (node: Node): object => (node.prim === "contract" ? dense(node.attrs as ContractAttrs, [node.inputs[0]!.shape, node.inputs[1]!.shape]) : (node.attrs as object))
  if (!nodesOf(graph).some((n) => denseOf(n) !== n.attrs)) return graph
  return rebuilt(graph, (node, inputs, fresh) => {
    const attrs = denseOf(node)
    return attrs === node.attrs ? undefined : { ...node, id: fresh(), inputs, attrs }
  })
}
