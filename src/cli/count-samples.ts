/** Counts the samples of data sets that a program's sizes, or the last batches of its evals, depend on. */
import path from "node:path"
import type { CompileResult } from "../driver/compile.ts"
import { describe } from "../runtime/data/open-source.ts"
import { isFailure, orDataFailure, type Failure } from "./failure.ts"

type Asked = NonNullable<CompileResult<unknown>["uncounted"]>

export interface CountingPlace {
  readonly dataDir: string
  readonly file: string
  readonly skipBad: boolean
}

export const countSamples = async (asked: Asked, place: CountingPlace): Promise<Readonly<Record<string, number>> | Failure> => {
  const counts: Record<string, number> = {}
  for (const { key, source } of asked) {
    const context = { dataDir: place.dataDir, fileDir: path.dirname(place.file), seed: 0, skipBad: place.skipBad }
    const found = await orDataFailure(describe(source.loader, source.options, context, source.split, source.fields.length === 0 ? undefined : source.fields))
    if (isFailure(found)) return { ...found, message: `${source.name}: ${found.message}` }
    counts[key] = found.count
  }
  return counts
}
