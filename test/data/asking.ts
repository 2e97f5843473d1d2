/** Asking for a source in a test: a request and a context with everything that the test does not care about. */
import { dataDir } from "./places.ts"
import { openSource } from "../../src/runtime/data/open-source.ts"
import { DataError } from "../../src/runtime/data/data-error.ts"
import type { OpenSource, SourceContext, SourceRequest } from "../../src/runtime/data/source.ts"

export const context = (change: Partial<SourceContext> = {}): SourceContext => ({ dataDir, fileDir: dataDir, seed: 7, skipBad: false, ...change })

export const ask = (
  loader: string, options: SourceRequest["options"], fields: Record<string, readonly [string, ...number[]]>, change: Partial<SourceRequest> = {}, where: Partial<SourceContext> = {},
): Promise<OpenSource> =>
  openSource({
    name: "b", loader, split: "train", batch: 8, options, ...change,
    fields: Object.entries(fields).map(([name, [dtype, ...shape]]) => ({ name, dtype, shape })),
  }, context(where))

export const failure = async (promise: Promise<unknown>): Promise<DataError> => {
  try {
    await promise
  } catch (error) {
    if (error instanceof DataError) return error
    throw error
  }
  throw new Error("it went well, where a DataError was expected")
}
