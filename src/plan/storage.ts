/** How values lie in their buffers where that is not as what they are: rounded to f16 (`halves.ts`), or as the bytes that a picture was read from. */
import type { Node } from "../ir/graph.ts"
import type { ElementType, Kernel } from "../kernel/kernel.ts"
import { sizeOf } from "../schedule/inline.ts"
import type { Scheduled } from "../schedule/groups.ts"

export type Stored = "f16" | "u8"
export type Storage = ReadonlyMap<Node, Stored>

/** Of f32 that is stored so: one number, and four that are bound together. */
const elements: Record<Stored, readonly [ElementType, ElementType]> = { f16: ["f16", "halves"], u8: ["byte", "bytes"] }
const widths: Record<Stored, number> = { f16: 2, u8: 1 }

/** Bytes of the value's buffer, a multiple of 4. */
export const storedBytes = (node: Node, storage: Storage): number => {
  const stored = storage.get(node)
  return 4 * Math.max(1, Math.ceil((sizeOf(node.shape) * (stored ? widths[stored] : 4)) / 4))
}

/** The kernel with its buffers bound as what they hold. */
export const asStored = ({ kernel, bound }: Scheduled, storage: Storage): Kernel => {
  const bindings = kernel.bindings.map((binding, i) => {
    const b = bound[i]!
    const stored = b.kind === "node" ? storage.get(b.node) : undefined
    return b.kind === "node" && stored ? { ...binding, element: elements[stored][b.quads ? 1 : 0] } : binding
  })
  return bindings.every((b, i) => b === kernel.bindings[i]) ? kernel : { ...kernel, bindings }
}
