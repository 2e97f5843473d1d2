/**
 * Values stored as f16 (`--precision f16`): what one kernel leaves for another, halved in bytes and rounded once. Kernels
 * compute in f32: they widen what they load, so sums, statistics and products are those of f32.
 */
import type { Node } from "../ir/graph.ts"
import { topological } from "../ir/walk.ts"
import { primitiveNamed } from "../prim/table.ts"
import { eachScalar, read, variable } from "../scalar/scalar.ts"
import { sizeOf } from "../schedule/inline.ts"
import type { Schedule } from "../schedule/groups.ts"

/** Smaller values save nothing that counts: the losses and statistics of a batch are among them. */
const fewest = 4096

/**
 * Of the temporaries that kernels write, those that may be rounded. Not results of reductions, which are statistics and partial sums; not
 * what lies in an arena or a bundle, where gradients are on their way to an optimiser; not what a place or a count is made of; not what is bound in parts.
 */
export const halvesOf = ({ graph, kernels, places, arenas, bundles }: Schedule): ReadonlySet<Node> => {
  const kept = new Set([...graph.inputs.map((i) => i.node), ...graph.outputs.map((o) => o.node), ...kernels.flatMap((k) => [...k.parts])])
  const counted = madeInto(graph.outputs.map((o) => o.node))
  const written = kernels.flatMap(({ kernel, bound }) => bound.flatMap((b, i) => (b.kind === "node" && kernel.bindings[i]!.access === "write" ? [b.node] : [])))
  const suits = (node: Node): boolean => {
    const { kind } = primitiveNamed(node.prim)
    return node.dtype === "f32" && sizeOf(node.shape) >= fewest && kind !== "reduction" && kind !== "opaque" && kind !== "source" &&
      !kept.has(node) && !places.has(node) && !arenas.has(node) && !bundles.has(node) && !counted.has(node)
  }
  return new Set(written.filter(suits))
}

/** The numbers that integers are made of, and what these are made of element by element: coordinates, whose rounding would move what is read. */
const madeInto = (roots: readonly Node[]): ReadonlySet<Node> => {
  const found = new Set<Node>()
  for (const node of [...topological(roots)].reverse()) {
    const { kind } = primitiveNamed(node.prim)
    const numbers = node.inputs.filter((x) => x.dtype === "f32")
    if (numbers.length === 0 || kind === "reduction" || kind === "contraction") continue
    const passed = kind === "opaque" || (found.has(node) && kind !== "access") ? numbers : truncated(node).filter((x) => x.dtype === "f32")
    for (const x of passed) found.add(x)
  }
  return found
}

/** The inputs that a node's element turns into integers. */
const truncated = (node: Node): readonly Node[] => {
  const { element } = primitiveNamed(node.prim)
  if (!element) return []
  const value = element(node.shape.map((n, d) => variable(`i${d}`, n)), node.inputs, node.attrs, (slot, index) => read(node.inputs[slot]!.dtype, slot, index), node)
  const slots = new Set<number>()
  eachScalar([value], (e) => {
    if (e.op === "cast" && (e.fn === "i32" || e.fn === "u32") && e.x.type === "f32") eachScalar([e.x], (x) => { if (x.op === "read") slots.add(x.slot) })
  })
  return [...slots].map((slot) => node.inputs[slot]!)
}
