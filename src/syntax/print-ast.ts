/** The syntax tree as text: S-expressions without spans, for `--emit ast`, goldens and comparing. */
import type { Module } from "./ast.ts"

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value)
const isName = (value: unknown): value is { readonly text: string } =>
  isRecord(value) && typeof value["text"] === "string" && value["kind"] === undefined && Object.keys(value).length === 2

/** Fields that stand bare, after the kind; all others are written `field: …`. Absent and empty ones are left out. */
const bare = new Set(["name", "value", "op", "index", "role", "left", "right", "operand", "callee", "base", "args", "items", "statements", "body", "fields"])
const silent = new Set(["kind", "span", "opSpan", "file"])

const atom = (value: unknown): string | undefined =>
  isName(value) ? value.text : typeof value === "string" ? value : typeof value === "number" || typeof value === "boolean" ? String(value) : undefined

/** One node on one line if short, else its parts indented under it. */
const node = (value: unknown): string => {
  const simple = atom(value)
  if (simple !== undefined) return simple
  if (Array.isArray(value)) return wrap("", value.map(node))
  const record = value as Record<string, unknown>
  const kind = typeof record["kind"] === "string" ? record["kind"] : ""
  if (kind === "name" || kind === "int" || kind === "float" || kind === "bool") return atom(record["name"] ?? record["value"])!
  if (kind === "string") return JSON.stringify(record["value"])
  const parts: string[] = []
  for (const [field, part] of Object.entries(record)) {
    if (silent.has(field) || part === undefined || part === false || (Array.isArray(part) && part.length === 0 && field !== "groups")) continue
    const text = part === true ? field : field === "doc" ? JSON.stringify(part) : node(part)
    parts.push(part === true || bare.has(field) ? text : `${field}: ${text}`)
  }
  return wrap(kind, parts)
}

const wrap = (kind: string, parts: readonly string[]): string => {
  const flat = `(${[kind, ...parts].filter((part) => part !== "").join(" ")})`
  if (flat.length <= 100 && !flat.includes("\n")) return flat
  return `(${kind}${parts.map((part) => `\n  ${part.replaceAll("\n", "\n  ")}`).join("")})`
}

export const printModule = (module: Module): string =>
  [...module.imports, ...module.declarations].map((part) => `${node(part)}\n`).join("")
