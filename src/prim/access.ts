/**
 * Access primitives: `tabulate` says what each element of its result is by reading its inputs at computed places;
 * `scatter_add` says where contributions go. Each is the other's gradient, unless the places can be solved for (`sum-of-sources.ts`).
 */
import { add, and, bool, eq, f32, ge, i32, le, max, min, read as readScalar, reduce, select, sub, variable } from "../scalar/scalar.ts"
import type { Scalar, ScalarType, Var } from "../scalar/scalar.ts"
import type { Build, Primitive, Shape, TensorType } from "./primitive.ts"
import { overLanes } from "./lane-variable.ts"
import { operandsFirst } from "./scalar-order.ts"
import { bools, floats, integers } from "./samples.ts"
import { contributions } from "./scalar-derivative.ts"
import type { Contribution } from "./scalar-derivative.ts"
import { boundVariables, freshVariable, substitute } from "./substitute.ts"
import { sumOfSources } from "./sum-of-sources.ts"

export interface TabulateAttrs {
  readonly vars: readonly Var[]
  /** The output dimension that runs over the bodies. */
  readonly lanes?: number
  readonly body: readonly Scalar[]
}

/** One loop nest of a scatter: for all `vars` in row-major order, add `value` to the element `index`. */
export interface ScatterTerm {
  readonly vars: readonly Var[]
  readonly index: readonly Scalar[]
  readonly value: Scalar
}
export interface ScatterAttrs {
  readonly shape: Shape
  readonly terms: readonly ScatterTerm[]
}

const extentOf = (v: Var): number => v.high - v.low + 1

/** Checks that reads fit the inputs and that every variable is bound; gives the sentence that says what does not. */
export const problemOfScalars = (roots: readonly Scalar[], vars: readonly Var[], inputs: readonly TensorType[]): string | undefined => {
  const known = new Set<Scalar>([...vars, ...boundVariables(roots)])
  for (const e of operandsFirst(roots)) {
    if (e.op === "var" && !known.has(e)) return `variable ${e.name} is not bound`
    if (e.op === "read") {
      const input = inputs[e.slot]
      if (!input) return `a read of input ${e.slot}, but there are ${inputs.length} inputs`
      if (e.index.length !== input.shape.length) return `a read of input ${e.slot} has ${e.index.length} indices for rank ${input.shape.length}`
      if (e.type !== input.dtype) return `input ${e.slot} is read as ${e.type} but is ${input.dtype}`
      const wrong = e.index.find((i) => i.type !== "i32")
      if (wrong) return `input ${e.slot} is read at an index of type ${wrong.type}`
    }
  }
  return undefined
}

/** Where along a tabulate's variables its lane index stands. */
const withLane = <T>(items: readonly T[], lanes: number | undefined, lane: T): T[] => (lanes === undefined ? [...items] : [...items.slice(0, lanes), lane, ...items.slice(lanes)])

type Wanted = readonly boolean[] | undefined

const termsBySlot = <V>(b: Build<V>, operandsAndCotangent: readonly V[], inputs: readonly V[], vars: readonly Var[], parts: readonly Contribution[], more: Map<number, ScatterTerm[]>, wanted: Wanted): void => {
  for (const part of parts) {
    const target = inputs[part.slot]
    if (target === undefined || wanted?.[part.slot] === false || b.typeOf(operandsAndCotangent[part.slot]!).dtype !== "f32") continue
    const list = more.get(part.slot) ?? []
    list.push({ vars: [...vars, ...part.vars], index: part.index, value: part.value })
    more.set(part.slot, list)
  }
}

/** What each input receives; `operands` are what the terms read, the inputs first. */
const receivedBy = <V>(b: Build<V>, inputs: readonly V[], operands: readonly V[], terms: ReadonlyMap<number, readonly ScatterTerm[]>): (V | undefined)[] =>
  inputs.map((x, slot) => {
    const own = terms.get(slot)
    return own ? sumOfSources(b, operands, b.typeOf(x).shape, own) : undefined
  })

/** A tabulate over `shape` whose body is made from its index; `read` reads an input. */
export const tabulateOf = <V>(b: Build<V>, inputs: readonly V[], shape: Shape, body: (index: readonly Var[], read: (slot: number, index: readonly Scalar[]) => Scalar) => Scalar): V => {
  const vars = shape.map((extent, d) => variable(`i${d}`, extent))
  return b.apply("tabulate", inputs, { vars, body: [body(vars, (slot, index) => readScalar(b.typeOf(inputs[slot]!).dtype, slot, index))] } satisfies TabulateAttrs)
}

const sampleVars = [variable("n", 2), variable("y", 3), variable("x", 4)] as const
const [n, y, x] = sampleVars
const taken = (slot: number, ...index: Scalar[]): Scalar => readScalar("f32", slot, index)
const times = (a: Scalar, b: Scalar): Scalar => ({ op: "binary", type: a.type, fn: "mul", a, b })
const along = variable("k", 4)
const squared = taken(0, n, y, along)
const tabulateSamples: Primitive<TabulateAttrs>["samples"] = [
  // transposed, scaled by a value per sample
  { inputs: [floats([2, 4, 3]), floats([2])], attrs: { vars: sampleVars, body: [times(taken(0, n, x, y), taken(1, n))] } },
  // mirrored, two lanes, the second smooth in the first element of the row
  { inputs: [floats([2, 3, 4])], attrs: { vars: sampleVars, lanes: 1, body: [taken(0, n, y, sub(i32(3), x)), times({ op: "unary", type: "f32", fn: "sin", x: taken(0, n, y, i32(0)) }, taken(0, n, y, x))] } },
  // rows picked by an integer input, chosen by a truth value
  { inputs: [floats([2, 3, 4]), { ...integers([2, 3], 0, 2) }, bools([2])], attrs: { vars: sampleVars, body: [
    select({ op: "read", type: "bool", slot: 2, index: [n], range: undefined }, taken(0, n, { op: "read", type: "i32", slot: 1, index: [n, y], range: [0, 2] }, x), times(taken(0, n, y, x), taken(0, n, y, x)))] } },
  // a reduction inside the body: x minus the sum of squares of its row
  { inputs: [floats([2, 3, 4])], attrs: { vars: sampleVars, body: [sub(taken(0, n, y, x), reduce("sum", [along], times(squared, squared)))] } },
  { inputs: [floats([2, 3, 4], 0.5, 2)], attrs: { vars: [n, y], body: [reduce("prod", [along], taken(0, n, y, along))] } },
  { inputs: [floats([2, 3, 4])], attrs: { vars: [n, y], body: [reduce("max", [along], taken(0, n, y, along))] } },
]

/** The largest (smallest) over some variables: equal ones share the cotangent. The result and their number are computed once, not for each. */
const extremeAdjoint = <V>(b: Build<V>, g: V, inputs: readonly V[], y: V, vars: readonly Var[], e: Scalar & { op: "reduce" }, wanted: Wanted): readonly (V | undefined)[] => {
  if (e.type !== "f32") return inputs.map(() => undefined)
  const best = readScalar("f32", inputs.length, vars)
  const count = b.apply("tabulate", [...inputs, y], { vars, body: [reduce("sum", e.vars, select(eq(e.body, best), f32(1), f32(0)))] } satisfies TabulateAttrs)
  const share = readScalar("f32", inputs.length + 1, vars)
  const over = e.vars.map(freshVariable)
  const body = substitute(e.body, new Map(e.vars.map((v, i) => [v, over[i]!])))
  const terms = new Map<number, ScatterTerm[]>()
  const operands = [...inputs, y, b.div(g, count)]
  termsBySlot(b, operands, inputs, [...vars, ...over], contributions(body, select(eq(body, best), share, f32(0))), terms, wanted)
  return receivedBy(b, inputs, operands, terms)
}

const tabulate: Primitive<TabulateAttrs> = {
  name: "tabulate", kind: "access", doc: "Each element by an expression of its index that may read the inputs anywhere.",
  infer: (inputs, { vars, lanes, body }) => {
    if (body.length === 0 || (lanes === undefined && body.length !== 1)) return `tabulate without lanes has one body, not ${body.length}`
    if (body.some((e) => e.type !== body[0]!.type)) return "the lanes of a tabulate have one type"
    if (vars.some((v) => v.low !== 0)) return "a tabulate's variables count from 0"
    if (lanes !== undefined && (lanes < 0 || lanes > vars.length)) return `tabulate has no dimension ${lanes} for its lanes`
    return problemOfScalars(body, vars, inputs) ?? { dtype: body[0]!.type, shape: withLane(vars.map(extentOf), lanes, body.length) }
  },
  element: (index, _inputs, { vars, lanes, body }, read) => {
    const values = new Map<Var, Scalar>(vars.map((v, d) => [v, index[lanes === undefined || d < lanes ? d : d + 1]!]))
    const at = (e: Scalar): Scalar => substitute(e, values, (slot, place) => read(slot, place))
    const lane = lanes === undefined ? i32(0) : index[lanes]!
    if (lane.op === "const") return at(body[lane.value]!)
    let result = at(body[body.length - 1]!)
    for (let k = body.length - 2; k >= 0; k--) result = select(eq(lane, i32(k)), at(body[k]!), result)
    return result
  },
  vjp: (b, g, inputs, y, { vars, lanes, body }, wanted) => {
    const terms = new Map<number, ScatterTerm[]>()
    const operands = [...inputs, g]
    const parts = (e: Scalar, lane: Scalar): readonly Contribution[] => contributions(e, readScalar("f32", inputs.length, withLane<Scalar>(vars, lanes, lane)))
    const whole = lanes === undefined ? undefined : overLanes(body)
    const together = whole && parts(whole.body, whole.lane)
    // An input of which lanes only move their own component has one loop nest; where they mix, each is written out.
    const mixes = new Set(together?.filter((part) => !operandsFirst(part.index).includes(whole!.lane)).map((part) => part.slot))
    const moved = (part: Contribution): boolean => together !== undefined && !mixes.has(part.slot)
    if (together) termsBySlot(b, operands, inputs, [...vars, whole!.lane], together.filter(moved), terms, wanted)
    if (lanes === undefined && body[0]!.op === "reduce" && (body[0]!.combine === "max" || body[0]!.combine === "min")) return extremeAdjoint(b, g, inputs, y, vars, body[0]!, wanted)
    if (!together?.every(moved)) body.forEach((e, k) => termsBySlot(b, operands, inputs, vars, parts(e, i32(k)).filter((part) => !moved(part)), terms, wanted))
    return receivedBy(b, inputs, operands, terms)
  },
  samples: tabulateSamples,
}

/** If `e` is `v + c` or `c - v` for one of the variables: the variable, and its value where `e` equals `target`. */
const solved = (e: Scalar, vars: ReadonlySet<Var>, target: Scalar): { v: Var; value: Scalar } | undefined => {
  const own = (s: Scalar): Var | undefined => (s.op === "var" && vars.has(s) ? s : undefined)
  const direct = own(e)
  if (direct) return { v: direct, value: target }
  if (e.op !== "binary" || (e.fn !== "add" && e.fn !== "sub")) return undefined
  const [left, right] = [own(e.a), own(e.b)]
  if (left && e.b.op === "const") return { v: left, value: e.fn === "add" ? sub(target, e.b) : add(target, e.b) }
  if (right && e.a.op === "const") return { v: right, value: e.fn === "add" ? sub(target, e.a) : sub(e.a, target) }
  return undefined
}

/** The sum of all that one loop nest adds to the element `at`: a gather over the sources that can reach it. */
const gathered = (term: ScatterTerm, at: readonly Scalar[], shape: Shape, read: (slot: number, index: readonly Scalar[]) => Scalar): Scalar => {
  const free = new Set(term.vars)
  const values = new Map<Var, Scalar>()
  let reached: Scalar = bool(true)
  const rest: number[] = []
  term.index.forEach((e, d) => {
    const found = solved(e, free, at[d]!)
    if (!found) {
      rest.push(d)
      return
    }
    free.delete(found.v)
    const { low, high } = found.v
    const whole = e.op === "var" && low === 0 && high === shape[d]! - 1
    if (!whole) reached = and(reached, and(ge(found.value, i32(low)), le(found.value, i32(high))))
    values.set(found.v, whole ? found.value : max(i32(low), min(found.value, i32(high))))
  })
  const loops = [...free].map((v) => {
    const fresh = freshVariable(v)
    values.set(v, fresh)
    return fresh
  })
  for (const d of rest) reached = and(reached, eq(substitute(term.index[d]!, values, read), at[d]!))
  const body = select(reached, substitute(term.value, values, read), f32(0))
  return loops.length === 0 ? body : reduce("sum", loops, body)
}

const scatterSamples: Primitive<ScatterAttrs>["samples"] = [
  // the row of each source is an integer input: several may fall on one
  { inputs: [floats([2, 3]), integers([2], 0, 1)], attrs: { shape: [2, 3], terms: [{ vars: [n, y], index: [{ op: "read", type: "i32", slot: 1, index: [n], range: [0, 1] }, y], value: times(taken(0, n, y), taken(0, n, y)) }] } },
  { inputs: [floats([2, 3, 4]), floats([2])], attrs: { shape: [6], terms: [
    { vars: sampleVars, index: [add(x, i32(1))], value: times(taken(0, n, y, x), taken(1, n)) },
    { vars: [n, y], index: [sub(i32(4), y)], value: taken(0, n, y, i32(2)) }] } },
]

const scatterAdd: Primitive<ScatterAttrs> = {
  name: "scatter_add", kind: "access", doc: "Sums contributions at computed places, in row-major order of their sources; nothing arrives at the others, which are 0.",
  infer: (inputs, { shape, terms }) => {
    for (const { vars, index, value } of terms) {
      if (index.length !== shape.length) return `scatter_add has ${index.length} indices for rank ${shape.length}`
      if (value.type !== "f32") return `scatter_add sums f32, not ${value.type as ScalarType}`
      if (index.some((e) => e.type !== "i32")) return "scatter_add's places are i32"
      const problem = problemOfScalars([...index, value], vars, inputs)
      if (problem) return problem
    }
    return { dtype: "f32", shape }
  },
  element: (index, _inputs, { shape, terms }, read) => terms.map((term) => gathered(term, index, shape, read)).reduce((a, b) => add(a, b), f32(0)),
  scatter: ({ terms }) => terms,
  vjp: (b, g, inputs, _y, { terms }, wanted) => {
    const more = new Map<number, ScatterTerm[]>()
    for (const { vars, index, value } of terms) termsBySlot(b, [...inputs, g], inputs, vars, contributions(value, readScalar("f32", inputs.length, index)), more, wanted)
    return receivedBy(b, inputs, [...inputs, g], more)
  },
  samples: scatterSamples,
}

export const access = { tabulate, scatter_add: scatterAdd }
