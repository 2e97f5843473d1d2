/** What can go wrong outside the compiler, as typed errors: each says what happened, at which place, and what to do. */
import * as Data from "effect/Data"

interface About {
  readonly message: string
  /** A place: `preview.nda:12:3`, or the path of a file; undefined when there is none to name. */
  readonly where: string | undefined
  readonly hint: string
}

export type GpuReason = "NoAdapter" | "DeviceLost" | "OutOfMemory" | "ValidationFailed" | "LimitExceeded" | "DriverFailed"

export class GpuError extends Data.TaggedError("GpuError")<About & { readonly reason: GpuReason }> {}

/** Data that cannot be read or does not fit: files, data sets, inputs of a graph. */
export class DataError extends Data.TaggedError("DataError")<About> {}

export type CheckpointReason = "Missing" | "Corrupt" | "Mismatch" | "OtherProgram" | "Version" | "NotFinite" | "Locked" | "Write"

/** Weights and checkpoints: files that cannot be read, do not fit, or cannot be written. */
export class CheckpointError extends Data.TaggedError("CheckpointError")<About & { readonly reason: CheckpointReason }> {}

/** A term or a report that is no number any more, with the line that makes it. */
export class NotFiniteError extends Data.TaggedError("NotFiniteError")<About> {}
