/**
 * The graph builder: applies primitives, infers types and shares equal nodes (hash-consing by primitive, operands and
 * attributes; where a node came from is not part of what it is). Ids count up, so operands have smaller ids.
 */
import type { Build, Shape, TensorType } from "../prim/primitive.ts"
import { primitiveNamed } from "../prim/table.ts"
import { attributeKey } from "./attribute-key.ts"
import type { DType, Node, Origin } from "./graph.ts"

export interface Builder extends Build<Node> {
  apply(prim: string, inputs: readonly Node[], attrs?: object): Node
  /** The same builder, for nodes that come from `origin`. */
  at(origin: Origin): Builder
  input(name: string, dtype: DType, shape: Shape): Node
  constant(data: readonly number[], dtype: DType, shape: Shape): Node
  /** Every node so far, in order of creation, which is a topological one. */
  nodes(): readonly Node[]
}

export const nowhere: Origin = { span: { file: "", start: 0, end: 0 }, label: "", path: "" }

interface Tables {
  readonly nodes: Node[]
  readonly known: Map<string, Node>
}

const builderAt = (tables: Tables, origin: Origin): Builder => {
  const apply = (prim: string, inputs: readonly Node[], attrs: object = {}): Node => {
    const key = `${prim}(${inputs.map((x) => x.id).join(",")})${attributeKey(attrs)}`
    const known = tables.known.get(key)
    if (known) return known
    const type = primitiveNamed(prim).infer(inputs, attrs)
    if (typeof type === "string") throw new Error(`the graph was built with an ill-typed ${prim}: ${type}`)
    const node: Node = { id: tables.nodes.length, prim, inputs, attrs, dtype: type.dtype, shape: type.shape, origin }
    tables.nodes.push(node)
    tables.known.set(key, node)
    return node
  }
  const constant = (data: readonly number[], dtype: DType, shape: Shape): Node =>
    apply("const", [], { data: dtype === "f32" ? data.map(Math.fround) : data, dtype, shape })
  const scalar = (value: number, dtype: DType = "f32"): Node => constant([value], dtype, [])
  return {
    apply, constant, scalar,
    at: (place) => builderAt(tables, place),
    input: (name, dtype, shape) => apply("input", [], { name, dtype, shape }),
    nodes: () => tables.nodes,
    typeOf: (x): TensorType => ({ dtype: x.dtype, shape: x.shape }),
    zeros: (shape) => (shape.length === 0 ? scalar(0) : apply("broadcast", [scalar(0)], { shape, map: [] })),
    add: (a, b) => apply("add", [a, b]),
    sub: (a, b) => apply("sub", [a, b]),
    mul: (a, b) => apply("mul", [a, b]),
    div: (a, b) => apply("div", [a, b]),
    neg: (a) => apply("neg", [a]),
  }
}

export const graphBuilder = (origin: Origin = nowhere): Builder => builderAt({ nodes: [], known: new Map() }, origin)
