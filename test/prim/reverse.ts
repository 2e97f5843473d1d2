/** Reverse-mode differentiation in its plainest form: the harness in which the gradient rules of single primitives are tested. */
import type { Builder } from "../../src/ir/build.ts"
import type { Node } from "../../src/ir/graph.ts"
import { topological } from "../../src/ir/walk.ts"
import { primitiveNamed } from "../../src/prim/table.ts"

/** The gradient of a scalar node with respect to others; zeros where no path leads there. */
export const gradientsOf = (builder: Builder, root: Node, targets: readonly Node[]): Node[] => {
  const cotangents = new Map<Node, Node>([[root, builder.scalar(1)]])
  for (const node of topological([root]).reverse()) {
    const g = cotangents.get(node)
    const rule = primitiveNamed(node.prim).vjp
    if (!g || typeof rule !== "function") continue
    rule(builder, g, node.inputs, node, node.attrs).forEach((part, i) => {
      const x = node.inputs[i]!
      if (part === undefined) return
      if (part.shape.join() !== x.shape.join() || part.dtype !== x.dtype) throw new Error(`the gradient of ${node.prim} has another type than its operand`)
      cotangents.set(x, cotangents.has(x) ? builder.add(cotangents.get(x)!, part) : part)
    })
  }
  return targets.map((x) => cotangents.get(x) ?? builder.zeros(x.shape))
}
