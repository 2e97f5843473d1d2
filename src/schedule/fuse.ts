/**
 * Decides where fusion stops: greedy from consumers to producers. What is not named here is substituted into its readers.
 * A `row` is a small value of each sample (a statistic, a drawn array); it is computed by the sample kernel.
 */
import type { Graph, Node } from "../ir/graph.ts"
import type { Simplify } from "../scalar/simplify-alike.ts"
import type { Shared } from "./attempts.ts"
import { longReduction, mostRowElements, rowShaped, sourceOf, type Cost, type Costs } from "./costs.ts"
import { makeInliner, sizeOf, type Inliner, type Table } from "./inline.ts"
import type { Profile } from "./limits.ts"

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
  /** The nodes of the stops by their ids, which are the slots that expressions read them by. */
  readonly stopped: ReadonlyMap<number, Node>
  /** Equal numbers are equal bodies (`fused-bodies.ts`). */
  readonly bodies: ReadonlyMap<Node, number>
  readonly inliner: Inliner
  readonly simplify: Simplify
  readonly table: Table
  /** Nodes that depend on one sample's draws or statistics, or are long reductions, with few elements for each sample. */
  readonly rowBound: ReadonlySet<Node>
}

/** More reads of one node by each of its readers' elements than this: it is stored. */
const mostTaps = 16
/** Scalar operations that recomputing a node may waste, per element of it. */
const mostWaste = 800
/** Operations that a GPU could do in the time of the dispatch that storing a value takes (20 to 36 µs); a CPU's dispatches cost little. */
const dispatchOperations: Record<Profile, number> = { cpu: 0, gpu: 2 ** 26 }

/** An element is one element of another value: reading a copy would cost the same. */
const isRead = (cost: Cost): boolean => cost.operations === 0 && cost.reads.size === 1 && [...cost.reads.values()][0] === 1

/**
 * What is made of a contraction's result alone, element by element, and of nothing that is `kept` anyway; of each chain the last. Where it is
 * read more than once it is stored instead of the result: the contraction's kernel finishes it.
 */
const lastOfChains = (live: readonly Node[], own: Costs["own"], tiled: (node: Node) => boolean, kept: (node: Node) => boolean): Set<Node> => {
  const users = new Map<Node, number>()
  for (const node of live) for (const x of new Set(node.inputs)) users.set(x, (users.get(x) ?? 0) + 1)
  const last = new Set<Node>()
  const chained = new Set<Node>()
  for (const node of live) {
    const from = node.inputs.find((x) => own.get(node)?.alike.has(x.id) && users.get(x) === 1 && !kept(x) && (tiled(x) || chained.has(x)))
    if (!from) continue
    chained.add(node)
    last.delete(from)
    last.add(node)
  }
  return last
}

const sourceReasons = { input: "the host delivers it", draw: "drawn", constant: "constant data" } as const

export const fuse = (graph: Graph, table: Table, { live, own, total, hasRow }: Costs, forced: ReadonlyMap<Node, string>, { templates, inlined, numberBodies, simplify }: Shared, tiled: (node: Node) => boolean, profile: Profile): Fusion => {
  const stops = new Map<Node, Stop>()
  const stop = (node: Node, kind: StopKind, reason: string): void => { stops.set(node, { node, kind, reason }) }
  const outputs = new Set(graph.outputs.map((o) => o.node))
  const rasters = new Map(graph.rasters.map((r) => [r.node, r.reason]))
  const usedByOpaque = new Set(live.filter((n) => table(n.prim).kind === "opaque").flatMap((n) => n.inputs))
  for (const node of live) {
    const source = sourceOf(node)
    if (source) stop(node, source, sourceReasons[source])
  }

  const finishes = lastOfChains(live, own, tiled, (n) => outputs.has(n) || forced.has(n) || rasters.has(n))

  // Backward: how often each node's elements would be evaluated.
  const evaluations = new Map<Node, number>()
  for (const node of [...live].reverse()) {
    const cost = own.get(node)
    const size = sizeOf(node.shape)
    const ratio = (evaluations.get(node) ?? 0) / Math.max(1, size)
    if (!stops.has(node) && node.prim !== "const") {
      const terms = cost?.terms ?? 1
      const work = total.get(node)!
      const waste = work * (ratio - 1)
      const tooMuch = waste * size > dispatchOperations[profile]
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
      else if (ratio > 1.5 && size > mostRowElements && finishes.has(node)) stop(node, "buffer", "it finishes a contraction")
      else if (ratio > mostTaps && work >= 4 && tooMuch) stop(node, "buffer", `more than ${mostTaps} reads of each element (${ratio.toFixed(1)})`)
      else if (waste > mostWaste && tooMuch) stop(node, "buffer", `recomputing ${work.toFixed(0)} operations ${ratio.toFixed(1)} times costs more than storing them`)
    }
    // What many elements share by way of a read is kept by their loops.
    const times = stops.has(node) || (cost && isRead(cost) && ratio > mostTaps) ? size : (evaluations.get(node) ?? 0)
    for (const [id, reads] of cost?.perSlot ?? []) {
      const input = node.inputs.find((i) => i.id === id)!
      evaluations.set(input, (evaluations.get(input) ?? 0) + times * reads)
    }
  }
  const rowBound = new Set([...hasRow].filter((n) => rowShaped(n, (own.get(n)?.terms ?? 1) >= longReduction) || n.shape.length === 0))
  const bodies = numberBodies(live, stops)
  const inliner = makeInliner(table, (n) => stops.has(n), (n) => bodies.get(n)!, templates, inlined)
  return { live, stops, stopped: new Map([...stops.keys()].map((n) => [n.id, n])), bodies, inliner, simplify, table, rowBound }
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
