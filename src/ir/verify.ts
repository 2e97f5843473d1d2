/** The graph's verifier: what must hold of every graph between passes. Each sentence names the node it is about. */
import { primitiveNamed, isPrimitive } from "../prim/table.ts"
import type { Graph, Node } from "./graph.ts"
import { topological } from "./walk.ts"

const typeText = (node: { readonly dtype: string; readonly shape: readonly number[] }): string => `${node.dtype}[${node.shape.join(", ")}]`

/** Problems of single nodes: unknown primitives, types that differ from what the primitive infers, operands made later. */
export const verifyNodes = (outputs: readonly Node[]): string[] => {
  const problems: string[] = []
  const byId = new Map<number, Node>()
  for (const node of topological(outputs)) {
    const name = `node ${node.id} (${node.prim}${node.origin.label ? `, ${node.origin.label}` : ""})`
    const same = byId.get(node.id)
    if (same) problems.push(`${name} has the id of another node (${same.prim})`)
    byId.set(node.id, node)
    for (const x of node.inputs) if (x.id >= node.id) problems.push(`${name} reads node ${x.id} (${x.prim}), which is not older`)
    if (node.shape.some((extent) => !Number.isInteger(extent) || extent < 0)) problems.push(`${name} has the impossible type ${typeText(node)}`)
    if (!isPrimitive(node.prim)) {
      problems.push(`${name} is no primitive of the table`)
      continue
    }
    const type = primitiveNamed(node.prim).infer(node.inputs, node.attrs)
    if (typeof type === "string") problems.push(`${name} is ill-typed: ${type}`)
    else if (typeText(type) !== typeText(node)) problems.push(`${name} says ${typeText(node)}, but is ${typeText(type)}`)
  }
  return problems
}

/** Whether only the host can give the node's value. */
const isDelivered = (node: Node): boolean => primitiveNamed(node.prim).element === undefined && primitiveNamed(node.prim).evaluate === undefined

/** Also: inputs and outputs are named once, inputs are in the graph as such, sources have the fields that are read. */
export const verifyGraph = (graph: Graph): string[] => {
  const problems = verifyNodes(graph.outputs.map((output) => output.node))
  const twice = (kind: string, names: readonly string[]): void => names.forEach((name, i) => void (names.indexOf(name) !== i && problems.push(`two ${kind}s are called ${name}`)))
  twice("input", graph.inputs.map((x) => x.name))
  twice("output", graph.outputs.map((x) => x.name))
  twice("source", graph.sources.map((x) => x.name))
  const listed = new Set(graph.inputs.map((x) => x.node))
  for (const node of topological(graph.outputs.map((output) => output.node)))
    if (isPrimitive(node.prim) && isDelivered(node) && !listed.has(node)) problems.push(`node ${node.id} is an input that the graph does not list`)
  for (const { name, source } of graph.inputs) {
    if (!source) continue
    const spec = graph.sources.find((s) => s.name === source.name)
    if (!spec) problems.push(`input ${name} comes from the source ${source.name}, which the graph does not have`)
    else if (source.field !== "#index" && !spec.fields.some((field) => field.name === source.field)) problems.push(`input ${name} is the field ${source.field}, which ${source.name} does not have`)
  }
  return problems
}
