/** The plan: a compiled program as data (HOUSE section 10). Self-contained JSON; the runtime needs nothing else. */
export interface Plan {
  readonly version: 1
  readonly entry: string
  readonly kind: "graph"
  /** Which kind of adapter its kernels suit. */
  readonly profile?: "cpu" | "gpu"
  /** What the device must offer; checked before anything is made. */
  readonly needs: Needs
  readonly sources: readonly SourcePlan[]
  readonly buffers: readonly BufferPlan[]
  readonly kernels: readonly KernelPlan[]
  readonly inputs: readonly InputPlan[]
  readonly outputs: readonly OutputPlan[]
  readonly commands: readonly Command[]
  /** Bytes of all buffers together, and the lower bound that liveness gives. */
  readonly peakBytes: number
  readonly liveBytes: number
  /** `parameters` of the entry after `--set` (seed, steps, batch, …). */
  readonly settings: Readonly<Record<string, number | string | boolean>>
}

export interface Needs {
  readonly maxStorageBuffersPerShaderStage: number
  readonly maxStorageBufferBindingSize: number
  readonly maxBufferSize: number
  readonly maxComputeWorkgroupStorageSize: number
  readonly maxComputeInvocationsPerWorkgroup: number
  readonly features: readonly string[]
  /** Lanes that a subgroup must have at least; absent where no kernel needs subgroups. */
  readonly subgroupSize?: number
}

export interface Where {
  /** `preview.nda:12:3`, and the name the user knows the value by. */
  readonly at: string
  readonly label: string
}

export interface BufferPlan {
  readonly id: number
  /** A multiple of 4. */
  readonly bytes: number
  readonly role: "input" | "output" | "temporary" | "constant" | "uniform"
  readonly dtype: "f32" | "i32" | "u32" | "bool" | "u8"     // bool is stored as u32; u8 are pictures given as bytes
  readonly shape: readonly number[]
  /** An arena: what lies between its values is zero and stays zero, so that no other plan may write to the buffer. */
  readonly zeroed?: true
  /** Constants carry their words (u32). */
  readonly data?: readonly number[]
  readonly origin: Where
}

export interface KernelPlan {
  readonly id: number
  readonly name: string
  readonly wgsl: string
  readonly workgroup: readonly [number, number, number]
  readonly bindings: readonly ("uniform" | "read" | "write")[]
  readonly kind: "sample" | "map" | "gather" | "reduce" | "contract" | "opaque" | "joint"
  readonly origin: Where
}

/**
 * `dispatch` binds `buffers` in the order of the kernel's bindings. The uniform buffer holds 8 words:
 * seed, step, repeat, and zeros; the runtime writes it before each run.
 */
export type Command =
  | { readonly op: "dispatch"; readonly kernel: number; readonly groups: readonly [number, number, number]; readonly buffers: readonly { readonly buffer: number; readonly offset: number; readonly bytes: number }[]; readonly origin: Where }
  | { readonly op: "copy"; readonly from: number; readonly to: number; readonly bytes: number }
  | { readonly op: "fill"; readonly buffer: number; readonly bytes: number }

/** How a batch is asked for (see `runtime/data/source.ts`). */
export interface SourcePlan {
  readonly name: string
  readonly loader: string
  readonly split: "train" | "test" | "all"
  readonly batch: number
  readonly options: Readonly<Record<string, string | number | boolean>>
  readonly fields: readonly { readonly name: string; readonly dtype: "f32" | "i32" | "u32" | "bool" | "u8"; readonly shape: readonly number[] }[]
  /** In order and to the last sample, whatever the split. */
  readonly whole?: boolean
  readonly origin: Where
}

export interface InputPlan {
  readonly name: string
  readonly buffer: number
  readonly dtype: "f32" | "i32" | "u32" | "bool" | "u8"
  readonly shape: readonly number[]
  /** From a batch: its source and field; the field `#index` is each sample's number in its data set (i32[n]). */
  readonly source?: { readonly name: string; readonly field: string }
  /** The value of a slot before the step: the runtime binds the slot's own buffer. */
  readonly slot?: string
}

export interface OutputPlan {
  readonly name: string
  readonly buffer: number
  readonly dtype: "f32" | "i32" | "u32" | "bool"
  readonly shape: readonly number[]
  readonly picture?: "image" | "clip"
  readonly population?: string
  /** The next value of a slot: copied to it when the commands are done, and not read back. */
  readonly slot?: string
}

/** A tensor that lives between steps, and what it is called in files; a scratch is in none, since each evaluation makes it anew. */
export interface SlotPlan {
  readonly name: string
  readonly kind: "params" | "state" | "scratch"
  readonly model?: string
  readonly dtype: "f32" | "i32" | "u32" | "bool"
  readonly shape: readonly number[]
  /** For an arena: the tensors in it; `offset` in elements. */
  readonly leaves: readonly { readonly path: string; readonly shape: readonly number[]; readonly offset: number }[]
}

/** A part of an evaluation that the host computes in f64 from the outputs of a plan. */
export interface HostStagePlan {
  readonly host: string
  readonly slot: string
  readonly plan: Plan
}

/** How an `eval` is carried out: `begin`, `batch` for each whole batch, `tail` once if there is one, each stage, and `final`. */
export interface EvaluationPlan {
  readonly name: string
  readonly begin: Plan
  readonly batch: Plan
  readonly tail?: Plan
  readonly stages: readonly HostStagePlan[]
  /** Its outputs and those of the last batch are the record; in a train they are slots. */
  readonly final: Plan
  /** Whole batches; absent where nobody has counted the samples. */
  readonly full?: number
  readonly sources: readonly { readonly name: string; readonly used: number; readonly of: number }[]
}

/**
 * A `train`, an `eval`, or a `graph` that applies models: plans over shared slots. The runtime makes one buffer per slot,
 * runs `initial` once (its outputs are slots), then, in a train, each step `repeat` times in order, with one fresh batch
 * of each source that the step's plan reads per execution. The uniform buffer's step is the number of the round, repeat the execution's.
 */
export interface ProgramPlan {
  readonly version: 1
  readonly entry: string
  readonly kind: "train" | "eval" | "graph"
  readonly slots: readonly SlotPlan[]
  readonly initial: Plan
  readonly steps: readonly { readonly name: string; readonly repeat: number; readonly plan: Plan }[]
  /** `calls`: evaluations that run before the plan, by name. An output `best:MODEL` is no report: the model's file is kept where it is highest. */
  readonly every: readonly { readonly period: number; readonly plan: Plan; readonly save: readonly string[]; readonly calls: readonly string[] }[]
  readonly evaluations: readonly EvaluationPlan[]
  readonly models: readonly { readonly name: string; readonly parameters: number; readonly from?: string }[]
  /** `steps`, `seed`, … of the entry after `--set`. */
  readonly settings: Readonly<Record<string, number | string | boolean>>
}
