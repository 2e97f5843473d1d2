/**
 * Syntax trees as short texts: the standard library's are made when nda is built, so that no start parses them. Each declaration is a text of
 * its own, decoded when it is asked for; what is decoded equals what the parser gives, spans and undefined properties included.
 *
 * A text is a list of numbers. A value is a tag and what belongs to it: 0 undefined, 1 false, 2 true, 3 a span (how far its start is from the start of
 * the span before, its length), 4 a list (its length, its items), `5 + 2 i` word i of the table, `6 + 2 i` an object of shape i (its properties, in order).
 */
import type { Declaration, Module } from "./ast.ts"
import type { Outline } from "./outline.ts"

interface CodedModule {
  /** Imports and, of each declaration, kind and name. */
  readonly outline: string
  readonly declarations: readonly string[]
}

export interface CodedTrees {
  /** A shape is the object's `kind`, or nothing for objects without one, and the names of its other properties. */
  readonly shapes: readonly (readonly string[])[]
  readonly words: readonly (string | number)[]
  readonly modules: Readonly<Record<string, CodedModule>>
}

type Coded = Record<string, unknown>

/** Codes modules that parsed without a complaint: trees of objects, lists, spans of the module's own file, strings, numbers, booleans and undefined. */
export const encodeTrees = (modules: readonly Module[]): CodedTrees => {
  const shapes = new Map<string, number>()
  const words = new Map<string | number, number>()
  const place = <K>(table: Map<K, number>, key: K): number => {
    const known = table.get(key) ?? table.size
    table.set(key, known)
    return known
  }
  const encode = (file: string, root: unknown): string => {
    const numbers: number[] = []
    let before = 0
    const put = (value: unknown): void => {
      if (value === undefined) numbers.push(0)
      else if (typeof value === "boolean") numbers.push(value ? 2 : 1)
      else if (typeof value === "string" || typeof value === "number") numbers.push(5 + 2 * place(words, value))
      else if (Array.isArray(value)) {
        numbers.push(4, value.length)
        value.forEach(put)
      } else {
        const node = value as Coded
        const names = Object.keys(node)
        if (names.join() === "file,start,end") {
          const { start, end } = node as { start: number; end: number }
          if (node["file"] !== file) throw new Error(`a span of ${String(node["file"])} stands in the tree of ${file}`)
          numbers.push(3, start - before, end - start)
          before = start
          return
        }
        const properties = names[0] === "kind" ? names.slice(1) : names
        if (properties.includes("kind")) throw new Error(`the kind of a node is not its first property: ${names.join()}`)
        numbers.push(6 + 2 * place(shapes, JSON.stringify([node["kind"] ?? "", ...properties])))
        for (const name of properties) put(node[name])
      }
    }
    put(root)
    return numbers.join()
  }
  const coded = Object.fromEntries(modules.map(({ file, imports, declarations }): [string, CodedModule] => [file, {
    outline: encode(file, [imports, declarations.map(({ kind, name }) => ({ kind, name }))]),
    declarations: declarations.map((d) => encode(file, d)),
  }]))
  return { shapes: [...shapes.keys()].map((shape) => JSON.parse(shape) as string[]), words: [...words.keys()], modules: coded }
}

const decode = ({ shapes, words }: CodedTrees, file: string, text: string): unknown => {
  const numbers = JSON.parse(`[${text}]`) as number[]
  let at = 0
  let before = 0
  const take = (): unknown => {
    const tag = numbers[at++]!
    if (tag >= 5) {
      const place = (tag - 5) >> 1
      if (tag % 2 === 1) return words[place]
      const shape = shapes[place]!
      const node: Coded = shape[0] === "" ? {} : { kind: shape[0] }
      for (let i = 1; i < shape.length; i++) node[shape[i]!] = take()
      return node
    }
    if (tag === 3) {
      const start = (before += numbers[at]!)
      const end = start + numbers[at + 1]!
      at += 2
      return { file, start, end }
    }
    if (tag === 4) {
      const items: unknown[] = []
      for (let left = numbers[at++]!; left > 0; left--) items.push(take())
      return items
    }
    return tag === 0 ? undefined : tag === 2
  }
  return take()
}

/** The outline of a coded module; `undefined` for a module that is not there. */
export const codedOutline = (trees: CodedTrees, file: string): Outline | undefined => {
  const module = Object.hasOwn(trees.modules, file) ? trees.modules[file]! : undefined
  if (module === undefined) return undefined
  const [imports, names] = decode(trees, file, module.outline) as [Module["imports"], readonly Pick<Declaration, "kind" | "name">[]]
  return {
    imports,
    declarations: names.map(({ kind, name }, i) => {
      let whole: Declaration | undefined
      return { kind, name, whole: () => (whole ??= decode(trees, file, module.declarations[i]!) as Declaration) }
    }),
  }
}
