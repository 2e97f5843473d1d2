/** A contraction as its kernel computes it: what its operands' elements are, with their producers substituted, and its tile. */
import type { Node } from "../ir/graph.ts"
import type { ContractAttrs } from "../prim/contraction.ts"
import { eachScalar, i32, read, variable, type Scalar, type Var } from "../scalar/scalar.ts"
import { chooseTile, type Layout, type Tile } from "./contraction-tiles.ts"
import { costOf } from "./costs.ts"
import type { Fusion } from "./fuse.ts"
import { sizeOf } from "./inline.ts"
import type { Limits, Profile } from "./limits.ts"
import { linearOf } from "./linear.ts"
import { extractRows, isDraw, isGlobalDraw, type Columns } from "./rates.ts"
import { linearIndex, makeResolve, type Parts } from "./resolve.ts"

export interface Operand {
  readonly shape: readonly number[]
  /** A variable for each dimension, and the element there. */
  readonly index: readonly Var[]
  readonly value: Scalar
}

export interface Contraction {
  readonly attrs: ContractAttrs
  readonly operands: readonly [Operand, Operand]
  readonly tile: Tile
  /** What the tile was chosen by (`shapeKey`). */
  readonly shape: string
}

/** Tiles that were chosen already for one device, by what they are for (`shapeKey`); the plans of one program share them. */
export type Tiles = Map<string, Tile | undefined>

/** A tile that was measured to be the best for a shape (`nda tune`). */
export type Tuned = (shape: string) => Tile | undefined

/** What a contraction's tile is chosen by. */
export interface TiledShape {
  readonly attrs: ContractAttrs
  readonly layouts: readonly [Layout, Layout]
}
export const shapeKey = ({ attrs, layouts }: TiledShape): string => JSON.stringify([attrs, layouts])
export const shapeOfKey = (key: string): TiledShape => {
  const [attrs, layouts] = JSON.parse(key) as [ContractAttrs, [Layout, Layout]]
  return { attrs, layouts }
}

/** Sums of fewer terms, or fewer results, are computed like any other elements. */
const leastTerms = 4
const leastResults = 16

/** Whether a node gets a kernel of its own with tiles. */
export const isTiled = (node: Node): boolean => {
  if (node.prim !== "contract" || node.inputs.some((x) => x.shape.includes(0))) return false
  const { out, over } = node.attrs as ContractAttrs
  return sizeOf(over) >= leastTerms && sizeOf(out) >= leastResults
}

export const contractionOf = (fusion: Fusion, node: Node, columns: Columns, profile: Profile, limits: Limits, tiles: Tiles, tuned: Tuned, parts: Parts): Contraction | undefined => {
  const attrs = node.attrs as ContractAttrs
  const resolve = makeResolve(fusion, { row: (n, at, range) => {
    if (!isDraw(n)) throw new Error(`contraction: a row of ${n.prim} was not made a column`)
    const perSample = !isGlobalDraw(n)
    return read(n.dtype, n.id, [perSample ? resolve(fusion.inliner.at(n.inputs[0]!, [at[0]!])) : i32(0), linearIndex(perSample ? n.shape.slice(1) : n.shape, perSample ? at.slice(1) : at)], range)
  } }, parts)
  const index = node.inputs.map((x) => x.shape.map((n, d) => variable(`d${d}`, n)))
  const inlined = fusion.simplify(node.inputs.map((x, i) => fusion.inliner.at(x, index[i]!)))
  const extracted = extractRows(inlined, fusion, columns, undefined)
  const values = fusion.simplify(extracted.map(resolve))
  const operands = values.map((value, i): Operand => ({ shape: node.inputs[i]!.shape, index: index[i]!, value })) as unknown as readonly [Operand, Operand]
  const layouts = [layoutOf(operands[0], fusion), layoutOf(operands[1], fusion)] as const
  const key = shapeKey({ attrs, layouts })
  if (!tiles.has(key)) tiles.set(key, tuned(key) ?? chooseTile(attrs, layouts, profile, limits))
  const tile = tiles.get(key)
  return tile && { attrs, operands, tile, shape: key }
}

const layoutOf = ({ shape, index, value }: Operand, fusion: Fusion): Layout => {
  const reads: Extract<Scalar, { op: "read" }>[] = []
  eachScalar([value], (e) => { if (e.op === "read" && e.slot >= 0) reads.push(e) })
  const size = ({ slot }: { readonly slot: number }): number => sizeOf(fusion.stopped.get(slot)!.shape)
  const widest = reads.sort((a, b) => size(b) - size(a))[0]
  const work = Math.min(30, costOf([value]).operations * 0.5)
  const rowMajor = shape.map((_, d) => sizeOf(shape.slice(d + 1)))
  if (!widest || widest.index.length !== 1) return { shape, steps: rowMajor, offset: 0, work, quads: false }
  const { terms, constant } = linearOf(widest.index[0]!)
  const affine = [...terms.keys()].every((e) => index.includes(e as Var))
  return { shape, steps: affine ? index.map((v) => terms.get(v) ?? 0) : rowMajor, offset: affine ? constant : 0, work: value === widest ? 0 : work, quads: affine && size(widest) % 4 === 0 }
}
