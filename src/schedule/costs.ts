/** What the elements of a graph's values cost, and which belong to one sample: what holds wherever fusion stops. */
import type { Graph, Node } from "../ir/graph.ts"
import { topological } from "../ir/walk.ts"
import { eachScalar, operands, type Scalar, type UnaryFn } from "../scalar/scalar.ts"
import type { Profile } from "./limits.ts"
import { constantOf, makeInlined, makeInliner, sizeOf, type Table, type Templates } from "./inline.ts"

/** A row holds at most so many elements of one sample. */
export const mostRowElements = 1024
/** A value with dimensions of its own (a mask, a small picture) is a row up to so many elements. */
const mostPlaces = 64
/** A reduction over at least so many terms is computed once and kept. */
export const longReduction = 16
/** How often a tile of a contraction uses what it loads: a thread's on a CPU, a block's on a GPU. */
const tileReuse: Record<Profile, number> = { cpu: 16, gpu: 64 }

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

/** Small values of each sample (the first dimension counts samples); a picture is not one, unless each element is a long sum. */
export const rowShaped = (node: Node, long: boolean): boolean =>
  node.shape.length >= 1 && node.shape[0]! > 0 && sizeOf(node.shape.slice(1)) <= (node.shape.length <= 2 || long ? mostRowElements : mostPlaces)

export interface Costs {
  /** Live nodes in topological order. */
  readonly live: readonly Node[]
  /** What one element costs, apart from its inputs' elements. */
  readonly own: ReadonlyMap<Node, NodeCost>
  /** Operations of one element when everything above it is substituted. */
  readonly total: ReadonlyMap<Node, number>
  /** Nodes that depend on one sample's draws or statistics. */
  readonly hasRow: ReadonlySet<Node>
}

export interface NodeCost extends Cost {
  /** How often one element reads elements of each input (by id); a tile shares what it loads. */
  readonly perSlot: ReadonlyMap<number, number>
  /** Inputs (by id) of the same shape that are read at the element's own place alone. */
  readonly alike: ReadonlySet<number>
}

/** Values that no kernel computes: the host delivers them, or they are drawn where they are read. */
export const sourceOf = (node: Node): "input" | "draw" | "constant" | undefined =>
  node.prim === "input" || node.prim === "draw" ? node.prim : node.prim === "const" && !constantOf(node) ? "constant" : undefined

const readInPlace = (body: Scalar, place: readonly Scalar[]): Set<number> => {
  const places = new Map<number, boolean>()
  eachScalar([body], (e) => {
    if (e.op === "read") places.set(e.slot, places.get(e.slot) !== false && e.index.length === place.length && e.index.every((x, d) => x === place[d] || (x.op === "const" && x.value === 0 && isAlone(place[d]!))))
  })
  return new Set([...places].flatMap(([id, own]) => (own ? [id] : [])))
}
/** The index of a dimension of one element. */
const isAlone = (x: Scalar): boolean => x.op === "var" && x.low === x.high

export const costsOf = (graph: Graph, table: Table, arenas: ReadonlySet<Node>, templates: Templates, tiled: (node: Node) => boolean, profile: Profile): Costs => {
  const live = topological(graph.outputs.map((o) => o.node))
  const probe = makeInliner(table, () => true, (node) => node.id, templates, makeInlined())
  const own = new Map<Node, NodeCost>()
  const total = new Map<Node, number>()
  const hasRow = new Set<Node>()
  for (const node of live) {
    const record = table(node.prim)
    if (record.kind === "source" || !record.element || arenas.has(node)) {
      total.set(node, 2)
      if (node.prim === "draw" && (rowShaped(node, false) || node.shape.length === 0)) hasRow.add(node)
      if (record.kind !== "source" || sourceOf(node) !== undefined || node.prim === "const") continue
      if (record.element === undefined) throw new Error(`costs: no rule for the source ${node.prim}`)
    }
    const axis = laneAxisOf(table, node)
    const lanes = axis === undefined ? 1 : node.shape[axis]!
    const index = (lane: number): Scalar[] => node.shape.map((n, d) => (d === axis ? { op: "const", type: "i32", value: lane } : { op: "var", type: "i32", name: `i${d}`, low: 0, high: n - 1 }))
    const first = index(0)
    const bodies = Array.from({ length: lanes }, (_, lane) => probe.body(node, first.map((x, d) => (d === axis ? index(lane)[d]! : x))))
    const cost = costOf(bodies)
    const byId = new Map<number, number>()
    for (const [id, times] of cost.reads) byId.set(id, times / lanes / (tiled(node) ? tileReuse[profile] : 1))
    own.set(node, { ...cost, perSlot: byId, alike: lanes === 1 ? readInPlace(bodies[0]!, first) : new Set() })
    const long = cost.terms >= longReduction && !tiled(node)
    let sum = cost.operations / lanes
    for (const input of new Set(node.inputs)) sum += (byId.get(input.id) ?? 0) * (own.has(input) && own.get(input)!.terms >= longReduction ? 2 : total.get(input)!)
    total.set(node, sum)
    // A contraction mixes samples: what comes of it belongs to no row.
    if (record.kind === "contraction") continue
    if (node.inputs.some((i) => hasRow.has(i)) || (long && (rowShaped(node, long) || node.shape.length === 0))) hasRow.add(node)
  }
  return { live, own, total, hasRow }
}
