/** When values can be computed: what the host delivers is there at 0, the tables of time t are made after the buffers of time t. */
import type { Node } from "../ir/graph.ts"
import type { Elements } from "../kernel/lower-elements.ts"
import type { Fusion } from "./fuse.ts"
import { columnOfSlot, type Column, type Columns } from "./rates.ts"
import { eachScalar } from "./resolve.ts"

export interface Times {
  /** The time at which a root's buffer is there: 1 or later. */
  root(node: Node): number
  /** The time whose buffers a column reads. */
  column(c: Column): number
}

export const timesOf = (fusion: Fusion, elements: readonly Elements[], rowRoots: ReadonlyMap<Node, readonly Column[]>, columns: Columns): Times => {
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
    const time = kind === "buffer" ? root(node) : kind === "input" || kind === "constant" ? 0 : ofInputs(node)
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
  return { root, column }
}
