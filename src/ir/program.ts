/** A program that learns or remembers: the graphs of its steps over shared slots. All nodes come from one builder. */
import type { Graph, Node, Origin } from "./graph.ts"

/** How a slot gets its first value: the node that draws or fills it. */
export interface Leaf {
  /** The parameter's path, an API (RULINGS 19): `down.1.conv.0.weight`. */
  readonly path: string
  readonly shape: readonly number[]
  /** Where the leaf begins in the slot, in elements. */
  readonly offset: number
}

/**
 * A tensor that lives between steps. The parameters of one model are one slot, an arena f32[total]: each leaf begins at
 * a multiple of 64 elements (256 bytes), and what lies between leaves is always zero. Every state is a slot of its own.
 * What an evaluation gathers and gives is scratch: made anew each time, and in no checkpoint.
 */
export interface Slot {
  readonly name: string
  readonly kind: "params" | "state" | "scratch"
  /** The model it belongs to; undefined for the state of an entry. */
  readonly model: string | undefined
  /** Reads the value before the step: an `input` node named `slot:NAME`. */
  readonly node: Node
  readonly leaves: readonly Leaf[]
  /** Computes the first value (draws of the run's seed). */
  readonly initial: Node
  readonly origin: Origin
}

export interface StepGraph {
  readonly name: string
  readonly repeat: number
  /** Its outputs are the reports and terms; `nexts` are written to their slots when the step is over. */
  readonly graph: Graph
  readonly nexts: readonly { readonly slot: string; readonly node: Node }[]
}

export interface EveryGraph {
  readonly period: number
  readonly graph: Graph
  readonly save: readonly string[]
  /** Evaluations that run before it, by name, in the order of their calls. */
  readonly calls: readonly string[]
}

/** Values that the graph computes, and what the host makes of them in f64: the next value of a slot. */
export interface HostStage {
  /** A primitive with `host`. */
  readonly prim: string
  readonly slot: string
  /** Its outputs are the primitive's operands, in order. */
  readonly graph: Graph
}

/**
 * An `eval` (RULINGS 16): `begin` gives its own states their first values; `batch`, and `tail` for the samples that fill no whole batch,
 * advance them; then the stages on the host, and `final` computes the record once, from the states alone. What depends on a batch is the last one's.
 */
export interface Evaluation {
  readonly name: string
  readonly begin: Graph
  readonly batch: StepGraph
  readonly tail: StepGraph | undefined
  readonly stages: readonly HostStage[]
  readonly final: StepGraph
  /** Whole batches; undefined where nobody has counted the samples. */
  readonly full: number | undefined
  readonly sources: readonly { readonly name: string; readonly used: number; readonly of: number }[]
}

export interface Program {
  readonly entry: string
  readonly kind: "train" | "eval" | "graph"
  readonly slots: readonly Slot[]
  readonly steps: readonly StepGraph[]
  readonly every: readonly EveryGraph[]
  /** Of an `eval` itself, or those that a train calls. An `eval` has no other steps. */
  readonly evaluations: readonly Evaluation[]
  /** Models in order of declaration, for files and counts. */
  readonly models: readonly { readonly name: string; readonly parameters: number; readonly from: string | undefined }[]
}
