/** Lowers a node to a kernel whose threads compute elements, or places whose lanes (colours) they compute together, one or a few each. */
import type { Node } from "../ir/graph.ts"
import { eachScalar, i32, idiv, mod, read, type Scalar, type Var } from "../scalar/scalar.ts"
import type { Simplify } from "../scalar/simplify-alike.ts"
import type { Contraction } from "../schedule/contraction.ts"
import { laneAxisOf } from "../schedule/costs.ts"
import type { Fusion } from "../schedule/fuse.ts"
import { sizeOf } from "../schedule/inline.ts"
import type { Limits, Ranges } from "../schedule/limits.ts"
import { extractRows, isDraw, isGlobalDraw, type Columns } from "../schedule/rates.ts"
import { linearIndex, makeResolve } from "../schedule/resolve.ts"
import { foldGroups } from "../schedule/tile.ts"
import { loadColumns, makeTarget, type Reads } from "./bindings.ts"
import { arithmetic, builtin, local, number, use, type Expr, type Kernel, type KernelKind, type Stmt } from "./kernel.ts"
import { memorySlot } from "../schedule/sample-program.ts"
import { sumSlot } from "./lower-contraction.ts"
import { block, makeLowerer } from "./lower.ts"
import { sortElements } from "./sort-elements.ts"
import { uniformQuotients } from "./uniform.ts"

/** The bodies of a kernel's threads, in terms of columns, buffers and its place. */
export interface Elements {
  readonly node: Node
  /** The sample (dimension 0), where workgroups do not cross samples. */
  readonly sample: Var | undefined
  /** The place within a sample, or within the whole. */
  readonly place: Var
  /** The sample's number within the range of a dispatch, where buffers are bound in parts. */
  readonly within: Var | undefined
  /** One value and the linear place in the output for each lane. */
  readonly lanes: readonly { readonly value: Scalar; readonly at: Scalar }[]
  /** A contraction with tiles; its lane's value only names what it reads. */
  readonly contraction?: Contraction
  /** How a result that is handed on is read. */
  readonly handed?: Scalar
}

/** The dimension of colours of a picture that is computed as a whole. */
const lanesOf = (fusion: Fusion, node: Node): number | undefined => {
  const seen = new Set<Node>()
  const search = (n: Node): number | undefined => {
    if (seen.has(n)) return undefined
    seen.add(n)
    const own = laneAxisOf(fusion.table, n)
    if (own !== undefined && n.shape.length === node.shape.length && n.shape[own] === node.shape[own]) return own
    for (const input of n.inputs) {
      if (fusion.stops.has(input) || input.shape.length !== node.shape.length) continue
      const found = search(input)
      if (found !== undefined && n.shape[found] === node.shape[found]) return found
    }
    return undefined
  }
  const axis = search(node)
  return axis !== undefined && axis > 0 && node.shape[axis]! <= 8 ? axis : undefined
}

/** The variables of places, shared by all kernels over the same places. */
export interface Places {
  of(samples: number | undefined, count: number): { readonly sample: Var | undefined; readonly place: Var }
}

export const makePlaces = (): Places => {
  const known = new Map<string, { readonly sample: Var | undefined; readonly place: Var }>()
  return {
    of(samples, count) {
      const key = `${samples ?? ""} ${count}`
      const made = known.get(key) ?? {
        sample: samples === undefined ? undefined : { op: "var", type: "i32", name: "n", low: 0, high: samples - 1 } as const,
        place: { op: "var", type: "i32", name: "p", low: 0, high: Math.max(0, count - 1) } as const
      }
      known.set(key, made)
      return made
    }
  }
}

/** Threads of a workgroup: one sample's places, or any places. */
const workgroup = 64
/** Rows of fewer places than this share workgroups. */
const leastPlaces = 32
/** A thread that loads what a whole sample shares, or a stream key, uses it for so many places, as long as a sample keeps a few workgroups. */
const mostTurns = 8
const leastGroups = 4

/** The index of a place; the dimension `axis` stays 0. */
const indexOf = (shape: readonly number[], axis: number | undefined, sample: Var | undefined, place: Var): Scalar[] => {
  const index: Scalar[] = shape.map(() => i32(0))
  const inner = shape.map((_, d) => d).filter((d) => d >= (sample ? 1 : 0) && d !== axis)
  let stride = 1
  for (const d of [...inner].reverse()) {
    const outer = idiv(place, i32(stride))
    index[d] = d === inner[0] ? outer : mod(outer, i32(shape[d]!))
    stride *= shape[d]!
  }
  if (sample) index[0] = sample
  return index
}

/** `isPart`: buffers too large to be bound whole; `refuse` is called where one is read at another sample than the thread's own. */
export const elementsOf = (fusion: Fusion, node: Node, columns: Columns, places: Places, isPart: (node: Node) => boolean, refuse: (node: Node) => void): Elements => {
  if (fusion.table(node.prim).kind === "opaque") return sortElements(node)
  const { shape } = node
  const axis = lanesOf(fusion, node)
  const lanes = axis === undefined ? 1 : shape[axis]!
  const perSample = shape.length >= 2 && sizeOf(shape.slice(1)) / lanes >= leastPlaces
  const { sample, place } = places.of(perSample ? shape[0]! : undefined, sizeOf(shape) / lanes / (perSample ? shape[0]! : 1))
  const index = indexOf(shape, axis, sample, place)
  const positions = Array.from({ length: lanes }, (_, lane) => index.map((x, d) => (d === axis ? i32(lane) : x)))
  const element = fusion.table(node.prim).element ? fusion.inliner.body : fusion.inliner.at
  const inlined = fusion.simplify(positions.map((p) => element(node, p)))
  const extracted = extractRows(inlined, fusion, columns, sample ? { at: sample, rows: shape[0]! } : undefined, sizeOf(shape) <= workgroup)
  let parted = isPart(node)
  const within: Var = { op: "var", type: "i32", name: "m", low: 0, high: shape[0] === undefined ? 0 : shape[0] - 1 }
  if (parted && !sample) refuse(node)
  const parts = { isPart: (n: Node) => isPart(n) && (parted = true), sample: sample ?? i32(-1), within, refuse }
  const resolve = makeResolve(fusion, { row: (n, at, range) => {
    if (!isDraw(n)) throw new Error(`lower: a row of ${n.prim} was not made a column`)
    // An arrangement too large for a table is drawn by each thread.
    const perSample = !isGlobalDraw(n)
    return read(n.dtype, n.id, [perSample ? resolve(fusion.inliner.at(n.inputs[0]!, [at[0]!])) : i32(0), linearIndex(perSample ? n.shape.slice(1) : n.shape, perSample ? at.slice(1) : at)], range)
  } }, parts)
  const output = positions.map((p) => (isPart(node) && sample ? [within, ...p.slice(1)] : p))
  const roots = fusion.simplify([...extracted.map(resolve), ...output.map((p) => linearIndex(shape, p))])
  return { node, sample, place, within: parted ? within : undefined, lanes: positions.map((_, lane) => ({ value: roots[lane]!, at: roots[lanes + lane]! })) }
}

/** `group`: results over the same places. */
export const lowerElements = (group: readonly Elements[], kind: KernelKind, reads: Reads, limits: Limits, ranges?: Ranges): Kernel => {
  const { sample, place, within } = group[0]!
  const shared = group.length === 1 ? undefined : reads.simplify(group.flatMap((e) => e.lanes.flatMap((l) => [l.value, l.at])))
  const given = group.flatMap((e) => e.lanes.map((l) => ({ ...l, node: e.node }))).map((l, i) => (shared ? { node: l.node, value: shared[2 * i]!, at: shared[2 * i + 1]! } : l))
  const body: Stmt[] = []
  const samples = ranges ? ranges.step : sample ? sample.high + 1 : 1
  const turns = sample && sharesLoads(given.flatMap((l) => [l.value, l.at]), reads) ? turnsOf(Math.ceil((place.high + 1) / workgroup)) : 1
  const span = workgroup * turns
  const uniform = uniformQuotients(given.flatMap((l) => [l.value, l.at]), place, span, reads.simplify)
  const lanes = given.map((l, i) => (uniform ? { node: l.node, value: uniform.roots[2 * i]!, at: uniform.roots[2 * i + 1]! } : l))
  const roots = [...lanes.map((l) => l.value), ...lanes.map((l) => l.at)]
  const across = Math.ceil((place.high + 1) / span)
  const most = limits.maxComputeWorkgroupsPerDimension
  let groups: readonly [number, number, number]
  let column: Expr
  let row: Expr | undefined
  let exact = true
  if (sample && across <= most && samples <= most) {
    groups = [across, samples, 1]
    column = builtin("group_x")
    row = builtin("group_y")
  } else {
    const grid = foldGroups([across * samples], limits)
    groups = grid.groups
    exact = grid.linear.exact
    const linear = local("i32")
    body.push({ op: "let", local: linear, value: grid.linear.index })
    column = sample ? arithmetic("mod", use(linear), number(across), true) : use(linear)
    row = sample ? arithmetic("idiv", use(linear), number(across), true) : undefined
  }
  const whole = block()
  if (sample && row) {
    const name = local("i32")
    body.push({ op: "let", local: name, value: row })
    whole.known.set(sample, use(name))
    if (within) whole.known.set(within, use(name))
    if (ranges && within) {
      const all = local("i32")
      body.push({ op: "let", local: all, value: arithmetic("add", use(name), { op: "load", type: "i32", binding: reads.bindings.first(), index: number(0) }) })
      whole.known.set(sample, use(all))
    }
  }
  if (within && !sample) whole.known.set(within, number(0))
  if (uniform) whole.known.set(uniform.group, column)
  const start = arithmetic("mul", column, number(span))
  const own = arithmetic("add", start, builtin("lane"))
  const placeLocal = local("i32")
  if (turns === 1) body.push({ op: "let", local: placeLocal, value: own })
  const each = turns === 1 ? whole : block(whole, [place])
  each.known.set(place, use(placeLocal))
  const prelude: Stmt[] = []
  const target = makeTarget(reads, prelude)
  const lowerer = makeLowerer(target, roots, turns === 1 ? [] : [place])
  const outer = [...(sample ? [sample] : []), ...(within ? [within] : []), ...(uniform ? [uniform.group] : [])]
  if (turns > 1) loadColumns(roots, reads, target, lowerer, whole, outer)
  loadColumns(roots, reads, target, lowerer, each, [place, ...outer])
  const values = lowerer.lower(lanes.map((l) => l.value), each)
  const places = lowerer.lower(lanes.map((l) => l.at), each)
  lanes.forEach((l, i) => each.statements.push({ op: "store", binding: reads.bindings.write(l.node), index: places[i]!, value: values[i]! }))
  const partial = (place.high + 1) % span !== 0 || (!sample && !exact)
  if (turns > 1) {
    const end = arithmetic("add", start, number(span))
    whole.statements.push({ op: "for", local: placeLocal, from: own, below: partial ? arithmetic("min", end, number(place.high + 1)) : end, step: workgroup, body: each.statements })
  }
  const inside = [...prelude, ...whole.statements]
  const guards: Expr[] = []
  if (turns === 1 && partial) guards.push(arithmetic("lt", use(placeLocal), number(place.high + 1)))
  if (sample && !exact) guards.push(arithmetic("lt", whole.known.get(sample)!, number(sample.high + 1)))
  if (guards.length === 0) body.push(...inside)
  else body.push({ op: "if", condition: guards.reduce((a, b) => arithmetic("and", a, b)), then: inside, else: [] })
  return { kind, bindings: reads.bindings.list, workgroup: [workgroup, 1, 1], groups, shared: [], body }
}

/** The elements of a contraction with tiles. */
export const contractionElements = (node: Node, contraction: Contraction, { places, simplify }: { readonly places: Places; readonly simplify: Simplify }): Elements => {
  const { shape } = node
  const perSample = shape.length >= 2 && sizeOf(shape.slice(1)) >= leastPlaces
  const { sample, place } = places.of(perSample ? shape[0]! : undefined, sizeOf(shape) / (perSample ? shape[0]! : 1))
  const at = simplify([linearIndex(shape, indexOf(shape, undefined, sample, place))])[0]!
  const [left, right] = contraction.operands
  return { node, sample, place, within: undefined, contraction, handed: read("f32", sumSlot(node, memorySlot), [i32(0)]), lanes: [{ value: { op: "binary", type: "f32", fn: "mul", a: left.value, b: right.value }, at }] }
}

/** Whether a thread reads what does not depend on its place: columns of a table, or the key of a draw. */
const sharesLoads = (roots: readonly Scalar[], reads: Reads): boolean => {
  let found = false
  eachScalar(roots, (e) => { if (e.op === "read" && (e.slot < 0 || reads.nodes.get(e.slot)?.prim === "draw")) found = true })
  return found
}

/** How many places a thread takes when one each would make so many workgroups of a sample. The size of the batch does not count: it would change the kernel. */
const turnsOf = (groups: number): number => {
  let turns = 1
  while (turns < mostTurns && groups / (2 * turns) >= leastGroups) turns *= 2
  return turns
}
