/**
 * Collects the draws of a sample program that differ only in their site and in constant parameters: one loop makes them,
 * a lane each, from tables of constants. (A shader that repeats the generator for each draw takes long to compile.)
 */
import type { Node } from "../ir/graph.ts"
import { eachScalar, i32, mapScalar, read, type Scalar } from "../scalar/scalar.ts"
import { drawAttrs, isPartner } from "./rates.ts"
import { drawCall } from "./resolve.ts"

export interface DrawBatch {
  /** One of the draws: they share the distribution and its options. */
  readonly node: Node
  /** What all share: the sample's number, or the position of a partner. */
  readonly subject: Scalar
  readonly entries: readonly {
    readonly slot: number
    readonly site: number
    readonly element: number
    /** How many elements the site draws for one sample. */
    readonly count: number
    readonly parameters: readonly number[]
  }[]
}

/** Fewer draws than this are made where they are used. */
const fewest = 2

/** The batches, and the bodies with their draws replaced by reads of slots counted from `firstSlot`. */
export const batchDraws = (bodies: readonly Scalar[], nodes: ReadonlyMap<number, Node>, memorySlot: number, firstSlot: number): { readonly batches: readonly DrawBatch[]; readonly bodies: readonly Scalar[]; readonly nextSlot: number } => {
  const groups = new Map<string, { readonly node: Node; readonly subject: Scalar; readonly draws: Extract<Scalar, { op: "read" }>[] }>()
  const subjects = new Map<Scalar, number>()
  eachScalar(bodies, (e) => {
    if (e.op !== "read" || e.slot < 0 || e.slot >= memorySlot) return
    const node = nodes.get(e.slot)!
    if (node.prim !== "draw" || drawCall(node).whole) return
    const attrs = drawAttrs(node)
    if (attrs.dist === "categorical" || e.index.slice(1).some((x) => x.op !== "const") || readsMemory(e.index[0]!, memorySlot)) return
    if (!subjects.has(e.index[0]!)) subjects.set(e.index[0]!, subjects.size)
    const options = isPartner(node) ? `${(node.attrs as { self?: boolean }).self ?? true} ${node.shape[0]}` : ""
    const key = `${attrs.dist} ${options} ${subjects.get(e.index[0]!)}`
    const group = groups.get(key) ?? { node, subject: e.index[0]!, draws: [] }
    group.draws.push(e)
    groups.set(key, group)
  })
  let slot = firstSlot
  const replaced = new Map<Scalar, Scalar>()
  const batches: DrawBatch[] = []
  for (const { node, subject, draws } of groups.values()) {
    if (draws.length < fewest) continue
    batches.push({ node, subject, entries: draws.map((e) => {
      replaced.set(e, read(e.type, slot, [i32(0)], e.range))
      const [element, ...parameters] = e.index.slice(1).map((x) => (x.op === "const" ? x.value : 0))
      return { slot: slot++, site: drawAttrs(nodes.get(e.slot)!).site, element: element!, count: drawCall(nodes.get(e.slot)!).count, parameters }
    }) })
  }
  const memo = new Map(replaced)
  return { batches, bodies: bodies.map((b) => mapScalar(b, (e) => e, memo)), nextSlot: slot }
}

const readsMemory = (e: Scalar, memorySlot: number): boolean => {
  let found = false
  eachScalar([e], (x) => { if (x.op === "read" && x.slot >= memorySlot) found = true })
  return found
}
