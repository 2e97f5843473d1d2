/**
 * The inversion of index maps: given where each source of a loop nest writes, which sources reach a given place. It is
 * what turns the scatter that is the gradient of a gather into a gather again. Sums of multiples of variables, clamps,
 * remainders, choices and blocks (`i // k`, `i % k`) are solved; what is left over stays a loop, guarded by its equation.
 */
import { type Affine, affineOf } from "../scalar/affine.ts"
import { intervals, type RangeOf } from "../scalar/interval.ts"
import { add, and, bool, eq, ge, i32, idiv, le, max, min, mod, mul, not, or, select, sub, variable } from "../scalar/scalar.ts"
import type { Scalar, Var } from "../scalar/scalar.ts"
import { simplify } from "../scalar/simplify-scalar.ts"
import type { Shape } from "./primitive.ts"
import { operandsFirst } from "./scalar-order.ts"
import { substituteAll } from "./substitute.ts"

export interface Source {
  readonly vars: readonly Var[]
  readonly index: readonly Scalar[]
  readonly value: Scalar
}

export interface Inverse {
  /** What reaches the place: the sum over `loops` of `value` where all `guards` hold. Written over the place's variables and the loops. */
  readonly value: Scalar
  readonly guards: readonly Scalar[]
  readonly loops: readonly Var[]
  /** Dimensions of the place that decide nothing: only where they equal `at`, which depends on no loop, does anything arrive. */
  readonly placed: ReadonlyMap<number, Scalar>
}

type Binary = Extract<Scalar, { op: "binary" }>
const isBinary = <F extends Binary["fn"]>(e: Scalar, ...fns: readonly F[]): e is Binary & { readonly fn: F } => e.op === "binary" && fns.some((fn) => fn === e.fn)
const extentOf = (v: Var): number => v.high - v.low + 1
const linear = (e: Scalar): Affine => affineOf(e, linear)

/** Bound ones too: they are nobody's unknowns. */
const variablesIn = (e: Scalar): ReadonlySet<Var> => new Set(operandsFirst([e]).filter((x): x is Var => x.op === "var"))

/** Variables of which `// k` or `% k` is taken become k * block + rest, for the largest such k. */
const blocked = (source: Source): Source | undefined => {
  const steps = new Map<Var, number>()
  for (const e of operandsFirst(source.index)) {
    if (!isBinary(e, "idiv", "mod") || e.a.op !== "var" || e.b.op !== "const" || e.b.value < 2) continue
    if (source.vars.includes(e.a) && e.a.low === 0 && e.b.value < extentOf(e.a)) steps.set(e.a, Math.max(e.b.value, steps.get(e.a) ?? 0))
  }
  if (steps.size === 0) return undefined
  const values = new Map<Var, Scalar>()
  let inside: Scalar = bool(true)
  const vars = source.vars.flatMap((v) => {
    const step = steps.get(v)
    if (step === undefined) return [v]
    const [block, rest] = [variable(`${v.name}b`, Math.ceil(extentOf(v) / step)), variable(`${v.name}r`, step)]
    const whole = add(mul(block, i32(step)), rest)
    if (extentOf(v) % step !== 0) inside = and(inside, le(whole, i32(v.high)))
    // Reads stay within bounds where the last block is not full; what they give does not count there.
    values.set(v, extentOf(v) % step === 0 ? whole : min(whole, i32(v.high)))
    return [block, rest]
  })
  const [value, ...index] = substituteAll([source.value, ...source.index], values)
  return { vars, index, value: select(inside, value!, { op: "const", type: "f32", value: 0 }) }
}

interface Bound {
  readonly sum: Affine
  readonly low: number
  readonly high: number
}

/** low <= a - b <= high, which an integer comparison of a and b says. */
const boundOf = (condition: Scalar, truth: boolean): Bound | undefined => {
  if (!isBinary(condition, "lt", "le", "gt", "ge", "eq", "ne") || condition.a.type !== "i32") return undefined
  const opposite = { lt: "ge", le: "gt", gt: "le", ge: "lt", eq: "ne", ne: "eq" } as const
  const fn = truth ? condition.fn : opposite[condition.fn]
  if (fn === "ne") return undefined
  return { sum: linear(sub(condition.a, condition.b)), low: fn === "ge" || fn === "eq" ? 0 : fn === "gt" ? 1 : -Infinity, high: fn === "le" || fn === "eq" ? 0 : fn === "lt" ? -1 : Infinity }
}

/** Conditions and whether they hold. */
type Facts = ReadonlyMap<Scalar, boolean>
const nothing: Facts = new Map()
const both = (a: Facts, b: Facts): Facts => (a.size === 0 ? b : b.size === 0 ? a : new Map([...a, ...b]))
const either = (a: Facts, b: Facts): Facts => new Map([...a].filter(([condition, truth]) => b.get(condition) === truth))

const factsOf = (condition: Scalar, truth: boolean): Facts => {
  if (condition.op === "unary" && condition.fn === "not") return factsOf(condition.x, !truth)
  return isBinary(condition, truth ? "and" : "or") ? both(factsOf(condition.a, truth), factsOf(condition.b, truth)) : new Map([[condition, truth]])
}

/** Bounds on sums of variables that hold wherever the value is not 0: the conditions of the selects in it. */
const assumptions = (value: Scalar): readonly Bound[] => {
  // What holds where an expression is not 0; undefined for 0 itself.
  const known = new Map<Scalar, Facts | undefined>()
  for (const e of operandsFirst([value])) {
    const of = (x: Scalar): Facts | undefined => known.get(x)
    const join = (a: Facts | undefined, b: Facts | undefined): Facts | undefined => (a && b ? either(a, b) : a ?? b)
    const meet = (a: Facts | undefined, b: Facts | undefined): Facts | undefined => a && b && both(a, b)
    known.set(e, e.type !== "f32" ? nothing
      : e.op === "const" ? (e.value === 0 ? undefined : nothing)
      : e.op === "select" ? join(meet(factsOf(e.condition, true), of(e.then)), meet(factsOf(e.condition, false), of(e.else)))
      : isBinary(e, "mul") ? meet(of(e.a), of(e.b))
      : isBinary(e, "add", "sub") ? join(of(e.a), of(e.b))
      : isBinary(e, "div") ? of(e.a)
      : e.op === "unary" && e.fn === "neg" ? of(e.x)
      : nothing)
  }
  return [...(known.get(value) ?? nothing)].flatMap(([condition, truth]) => boundOf(condition, truth) ?? [])
}

/** The range of an i32 expression wherever the value counts. */
const boundsOf = (e: Scalar, range: RangeOf, known: readonly Bound[]): { low: number; high: number } => {
  const own = range(e)!
  let [low, high] = [own.low, own.high]
  const sum = linear(e)
  const [same, opposite] = [1, -1].map((sign) => (other: Affine): boolean => other.terms.size === sum.terms.size && [...sum.terms].every(([term, c]) => other.terms.get(term) === sign * c))
  for (const a of known) {
    // a.low <= e + shift <= a.high, or the same of -e
    if (same!(a.sum)) {
      const shift = a.sum.constant - sum.constant
      low = Math.max(low, a.low - shift)
      high = Math.min(high, a.high - shift)
    } else if (opposite!(a.sum)) {
      const shift = a.sum.constant + sum.constant
      low = Math.max(low, shift - a.high)
      high = Math.min(high, shift - a.low)
    }
  }
  return { low, high }
}

/** A variable, what it is where the equation holds, and under which guards; `loops` are new. */
interface Solution {
  readonly v: Var
  readonly value: Scalar
  readonly guards: readonly Scalar[]
  readonly loops: readonly Var[]
}

/** Longer overshoots and remainders are not looped over. */
const longestLoop = 64

interface Solver {
  readonly unsolved: ReadonlySet<Var>
  /** Whether a value may speak of `w` when `v` is being solved: not when w's solution speaks of v. */
  readonly mayUse: (v: Var, inside: ReadonlySet<Var>) => boolean
  readonly range: RangeOf
  readonly known: readonly Bound[]
}

/** Solves  e == target  for one variable. */
const solve = (e: Scalar, target: Scalar, solver: Solver): Solution | undefined => {
  const sum = linear(e)
  const inside = new Map([...sum.terms.keys()].map((term) => [term, variablesIn(term)]))
  const candidates = [...sum.terms].filter(([term]) => term.op === "var" && solver.unsolved.has(term) && [...inside].every(([other, vars]) => other === term || (!vars.has(term) && solver.mayUse(term, vars)))) as [Var, number][]
  const restOf = (without: Scalar): Scalar => {
    let rest: Scalar = i32(sum.constant)
    for (const [term, c] of sum.terms) if (term !== without) rest = add(rest, mul(term, i32(c)))
    return rest
  }
  // The longest variable is solved for, so that what is left to loop over is short.
  const [chosen] = candidates.sort(([a, c], [b, d]) => extentOf(b) - extentOf(a) || Math.abs(c) - Math.abs(d))
  if (chosen) {
    const [v, c] = chosen
    const difference = c > 0 ? sub(target, restOf(v)) : sub(restOf(v), target)
    const step = Math.abs(c)
    return { v, value: idiv(difference, i32(step)), guards: step === 1 ? [] : [eq(mod(difference, i32(step)), i32(0))], loops: [] }
  }
  // Otherwise exactly one part may hide an unsolved variable.
  const hiding = [...sum.terms].filter(([term]) => [...inside.get(term)!].some((v) => solver.unsolved.has(v)))
  if (hiding.length !== 1 || Math.abs(hiding[0]![1]) !== 1) return undefined
  const [part, sign] = hiding[0]!
  const wanted = sign > 0 ? sub(target, restOf(part)) : sub(restOf(part), target)
  return solvePart(part, wanted, solver)
}

const solvePart = (e: Scalar, target: Scalar, solver: Solver): Solution | undefined => {
  if (e.op === "select") {
    const [a, b] = [solve(e.then, target, solver), solve(e.else, target, solver)]
    if (!a || !b || a.v !== b.v || a.loops.length + b.loops.length > 0 || !solver.mayUse(a.v, variablesIn(e.condition)) || variablesIn(e.condition).has(a.v)) return undefined
    const all = (guards: readonly Scalar[]): Scalar => guards.reduce(and, bool(true))
    return { v: a.v, value: select(e.condition, a.value, b.value), guards: [select(e.condition, all(a.guards), all(b.guards))], loops: [] }
  }
  if (isBinary(e, "min", "max")) return solveClamp(e, target, solver)
  if (!isBinary(e, "mod", "idiv") || e.b.op !== "const" || e.b.value < 1) return undefined
  const k = e.b.value
  if (e.fn === "idiv") {
    if (k > longestLoop) return undefined
    const rest = variable("r", k)
    const inner = solve(e.a, add(mul(target, i32(k)), rest), solver)
    return inner && { ...inner, loops: [...inner.loops, rest] }
  }
  // (c + rest) % k == target with a step of 1 or -1: one value in each block of k.
  const sum = linear(e.a)
  const inner = solve(e.a, target, solver)
  if (!inner || inner.v.low !== 0 || inner.loops.length > 0 || Math.abs(sum.terms.get(inner.v) ?? 0) !== 1) return undefined
  const proper = and(ge(target, i32(0)), le(target, i32(k - 1)))
  const first = mod(inner.value, i32(k))
  const blocks = Math.ceil(extentOf(inner.v) / k)
  if (blocks === 1) return { ...inner, value: first, guards: [proper] }
  if (blocks > longestLoop) return undefined
  const block = variable("b", blocks)
  return { ...inner, value: add(first, mul(block, i32(k))), guards: [proper], loops: [block] }
}

/** min and max with constants: what overshoots arrives at the border. */
const solveClamp = (e: Binary, target: Scalar, solver: Solver): Solution | undefined => {
  let [low, high] = [-Infinity, Infinity]
  let inner: Scalar = e
  for (;;) {
    if (!isBinary(inner, "min", "max")) break
    const [x, k]: [Scalar, Scalar] = inner.b.op === "const" ? [inner.a, inner.b] : [inner.b, inner.a]
    if (k.op !== "const") return undefined
    // max(x, k) and min(x, k) from outside in; the outer one wins where both would hold.
    if (inner.fn === "max") low = Math.max(low, Math.min(k.value, high))
    else high = Math.min(high, Math.max(k.value, low))
    inner = x
  }
  const reach = boundsOf(inner, solver.range, solver.known)
  const [below, above] = [Math.min(0, reach.low - low), Math.max(0, reach.high - high)]
  const proper = [...(low > -Infinity ? [ge(target, i32(low))] : []), ...(high < Infinity ? [le(target, i32(high))] : [])]
  if (below === 0 && above === 0) {
    const plain = solve(inner, target, solver)
    return plain && { ...plain, guards: [...plain.guards, ...proper] }
  }
  if (above - below + 1 > longestLoop) return undefined
  const loop = variable("o", above - below + 1)
  const overshoot = add(loop, i32(below))
  const solved = solve(inner, add(target, overshoot), solver)
  if (!solved) return undefined
  const atBorder = or(eq(overshoot, i32(0)), or(
    low > -Infinity ? and(le(overshoot, i32(0)), eq(target, i32(low))) : bool(false), high < Infinity ? and(ge(overshoot, i32(0)), eq(target, i32(high))) : bool(false)))
  return { ...solved, guards: [...solved.guards, ...proper, atBorder], loops: [...solved.loops, loop] }
}

/**
 * The sources that reach the place `targets` (one variable for each dimension of `shape`). Always right; worth using
 * when the loops are few.
 */
export const inverted = (given: Source, targets: readonly Var[]): Inverse => {
  let source = given
  for (;;) {
    const [value, ...index] = simplify([source.value, ...source.index])
    source = { vars: source.vars, index, value: value! }
    const next = blocked(source)
    if (!next) break
    source = next
  }
  const unsolved = new Set(source.vars)
  const known = assumptions(source.value)
  const range = intervals(undefined)
  // What each solved variable speaks of, in the end.
  const speaksOf = new Map<Var, Set<Var>>()
  const transitive = (vars: Iterable<Var>): Set<Var> => new Set([...vars].flatMap((v) => [v, ...(speaksOf.get(v) ?? [])]))
  const mayUse = (v: Var, inside: ReadonlySet<Var>): boolean => !transitive(inside).has(v)
  const equations: { v: Var; value: Scalar; guards: readonly Scalar[] }[] = []
  const loops: Var[] = []
  let open = source.index.map((e, d) => ({ e, d }))
  const own = new Set<Var>(source.vars)
  const extents = (e: Scalar): number => [...variablesIn(e)].filter((v) => unsolved.has(v)).length
  for (let progress = true; progress; ) {
    progress = false
    // Simple equations first: they leave the others fewer unknowns.
    for (const { e, d } of [...open].sort((a, b) => extents(a.e) - extents(b.e) || a.d - b.d)) {
      const found = solve(e, targets[d]!, { unsolved, mayUse, range, known })
      if (!found) continue
      unsolved.delete(found.v)
      loops.push(...found.loops)
      const inside = transitive([found.value, ...found.guards].flatMap((x) => [...variablesIn(x)]))
      speaksOf.set(found.v, inside)
      for (const [, vars] of speaksOf) if (vars.has(found.v)) inside.forEach((v) => vars.add(v))
      equations.push(found)
      open = open.filter((other) => other.d !== d)
      progress = true
      break
    }
  }
  loops.push(...unsolved)
  // Values from the ones that speak of no other to the ones that do; each kept within its variable, so that reads are.
  const values = new Map<Var, Scalar>()
  const inRange: Scalar[] = []
  const left = [...equations]
  while (left.length > 0) {
    const ready = left.findIndex(({ value }) => [...variablesIn(value)].every((v) => !own.has(v) || values.has(v) || unsolved.has(v)))
    if (ready < 0) throw new Error("index equations were solved in a circle")
    const [{ v, value }] = left.splice(ready, 1) as [(typeof equations)[number]]
    const [raw] = simplify(substituteAll([value], values))
    const reach = range(raw!)!
    if (reach.low < v.low) inRange.push(ge(raw!, i32(v.low)))
    if (reach.high > v.high) inRange.push(le(raw!, i32(v.high)))
    values.set(v, max(min(raw!, i32(v.high)), i32(v.low)))
  }
  const guards = [...inRange, ...substituteAll(equations.flatMap((e) => e.guards), values)]
  const placed = new Map<number, Scalar>()
  for (const { e, d } of open) {
    const [at] = substituteAll([e], values)
    if ([...variablesIn(at!)].some((v) => loops.includes(v))) guards.push(eq(at!, targets[d]!))
    else placed.set(d, at!)
  }
  // Where something else speaks of a place's own variable, the dimension cannot be left out.
  const [value] = substituteAll([source.value], values)
  const used = new Set([value!, ...guards, ...placed.values()].flatMap((x) => [...variablesIn(x)]))
  for (const [d, at] of [...placed]) {
    if (!used.has(targets[d]!)) continue
    placed.delete(d)
    guards.push(eq(at, targets[d]!))
  }
  const [simpleValue, ...simpleGuards] = simplify([value!, ...guards])
  return { value: simpleValue!, guards: simpleGuards.filter((g) => !(g.op === "const" && g.value === 1)), loops, placed }
}

/** Sources that the inverse visits for all places, against those that there are. */
export const visits = ({ loops, placed }: Inverse, shape: Shape): number =>
  shape.reduce((n, extent, d) => (placed.has(d) ? n : n * extent), 1) * loops.reduce((n, v) => n * extentOf(v), 1)
