/**
 * Decides where fusion stops: greedy from consumers to producers. What is not named here is substituted into its readers.
 * A `row` is a small value of each sample (a statistic, a drawn array); it is computed by the sample kernel.
 */
import type { Graph, Node } from "../ir/graph.ts"
import { topological } from "../ir/walk.ts"
import { operands, type Scalar, type UnaryFn } from "../scalar/scalar.ts"
import { constantOf, makeInliner, sizeOf, type Inliner, type Table, type Templates } from "./inline.ts"

export type StopKind = "input" | "constant" | "draw" | "row" | "buffer"

export interface Stop {
  readonly node: Node
  readonly kind: StopKind
  /** Why fusion stops here, for `--emit fused`. */
  readonly reason: string
}

export interface Fusion {
  /** Live nodes in topological order. */
  readonly live: readonly Node[]
  readonly stops: ReadonlyMap<Node, Stop>
  readonly inliner: Inliner
  readonly table: Table
  /** Nodes that depend on one sample's draws or statistics, or are long reductions, with few elements for each sample. */
  readonly rowBound: ReadonlySet<Node>
}

/** A row holds at most so many elements of one sample. */
export const mostRowElements = 1024
/** A value with dimensions of its own (a mask, a small picture) is a row up to so many elements. */
const mostPlaces = 64
/** A reduction over at least so many terms is computed once and kept. */
const longReduction = 16
/** More reads of one node by each of its readers' elements than this: it is stored. */
const mostTaps = 16
/** How often a tile of a contraction uses what it loads. */
const tileReuse = 16
/** Scalar operations that recomputing a node may waste, per element of it. */
const mostWaste = 800

const heavy = new Set<UnaryFn>(["exp", "log", "log1p", "expm1", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "sigmoid", "softplus", "erf"])

export interface Cost {
  readonly operations: number
  /** How often each slot is read. */
  readonly reads: ReadonlyMap<number, number>
  /** The longest reduction. */
  readonly terms: number
}

const ownCost = (e: Scalar): number => {
  switch (e.op) {
    case "const": case "var": case "read": return 0
    case "unary": return heavy.has(e.fn) ? 10 : 1
    case "binary": return e.fn === "pow" || e.fn === "atan2" ? 15 : e.fn === "div" ? 2 : 1
    case "threefry": return 60
    case "reduce": return 1
    case "cast": case "select": return 1
  }
}

/** Operations and reads of expressions that are evaluated together; a loop's body counts once for each turn. */
export const costOf = (roots: readonly Scalar[]): Cost => {
  const reads = new Map<number, number>()
  let terms = 1
  const walk = (e: Scalar, times: number, seen: Set<Scalar>): number => {
    if (seen.has(e)) return 0
    seen.add(e)
    if (e.op === "read") reads.set(e.slot, (reads.get(e.slot) ?? 0) + times)
    if (e.op === "reduce") {
      const turns = e.vars.reduce((n, v) => n * (v.high - v.low + 1), 1)
      terms = Math.max(terms, turns)
      return turns * (1 + walk(e.body, times * turns, new Set(seen)))
    }
    let sum = ownCost(e)
    for (const x of operands(e)) sum += walk(x, times, seen)
    return sum
  }
  const seen = new Set<Scalar>()
  let operations = 0
  for (const root of roots) operations += walk(root, 1, seen)
  return { operations, reads, terms }
}

/** The dimension whose elements are computed together by one thread (`lanes` of a tabulate). */
export const laneAxisOf = (table: Table, node: Node): number | undefined =>
  table(node.prim).kind === "access" ? (node.attrs as { readonly lanes?: number }).lanes : undefined

/** An element is one element of another value: reading a copy would cost the same. */
const isRead = (cost: Cost): boolean => cost.operations === 0 && cost.reads.size === 1 && [...cost.reads.values()][0] === 1

/** Small values of each sample (the first dimension counts samples); a picture is not one, unless each element is a long sum. */
const rowShaped = (node: Node, long: boolean): boolean =>
  node.shape.length >= 1 && node.shape[0]! > 0 && sizeOf(node.shape.slice(1)) <= (node.shape.length <= 2 || long ? mostRowElements : mostPlaces)

export const fuse = (graph: Graph, table: Table, forced: ReadonlyMap<Node, string>, arenas: ReadonlySet<Node>, templates: Templates, tiled: (node: Node) => boolean): Fusion => {
  const live = topological(graph.outputs.map((o) => o.node))
  const stops = new Map<Node, Stop>()
  const stop = (node: Node, kind: StopKind, reason: string): void => { stops.set(node, { node, kind, reason }) }
  const outputs = new Set(graph.outputs.map((o) => o.node))
  const rasters = new Map(graph.rasters.map((r) => [r.node, r.reason]))
  const usedByOpaque = new Set(live.filter((n) => table(n.prim).kind === "opaque").flatMap((n) => n.inputs))

  // Forward: what one element costs when everything above it is substituted.
  const probe = makeInliner(table, () => true, templates)
  const own = new Map<Node, Cost & { readonly perSlot: ReadonlyMap<number, number> }>()
  const total = new Map<Node, number>()
  const hasRow = new Set<Node>()
  for (const node of live) {
    const record = table(node.prim)
    if (record.kind === "source" || !record.element || arenas.has(node)) {
      total.set(node, 2)
      if (node.prim === "draw" && (rowShaped(node, false) || node.shape.length === 0)) hasRow.add(node)
      if (record.kind !== "source") continue
      if (node.prim === "input") stop(node, "input", "the host delivers it")
      else if (node.prim === "draw") stop(node, "draw", "drawn")
      else if (node.prim === "const" && !constantOf(node)) stop(node, "constant", "constant data")
      else if (record.element === undefined && node.prim !== "const") throw new Error(`fuse: no rule for the source ${node.prim}`)
      if (stops.has(node) || node.prim === "const") continue
    }
    const axis = laneAxisOf(table, node)
    const lanes = axis === undefined ? 1 : node.shape[axis]!
    const index = (lane: number): Scalar[] => node.shape.map((n, d) => (d === axis ? { op: "const", type: "i32", value: lane } : { op: "var", type: "i32", name: `i${d}`, low: 0, high: n - 1 }))
    const first = index(0)
    const cost = costOf(Array.from({ length: lanes }, (_, lane) => probe.body(node, first.map((x, d) => (d === axis ? index(lane)[d]! : x)))))
    const byId = new Map<number, number>()
    for (const [id, times] of cost.reads) byId.set(id, times / lanes / (tiled(node) ? tileReuse : 1))
    own.set(node, { ...cost, perSlot: byId })
    const long = cost.terms >= longReduction && !tiled(node)
    let sum = cost.operations / lanes
    for (const input of new Set(node.inputs)) sum += (byId.get(input.id) ?? 0) * (own.has(input) && own.get(input)!.terms >= longReduction ? 2 : total.get(input)!)
    total.set(node, sum)
    // A contraction mixes samples: what comes of it belongs to no row.
    if (record.kind === "contraction") continue
    if (node.inputs.some((i) => hasRow.has(i)) || (long && (rowShaped(node, long) || node.shape.length === 0))) hasRow.add(node)
  }

  // Backward: how often each node's elements would be evaluated.
  const evaluations = new Map<Node, number>()
  for (const node of [...live].reverse()) {
    const cost = own.get(node)
    const size = sizeOf(node.shape)
    const ratio = (evaluations.get(node) ?? 0) / Math.max(1, size)
    if (!stops.has(node) && node.prim !== "const") {
      const terms = cost?.terms ?? 1
      const work = total.get(node)!
      const rows = rowShaped(node, terms >= longReduction) && table(node.prim).kind !== "contraction"
      if (forced.has(node)) stop(node, "buffer", forced.get(node)!)
      else if (!cost) stop(node, "buffer", "computed by a kernel of its own")
      else if (outputs.has(node)) stop(node, "buffer", "an output")
      else if (rasters.has(node)) stop(node, "buffer", rasters.get(node)!)
      else if (usedByOpaque.has(node)) stop(node, "buffer", "read by a kernel of its own")
      else if (node.prim === "view" || isRead(cost)) { /* read in place */ }
      else if (tiled(node)) stop(node, "buffer", "a contraction")
      else if (terms >= longReduction && rows) stop(node, "row", `a statistic: ${terms} terms for each element`)
      else if (terms >= longReduction && ratio > 1.5) stop(node, "buffer", `each of its sums of ${terms} terms is read ${ratio.toFixed(1)} times`)
      else if (rows && hasRow.has(node) && sizeOf(node.shape) > node.shape[0]! && work > 6 && ratio > 4) stop(node, "row", `an array of each sample, each element read ${ratio.toFixed(0)} times`)
      else if ((rows || (node.shape.length === 0 && terms < longReduction)) && hasRow.has(node)) { /* the sample kernel keeps what the readers need of it */ }
      else if (ratio > mostTaps && work >= 4) stop(node, "buffer", `more than ${mostTaps} reads of each element (${ratio.toFixed(1)})`)
      else if (work * (ratio - 1) > mostWaste) stop(node, "buffer", `recomputing ${work.toFixed(0)} operations ${ratio.toFixed(1)} times costs more than storing them`)
    }
    // What many elements share by way of a read is kept by their loops.
    const times = stops.has(node) || (cost && isRead(cost) && ratio > mostTaps) ? size : (evaluations.get(node) ?? 0)
    for (const [id, reads] of cost?.perSlot ?? []) {
      const input = node.inputs.find((i) => i.id === id)!
      evaluations.set(input, (evaluations.get(input) ?? 0) + times * reads)
    }
  }
  const rowBound = new Set([...hasRow].filter((n) => rowShaped(n, (own.get(n)?.terms ?? 1) >= longReduction) || n.shape.length === 0))
  return { live, stops, inliner: makeInliner(table, (n) => stops.has(n), templates), table, rowBound }
}

/** The stored values that a value is computed from. */
export const buffersBelow = (fusion: Fusion, root: Node): Node[] => {
  const seen = new Set<Node>()
  const stack = [root]
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (seen.has(node)) continue
    seen.add(node)
    if (node === root || fusion.stops.get(node)?.kind !== "buffer") stack.push(...node.inputs)
  }
  return [...seen]
}
