/** What can go wrong outside the compiler, as typed errors: each says what happened, at which place, and what to do. */
import * as Schema from "effect/Schema"

export const gpuReasons = ["NoAdapter", "DeviceLost", "OutOfMemory", "ValidationFailed", "LimitExceeded", "DriverFailed"] as const
export type GpuReason = (typeof gpuReasons)[number]

/** A place: `preview.nda:12:3`, or the path of a file; undefined when there is none to name. */
const place = Schema.UndefinedOr(Schema.String)

export class GpuError extends Schema.TaggedError<GpuError>()("GpuError", {
  reason: Schema.Literals(gpuReasons),
  message: Schema.String,
  where: place,
  hint: Schema.String,
}) {}

/** Data that cannot be read or does not fit: files, data sets, inputs of a graph. */
export class DataError extends Schema.TaggedError<DataError>()("DataError", {
  message: Schema.String,
  where: place,
  hint: Schema.String,
}) {}

export const checkpointReasons = ["Missing", "Corrupt", "Mismatch", "OtherProgram", "Version", "NotFinite", "Locked", "Write"] as const
export type CheckpointReason = (typeof checkpointReasons)[number]

/** Weights and checkpoints: files that cannot be read, do not fit, or cannot be written. */
export class CheckpointError extends Schema.TaggedError<CheckpointError>()("CheckpointError", {
  reason: Schema.Literals(checkpointReasons),
  message: Schema.String,
  where: place,
  hint: Schema.String,
}) {}

/** A term or a report that is no number any more, with the line that makes it. */
export class NotFiniteError extends Schema.TaggedError<NotFiniteError>()("NotFiniteError", {
  message: Schema.String,
  where: place,
  hint: Schema.String,
}) {}
