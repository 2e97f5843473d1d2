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
