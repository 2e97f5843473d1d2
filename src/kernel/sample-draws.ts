/** The loops of a sample kernel that make its keys, its draws and its arrangements, a lane (or a turn) each. */
import type { Scalar, ScalarType } from "../scalar/scalar.ts"
import { drawAttrs, isPartner } from "../schedule/rates.ts"
import { drawCall } from "../schedule/resolve.ts"
import type { Arrangement, SampleProgram } from "../schedule/sample-program.ts"
import { distributionOf, toWord, unsigned, type Reads } from "./bindings.ts"
import { arithmetic, local, number, use, type ArrayLocal, type Expr, type Stmt } from "./kernel.ts"
import { wordPlace, type RowMemory } from "./row-memory.ts"

export interface DrawLoops {
  readonly reads: Reads
  readonly memory: RowMemory
  readonly constants: (element: ScalarType, data: readonly number[]) => (k: Expr) => Expr
  /** `count` pieces of work, a lane each, or one after the other. */
  readonly spread: (count: number, statements: (k: Expr) => Stmt[]) => Stmt
  /** Lowers a scalar that all draws of a loop share. */
  readonly lower: (e: Scalar) => Expr
}

export const keyLoop = ({ reads, memory, constants, spread }: DrawLoops): Stmt[] => {
  const { sites, keysAt } = memory
  if (sites.length === 0) return []
  reads.bindings.settings()
  const site = constants("u32", sites)
  return [spread(sites.length, (k) => {
    const key = local("key")
    const word = (at: 0 | 1): Stmt => ({ op: "set", array: memory.array, index: wordPlace(keysAt + at, arithmetic("mul", k, number(2))), value: { op: "key_word", type: "u32", key: use(key), at } })
    return [{ op: "let", local: key, value: { op: "key", type: "key", site: site(k) } }, word(0), word(1)]
  })]
}

/** The key of the k-th of some sites. */
const keysOf = ({ reads, memory, constants }: DrawLoops, own: readonly number[]): ((k: Expr) => Expr) => {
  reads.bindings.settings()
  if (memory.sites.length === 0) {
    const site = constants("u32", own)
    return (k) => ({ op: "key", type: "key", site: site(k) })
  }
  const place = constants("i32", own.map((s) => memory.keysAt + 2 * memory.sites.indexOf(s)))
  return (k) => ({ op: "pair", type: "key", first: memory.word(place(k)), second: memory.word(arithmetic("add", place(k), number(1))) })
}

export const drawLoops = (loops: DrawLoops, program: SampleProgram): Stmt[] => program.values.flatMap((v) => {
  if (v.kind !== "draws") return []
  const { memory, constants, spread } = loops
  const { node, subject, entries } = v.batch
  const who = unsigned(loops.lower(subject))
  const distribution = distributionOf(node)
  const key = keysOf(loops, entries.map((e) => e.site))
  const element = constants("u32", entries.map((e) => e.element))
  const kind: ScalarType = distribution.name === "randint" ? "i32" : "f32"
  const parameters = entries[0]!.parameters.map((_, p) => constants(kind, entries.map((e) => e.parameters[p]! + 0)))   // a table holds no -0: a parameter of -0 draws what 0 draws
  const count = constants("u32", entries.map((e) => e.count))
  return [spread(entries.length, (k) => {
    const args = isPartner(node) ? [key(k), who, number(node.shape[0]!, "u32")] : [key(k), who, element(k), count(k), ...parameters.map((p) => p(k))]
    return [{ op: "set", array: memory.array, index: wordPlace(memory.at.get(v.slot)!, k), value: toWord({ op: "draw", type: node.dtype, distribution, args }) }]
  })]
})

/** Arrangements of one law and length, made by one loop. */
export const arrangementLoops = (loops: DrawLoops, program: SampleProgram): Stmt[] => {
  const { memory, constants, spread } = loops
  const groups = new Map<string, Arrangement[]>()
  const samples = new Map<Scalar, number>()
  for (const v of program.values) if (v.kind === "arrangement") {
    if (!samples.has(v.sample)) samples.set(v.sample, samples.size)
    const key = `${JSON.stringify(distributionOf(v.node))} ${samples.get(v.sample)}`
    groups.set(key, [...(groups.get(key) ?? []), v])
  }
  return [...groups.values()].flatMap((group) => {
    const { node, sample, words } = group[0]!
    const who = unsigned(loops.lower(sample))
    const key = keysOf(loops, group.map((v) => drawAttrs(v.node).site))
    const start = constants("i32", group.map((v) => memory.at.get(v.slot)!))
    return [spread(group.length, (which) => {
      const array: ArrayLocal = { kind: "array", space: "private", element: "i32", length: words }
      const j = local("i32")
      return [
        { op: "array", array },
        { op: "draw_array", array, distribution: distributionOf(node), args: [key(which), who] },
        { op: "for", local: j, from: number(0), below: arithmetic("add", number(words), { op: "hidden_zero", type: "i32" }), step: 1, body: [
          { op: "set", array: memory.array, index: arithmetic("add", start(which), use(j)), value: toWord({ op: "element", type: "i32", array, index: use(j) }) }] }
      ]
    })]
  })
}
