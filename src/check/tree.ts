/**
 * Trees of parameters. While a graph is built, the tree of a model is one flat tensor: each parameter begins at a multiple
 * of 64 elements (256 bytes, so that a binding can begin there), and what lies between is zero. Arithmetic on trees is then
 * arithmetic on tensors, and the norm of a tree is the norm of its tensor.
 */
import type { Span } from "../base/span.ts"
import type { Node } from "../ir/graph.ts"
import { dim } from "../types/dimension.ts"
import { size } from "../types/size.ts"
import type { Context } from "./context.ts"
import { apply, broadcast, constantNode } from "./emit.ts"
import type { Learning, Parameter } from "./learning.ts"
import { tensor, type ModelValue, type TensorValue } from "./value.ts"

const alignment = 64

const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

/** Where each of these shapes begins when they lie one after the other. */
export const layout = (shapes: readonly (readonly number[])[]): { readonly offsets: readonly number[]; readonly total: number } => {
  const offsets: number[] = []
  let end = 0
  for (const shape of shapes) {
    offsets.push(end)
    end = Math.ceil((end + count(shape)) / alignment) * alignment
  }
  return { offsets, total: Math.max(alignment, end) }
}

/** The parameters of a model that are known so far, in order of first use; a model inside a block has those below its path. */
export const parametersOf = (learning: Learning, model: ModelValue): readonly Parameter[] =>
  [...learning.parameters.values()].filter((p) => p.path.startsWith(`${model.path}.`))

/** A tree from the values of its leaves; a leaf without one is zero. */
export const packed = (ctx: Context, span: Span, model: ModelValue, leaf: (p: Parameter, i: number) => Node | undefined): TensorValue => {
  const learning = ctx.build!.learning
  const leaves = parametersOf(learning, model)
  learning.trees.push({ model, parameters: leaves.length })
  const { offsets, total } = layout(leaves.map((p) => p.node.shape))
  const zeros = (shape: readonly number[]): Node => broadcast(ctx, span, constantNode(ctx, span, 0, "f32"), shape, [])
  return flat(leaves.length === 0 ? zeros([total]) : apply(ctx, span, model.name, "pack", leaves.map((p, i) => leaf(p, i) ?? zeros(p.node.shape)), { offsets, total }))
}

/** A tree as the tensor that it is. */
export const flat = (node: Node): TensorValue => tensor("f32", [dim(size(node.shape[0]!))], { rate: "node", node })
