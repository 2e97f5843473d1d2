/**
 * The one contraction: a sum of products over a loop nest in which both operands are read at affine places. Matrix
 * products, convolutions of any rank and their adjoints are instances (`einsum.ts`, `convolution.ts`).
 *
 * An operand's dimension is read at (sum of step * loop + offset) / divide; where that is no integer or lies outside
 * the operand, the term is 0. Guards add conditions of the same form. The gradient with respect to either operand is
 * again such a nest (`adjoint`), for every access and to any order.
 */
import { add, and, bool, eq, f32, ge, i32, idiv, lt, max, min, mod, mul, reduce, select, sub, variable } from "../scalar/scalar.ts"
import type { Scalar } from "../scalar/scalar.ts"
import type { Primitive, Shape } from "./primitive.ts"
import { floats } from "./samples.ts"
import { elementCount, typeText } from "./shape.ts"

/** (sum of step * loop + offset) / divide; loops are numbered the output's first, then the summed ones. */
export interface Affine {
  readonly terms: readonly { readonly loop: number; readonly step: number }[]
  readonly offset: number
  readonly divide: number
}
/** One place per dimension of an operand. */
export type AffineAccess = readonly Affine[]
/** The term counts only where the value is an integer in [0, extent). */
export interface Guard extends Affine { readonly extent: number }

export interface ContractAttrs {
  readonly out: readonly number[]
  readonly over: readonly number[]
  readonly left: AffineAccess
  readonly right: AffineAccess
  readonly guards?: readonly Guard[]
  /** The result's shape where loops divide its dimensions (a dimension of 8 as loops of 4 and 2); its elements lie in the order of `out`. */
  readonly shape?: Shape
}

export const loopAccess = (loop: number): Affine => ({ terms: [{ loop, step: 1 }], offset: 0, divide: 1 })

/** A loop's own value, nothing else. */
export const plainLoop = (a: Affine): number | undefined => (a.terms.length === 1 && a.terms[0]!.step === 1 && a.offset === 0 && a.divide === 1 ? a.terms[0]!.loop : undefined)

/** The place as a scalar within [0, extent), and the condition under which it is meant. */
export const placeOf = (a: Affine, extent: number, loops: readonly Scalar[], extents: readonly number[]): { index: Scalar; inside: Scalar } => {
  let [sum, low, high]: [Scalar, number, number] = [i32(0), a.offset, a.offset]
  for (const { loop, step } of a.terms) {
    const reach = step * (extents[loop]! - 1)
    low += Math.min(0, reach)
    high += Math.max(0, reach)
    sum = step < 0 ? sub(sum, mul(loops[loop]!, i32(-step))) : add(sum, mul(loops[loop]!, i32(step)))
  }
  sum = a.offset < 0 ? sub(sum, i32(-a.offset)) : add(sum, i32(a.offset))
  let inside: Scalar = bool(true)
  if (a.divide !== 1 && !a.terms.every(({ step }) => step % a.divide === 0)) inside = and(inside, eq(mod(sum, i32(a.divide)), i32(0)))
  else if (a.offset % a.divide !== 0) inside = bool(false)
  let index = idiv(sum, i32(a.divide))
  if (low < 0) {
    inside = and(inside, ge(sum, i32(0)))
    index = max(index, i32(0))
  }
  if (Math.floor(high / a.divide) >= extent) {
    inside = and(inside, lt(index, i32(extent)))
    index = min(index, i32(extent - 1))
  }
  return { index, inside }
}

/** Exact sums of multiples of loops over a common divisor, while solving for one of them. */
export interface Linear {
  readonly coefficients: ReadonlyMap<number, number>
  readonly offset: number
  readonly divide: number
}
const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b))
const normal = (coefficients: ReadonlyMap<number, number>, offset: number, divide: number): Linear => {
  let common = gcd(offset, divide)
  coefficients.forEach((c) => (common = gcd(c, common)))
  const scale = divide < 0 ? -common : common
  return { coefficients: new Map([...coefficients].filter(([, c]) => c !== 0).map(([loop, c]) => [loop, c / scale])), offset: offset / scale, divide: divide / scale }
}
export const linear = (a: Affine): Linear => {
  const coefficients = new Map<number, number>()
  for (const { loop, step } of a.terms) coefficients.set(loop, (coefficients.get(loop) ?? 0) + step)
  return normal(coefficients, a.offset, a.divide)
}
/** (a + c v) / d with v = e / k  is  (k a + c e) / (d k). */
export const replaceLoop = (x: Linear, loop: number, by: Linear): Linear => {
  const c = x.coefficients.get(loop)
  if (c === undefined) return x
  const coefficients = new Map([...x.coefficients].filter(([l]) => l !== loop).map(([l, v]) => [l, v * by.divide]))
  for (const [l, v] of by.coefficients) coefficients.set(l, (coefficients.get(l) ?? 0) + c * v)
  return normal(coefficients, x.offset * by.divide + c * by.offset, x.divide * by.divide)
}

/**
 * The gradient with respect to the operand read at `target` (of `shape`): its dimensions become the output loops. Each
 * gives the equation  place = dimension,  which is solved for the longest loop in it; the loops left are summed over.
 * The operands of the result are the cotangent and the other operand (read at `other`).
 */
export const adjoint = ({ out, over, guards = [] }: ContractAttrs, target: AffineAccess, other: AffineAccess, otherShape: Shape, shape: Shape): ContractAttrs => {
  const extents = [...out, ...over]
  // Dimension d of the target is called ~d until the loops are numbered anew.
  const solution = new Map<number, Linear>()
  const conditions: { readonly value: Linear; readonly extent: number }[] = []
  const resolve = (x: Linear): Linear => [...x.coefficients.keys()].reduce((y, loop) => (solution.has(loop) ? replaceLoop(y, loop, solution.get(loop)!) : y), x)
  const simplestFirst = target.map((place, d) => ({ place, d })).sort((a, b) => a.place.terms.length - b.place.terms.length || a.d - b.d)
  for (const { place, d } of simplestFirst) {
    const known = resolve(linear(place))
    const unknown = [...known.coefficients.keys()].filter((loop) => loop >= 0)
    const chosen = unknown.sort((a, b) => extents[b]! - extents[a]! || Math.abs(known.coefficients.get(a)!) - Math.abs(known.coefficients.get(b)!) || a - b)[0]
    if (chosen === undefined) {
      // No loop left: the dimension's index is decided by others, so it must be equal to what they give.
      const difference = new Map(known.coefficients)
      difference.set(~d, (difference.get(~d) ?? 0) - known.divide)
      conditions.push({ value: normal(difference, known.offset, known.divide), extent: 1 })
      continue
    }
    // divide * dimension - offset - the rest = step * chosen
    const step = known.coefficients.get(chosen)!
    const rest = new Map([...known.coefficients].filter(([loop]) => loop !== chosen).map(([loop, c]) => [loop, -c]))
    rest.set(~d, (rest.get(~d) ?? 0) + known.divide)
    const value = normal(rest, -known.offset, step)
    for (const [loop, earlier] of solution) solution.set(loop, replaceLoop(earlier, chosen, value))
    solution.set(chosen, value)
  }
  // A solved loop must be an integer within its extent. The cotangent is read at every output loop and checks those.
  const checked = new Set<number>(out.map((_, loop) => loop))
  other.forEach((place, d) => {
    const loop = plainLoop(place)
    if (loop !== undefined && otherShape[d] === extents[loop]) checked.add(loop)
  })
  for (const [loop, value] of solution) if (!checked.has(loop)) conditions.push({ value, extent: extents[loop]! })
  for (const guard of guards) conditions.push({ value: resolve(linear(guard)), extent: guard.extent })
  const left = extents.map((_, loop) => loop).filter((loop) => !solution.has(loop))
  const renumber = (x: Linear): Affine => ({
    terms: [...x.coefficients].map(([loop, step]) => ({ loop: loop < 0 ? ~loop : shape.length + left.indexOf(loop), step })).sort((a, b) => a.loop - b.loop),
    offset: x.offset, divide: x.divide,
  })
  const whole = conditions.map(({ value, extent }): Guard => ({ ...renumber(value), extent })).filter((guard) => {
    const loop = plainLoop(guard)
    return loop === undefined || guard.extent < (loop < shape.length ? shape[loop]! : extents[left[loop - shape.length]!]!)
  })
  return {
    out: shape, over: left.map((loop) => extents[loop]!),
    left: out.map((_, loop) => renumber(resolve(linear(loopAccess(loop))))),
    right: other.map((place) => renumber(resolve(linear(place)))),
    ...(whole.length > 0 ? { guards: whole } : {}),
  }
}

/** The output's loops at a place of its shape. */
const loopsOf = (index: readonly Scalar[], shape: Shape, out: readonly number[]): Scalar[] => {
  const place = index.reduce<Scalar>((sum, x, d) => add(mul(sum, i32(shape[d]!)), x), i32(0))
  return out.map((extent, l) => mod(idiv(place, i32(elementCount(out.slice(l + 1)))), i32(extent)))
}

const problemOfAccess = (name: string, access: AffineAccess, rank: number, loops: number): string | undefined => {
  if (access.length !== rank) return `contract reads its ${name} operand with ${access.length} places for rank ${rank}`
  const bad = access.find((a) => !Number.isInteger(a.offset) || !Number.isInteger(a.divide) || a.divide < 1 || a.terms.some((t) => t.loop < 0 || t.loop >= loops || !Number.isInteger(t.step)))
  return bad ? `contract's ${name} operand is read at a place that is no affine form of its ${loops} loops` : undefined
}

const plain = (...loops: number[]): AffineAccess => loops.map(loopAccess)
const convolved = (o: number, k: number, stride: number, dilation: number, pad: number): Affine => ({ terms: [{ loop: o, step: stride }, { loop: k, step: dilation }], offset: -pad, divide: 1 })

const contract: Primitive<ContractAttrs> = {
  name: "contract", kind: "contraction", doc: "A sum of products of two operands over a loop nest: einsum, convolution and their gradients.",
  infer: (inputs, { out, over, left, right, guards = [], shape = out }) => {
    const [a, b] = inputs
    if (!a || !b || inputs.length !== 2) return `contract takes 2 operands, not ${inputs.length}`
    if (a.dtype !== "f32" || b.dtype !== "f32") return `contract takes f32, not ${typeText(a)} and ${typeText(b)}`
    const loops = out.length + over.length
    if (elementCount(shape) !== elementCount(out)) return `contract has ${elementCount(out)} sums for a result of ${elementCount(shape)} elements`
    return problemOfAccess("left", left, a.shape.length, loops) ?? problemOfAccess("right", right, b.shape.length, loops) ??
      problemOfAccess("guard", guards, guards.length, loops) ?? { dtype: "f32", shape }
  },
  element: (index, [a, b], { out, over, left, right, guards = [], shape }, read) => {
    if (over.includes(0) || elementCount(a!.shape) === 0 || elementCount(b!.shape) === 0) return f32(0)
    const vars = over.map((extent, i) => variable(`k${i}`, extent))
    const [loops, extents] = [[...(shape ? loopsOf(index, shape, out) : index), ...vars], [...out, ...over]]
    const place = (access: AffineAccess, shape: Shape) => access.map((p, d) => placeOf(p, shape[d]!, loops, extents))
    const [leftPlaces, rightPlaces] = [place(left, a!.shape), place(right, b!.shape)]
    const conditions = [...guards.map((guard) => placeOf(guard, guard.extent, loops, extents)), ...leftPlaces, ...rightPlaces]
    const inside = conditions.map((p) => p.inside).reduce((p, q) => and(p, q), bool(true))
    const product = mul(read(0, leftPlaces.map((p) => p.index)), read(1, rightPlaces.map((p) => p.index)))
    const term = select(inside, product, f32(0))
    return vars.length === 0 ? term : reduce("sum", vars, term)
  },
  vjp: (b, g, [x, y], _output, attrs, wanted) => {
    const [left, right] = [b.typeOf(x!).shape, b.typeOf(y!).shape]
    return [
      wanted?.[0] === false ? undefined : b.apply("contract", [g, y!], adjoint(attrs, attrs.left, attrs.right, right, left)),
      wanted?.[1] === false ? undefined : b.apply("contract", [g, x!], adjoint(attrs, attrs.right, attrs.left, left, right)),
    ]
  },
  samples: [
    // matrix product; trace of a product (a diagonal); a sum over one operand alone; an outer product
    { inputs: [floats([3, 4]), floats([4, 2])], attrs: { out: [3, 2], over: [4], left: plain(0, 2), right: plain(2, 1) } },
    { inputs: [floats([3, 3]), floats([3])], attrs: { out: [], over: [3], left: plain(0, 0), right: plain(0) } },
    { inputs: [floats([3, 4]), floats([3])], attrs: { out: [3], over: [4], left: plain(0, 1), right: plain(0) } },
    { inputs: [floats([2]), floats([3])], attrs: { out: [2, 3], over: [], left: plain(0), right: plain(1) } },
    // convolution of rank 1: stride 2, dilation 2, padding 1
    { inputs: [floats([2, 2, 7]), floats([3, 2, 2])], attrs: { out: [2, 3, 4], over: [2, 2], left: [loopAccess(0), loopAccess(3), convolved(2, 4, 2, 2, 1)], right: plain(1, 3, 4) } },
    // its transpose: a divided place
    { inputs: [floats([2, 3, 4]), floats([3, 2])], attrs: { out: [2, 8], over: [3, 2], left: [loopAccess(0), loopAccess(2), { terms: [{ loop: 1, step: 1 }, { loop: 3, step: -1 }], offset: 1, divide: 2 }], right: plain(2, 3) } },
    // a summed loop that covers only part of an operand's dimension
    { inputs: [floats([5]), floats([8])], attrs: { out: [2], over: [3], left: plain(1), right: [{ terms: [{ loop: 0, step: 1 }, { loop: 1, step: 2 }], offset: 0, divide: 1 }] } },
    // a reversed place that meets the border, and a guard
    { inputs: [floats([5]), floats([3])], attrs: { out: [4], over: [3], left: [{ terms: [{ loop: 0, step: -1 }, { loop: 1, step: 2 }], offset: 1, divide: 1 }], right: plain(1), guards: [{ terms: [{ loop: 0, step: 1 }, { loop: 1, step: 1 }], offset: -1, divide: 2, extent: 2 }] } },
  ],
}

export const contraction = { contract }
