/** What is wrong with data: one error that names the file, what was expected and what was found, and what to do. */
export type DataReason = "missing" | "corrupt" | "shape" | "limit" | "option"

export interface DataFault {
  readonly reason: DataReason
  /** The file, folder, address or loader that is at fault. */
  readonly file: string
  readonly expected: string
  readonly found: string
  readonly hint?: string
}

export class DataError extends Error {
  readonly reason: DataReason
  readonly file: string
  readonly expected: string
  readonly found: string
  readonly hint: string

  constructor(fault: DataFault) {
    super(`${fault.file}: expected ${fault.expected}, found ${fault.found}${fault.hint === undefined ? "" : `; ${fault.hint}`}`)
    this.name = "DataError"
    this.reason = fault.reason
    this.file = fault.file
    this.expected = fault.expected
    this.found = fault.found
    this.hint = fault.hint ?? ""
  }
}

/** The words of whatever was thrown, on one line. */
export const reasonText = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split("\n").map((line) => line.trim()).filter((line) => line !== "").join("; ")
