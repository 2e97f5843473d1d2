/** What a loader gives the runtime: batches of typed arrays in the layout a plan asks for. */
export interface Batch {
  /** One array per field of the source's plan, in the plan's dtype; pictures are f32 in [0, 1] or, where it asks for them, bytes, NCHW (NCTHW for clips). */
  readonly fields: Readonly<Record<string, Float32Array | Int32Array | Uint32Array | Uint8Array>>
  /** Each sample's number in its data set. */
  readonly index: Int32Array
  /** How many samples are real; less than the batch only in the last batch of a `test` split (the rest repeats the last sample). */
  readonly count: number
}

export interface SourceRequest {
  readonly name: string
  readonly loader: string
  readonly split: "train" | "test" | "all"
  readonly batch: number
  readonly options: Readonly<Record<string, string | number | boolean>>
  readonly fields: readonly { readonly name: string; readonly dtype: string; readonly shape: readonly number[] }[]
  /** For an evaluation: in order and to the last sample, whatever the split. */
  readonly whole?: boolean
}

export interface SourceContext {
  /** `--data-dir`. */
  readonly dataDir: string
  /** The folder of the `.nda` file, for paths that begin with `./` or `../`. */
  readonly fileDir: string
  readonly seed: number
  /** `--skip-bad`: go on past unreadable files and count them. */
  readonly skipBad: boolean
  /** Called with the names of files that were skipped and why. */
  readonly onSkip?: (file: string, why: string) => void
  /** Called now and then while something slow is being read. */
  readonly onProgress?: (done: number, total: number, what: string) => void
}

/** An opened data set. `batch(i)` is the i-th batch of the run: `train` shuffles each epoch by the seed and drops the tail; `test` does neither. */
export interface OpenSource {
  readonly count: number
  batch(i: number): Promise<Batch>
  close(): Promise<void>
}
