/**
 * Lowers a sample program: with statistics or arrays a workgroup for each row (lane 0 computes scalars, all lanes sum
 * the statistics, partial sums are added in a fixed order), otherwise a thread for each row.
 */
import type { Scalar, Var } from "../scalar/scalar.ts"
import { canonical } from "../scalar/intern.ts"
import { simplify } from "../scalar/simplify-scalar.ts"
import type { Node } from "../ir/graph.ts"
import { idiv, i32, mapScalar, mod, operands } from "../scalar/scalar.ts"
import { drawAttrs, type Column } from "../schedule/rates.ts"
import type { RowArray, SampleProgram, Statistic } from "../schedule/sample-program.ts"
import { memorySlot } from "../schedule/sample-program.ts"
import { foldGroups } from "../schedule/tile.ts"
import { sizeOf } from "../schedule/inline.ts"
import type { Limits, Profile, Ranges } from "../schedule/limits.ts"
import { distributionOf, fromWord, makeTarget, toWord, type Reads, type Table } from "./bindings.ts"
import { arithmetic, builtin, local, number, use, type ArrayLocal, type Expr, type Kernel, type Stmt } from "./kernel.ts"
import { block, combined, makeLowerer, neutral, type Block } from "./lower.ts"

/** Lanes of a workgroup; on a GPU, where a row has a long statistic, more. */
const [fewLanes, manyLanes, longStatistic] = [64, 256, 4096]

/** Where each value lies in the row's memory, the table's columns first. */
const layout = (program: SampleProgram, table: Table): { readonly at: ReadonlyMap<number, number>; readonly words: number } => {
  const at = new Map<number, number>()
  for (const { column, slot } of program.columns) {
    const offset = table.offsets.get(column)
    if (offset !== undefined && !at.has(slot)) at.set(slot, offset)
  }
  let words = table.stride * 4
  for (const v of program.values) {
    if (at.has(v.slot)) continue
    at.set(v.slot, words)
    words += "words" in v ? v.words : 1
  }
  return { at, words }
}

/** A small result of each sample with a buffer of its own: one column for each element, or one array. */
export interface RowResult {
  readonly node: Node
  readonly columns: readonly Column[]
}

export const lowerSamples = (program: SampleProgram, table: Table, results: readonly RowResult[], reads: Reads, limits: Limits, profile: Profile, ranges?: Ranges): Kernel => {
  const together = program.values.some((v) => v.kind === "statistic" || v.kind === "array")
  const long = program.values.some((v) => v.kind === "statistic" && v.reduce.vars.reduce((n, x) => n * (x.high - x.low + 1), 1) >= longStatistic)
  const lanes = profile === "gpu" && long ? Math.min(manyLanes, limits.maxComputeInvocationsPerWorkgroup) : fewLanes
  const { at, words } = layout(program, table)
  const memory: ArrayLocal = { kind: "array", space: together ? "workgroup" : "private", element: "u32", length: Math.max(1, words) }
  const shared: ArrayLocal[] = together ? [memory] : []
  const body: Stmt[] = together ? [] : [{ op: "array", array: memory }]
  const lane = local("i32")
  const row = local("i32")
  const rowValue: Expr = use(row)
  const within = local("i32")
  const rows = ranges ? ranges.step : program.rows
  const bindRow = (into: Block): void => {
    into.known.set(program.row, rowValue)
    if (program.within) into.known.set(program.within, ranges ? use(within) : rowValue)
  }
  /** Names the row; within a range it counts from the range's first. */
  const nameRow = (index: Expr): Stmt[] => (!program.within || !ranges ? [{ op: "let", local: row, value: index }] : [
    { op: "let", local: within, value: index },
    { op: "let", local: row, value: arithmetic("add", use(within), { op: "load", type: "i32", binding: reads.bindings.first(), index: number(0) }) }])
  const ownReads: Reads = {
    ...reads,
    memory: (e, index) => fromWord(e.type, { op: "element", type: "u32", array: memory, index: arithmetic("add", index[0]!, number(at.get(e.slot)!)) })
  }
  const tableBinding = table.stride > 0 ? reads.bindings.table(table, "write") : -1
  const slotOf = new Map(program.columns.map(({ column, slot }) => [column, slot]))

  const scalarBlock = (level: number): Stmt[] => {
    const prelude: Stmt[] = []
    const target = makeTarget(ownReads, prelude)
    const into = block()
    bindRow(into)
    // What lower levels stored is read back.
    for (const v of program.values) if (v.kind === "scalar" && v.level < level) into.known.set(v.body, fromWord(v.type, { op: "element", type: "u32", array: memory, index: number(at.get(v.slot)!) }))
    for (const v of program.values) if (v.kind === "statistic" && v.level === level) combine(v, into.statements)
    const own = program.values.filter((v) => (v.kind === "scalar" || v.kind === "arrangement") && v.level === level)
    const scalars = own.flatMap((v) => (v.kind === "scalar" ? [v] : []))
    const arrangements = own.flatMap((v) => (v.kind === "arrangement" ? [v] : []))
    const lowerer = makeLowerer(target, [...arrangements.map((a) => a.sample), ...scalars.map((s) => s.body)])
    for (const a of arrangements) {
      const sample = lowerer.lower([a.sample], into)[0]!
      const array: ArrayLocal = { kind: "array", space: "private", element: "i32", length: a.words }
      reads.bindings.settings()
      const key = local("key")
      prelude.push({ op: "let", local: key, value: { op: "key", type: "key", site: drawAttrs(a.node).site } })
      into.statements.push({ op: "array", array }, { op: "draw_array", array, distribution: distributionOf(a.node), args: [use(key), { op: "cast", type: "u32", fn: "u32", x: sample }] })
      copy(a.words, (k) => [{ op: "set", array: memory, index: arithmetic("add", number(at.get(a.slot)!), k), value: toWord({ op: "element", type: "i32", array, index: k }) }], into.statements)
    }
    // In order of slots, values that others need first.
    for (const s of inOrder(scalars)) {
      const value = lowerer.lower([s.body], into)[0]!
      const name = local(s.type)
      into.statements.push({ op: "let", local: name, value })
      into.known.set(s.body, use(name))
      into.statements.push({ op: "set", array: memory, index: number(at.get(s.slot)!), value: toWord(use(name)) })
    }
    return [...prelude, ...into.statements]
  }
  const partials = new Map<number, ArrayLocal>()
  const combine = (s: Statistic, into: Stmt[]): void => {
    const total = local(s.type)
    const turn = local("i32")
    const part = partials.get(s.slot)!
    into.push(
      { op: "var", local: total, value: number(neutral(s.reduce.combine, s.type), s.type) },
      { op: "for", local: turn, from: number(0), below: number(lanes), step: 1, body: [
        { op: "assign", local: total, value: combined(s.reduce.combine, s.type, use(total), { op: "element", type: s.type, array: part, index: use(turn) }) }] },
      { op: "set", array: memory, index: number(at.get(s.slot)!), value: toWord(use(total)) })
  }

  const cooperative = (level: number): Stmt[] => {
    const out: Stmt[] = []
    const free = [...new Set(partials.values())]
    for (const group of sameLoops(program.values.flatMap((v) => (v.kind === "statistic" && v.level === level ? [v] : [])))) out.push(...statisticLoop(group, free))
    for (const v of program.values) if (v.kind === "array" && v.level === level) out.push(...arrayLoop(v))
    return out
  }
  const statisticLoop = (group: readonly Statistic[], free: ArrayLocal[]): Stmt[] => {
    const extents = group[0]!.reduce.vars.map((v) => v.high - v.low + 1)
    const turns = extents.reduce((a, b) => a * b, 1)
    const place: Var = { op: "var", type: "i32", name: "p", low: 0, high: turns - 1 }
    let stride = 1
    const index: Scalar[] = []
    for (let d = extents.length - 1; d >= 0; d--) {
      const outer = idiv(place, i32(stride))
      index.unshift(d === 0 ? outer : mod(outer, i32(extents[d]!)))
      stride *= extents[d]!
    }
    const bodies = canonical(simplify(group.map((s) => mapScalar(s.reduce.body, (e) => e, new Map<Scalar, Scalar>(s.reduce.vars.map((v, d) => [v, index[d]!]))))))
    const prelude: Stmt[] = []
    const target = makeTarget(ownReads, prelude)
    const outer = block()
    bindRow(outer)
    const inner = block(outer, [place])
    const counter = local("i32")
    inner.known.set(place, use(counter))
    const totals = group.map((s) => local(s.type))
    group.forEach((s, i) => outer.statements.push({ op: "var", local: totals[i]!, value: number(neutral(s.reduce.combine, s.type), s.type) }))
    const values = makeLowerer(target, bodies, [place]).lower(bodies, inner)
    group.forEach((s, i) => inner.statements.push({ op: "assign", local: totals[i]!, value: combined(s.reduce.combine, s.type, use(totals[i]!), values[i]!) }))
    outer.statements.push({ op: "for", local: counter, from: use(lane), below: number(turns), step: lanes, body: inner.statements })
    group.forEach((s, i) => {
      const reused = free.findIndex((a) => a.element === s.type)
      const part: ArrayLocal = reused >= 0 ? free.splice(reused, 1)[0]! : { kind: "array", space: "workgroup", element: s.type, length: lanes }
      if (reused < 0) shared.push(part)
      partials.set(s.slot, part)
      outer.statements.push({ op: "set", array: part, index: use(lane), value: use(totals[i]!) })
    })
    return [...prelude, ...outer.statements]
  }
  const arrayLoop = (v: RowArray): Stmt[] => {
    const prelude: Stmt[] = []
    const target = makeTarget(ownReads, prelude)
    const outer = block()
    bindRow(outer)
    const inner = block(outer, [v.element])
    const counter = local("i32")
    inner.known.set(v.element, use(counter))
    const value = makeLowerer(target, [v.body], [v.element]).lower([v.body], inner)[0]!
    inner.statements.push({ op: "set", array: memory, index: arithmetic("add", use(counter), number(at.get(v.slot)!)), value: toWord(value) })
    return [...prelude, ...outer.statements, { op: "for", local: counter, from: use(lane), below: number(v.words), step: lanes, body: inner.statements }]
  }

  const resultsOut = (first: Expr, step: number): Stmt[] => results.map(({ node, columns }) => {
    const words = sizeOf(node.shape.slice(1))
    const binding = reads.bindings.write(node)
    const whole = columns.length === 1 && columns[0]!.words === words
    const place = (e: Expr): Expr => (whole ? arithmetic("add", e, number(at.get(slotOf.get(columns[0]!)!)!)) : number(0))
    const stored = (e: Expr, memoryAt: Expr): Stmt => ({ op: "store", binding, index: arithmetic("add", arithmetic("mul", rowValue, number(words)), e), value: fromWord(node.dtype, { op: "element", type: "u32", array: memory, index: memoryAt }) })
    if (!whole || words === 1) {
      const each = columns.map((c, e) => stored(number(e), number(at.get(slotOf.get(c)!)!)))
      return together ? [{ op: "if", condition: arithmetic("eq", use(lane), number(0)), then: each, else: [] } satisfies Stmt] : each
    }
    const k = local("i32")
    return [{ op: "for", local: k, from: first, below: number(words), step, body: [stored(use(k), place(use(k)))] } satisfies Stmt]
  }).flat()
  const copyOut = (first: Expr, step: number): Stmt[] => {
    if (table.stride === 0) return resultsOut(first, step)
    const k = local("i32")
    const group = (j: Expr): Stmt => ({ op: "store_words", binding: tableBinding, index: arithmetic("add", arithmetic("mul", rowValue, number(table.stride)), j),
      values: [0, 1, 2, 3].map((c): Expr => ({ op: "element", type: "u32", array: memory, index: arithmetic("add", arithmetic("mul", j, number(4)), number(c)) })) as [Expr, Expr, Expr, Expr] })
    const rest = resultsOut(first, step)
    if (step === 1 && table.stride <= 16) return [...Array.from({ length: table.stride }, (_, j) => group(number(j))), ...rest]
    return [{ op: "for", local: k, from: first, below: number(table.stride), step, body: [group(use(k))] }, ...rest]
  }

  if (together) {
    const { groups, linear } = foldGroups([rows], limits)
    body.push({ op: "let", local: lane, value: builtin("lane") }, ...nameRow(linear.exact ? linear.index : arithmetic("min", linear.index, number(rows - 1))))
    for (let level = 0; level < program.levels; level++) {
      if (level > 0) {
        const loops = cooperative(level)
        if (loops.length > 0) body.push(...loops, { op: "barrier" })
      }
      const scalars = scalarBlock(level)
      if (scalars.length > 0) body.push({ op: "if", condition: arithmetic("eq", use(lane), number(0)), then: scalars, else: [] }, { op: "barrier" })
    }
    body.push(...copyOut(use(lane), lanes))
    return { kind: "sample", bindings: reads.bindings.list, workgroup: [lanes, 1, 1], groups, shared, body }
  }
  const { groups, linear } = foldGroups([Math.ceil(rows / lanes)], limits)
  body.push({ op: "let", local: lane, value: builtin("lane") }, ...nameRow(arithmetic("add", arithmetic("mul", linear.index, number(lanes)), use(lane))))
  const inside = [...scalarBlock(0), ...copyOut(number(0), 1)]
  body.push({ op: "if", condition: arithmetic("lt", rowValue, number(program.rows)), then: inside, else: [] })
  return { kind: "sample", bindings: reads.bindings.list, workgroup: [lanes, 1, 1], groups, shared, body }
}

/** Statistics over equal extents share one loop. */
const sameLoops = (statistics: readonly Statistic[]): Statistic[][] => {
  const groups = new Map<string, Statistic[]>()
  for (const s of statistics) {
    const key = s.reduce.vars.map((v) => v.high - v.low + 1).join("x")
    groups.set(key, [...(groups.get(key) ?? []), s])
  }
  return [...groups.values()]
}

/** `n` copies: written out when few, a loop otherwise. */
const copy = (n: number, statement: (k: Expr) => Stmt[], into: Stmt[]): void => {
  if (n <= 8) for (let k = 0; k < n; k++) into.push(...statement(number(k)))
  else {
    const k = local("i32")
    into.push({ op: "for", local: k, from: number(0), below: number(n), step: 1, body: statement(use(k)) })
  }
}

/** Scalars in an order in which what another reads from memory comes first. */
const inOrder = <T extends { readonly slot: number; readonly body: Scalar }>(scalars: readonly T[]): T[] => {
  const bySlot = new Map(scalars.map((s) => [s.slot, s]))
  const done = new Set<T>()
  const result: T[] = []
  const visit = (s: T): void => {
    if (done.has(s)) return
    done.add(s)
    const seen = new Set<Scalar>()
    const walk = (e: Scalar): void => {
      if (seen.has(e)) return
      seen.add(e)
      if (e.op === "read" && e.slot >= memorySlot && bySlot.has(e.slot)) visit(bySlot.get(e.slot)!)
      operands(e).forEach(walk)
    }
    walk(s.body)
    result.push(s)
  }
  scalars.forEach(visit)
  return result
}
