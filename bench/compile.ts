/** Compile times of the examples: `compile FILE SAMPLES` prints one line of JSON for each entry. The first compile of a process also pays for warming up. */
import fs from "node:fs"
import { check, entries, type Request } from "../src/driver/check.ts"
import { compile } from "../src/driver/compile.ts"

const [file = "", samples = "5"] = process.argv.slice(2)
const sources = { [file]: fs.readFileSync(file, "utf8") }

/** A free size of a graph's input gets a number. */
const withSizes: Request["set"][] = [{}, { n: "16" }]

for (const { name, role } of entries({ file, sources })) {
  const timed = <A>(work: () => A): { value: A; ms: number } => {
    const start = performance.now()
    const value = work()
    return { value, ms: performance.now() - start }
  }
  if (role !== "graph") {
    const runs = Array.from({ length: 1 + Number(samples) }, () => timed(() => check({ file, sources })).ms)
    process.stdout.write(`${JSON.stringify({ file, entry: name, what: "check", firstMs: runs[0], ms: runs.slice(1) })}\n`)
    continue
  }
  let request: Request = { file, sources, entry: name }
  let first = timed(() => compile(request))
  for (const set of withSizes) {
    if (first.value.value) break
    request = { file, sources, entry: name, set: set! }
    first = timed(() => compile(request))
  }
  const plan = first.value.value?.plan
  if (!plan) {
    process.stdout.write(`${JSON.stringify({ file, entry: name, error: first.value.diagnostics[0]?.message ?? `needs ${first.value.needs.join(", ")}` })}\n`)
    continue
  }
  const ms = Array.from({ length: Number(samples) }, () => timed(() => compile(request)).ms)
  process.stdout.write(`${JSON.stringify({ file, entry: name, what: "compile", firstMs: first.ms, ms, kernels: plan.kernels.length, dispatches: plan.commands.filter((c) => c.op === "dispatch").length })}\n`)
}
