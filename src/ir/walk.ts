/** Orders and uses of graph nodes. Iterative: graphs may be deeper than the stack. */
import type { Node } from "./graph.ts"

/** Everything the outputs need, operands before users, in an order that depends on the graph only. */
export const topological = (outputs: readonly Node[]): Node[] => {
  const order: Node[] = []
  const state = new Map<Node, "open" | "done">()
  const stack = [...outputs].reverse()
  while (stack.length > 0) {
    const node = stack[stack.length - 1]!
    const known = state.get(node)
    if (known === undefined) {
      state.set(node, "open")
      for (let i = node.inputs.length - 1; i >= 0; i--) if (!state.has(node.inputs[i]!)) stack.push(node.inputs[i]!)
    } else {
      stack.pop()
      if (known === "done") continue
      state.set(node, "done")
      order.push(node)
    }
  }
  return order
}

/** Who reads each node: one entry per operand position. Nodes that nobody reads have none. */
export const usersOf = (nodes: readonly Node[]): ReadonlyMap<Node, readonly Node[]> => {
  const users = new Map<Node, Node[]>(nodes.map((node) => [node, []]))
  for (const node of nodes) for (const x of node.inputs) users.get(x)?.push(node)
  return users
}
