/**
 * Places taken four neighbours at a time: expressions of a place become expressions of a quad and a component, loads of
 * neighbours become one. What depends on the component is wide (`kernel.ts`).
 */
import { add, eachScalar, i32, mapScalar, mul, operands, type Scalar, type Var } from "../scalar/scalar.ts"
import { allRules, divisionByMultiple } from "../scalar/simplify-scalar.ts"
import { sizeOf } from "../schedule/inline.ts"
import { expressionOf, linearOf } from "../schedule/linear.ts"
import type { Reads } from "./bindings.ts"
import type { Target } from "./lower.ts"

/** Longer bodies keep a place a thread: drivers compile each component. */
const mostOperations = 160

const rules = [...allRules, divisionByMultiple]

type Buffer = Extract<Scalar, { op: "read" }>

export interface Quads {
  readonly quad: Var
  readonly component: Var
  /** The expressions given, of quad and component. */
  readonly roots: readonly Scalar[]
  /** Whether an expression depends on the component. */
  moves(e: Scalar): boolean
  /** 4 n + component as n: which four neighbours a place is one of. */
  of(at: Scalar): Scalar | undefined
}

/** `undefined` where the expressions do what is not done to wide values: draws stay with kernels whose threads take one place. */
export const inQuads = (given: readonly Scalar[], place: Var, reads: Reads): Quads | undefined => {
  if ((place.high + 1) % 4 !== 0 || !suits(given, reads)) return undefined
  const quad: Var = { op: "var", type: "i32", name: "q", low: 0, high: (place.high + 1) / 4 - 1 }
  const component: Var = { op: "var", type: "i32", name: "c", low: 0, high: 3 }
  const memo = new Map<Scalar, Scalar>([[place, add(mul(quad, i32(4)), component)]])
  const roots = reads.simplify(given.map((e) => mapScalar(e, (x) => x, memo)), rules)
  const moves = dependingOn((e) => e === component)
  return { quad, component, roots, moves, of: (at) => quadPlace(at, component, moves) }
}

export interface QuadValues {
  readonly values: readonly Scalar[]
  /** The target with its loads of four neighbours. */
  target<T extends Target>(plain: T): T
}

/** The values with their loads of neighbours made one; `undefined` where too few of them are. */
export const quadValues = (values: readonly Scalar[], { component, moves, of }: Quads, reads: Reads): QuadValues | undefined => {
  const replaced = new Map<Scalar, Buffer>()
  let operations = 0
  let scattered = 0
  let refused = false
  eachScalar(values, (e) => {
    operations++
    if (e.op !== "read" || !e.index.some(moves)) return
    const isBuffer = e.slot >= 0 && e.slot < reads.memorySlot
    const index = isBuffer && e.index.length === 1 && sizeOf(reads.nodes.get(e.slot)!.shape) % 4 === 0 ? of(e.index[0]!) : undefined
    if (index) replaced.set(e, { ...e, index: [index] })
    else if (!isBuffer) refused = true
    else scattered++
  })
  if (refused || operations > mostOperations || scattered > replaced.size + 1) return undefined
  const quads = new Set<Scalar>(replaced.values())
  const wide = dependingOn((e) => e === component || quads.has(e))
  const memo = new Map<Scalar, Scalar>(replaced)
  return {
    values: values.map((v) => mapScalar(v, (e) => e, memo)),
    target: (plain) => ({
      ...plain, wide,
      read: (e, index, emit) => (quads.has(e) ? { op: "quad", type: e.type, binding: reads.bindings.quads(reads.nodes.get(e.slot)!), index: index[0]! } : plain.read(e, index, emit)),
    }),
  }
}

const suits = (roots: readonly Scalar[], reads: Reads): boolean => {
  let fits = true
  eachScalar(roots, (e) => {
    if (e.op === "threefry") fits = false
    if (e.op === "read" && e.slot >= 0 && e.slot < reads.memorySlot && (reads.nodes.get(e.slot)!.prim === "draw" || e.index.length !== 1)) fits = false
  })
  return fits
}

/** Whether an expression is or contains one of which `test` holds. */
const dependingOn = (test: (e: Scalar) => boolean): ((e: Scalar) => boolean) => {
  const known = new Map<Scalar, boolean>()
  const depends = (e: Scalar): boolean => {
    const found = known.get(e) ?? (test(e) || operands(e).some(depends))
    known.set(e, found)
    return found
  }
  return depends
}

const quadPlace = (at: Scalar, component: Var, moves: (e: Scalar) => boolean): Scalar | undefined => {
  const { terms, constant } = linearOf(at)
  if (terms.get(component) !== 1 || constant % 4 !== 0) return undefined
  const rest = [...terms].filter(([x]) => x !== component)
  if (rest.some(([x, k]) => k % 4 !== 0 || moves(x))) return undefined
  return expressionOf({ terms: new Map(rest.map(([x, k]) => [x, k / 4])), constant: constant / 4 })
}
