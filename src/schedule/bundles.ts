/**
 * Bundles of arguments: small values that kernels of one body read at the same place and time lie in one buffer, whoever
 * writes them, so that these kernels bind the same buffers and can be one dispatch.
 */
import type { Node } from "../ir/graph.ts"
import { sizeOf } from "./inline.ts"

export interface Reader {
  /** Kernels with one key have one body. */
  readonly key: string
  readonly level: number
  /** By binding; undefined for what is no value of a node. */
  readonly reads: readonly (Node | undefined)[]
  readonly writes: readonly Node[]
}

export interface Bundle {
  readonly members: readonly Node[]
  readonly offsets: readonly number[]
  readonly total: number
}

/** Places begin at multiples of 256 bytes. */
const step = 64

/** Places one after the other, each at a multiple of `unit`. */
export const placesFor = (sizes: readonly number[], unit: number): { readonly offsets: readonly number[]; readonly total: number } => {
  let total = 0
  const offsets = sizes.map((size) => {
    const at = total
    total = Math.ceil((total + Math.max(1, size)) / unit) * unit
    return at
  })
  return { offsets, total }
}

export const layOutBundle = (members: readonly Node[]): Bundle => ({ members, ...placesFor(members.map((v) => sizeOf(v.shape)), step) })

/** `free`: whether a value may be given a place; `mostBytes`: the largest bundle. */
export const argumentBundles = (kernels: readonly Reader[], free: (v: Node) => boolean, mostBytes: number): readonly Bundle[] => {
  const classes = new Map<string, Reader[]>()
  for (const k of kernels) {
    const key = `${k.level} ${k.key}`
    classes.set(key, [...(classes.get(key) ?? []), k])
  }
  const taken = new Set<Node>()
  const bundles: Bundle[] = []
  for (const members of classes.values()) {
    if (members.length < 2) continue
    members[0]!.reads.forEach((_, i) => {
      const values = [...new Set(members.flatMap((k) => k.reads[i] ?? []))]
      if (values.length < 2 || values.length !== members.length || values.some((v) => taken.has(v) || !free(v) || v.dtype !== values[0]!.dtype)) return
      const bundle = layOutBundle(values)
      // No dispatch may write one part of a buffer and read another.
      const own = new Set(values)
      const conflict = kernels.some((k) => k.writes.some((v) => own.has(v)) && k.reads.some((v) => v && own.has(v)))
      if (conflict || 4 * bundle.total > mostBytes) return
      for (const v of values) taken.add(v)
      bundles.push(bundle)
    })
  }
  return bundles
}
