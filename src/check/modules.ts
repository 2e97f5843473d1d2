/** Modules: which files a program needs, in what order, and where a name of the standard library lives. No input or output. */
import { hasErrors, type Diagnostic } from "../base/diagnostic.ts"
import { sourceFile, type SourceFile } from "../base/source.ts"
import { importCycle, moduleNotFound } from "../diagnostics/messages/names.ts"
import type * as Ast from "../syntax/ast.ts"
import { outlineOf, type Outline } from "../syntax/outline.ts"
import { parse } from "../syntax/parser.ts"
import { lookup, type Scope } from "./scope.ts"
import { loaderNames } from "./sources.ts"

export interface LoadedModule {
  /** `nda.image`, or the file's path. */
  readonly name: string
  readonly source: SourceFile
  readonly outline: Outline
  readonly library: boolean
  /** Its text has syntax errors: what it declares is not all there. */
  readonly broken: boolean
}

/** The main module is read whole. */
export interface MainModule extends LoadedModule {
  readonly ast: Ast.Module
}

/** What is built in: texts by module, and outlines of those whose trees were made before. */
export interface Library {
  readonly texts: Readonly<Record<string, string>>
  readonly outline: (name: string) => Outline | undefined
}

export interface Loaded {
  readonly main: MainModule | undefined
  readonly modules: ReadonlyMap<string, LoadedModule>
  /** Paths that were imported and are not among the sources. */
  readonly needs: readonly string[]
  readonly diagnostics: readonly Diagnostic[]
}

/** The path an import names, seen from the file that imports it. */
export const resolvePath = (from: string, path: string): string => {
  if (!path.startsWith(".")) return path
  const parts = from.split("/").slice(0, -1)
  for (const part of path.split("/")) {
    if (part === "..") {
      if (parts.length > 0 && parts.at(-1) !== "..") parts.pop()
      else parts.push("..")
    } else if (part !== ".") parts.push(part)
  }
  return parts.join("/")
}

export const moduleKey = (from: string, path: Ast.Import["path"]): string => (path.quoted ? resolvePath(from, path.text) : path.text)

/** Reads a file and everything it imports, as far as the texts are there. */
export const loadModules = (file: string, sources: Readonly<Record<string, string>>, library: Library): Loaded => {
  const modules = new Map<string, LoadedModule>()
  const diagnostics: Diagnostic[] = []
  const needs: string[] = []
  const known = Object.keys(library.texts).filter((name) => name.split(".").length === 2 && name !== "nda.prelude")
  const textOf = (name: string, isLibrary: boolean): string | undefined => {
    const from = isLibrary ? library.texts : sources
    return Object.hasOwn(from, name) ? from[name] : undefined
  }
  const read = (name: string, text: string, isLibrary: boolean): MainModule => {
    const parsed = parse(name, text)
    diagnostics.push(...parsed.diagnostics)
    const ast = parsed.value ?? { kind: "module" as const, file: name, span: { file: name, start: 0, end: text.length }, imports: [], declarations: [] }
    const module: MainModule = { name, source: sourceFile(name, text), ast, outline: outlineOf(ast), library: isLibrary, broken: hasErrors(parsed.diagnostics) }
    modules.set(name, module)
    return module
  }
  const load = (name: string, isLibrary: boolean): LoadedModule | undefined => {
    const text = textOf(name, isLibrary)
    if (text === undefined) return undefined
    const outline = isLibrary ? library.outline(name) : undefined
    if (outline === undefined) return read(name, text, isLibrary)
    const module: LoadedModule = { name, source: sourceFile(name, text), outline, library: true, broken: false }
    modules.set(name, module)
    return module
  }
  const inProgress: string[] = []
  const visit = (module: LoadedModule): void => {
    inProgress.push(module.name)
    for (const i of module.outline.imports) {
      const key = moduleKey(module.name, i.path)
      const isLibrary = !i.path.quoted
      const at = inProgress.indexOf(key)
      if (at >= 0) {
        diagnostics.push(importCycle(i.path.span, [...inProgress.slice(at), key]))
        continue
      }
      if (modules.has(key)) continue
      const next = load(key, isLibrary)
      if (next) visit(next)
      else if (isLibrary) diagnostics.push(moduleNotFound(i.path.span, key, known))
      else {
        needs.push(key)
        diagnostics.push(moduleNotFound(i.path.span, i.path.text, known))
      }
    }
    inProgress.pop()
  }
  const isLibrary = Object.hasOwn(library.texts, file)
  const text = textOf(file, isLibrary)
  const main = text === undefined ? undefined : read(file, text, isLibrary)
  const prelude = Object.hasOwn(library.texts, "nda.prelude") && file !== "nda.prelude" ? load("nda.prelude", true) : undefined
  if (prelude) visit(prelude)
  if (main) visit(main)
  return { main, modules, needs: [...new Set(needs)], diagnostics }
}

/** The standard modules by the names they declare. */
export const homesIn = (library: Readonly<Record<string, string>>): ReadonlyMap<string, string> => {
  const homes = new Map<string, string>()
  for (const [module, text] of Object.entries(library)) {
    if (module === "nda.prelude") continue
    const home = module.split(".").slice(0, 2).join(".")
    for (const m of text.matchAll(/^(?:negative )?(?:fn|block|loss|augment|const) ([A-Za-z_]\w*)/gm)) if (!homes.has(m[1]!)) homes.set(m[1]!, home)
  }
  for (const name of loaderNames) homes.set(name, "nda.data")
  return homes
}

/** The standard module that declares a name, for "it is in …". */
export const homeOf = (scope: Scope, name: string): string | undefined => {
  const home = lookup(scope, `home ${name}`)?.value
  return home?.kind === "string" ? home.value : undefined
}
