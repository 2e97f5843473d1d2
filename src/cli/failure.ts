/** Why a command stops: one message, where, and what to do. The exit code says whose matter it is. */
import { DataError } from "../runtime/data/data-error.ts"
import type { CheckpointError } from "../runtime/errors.ts"
import { exitCode, type ExitCode } from "./exit-code.ts"

export interface Failure {
  readonly kind: "failure"
  readonly exit: ExitCode
  /** `UsageError`, `GpuError`, `DataError`, `OutputError`. */
  readonly tag: string
  readonly message: string
  readonly where?: string | undefined
  readonly hint?: string | undefined
  /** The line of usage to show, for usage errors. */
  readonly usage?: string | undefined
}

/** What a command gives: its exit code when it has said all itself, or a failure for `main` to say. */
export type Outcome = ExitCode | Failure

export const isFailure = (value: unknown): value is Failure => typeof value === "object" && value !== null && (value as { kind?: unknown }).kind === "failure"

export const usageFailure = (message: string, hint?: string): Failure => ({ kind: "failure", exit: exitCode.usage, tag: "UsageError", message, hint })

export const outputFailure = (message: string, where: string, hint?: string): Failure => ({ kind: "failure", exit: exitCode.runtime, tag: "OutputError", message, where, hint })

/** A data error names its file, what was expected and what was found. */
export const dataFailure = (error: DataError): Failure => ({
  kind: "failure", exit: exitCode.runtime, tag: "DataError", message: `expected ${error.expected}, found ${error.found}`, where: error.file, hint: error.hint === "" ? undefined : error.hint,
})

/** Waits for what may throw a `DataError`; anything else that is thrown is a bug and goes on. */
export const orDataFailure = async <A>(promise: Promise<A>): Promise<A | Failure> => {
  try {
    return await promise
  } catch (error) {
    if (error instanceof DataError) return dataFailure(error)
    throw error
  }
}

const systemWords: Readonly<Record<string, string>> = {
  ENOENT: "a folder on the way does not exist", ENOTDIR: "a part of the path is not a folder", EACCES: "no permission", EPERM: "no permission", EROFS: "the disk is read-only",
  EEXIST: "something else is there", EISDIR: "a folder is there", ENOSPC: "the disk is full", ENAMETOOLONG: "the path is too long",
}

/** The words for what the system says about a path. */
export const systemReason = (error: unknown): string => {
  const code = (error as { readonly code?: string }).code
  return (code === undefined ? undefined : systemWords[code]) ?? (error instanceof Error ? error.message : String(error))
}

/** What the runtime's typed errors say, as a failure of the command. */
export const checkpointFailure = (error: CheckpointError): Failure => ({
  kind: "failure", exit: exitCode.runtime, tag: error._tag, message: error.message, where: error.where, hint: error.hint,
})
