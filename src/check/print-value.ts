/** Types as a user would write them, and how a value is called in a message. */
import { printDimension, isDim, type Dimension } from "../types/dimension.ts"
import { printPopulation } from "../types/population.ts"
import { printSize } from "../types/size.ts"
import type { Type, Value } from "./value.ts"

export const printTensor = (dtype: string, dims: readonly Dimension[], alias?: string): string =>
  dims.length === 0 ? dtype : `${alias ?? dtype}[${dims.map(printDimension).join(", ")}]`

/** The first few parts of a composite, and how many more there are. */
const parts = (texts: readonly string[], more: number): string => [...texts, ...(more > 0 ? [`… ${more} more`] : [])].join(", ")
const shownParts = 8

export const printValue = (v: Value, depth = 0): string => {
  if (depth > 2 && (v.kind === "record" || v.kind === "tuple" || (v.kind === "list" && v.items))) return v.kind === "record" ? "{ … }" : v.kind === "tuple" ? "(…)" : "[…]"
  const inner = (x: Value): string => printValue(x, depth + 1)
  switch (v.kind) {
    case "tensor": return printTensor(v.dtype, v.dims, v.alias)
    case "int": return `Int ${printSize(v.size)}`
    case "bool": return v.value === undefined ? "bool" : String(v.value)
    case "string": return v.value === undefined ? "a string" : JSON.stringify(v.value)
    case "record": return `{ ${parts([...v.fields].slice(0, shownParts).map(([k, x]) => `${k}: ${inner(x)}`), v.fields.size - shownParts)} }`
    case "tuple": return `(${parts(v.items.slice(0, shownParts).map(inner), v.items.length - shownParts)})`
    case "list": return v.items ? `[${parts(v.items.slice(0, shownParts).map(inner), v.items.length - shownParts)}]` : "a list"
    case "field": return `Field[${printDimension(v.channels)}; ${v.domain.map((d) => printSize(d.size)).join(", ")}]${v.population ? ` of ${printPopulation(v.population)} samples` : ""}`
    case "function": return `the ${v.declaration.negative ? "negative " : ""}${v.declaration.role} \`${v.declaration.name.text}\``
    case "partial": return `a stage (${v.callee.kind === "builtin" ? v.callee.name : v.callee.declaration.name.text})`
    case "native": return `a stage (${v.name})`
    case "lambda": return `a function of ${v.params.map((p) => p.text).join(", ")}`
    case "builtin": return `the function \`${v.name}\``
    case "stage": return v.from && v.to ? `${printType(v.from)} -> ${printType(v.to)}` : "a stage"
    case "model": return `the model \`${v.name}\``
    case "source": return v.batch ? "a batched data set" : v.split ? `the ${v.split} split of a data set` : "a data set"
    case "distribution": return `the distribution \`${v.dist}\``
    case "opaque": return v.type === "None" ? "none" : v.type
    case "unknown": return "something not known yet"
    case "error": return "an error"
    case "module": return `the module \`${v.name}\``
    case "entry": return `the ${v.declaration.role} \`${v.declaration.name.text}\``
  }
}

export const printType = (t: Type): string => {
  switch (t.kind) {
    case "tensor": return printTensor(t.dtype, t.dims, t.alias)
    case "field": return `Field[${printDimension(t.channels)}; ${t.domain.map((d) => printSize(d.size)).join(", ")}]`
    case "int": return "Int"
    case "bool": return "bool"
    case "string": return "a string"
    case "stage": return "Stage"
    case "schedule": return "Schedule"
    case "tree": return "Tree"
    case "unknown": return "anything"
    case "list": return `[${printType(t.item)}]`
    case "tuple": return `(${t.items.map(printType).join(", ")})`
    case "record": return `{ ${[...t.fields].map(([k, x]) => `${k}: ${printType(x)}`).join(", ")} }`
    case "function": return `${printType(t.from)} -> ${printType(t.to)}`
  }
}

/** `h = 32` for the named sizes of a tensor that are numbers here. */
export const bindingsOf = (dims: readonly Dimension[]): string[] => {
  const seen = new Map<string, string>()
  for (const d of dims) if (isDim(d)) for (const t of d.size.terms) for (const a of t.atoms) if (a.kind === "name" && a.value !== undefined) seen.set(a.name, `${a.name} = ${a.value}`)
  return [...seen.values()]
}
