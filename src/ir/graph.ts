/**
 * The tensor graph: what a program computes, with every size a number and no names left.
 * Nodes are immutable and numbered in topological order; what a node means is its primitive's record (`prim/`).
 */
import type { Span } from "../base/span.ts"

export type DType = "f32" | "i32" | "u32" | "bool"

/** Where a node came from: the place in the source and the calls that led there, innermost first. */
export interface Origin {
  readonly span: Span
  /** What the user called it (`jigsaw`, `b.image`, `flip`), for printed graphs and messages. */
  readonly label: string
  /** The path of draw sites and parameters (`preview.jigsaw2.jigsaw.perm`). */
  readonly path: string
}

export interface Node {
  readonly id: number
  readonly prim: string
  readonly inputs: readonly Node[]
  readonly attrs: unknown
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly origin: Origin
}

/** What the host delivers: a field of a batch from a source, or an argument of a graph. */
export interface GraphInput {
  readonly name: string
  readonly node: Node
  /** Set when the input is a field of the batch `source`. */
  readonly source: { readonly name: string; readonly field: string } | undefined
}

export interface Output {
  readonly name: string
  readonly node: Node
  /** Pictures are written as PNG grids: which of `n c h w` or `n c t h w` the dimensions are. */
  readonly picture: "image" | "clip" | undefined
  /** The population of the first dimension, for captions. */
  readonly population: string | undefined
}

/** How a loader is asked for a batch: constructor name and its compile-time arguments. */
export interface SourceSpec {
  /** The entry's name for it (`b`). */
  readonly name: string
  /** The loader (`cifar10`, `folder`, `clips`, …). */
  readonly loader: string
  readonly split: "train" | "test" | "all"
  readonly batch: number
  readonly options: Readonly<Record<string, string | number | boolean>>
  /** `bytes`: its numbers are bytes of pictures, each divided by 255. */
  readonly fields: readonly { readonly name: string; readonly dtype: DType; readonly shape: readonly number[]; readonly bytes?: true }[]
  /** An `eval` reads it in order, and to the last sample. */
  readonly whole?: boolean
  readonly origin: Origin
}

export interface Graph {
  readonly entry: string
  readonly inputs: readonly GraphInput[]
  readonly sources: readonly SourceSpec[]
  readonly outputs: readonly Output[]
  /** Why a picture was rasterised although another stage follows (for `--emit fused`). */
  readonly rasters: readonly { readonly node: Node; readonly reason: string }[]
}
