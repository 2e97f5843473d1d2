/** What a kernel is bound to, and how the reads of its expressions become loads, draws and table words. */
import type { Node } from "../ir/graph.ts"
import { containsReduction, eachScalar, type Scalar, type ScalarType, type Var } from "../scalar/scalar.ts"
import type { Simplify } from "../scalar/simplify-alike.ts"
import { intervals } from "../scalar/interval.ts"
import { columnOfSlot, drawAttrs, isPartner, type Column } from "../schedule/rates.ts"
import { sizeOf } from "../schedule/inline.ts"
import { linearOf } from "../schedule/linear.ts"
import { drawCall } from "../schedule/resolve.ts"
import { arithmetic, local, number, use, type ArrayLocal, type Binding, type Distribution, type Expr, type Local, type Stmt } from "./kernel.ts"
import type { Block, Lowerer, Read, Target } from "./lower.ts"

/** A table of columns: `stride` groups of four words for each row. */
export interface Table {
  readonly rows: number
  readonly stride: number
  /** The first word of each column. */
  readonly offsets: ReadonlyMap<Column, number>
}

export type Bound = { readonly kind: "node"; readonly node: Node; readonly quads?: true } | { readonly kind: "table"; readonly table: Table } | { readonly kind: "settings" } | { readonly kind: "first" }

export interface Bindings {
  readonly list: Binding[]
  readonly bound: Bound[]
  read(node: Node): number
  /** A buffer read four words at a time. */
  quads(node: Node): number
  write(node: Node): number
  /** A result written four words at a time. */
  writeQuads(node: Node): number
  table(table: Table, access: "read" | "write"): number
  settings(): void
  /** The first sample of the dispatch's range (one i32). */
  first(): number
}

export const makeBindings = (): Bindings => {
  const list: Binding[] = []
  const bound: Bound[] = []
  const add = (what: Bound, binding: Binding): number => {
    list.push(binding)
    bound.push(what)
    return list.length - 1
  }
  const find = (test: (b: Bound) => boolean): number => bound.findIndex(test)
  const node = (n: Node, access: "read" | "write"): number => {
    const at = find((b) => b.kind === "node" && b.node === n && !b.quads)
    return at >= 0 ? at : add({ kind: "node", node: n }, { access, element: n.dtype, length: sizeOf(n.shape), label: n.origin.label })
  }
  const quads = (n: Node, access: "read" | "write"): number => {
    const at = find((b) => b.kind === "node" && b.node === n && b.quads === true)
    return at >= 0 ? at : add({ kind: "node", node: n, quads: true }, { access, element: "words", length: sizeOf(n.shape) / 4, label: n.origin.label })
  }
  return {
    list, bound,
    read: (n) => node(n, "read"),
    quads: (n) => quads(n, "read"),
    write: (n) => node(n, "write"),
    writeQuads: (n) => quads(n, "write"),
    table: (table, access) => {
      const at = find((b) => b.kind === "table" && b.table === table)
      return at >= 0 ? at : add({ kind: "table", table }, { access, element: "words", length: table.rows * table.stride, label: "samples" })
    },
    first: () => {
      const at = find((b) => b.kind === "first")
      return at >= 0 ? at : add({ kind: "first" }, { access: "read", element: "i32", length: 1, label: "first sample" })
    },
    settings: () => { if (find((b) => b.kind === "settings") < 0) add({ kind: "settings" }, { access: "uniform", element: "words", length: 2, label: "settings" }) }
  }
}

export const toWord = (e: Expr): Expr => (e.type === "u32" ? e : { op: "cast", type: "u32", fn: e.type === "bool" ? "u32" : "bits_u32", x: e })
export const fromWord = (type: ScalarType, e: Expr): Expr =>
  type === "u32" ? e : { op: "cast", type, fn: type === "f32" ? "bits_f32" : type, x: e }
export const unsigned = (e: Expr): Expr => (e.op === "const" ? number(e.value >>> 0, "u32") : { op: "cast", type: "u32", fn: "u32", x: e })

export const distributionOf = (node: Node): Distribution => {
  const { dist, path: _path, site: _site, per: _per, rest: _rest, ...options } = node.attrs as { dist: string; path: string; site: number; per: string; rest?: unknown } & Record<string, unknown>
  return { name: dist, options: dist === "categorical" ? { ...options, k: node.inputs[node.inputs.length - 1]!.shape[0] } : options }
}

export interface Reads {
  readonly bindings: Bindings
  readonly nodes: ReadonlyMap<number, Node>
  /** Columns by number, and the tables they lie in. */
  readonly columns: readonly Column[]
  readonly tableOf: (column: Column) => Table
  /** A value of the row's own memory (sample kernels only). */
  readonly memory: ((e: Read, index: readonly Expr[]) => Expr) | undefined
  readonly memorySlot: number
  readonly simplify: Simplify
}

/** One element of four words chosen at run time. */
const chosen = (words: readonly Expr[], at: Expr): Expr =>
  words.slice(1).reduce<Expr>((result, w, i) => ({ op: "select", type: w.type as ScalarType, condition: arithmetic("eq", at, number(i + 1)), then: w, else: result }), words[0]!)

const mostChosen = 8

/** A target whose stream keys are computed once, by statements of `prelude`, unless `keyAt` knows them. */
export const makeTarget = (reads: Reads, prelude: Stmt[], keyAt?: (site: number) => Expr | undefined): Target & { readonly words: Map<string, Expr>; rowNames: Map<Scalar, number> } => {
  const range = intervals()
  const keys = new Map<number, Expr>()
  const words = new Map<string, Expr>()
  const rowNames = new Map<Scalar, number>()
  const keyOf = (site: number): Expr => {
    const known = keys.get(site)
    if (known) return known
    reads.bindings.settings()
    const name: Local = local("key")
    prelude.push({ op: "let", local: name, value: keyAt?.(site) ?? { op: "key", type: "key", site: number(site, "u32") } })
    const result = use(name)
    keys.set(site, result)
    return result
  }
  const wordsAt = (table: Table, row: Expr, rowScalar: Scalar, group: number, emit: (s: Stmt) => void): Expr => {
    const known = rowNames.has(rowScalar) ? words.get(`${rowNames.get(rowScalar)}:${reads.bindings.table(table, "read")}:${group}`) : undefined
    if (known) return known
    const name = local("words")
    emit({ op: "let", local: name, value: loadWords(reads, table, row, group) })
    return use(name)
  }
  return {
    words, rowNames,
    least: (e) => range(e)?.low ?? -Infinity,
    read: (e, index, emit) => {
      if (e.slot >= reads.memorySlot) {
        if (!reads.memory) throw new Error("lower: a read of row memory outside a sample kernel")
        return reads.memory(e, index)
      }
      if (e.slot < 0) {
        const column = reads.columns[columnOfSlot(e.slot)]!
        const table = reads.tableOf(column)
        const offset = table.offsets.get(column)!
        const place = index.length === 1 ? number(0) : index[1]!
        if (place.op === "const" || column.words <= mostChosen) {
          const word = (k: number): Expr => ({ op: "word", type: e.type, words: wordsAt(table, index[0]!, e.index[0]!, (offset + k) >> 2, emit), at: ((offset + k) & 3) as 0 | 1 | 2 | 3 })
          return place.op === "const" ? word(place.value) : chosen(Array.from({ length: column.words }, (_, k) => word(k)), place)
        }
        const linear = arithmetic("add", place, number(offset))
        const name = local("words")
        const { terms, constant } = linearOf(e.index[1]!)
        // Which word of the four it is may be known: then neighbours are one load.
        const known = [...terms.values()].every((k) => k % 4 === 0) ? (constant + offset) & 3 : undefined
        const first = known === undefined ? linear : arithmetic("sub", linear, number(known))
        emit({ op: "let", local: name, value: { op: "load", type: "words", binding: reads.bindings.table(table, "read"), index: arithmetic("add", arithmetic("mul", index[0]!, number(table.stride)), arithmetic("idiv", first, number(4))) } })
        if (known !== undefined) return { op: "word", type: e.type, words: use(name), at: known as 0 | 1 | 2 | 3 }
        return chosen([0, 1, 2, 3].map((k) => ({ op: "word", type: e.type, words: use(name), at: k as 0 | 1 | 2 | 3 })), arithmetic("mod", linear, number(4)))
      }
      const node = reads.nodes.get(e.slot)!
      if (node.prim !== "draw") return { op: "load", type: e.type, binding: reads.bindings.read(node), index: index[0]! }
      const call = drawCall(node)
      const key = keyOf(drawAttrs(node).site)
      const distribution = distributionOf(node)
      if (isPartner(node)) return { op: "draw", type: e.type, distribution, args: [key, unsigned(index[0]!), number(node.shape[0]!, "u32")] }
      if (distribution.name === "categorical") return categorical({ op: "draw", type: "f32", distribution: { name: "uniform", options: {} }, args: [key, unsigned(index[0]!), unsigned(index[1]!), number(call.count, "u32"), number(0, "f32"), number(1, "f32")] }, index.slice(2), emit)
      if (call.whole) {
        const array: ArrayLocal = { kind: "array", space: "private", element: "i32", length: call.count }
        emit({ op: "array", array })
        emit({ op: "draw_array", array, distribution, args: [key, unsigned(index[0]!)] })
        return { op: "element", type: "i32", array, index: index[1]! }
      }
      return { op: "draw", type: e.type, distribution, args: [key, unsigned(index[0]!), unsigned(index[1]!), number(call.count, "u32"), ...index.slice(2)] }
    }
  }
}

/** The index whose share of the running total holds the uniform; weights below zero count as zero (`prim/draws.ts`). */
const categorical = (uniform: Expr, weights: readonly Expr[], emit: (s: Stmt) => void): Expr => {
  const kept = (value: Expr): Expr => {
    const name = local(value.type)
    emit({ op: "let", local: name, value })
    return use(name)
  }
  const positive = weights.map((w) => kept(arithmetic("max", w, number(0, "f32"))))
  const sums: Expr[] = []
  for (const w of positive) sums.push(kept(arithmetic("add", sums[sums.length - 1] ?? number(0, "f32"), w)))
  const target = kept(arithmetic("mul", uniform, sums[sums.length - 1]!))
  let last: Expr = number(0)
  positive.forEach((w, i) => { last = { op: "select", type: "i32", condition: arithmetic("gt", w, number(0, "f32")), then: number(i), else: last } })
  let result: Expr = kept(last)
  for (let i = sums.length - 1; i >= 0; i--) result = { op: "select", type: "i32", condition: arithmetic("lt", target, sums[i]!), then: number(i), else: result }
  return kept(result)
}

const loadWords = (reads: Reads, table: Table, row: Expr, group: number): Expr =>
  ({ op: "load", type: "words", binding: reads.bindings.table(table, "read"), index: arithmetic("add", arithmetic("mul", row, number(table.stride)), number(group)) })

/** Loads the table words that the roots need and that are not loaded yet, first of all, in the order in which rows depend on each other. */
export const loadColumns = (roots: readonly Scalar[], reads: Reads, target: ReturnType<typeof makeTarget>, lowerer: Lowerer, into: Block, known: readonly Var[]): void => {
  const wanted = new Map<Scalar, Map<string, { table: Table; group: number }>>()
  eachScalar(roots, (e) => {
    if (e.op !== "read" || e.slot >= 0) return
    const column = reads.columns[columnOfSlot(e.slot)]!
    const table = reads.tableOf(column)
    const offset = table.offsets.get(column)!
    const place = e.index[1]
    const spots = place === undefined ? [0] : place.op === "const" ? [place.value] : column.words <= mostChosen ? Array.from({ length: column.words }, (_, k) => k) : []
    const list = wanted.get(e.index[0]!) ?? new Map<string, { table: Table; group: number }>()
    for (const k of spots) list.set(`${reads.bindings.table(table, "read")}:${(offset + k) >> 2}`, { table, group: (offset + k) >> 2 })
    wanted.set(e.index[0]!, list)
  })
  const available = (row: Scalar): boolean => {
    let fits = true
    eachScalar([row], (x) => {
      if (x.op === "var" && !known.includes(x)) fits = false
      if (x.op === "read" && x.slot < 0 && !target.rowNames.has(x.index[0]!)) fits = false
    })
    return fits && !containsReduction(row)
  }
  const waiting = new Set([...wanted.keys()].filter((row) => !target.rowNames.has(row)))
  for (let progress = true; progress;) {
    progress = false
    for (const row of waiting) {
      if (!available(row)) continue
      waiting.delete(row)
      progress = true
      const name = target.rowNames.size
      const at = lowerer.lower([row], into)[0]!
      for (const [key, { table, group }] of [...wanted.get(row)!].sort((a, b) => a[1].group - b[1].group)) {
        const words = local("words")
        into.statements.push({ op: "let", local: words, value: loadWords(reads, table, at, group) })
        target.words.set(`${name}:${key}`, use(words))
      }
      target.rowNames.set(row, name)
    }
  }
}

