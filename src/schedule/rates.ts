/**
 * Rate inference on scalar expressions (Faust's idea): the largest parts of a kernel's bodies that depend only on a row
 * (one sample's draws and statistics) become columns of a table, which the sample kernel computes once for each row.
 */
import type { Node } from "../ir/graph.ts"
import { add, i32, mapScalar, mul, operands, read, variable, withOperands, type Scalar, type ScalarType, type Var } from "../scalar/scalar.ts"
import { freeVariables } from "../scalar/free-variables.ts"
import { interner } from "../scalar/intern.ts"
import { intervals } from "../scalar/interval.ts"
import { sizeOf } from "./inline.ts"
import type { Fusion } from "./fuse.ts"
import { mostRowElements } from "./costs.ts"
import { buffersBelow } from "./fuse.ts"

/** A value of each row: an expression over `row`, or all elements of a small node. */
export interface Column {
  readonly id: number
  /** How many rows its table has. */
  readonly rows: number
  readonly type: ScalarType
  readonly words: number
  readonly value: { readonly kind: "expression"; readonly row: Var; readonly body: Scalar } | { readonly kind: "array"; readonly node: Node }
}

/** Columns are read through slots below zero: `[row]`, or `[row, word]` for an array. */
export const columnSlot = (column: Column): number => -1 - column.id
export const columnOfSlot = (slot: number): number => -1 - slot

export interface Columns {
  readonly all: readonly Column[]
  /** The variable that stands for the row of a table with so many rows. */
  rowOf(rows: number): Var
  expression(rows: number, body: Scalar): Column
  /** A column of its own, never shared: the result of a row. */
  result(rows: number, value: Scalar | Node): Column
  array(rows: number, node: Node): Column
}

/** The variables that stand for rows, by how many there are. */
export const makeRows = (): Columns["rowOf"] => {
  const known = new Map<number, Var>()
  return (n) => {
    const row = known.get(n) ?? variable("row", n)
    known.set(n, row)
    return row
  }
}

export const makeColumns = (rowOf: Columns["rowOf"]): Columns => {
  const all: Column[] = []
  const intern = interner()
  const byBody = new Map<number, Map<Scalar, Column>>()
  const results = new Set<Column>()
  return {
    all,
    rowOf,
    expression(n, body) {
      const one = intern(body)
      const key = byBody.get(n) ?? new Map<Scalar, Column>()
      byBody.set(n, key)
      const known = key.get(one)
      if (known) return known
      const column: Column = { id: all.length, rows: n, type: body.type, words: 1, value: { kind: "expression", row: rowOf(n), body: one } }
      key.set(one, column)
      all.push(column)
      return column
    },
    result(n, value) {
      const column: Column = "prim" in value
        ? { id: all.length, rows: n, type: value.dtype, words: sizeOf(value.shape.slice(1)), value: { kind: "array", node: value } }
        : { id: all.length, rows: n, type: value.type, words: 1, value: { kind: "expression", row: rowOf(n), body: value } }
      all.push(column)
      results.add(column)
      return column
    },
    array(n, node) {
      const known = all.find((c) => c.rows === n && !results.has(c) && c.value.kind === "array" && c.value.node === node)
      if (known) return known
      const column: Column = { id: all.length, rows: n, type: node.dtype, words: sizeOf(isDraw(node) && isGlobalDraw(node) ? node.shape : node.shape.slice(1)), value: { kind: "array", node } }
      all.push(column)
      return column
    }
  }
}

export interface DrawAttrs {
  readonly dist: string
  readonly path: string
  readonly site: number
  readonly per: "sample" | "batch"
}

export const isDraw = (node: Node): boolean => node.prim === "draw"
export const drawAttrs = (node: Node): DrawAttrs => node.attrs as DrawAttrs
const perBatch = (node: Node): boolean => drawAttrs(node).per === "batch"
export const isPartner = (node: Node): boolean => isDraw(node) && drawAttrs(node).dist === "partner"
/** A draw made once for all samples. */
export const isGlobalDraw = (node: Node): boolean => isDraw(node) && perBatch(node) && !isPartner(node)

const mentions = (e: Scalar, vars: readonly Var[]): boolean => (e.op === "var" ? vars.includes(e) : operands(e).some((x) => mentions(x, vars)))

type Rate =
  | { readonly kind: "none" }
  /** Draws made once for all samples. */
  | { readonly kind: "global" }
  /** A variable, or the number of a row, as a value, without any row value. */
  | { readonly kind: "value"; readonly of: Scalar }
  | { readonly kind: "row"; readonly at: Scalar; readonly rows: number }
  | { readonly kind: "pixel" }

const none: Rate = { kind: "none" }
const pixel: Rate = { kind: "pixel" }

const join = (a: Rate, b: Rate): Rate => {
  if (a.kind === "pixel" || b.kind === "pixel") return pixel
  if (a.kind === "none") return b
  if (b.kind === "none") return a
  if (a.kind === "row" && b.kind === "row") return a.at === b.at && a.rows === b.rows ? a : pixel
  if (a.kind === "row") return b.kind === "global" || (b.kind === "value" && b.of === a.at) ? a : pixel
  if (b.kind === "row") return join(b, a)
  if (a.kind === "value" && b.kind === "value") return a.of === b.of ? a : pixel
  return a.kind === b.kind ? a : pixel
}

/**
 * Replaces the row-rate parts of `bodies` (canonical: equal parts are one object) by reads of columns.
 * `sample`: the variable and extent of the kernel's samples, where it has one. `few`: the kernel has few threads, so that
 * what is drawn once for all rows may as well be drawn by each.
 */
export const extractRows = (bodies: readonly Scalar[], fusion: Fusion, columns: Columns, sample: { readonly at: Var; readonly rows: number } | undefined, few = false): Scalar[] => {
  const nodes = fusion.stopped
  const rowValue = (e: Scalar): { node: Node; global: boolean } | undefined => {
    if (e.op !== "read") return undefined
    const node = nodes.get(e.slot)!
    const kind = fusion.stops.get(node)!.kind
    if (kind === "row") return { node, global: false }
    if (kind !== "draw") return undefined
    const global = isGlobalDraw(node)
    return sizeOf(global ? node.shape : node.shape.slice(1)) <= mostRowElements ? { node, global } : undefined
  }
  const bound = new Set<Var>()
  const collect = (e: Scalar, seen: Set<Scalar>): void => {
    if (seen.has(e)) return
    seen.add(e)
    if (e.op === "reduce") for (const v of e.vars) bound.add(v)
    for (const x of operands(e)) collect(x, seen)
  }
  const visited = new Set<Scalar>()
  for (const body of bodies) collect(body, visited)
  const openAround = new Map<Scalar | undefined, (e: Scalar) => ReadonlySet<Var>>()
  /** Whether a loop's variable occurs in `e` outside that loop and outside `at`. */
  const open = (e: Scalar, at: Scalar | undefined): boolean => {
    const variables = openAround.get(at) ?? freeVariables((v) => bound.has(v), at)
    openAround.set(at, variables)
    return variables(e).size > 0
  }
  // The numbers of rows that are computed from places: what else is read by them alone belongs to the row too, where it is there in time:
  // what the host delivers, and what the row's own values are computed from.
  const numbers = new Map<Scalar, Set<Node>>()
  for (const e of visited) {
    const value = rowValue(e)
    if (e.op !== "read" || !value || value.global || e.index[0]!.op === "const" || open(e.index[0]!, undefined)) continue
    numbers.set(e.index[0]!, new Set([...(numbers.get(e.index[0]!) ?? []), ...buffersBelow(fusion, value.node)]))
  }
  const late = (e: Extract<Scalar, { op: "read" }>, of: Scalar): boolean => {
    const node = nodes.get(e.slot)!
    return fusion.stops.get(node)!.kind === "buffer" && numbers.get(of)?.has(node) === false
  }
  const range = intervals()
  const rates = new Map<Scalar, Rate>()
  const rateOf = (e: Scalar): Rate => {
    const known = rates.get(e)
    if (known) return known
    let rate: Rate
    const value = rowValue(e)
    if (e.op === "var") rate = bound.has(e) ? none : { kind: "value", of: e }
    else if (numbers.has(e)) rate = { kind: "value", of: e }
    else if (value && e.op === "read") {
      const rest = (value.global ? e.index : e.index.slice(1)).map(rateOf).reduce(join, none)
      rate = value.global ? join({ kind: "global" }, rest) : join({ kind: "row", at: e.index[0]!, rows: value.node.shape[0]! }, rest)
    } else rate = operands(e).map(rateOf).reduce(join, none)
    if (e.op === "read" && rate.kind === "value" && late(e, rate.of)) rate = pixel
    // A loop over rows belongs to no row.
    if (e.op === "reduce" && rate.kind === "row" && mentions(rate.at, e.vars)) rate = pixel
    rates.set(e, rate)
    return rate
  }
  bodies.forEach(rateOf)

  // Values drawn once for all rows are read from whichever table the kernel uses anyway.
  const table = [...rates.values()].find((r): r is Extract<Rate, { kind: "row" }> => r.kind === "row" && r.at.op === "var" && (sample === undefined || r.at === sample.at))
    ?? (sample ? { at: sample.at as Scalar, rows: sample.rows } : { at: i32(0), rows: 1 })
  const inPlace = few && table.rows === 1
  const linear = (shape: readonly number[], index: readonly Scalar[]): Scalar =>
    index.reduce<Scalar>((sum, x, d) => add(mul(sum, i32(shape[d]!)), x), i32(0))

  const done = new Map<Scalar, Scalar>()
  const go = (e: Scalar): Scalar => {
    const known = done.get(e)
    if (known) return known
    const rate = rateOf(e)
    let result: Scalar
    const value = rowValue(e)
    if ((rate.kind === "row" || (rate.kind === "global" && !inPlace)) && !open(e, rate.kind === "row" ? rate.at : undefined)) {
      const at = rate.kind === "row" ? rate.at : table.at
      const rows = rate.kind === "row" ? rate.rows : table.rows
      const row = columns.rowOf(rows)
      const column = columns.expression(rows, mapScalar(e, (x) => x, new Map<Scalar, Scalar>([[at, row]])))
      const known = e.type === "i32" ? range(e) : undefined
      result = read(e.type, columnSlot(column), [go(at)], known ? [known.low, known.high] : undefined)
    } else if (value && e.op === "read" && !(value.global && inPlace)) {
      const rows = value.global ? table.rows : value.node.shape[0]!
      const column = columns.array(rows, value.node)
      const rest = value.global ? e.index : e.index.slice(1)
      result = read(e.type, columnSlot(column), [go(value.global ? table.at : e.index[0]!), go(linear(value.global ? value.node.shape : value.node.shape.slice(1), rest))], e.range)
    } else {
      const before = operands(e)
      const after = before.map(go)
      result = before.every((x, i) => x === after[i]) ? e : withOperands(e, after)
    }
    done.set(e, result)
    return result
  }
  return bodies.map(go)
}
