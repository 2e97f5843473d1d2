/**
 * Substitutes a node's element for the reads of it, down to the nodes where fusion stops: what one element of a kernel's
 * result is, in terms of the kernel's own inputs. A read's slot is the id of the node it reads.
 */
import { attributeKey } from "../ir/attribute-key.ts"
import type { Node } from "../ir/graph.ts"
import type { Primitive, TensorType } from "../prim/primitive.ts"
import { constant, mapScalar, operands, read, variable, type Scalar, type Var } from "../scalar/scalar.ts"
import { simplify } from "../scalar/simplify-scalar.ts"

export type Table = (prim: string) => Primitive

export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)
export const typeOf = (node: Node): TensorType => ({ dtype: node.dtype, shape: node.shape })

/** The value of a `const` node with one element. */
export const constantOf = (node: Node): Scalar | undefined => {
  if (node.prim !== "const" || sizeOf(node.shape) !== 1) return undefined
  return constant((node.attrs as { readonly data: readonly number[] }).data[0]!, node.dtype)
}

/** What a drawn integer lies in. */
const rangeOf = (node: Node): readonly [number, number] | undefined => {
  if (node.prim !== "draw" || node.dtype !== "i32") return undefined
  const { dist, k } = node.attrs as { readonly dist: string; readonly k?: number }
  const parameters = node.inputs.slice(-2).map((p) => constantOf(p))
  switch (dist) {
    case "permutation": case "derangement": return [0, k! - 1]
    case "partner": return [0, node.shape[0]! - 1]
    case "categorical": return [0, node.inputs[node.inputs.length - 1]!.shape[0]! - 1]
    case "randint": {
      const [low, high] = parameters
      return low?.op === "const" && high?.op === "const" && high.value > low.value ? [low.value, high.value - 1] : undefined
    }
    default: return undefined
  }
}

/** The variables a reduction inside `e` binds, in the order met. */
const boundVars = (e: Scalar, seen = new Set<Scalar>(), found: Var[] = []): Var[] => {
  if (seen.has(e)) return found
  seen.add(e)
  if (e.op === "reduce") for (const v of e.vars) if (!found.includes(v)) found.push(v)
  for (const x of operands(e)) boundVars(x, seen, found)
  return found
}

export interface Inliner {
  /** The element of `node` at `index`, whether or not fusion stops at `node` itself. */
  body(node: Node, index: readonly Scalar[]): Scalar
  /** A read of `node` at `index`: its element, or a read of slot `node.id` where fusion stops. */
  at(node: Node, index: readonly Scalar[]): Scalar
}

interface Template {
  readonly holes: readonly Scalar[]
  readonly element: Scalar
}

/** Elements over placeholders: nodes of one kind (their primitive, attributes and types) have the same. Inliners of one graph share them. */
export interface Templates {
  readonly byKey: Map<string, Template>
  readonly kindOf: (node: Node) => number
}

export const makeTemplates = (): Templates => {
  const kinds = new Map<string, number>()
  const known = new Map<Node, number>()
  const typeKey = (node: Node): string => `${node.dtype}[${node.shape.join()}]`
  return {
    byKey: new Map(),
    kindOf: (node) => {
      const there = known.get(node)
      if (there !== undefined) return there
      const key = `${node.prim} ${typeKey(node)} ${node.inputs.map(typeKey).join()} ${attributeKey((node.attrs ?? {}) as object)}`
      const kind = kinds.get(key) ?? kinds.size
      kinds.set(key, kind)
      known.set(node, kind)
      return kind
    }
  }
}

/** Elements that are made already, and what tells them apart: inliners of one graph may share them too, wherever they stop. */
export interface Inlined {
  readonly elements: Map<string, Scalar>
  /** A number for each index expression. */
  idOf(e: Scalar): number
  /** The reduction variables of a node's element at this index, for those that its template binds. */
  variablesFor(node: Node, bound: readonly Var[], index: readonly Scalar[]): Var[]
}

export const makeInlined = (): Inlined => {
  const ids = new Map<Scalar, number>()
  const constants = new Map<string, number>()
  let next = 0
  const idOf = (e: Scalar): number => {
    if (e.op === "const") {
      const key = `${e.type}${Object.is(e.value, -0) ? "-0" : e.value}`
      const known = constants.get(key)
      if (known !== undefined) return known
      constants.set(key, next)
      return next++
    }
    const known = ids.get(e)
    if (known !== undefined) return known
    ids.set(e, next)
    return next++
  }
  const free = new Map<Scalar, Set<Var>>()
  const varsOf = (e: Scalar): Set<Var> => {
    const known = free.get(e)
    if (known) return known
    const found = new Set<Var>()
    if (e.op === "var") found.add(e)
    for (const x of operands(e)) for (const v of varsOf(x)) found.add(v)
    free.set(e, found)
    return found
  }
  // Each node has one set of reduction variables, so that its elements at different indices can share a loop.
  const renamed = new Map<Node, Var[]>()
  const variablesFor = (node: Node, bound: readonly Var[], index: readonly Scalar[]): Var[] => {
    const outer = new Set(index.flatMap((x) => [...varsOf(x)]))
    const kept = renamed.get(node)
    const fits = kept !== undefined && kept.length === bound.length && kept.every((v, i) => v.low === bound[i]!.low && v.high === bound[i]!.high)
    const target = fits && !kept.some((v) => outer.has(v)) ? kept : bound.map((v): Var => ({ ...v }))
    if (!kept) renamed.set(node, target)
    return target
  }
  return { elements: new Map(), idOf, variablesFor }
}

/** `bodyOf`: a number that tells bodies of nodes apart (`fused-bodies.ts`). */
export const makeInliner = (table: Table, stopsAt: (node: Node) => boolean, bodyOf: (node: Node) => number, templates: Templates, { elements, idOf, variablesFor }: Inlined): Inliner => {
  // The element over placeholders for the indices that are not constants; a placeholder lies within its dimension.
  const templateOf = (node: Node, index: readonly Scalar[]): Template => {
    const key = `${templates.kindOf(node)}:${index.map((x) => (x.op === "const" ? x.value : "")).join(",")}`
    const known = templates.byKey.get(key)
    if (known) return known
    const record = table(node.prim)
    if (!record.element) throw new Error(`inline: primitive ${node.prim} has no element; fusion must stop at it`)
    const holes = index.map((x, d) => (x.op === "const" ? x : variable(`i${d}`, node.shape[d]!)))
    const raw = record.element(holes, node.inputs.map(typeOf), node.attrs, (slot, position) => read(node.inputs[slot]!.dtype, slot, position), typeOf(node))
    const template = { holes, element: simplify([raw])[0]! }
    templates.byKey.set(key, template)
    return template
  }

  const body = (node: Node, index: readonly Scalar[]): Scalar => {
    const key = `${bodyOf(node)}:${index.map(idOf).join(",")}`
    const known = elements.get(key)
    if (known) return known
    const { holes, element } = templateOf(node, index)
    const memo = new Map<Scalar, Scalar>()
    holes.forEach((hole, d) => memo.set(hole, index[d]!))
    const bound = boundVars(element)
    const fresh = variablesFor(node, bound, index)
    bound.forEach((v, i) => memo.set(v, fresh[i]!))
    const result = mapScalar(element, (e) => {
      if (e.op === "reduce") return { ...e, vars: e.vars.map((v) => memo.get(v) as Var) }
      if (e.op !== "read") return e
      const input = node.inputs[e.slot]!
      return stopsAt(input) && !constantOf(input) ? read(input.dtype, input.id, e.index, rangeOf(input) ?? e.range) : at(input, e.index)
    }, memo)
    elements.set(key, result)
    return result
  }
  const at = (node: Node, index: readonly Scalar[]): Scalar => {
    const value = constantOf(node)
    if (value) return value
    return stopsAt(node) ? read(node.dtype, node.id, index, rangeOf(node)) : body(node, index)
  }
  return { body, at }
}
