/** Matching a value against a written type: names not yet bound are bound, bound ones are checked (LANGUAGE section 3). */
import type { Span } from "../base/span.ts"
import { wrongPopulation, populationsDisagree } from "../diagnostics/messages/populations.ts"
import { elementType, rankMismatch, sizeMismatch } from "../diagnostics/messages/shapes.ts"
import { argumentType } from "../diagnostics/messages/stages.ts"
import type * as Ast from "../syntax/ast.ts"
import { dim, isDim, printDimension, type Dim, type Dimension } from "../types/dimension.ts"
import { joinPopulations, namedPopulation, printPopulation, samePopulation } from "../types/population.ts"
import { asAtom, atom, constantOf, equalSize, namesOf, printSize, solveFor, subSize, substituteSize, valueOf, type Size } from "../types/size.ts"
import { reportIncomplete } from "./arguments.ts"
import { report, type Context } from "./context.ts"
import { bindingsOf, printTensor, printValue } from "./print-value.ts"
import { lookup, type Scope } from "./scope.ts"
import { dimensionOf, evaluateSize, expandAlias, resolvePopulation } from "./types.ts"
import { errorValue, isSilent, literal, tensor, unknown, type DType, type Type, type Value } from "./value.ts"

/** What is matched, for messages: `x` of `conv`, "this annotation". */
export interface Subject {
  readonly span: Span
  /** The function it is an argument of. */
  readonly callee: string | undefined
  readonly name: string
  /** A number may be given per sample (the configuration of an augment). */
  readonly perSample?: boolean
  /** A body's value against the declared result: a population written there is the result's, whatever the body's was. */
  readonly result?: boolean
}

/** "h is not w"; two sizes of one name are told apart by saying so. */
export const unequal = (a: Size, b: Size): string =>
  printSize(a) === printSize(b) ? `the two \`${printSize(a)}\` are different sizes` : `${printSize(a)} is not ${printSize(b)}`

export type Agreement = "equal" | "different" | "undecided"

/** Whether two sizes are the same number: by algebra, by value where both are known, else undecided (an obligation). */
export const agree = (a: Size, b: Size): Agreement => {
  if (equalSize(a, b)) return "equal"
  const x = valueOf(a)
  const y = valueOf(b)
  if (x !== undefined && y !== undefined) return x === y ? "equal" : "different"
  const difference = subSize(a, b)
  if (constantOf(difference) !== undefined) return "different"
  const names = difference.terms.every((t) => t.atoms.every((x) => x.kind === "name"))
  // Linear in independent names: some assignment makes them differ. Of one sign: sizes are positive, so all assignments do.
  const linear = difference.terms.every((t) => t.atoms.length <= 1)
  const oneSign = difference.terms.every((t) => Math.sign(t.coefficient) === Math.sign(difference.terms[0]!.coefficient))
  // Other products, and floors, wait for numbers.
  return names && (linear || oneSign) ? "different" : "undecided"
}

const describe = (s: Subject): string => (s.callee ? `\`${s.name}\` of \`${s.callee}\`` : s.name)

/** Converts where RULINGS 3 allows it: an integer or literal to any scalar that holds it, bool and i32 to f32 scalars. */
export const convert = (value: Value, dtype: DType): Value | undefined => {
  if (value.kind === "int") {
    const n = valueOf(value.size)
    return dtype === "bool" ? undefined : tensor(dtype, [], undefined, { literal: n })
  }
  if (value.kind === "bool") return dtype === "bool" ? tensor("bool", [], undefined, { literal: value.value === undefined ? undefined : Number(value.value) }) : undefined
  if (value.kind !== "tensor") return undefined
  if (value.dtype === dtype) return value
  if (value.literal !== undefined && dtype !== "bool" && (dtype === "f32" || Number.isInteger(value.literal))) return literal(value.literal, dtype)
  return undefined
}

/**
 * Matches `value` with `type` in `scope` (which receives new names). Gives the value as seen through the type, or
 * `undefined` after reporting.
 */
export const matchType = (ctx: Context, scope: Scope, type: Ast.TypeExpr, value: Value, subject: Subject): Value | undefined => {
  if (isSilent(value)) {
    declareNames(scope, type)
    return value
  }
  const { type: expanded, alias } = expandAlias(ctx, scope, type)
  const mismatch = (wanted: string): undefined => {
    if (reportIncomplete(ctx, value)) return undefined
    report(ctx, subject.callee ? argumentType(subject.span, subject.callee, subject.name, wanted, printValue(value)) : elementType(subject.span, subject.name, wanted, printValue(value), undefined))
    return undefined
  }
  switch (expanded.kind) {
    case "error": return errorValue
    case "function": return isCallable(value) ? value : mismatch("a function")
    case "tuple": {
      if (expanded.items.length === 1) return matchType(ctx, scope, expanded.items[0]!, value, subject)
      if (value.kind !== "tuple" || value.items.length !== expanded.items.length) return mismatch(`a tuple of ${expanded.items.length}`)
      const items = expanded.items.map((t, i) => matchType(ctx, scope, t, value.items[i]!, { ...subject, name: `${subject.name}.${i}` }))
      return items.some((x) => !x) ? undefined : { kind: "tuple", items: items as Value[] }
    }
    case "list": {
      if (value.kind !== "list") return mismatch("a list")
      if (!value.items) return value
      const items = value.items.map((x) => matchType(ctx, scope, expanded.item, x, subject))
      return items.some((x) => !x) ? undefined : { kind: "list", items: items as Value[] }
    }
    case "record": {
      if (value.kind !== "record") return mismatch("a record")
      const fields = new Map<string, Value>()
      for (const f of expanded.fields) {
        const given = value.fields.get(f.name.text)
        if (!given) return mismatch(`a record with the field \`${f.name.text}\``)
        const matched = matchType(ctx, scope, f.type, given, { ...subject, name: `${subject.name}.${f.name.text}` })
        if (!matched) return undefined
        fields.set(f.name.text, matched)
      }
      return { kind: "record", fields }
    }
    case "named": return matchNamed(ctx, scope, expanded, alias, value, subject, mismatch)
  }
}

const isCallable = (v: Value): boolean => ["function", "partial", "native", "lambda", "builtin", "stage", "model", "unknown"].includes(v.kind)

const matchNamed = (
  ctx: Context, scope: Scope, type: Extract<Ast.TypeExpr, { kind: "named" }>, alias: string | undefined, value: Value, subject: Subject, mismatch: (wanted: string) => undefined,
): Value | undefined => {
  switch (type.name.text) {
    case "Any": return value
    case "Int":
      if (value.kind === "int") return value
      return mismatch("a compile-time integer")
    case "String": return value.kind === "string" ? value : mismatch("a string")
    case "Stage": return isCallable(value) || (value.kind === "opaque" && value.type === "None") ? value : mismatch("a stage")
    case "Schedule": return value.kind === "opaque" || value.kind === "lambda" || isCallable(value) || convert(value, "f32") ? value : mismatch("a schedule or a number")
    case "Tree": return value
    case "Field": {
      if (value.kind !== "field") return mismatch("a picture")
      return matchDims(ctx, scope, type, [value.channels, ...value.domain], subject) ? value : undefined
    }
  }
  const made = scalarOf(type.name.text)
  if (value.kind === "int" || value.kind === "bool" || (value.kind === "tensor" && value.literal !== undefined && value.dims.length === 0)) {
    if (made === "bool" && value.kind === "bool" && (type.dims ?? []).length === 0) return value
    const converted = convert(value, made)
    if (!converted) return mismatch(printTensor(made, []))
    value = converted
  }
  if (value.kind !== "tensor") return mismatch((type.dims ?? []).length === 0 ? made : "a tensor")
  if (value.dtype !== made) {
    const hint = made === "f32" ? "write f32(…)" : made === "i32" ? "write i32(…)" : undefined
    report(ctx, elementType(subject.span, describe(subject), typeText(type, alias), printValue(value), hint))
    return undefined
  }
  // A per-sample value is allowed where a scalar is expected.
  if ((type.dims ?? []).length === 0 && value.dims.length === 1 && subject.perSample) return { ...value, alias: alias ?? value.alias }
  return matchDims(ctx, scope, type, value.dims, subject, alias) ? { ...value, alias: alias ?? value.alias } : undefined
}

const scalarOf = (name: string): DType => (name === "f16" ? "f32" : name === "u8" ? "u32" : (name as DType))

const typeText = (type: Extract<Ast.TypeExpr, { kind: "named" }>, alias: string | undefined): string => {
  const dims = type.dims ?? []
  return dims.length === 0 ? type.name.text : `${alias ?? type.name.text}[${dims.map(dimText).join(", ")}]`
}
const dimText = (d: Ast.DimExpr): string => (d.kind === "rest" ? `..${d.name.text}` : sizeText(d.size) + (d.population ? `@${d.population.text}` : ""))
const factorText = (s: Ast.SizeExpr, op: string): string => (s.kind === "binary" && (op !== "+" || s.op === "-") ? `(${sizeText(s)})` : sizeText(s))
export const sizeText = (s: Ast.SizeExpr): string => (s.kind === "int" ? String(s.value) : s.kind === "name" ? s.name.text : s.kind === "binary" ? `${factorText(s.left, s.op)} ${s.op} ${factorText(s.right, s.op)}` : "?")

const matchDims = (ctx: Context, scope: Scope, type: Extract<Ast.TypeExpr, { kind: "named" }>, dims: readonly Dimension[], subject: Subject, alias?: string): boolean => {
  const wanted = type.dims ?? []
  const open = wanted.findIndex((d) => d.kind === "rest")
  const text = typeText(type, alias)
  const actual = type.name.text === "Field" ? `Field[${dims.map(printDimension).join(", ")}]` : printTensor(type.name.text, dims, alias)
  if (dims.some((d) => d.kind === "rest")) return matchOpen(ctx, scope, type, dims, open)
  if (open < 0 ? wanted.length !== dims.length : dims.length < wanted.length - 1) {
    const hint = wanted.length === 2 && dims.length === 4 && type.name.text === "f32" ? "insert `|> flatten`" : undefined
    report(ctx, rankMismatch(subject.span, describe(subject), text, actual, hint))
    return false
  }
  const pairs: [Ast.DimExpr, readonly Dimension[]][] = []
  const after = open < 0 ? 0 : wanted.length - 1 - open
  wanted.forEach((w, i) => {
    if (open < 0 || i < open) pairs.push([w, [dims[i]!]])
    else if (i === open) pairs.push([w, dims.slice(open, dims.length - after)])
    else pairs.push([w, [dims[dims.length - (wanted.length - i)]!]])
  })
  let ok = true
  const later: [Ast.DimExpr, Dim][] = []
  for (const [w, given] of pairs) {
    if (w.kind === "rest") {
      ok = matchRest(ctx, scope, w, given as Dim[], subject, text, actual) && ok
      continue
    }
    const d = given[0] as Dim
    if (w.size.kind === "name" && !lookup(scope, w.size.name.text)) {
      const name = w.size.name
      scope.names.set(name.text, { value: { kind: "int", size: d.size }, span: name.span, dimension: w.population ? { ...d, population: undefined } : d })
      ok = matchPopulation(ctx, scope, w, d, subject, text, actual) && ok
    } else later.push([w, d])
  }
  for (const [w, d] of later) ok = matchDim(ctx, scope, w as Extract<Ast.DimExpr, { kind: "dim" }>, d, subject, text, actual) && ok
  return ok
}

/**
 * A value whose number of dimensions is open: what can be told from its ends is bound, the rest waits for an
 * instantiation.
 */
const matchOpen = (ctx: Context, scope: Scope, type: Extract<Ast.TypeExpr, { kind: "named" }>, dims: readonly Dimension[], open: number): boolean => {
  const wanted = type.dims ?? []
  const bindOne = (w: Ast.DimExpr, d: Dimension | undefined): void => {
    if (w.kind !== "dim" || w.size.kind !== "name" || lookup(scope, w.size.name.text)) return
    const made = d && isDim(d) ? d : undefined
    scope.names.set(w.size.name.text, made ? { value: { kind: "int", size: made.size }, span: w.size.name.span, dimension: made } : { value: unknown, span: w.size.name.span })
  }
  const own = dims.findIndex((d) => !isDim(d))
  if (open < 0) {
    wanted.forEach((w, i) => bindOne(w, i < own ? dims[i] : undefined))
    return true
  }
  const before = Math.min(open, own)
  const after = Math.min(wanted.length - 1 - open, dims.length - 1 - own)
  wanted.forEach((w, i) => bindOne(w, i < before ? dims[i] : i >= wanted.length - after ? dims[dims.length - (wanted.length - i)] : undefined))
  const name = (wanted[open] as Extract<Ast.DimExpr, { kind: "rest" }>).name
  if (!lookup(scope, name.text)) scope.names.set(name.text, { value: { kind: "unknown" }, span: name.span, dimension: dims.slice(before, dims.length - after) })
  return true
}

/** What the name of `..s` stands for in an expression: the sizes, a shape for `reshape(x, s)`. */
export const sizesOf = (dims: readonly Dimension[]): Value =>
  dims.every(isDim) ? { kind: "list", items: dims.map((d): Value => ({ kind: "int", size: (d as Dim).size })) } : unknown

const matchRest = (ctx: Context, scope: Scope, w: Extract<Ast.DimExpr, { kind: "rest" }>, given: readonly Dim[], subject: Subject, text: string, actual: string): boolean => {
  const known = dimensionOf(scope, w.name.text)
  if (!known) {
    scope.names.set(w.name.text, { value: sizesOf(given), span: w.span, dimension: given })
    return true
  }
  const list = (Array.isArray(known) ? known : [known]) as Dimension[]
  if (list.some((d) => d.kind === "rest")) return true
  if (list.length !== given.length || list.some((d, i) => agree((d as Dim).size, given[i]!.size) === "different")) {
    report(ctx, sizeMismatch(subject.span, describe(subject), `${text} with ..${w.name.text} = ${list.map(printDimension).join(", ")}`, actual, `..${w.name.text} is already ${list.map(printDimension).join(", ")}`, []))
    return false
  }
  return true
}

const matchDim = (ctx: Context, scope: Scope, w: Extract<Ast.DimExpr, { kind: "dim" }>, d: Dim, subject: Subject, text: string, actual: string): boolean => {
  const free = freeNames(scope, w.size)
  if (free.length === 1) {
    // One unknown with coefficient 1 or -1 is solved for.
    const name = free[0]!
    const probe = atom(name.text)
    const trial: Scope = { parent: scope, names: new Map([[name.text, { value: { kind: "int", size: probe }, span: name.span }]]) }
    const pattern = evaluateSize(ctx, trial, w.size, "require")
    const solved = pattern && solveFor(pattern.size, d.size, asAtom(probe)!.id)
    if (solved) scope.names.set(name.text, { value: { kind: "int", size: solved }, span: name.span })
    return true
  }
  if (free.length > 1) return true
  const expected = evaluateSize(ctx, scope, w.size, "require")
  if (!expected) return true
  if (agree(expected.size, d.size) === "different") {
    const difference = unequal(d.size, expected.size)
    report(ctx, sizeMismatch(subject.span, describe(subject), text, actual, difference, bindingsOf([d, { ...d, size: expected.size }]), [madeHere(d)]))
    return false
  }
  if (!matchPopulation(ctx, scope, w, d, subject, text, actual)) return false
  if (w.size.kind === "name" && !w.population) {
    // Two arguments that share a name must agree; no tag joins with any tag.
    const bound = lookup(scope, w.size.name.text)
    const known = bound?.dimension && !Array.isArray(bound.dimension) && isDim(bound.dimension as Dimension) ? (bound.dimension as Dim) : undefined
    if (bound && known) {
      const joined = joinPopulations(known.population, d.population)
      if (!joined) {
        report(ctx, populationsDisagree(subject.span, printPopulation(known.population!), printPopulation(d.population!), `${w.size.name.text}@${printPopulation(known.population!)}`, actual, [known.became, d.became]))
        return false
      }
      if (!samePopulation(joined.population, known.population)) scope.names.set(w.size.name.text, { ...bound, dimension: { ...known, population: joined.population, became: d.became } })
    }
  }
  return true
}

/** Where a size was computed: worth a frame of its own. Names and literals speak for themselves. */
export const madeHere = (d: Dim): { span: Span; text: string } | undefined =>
  d.origin && !["written here", "given here"].includes(d.origin.note) && asAtom(d.size) === undefined ? { span: d.origin.span, text: `${printSize(d.size)}: ${d.origin.note}` } : undefined

const matchPopulation = (ctx: Context, scope: Scope, w: Extract<Ast.DimExpr, { kind: "dim" }>, d: Dim, subject: Subject, text: string, actual: string): boolean => {
  if (!w.population || subject.result) return true
  const bound = namedPopulation(w.population.text) ?? (lookup(scope, `@${w.population.text}`) ? resolvePopulation(scope, w.population) : undefined)
  if (!bound) {
    if (!lookup(scope, `@${w.population.text}`)) scope.names.set(`@${w.population.text}`, { value: { kind: "unknown" }, span: w.population.span, population: { is: d.population } })
    return true
  }
  if (samePopulation(bound, d.population)) return true
  if (bound.kind === "variable" && d.population === undefined) return true
  report(ctx, wrongPopulation(subject.span, d.population && printPopulation(d.population), printPopulation(bound), actual, text, subject.callee ? `\`${subject.name}\`` : subject.name, d.became, ctx.swap))
  return false
}

const freeNames = (scope: Scope, s: Ast.SizeExpr): Ast.Name[] =>
  s.kind === "name" ? (lookup(scope, s.name.text) ? [] : [s.name]) : s.kind === "binary" ? [...freeNames(scope, s.left), ...freeNames(scope, s.right)] : []

/** After an argument that is not known: its names exist all the same, and are not known either. */
export const declareNames = (scope: Scope, type: Ast.TypeExpr): void => {
  const size = (z: Ast.SizeExpr): void => {
    if (z.kind === "name" && !lookup(scope, z.name.text)) scope.names.set(z.name.text, { value: unknown, span: z.span })
    if (z.kind === "binary") [z.left, z.right].forEach(size)
  }
  const visit = (t: Ast.TypeExpr): void => {
    if (t.kind === "named") for (const d of t.dims ?? []) d.kind === "dim" ? size(d.size) : !lookup(scope, d.name.text) && scope.names.set(d.name.text, { value: unknown, span: d.span })
    if (t.kind === "tuple") t.items.forEach(visit)
    if (t.kind === "list") visit(t.item)
    if (t.kind === "record") t.fields.forEach((f) => visit(f.type))
    if (t.kind === "function") [t.from, t.to].forEach(visit)
  }
  visit(type)
}

/** The value a parameter of a symbolic signature stands for. */
export const valueOfType = (type: Type): Value => {
  switch (type.kind) {
    case "tensor": return tensor(type.dtype, type.dims, undefined, { alias: type.alias })
    case "field": return { kind: "field", channels: type.channels, domain: type.domain, population: undefined, became: undefined, picture: undefined }
    case "int": return { kind: "int", size: atom("Int") }
    case "bool": return { kind: "bool", value: undefined }
    case "string": return { kind: "string", value: undefined }
    case "stage": return { kind: "stage", from: undefined, to: undefined }
    case "function": return { kind: "stage", from: type.from, to: type.to }
    case "schedule": return { kind: "opaque", type: "Schedule" }
    case "tree": return { kind: "opaque", type: "Tree" }
    case "unknown": return { kind: "unknown" }
    case "list": return { kind: "list", items: undefined }
    case "tuple": return { kind: "tuple", items: type.items.map(valueOfType) }
    case "record": return { kind: "record", fields: new Map([...type.fields].map(([k, t]) => [k, valueOfType(t)])) }
  }
}

/** Replaces the sizes of a callee by the caller's in a result. */
export const substituteValue = (value: Value, table: ReadonlyMap<number, Dim>): Value => {
  const sizeOf = (s: Size): Size => (namesOf(s).some((n) => table.has(n.id)) ? substituteSize(s, (n) => table.get(n.id)?.size) : s)
  const dimOf = (d: Dimension): Dimension => (d.kind === "rest" ? d : { ...d, size: sizeOf(d.size) })
  switch (value.kind) {
    case "tensor": return { ...value, dims: value.dims.map(dimOf) }
    case "int": return { kind: "int", size: sizeOf(value.size) }
    case "record": return { kind: "record", fields: new Map([...value.fields].map(([k, v]) => [k, substituteValue(v, table)])) }
    case "tuple": return { ...value, items: value.items.map((v) => substituteValue(v, table)) }
    case "list": return value.items ? { ...value, items: value.items.map((v) => substituteValue(v, table)) } : value
    case "field": return { ...value, channels: dimOf(value.channels) as Dim, domain: value.domain.map((d) => dimOf(d) as Dim) }
    default: return value
  }
}
