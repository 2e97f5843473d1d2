/**
 * Turns a graph into kernels in the order of their dispatches: which values stand in tables of samples, which in buffers
 * of their own, and when each can be computed. Where a kernel would break a limit, fusion stops earlier and all is done again.
 */
import type { Graph, Node } from "../ir/graph.ts"
import { sharedBytes, type Kernel, type KernelKind } from "../kernel/kernel.ts"
import { makeBindings, type Bound, type Reads, type Table } from "../kernel/bindings.ts"
import { contractionElements, elementsOf, lowerElements, type Elements } from "../kernel/lower-elements.ts"
import { lowerContraction } from "../kernel/lower-contraction.ts"
import { lowerQuads } from "../kernel/lower-quads.ts"
import { oneBinding } from "../kernel/one-binding.ts"
import { lowerSamples, type RowResult } from "../kernel/lower-samples.ts"
import { statementsOf } from "../kernel/verify-kernel.ts"
import { arenasOf, type Arenas, type Place } from "./arenas.ts"
import { makeMemo, makeShared, type Memo, type Shared } from "./attempts.ts"
import { beside } from "./beside.ts"
import { costsOf, type Costs } from "./costs.ts"
import { buffersBelow, fuse, type Fusion } from "./fuse.ts"
import { sizeOf, type Table as PrimitiveTable } from "./inline.ts"
import { rangesFor, tooLarge, type LimitProblem, type Limits, type Profile, type Ranges } from "./limits.ts"
import { contractionOf, isTiled, type Tuned } from "./contraction.ts"
import { merge } from "./merge.ts"
import { eachScalar, type Var } from "../scalar/scalar.ts"
import { columnOfSlot, isDraw, makeColumns, type Column, type Columns } from "./rates.ts"
import { readAtOtherRows } from "./other-rows.ts"
import { relief } from "./relief.ts"
import { indexAt } from "./resolve.ts"
import { buffersOf, memorySlot, sampleProgram, type SampleProgram } from "./sample-program.ts"
import { splitLong } from "./split-long.ts"
import { splitPhases } from "./split-phases.ts"
import { splitWide } from "./split-wide.ts"
import { timesOf } from "./times.ts"

export interface Scheduled {
  readonly kernel: Kernel
  readonly bound: readonly Bound[]
  /** The node whose place in the source the kernel is reported at. */
  readonly node: Node
  /** Set when buffers are bound in parts: one dispatch for each range of samples. */
  readonly ranges: Ranges | undefined
  /** The buffers bound in parts. */
  readonly parts: ReadonlySet<Node>
}

export interface Schedule {
  /** The graph as it was scheduled: wide joins are divided. */
  readonly graph: Graph
  readonly fusion: Fusion
  readonly kernels: readonly Scheduled[]
  /** Values that lie in an arena's or a bundle's buffer. */
  readonly places: ReadonlyMap<Node, Place>
  readonly tablePlaces: ReadonlyMap<Table, { readonly table: Table; readonly offset: number }>
  /** Buffers that several values of one dispatch share. */
  readonly bundles: ReadonlySet<Node>
  readonly arenas: ReadonlySet<Node>
  /** The shapes of its tiled contractions (`shapeKey`), each with one that has it. */
  readonly shapes: ReadonlyMap<string, Node>
  readonly problems: readonly LimitProblem[]
}

/** A kernel with more statements is divided where that can be done; sample kernels sooner, since their draws are long code. */
const mostStatements = 1200
const mostSampleStatements = 300

export const schedule = (whole: Graph, table: PrimitiveTable, limits: Limits, profile: Profile = "cpu", tuned: Tuned = () => undefined, memo: Memo = makeMemo()): Schedule => {
  // Two bindings are left for a table and the result.
  const arenas = arenasOf(splitPhases(splitLong(splitWide(whole, limits.maxStorageBuffersPerShaderStage - 2), table)), table)
  const forced = new Map<Node, string>([...[...arenas.arenas].map((n) => [n, "an arena"] as const), ...[...arenas.places.keys()].map((n) => [n, "a part of an arena"] as const)])
  const separate = new Set<Node>()
  const shared = makeShared(memo)
  const costs = costsOf(arenas.graph, table, arenas.arenas, shared.templates, isTiled, profile)
  for (;;) {
    const made = attempt(arenas, costs, table, limits, profile, forced, separate, shared, tuned)
    if (!("force" in made)) return made
    const before = forced.size + separate.size
    for (const [node, reason] of made.force) forced.set(node, reason)
    for (const node of made.separate ?? []) separate.add(node)
    if (forced.size + separate.size === before) throw new Error("schedule: storing a value did not help")
  }
}

const needsOtherRows = "a statistic reads it for another sample"

interface Retry {
  readonly force: ReadonlyMap<Node, string>
  /** Values to compute by kernels of their own. */
  readonly separate?: readonly Node[]
}

const attempt = ({ graph, arenas, places }: Arenas, costs: Costs, table: PrimitiveTable, limits: Limits, profile: Profile, forced: ReadonlyMap<Node, string>, separate: ReadonlySet<Node>, shared: Shared, tuned: Tuned): Schedule | Retry => {
  const fusion = fuse(graph, table, costs, forced, shared, isTiled, profile)
  const problems: LimitProblem[] = []
  const isPart = (node: Node): boolean => 4 * sizeOf(node.shape) > limits.maxStorageBufferBindingSize
  const refused = new Set<Node>()
  const refuse = (node: Node): void => {
    if (refused.has(node)) return
    refused.add(node)
    problems.push(tooLarge("maxStorageBufferBindingSize", 4 * sizeOf(node.shape), limits, `the value ${nameOf(node)} of shape [${node.shape.join(", ")}], which is read as a whole,`, node.origin))
  }
  const outputs = new Set(graph.outputs.map((o) => o.node))
  const roots = fusion.live.filter((n) => {
    const kind = fusion.stops.get(n)?.kind
    return !arenas.has(n) && (kind === "buffer" || (outputs.has(n) && kind !== "input" && n.prim !== "const"))
  })
  const rowwise = roots.filter((root) => fusion.rowBound.has(root) && fusion.table(root.prim).kind !== "opaque")
  const early = readAtOtherRows(fusion, rowwise, shared.rowOf)
  if (early.length > 0) return { force: new Map(early.map((n) => [n, needsOtherRows])) }

  const columns = makeColumns(shared.rowOf)
  const firstUse = new Map<Column, number>()
  const elementsByRoot = new Map<Node, Elements>()
  const contracted = (node: Node, columns: Columns): Elements | undefined => {
    if (!isTiled(node) || isPart(node)) return undefined
    const within: Var = { op: "var", type: "i32", name: "m", low: 0, high: 0 }
    let whole = true
    const contraction = contractionOf(fusion, node, columns, profile, limits, shared.tiles, tuned, { isPart: (n) => { if (isPart(n)) whole = false; return false }, sample: within, within, refuse })
    return whole ? contraction && contractionElements(node, contraction, shared) : undefined
  }
  const rowRoots = new Map<Node, readonly Column[]>()
  roots.forEach((root, i) => {
    if (rowwise.includes(root)) rowRoots.set(root, rowColumns(fusion, root, columns))
    else elementsByRoot.set(root, shared.elements(fusion.bodies.get(root)!, columns, (own) => contracted(root, own) ?? elementsOf(fusion, root, own, shared.places, isPart, refuse)))
    for (const c of columns.all.slice(firstUse.size)) firstUse.set(c, i)
  })

  const times = timesOf(fusion, elementsByRoot, arenas, rowRoots, columns)
  const rasters = new Set(graph.rasters.map((r) => r.node))
  /** How many buffers and tables stand behind slots. */
  const bindingsOf = (slots: Iterable<number>): number =>
    new Set([...slots].filter((slot) => slot < memorySlot).map((slot) => (slot >= 0 ? slot : -1 - columns.all[columnOfSlot(slot)]!.rows)).filter((slot) => slot < 0 || !isDraw(fusion.stopped.get(slot)!))).size
  const groups = merge(elementsByRoot, {
    times, intern: shared.intern, mostBindings: limits.maxStorageBuffersPerShaderStage,
    joins: (e) => !e.within && !separate.has(e.node) && !rasters.has(e.node) && joinable(table, e),
    bindings: bindingsOf
  })
  const elements = groups.flat()
  // What was handed on to all its readers needs no buffer.
  const read = new Set<number>()
  const reading = [...elements.flatMap((e) => e.lanes.flatMap((l) => [l.value, l.at])), ...columns.all.flatMap((c) => (c.value.kind === "expression" ? [c.value.body] : []))]
  eachScalar(reading, (e) => { if (e.op === "read") read.add(e.slot) })
  // What a table keeps may be computed from other values of its row, which are stored nowhere but read buffers.
  const within = fusion.live.filter((n) => read.has(n.id) && fusion.stops.get(n)?.kind !== "buffer")
  const arrays = new Set([...columns.all.flatMap((c) => (c.value.kind === "array" ? [c.value.node] : [])), ...within].flatMap((n) => buffersBelow(fusion, n)))
  const stored = (e: Elements): boolean => outputs.has(e.node) || places.has(e.node) || read.has(e.node.id) || arrays.has(e.node)
  const inTable = new Set<Column>()
  const tabled = new Set<Elements>()
  const neededAt = new Map<Column, number>()
  for (const e of elements) eachScalar(e.lanes.flatMap((l) => [l.value, l.at]), (x) => {
    if (x.op !== "read" || x.slot >= 0) return
    const c = columns.all[columnOfSlot(x.slot)]!
    inTable.add(c)
    tabled.add(e)
    neededAt.set(c, Math.min(neededAt.get(c) ?? Infinity, times.root(e.node)))
  })
  const programs = programsOf(columns, rowRoots, times, neededAt)

  // Groups that read and write too many buffers are known before any kernel is lowered.
  const crowded = new Map<Node, string>()
  for (const [e, ...others] of groups) {
    if (!e || others.length > 0) continue
    const slots = new Set<number>()
    eachScalar(e.lanes.flatMap((l) => [l.value, l.at]), (x) => { if (x.op === "read") slots.add(x.slot) })
    const least = bindingsOf(slots) + (stored(e) ? 1 : 0)
    if (least <= limits.maxStorageBuffersPerShaderStage) continue
    for (const [node, reason] of relief(fusion, e.node, limits, least) ?? []) crowded.set(node, reason)
  }
  if (crowded.size > 0) return { force: crowded }

  const tables = new Map<Column, Table>()
  const readsFor = (): Reads => ({ bindings: makeBindings(), nodes: fusion.stopped, columns: columns.all, tableOf: (c) => tables.get(c)!, memory: undefined, memorySlot, simplify: shared.simplify })
  const partsOf = (bound: readonly Bound[]): Node[] => bound.flatMap((b) => (b.kind === "node" && isPart(b.node) ? [b.node] : []))
  const rangesOf = (rows: number, bound: readonly Bound[], node: Node): Ranges | undefined => {
    const parts = partsOf(bound)
    if (parts.length === 0 || problems.length > 0) return undefined
    const bytes = parts.map((n) => 4 * sizeOf(n.shape.slice(1)))
    const ranges = rangesFor(rows, bytes, limits)
    if (ranges.step > 0) return ranges
    problems.push(tooLarge("maxStorageBufferBindingSize", Math.max(...bytes), limits, `one sample of ${nameOf(parts[bytes.indexOf(Math.max(...bytes))]!)}`, node.origin))
    return undefined
  }
  /** Lowers twice where buffers are bound in parts: what is bound tells how many samples a range holds. */
  const lowered = (rows: number, node: Node, lower: (reads: Reads, ranges: Ranges | undefined) => Kernel): Scheduled => {
    const first = readsFor()
    const kernel = lower(first, undefined)
    const ranges = rangesOf(rows, first.bindings.bound, node)
    if (!ranges) return { ...oneBinding(kernel, first.bindings.bound), node, ranges: undefined, parts: new Set() }
    const again = readsFor()
    return { ...oneBinding(lower(again, ranges), again.bindings.bound), node, ranges, parts: new Set(partsOf(again.bindings.bound)) }
  }

  // What does not fit is collected from all kernels, so that few attempts are made.
  const force = new Map<Node, string>()
  const apart: Node[] = []
  const timed: { readonly time: number; readonly order: number; readonly scheduled: Scheduled }[] = []
  const programOf = (rows: number, own: readonly Column[]): SampleProgram | undefined => {
    const made = sampleProgram(fusion, rows, columns.rowOf(rows), own, isPart, refuse)
    if (!("others" in made)) return made
    for (const n of made.others) force.set(n, needsOtherRows)
    return undefined
  }
  const whole = new Map(programs.map((p) => [p, programOf(p.rows, p.columns)]))
  if (force.size > 0) return { force }
  const usersOf = (own: readonly Column[]): number[] => [...new Set(own.map((c) => firstUse.get(c)!))].sort((a, b) => a - b)
  const resultsOf = (own: readonly Column[]): RowResult[] => [...rowRoots].filter(([, mine]) => mine.every((c) => own.includes(c))).map(([node, mine]) => ({ node, columns: mine }))
  const reliefOf = (reader: Node, storage: number): ReadonlyMap<Node, string> | undefined => relief(fusion, reader, limits, storage) ?? relief(fusion, reader, limits, storage, true)
  // So are sample programs that cannot be divided.
  for (const [{ columns: own }, program] of whole) {
    const [user, ...others] = usersOf(own)
    if (others.length > 0) continue
    const least = buffersOf(program!, (slot) => !isDraw(fusion.stopped.get(slot)!)).size + resultsOf(own).length + (own.some((c) => inTable.has(c)) ? 1 : 0)
    if (least <= limits.maxStorageBuffersPerShaderStage) continue
    for (const [node, reason] of reliefOf(roots[user!]!, least) ?? []) force.set(node, reason)
  }
  if (force.size > 0) return { force }
  for (const program of programs) {
    const waiting = [program.columns]
    for (let own = waiting.shift(); own; own = waiting.shift()) {
      const made = own === program.columns ? whole.get(program)! : programOf(program.rows, own)!
      const layout = layOut(program.rows, own.filter((c) => inTable.has(c)), firstUse)
      for (const c of own) tables.set(c, layout)
      const results = resultsOf(own)
      const users = usersOf(own)
      const sampled = (quads: boolean): Scheduled => lowered(program.rows, roots[users[0]!]!, (reads, ranges) => lowerSamples(made, layout, results, reads, limits, profile, quads, ranges))
      const quick = sampled(true)
      const scheduled = storageOf(quick.kernel) > limits.maxStorageBuffersPerShaderStage ? sampled(false) : quick
      if (users.length > 1 && tooMuch(scheduled.kernel, limits, mostSampleStatements)) {
        const half = new Set(users.slice(0, users.length >> 1))
        waiting.unshift(own.filter((c) => half.has(firstUse.get(c)!)), own.filter((c) => !half.has(firstUse.get(c)!)))
        continue
      }
      if (storageOf(scheduled.kernel) > limits.maxStorageBuffersPerShaderStage) {
        const found = reliefOf(scheduled.node, storageOf(scheduled.kernel))
        for (const [node, reason] of found ?? []) force.set(node, reason)
        if (found) continue
      }
      timed.push({ time: program.time, order: 1, scheduled })
    }
  }
  for (const group of groups) {
    // All of it was handed on to other groups.
    if (!group.some(stored)) continue
    const e = group[0]!
    const lower = (quads: boolean): Scheduled => lowered(e.sample ? e.sample.high + 1 : 1, e.node, (reads, ranges) => {
      if (e.contraction) return lowerContraction(group, stored, reads, limits, quads)
      const own = group.filter(stored)
      return (quads && fusion.table(e.node.prim).kind !== "opaque" ? lowerQuads(own, kindOf(table, e), reads, limits) : undefined) ?? lowerElements(own, kindOf(table, e), reads, limits, ranges)
    })
    const made = (): Scheduled => {
      const quick = lower(true)
      return storageOf(quick.kernel) > limits.maxStorageBuffersPerShaderStage ? lower(false) : quick
    }
    const scheduled = group.some((x) => x.within || tabled.has(x)) ? made() : shared.kernel(group, stored, made)
    if (tooMuch(scheduled.kernel, limits, mostStatements)) {
      if (group.length > 1) {
        apart.push(...group.map((x) => x.node))
        continue
      }
      const found = relief(fusion, e.node, limits, storageOf(scheduled.kernel))
      for (const [node, reason] of found ?? []) force.set(node, reason)
      if (found) continue
    }
    timed.push({ time: times.root(e.node), order: 0, scheduled })
  }
  if (force.size + apart.length > 0) return { force, separate: apart }
  timed.sort((a, b) => a.time - b.time || a.order - b.order)
  const single = timed.map((t) => t.scheduled)
  const { kernels, ...placed } = beside(single, places, outputs, limits, profile, Math.max(...fusion.live.map((n) => n.id)) + 1)
  return { graph, fusion, kernels, ...placed, arenas, shapes: new Map(elements.flatMap((e) => (e.contraction ? [[e.contraction.shape, e.node] as const] : []))), problems: [...problems, ...overLimits(kernels, limits)] }
}

const nameOf = (node: Node): string => (node.origin.label !== "" ? node.origin.label : ((node.attrs as { readonly name?: string } | undefined)?.name ?? node.prim))
const storageOf = (kernel: Kernel): number => kernel.bindings.filter((b) => b.access !== "uniform").length
const tooMuch = (kernel: Kernel, limits: Limits, statements: number): boolean =>
  storageOf(kernel) > limits.maxStorageBuffersPerShaderStage || sharedBytes(kernel) > limits.maxComputeWorkgroupStorageSize || statementsOf(kernel) > statements

/** Limits that no division of the work could meet. */
const overLimits = (kernels: readonly Scheduled[], limits: Limits): LimitProblem[] => {
  const problems: LimitProblem[] = []
  const seen = new Set<Node>()
  for (const { kernel, bound, node, ranges } of kernels) {
    const storage = storageOf(kernel)
    if (storage > limits.maxStorageBuffersPerShaderStage) problems.push({ limit: "maxStorageBuffersPerShaderStage", needed: storage, available: limits.maxStorageBuffersPerShaderStage, origin: node.origin,
      message: `${nameOf(node)} reads and writes ${storage} buffers at once, but maxStorageBuffersPerShaderStage is ${limits.maxStorageBuffersPerShaderStage}` })
    if (sharedBytes(kernel) > limits.maxComputeWorkgroupStorageSize) problems.push(tooLarge("maxComputeWorkgroupStorageSize", sharedBytes(kernel), limits, `what ${nameOf(node)} keeps of each sample`, node.origin))
    for (const b of bound) {
      const [what, bytes, origin] = b.kind === "node" ? [nameOf(b.node), 4 * sizeOf(b.node.shape), b.node.origin] : b.kind === "table" ? ["the table of samples", 16 * b.table.rows * b.table.stride, node.origin] : ["", 0, node.origin]
      if (b.kind === "node" && seen.has(b.node)) continue
      if (b.kind === "node") seen.add(b.node)
      if (bytes > limits.maxBufferSize) problems.push(tooLarge("maxBufferSize", bytes, limits, what, origin))
      else if (!ranges && b.kind === "table" && bytes > limits.maxStorageBufferBindingSize) problems.push(tooLarge("maxStorageBufferBindingSize", bytes, limits, what, origin))
    }
  }
  return problems
}

interface Program {
  readonly rows: number
  readonly time: number
  readonly columns: Column[]
}

/** One program for each number of rows and time; a program none of whose columns is needed before the next one joins that. */
const programsOf = (columns: Columns, rowRoots: ReadonlyMap<Node, readonly Column[]>, times: ReturnType<typeof timesOf>, neededAt: ReadonlyMap<Column, number>): Program[] => {
  const owner = new Map([...rowRoots].flatMap(([node, own]) => own.map((c) => [c, node] as const)))
  const programs = new Map<string, Program>()
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
  return [...programs.values()]
}

/** The columns of a small result of each sample, in the order of its elements. */
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

/** Sorts have kernels of their own. */
const joinable = (table: PrimitiveTable, e: Elements): boolean => table(e.node.prim).kind !== "opaque"

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
