/**
 * The reference evaluator: runs a graph on the host, each node by the element that its primitive's record describes.
 * It is the oracle for gradients, rewrites and kernels; its draws are those of the device.
 */
import type { Node } from "../../ir/graph.ts"
import { topological } from "../../ir/walk.ts"
import type { Primitive, Run } from "../../prim/primitive.ts"
import { elementCount } from "../../prim/shape.ts"
import { primitiveNamed } from "../../prim/table.ts"
import { i32, read, variable } from "../../scalar/scalar.ts"
import type { Scalar, Var } from "../../scalar/scalar.ts"
import { compileNest } from "./compile-scalar.ts"
import type { Nest } from "./compile-scalar.ts"
import { ndarray } from "./ndarray.ts"
import type { NdArray } from "./ndarray.ts"
import { variantFor } from "./variant.ts"
import type { Mode, Variant } from "./variant.ts"

/** What a node needs of its operands before it runs, and how it runs. */
interface Program {
  readonly reads: readonly { readonly node: Node; readonly variant: Variant }[]
  readonly run: (inputs: readonly Float64Array[]) => Float64Array
}

/** Up to this many elements of a lane dimension are written out, so that what they share is computed once. */
const unrolledLanes = 16

const nestOf = (node: Node, primitive: Primitive): readonly Nest[] => {
  if (primitive.scatter) return primitive.scatter(node.attrs).map(({ vars, index, value }) => ({ vars, stores: [{ at: index, value }], accumulate: true }))
  const lanes = (node.attrs as { readonly lanes?: number } | undefined)?.lanes
  const unrolled = lanes !== undefined && node.shape[lanes]! <= unrolledLanes ? lanes : undefined
  const index = node.shape.map((extent, d) => variable(`i${d}`, extent))
  const vars = index.filter((_, d) => d !== unrolled)
  const element = (at: readonly (Var | Scalar)[]): Scalar =>
    primitive.element!(at, node.inputs, node.attrs, (slot, place) => read(node.inputs[slot]!.dtype, slot, place), node)
  const places: readonly (readonly Scalar[])[] = unrolled === undefined ? [index] : Array.from({ length: node.shape[unrolled]! }, (_, k) => index.map((v, d) => (d === unrolled ? i32(k) : v)))
  return [{ vars, stores: places.map((at) => ({ at, value: element(at) })), accumulate: false }]
}

const programOf = (node: Node, variant: Variant, settings: Run, mode: Mode): Program => {
  const primitive = primitiveNamed(node.prim)
  if (primitive.evaluate) {
    // Draws are the device's, so are their parameters.
    const wanted: Variant = primitive.kind === "source" || node.dtype !== "f32" ? "device" : variant
    return {
      reads: node.inputs.map((x) => ({ node: x, variant: variantFor(mode, x.dtype, wanted) })),
      run: (inputs) => primitive.evaluate!(inputs.map((data, i) => ({ shape: node.inputs[i]!.shape, data })), node.attrs, settings),
    }
  }
  if (!primitive.element) throw new Error(`the input ${node.origin.label || (node.attrs as { name?: string }).name || node.id} of the graph was not fed`)
  const count = elementCount(node.shape)
  if (count === 0) return { reads: [], run: () => new Float64Array(0) }
  const compiled = compileNest(nestOf(node, primitive), node.inputs, node.shape, node.dtype, variant, mode)
  return {
    reads: compiled.reads.map(({ slot, variant: v }) => ({ node: node.inputs[slot]!, variant: v })),
    run: (inputs) => {
      const result = new Float64Array(count)
      compiled.run(result, inputs)
      return result
    },
  }
}

const keyOf = (node: Node, variant: Variant): string => `${node.id} ${variant}`

/** Feeds stand for any nodes, so also an inner node's value can be given. */
export const evaluate = (outputs: readonly Node[], feeds: ReadonlyMap<Node, NdArray>, settings: Run, mode: Mode = "reference"): NdArray[] => {
  const wanted = outputs.map((node) => ({ node, variant: variantFor(mode, node.dtype, "real") }))
  const demands = new Map<string, number>()
  const demand = (node: Node, variant: Variant): void => void demands.set(keyOf(node, variant), (demands.get(keyOf(node, variant)) ?? 0) + 1)
  wanted.forEach(({ node, variant }) => demand(node, variant))
  const programs = new Map<string, Program>()
  const order = topological(outputs)
  const variants: readonly Variant[] = ["real", "device"]
  for (const node of [...order].reverse()) {
    if (feeds.has(node)) continue
    for (const variant of variants) {
      if (!demands.has(keyOf(node, variant))) continue
      const program = programOf(node, variant, settings, mode)
      programs.set(keyOf(node, variant), program)
      program.reads.forEach((r) => demand(r.node, r.variant))
    }
  }
  const values = new Map<string, Float64Array>()
  /** The value, which is forgotten after its last use. */
  const take = (node: Node, variant: Variant): Float64Array => {
    const key = keyOf(node, variant)
    const value = values.get(key)
    if (!value) throw new Error(`node ${node.id} (${node.prim}) is read before it was computed`)
    const left = demands.get(key)! - 1
    demands.set(key, left)
    if (left === 0) values.delete(key)
    return value
  }
  for (const node of order) {
    for (const variant of variants) {
      const key = keyOf(node, variant)
      if (!demands.has(key)) continue
      const fed = feeds.get(node)
      if (fed) {
        if (fed.data.length !== elementCount(node.shape)) throw new Error(`node ${node.id} is fed ${fed.data.length} values for [${node.shape.join(", ")}]`)
        values.set(key, variant === "device" && node.dtype === "f32" ? fed.data.map(Math.fround) : fed.data)
        continue
      }
      const program = programs.get(key)!
      values.set(key, program.run(program.reads.map((r) => take(r.node, r.variant))))
    }
  }
  return wanted.map(({ node, variant }) => ndarray(node.dtype, node.shape, take(node, variant)))
}
