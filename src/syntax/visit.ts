/** Walking the syntax tree generically: its shape is read off the nodes, so a new node needs nothing here. */
import type { Span } from "../base/span.ts"

/** Any part of the tree that has a span: modules, declarations, statements, types, expressions, and their unnamed parts. */
export interface AnyNode {
  readonly kind?: string
  readonly span: Span
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

/** The parts directly under a node, in the order of the node's fields; parts without a span of their own are looked through. */
export const childrenOf = (node: AnyNode): AnyNode[] => {
  const children: AnyNode[] = []
  const collect = (value: unknown): void => {
    if (!isObject(value)) return
    if (Array.isArray(value)) value.forEach(collect)
    else if ("span" in value) children.push(value as AnyNode)
    else if (!("start" in value && "end" in value && "file" in value)) Object.values(value).forEach(collect)
  }
  Object.values(node).forEach(collect)
  return children
}

/** Calls `enter` for each node from the top down, without recursion; where it gives false, not for what is below. */
export const visit = (root: AnyNode, enter: (node: AnyNode, parent: AnyNode | undefined) => boolean | void): void => {
  const stack: { readonly node: AnyNode; readonly parent: AnyNode | undefined }[] = [{ node: root, parent: undefined }]
  for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
    if (enter(item.node, item.parent) === false) continue
    const children = childrenOf(item.node)
    for (let i = children.length - 1; i >= 0; i--) stack.push({ node: children[i]!, parent: item.node })
  }
}
