/** Arenas: a model's parameters side by side in one flat tensor, laid out as trees are; what lies between is zero and stays zero. */
import type { Parameter } from "../check/learning.ts"
import { layout } from "../check/tree.ts"
import type { Leaf } from "../ir/program.ts"

export interface Arena {
  readonly model: string
  readonly leaves: readonly (Leaf & { readonly parameter: Parameter })[]
  /** Elements. */
  readonly total: number
  /** Without what lies between. */
  readonly parameters: number
}

const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

/** `names`: those of all parameters and states, by path. */
export const arenaOf = (model: string, parameters: readonly Parameter[], names: ReadonlyMap<string, string>): Arena => {
  const { offsets, total } = layout(parameters.map((p) => p.node.shape))
  const leaves = parameters.map((parameter, i) => ({ path: withoutModel(names.get(parameter.path)!, model), shape: parameter.node.shape, offset: offsets[i]!, parameter }))
  return { model, leaves, total, parameters: leaves.reduce((n, l) => n + count(l.shape), 0) }
}

export const withoutModel = (path: string, model: string): string => (path.startsWith(`${model}.`) ? path.slice(model.length + 1) : path)

/**
 * The names of parameters and states in files (RULINGS 19): a name that occurs more than once under one parent carries its
 * place, from 0. While elaborating, the first occurrence has no number yet.
 */
export const apiPaths = (paths: readonly string[]): ReadonlyMap<string, string> => {
  const prefixes = new Set<string>()
  for (const path of paths) {
    const parts = path.split(".")
    for (let i = 1; i <= parts.length; i++) prefixes.add(parts.slice(0, i).join("."))
  }
  const repeated = (prefix: string): boolean => prefixes.has(`${prefix}.1`)
  return new Map(paths.map((path) => {
    const parts = path.split(".")
    const named = parts.flatMap((part, i) => {
      const next = parts[i + 1]
      const prefix = parts.slice(0, i + 1).join(".")
      return repeated(prefix) && (next === undefined || !/^\d+$/.test(next)) ? [part, "0"] : [part]
    })
    return [path, named.join(".")]
  }))
}
