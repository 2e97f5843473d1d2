/** Which fused value to store when a kernel breaks a limit: too many buffers, or too many statements. */
import type { Node } from "../ir/graph.ts"
import type { Fusion } from "./fuse.ts"
import type { Limits } from "./limits.ts"

/** `throughRows`: also among the values that small values of each sample are made of, whose kernel it is that breaks the limit. */
export const relief = (fusion: Fusion, root: Node, limits: Limits, storage: number, throughRows = false): ReadonlyMap<Node, string> | undefined => {
  const buffers = new Map<Node, ReadonlySet<Node>>()
  const sizes = new Map<Node, number>()
  const below = (node: Node): ReadonlySet<Node> => {
    const known = buffers.get(node)
    if (known) return known
    const found = new Set<Node>()
    let size = 1
    for (const input of node.inputs) {
      const stop = fusion.stops.get(input)?.kind
      if (stop && !(throughRows && stop === "row")) {
        if (stop !== "draw") found.add(input)
        continue
      }
      for (const b of below(input)) found.add(b)
      size += sizes.get(input)!
    }
    buffers.set(node, found)
    sizes.set(node, size)
    return found
  }
  below(root)
  const inner = [...buffers.keys()].filter((n) => n !== root && n.prim !== "const" && n.shape.length > 0)
  if (storage > limits.maxStorageBuffersPerShaderStage) {
    const most = limits.maxStorageBuffersPerShaderStage - 2
    const candidates = inner.filter((n) => buffers.get(n)!.size > 1 && buffers.get(n)!.size <= most)
    const best = candidates.sort((a, b) => buffers.get(b)!.size - buffers.get(a)!.size || a.id - b.id)[0]
    return best ? new Map([[best, `its reader would need ${storage} buffers, and ${limits.maxStorageBuffersPerShaderStage} may be bound`]]) : undefined
  }
  const half = sizes.get(root)! / 2
  const best = inner.filter((n) => sizes.get(n)! > 1).sort((a, b) => Math.abs(sizes.get(a)! - half) - Math.abs(sizes.get(b)! - half) || a.id - b.id)[0]
  return best ? new Map([[best, "its reader's kernel would be too long"]]) : undefined
}
