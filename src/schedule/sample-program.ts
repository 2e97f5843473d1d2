/**
 * What the sample kernel computes for each row: the columns of its table, the long reductions (statistics) and arrays
 * that they need, in levels; a level needs only what lower levels computed.
 */
import type { Node } from "../ir/graph.ts"
import { freeVariables } from "../scalar/free-variables.ts"
import { eachScalar, i32, mapScalar, operands, read, variable, withOperands, type Scalar, type ScalarType, type Var } from "../scalar/scalar.ts"
import { simplify } from "../scalar/simplify-scalar.ts"
import { batchDraws, type DrawBatch } from "./draw-batches.ts"
import { sizeOf } from "./inline.ts"
import type { Fusion } from "./fuse.ts"
import { costOf } from "./costs.ts"
import { drawAttrs, isDraw, type Column } from "./rates.ts"
import { drawCall, indexAt, linearIndex, makeResolve } from "./resolve.ts"

/** Slots of a sample program's own values count from here: `[word]` of the row's memory. */
export const memorySlot = 1 << 28

/** A reduction computed by all lanes of a workgroup. */
export interface Statistic {
  readonly kind: "statistic"
  readonly slot: number
  readonly level: number
  readonly type: ScalarType
  readonly reduce: Extract<Scalar, { op: "reduce" }>
}
/** Elements computed one by one, by the lanes. */
export interface RowArray {
  readonly kind: "array"
  readonly slot: number
  readonly level: number
  readonly type: ScalarType
  readonly words: number
  readonly element: Var
  readonly body: Scalar
}
/** A permutation or derangement of this row. */
export interface Arrangement {
  readonly kind: "arrangement"
  readonly slot: number
  readonly level: number
  readonly node: Node
  readonly words: number
  readonly sample: Scalar
}
/** A scalar computed once for each row. */
export interface RowScalar {
  readonly kind: "scalar"
  readonly slot: number
  readonly level: number
  readonly type: ScalarType
  readonly body: Scalar
}
/** Draws made by one loop. */
export interface Draws {
  readonly kind: "draws"
  readonly slot: number
  readonly level: number
  readonly words: number
  readonly batch: DrawBatch
}
export type RowValue = Draws | Statistic | RowArray | Arrangement | RowScalar

export interface SampleProgram {
  readonly rows: number
  readonly row: Var
  /** The row's number within the range of a dispatch, where buffers are bound in parts. */
  readonly within: Var | undefined
  readonly values: readonly RowValue[]
  /** Which value each column of the table is, in the order of the columns. */
  readonly columns: readonly { readonly column: Column; readonly slot: number }[]
  readonly levels: number
}

/** A reduction over fewer terms is a loop of one lane. */
const longEnough = 64
/** A variable of a statistic with at most so many values is written out. */
const mostWritten = 4
/** It pays where the terms together take at most this part of the operations that they take one by one. */
const mostUnshared = 0.7

type Reduction = Extract<Scalar, { op: "reduce" }>

/** The program, or the nodes whose values of other rows it would need: they must be computed by an earlier kernel. */
export const sampleProgram = (fusion: Fusion, rows: number, row: Var, columns: readonly Column[], isPart: (node: Node) => boolean, refuse: (node: Node) => void): SampleProgram | { readonly others: readonly Node[] } => {
  let parted = false
  const within: Var = { op: "var", type: "i32", name: "m", low: 0, high: rows - 1 }
  const others = new Set<Node>()
  const arrays = new Map<Node, { readonly slot: number; readonly element: Var; body: Scalar }>()
  const arrangements = new Map<Node, { readonly slot: number; readonly sample: Scalar }>()
  let slots = memorySlot

  const arrangementOf = (node: Node): number => {
    const known = arrangements.get(node)
    if (known) return known.slot
    const slot = slots++
    const perSample = drawAttrs(node).per === "sample"
    arrangements.set(node, { slot, sample: perSample ? resolve(fusion.inliner.at(node.inputs[0]!, [row])) : i32(0) })
    return slot
  }
  const arrayOf = (node: Node): number => {
    const known = arrays.get(node)
    if (known) return known.slot
    const made = { slot: slots++, element: variable("e", sizeOf(node.shape.slice(1))), body: i32(0) as Scalar }
    arrays.set(node, made)
    const index: Scalar[] = []
    for (let d = node.shape.length - 1, stride = 1; d >= 1; d--) {
      const outer: Scalar = { op: "binary", type: "i32", fn: "idiv", a: made.element, b: i32(stride) }
      index.unshift(d === 1 ? outer : { op: "binary", type: "i32", fn: "mod", a: outer, b: i32(node.shape[d]!) })
      stride *= node.shape[d]!
    }
    made.body = isDraw(node) ? resolve(read(node.dtype, node.id, [row, ...index])) : resolve(fusion.inliner.body(node, [row, ...index]))
    return made.slot
  }
  const resolve = makeResolve(fusion, {
    row: (node, index, range) => {
      const global = isDraw(node) && drawAttrs(node).per === "batch"
      if (!global && index[0] !== row) {
        others.add(node)
        return { op: "const", type: node.dtype, value: 0 }
      }
      const rest = global ? index : index.slice(1)
      const shape = global ? node.shape : node.shape.slice(1)
      if (isDraw(node)) return read(node.dtype, arrangementOf(node), [linearIndex(shape, rest)], range)
      if (sizeOf(shape) <= 8 && rest.every((x) => x.op === "const")) return resolve(fusion.inliner.body(node, index))
      return read(node.dtype, arrayOf(node), [linearIndex(shape, rest)], range)
    }
  }, { isPart: (node) => isPart(node) && (parted = true), sample: row, within, refuse })

  const wanted = columns.map((column): { column: Column; body: Scalar | undefined; slot: number } => {
    if (column.value.kind === "expression") return { column, body: resolve(column.value.body), slot: -1 }
    const node = column.value.node
    return { column, body: undefined, slot: isDraw(node) && drawCall(node).whole ? arrangementOf(node) : arrayOf(node) }
  })
  if (others.size > 0) return { others: [...others] }

  // One tree for all: equal parts are one object from here on.
  const arrayList = [...arrays.values()]
  const arrangementList = [...arrangements.entries()]
  const roots = fusion.simplify([...wanted.map((w) => w.body ?? i32(0)), ...arrayList.map((a) => a.body), ...arrangementList.map(([, a]) => a.sample)])
  const columnBodies = roots.slice(0, wanted.length)
  const arrayBodies = roots.slice(wanted.length, wanted.length + arrayList.length)
  const samples = roots.slice(wanted.length + arrayList.length)

  // Long reductions become statistics, the innermost first.
  const reductions = new Map<Scalar, { readonly slot: number; readonly reduce: Reduction }>()
  const loopFree = makeLoopFree(row, within)
  const memo = new Map<Scalar, Scalar>()
  const lift = (e: Scalar): Scalar => mapScalar(e, (x) => {
    if (x.op !== "reduce" || !loopFree(x) || x.vars.reduce((n, v) => n * (v.high - v.low + 1), 1) < longEnough) return x
    const known = reductions.get(x)
    const made = known ?? { slot: slots++, reduce: written(x) }
    if (!known) reductions.set(x, made)
    return read(x.type, made.slot, [i32(0)])
  }, memo)
  const columnScalars = columnBodies.map(lift)
  const arrayScalars = arrayBodies.map(lift)

  // What loops and arrays need that does not change in them is computed once, before.
  const scalars = new Map<Scalar, number>()
  const hoisted = new Map<Scalar, Scalar>()
  const scalarSlot = (e: Scalar): number => {
    const known = scalars.get(e)
    if (known !== undefined) return known
    scalars.set(e, slots)
    return slots++
  }
  const hoist = (e: Scalar): Scalar => {
    const local = new Map<Scalar, Scalar>()
    const free = loopFree
    const go = (x: Scalar): Scalar => {
      const known = local.get(x)
      if (known) return known
      let result: Scalar
      if (x.op !== "const" && x.op !== "var" && free(x) && !cheap(x, row)) result = x.op === "read" && x.slot >= memorySlot ? x : (hoisted.get(x) ?? read(x.type, scalarSlot(x), [i32(0)], x.op === "read" ? x.range : undefined))
      else {
        const before = operands(x)
        const after = before.map(go)
        result = before.every((b, i) => b === after[i]) ? x : withOperands(x, after)
      }
      if (result !== x && free(x)) hoisted.set(x, result)
      local.set(x, result)
      return result
    }
    return go(e)
  }
  const statistics = [...reductions.values()].map(({ slot, reduce }) => ({ slot, reduce: { ...reduce, body: hoist(reduce.body) } }))
  const arrayLoops = arrayScalars.map(hoist)

  // Levels.
  const levels = new Map<number, number>()
  const bodyOf = new Map<number, Scalar>()
  for (const [body, slot] of scalars) bodyOf.set(slot, body)
  for (const s of statistics) bodyOf.set(s.slot, s.reduce.body)
  arrayList.forEach((a, i) => bodyOf.set(a.slot, arrayLoops[i]!))
  arrangementList.forEach(([, a], i) => bodyOf.set(a.slot, samples[i]!))
  const raised = new Set<number>([...statistics.map((s) => s.slot), ...arrayList.map((a) => a.slot)])
  const open = new Set<number>()
  const levelOf = (slot: number): number => {
    const known = levels.get(slot)
    if (known !== undefined) return known
    if (open.has(slot)) throw new Error("sample program: a value needs itself")
    open.add(slot)
    const level = levelOfScalar(bodyOf.get(slot)!) + (raised.has(slot) ? 1 : 0)
    open.delete(slot)
    levels.set(slot, level)
    return level
  }
  const levelOfScalar = (e: Scalar): number => {
    let level = 0
    eachScalar([e], (x) => { if (x.op === "read" && x.slot >= memorySlot) level = Math.max(level, levelOf(x.slot)) })
    return level
  }
  const columnSlots = wanted.map((w, i) => {
    if (w.body === undefined) return w.slot
    const e = columnScalars[i]!
    if (e.op === "read" && e.slot >= memorySlot && reductionSlots(statistics).has(e.slot)) return e.slot
    const slot = scalarSlot(e)
    bodyOf.set(slot, e)
    return slot
  })

  // A draw that several levels use is kept.
  const usedAt = new Map<Scalar, Set<number>>()
  for (const [body, slot] of scalars) eachScalar([body], (x) => {
    if (x.op === "read" && x.slot >= 0 && x.slot < memorySlot && x.index.length > 1) usedAt.set(x, (usedAt.get(x) ?? new Set()).add(levelOf(slot)))
  })
  for (const [draw, at] of usedAt) if (at.size > 1 && !scalars.has(draw)) bodyOf.set(scalarSlot(draw), draw)

  // Draws that are alike are made by one loop, before anything else.
  const scalarList = [...scalars].map(([body, slot]) => ({ body, slot, level: levelOf(slot) }))
  const batched = batchDraws(scalarList.map((s) => s.body), fusion.stopped, memorySlot, slots)
  slots = batched.nextSlot

  const values: RowValue[] = [
    ...batched.batches.map((batch): RowValue => ({ kind: "draws", slot: batch.entries[0]!.slot, level: 0, words: batch.entries.length, batch })),
    ...arrangementList.map(([node, a], i): RowValue => ({ kind: "arrangement", slot: a.slot, level: levelOf(a.slot), node, words: drawCall(node).count, sample: samples[i]! })),
    ...statistics.map((s): RowValue => ({ kind: "statistic", slot: s.slot, level: levelOf(s.slot), type: s.reduce.type, reduce: s.reduce })),
    ...arrayList.map((a, i): RowValue => ({ kind: "array", slot: a.slot, level: levelOf(a.slot), type: arrayLoops[i]!.type, words: a.element.high + 1, element: a.element, body: arrayLoops[i]! })),
    ...scalarList.map(({ slot, level }, i): RowValue => ({ kind: "scalar", slot, level, type: batched.bodies[i]!.type, body: batched.bodies[i]! }))
  ]
  return { rows, row, within: parted ? within : undefined, values, columns: wanted.map((w, i) => ({ column: w.column, slot: columnSlots[i]! })), levels: 1 + values.reduce((m, v) => Math.max(m, v.level), 0) }
}

/** The buffers that a program reads, by their slots. */
export const buffersOf = ({ values }: SampleProgram, isBuffer: (slot: number) => boolean): ReadonlySet<number> => {
  const slots = new Set<number>()
  const read = (v: RowValue): Scalar => (v.kind === "draws" ? v.batch.subject : v.kind === "arrangement" ? v.sample : v.kind === "statistic" ? v.reduce : v.body)
  eachScalar(values.map(read), (e) => { if (e.op === "read" && e.slot >= 0 && e.slot < memorySlot && isBuffer(e.slot)) slots.add(e.slot) })
  return slots
}

const reductionSlots = (statistics: readonly { readonly slot: number }[]): Set<number> => new Set(statistics.map((s) => s.slot))

/** Writes out the variables of few values (colours) where their terms share much, which is then computed once. */
const written = (e: Reduction): Reduction => {
  const few = e.vars.filter((v) => v.high - v.low < mostWritten)
  if (few.length === e.vars.length) return e
  for (const v of few) {
    const fn = e.combine === "sum" ? "add" : e.combine === "prod" ? "mul" : e.combine
    let terms: Scalar | undefined
    for (let k = v.low; k <= v.high; k++) {
      const term = mapScalar(e.body, (x) => x, new Map<Scalar, Scalar>([[v, i32(k)]]))
      terms = terms ? { op: "binary", type: e.type, fn, a: terms, b: term } : term
    }
    const body = simplify([terms!])[0]!
    if (costOf([body]).operations > mostUnshared * (v.high - v.low + 1) * costOf([e.body]).operations) continue
    return written({ ...e, vars: e.vars.filter((x) => x !== v), body })
  }
  return e
}

/** Whether an expression depends on no variable but the row. */
const makeLoopFree = (row: Var, within: Var): ((e: Scalar) => boolean) => {
  const free = freeVariables((v) => v !== row && v !== within)
  return (e) => free(e).size === 0
}

/** Arithmetic of the row's number alone is cheaper than memory. */
const cheap = (e: Scalar, row: Var): boolean => {
  if (e.op === "const" || e === row) return true
  if (e.op === "read") return false
  return costOf([e]).operations <= 3 && costOf([e]).reads.size === 0
}
