/** Type expressions: aliases expanded, dimension names resolved or declared. */
import type { Span } from "../base/span.ts"
import { suggest } from "../base/suggest.ts"
import { aliasArguments, nestsTooDeeply, unknownType, fieldTwice } from "../diagnostics/messages/names.ts"
import { divisionByZero, sizeUndetermined } from "../diagnostics/messages/shapes.ts"
import type * as Ast from "../syntax/ast.ts"
import { dim, isDim, rest, type Dim, type Dimension } from "../types/dimension.ts"
import { namedPopulation, populationVariable, type Population } from "../types/population.ts"
import { addSize, atom, floorSize, modSize, mulSize, size, subSize, type Size } from "../types/size.ts"
import { afford, boundedSize } from "./bounds.ts"
import { isFull, report, sized, type Context } from "./context.ts"
import { printValue } from "./print-value.ts"
import { lookup, type Scope } from "./scope.ts"
import { errorValue, isSilent, none, type DType, type Type } from "./value.ts"

const scalars = new Map<string, DType>([["f32", "f32"], ["f16", "f32"], ["i32", "i32"], ["u32", "u32"], ["u8", "u32"], ["bool", "bool"]])
const words = new Map<string, Type>([
  ["Int", { kind: "int" }], ["Stage", { kind: "stage" }], ["Schedule", { kind: "schedule" }], ["Tree", { kind: "tree" }],
  ["String", { kind: "string" }], ["Any", { kind: "unknown" }],
])
export const typeNames = [...scalars.keys(), ...words.keys(), "Field"]

/** What an unbound dimension name becomes: `declare` makes it a fresh size (or one with this value), `require` reports it. */
export type Unbound = "declare" | "require"

/** Aliases of aliases; more is a circle. */
const deepestAlias = 16

/** An alias with its arguments put in: `Image[n, 3, h, w]` is `f32[n, 3, h, w]`, remembered as `Image`. */
export const expandAlias = (ctx: Context, scope: Scope, type: Ast.TypeExpr, depth = 0): { type: Ast.TypeExpr; alias: string | undefined } => {
  if (type.kind !== "named" || scalars.has(type.name.text) || words.has(type.name.text) || type.name.text === "Field") return { type, alias: undefined }
  const declaration = aliasOf(scope, type.name.text)
  if (!declaration || depth > deepestAlias) {
    report(ctx, declaration ? nestsTooDeeply(type.span) : unknownType(type.name.span, type.name.text, isFull(ctx) ? undefined : suggest(type.name.text, [...typeNames, ...aliasNames(scope)])))
    return { type: { kind: "error", span: type.span }, alias: undefined }
  }
  const given = type.dims ?? []
  const names = declaration.dims.map((d) => (d.kind === "dim" && d.size.kind === "name" ? d.size.name.text : d.kind === "rest" ? d.name.text : ""))
  if (names.length !== given.length && !given.some((d) => d.kind === "rest")) {
    report(ctx, aliasArguments(type.span, type.name.text, names.length, given.length))
    return { type: { kind: "error", span: type.span }, alias: undefined }
  }
  const table = new Map(names.map((name, i) => [name, given[i]]))
  const expanded = expandAlias(ctx, scope, substituteType(declaration.type, table, type.span), depth + 1)
  return { type: expanded.type, alias: type.name.text }
}

const aliasOf = (scope: Scope, name: string): Ast.TypeDeclaration | undefined => lookup(scope, `type ${name}`)?.type

const aliasNames = (scope: Scope): string[] => {
  const names: string[] = []
  for (let s: Scope | undefined = scope; s; s = s.parent) for (const name of s.names.keys()) if (name.startsWith("type ")) names.push(name.slice(5))
  return names
}

const substituteType = (type: Ast.TypeExpr, table: ReadonlyMap<string, Ast.DimExpr | undefined>, span: Span): Ast.TypeExpr => {
  switch (type.kind) {
    case "named": return { ...type, span, dims: type.dims?.map((d) => substituteDim(d, table)) }
    case "tuple": return { ...type, items: type.items.map((t) => substituteType(t, table, span)) }
    case "list": return { ...type, item: substituteType(type.item, table, span) }
    case "record": return { ...type, fields: type.fields.map((f) => ({ ...f, type: substituteType(f.type, table, span) })) }
    case "function": return { ...type, from: substituteType(type.from, table, span), to: substituteType(type.to, table, span) }
    case "error": return type
  }
}

const substituteDim = (d: Ast.DimExpr, table: ReadonlyMap<string, Ast.DimExpr | undefined>): Ast.DimExpr => {
  if (d.kind === "rest") return table.get(d.name.text) ?? d
  if (d.size.kind === "name" && table.has(d.size.name.text)) return table.get(d.size.name.text) ?? d
  return { ...d, size: substituteSizeExpr(d.size, table) }
}

const substituteSizeExpr = (s: Ast.SizeExpr, table: ReadonlyMap<string, Ast.DimExpr | undefined>): Ast.SizeExpr => {
  if (s.kind === "binary") return { ...s, left: substituteSizeExpr(s.left, table), right: substituteSizeExpr(s.right, table) }
  if (s.kind !== "name") return s
  const by = table.get(s.name.text)
  return by?.kind === "dim" ? by.size : s
}

/** The dimension a name stands for, if it stands for one (or for an integer). */
export const dimensionOf = (scope: Scope, name: string): Dimension | readonly Dimension[] | undefined => {
  const found = lookup(scope, name)
  if (!found) return undefined
  if (found.dimension) return found.dimension
  return found.value.kind === "int" ? dim(found.value.size, found.span && { span: found.span, note: name }) : undefined
}

/** A size expression; `undefined` when it holds an unbound name (and `unbound` is "require": reported) or an error. */
export const evaluateSize = (ctx: Context, scope: Scope, expr: Ast.SizeExpr, unbound: Unbound): { size: Size; population: Population | undefined } | undefined => {
  switch (expr.kind) {
    case "int": return { size: size(expr.value), population: undefined }
    case "error": return undefined
    case "name": {
      const found = dimensionOf(scope, expr.name.text)
      if (found && !Array.isArray(found) && isDim(found as Dimension)) return { size: (found as Dim).size, population: (found as Dim).population }
      if (unbound === "declare" && !found && !lookup(scope, expr.name.text)) return { size: declare(scope, expr.name).size, population: undefined }
      if (!isSilent(lookup(scope, expr.name.text)?.value ?? none)) {
        const other = lookup(scope, expr.name.text)?.value
        report(ctx, sizeUndetermined(expr.span, expr.name.text, other && printValue(other)))
      }
      if (!lookup(scope, expr.name.text)) scope.names.set(expr.name.text, { value: errorValue, span: expr.span })
      return undefined
    }
    case "binary": {
      const left = evaluateSize(ctx, scope, expr.left, unbound)
      const right = evaluateSize(ctx, scope, expr.right, unbound)
      if (!left || !right) return undefined
      const made = sized(ctx, expr.span, () => {
        switch (expr.op) {
          case "+": return addSize(left.size, right.size)
          case "-": return subSize(left.size, right.size)
          case "*": return mulSize(left.size, right.size)
          case "//": return floorSize(left.size, right.size)
          case "%": return modSize(left.size, right.size)
        }
      })
      if (made === undefined) {
        report(ctx, divisionByZero(expr.span))
        return undefined
      }
      return { size: made, population: expr.op === "*" ? left.population ?? right.population : undefined }
    }
  }
}

const declare = (scope: Scope, name: Ast.Name, value?: number): Dim => {
  const made = dim(atom(name.text, value), { span: name.span, note: `\`${name.text}\` gets its name here` })
  scope.names.set(name.text, { value: { kind: "int", size: made.size }, span: name.span, dimension: made })
  return made
}

const evaluateDim = (ctx: Context, scope: Scope, d: Ast.DimExpr, unbound: Unbound): Dimension[] | undefined => {
  if (d.kind === "rest") {
    const found = dimensionOf(scope, d.name.text)
    if (found) return Array.isArray(found) ? [...found] : [found as Dimension]
    if (unbound === "require") {
      if (!isSilent(lookup(scope, d.name.text)?.value ?? none)) report(ctx, sizeUndetermined(d.span, `..${d.name.text}`))
      return undefined
    }
    const made = rest(d.name.text)
    scope.names.set(d.name.text, { value: { kind: "unknown" }, span: d.span, dimension: [made] })
    return [made]
  }
  const value = evaluateSize(ctx, scope, d.size, unbound)
  if (!value || !boundedSize(ctx, d.span, value.size)) return undefined
  let population = value.population
  let became = undefined as Dim["became"]
  if (d.population) {
    population = resolvePopulation(scope, d.population)
    became = { span: d.population.span, note: `declared \`@${d.population.text}\` here` }
  } else if (d.size.kind === "name") {
    const found = dimensionOf(scope, d.size.name.text)
    if (found && !Array.isArray(found) && isDim(found as Dimension)) became = (found as Dim).became
  }
  const named = d.size.kind === "name" ? dimensionOf(scope, d.size.name.text) : undefined
  const origin = named && !Array.isArray(named) && isDim(named as Dimension) ? (named as Dim).origin : { span: d.span, note: "written here" }
  return [dim(value.size, origin, population, became)]
}

/** `@real` or a population variable, bound on first use. */
export const resolvePopulation = (scope: Scope, name: Ast.Name): Population | undefined => {
  const known = namedPopulation(name.text)
  if (known) return known
  const found = lookup(scope, `@${name.text}`)?.population
  if (found) return found.is
  const made = populationVariable(name.text)
  scope.names.set(`@${name.text}`, { value: { kind: "unknown" }, span: name.span, population: { is: made } })
  return made
}

/** The type an expression denotes, or `undefined` after an error was reported. */
export const evaluateType = (ctx: Context, scope: Scope, type: Ast.TypeExpr, unbound: Unbound): Type | undefined => {
  if (!afford(ctx, type.span, 2)) return undefined
  const { type: expanded, alias } = expandAlias(ctx, scope, type)
  switch (expanded.kind) {
    case "error": return undefined
    case "tuple": {
      const items = expanded.items.map((t) => evaluateType(ctx, scope, t, unbound))
      return items.some((t) => !t) ? undefined : items.length === 1 ? items[0] : { kind: "tuple", items: items as Type[] }
    }
    case "list": {
      const item = evaluateType(ctx, scope, expanded.item, unbound)
      return item && { kind: "list", item }
    }
    case "record": {
      const fields = new Map<string, Type>()
      const first = new Map<string, Span>()
      for (const f of expanded.fields) {
        if (first.has(f.name.text)) report(ctx, fieldTwice(f.name.span, f.name.text, first.get(f.name.text)!))
        first.set(f.name.text, f.name.span)
        const t = evaluateType(ctx, scope, f.type, unbound)
        if (!t) return undefined
        fields.set(f.name.text, t)
      }
      return { kind: "record", fields }
    }
    case "function": {
      const from = evaluateType(ctx, scope, expanded.from, unbound)
      const to = evaluateType(ctx, scope, expanded.to, unbound)
      return from && to && { kind: "function", from, to }
    }
    case "named": {
      const name = expanded.name.text
      const word = words.get(name)
      if (word) return word
      const dims: Dimension[] = []
      for (const d of expanded.dims ?? []) {
        const made = evaluateDim(ctx, scope, d, unbound)
        if (!made) return undefined
        dims.push(...made)
      }
      if (name === "Field") {
        const [channels, ...domain] = dims
        if (!channels || domain.length === 0 || !isDim(channels) || !domain.every(isDim)) {
          report(ctx, unknownType(expanded.span, "Field", undefined))
          return undefined
        }
        return { kind: "field", channels, domain: domain as Dim[] }
      }
      return { kind: "tensor", dtype: scalars.get(name)!, dims, alias }
    }
  }
}
