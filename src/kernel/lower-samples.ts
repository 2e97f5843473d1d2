/**
 * Lowers a sample program: with statistics or arrays a workgroup for each row, otherwise a thread for each row. In a
 * workgroup every lane computes the scalars (they are few, and memory behind a condition is slow to compile), the draws
 * are spread over the lanes, all lanes sum the statistics, and lane 0 adds the partial sums in a fixed order.
 */
import type { Node } from "../ir/graph.ts"
import { containsReduction, i32, idiv, mapScalar, mod, operands, type Scalar, type Var } from "../scalar/scalar.ts"
import type { Simplify } from "../scalar/simplify-alike.ts"
import { sizeOf } from "../schedule/inline.ts"
import type { Limits, Profile, Ranges } from "../schedule/limits.ts"
import type { Column } from "../schedule/rates.ts"
import { memorySlot, type RowArray, type RowScalar, type SampleProgram, type Statistic } from "../schedule/sample-program.ts"
import { foldGroups } from "../schedule/tile.ts"
import { fromWord, makeTarget, toWord, type Reads, type Table } from "./bindings.ts"
import { arithmetic, builtin, local, number, use, type ArrayLocal, type Expr, type Kernel, type Stmt } from "./kernel.ts"
import { block, combined, makeLowerer, neutral } from "./lower.ts"
import { inQuads, quadValues } from "./quads.ts"
import { constantsInto, rowMemory, wordPlace } from "./row-memory.ts"
import { arrangementLoops, drawLoops, keyLoop, type DrawLoops } from "./sample-draws.ts"

/** Lanes of a workgroup: as many as a CPU adapter computes at once, where lanes share a row; on a GPU, where a row has a long statistic, many. */
const [cpuLanes, fewLanes, manyLanes, longStatistic] = [8, 64, 256, 4096]
/** Statistics whose lanes take fewer quads are summed one by one. */
const leastQuads = 4
/** A table of at most so many groups of four words is written group by group. */
const fewGroups = 4

type Reduction = Extract<Scalar, { op: "reduce" }>

/** A small result of each sample with a buffer of its own: one column for each element, or one array. */
export interface RowResult {
  readonly node: Node
  readonly columns: readonly Column[]
}

export const lowerSamples = (program: SampleProgram, table: Table, results: readonly RowResult[], reads: Reads, limits: Limits, profile: Profile, quads: boolean, ranges?: Ranges): Kernel => {
  const long = program.values.some((v) => v.kind === "statistic" && v.reduce.vars.reduce((n, x) => n * (x.high - x.low + 1), 1) >= longStatistic)
  const together = program.values.some((v) => v.kind === "statistic" || v.kind === "array")
  const lanes = profile === "gpu" ? (long ? Math.min(manyLanes, limits.maxComputeInvocationsPerWorkgroup) : fewLanes) : together ? cpuLanes : fewLanes
  /** Lanes of one subgroup tell each other their parts: no memory, and no barrier, which software adapters divide a kernel at. */
  const oneSubgroup = profile === "cpu" && together && limits.subgroupSize >= lanes
  const memory = rowMemory(program, reads, together ? "workgroup" : "private")
  const shared: ArrayLocal[] = []
  const constants = constantsInto(shared)
  const lane = local("i32")
  const row = local("i32")
  const within = local("i32")
  const rows = ranges ? ranges.step : program.rows
  const tableBinding = table.stride > 0 ? reads.bindings.table(table, "write") : -1

  // One block for all: what a level computed, later ones know.
  const top = block()
  const body = top.statements
  const prelude: Stmt[] = []
  top.known.set(program.row, use(row))
  if (program.within) top.known.set(program.within, use(ranges ? within : row))
  const scalars = new Map<number, Expr>()
  const ownReads: Reads = {
    ...reads,
    memory: (e, index) => scalars.get(e.slot) ?? fromWord(e.type, memory.word(wordPlace(memory.at.get(e.slot)!, index[0]!)))
  }
  const target = makeTarget(ownReads, prelude, memory.keyAt)
  const flushPrelude = (): void => { body.push(...prelude.splice(0)) }

  const spread = (count: number, statements: (k: Expr) => Stmt[]): Stmt => {
    const k = local("i32")
    const below = together ? number(count) : arithmetic("add", number(count), { op: "hidden_zero", type: "i32" })
    return { op: "for", local: k, from: together ? use(lane) : number(0), below, step: together ? lanes : 1, body: statements(use(k)) }
  }
  // Whether a lane may read what another has written since the last barrier.
  let written = false
  const barrier = (): void => {
    if (together && (written || !oneSubgroup)) body.push({ op: "barrier" })
    written = false
  }
  const loops: DrawLoops = { reads, memory, constants, spread, lower: (e) => makeLowerer(target, [e]).lower([e], top)[0]! }

  /** The scalars of a level become locals of the whole kernel. */
  const lowerScalars = (level: number): void => {
    const own = inOrder(program.values.flatMap((v) => (v.kind === "scalar" && v.level === level ? [v] : [])))
    const lowerer = makeLowerer(target, own.map((s) => s.body))
    const into = block()
    for (const [e, known] of top.known) into.known.set(e, known)
    for (const s of own) {
      const name = local(s.type)
      const value = lowerer.lower([s.body], into)[0]!
      into.statements.push({ op: "let", local: name, value })
      into.known.set(s.body, use(name))
      scalars.set(s.slot, use(name))
    }
    flushPrelude()
    body.push(...into.statements)
    for (const [e, known] of into.known) top.known.set(e, known)
  }

  const free: ArrayLocal[] = []
  const lowerStatistics = (group: readonly Statistic[]): { readonly statistic: Statistic; readonly part: ArrayLocal }[] => {
    if (oneSubgroup) {
      lowerTotals(group).forEach((total, i) => {
        const { slot, type, reduce } = group[i]!
        const [own, whole] = [local(type), local(type)]
        const all = Array.from({ length: lanes }, (_, k): Expr => ({ op: "subgroup_broadcast", type, x: use(own), lane: k }))
        body.push({ op: "let", local: own, value: total }, { op: "let", local: whole, value: all.reduce((a, b) => combined(reduce.combine, type, a, b)) })
        scalars.set(slot, use(whole))
      })
      return []
    }
    return lowerTotals(group).map((total, i) => {
      const statistic = group[i]!
      const reused = free.findIndex((a) => a.element === statistic.type)
      const part: ArrayLocal = reused >= 0 ? free.splice(reused, 1)[0]! : { kind: "array", space: "workgroup", element: statistic.type, length: lanes }
      if (reused < 0) shared.push(part)
      body.push({ op: "set", array: part, index: use(lane), value: total })
      return { statistic, part }
    })
  }
  /** What each lane sums of each statistic. */
  const lowerTotals = (group: readonly Statistic[]): readonly Expr[] => {
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
    const bodies = reads.simplify(group.map((s) => mapScalar(s.reduce.body, (e) => e, new Map<Scalar, Scalar>(s.reduce.vars.map((v, d) => [v, index[d]!])))))
    const four = quads && turns >= 4 * leastQuads * lanes ? inQuads(bodies, place, reads) : undefined
    const made = four && four.roots.every(four.moves) ? quadValues(four.roots, four, reads) : undefined
    const turn: Var = four && made ? four.quad : place
    const moving = four && made ? [turn, four.component] : [turn]
    const inner = block(top, moving)
    const counter = local("i32")
    inner.known.set(turn, use(counter))
    const sums = group.map((s) => Array.from({ length: made ? 4 : 1 }, () => local(s.type)))
    const add = (s: Statistic, a: Expr, b: Expr): Expr => combined(s.reduce.combine, s.type, a, b)
    if (four && made) {
      inner.known.set(four.component, { op: "component", type: "i32" })
      makeLowerer(made.target(target), made.values, moving).lower(made.values, inner).forEach((value, i) => {
        const name = local(group[i]!.type)
        inner.statements.push({ op: "let", local: name, value })
        sums[i]!.forEach((sum, k) => inner.statements.push({ op: "assign", local: sum, value: add(group[i]!, use(sum), { op: "part", type: name.type as Statistic["type"], x: use(name), at: k as 0 | 1 | 2 | 3 }) }))
      })
    } else {
      const values = makeLowerer(target, bodies, [place]).lower(bodies, inner)
      group.forEach((s, i) => inner.statements.push({ op: "assign", local: sums[i]![0]!, value: add(s, use(sums[i]![0]!), values[i]!) }))
    }
    flushPrelude()
    group.forEach((s, i) => sums[i]!.forEach((sum) => body.push({ op: "var", local: sum, value: number(neutral(s.reduce.combine, s.type), s.type) })))
    body.push({ op: "for", local: counter, from: use(lane), below: number(turn.high + 1), step: lanes, body: inner.statements })
    return group.map((s, i): Expr => {
      const [a, b, c, d] = sums[i]!.map(use)
      return b && c && d ? add(s, add(s, a!, b), add(s, c, d)) : a!
    })
  }
  /** The lanes' partial results, in a fixed order: on a GPU halves are added to halves, elsewhere lane 0 adds all in one loop. */
  const combine = (parts: readonly { readonly statistic: Statistic; readonly part: ArrayLocal }[]): void => {
    if (parts.length === 0) return
    barrier()
    if (profile === "gpu" && (lanes & (lanes - 1)) === 0) return halved(parts)
    const turn = local("i32")
    const totals = parts.map(({ statistic: s }) => local(s.type))
    body.push({ op: "if", condition: arithmetic("eq", use(lane), number(0)), else: [], then: [
      ...parts.map(({ statistic: s }, i): Stmt => ({ op: "var", local: totals[i]!, value: number(neutral(s.reduce.combine, s.type), s.type) })),
      { op: "for", local: turn, from: number(0), below: arithmetic("add", number(lanes), { op: "hidden_zero", type: "i32" }), step: 1, body: parts.map(({ statistic: s, part }, i): Stmt =>
        ({ op: "assign", local: totals[i]!, value: combined(s.reduce.combine, s.type, use(totals[i]!), { op: "element", type: s.type, array: part, index: use(turn) }) })) },
      ...parts.map(({ statistic: s }, i): Stmt => ({ op: "set", array: memory.array, index: number(memory.at.get(s.slot)!), value: toWord(use(totals[i]!)) }))
    ] })
    free.push(...parts.map((p) => p.part))
  }
  const halved = (parts: readonly { readonly statistic: Statistic; readonly part: ArrayLocal }[]): void => {
    const at = (array: ArrayLocal, type: Statistic["type"], index: Expr): Expr => ({ op: "element", type, array, index })
    for (let half = lanes >> 1; half >= 1; half >>= 1) {
      body.push({ op: "if", condition: arithmetic("lt", use(lane), number(half)), else: [], then: parts.map(({ statistic: s, part }): Stmt =>
        ({ op: "set", array: part, index: use(lane), value: combined(s.reduce.combine, s.type, at(part, s.type, use(lane)), at(part, s.type, arithmetic("add", use(lane), number(half)))) })) })
      barrier()
    }
    body.push({ op: "if", condition: arithmetic("eq", use(lane), number(0)), else: [], then: parts.map(({ statistic: s, part }): Stmt =>
      ({ op: "set", array: memory.array, index: number(memory.at.get(s.slot)!), value: toWord(at(part, s.type, number(0))) })) })
    free.push(...parts.map((p) => p.part))
  }
  /** Arrays of one length, in one loop; four elements at once where all of them can be. */
  const lowerArrays = (arrays: readonly RowArray[]): void => {
    written = true
    const { element, words } = arrays[0]!
    const bodies = arrays.map((v) => v.body)
    const four = quads && words >= 4 * leastQuads * lanes && element.high + 1 === words ? inQuads(bodies, element, reads) : undefined
    const made = four && four.roots.every(four.moves) ? quadValues(four.roots, four, reads) : undefined
    if (!made && arrays.length > 1) return arrays.forEach((v) => lowerArrays([v]))
    const counter = local("i32")
    const put = (v: RowArray, at: Expr, value: Expr): Stmt => ({ op: "set", array: memory.array, index: wordPlace(memory.at.get(v.slot)!, at), value: toWord(value) })
    const moving = four && made ? [four.quad, four.component] : [element]
    const inner = block(top, moving)
    inner.known.set(moving[0]!, use(counter))
    if (four && made) {
      inner.known.set(four.component, { op: "component", type: "i32" })
      const first = arithmetic("mul", use(counter), number(4))
      makeLowerer(made.target(target), made.values, moving).lower(made.values, inner).forEach((value, i) => {
        const v = arrays[i]!
        const name = local(v.body.type)
        inner.statements.push({ op: "let", local: name, value })
        for (const at of [0, 1, 2, 3] as const) inner.statements.push(put(v, arithmetic("add", first, number(at)), { op: "part", type: v.body.type, x: use(name), at }))
      })
    } else makeLowerer(target, bodies, moving).lower(bodies, inner).forEach((value, i) => inner.statements.push(put(arrays[i]!, use(counter), value)))
    flushPrelude()
    body.push({ op: "for", local: counter, from: use(lane), below: number(made ? words / 4 : words), step: lanes, body: inner.statements })
  }

  // ---- the kernel, in order
  const { groups, linear } = foldGroups([together ? rows : Math.ceil(rows / lanes)], limits)
  const head: Stmt[] = [{ op: "let", local: lane, value: builtin("lane") }]
  const index: Expr = !together ? arithmetic("add", arithmetic("mul", linear.index, number(lanes)), use(lane)) : linear.exact ? linear.index : arithmetic("min", linear.index, number(rows - 1))
  if (program.within && ranges) {
    // Within a range, rows count from the range's first.
    head.push({ op: "let", local: within, value: index }, { op: "let", local: row, value: arithmetic("add", use(within), { op: "load", type: "i32", binding: reads.bindings.first(), index: number(0) }) })
  } else head.push({ op: "let", local: row, value: index })

  const keys = keyLoop(loops)
  body.push(...keys)
  written = keys.length > 0
  if (keys.length > 0) barrier()
  const draws = [...drawLoops(loops, program), ...arrangementLoops(loops, program)]
  flushPrelude()
  body.push(...draws)
  written = draws.length > 0
  if (draws.length > 0) barrier()
  lowerScalars(0)
  for (let level = 1; level < program.levels; level++) {
    const parts = sameLoops(program.values.flatMap((v) => (v.kind === "statistic" && v.level === level ? [v] : []))).flatMap(lowerStatistics)
    sameSums(program.values.flatMap((v) => (v.kind === "array" && v.level === level ? [v] : [])), reads.simplify).forEach(lowerArrays)
    combine(parts)
    barrier()
    lowerScalars(level)
  }
  body.push(...writeOut())

  const arrays = oneSubgroup ? memory.sites.length > 0 || program.values.some((v) => v.kind !== "scalar" && v.kind !== "statistic") : memory.array.length > 1 || memory.at.size > 0
  if (together) {
    return { kind: "sample", bindings: reads.bindings.list, workgroup: [lanes, 1, 1], groups, shared: [...(arrays ? [memory.array] : []), ...shared], body: [...head, ...body] }
  }
  return {
    kind: "sample", bindings: reads.bindings.list, workgroup: [lanes, 1, 1], groups, shared,
    body: [...head, { op: "if", condition: arithmetic("lt", use(row), number(program.rows)), then: [...(arrays ? [{ op: "array", array: memory.array } satisfies Stmt] : []), ...body], else: [] }]
  }

  /** The table's words and the results, from locals and from memory. */
  function writeOut(): Stmt[] {
    const out: Stmt[] = []
    const slotOf = new Map(program.columns.map(({ column, slot }) => [column, slot]))
    const wordOf = (column: Column, k: number): Expr => {
      const known = scalars.get(slotOf.get(column)!)
      return known ? toWord(known) : memory.word(number(memory.at.get(slotOf.get(column)!)! + k))
    }
    const once = (statements: readonly Stmt[]): Stmt[] =>
      statements.length === 0 ? [] : together ? [{ op: "if", condition: arithmetic("eq", use(lane), number(0)), then: statements, else: [] }] : [...statements]
    const start = arithmetic("mul", use(row), number(table.stride))
    const words: (Expr | undefined)[] = Array.from({ length: table.stride * 4 }, () => undefined)
    for (const [column, offset] of table.offsets) for (let k = 0; k < column.words; k++) words[offset + k] = wordOf(column, k)
    const zero = number(0, "u32")
    const four = (at: (k: number) => Expr): [Expr, Expr, Expr, Expr] => [at(0), at(1), at(2), at(3)]
    if (table.stride > 0 && table.stride <= fewGroups) {
      out.push(...once(Array.from({ length: table.stride }, (_, g): Stmt => ({ op: "store_words", binding: tableBinding, index: arithmetic("add", start, number(g)), values: four((k) => words[4 * g + k] ?? zero) }))))
    } else if (table.stride > 0) {
      // Gathered in one private array, and written by one loop.
      const line: ArrayLocal = { kind: "array", space: "private", element: "u32", length: words.length }
      out.push({ op: "array", array: line })
      for (const [column, offset] of table.offsets) {
        if (column.words <= 4) for (let k = 0; k < column.words; k++) out.push({ op: "set", array: line, index: number(offset + k), value: words[offset + k]! })
        else {
          const j = local("i32")
          out.push({ op: "for", local: j, from: number(0), below: arithmetic("add", number(column.words), { op: "hidden_zero", type: "i32" }), step: 1, body: [
            { op: "set", array: line, index: wordPlace(offset, use(j)), value: memory.word(wordPlace(memory.at.get(slotOf.get(column)!)!, use(j))) }] })
        }
      }
      out.push(spread(table.stride, (g) => [{ op: "store_words", binding: tableBinding, index: arithmetic("add", start, g),
        values: four((k) => ({ op: "element", type: "u32", array: line, index: wordPlace(k, arithmetic("mul", g, number(4))) })) }]))
    }
    for (const { node, columns } of results) {
      const count = sizeOf(node.shape.slice(1))
      const binding = reads.bindings.write(node)
      const place = (e: Expr): Expr => arithmetic("add", arithmetic("mul", use(row), number(count)), e)
      if (columns.length === count && columns.every((c) => c.words === 1)) {
        out.push(...once(columns.map((c, e): Stmt => ({ op: "store", binding, index: place(number(e)), value: fromWord(node.dtype, wordOf(c, 0)) }))))
      } else {
        const from = memory.at.get(slotOf.get(columns[0]!)!)!
        out.push(spread(count, (e) => [{ op: "store", binding, index: place(e), value: fromWord(node.dtype, memory.word(wordPlace(from, e))) }]))
      }
    }
    return out
  }
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

/** Arrays of one length whose elements are sums over equal extents share their loops: what both read (rows of a picture and of its gradient) is read once. */
const sameSums = (arrays: readonly RowArray[], simplify: Simplify): RowArray[][] => {
  const groups = new Map<string | RowArray, RowArray[]>()
  for (const v of arrays) {
    const key = v.body.op === "reduce" && v.element.high + 1 === v.words && !containsReduction(v.body.body) ? `${v.words}: ${v.body.vars.map((x) => `${x.low}..${x.high}`).join(" ")}` : v
    groups.set(key, [...(groups.get(key) ?? []), v])
  }
  return [...groups.values()].map((group) => {
    const [first] = group
    if (group.length === 1 || first?.body.op !== "reduce") return group
    const vars = first.body.vars
    const bodies = simplify(group.map(({ element, body }) => {
      const own = (body as Reduction).vars
      const names = new Map<Scalar, Scalar>([[element, first.element], ...own.map((v, i) => [v, vars[i]!] as const)])
      const inner = mapScalar((body as Reduction).body, (e) => e, names)
      return { ...(body as Reduction), vars, body: inner }
    }))
    return group.map((v, i) => ({ ...v, element: first.element, body: bodies[i]! }))
  })
}

/** Scalars in an order in which what another reads comes first. */
const inOrder = (scalars: readonly RowScalar[]): RowScalar[] => {
  const bySlot = new Map(scalars.map((s) => [s.slot, s]))
  const done = new Set<RowScalar>()
  const result: RowScalar[] = []
  const visit = (s: RowScalar): void => {
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
