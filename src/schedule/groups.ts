/**
 * Turns a graph into kernels in the order of their dispatches: which values stand in tables of samples, which in buffers
 * of their own, and when each can be computed.
 */
import type { Graph, Node } from "../ir/graph.ts"
import type { Kernel, KernelKind } from "../kernel/kernel.ts"
import { makeBindings, type Bound, type Reads, type Table } from "../kernel/bindings.ts"
import { elementsOf, lowerElements, type Elements } from "../kernel/lower-elements.ts"
import { lowerSamples } from "../kernel/lower-samples.ts"
import { fuse, type Fusion } from "./fuse.ts"
import { sizeOf, type Table as PrimitiveTable } from "./inline.ts"
import type { Limits } from "./limits.ts"
import { columnOfSlot, makeColumns, type Column, type Columns } from "./rates.ts"
import { eachScalar, indexAt } from "./resolve.ts"
import { memorySlot, sampleProgram } from "./sample-program.ts"

export interface Scheduled {
  readonly kernel: Kernel
  readonly bound: readonly Bound[]
  /** The node whose place in the source the kernel is reported at. */
  readonly node: Node
}

export interface Schedule {
  readonly fusion: Fusion
  readonly kernels: readonly Scheduled[]
}

export const schedule = (graph: Graph, table: PrimitiveTable, limits: Limits): Schedule => {
  const forced = new Map<Node, string>()
  for (;;) {
    const made = attempt(graph, table, limits, forced)
    if (!("others" in made)) return made
    const before = forced.size
    for (const node of made.others) forced.set(node, "a statistic reads it for another sample")
    if (forced.size === before) throw new Error("schedule: a value of another sample cannot be stored")
  }
}

const attempt = (graph: Graph, table: PrimitiveTable, limits: Limits, forced: ReadonlyMap<Node, string>): Schedule | { readonly others: readonly Node[] } => {
  const fusion = fuse(graph, table, forced)
  const outputs = new Set(graph.outputs.map((o) => o.node))
  const roots = fusion.live.filter((n) => {
    const kind = fusion.stops.get(n)?.kind
    return kind === "buffer" || (outputs.has(n) && kind !== "input" && n.prim !== "const")
  })
  const columns = makeColumns()
  const firstUse = new Map<Column, number>()
  const elements: Elements[] = []
  const rowRoots = new Map<Node, readonly Column[]>()
  roots.forEach((root, i) => {
    if (fusion.rowBound.has(root) && fusion.table(root.prim).kind !== "opaque") rowRoots.set(root, rowColumns(fusion, root, columns))
    else elements.push(elementsOf(fusion, root, columns))
    for (const c of columns.all) if (!firstUse.has(c)) firstUse.set(c, i)
  })

  const times = timesOf(fusion, elements, rowRoots, columns)
  const programs = new Map<string, { rows: number; time: number; columns: Column[] }>()
  // A program none of whose columns is needed before the next one of as many rows joins that one.
  const neededAt = new Map<Column, number>()
  for (const e of elements) eachScalar(e.lanes.flatMap((l) => [l.value, l.at]), (x) => {
    if (x.op !== "read" || x.slot >= 0) return
    const c = columns.all[columnOfSlot(x.slot)]!
    neededAt.set(c, Math.min(neededAt.get(c) ?? Infinity, times.root(e.node)))
  })
  const owner = new Map([...rowRoots].flatMap(([node, own]) => own.map((c) => [c, node] as const)))
  for (const column of columns.all) {
    // The columns of one result are made together.
    const result = owner.get(column)
    const time = result ? times.root(result) - 1 : times.column(column)
    const key = `${column.rows}@${time}`
    const program = programs.get(key) ?? { rows: column.rows, time, columns: [] }
    program.columns.push(column)
    programs.set(key, program)
  }
  for (const [key, program] of [...programs].sort(([, a], [, b]) => b.time - a.time)) {
    const later = [...programs.values()].filter((p) => p.rows === program.rows && p.time > program.time).sort((a, b) => a.time - b.time)[0]
    if (!later || program.columns.some((c) => owner.has(c) || (neededAt.get(c) ?? Infinity) <= later.time)) continue
    later.columns.unshift(...program.columns)
    programs.delete(key)
  }
  const inTable = new Set<Column>()
  for (const e of elements) eachScalar(e.lanes.flatMap((l) => [l.value, l.at]), (x) => { if (x.op === "read" && x.slot < 0) inTable.add(columns.all[columnOfSlot(x.slot)]!) })
  const tables = new Map<Column, Table>()
  const nodes = new Map<number, Node>([...fusion.stops.keys()].map((n) => [n.id, n]))
  const readsFor = (): Reads => ({ bindings: makeBindings(), nodes, columns: columns.all, tableOf: (c) => tables.get(c)!, memory: undefined, memorySlot })

  const timed: { time: number; order: number; scheduled: () => Scheduled }[] = []
  for (const program of programs.values()) {
    const made = sampleProgram(fusion, program.rows, columns.rowOf(program.rows), program.columns)
    if ("others" in made) return made
    const layout = layOut(program.rows, program.columns.filter((c) => inTable.has(c)), firstUse)
    for (const c of program.columns) tables.set(c, layout)
    const first = roots[Math.min(...program.columns.map((c) => firstUse.get(c)!))]!
    const results = [...rowRoots].filter(([, own]) => own.every((c) => program.columns.includes(c))).map(([node, own]) => ({ node, columns: own }))
    timed.push({ time: program.time, order: 1, scheduled: () => {
      const reads = readsFor()
      return { kernel: lowerSamples(made, layout, results, reads, limits), bound: reads.bindings.bound, node: first }
    } })
  }
  elements.forEach((e) => timed.push({ time: times.root(e.node), order: 0, scheduled: () => {
    const reads = readsFor()
    return { kernel: lowerElements(e, kindOf(table, e), reads, limits), bound: reads.bindings.bound, node: e.node }
  } }))
  timed.sort((a, b) => a.time - b.time || a.order - b.order)
  return { fusion, kernels: timed.map((t) => t.scheduled()) }
}

/** The columns of a small result of each sample, in the order of its elements. All in one program: they share its time. */
const rowColumns = (fusion: Fusion, node: Node, columns: Columns): readonly Column[] => {
  const rows = node.shape.length === 0 ? 1 : node.shape[0]!
  const rest = node.shape.slice(1)
  const row = columns.rowOf(rows)
  const element = fusion.table(node.prim).element ? fusion.inliner.body : fusion.inliner.at
  if (sizeOf(rest) > 8) return [columns.result(rows, node)]
  return Array.from({ length: sizeOf(rest) }, (_, e) => columns.result(rows, element(node, node.shape.length === 0 ? [] : [row, ...indexAt(rest, e)])))
}

const kindOf = (table: PrimitiveTable, e: Elements): KernelKind => {
  const { kind } = table(e.node.prim)
  return kind === "opaque" ? "opaque" : kind === "contraction" ? "contract" : kind === "reduction" ? "reduce" : e.sample ? "gather" : "map"
}

/** When values can be computed: inputs are there at 0, the tables of time t are made after the buffers of time t. */
const timesOf = (fusion: Fusion, elements: readonly Elements[], rowRoots: ReadonlyMap<Node, readonly Column[]>, columns: Columns): { root(node: Node): number; column(c: Column): number } => {
  const byRoot = new Map(elements.map((e) => [e.node, e]))
  const nodes = new Map<number, Node>(fusion.live.map((n) => [n.id, n]))
  const roots = new Map<Node, number>()
  const values = new Map<Node, number>()
  const cells = new Map<Column, number>()
  const root = (node: Node): number => {
    const known = roots.get(node)
    if (known !== undefined) return known
    let latest = 0
    const own = rowRoots.get(node)
    if (own) for (const c of own) latest = Math.max(latest, column(c))
    else eachScalar(byRoot.get(node)!.lanes.flatMap((l) => [l.value, l.at]), (e) => {
      if (e.op === "read") latest = Math.max(latest, e.slot < 0 ? column(columns.all[columnOfSlot(e.slot)]!) : value(nodes.get(e.slot)!))
    })
    roots.set(node, latest + 1)
    return latest + 1
  }
  const value = (node: Node): number => {
    const known = values.get(node)
    if (known !== undefined) return known
    const kind = fusion.stops.get(node)?.kind
    const time = kind === "buffer" ? root(node) : kind === "input" || kind === "constant" ? 0 : node.inputs.reduce((t, n) => Math.max(t, value(n)), 0)
    values.set(node, time)
    return time
  }
  const column = (c: Column): number => {
    const known = cells.get(c)
    if (known !== undefined) return known
    let latest = 0
    if (c.value.kind === "array") latest = rowRoots.has(c.value.node) ? c.value.node.inputs.reduce((t, n) => Math.max(t, value(n)), 0) : value(c.value.node)
    else eachScalar([c.value.body], (e) => { if (e.op === "read") latest = Math.max(latest, value(nodes.get(e.slot)!)) })
    cells.set(c, latest)
    return latest
  }
  return { root, column }
}

/** Columns of one kernel lie together, from a group of four words on; arrays first. */
const layOut = (rows: number, columns: readonly Column[], firstUse: ReadonlyMap<Column, number>): Table => {
  const offsets = new Map<Column, number>()
  let word = 0
  for (const user of [...new Set(columns.map((c) => firstUse.get(c)!))].sort((a, b) => a - b)) {
    word = Math.ceil(word / 4) * 4
    const own = columns.filter((c) => firstUse.get(c) === user)
    for (const c of [...own.filter((x) => x.words >= 4), ...own.filter((x) => x.words < 4)]) {
      offsets.set(c, word)
      word += c.words >= 4 ? Math.ceil(c.words / 4) * 4 : c.words
    }
  }
  return { rows, stride: Math.ceil(word / 4), offsets }
}
