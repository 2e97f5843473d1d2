/** A whole program: scopes of its modules, its settings, and the check of every declaration and every entry. */
import type { Diagnostic } from "../base/diagnostic.ts"
import { hasErrors } from "../base/diagnostic.ts"
import type { Span } from "../base/span.ts"
import { suggest } from "../base/suggest.ts"
import { dataDisagrees, fieldNotDelivered, notADataSet, outputKind, settingValue, unknownSetting } from "../diagnostics/messages/data.ts"
import { duplicateName, nestsTooDeeply, notExported, recursion } from "../diagnostics/messages/names.ts"
import type * as Ast from "../syntax/ast.ts"
import type { Declared } from "../syntax/outline.ts"
import { parse } from "../syntax/parser.ts"
import { dim, rest, type Dimension } from "../types/dimension.ts"
import { atom, valueOf } from "../types/size.ts"
import { reportIncomplete } from "./arguments.ts"
import { bounded, newBudget, settle } from "./bounds.ts"
import { builtins } from "./builtins.ts"
import { newBody, report, type Context, type Elaboration } from "./context.ts"
import { instantiateEntry, instantiateTrain, type EntryInputs } from "./entry.ts"
import { evaluate } from "./expression.ts"
import { checkFunction } from "./function.ts"
import { matchType, valueOfType } from "./match.ts"
import { newInstances } from "./instances.ts"
import { homeOf, homesIn, loadModules, moduleKey, type Library, type Loaded, type LoadedModule, type MainModule } from "./modules.ts"
import { printValue } from "./print-value.ts"
import { inner, lookup, type Binding, type Scope } from "./scope.ts"
import { loaderNames, sourceNamed } from "./sources.ts"
import { isOutput, makeModel } from "./statement.ts"
import { evaluateType } from "./types.ts"
import { errorValue, isSilent, literal, none, type FunctionValue, type ModelValue, type SourceValue, type TensorValue, type Value } from "./value.ts"

export interface Program {
  readonly loaded: Loaded
  readonly scopes: ReadonlyMap<string, Scope>
  readonly main: MainModule
  readonly context: Context
  readonly inputs: EntryInputs
}

const nowhere: Span = { file: "", start: 0, end: 0 }

/** What every module sees: builtins and constants; and, under `home NAME`, where the standard library declares a name, looked for only when one is not found. */
const rootScope = (library: Readonly<Record<string, string>>): Scope => {
  const names = new Map<string, Binding>()
  for (const name of [...builtins.keys(), "size"]) names.set(name, { value: { kind: "builtin", name }, span: undefined })
  names.set("pi", { value: literal(Math.PI), span: undefined })
  names.set("none", { value: none, span: undefined })
  let homes: ReadonlyMap<string, string> | undefined
  const fallback = (name: string): Binding | undefined => {
    const home = name.startsWith("home ") ? (homes ??= homesIn(library)).get(name.slice(5)) : undefined
    return home === undefined ? undefined : { value: { kind: "string", value: home }, span: undefined }
  }
  return { parent: undefined, names, fallback }
}

/** Opens a program: scopes for all modules, with `--set` applied to the constants and entries of the main one. */
export const openProgram = (
  file: string, sources: Readonly<Record<string, string>>, library: Library, set: Readonly<Record<string, string>>, diagnostics: Diagnostic[],
  counts: Readonly<Record<string, number>> = {},
): Program | { readonly needs: readonly string[] } => {
  const loaded = loadModules(file, sources, library)
  diagnostics.push(...loaded.diagnostics)
  if (!loaded.main) return { needs: [file] }
  const context: Context = {
    diagnostics, counts: { known: counts, missing: new Map(), sizes: new Map() }, role: "const", frames: [], inline: false, build: undefined, sample: undefined, batch: undefined, inAt: false, reads: undefined,
    domain: undefined, training: false, model: undefined, faulty: new Set(), budget: newBudget(), types: undefined, body: newBody(),
  }
  const root = rootScope(library.texts)
  const scopes = new Map<string, Scope>()
  const prelude = loaded.modules.get("nda.prelude")
  const base = prelude ? moduleScope(context, prelude, root, scopes, new Map()) : root
  if (prelude) scopes.set("nda.prelude", base)
  const settings = new Map<string, Value>()
  const sizes = new Map<string, number>()
  const make = (module: LoadedModule): Scope => {
    const known = scopes.get(module.name)
    if (known) return known
    const scope = moduleScope(context, module, base, scopes, module === loaded.main ? settings : new Map())
    scopes.set(module.name, scope)
    for (const i of module.outline.imports) {
      const target = loaded.modules.get(moduleKey(module.name, i.path))
      if (target === module) continue
      if (target) bindImports(context, scope, i, target, make(target))
      // The module is missing, which has been said: its names are not missing too.
      else for (const name of i.alias ? [i.alias] : i.names.map((n) => n.alias ?? n.name)) bindOnce(context, scope, name, { value: errorValue, span: name.span })
    }
    if (module === loaded.main) readSettings(context, scope, loaded.main.ast, set, settings, sizes)
    return scope
  }
  make(loaded.main)
  return { loaded, scopes, main: loaded.main, context, inputs: { set: settings, sizes } }
}

const bindImports = (ctx: Context, scope: Scope, i: Ast.Import, target: LoadedModule, from: Scope): void => {
  if (i.alias) return void bindOnce(ctx, scope, i.alias, { value: { kind: "module", scope: from, name: target.name }, span: i.alias.span })
  for (const { name, alias } of i.names) {
    const as = alias ?? name
    const type = ownBinding(from, `type ${name.text}`)
    if (type?.type) {
      scope.names.set(`type ${as.text}`, type)
      continue
    }
    const source = target.name === "nda.data" && loaderNames.includes(name.text) ? sourceNamed(name.text) : undefined
    const found: Binding | undefined = source ? { value: source, span: undefined } : ownBinding(from, name.text) ?? (target.library ? lookup(from, name.text) : undefined)
    if (!found && target.broken) bindOnce(ctx, scope, as, { value: errorValue, span: as.span })
    else if (!found) {
      const names = [...from.names.keys(), ...declaredNames(target)]
      report(ctx, notExported(name.span, name.text, target.name, suggest(name.text, names.filter((n) => !n.includes(" ") && !n.startsWith("@"))), homeOf(from, name.text)))
      bindOnce(ctx, scope, as, { value: errorValue, span: as.span })
    } else bindOnce(ctx, scope, as, { ...found, span: as.span })
  }
}

const declaredNames = (m: LoadedModule): string[] => [...m.outline.declarations.map((d) => d.name.text), ...(m.name === "nda.data" ? loaderNames : [])]

const ownBinding = (scope: Scope, name: string): Binding | undefined => scope.names.get(name) ?? scope.fallback?.(name)

const bindOnce = (ctx: Context, scope: Scope, name: Ast.Name, binding: Binding): void => {
  const before = scope.names.get(name.text)
  if (before?.span && before.span.file === name.span.file) report(ctx, duplicateName(name.span, name.text, before.span))
  scope.names.set(name.text, binding)
}

/** Constants through constants; each takes stack. */
const deepestDefinition = 500

/** A module's scope: functions at once, constants, models and data sets when first asked for. */
const moduleScope = (ctx: Context, module: LoadedModule, parent: Scope, scopes: ReadonlyMap<string, Scope>, settings: ReadonlyMap<string, Value>): Scope => {
  const declarations = new Map<string, Declared>()
  const making = new Set<string>()
  const scope: Scope = {
    parent, names: new Map(), file: module.name,
    fallback: (name) => {
      const d = declarations.get(name)
      if (!d) return undefined
      if (making.has(name)) {
        report(ctx, recursion(d.name.span, name, [...making, name]))
        return { value: errorValue, span: d.name.span }
      }
      if (making.size > deepestDefinition) {
        report(ctx, nestsTooDeeply(d.name.span))
        return { value: errorValue, span: d.name.span }
      }
      making.add(name)
      const binding: Binding = { value: declared(ctx, scope, d.whole(), settings), span: d.name.span }
      making.delete(name)
      scope.names.set(name, binding)
      return binding
    },
  }
  for (const d of module.outline.declarations) {
    const key = d.kind === "type" ? `type ${d.name.text}` : d.name.text
    const before = declarations.get(key)
    if (before) {
      report(ctx, duplicateName(d.name.span, d.name.text, before.name.span))
      continue
    }
    declarations.set(key, d)
    if (d.kind === "type") scope.names.set(key, { value: { kind: "unknown" }, span: d.name.span, type: d.whole() as Ast.TypeDeclaration })
  }
  void scopes
  return scope
}

const declared = (ctx: Context, scope: Scope, d: Ast.Declaration, settings: ReadonlyMap<string, Value>): Value => {
  switch (d.kind) {
    case "const": {
      const value = settings.get(d.name.text) ?? evaluate({ ...ctx, role: "const" }, scope, d.value)
      const matched = d.type ? matchType(ctx, inner(scope), d.type, value, { span: d.value.span, callee: undefined, name: `\`${d.name.text}\`` }) ?? errorValue : value
      // A constant keeps its name in shapes.
      const n = matched.kind === "int" ? valueOf(matched.size) : undefined
      return n === undefined ? matched : { kind: "int", size: atom(d.name.text, n) }
    }
    case "function": return { kind: "function", declaration: d, scope, config: undefined, span: d.name.span } satisfies FunctionValue
    case "model": return makeModel({ ...ctx, role: "const" }, scope, d)
    case "data": return dataSet(ctx, scope, d)
    case "entry": return { kind: "entry", declaration: d, scope }
    case "type": case "train": return { kind: "unknown" }
  }
}

const fieldSpan = (d: Ast.DataDeclaration, name: string): Span => (d.type.kind === "record" ? d.type.fields.find((f) => f.name.text === name)?.name.span : undefined) ?? d.type.span

/** `data name: {…} = source`: the loader's fields seen through the declared record. */
const dataSet = (ctx: Context, scope: Scope, d: Ast.DataDeclaration): Value => {
  const source = evaluate({ ...ctx, role: "const" }, scope, d.value)
  if (source.kind !== "source") return isSilent(source) ? source : (report(ctx, notADataSet(d.value.span, d.name.text, printValue(source))), errorValue)
  const fields = (batch: Parameters<SourceValue["fields"]>[0]): ReadonlyMap<string, TensorValue> => {
    const delivered = source.fields(batch)
    const own = inner(scope)
    const type = evaluateType({ ...ctx, diagnostics: [] }, own, d.type, "declare")
    if (type?.kind !== "record") return delivered
    const result = new Map<string, TensorValue>()
    for (const [name, t] of type.fields) {
      const given = delivered.get(name)
      if (!given && source.loader !== "array") {
        const known = [...delivered.keys()]
        report(ctx, fieldNotDelivered(fieldSpan(d, name), name, source.loader, known, suggest(name, known)))
        if (t.kind === "tensor") result.set(name, { ...(valueOfType(t) as TensorValue), dims: [rest(name)] })
        continue
      }
      if (t.kind !== "tensor") continue
      // The declared sizes hold; the batch is the first dimension, with the tag it was declared with.
      const first = t.dims[0]
      const n = first?.kind === "dim" ? { ...batch, population: first.population, became: first.became ?? batch.became } : batch
      const dims = [n, ...t.dims.slice(1).map((x, i) => (x.kind === "dim" && valueOf(x.size) === undefined && given?.dims[i + 1]?.kind === "dim" ? dim((given.dims[i + 1] as typeof batch).size) : x))]
      const value: TensorValue = { ...(given ?? { kind: "tensor", literal: undefined, data: undefined }), dtype: t.dtype, dims, alias: t.alias ?? given?.alias }
      const number = (d: Dimension | undefined): number | undefined => (d?.kind === "dim" ? valueOf(d.size) : undefined)
      const fits = !given || (given.dtype === t.dtype && given.dims.length === t.dims.length && dims.every((d, i) => i === 0 || number(d) === undefined || number(given.dims[i]) === undefined || number(d) === number(given.dims[i])))
      if (!fits) report(ctx, dataDisagrees(fieldSpan(d, name), name, source.loader, printValue({ ...value, dims: t.dims }), printValue(given)))
      // What it is then is the loader's kind of value, of sizes that are not judged.
      result.set(name, fits ? value : given.dtype === t.dtype && given.dims.length === t.dims.length ? { ...value, dims: [rest(name)] } : { ...given, dims: [n, ...given.dims.slice(1)] })
    }
    return result
  }
  return { ...source, fields }
}

// ---------------------------------------------------------------------------------------------------- settings

/** Every name that `--set` may give: constants, and the parameters and open sizes of entries. */
export const settingsOf = (module: Ast.Module): string[] => {
  const names = new Set<string>()
  for (const d of module.declarations) {
    if (d.kind === "const") names.add(d.name.text)
    if (d.kind !== "entry" && d.kind !== "train") continue
    for (const p of d.params) if (p.kind === "param") {
      if (p.value) names.add(p.name.text)
      else for (const n of openSizes(p.type)) names.add(n)
    }
  }
  return [...names]
}

const openSizes = (t: Ast.TypeExpr | undefined): string[] =>
  t?.kind !== "named" ? [] : (t.dims ?? []).flatMap((d) => (d.kind === "dim" && d.size.kind === "name" ? [d.size.name.text] : []))

const readSettings = (ctx: Context, scope: Scope, module: Ast.Module, set: Readonly<Record<string, string>>, settings: Map<string, Value>, sizes: Map<string, number>): void => {
  const known = settingsOf(module)
  for (const [name, text] of Object.entries(set)) {
    if (!known.includes(name)) {
      report(ctx, unknownSetting({ ...nowhere, file: `--set ${name}=${text}` }, name, known, suggest(name, known)))
      continue
    }
    const file = `--set ${name}`
    const parsed = parse(file, `const ${name} = ${text}\n`)
    const declaration = parsed.value?.declarations[0]
    const fallback = defaultOf(module, name)
    const bare = fallback?.kind === "string" && !/^"/.test(text.trim())
    const value: Value = bare ? { kind: "string", value: text }
      : hasErrors(parsed.diagnostics) || declaration?.kind !== "const" ? errorValue
      : evaluate({ ...ctx, diagnostics: [], role: "const" }, scope, declaration.value)
    const wanted = kindWords(fallback)
    const span = fallback?.span ?? { ...nowhere, file: module.file }
    if (value.kind === "error" || (wanted && !wanted.fits(value))) {
      report(ctx, settingValue(span, name, text, wanted?.words ?? "a value as in the program"))
      continue
    }
    const n = value.kind === "int" ? valueOf(value.size) : undefined
    if (!fallback && n !== undefined && n >= 1) sizes.set(name, n)
    else if (!fallback) report(ctx, settingValue(span, name, text, "a whole number from 1"))
    else settings.set(name, value)
  }
}

const defaultOf = (module: Ast.Module, name: string): Ast.Expr | undefined => {
  for (const d of module.declarations) {
    if (d.kind === "const" && d.name.text === name) return d.value
    if (d.kind === "entry" || d.kind === "train") for (const p of d.params) if (p.kind === "param" && p.value && p.name.text === name) return p.value
  }
  return undefined
}

const kindWords = (e: Ast.Expr | undefined): { words: string; fits: (v: Value) => boolean } | undefined => {
  switch (e?.kind) {
    case "int": return { words: "a whole number", fits: (v) => v.kind === "int" && (valueOf(v.size) ?? -1) >= 0 }
    case "float": return { words: "a number", fits: (v) => v.kind === "int" || (v.kind === "tensor" && v.literal !== undefined) }
    case "string": return { words: "a string", fits: (v) => v.kind === "string" }
    case "bool": return { words: "true or false", fits: (v) => v.kind === "bool" }
    default: return undefined
  }
}

// ------------------------------------------------------------------------------------------------------- check

/** Checks every declaration of the user's modules with symbolic sizes, then every entry with its numbers. */
export const checkProgram = (program: Program, types?: Map<Ast.Expr, Value>): void => {
  const ctx: Context = { ...program.context, types }
  const own = [...program.loaded.modules.values()].filter((m) => !m.library || m === program.main)
  for (const module of own) {
    const scope = program.scopes.get(module.name)
    if (!scope) continue
    const { declarations } = module.outline
    for (const d of declarations) bounded(ctx, d.name.span, () => checkDeclaration(ctx, scope, d.whole()))
    if (declarations[0]) settle(ctx, declarations[0].name.span)
  }
  const sound = !hasErrors(ctx.diagnostics)
  // Where every expression's type is asked for, every body is looked into.
  const instances = types ? {} : { instances: newInstances() }
  for (const module of own) {
    const scope = program.scopes.get(module.name)
    if (!scope) continue
    const inputs = module === program.main ? program.inputs : { set: new Map<string, Value>(), sizes: new Map<string, number>() }
    for (const d of module.outline.declarations) bounded(ctx, d.name.span, () => checkEntry({ ...ctx, inline: sound, ...instances }, scope, d.whole(), inputs))
  }
  ctx.diagnostics.sort((a, b) => (a.span.file === b.span.file ? a.span.start - b.span.start : a.span.file === program.main.name ? -1 : b.span.file === program.main.name ? 1 : a.span.file < b.span.file ? -1 : 1))
}

const checkDeclaration = (ctx: Context, scope: Scope, d: Ast.Declaration): void => {
  switch (d.kind) {
    case "type": {
      const own = inner(scope)
      for (const p of d.dims) evaluateType(ctx, own, { kind: "named", span: p.span, name: { text: "f32", span: p.span }, dims: [p], semicolon: undefined }, "declare")
      evaluateType(ctx, own, d.type, "declare")
      return
    }
    case "function": return checkFunction(ctx, lookup(scope, d.name.text)!.value as FunctionValue)
    case "data": {
      const value = lookup(scope, d.name.text)?.value
      evaluateType(ctx, inner(scope), d.type, "declare")
      if (value?.kind === "source") value.fields(dim(atom("n")))
      return
    }
    case "const": case "model": return void lookup(scope, d.name.text)
    case "entry": case "train": return
  }
}

const checkEntry = (ctx: Context, scope: Scope, d: Ast.Declaration, inputs: EntryInputs): void => {
  if (d.kind !== "entry" && d.kind !== "train") return
  const frame = { name: d.name.text, declaration: undefined, span: d.name.span, path: d.name.text, ordinals: new Map<string, number>() }
  const inside: Context = { ...ctx, frames: [frame], budget: newBudget() }
  if (d.kind === "entry") {
    const value = instantiateEntry(inside, scope, d, inputs)
    if (value && !isOutput(value) && !reportIncomplete(inside, value)) checkOutputs(inside, d, value)
  } else instantiateTrain(inside, scope, d, inputs)
  settle(inside, d.name.span)
}

/** What an entry gives is written to files. */
const checkOutputs = (ctx: Context, d: Ast.EntryDeclaration, value: Value): void => {
  const body = d.body.kind === "suite" ? d.body.result ?? d.body : d.body
  if (value.kind !== "record") return report(ctx, outputKind(body.span, d.name.text, printValue(value)))
  for (const [name, v] of value.fields) {
    if (isOutput(v) || reportIncomplete(ctx, v)) continue
    const field = body.kind === "record" ? body.fields.find((f) => f.name.text === name) : undefined
    report(ctx, outputKind(field?.value.span ?? body.span, `${d.name.text}.${name}`, printValue(v)))
  }
}

/** Instantiates one graph entry while building nodes; its value, or `undefined` after errors. */
export const elaborateEntry = (program: Program, d: Ast.EntryDeclaration, build: Elaboration, onInput: EntryInputs["onInput"], batches?: EntryInputs["batches"]): Value | undefined => {
  const frame = { name: d.name.text, declaration: undefined, span: d.name.span, path: d.name.text, ordinals: new Map<string, number>() }
  const ctx: Context = { ...program.context, inline: true, build, frames: [frame], budget: newBudget() }
  return instantiateEntry(ctx, program.scopes.get(program.main.name)!, d, { ...program.inputs, ...(onInput ? { onInput } : {}), ...(batches ? { batches } : {}) })
}

/** Elaborates the steps of a `train`; what they make is in `build.learning`. */
export const elaborateTrain = (program: Program, d: Ast.TrainDeclaration, build: Elaboration, onInput: EntryInputs["onInput"]): void => {
  const frame = { name: d.name.text, declaration: undefined, span: d.name.span, path: d.name.text, ordinals: new Map<string, number>() }
  const ctx: Context = { ...program.context, inline: true, build, frames: [frame], budget: newBudget() }
  instantiateTrain(ctx, program.scopes.get(program.main.name)!, d, { ...program.inputs, ...(onInput ? { onInput } : {}) })
}

/** The models that the main file declares, in order. */
export const modelsOf = (program: Program): ModelValue[] => {
  const scope = program.scopes.get(program.main.name)!
  return program.main.ast.declarations.flatMap((d) => {
    const value = d.kind === "model" ? lookup(scope, d.name.text)?.value : undefined
    return value?.kind === "model" ? [value] : []
  })
}
