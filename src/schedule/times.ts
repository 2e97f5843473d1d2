/** When values can be computed: what the host delivers is there at 0, the tables of time t are made after the buffers of time t. */
import type { Node } from "../ir/graph.ts"
import type { Elements } from "../kernel/lower-elements.ts"
import { eachScalar } from "../scalar/scalar.ts"
import type { Fusion } from "./fuse.ts"
import { columnOfSlot, type Column, type Columns } from "./rates.ts"
import { memorySlot } from "./sample-program.ts"

export interface Times {
  /** The time at which these elements can be there. */
  of(elements: Elements): number
  /** The time at which a root's buffer is there: 1 or later. */
  root(node: Node): number
  /** The time whose buffers a column reads. */
  column(c: Column): number
}

export const timesOf = (fusion: Fusion, byRoot: ReadonlyMap<Node, Elements>, arenas: ReadonlySet<Node>, rowRoots: ReadonlyMap<Node, readonly Column[]>, columns: Columns): Times => {
  const nodes = new Map<number, Node>(fusion.live.map((n) => [n.id, n]))
  const roots = new Map<Node, number>()
  const values = new Map<Node, number>()
  const cells = new Map<Column, number>()
  const root = (node: Node): number => {
    const known = roots.get(node)
    if (known !== undefined) return known
    const own = rowRoots.get(node)
    const time = own ? 1 + own.reduce((t, c) => Math.max(t, column(c)), 0) : of(byRoot.get(node)!)
    roots.set(node, time)
    return time
  }
  const of = (elements: Elements): number => {
    let latest = 0
    eachScalar(elements.lanes.flatMap((l) => [l.value, l.at]), (e) => {
      if (e.op !== "read") return
      if (e.slot < 0) latest = Math.max(latest, column(columns.all[columnOfSlot(e.slot)]!))
      // Sums that are handed on within a kernel are there when the kernel is.
      else latest = Math.max(latest, e.slot >= memorySlot ? root(nodes.get(e.slot - memorySlot)!) - 1 : value(nodes.get(e.slot)!))
    })
    return latest + 1
  }
  const value = (node: Node): number => {
    const known = values.get(node)
    if (known !== undefined) return known
    const kind = fusion.stops.get(node)?.kind
    const time = kind === "buffer" ? (arenas.has(node) ? ofInputs(node) : root(node)) : kind === "input" || kind === "constant" ? 0 : ofInputs(node)
    values.set(node, time)
    return time
  }
  const ofInputs = (node: Node): number => node.inputs.reduce((t, n) => Math.max(t, value(n)), 0)
  const column = (c: Column): number => {
    const known = cells.get(c)
    if (known !== undefined) return known
    let latest = 0
    if (c.value.kind === "array") latest = rowRoots.has(c.value.node) ? ofInputs(c.value.node) : value(c.value.node)
    else eachScalar([c.value.body], (e) => { if (e.op === "read") latest = Math.max(latest, value(nodes.get(e.slot)!)) })
    cells.set(c, latest)
    return latest
  }
  return { of, root, column }
}
