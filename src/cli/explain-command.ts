/** `nda explain`: a page of the manual. */
import { explain, topics } from "../driver/explain.ts"
import { suggest } from "../base/suggest.ts"
import type { Console } from "./console.ts"
import { exitCode } from "./exit-code.ts"
import { usageFailure, type Outcome } from "./failure.ts"
import { shown, type Arguments } from "./parse-arguments.ts"

export const explainCommand = async (args: Arguments, console: Console): Promise<Outcome> => {
  const topic = args.operands[0]!
  const page = explain(topic)
  if (page === undefined) {
    const near = suggest(topic, topics())
    return usageFailure(`there is no diagnostic, primitive or stage ${shown(topic)}`, near === undefined ? "topics are codes (NDA0301), primitives (contract) and stages (fused)" : `did you mean ${near}?`)
  }
  console.out(page)
  return exitCode.ok
}
