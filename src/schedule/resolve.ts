/**
 * Brings inlined expressions into the form that kernels read: buffers at one linear place, draws as calls
 * `[sample, element, ...parameters]` (a partner: `[position, 0]`), rows as given by the caller.
 */
import type { Node } from "../ir/graph.ts"
import { add, i32, mapScalar, mul, operands, read, type Scalar } from "../scalar/scalar.ts"
import { sizeOf } from "./inline.ts"
import type { Fusion } from "./fuse.ts"
import { drawAttrs, isPartner } from "./rates.ts"

/** The row-major place of an index: one sum of products, the constant part last, so that neighbours share the rest. */
export const linearIndex = (shape: readonly number[], index: readonly Scalar[]): Scalar => {
  let fixed = 0
  let sum: Scalar = i32(0)
  let stride = 1
  const parts: Scalar[] = []
  for (let d = shape.length - 1; d >= 0; d--) {
    const x = index[d]!
    if (x.op === "const") fixed += x.value * stride
    else parts.unshift(mul(x, i32(stride)))
    stride *= shape[d]!
  }
  for (const part of parts) sum = add(sum, part)
  return add(sum, i32(fixed))
}

/** The index of the element at a linear place. */
export const indexAt = (shape: readonly number[], place: number): Scalar[] => {
  const index: Scalar[] = []
  for (let d = shape.length - 1, rest = place; d >= 0; d--) {
    index.unshift(i32(rest % shape[d]!))
    rest = Math.floor(rest / shape[d]!)
  }
  return index
}

export interface DrawCall {
  readonly node: Node
  /** How many elements one sample draws. */
  readonly count: number
  /** The arrangements (permutation, derangement) are drawn as a whole. */
  readonly whole: boolean
}

export const drawCall = (node: Node): DrawCall => {
  const attrs = drawAttrs(node)
  const rest = attrs.per === "batch" ? node.shape : node.shape.slice(1)
  return { node, count: sizeOf(rest), whole: attrs.dist === "permutation" || attrs.dist === "derangement" }
}

export interface Resolver {
  /** A read of a small value of a sample (a row, or an arrangement drawn as a whole). */
  row(node: Node, index: readonly Scalar[], range: readonly [number, number] | undefined): Scalar
}

/** Buffers too large to be bound whole: a dispatch binds a range of their samples and reads only its own sample. */
export interface Parts {
  readonly isPart: (node: Node) => boolean
  readonly sample: Scalar
  /** The sample's number within the range. */
  readonly within: Scalar
  /** Called for a part that is read at another sample. */
  readonly refuse: (node: Node) => void
}

export const makeResolve = (fusion: Fusion, resolver: Resolver, parts?: Parts): ((e: Scalar) => Scalar) => {
  const memo = new Map<Scalar, Scalar>()
  const resolve = (e: Scalar): Scalar => mapScalar(e, at, memo)
  const at = (e: Scalar): Scalar => {
    if (e.op !== "read" || e.slot < 0) return e
    const node = fusion.stopped.get(e.slot)!
    const kind = fusion.stops.get(node)!.kind
    // The indices are resolved already; what is inlined at them must leave them as they are.
    for (const x of e.index) memo.set(x, x)
    if (kind === "row" || (kind === "draw" && drawCall(node).whole)) return resolver.row(node, e.index, e.range)
    if (kind !== "draw") {
      if (!parts?.isPart(node)) return read(e.type, e.slot, [linearIndex(node.shape, e.index)], e.range)
      if (e.index[0] !== parts.sample) parts.refuse(node)
      return read(e.type, e.slot, [linearIndex(node.shape, [parts.within, ...e.index.slice(1)])], e.range)
    }
    const attrs = drawAttrs(node)
    if (isPartner(node)) return read(e.type, e.slot, [e.index[0]!, i32(0)], [0, node.shape[0]! - 1])
    const perSample = attrs.per === "sample"
    const rest = perSample ? e.index.slice(1) : e.index
    const element = linearIndex(perSample ? node.shape.slice(1) : node.shape, rest)
    const sample = perSample ? resolve(fusion.inliner.at(node.inputs[0]!, [e.index[0]!])) : i32(0)
    const parameters = (perSample ? node.inputs.slice(1) : node.inputs).flatMap((p) =>
      attrs.dist === "categorical"
        ? Array.from({ length: p.shape[0]! }, (_, k) => resolve(fusion.inliner.at(p, [i32(k)])))
        : [resolve(fusion.inliner.at(p, p.shape.length === 0 ? [] : [e.index[0]!]))])
    return read(e.type, e.slot, [sample, element, ...parameters], e.range)
  }
  return resolve
}
