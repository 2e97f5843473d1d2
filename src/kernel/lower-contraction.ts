/**
 * Lowers a contraction: each lane keeps a tile of sums in registers, loops over the summed loops, loads what a turn needs
 * of both operands once, and hands its sums to the results that are computed from them (the epilogue).
 */
import type { Node } from "../ir/graph.ts"
import type { Affine, AffineAccess } from "../prim/contraction.ts"
import { interner } from "../scalar/intern.ts"
import { and, bool, eachScalar, eq, f32, ge, i32, idiv, lt, mapScalar, mod, read, select, variable, type Scalar, type Var } from "../scalar/scalar.ts"
import { rolesOf } from "../schedule/contraction-tiles.ts"
import type { Contraction, Operand } from "../schedule/contraction.ts"
import { sizeOf } from "../schedule/inline.ts"
import type { Limits } from "../schedule/limits.ts"
import { expressionOf, linearOf, substituted, type Linear } from "../schedule/linear.ts"
import { isDraw } from "../schedule/rates.ts"
import { foldGroups } from "../schedule/tile.ts"
import { loadColumns, makeTarget, type Reads } from "./bindings.ts"
import { arithmetic, builtin, local, number, use, type ArrayLocal, type Expr, type Kernel, type Local, type Stmt } from "./kernel.ts"
import { block, makeLowerer, type Block } from "./lower.ts"
import { lowerBlocks } from "./lower-blocks.ts"
import type { Elements } from "./lower-elements.ts"

/** Results computed from a contraction's sums read them here: `[0]`. */
export const sumSlot = (node: Node, memorySlot: number): number => memorySlot + node.id

/** Positions within the tile, by loop. */
type At = ReadonlyMap<number, { readonly value: number; readonly size: number }>

/** A bound that no compiler can see through, so that the loop is not unrolled. */
export const hidden = (n: number): Expr => ({ op: "binary", type: "i32", fn: "add", a: number(n), b: { op: "hidden_zero", type: "i32" }, nonNegative: false })
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

interface Load {
  readonly value: Scalar
}

/** The index of one dimension, and whether it lies inside. */
interface PlaceInTile {
  readonly index: Scalar
  readonly inside: Scalar
  /** The index as a sum. */
  readonly sum: Linear
}

export const lowerContraction = (group: readonly Elements[], stored: (e: Elements) => boolean, reads: Reads, limits: Limits, quads: boolean): Kernel => {
  const first = group[0]!
  const { attrs, operands, tile } = first.contraction!
  if (tile.blocks) return lowerBlocks(group, stored, reads, tile.blocks)
  const extents = [...attrs.out, ...attrs.over]
  const roles = rolesOf(attrs)
  const { columns, column, row, inner } = tile
  const rows = (1 - columns) as 0 | 1
  const sizeOfLoop = (l: number): number => (l === column.loop ? column.size : l === row.loop ? row.size : l === inner.loop ? inner.size : 1)
  const vars = extents.map((n, l) => variable(`l${l}`, Math.ceil(n / sizeOfLoop(l))))
  const tiled = new Set([column.loop, row.loop, inner.loop].filter((l): l is number => l !== undefined && sizeOfLoop(l) > 1))

  const placed = new Map<Affine, Map<string, PlaceInTile | undefined>>()
  /** A place at a position of the tile; undefined where the term counts nowhere. Positions that differ in loops that do not move it have one place. */
  const placeAt = (a: Affine, extent: number, at: At): PlaceInTile | undefined => {
    const places = placed.get(a) ?? new Map<string, PlaceInTile | undefined>()
    placed.set(a, places)
    let key = `${extent}`
    for (const { loop } of a.terms) key += ` ${at.get(loop)?.value ?? 0}`
    if (!places.has(key)) places.set(key, newPlaceAt(a, extent, at))
    return places.get(key)
  }
  const newPlaceAt = (a: Affine, extent: number, at: At): PlaceInTile | undefined => {
    const terms = new Map<Scalar, number>()
    let [constant, low, high, widestLow, widestHigh] = [a.offset, 0, 0, a.offset, a.offset]
    for (const { loop, step } of a.terms) {
      constant += step * (at.get(loop)?.value ?? 0)
      const reach = step * sizeOfLoop(loop) * vars[loop]!.high
      if (reach !== 0) terms.set(vars[loop]!, (terms.get(vars[loop]!) ?? 0) + step * sizeOfLoop(loop))
      low += Math.min(0, reach)
      high += Math.max(0, reach)
      const whole = step * (extents[loop]! - 1)
      widestLow += Math.min(0, whole)
      widestHigh += Math.max(0, whole)
    }
    ;[low, high] = [Math.floor(Math.max(low + constant, widestLow) / a.divide), Math.floor(Math.min(high + constant, widestHigh) / a.divide)]
    if (high < 0 || low >= extent) return undefined
    let inside: Scalar = bool(true)
    let index: Scalar
    if ([...terms.values()].every((k) => k % a.divide === 0)) {
      if (constant % a.divide !== 0) return undefined
      index = expressionOf({ terms: new Map([...terms].map(([v, k]) => [v, k / a.divide])), constant: constant / a.divide })
    } else {
      const sum = expressionOf({ terms, constant })
      inside = eq(mod(sum, i32(a.divide)), i32(0))
      index = idiv(sum, i32(a.divide))
    }
    if (low < 0) inside = and(inside, ge(index, i32(0)))
    if (high >= extent) inside = and(inside, lt(index, i32(extent)))
    return { index, inside, sum: linearOf(index) }
  }
  const moves = (a: Affine): boolean => a.terms.some((t) => tiled.has(t.loop))
  const guards = attrs.guards ?? []
  const ownGuards = (side: 0 | 1): typeof guards => guards.filter((g) => moves(g) && (side === rows) === g.terms.some((t) => t.loop === row.loop && tiled.has(t.loop)))

  // What holds for the whole turn.
  const intern = interner()
  let always: Scalar = bool(true)
  let nowhere = false
  const common = (a: Affine, extent: number): void => {
    if (moves(a)) return
    const place = placeAt(a, extent, new Map())
    if (!place) nowhere = true
    else always = and(always, intern(place.inside))
  }
  const accesses: readonly [AffineAccess, AffineAccess] = [attrs.left, attrs.right]
  accesses.forEach((access, side) => access.forEach((a, d) => common(a, operands[side]!.shape[d]!)))
  for (const g of guards) common(g, g.extent)

  const isBuffer = (e: Scalar): e is Extract<Scalar, { op: "read" }> => e.op === "read" && e.slot >= 0 && e.slot < reads.memorySlot && e.index.length === 1 && !isDraw(reads.nodes.get(e.slot)!)
  /** An operand's element at a place for each of its dimensions. */
  const elementAt = ({ index, value }: Operand): ((places: ReadonlyMap<Scalar, PlaceInTile>) => Scalar) => {
    const sum = isBuffer(value) ? linearOf(value.index[0]!) : undefined
    if (isBuffer(value) && sum && [...sum.terms.keys()].every((x) => index.includes(x as Var))) return (places) => read(value.type, value.slot, [expressionOf(substituted(sum, (x) => places.get(x)!.sum))], value.range)
    return (places) => mapScalar(value, (e) => (isBuffer(e) ? read(e.type, e.slot, [expressionOf(linearOf(e.index[0]!))], e.range) : e), new Map([...places].map(([x, place]) => [x, place.index])))
  }
  const elements = operands.map(elementAt)
  const loadAt = (side: 0 | 1, at: At): Load | undefined => {
    const { index, shape } = operands[side] as Operand
    const places = new Map<Scalar, PlaceInTile>()
    let inside: Scalar = bool(true)
    for (const [d, a] of accesses[side].entries()) {
      const place = placeAt(a, shape[d]!, at)
      if (!place) return undefined
      places.set(index[d]!, place)
      if (moves(a)) inside = and(inside, place.inside)
    }
    for (const g of ownGuards(side)) {
      const place = placeAt(g, g.extent, at)
      if (!place) return undefined
      inside = and(inside, place.inside)
    }
    return { value: intern(select(inside, elements[side]!(places), f32(0))) }
  }
  const positions = (loop: number | undefined, value: number, size: number): [number, { value: number; size: number }][] => (loop === undefined ? [] : [[loop, { value, size }]])
  const loads = (side: 0 | 1, own: typeof column): (Load | undefined)[][] => range(own.size).map((p) => range(inner.size).map((t) => loadAt(side, new Map([...positions(own.loop, p, own.size), ...positions(inner.loop, t, inner.size)]))))
  const columnLoads = nowhere ? [] : loads(columns, column)
  const rowLoads = nowhere ? [] : loads(rows, row)

  // Neighbours that are loaded four at a time.
  const values = [...new Set([...columnLoads, ...rowLoads].flat().flatMap((l) => (l ? [l.value] : [])))]
  interface Four { readonly node: Node; readonly index: Scalar; readonly members: Map<Scalar, number> }
  const fours = new Map<string, Four>()
  // What stands inside a reduction moves with its variables: there is nothing to load before it.
  const summedInside = new Set<Scalar>()
  eachScalar(values, (e) => { if (e.op === "reduce") for (const v of e.vars) summedInside.add(v) })
  const movesInside = (e: Scalar): boolean => {
    let moves = false
    eachScalar([e], (x) => { moves ||= summedInside.has(x) })
    return moves
  }
  if (quads) eachScalar(values, (e) => {
    if (!isBuffer(e) || e.type !== "f32") return
    const node = reads.nodes.get(e.slot)!
    const { terms, constant } = linearOf(e.index[0]!)
    if (sizeOf(node.shape) % 4 !== 0 || [...terms.values()].some((k) => k % 4 !== 0) || [...terms.keys()].some(movesInside)) return
    const at = Math.floor(constant / 4)
    const key = `${e.slot} ${[...terms].map(([x, k]) => `${intern.idOf(intern(x))}*${k}`).join(" ")} ${at}`
    const four = fours.get(key) ?? { node, index: expressionOf({ terms: new Map([...terms].map(([x, k]) => [x, k / 4])), constant: at }), members: new Map() }
    four.members.set(e, constant - 4 * at)
    fours.set(key, four)
  })
  const chosen = [...fours.values()].filter((f) => f.members.size >= 2)
  const words = new Map<Scalar, Var>()
  for (const f of chosen) for (const e of f.members.keys()) words.set(e, { op: "var", type: "i32", name: "word", low: 0, high: 0 })
  const replace = new Map<Scalar, Scalar>(words)
  const final = new Map(values.map((v) => [v, mapScalar(v, (e) => e, replace)]))

  // The grid.
  const blocksOf = (loops: readonly number[]): number => loops.reduce((n, l) => n * (vars[l]!.high + 1), 1)
  const orderOf = (loops: readonly number[], last: number | undefined): number[] => [...loops.filter((l) => l !== last), ...loops.filter((l) => l === last)]
  const columnLoops = orderOf(roles.own[columns], column.loop)
  const rowLoops = orderOf(roles.own[rows], row.loop)
  const counts: readonly [number, number, number] = [Math.ceil(blocksOf(columnLoops) / tile.lanes), blocksOf(rowLoops), blocksOf(roles.batch)]
  const body: Stmt[] = []
  const named = (value: Expr, into: Stmt[] = body): Expr => {
    if (value.op === "const" || value.op === "local") return value
    const name = local(value.type)
    into.push({ op: "let", local: name, value })
    return use(name)
  }
  let groups = counts
  let place: readonly [Expr, Expr, Expr] = [builtin("group_x"), builtin("group_y"), builtin("group_z")]
  let live: Expr | undefined
  if (counts.some((n) => n > limits.maxComputeWorkgroupsPerDimension)) {
    const total = counts[0] * counts[1] * counts[2]
    const grid = foldGroups([total], limits)
    groups = grid.groups
    const linear = named(grid.linear.index)
    if (!grid.linear.exact) live = arithmetic("lt", linear, number(total))
    place = [arithmetic("mod", linear, number(counts[0]), true), arithmetic("mod", arithmetic("idiv", linear, number(counts[0]), true), number(counts[1]), true), arithmetic("idiv", linear, number(counts[0] * counts[1]), true)]
  }
  const known = block()
  const bindLoops = (loops: readonly number[], from: Expr): void => {
    let rest = from
    for (const l of [...loops].reverse()) {
      const n = vars[l]!.high + 1
      const outermost = l === loops[0]
      known.known.set(vars[l]!, n === 1 ? number(0) : named(outermost ? rest : arithmetic("mod", rest, number(n), true)))
      if (!outermost && n > 1) rest = named(arithmetic("idiv", rest, number(n), true))
    }
  }
  const lane = named(arithmetic("add", arithmetic("mul", place[0], number(tile.lanes)), builtin("lane")))
  const columnBlocks = blocksOf(columnLoops)
  if (columnBlocks % tile.lanes !== 0) {
    const inRange = arithmetic("lt", lane, number(columnBlocks))
    live = live ? arithmetic("and", live, inRange) : inRange
  }
  bindLoops(columnLoops, columnBlocks % tile.lanes === 0 ? lane : named(arithmetic("min", lane, number(columnBlocks - 1))))
  bindLoops(rowLoops, named(place[1]))
  bindLoops(roles.batch, named(place[2]))

  // The sums.
  const sums: Local[] = range(row.size * column.size).map(() => local("f32"))
  for (const s of sums) body.push({ op: "var", local: s, value: number(0, "f32") })
  const prelude: Stmt[] = []
  if (!nowhere && values.length > 0) {
    const summed = roles.over.filter((l) => vars[l]!.high > 0 && l !== inner.loop)
    if (inner.loop !== undefined && vars[inner.loop]!.high > 0) summed.push(inner.loop)
    for (const l of roles.over) if (!summed.includes(l)) known.known.set(vars[l]!, number(0))
    const placeholders = [...words.values()]
    const target = makeTarget(reads, prelude)
    const roots = [...chosen.map((f) => f.index), ...final.values(), always]
    const lowerer = makeLowerer(target, roots, [...summed.map((l) => vars[l]!), ...placeholders])
    loadColumns(roots, reads, target, lowerer, known, vars.filter((v) => known.known.has(v)))
    // One loop for all that is summed over: drivers take many times as long to compile loops in loops.
    const counter = local("i32")
    const outside = block(known, summed.map((l) => vars[l]!))
    let rest: Expr = use(counter)
    for (const l of [...summed].reverse()) {
      const n = vars[l]!.high + 1
      const outermost = l === summed[0]
      outside.known.set(vars[l]!, outermost ? rest : named(arithmetic("mod", rest, number(n), true), outside.statements))
      if (!outermost) rest = named(arithmetic("idiv", rest, number(n), true), outside.statements)
    }
    const guarded = always.op !== "const"
    const once = guarded ? lowerer.lower([always], outside)[0]! : undefined
    const turn = block(outside, placeholders)
    for (const f of chosen) {
      const index = lowerer.lower([f.index], turn)[0]!
      const four = named({ op: "load", type: "words", binding: reads.bindings.quads(f.node), index }, turn.statements)
      for (const [e, at] of f.members) turn.known.set(words.get(e)!, { op: "word", type: "f32", words: four, at: at as 0 | 1 | 2 | 3 })
    }
    const lowered = new Map<Scalar, Expr>()
    for (const [before, value] of final) lowered.set(before, named(lowerer.lower([value], turn)[0]!, turn.statements))
    for (const t of range(inner.size)) for (const i of range(row.size)) for (const j of range(column.size)) {
      const [a, b] = [rowLoads[i]![t], columnLoads[j]![t]]
      if (!a || !b) continue
      const sum = sums[i * column.size + j]!
      turn.statements.push({ op: "assign", local: sum, value: { op: "fma", type: "f32", a: lowered.get(a.value)!, b: lowered.get(b.value)!, c: use(sum) } })
    }
    // A loop of at most one turn: unlike an `if`, software adapters leave it when no lane needs it.
    if (once) outside.statements.push({ op: "for", local: local("i32"), from: number(0), below: { op: "select", type: "i32", condition: once, then: number(1), else: number(0) }, step: 1, body: turn.statements })
    else outside.statements.push(...turn.statements)
    if (summed.length === 0) known.statements.push(...outside.statements)
    else known.statements.push({ op: "for", local: counter, from: number(0), below: hidden(summed.reduce((n, l) => n * (vars[l]!.high + 1), 1)), step: 1, body: outside.statements })
    body.push(...known.statements)
  }
  const at: Sums["at"] = (rowAt, columnAt, named) => {
    const values = attrs.out.map((_, l) => {
      const base = arithmetic("mul", known.known.get(vars[l]!)!, number(sizeOfLoop(l)))
      return named(l === row.loop ? arithmetic("add", base, rowAt) : l === column.loop ? arithmetic("add", base, columnAt) : base)
    })
    return { values, bounds: [row.loop, column.loop].flatMap((l) => (l !== undefined && extents[l]! % sizeOfLoop(l) !== 0 ? [arithmetic("lt", values[l]!, number(extents[l]!))] : [])) }
  }
  const finish = epilogue(group, stored, reads, first.contraction!, { sums, rows: row.size, columns: column.size, at })
  body.push(...(live ? [{ op: "if", condition: live, then: finish.statements, else: [] } as const] : finish.statements))
  return { kind: "contract", bindings: reads.bindings.list, workgroup: [tile.lanes, 1, 1], groups, shared: [], body: [...prelude, ...finish.prelude, ...body] }
}

/** The sums of a lane, row by row, and which place of the output each is. */
export interface Sums {
  readonly sums: readonly Local[]
  readonly rows: number
  readonly columns: number
  /** The output's loops at a row and a column of the lane's sums, and what must hold for them to count. */
  readonly at: (row: Expr, column: Expr, named: (value: Expr) => Expr) => { readonly values: readonly Expr[]; readonly bounds: readonly Expr[] }
}

/** Stores the sums, and what the group computes from each. */
export const epilogue = (group: readonly Elements[], stored: (e: Elements) => boolean, reads: Reads, { attrs }: Contraction, { sums, rows, columns, at }: Sums): { readonly prelude: readonly Stmt[]; readonly statements: readonly Stmt[] } => {
  const first = group[0]!
  const statements: Stmt[] = []
  const kept: ArrayLocal = { kind: "array", space: "private", element: "f32", length: sums.length }
  statements.push({ op: "array", array: kept })
  sums.forEach((s, k) => statements.push({ op: "set", array: kept, index: number(k), value: use(s) }))
  // One loop, not one in the other: drivers take many times as long to compile the latter.
  const turn = local("i32")
  const inside: Stmt[] = []
  const named = (value: Expr): Expr => {
    if (value.op === "const" || value.op === "local") return value
    const name = local("i32")
    inside.push({ op: "let", local: name, value })
    return use(name)
  }
  const rowAt = named(arithmetic("idiv", use(turn), number(columns), true))
  const columnAt = columns === 1 ? number(0) : rows === 1 ? use(turn) : named(arithmetic("mod", use(turn), number(columns), true))
  const { values, bounds } = at(rowAt, columnAt, named)
  const linear = (from: number): Expr => {
    let sum: Expr = number(0)
    for (let l = from; l < attrs.out.length; l++) sum = arithmetic("add", arithmetic("mul", sum, number(attrs.out[l]!)), values[l]!)
    return named(sum)
  }
  const into = block()
  if (first.sample) into.known.set(first.sample, values[0]!)
  into.known.set(first.place, linear(first.sample ? 1 : 0))
  const prelude: Stmt[] = []
  const ownReads: Reads = { ...reads, memory: () => ({ op: "element", type: "f32", array: kept, index: use(turn) }) }
  const results = group.filter(stored)
  const roots = results.flatMap((e) => [e === first ? first.handed! : e.lanes[0]!.value, e.lanes[0]!.at])
  const target = makeTarget(ownReads, prelude)
  const lowerer = makeLowerer(target, roots)
  loadColumns(roots, reads, target, lowerer, into, [first.place, ...(first.sample ? [first.sample] : [])])
  results.forEach((e, k) => {
    const [value, place] = lowerer.lower([roots[2 * k]!, roots[2 * k + 1]!], into)
    into.statements.push({ op: "store", binding: reads.bindings.write(e.node), index: place!, value: value! })
  })
  if (bounds.length > 0) inside.push({ op: "if", condition: bounds.reduce((a, b) => arithmetic("and", a, b)), then: into.statements, else: [] })
  else inside.push(...into.statements)
  statements.push({ op: "for", local: turn, from: number(0), below: hidden(rows * columns), step: 1, body: inside })
  return { prelude, statements }
}
