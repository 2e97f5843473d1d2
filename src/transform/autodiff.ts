/**
 * Reverse-mode differentiation of the tensor graph: walks from a loss back to what it was made of and applies the
 * gradient rule of each primitive on the way. The result is an ordinary graph, so it can be differentiated again.
 */
import type { Builder } from "../ir/build.ts"
import type { Node } from "../ir/graph.ts"
import { topological } from "../ir/walk.ts"
import { primitiveNamed } from "../prim/table.ts"
import { lean } from "./lean-builder.ts"

/** A place where a path from `wrt` to the loss ends, and the sentence that says why. */
export interface Cut {
  readonly node: Node
  readonly why: string
}

export interface Gradients {
  /** The cotangent of each node of `wrt`, of its type; undefined where no gradient reaches it. */
  readonly values: readonly (Node | undefined)[]
  /** In the order in which they were met from the loss backwards. */
  readonly cuts: readonly Cut[]
}

/** The nodes of `order` (operands first) that depend on one of `wrt`, these included. */
const dependents = (order: readonly Node[], wrt: readonly Node[]): ReadonlySet<Node> => {
  const found = new Set<Node>(wrt)
  for (const node of order) if (node.inputs.some((x) => found.has(x))) found.add(node)
  return found
}

const decides = (node: Node): string => `${node.prim} uses this operand only to decide or to count, so no gradient passes through it`
const whyNot = (node: Node): string => {
  const rule = primitiveNamed(node.prim).vjp
  return typeof rule === "function" ? `${node.prim} gives ${node.dtype} here, so no gradient passes through it` : rule.none
}

/**
 * What the cotangent of `loss`, a single f32, gives to each node of `wrt`. Contributions to one node are summed from its
 * last reader to its first. A node of `wrt` may depend on another: each receives all that passes through it.
 */
export const gradients = (builder: Builder, loss: Node, wrt: readonly Node[]): Gradients => {
  if (loss.dtype !== "f32" || loss.shape.length > 0) throw new Error(`a gradient was asked of ${loss.dtype}[${loss.shape.join(", ")}], which is no single f32`)
  const order = topological([loss])
  const onPath = dependents(order, wrt)
  const received = new Map<Node, Node>()
  const cuts = new Map<Node, string>()
  if (onPath.has(loss)) received.set(loss, builder.scalar(1))

  /** Notes where a path through values that carry no gradient ends: at the node that reads the last f32. */
  const cutBelow = (from: Node): void => {
    const stack = [from]
    const seen = new Set<Node>()
    while (stack.length > 0) {
      const node = stack.pop()!
      if (seen.has(node) || !onPath.has(node)) continue
      seen.add(node)
      if (node.inputs.some((x) => onPath.has(x) && x.dtype === "f32") && !cuts.has(node)) cuts.set(node, whyNot(node))
      stack.push(...node.inputs.filter((x) => x.dtype !== "f32").reverse())
    }
  }

  for (const node of order.reverse()) {
    const cotangent = received.get(node)
    if (!cotangent || !node.inputs.some((x) => onPath.has(x))) continue
    const rule = primitiveNamed(node.prim).vjp
    if (typeof rule !== "function") {
      cuts.set(node, rule.none)
      continue
    }
    const parts = rule<Node>(lean(builder.at(node.origin)), cotangent, node.inputs, node, node.attrs, node.inputs.map((x) => onPath.has(x)))
    node.inputs.forEach((x, slot) => {
      if (!onPath.has(x)) return
      const part = parts[slot]
      if (part === undefined) {
        if (x.dtype !== "f32") cutBelow(x)
        else if (!cuts.has(node) && !node.inputs.some((other, i) => other === x && parts[i] !== undefined)) cuts.set(node, decides(node))
        return
      }
      if (part.dtype !== x.dtype || part.shape.join() !== x.shape.join()) throw new Error(`the gradient rule of ${node.prim} gives ${part.dtype}[${part.shape.join(", ")}] for an operand ${x.dtype}[${x.shape.join(", ")}]`)
      const known = received.get(x)
      received.set(x, known ? lean(builder.at(x.origin)).add(known, part) : part)
    })
  }
  return { values: wrt.map((x) => received.get(x)), cuts: [...cuts].map(([node, why]) => ({ node, why })) }
}
