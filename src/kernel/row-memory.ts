/** Where the values of a row lie while a sample kernel works: words of one array, and the keys of its draw sites. */
import { drawAttrs } from "../schedule/rates.ts"
import type { SampleProgram } from "../schedule/sample-program.ts"
import { eachScalar, type ScalarType } from "../scalar/scalar.ts"
import type { Reads } from "./bindings.ts"
import { arithmetic, number, type ArrayLocal, type Expr } from "./kernel.ts"

/** Keys of fewer sites are made where they are used. */
const fewestKeys = 3

export interface RowMemory {
  readonly array: ArrayLocal
  /** The first word of a value: draws, arrangements, arrays and statistics; scalars are locals. */
  readonly at: ReadonlyMap<number, number>
  /** The sites whose keys are kept, from `keysAt` on, two words each; empty when there are few. */
  readonly sites: readonly number[]
  readonly keysAt: number
  word(index: Expr): Expr
  keyAt(site: number): Expr | undefined
}

/** The sites that the program draws from, each once. */
const sitesOf = (program: SampleProgram, reads: Reads): number[] => {
  const sites = new Set<number>()
  for (const v of program.values) {
    if (v.kind === "arrangement") sites.add(drawAttrs(v.node).site)
    if (v.kind === "draws") for (const e of v.batch.entries) sites.add(e.site)
    eachScalar(v.kind === "scalar" || v.kind === "array" ? [v.body] : v.kind === "statistic" ? [v.reduce.body] : [], (e) => {
      const node = e.op === "read" ? reads.nodes.get(e.slot) : undefined
      if (node?.prim === "draw") sites.add(drawAttrs(node).site)
    })
  }
  return [...sites]
}

export const rowMemory = (program: SampleProgram, reads: Reads, space: "workgroup" | "private"): RowMemory => {
  const at = new Map<number, number>()
  let words = 0
  for (const v of program.values) {
    if (v.kind === "scalar") continue
    at.set(v.slot, words)
    if (v.kind === "draws") v.batch.entries.forEach((e, k) => at.set(e.slot, words + k))
    words += v.kind === "statistic" ? 1 : v.words
  }
  const all = sitesOf(program, reads)
  const sites = all.length < fewestKeys ? [] : all
  const keysAt = words
  const array: ArrayLocal = { kind: "array", space, element: "u32", length: Math.max(1, words + 2 * sites.length) }
  const word = (index: Expr): Expr => ({ op: "element", type: "u32", array, index })
  return {
    array, at, sites, keysAt, word,
    keyAt: (site) => {
      const k = sites.indexOf(site)
      return k < 0 ? undefined : { op: "pair", type: "key", first: word(number(keysAt + 2 * k)), second: word(number(keysAt + 2 * k + 1)) }
    }
  }
}

/** A table of constants that loops index; a single value needs none. */
export const constantsInto = (shared: ArrayLocal[]) => (element: ScalarType, data: readonly number[]): ((k: Expr) => Expr) => {
  if (data.every((x) => Object.is(x, data[0]))) return () => number(data[0]!, element)
  const array: ArrayLocal = { kind: "array", space: "constant", element, length: data.length, data }
  shared.push(array)
  return (index) => ({ op: "element", type: element, array, index })
}

export const wordPlace = (start: number, k: Expr): Expr => arithmetic("add", k, number(start))
