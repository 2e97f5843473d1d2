/** Graphs as SSA text: dense numbers, types, and where each node came from. For reading and snapshots, not for parsing. */
import { positionOf } from "../base/source.ts"
import type { SourceFile } from "../base/source.ts"
import type { Scalar, Var } from "../scalar/scalar.ts"
import type { Graph, Node } from "./graph.ts"
import { scalarText } from "./scalar-text.ts"
import { topological } from "./walk.ts"

type Sources = ReadonlyMap<string, SourceFile>

const isScalar = (x: unknown): x is Scalar => typeof x === "object" && x !== null && "op" in x && "type" in x
const isVar = (x: unknown): x is Var => isScalar(x) && x.op === "var"

const placeText = (node: Node, sources: Sources): string => {
  const { file, start } = node.origin.span
  const source = sources.get(file)
  return source ? `${file}:${positionOf(source, start).line}` : file
}

const number = (x: unknown): string => (Object.is(x, -0) ? "-0" : String(x))
const shown = 8

/** An attribute that holds no scalar expression. */
const attributeText = (x: unknown): string => {
  if (Array.isArray(x)) return `[${x.slice(0, shown).map(attributeText).join(", ")}${x.length > shown ? `, ... ${x.length} in all` : ""}]`
  if (typeof x === "string") return x
  if (typeof x === "object" && x !== null) return `{ ${Object.entries(x).map(([name, value]) => `${name}: ${attributeText(value)}`).join(", ")} }`
  return number(x)
}

interface Parts { readonly vars: Var[]; readonly roots: Scalar[] }
/** The variables and expressions within attributes, in the order in which they stand. */
const scalarsIn = (x: unknown, found: Parts = { vars: [], roots: [] }): Parts => {
  if (isVar(x)) found.vars.push(x)
  else if (isScalar(x)) found.roots.push(x)
  else if (Array.isArray(x)) x.forEach((item) => scalarsIn(item, found))
  else if (typeof x === "object" && x !== null) Object.values(x).forEach((item) => scalarsIn(item, found))
  return found
}

/** Attributes with expressions: `vars` before the braces, a place and a value as `[place] += value`. */
const bodyText = (attrs: object, slotName: (slot: number) => string): { head: string; lines: string[] } => {
  const { vars, roots } = scalarsIn(attrs)
  const every = scalarText(roots, [...new Set(vars)], slotName)
  const texts = new Map(roots.map((root, i) => [root, every.results[i]!]))
  const text = (e: Scalar): string => texts.get(e) ?? scalarText([e], [...new Set(vars)], slotName).results[0]!
  const list = (xs: readonly Scalar[]): string => xs.map(text).join(", ")
  const lines = [...every.definitions]
  let head = ""
  for (const [name, value] of Object.entries(attrs) as [string, unknown][]) {
    if (name === "vars") head += ` (${list(value as readonly Scalar[])})`
    else if (name === "body") lines.push(...(value as readonly Scalar[]).map(text))
    else if (name === "terms") for (const term of value as { vars: Scalar[]; index: Scalar[]; value: Scalar }[]) lines.push(`(${list(term.vars)}) [${list(term.index)}] += ${text(term.value)}`)
    else if (value !== undefined) head += ` ${name}=${attributeText(value)}`
  }
  return { head, lines }
}

/** Long bodies stand on lines of their own. */
const inlineWidth = 90

const nodeText = (node: Node, names: ReadonlyMap<Node, string>, sources: Sources): string => {
  const inputs = node.inputs.map((x) => names.get(x)!)
  const attrs = (node.attrs ?? {}) as object
  const type = `${node.dtype}[${node.shape.join(",")}]`
  const place = placeText(node, sources)
  const tail = `${type}${place ? `    ${place}` : ""}${node.origin.label ? `  ${node.origin.label}` : ""}`
  const { head, lines } = scalarsIn(attrs).roots.length > 0
    ? bodyText(attrs, (slot) => inputs[slot] ?? `slot ${slot}`)
    : { head: Object.entries(attrs).filter(([name, value]) => value !== undefined && name !== "dtype" && name !== "shape").map(([name, value]) => ` ${name}=${attributeText(value)}`).join(""), lines: [] }
  const start = `${names.get(node)} = ${node.prim}${inputs.length > 0 ? ` ${inputs.join(" ")}` : ""}${head}`
  if (lines.length === 0) return `${start}  ${tail}`
  return lines.length === 1 && lines[0]!.length <= inlineWidth ? `${start} { ${lines[0]} }  ${tail}` : [`${start} {`, ...lines.map((line) => `    ${line}`), `} ${tail}`].join("\n")
}

export const printNodes = (outputs: readonly Node[], sources: Sources = new Map()): { text: string; names: ReadonlyMap<Node, string> } => {
  const order = topological(outputs)
  const names = new Map(order.map((node, i) => [node, `%${i}`]))
  return { text: order.map((node) => `${nodeText(node, names, sources)}\n`).join(""), names }
}

export const printGraph = (graph: Graph, sources: Sources = new Map()): string => {
  const { text, names } = printNodes(graph.outputs.map((output) => output.node), sources)
  const from = graph.sources.map((s) => `  source ${s.name} = ${s.loader}.${s.split} batch=${s.batch}${Object.entries(s.options).map(([name, value]) => ` ${name}=${value}`).join("")}\n`).join("")
  const outputs = graph.outputs.map(({ name, node, picture, population }) => `  output ${name} = ${names.get(node)}${picture ? ` ${picture}` : ""}${population ? ` @${population}` : ""}\n`).join("")
  const rasters = graph.rasters.map(({ node, reason }) => `  rastered ${names.get(node) ?? "(unused)"}: ${reason}\n`).join("")
  return `graph ${graph.entry}\n${from}${text.replace(/^(?=.)/gm, "  ")}${outputs}${rasters}`
}
