/**
 * Places taken four neighbours at a time: expressions of a place become expressions of a quad and a component, loads of
 * neighbours become one. What depends on the component is wide (`kernel.ts`).
 */
import { canonical } from "../scalar/intern.ts"
import { add, i32, mapScalar, mul, operands, type Scalar, type Var } from "../scalar/scalar.ts"
import { allRules, divisionByMultiple, simplify } from "../scalar/simplify-scalar.ts"
import { sizeOf } from "../schedule/inline.ts"
import { expressionOf, linearOf } from "../schedule/linear.ts"
import { eachScalar } from "../schedule/resolve.ts"
import type { Reads } from "./bindings.ts"
import { local, use, type Expr } from "./kernel.ts"
import type { Block, Lowerer } from "./lower.ts"

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

/** `undefined` where the expressions do what is not done to wide values: draws and sums stay with kernels whose threads take one place. */
export const inQuads = (given: readonly Scalar[], place: Var, reads: Reads): Quads | undefined => {
  if ((place.high + 1) % 4 !== 0 || !suits(given, reads)) return undefined
  const quad: Var = { op: "var", type: "i32", name: "q", low: 0, high: (place.high + 1) / 4 - 1 }
  const component: Var = { op: "var", type: "i32", name: "c", low: 0, high: 3 }
  const memo = new Map<Scalar, Scalar>([[place, add(mul(quad, i32(4)), component)]])
  const roots = canonical(simplify(given.map((e) => mapScalar(e, (x) => x, memo)), undefined, undefined, rules))
  const moves = movingWith(component)
  return { quad, component, roots, moves, of: (at) => quadPlace(at, component, moves) }
}

export interface QuadLoads {
  readonly values: readonly Scalar[]
  /** Stand for what is loaded: variables of the loop that the loads are in. */
  readonly words: readonly Var[]
  /** Where the four are loaded from. */
  readonly indices: readonly Scalar[]
  /** Emits the loads. */
  load(lowerer: Lowerer, into: Block): void
}

/** The values with their loads of neighbours taken out; `undefined` where too little of them is. */
export const quadLoads = (values: readonly Scalar[], { moves, of }: Quads, reads: Reads): QuadLoads | undefined => {
  const quads = new Map<Buffer, { readonly index: Scalar; readonly word: Var }>()
  let operations = 0
  let scattered = 0
  let refused = false
  eachScalar(values, (e) => {
    operations++
    if (e.op !== "read" || !e.index.some(moves)) return
    const isBuffer = e.slot >= 0 && e.slot < reads.memorySlot
    const index = isBuffer && e.index.length === 1 && sizeOf(reads.nodes.get(e.slot)!.shape) % 4 === 0 ? of(e.index[0]!) : undefined
    if (index) quads.set(e, { index, word: { op: "var", type: "i32", name: "word", low: 0, high: 0 } })
    else if (!isBuffer) refused = true
    else scattered++
  })
  if (refused || operations > mostOperations || scattered > quads.size + 1) return undefined
  const replaced = new Map<Scalar, Scalar>([...quads].map(([e, { word }]) => [e, word]))
  return {
    values: values.map((v) => mapScalar(v, (e) => e, replaced)),
    words: [...quads.values()].map((q) => q.word),
    indices: [...quads.values()].map((q) => q.index),
    load: (lowerer, into) => {
      for (const [e, { index, word }] of quads) {
        const name = local(e.type)
        const value: Expr = { op: "quad", type: e.type, binding: reads.bindings.quads(reads.nodes.get(e.slot)!), index: lowerer.lower([index], into)[0]! }
        into.statements.push({ op: "let", local: name, value })
        into.known.set(word, use(name))
      }
    }
  }
}

const suits = (roots: readonly Scalar[], reads: Reads): boolean => {
  let fits = true
  eachScalar(roots, (e) => {
    if (e.op === "threefry" || e.op === "reduce") fits = false
    if (e.op === "read" && (e.slot >= 0 && e.slot < reads.memorySlot && (reads.nodes.get(e.slot)!.prim === "draw" || e.index.length !== 1))) fits = false
  })
  return fits
}

/** Whether an expression depends on the variable. */
const movingWith = (v: Var): ((e: Scalar) => boolean) => {
  const known = new Map<Scalar, boolean>()
  const moves = (e: Scalar): boolean => {
    const found = known.get(e) ?? (e === v || operands(e).some(moves))
    known.set(e, found)
    return found
  }
  return moves
}

const quadPlace = (at: Scalar, component: Var, moves: (e: Scalar) => boolean): Scalar | undefined => {
  const { terms, constant } = linearOf(at)
  if (terms.get(component) !== 1 || constant % 4 !== 0) return undefined
  const rest = [...terms].filter(([x]) => x !== component)
  if (rest.some(([x, k]) => k % 4 !== 0 || moves(x))) return undefined
  return expressionOf({ terms: new Map(rest.map(([x, k]) => [x, k / 4])), constant: constant / 4 })
}
