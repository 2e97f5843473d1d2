/**
 * What compiling an example takes and gives: `compile FILE SAMPLES` prints one line of JSON for each entry. The first compile of a process also
 * pays for warming up. Bytes are those of the plan of one run, or of the step with most.
 */
import fs from "node:fs"
import path from "node:path"
import { entries, type Request } from "../src/driver/check.ts"
import { compile } from "../src/driver/compile.ts"
import { compileProgram } from "../src/driver/compile-program.ts"
import type { Plan } from "../src/plan/plan.ts"

const [file = "", samples = "5"] = process.argv.slice(2)
/** An example may import its neighbours. */
const folder = path.dirname(file)
const sources = Object.fromEntries(fs.readdirSync(folder).filter((name) => name.endsWith(".nda")).map((name) => [`${folder}/${name}`, fs.readFileSync(path.join(folder, name), "utf8")]))

interface Made {
  /** The plans of one run or of each step. */
  readonly plans: readonly Plan[] | undefined
  readonly problem: string | undefined
}

const problemOf = ({ diagnostics, needs }: { readonly diagnostics: readonly { readonly message: string }[]; readonly needs: readonly string[] }): string =>
  diagnostics[0]?.message ?? `needs ${needs.join(", ")}`

const asGraph = (request: Request): Made => {
  const made = compile(request)
  return made.value ? { plans: [made.value.plan], problem: undefined } : { plans: undefined, problem: problemOf(made) }
}
/** Data sets are not looked at: an evaluation that wants to know how many samples there are is told this. */
const assumedSamples = 1000

const asProgram = (request: Request): Made => {
  const made = compileProgram(request)
  const uncounted = made.uncounted ?? []
  if (!made.value && uncounted.length > 0 && request.counts === undefined) return asProgram({ ...request, counts: Object.fromEntries(uncounted.map(({ key }) => [key, assumedSamples])) })
  if (!made.value) return { plans: undefined, problem: problemOf(made) }
  const { steps, evaluations } = made.value.plan
  return { plans: [...steps.map((step) => step.plan), ...evaluations.flatMap(({ batch, final }) => [batch, final])], problem: undefined }
}

const timed = <A>(work: () => A): { readonly value: A; readonly ms: number } => {
  const start = performance.now()
  const value = work()
  return { value, ms: performance.now() - start }
}

for (const { name, role } of entries({ file, sources })) {
  // A free size of a graph's input gets a number; a graph that applies models is a program.
  const attempts = [{}, { n: "16" }].flatMap((set) => (role === "graph" ? [asGraph, asProgram] : [asProgram]).map((make) => () => make({ file, sources, entry: name, set })))
  let first: { readonly value: Made; readonly ms: number } | undefined
  let work: (() => Made) | undefined
  let problem: string | undefined
  for (work of attempts) {
    first = timed(work)
    if (first.value.plans) break
    // With a size that it has not an entry says only that: what it lacks it said before.
    problem = work === attempts[0] || role === "graph" ? first.value.problem : problem
  }
  if (!first?.value.plans) {
    process.stdout.write(`${JSON.stringify({ file, entry: name, error: problem })}\n`)
    continue
  }
  const { plans } = first.value
  const ms = Array.from({ length: first.ms > 3000 ? 1 : Number(samples) }, () => timed(work!).ms)
  const most = [...plans].sort((a, b) => b.peakBytes - a.peakBytes)[0]!
  process.stdout.write(`${JSON.stringify({
    file, entry: name, firstMs: first.ms, ms, kernels: new Set(plans.flatMap((plan) => plan.kernels.map((kernel) => kernel.wgsl))).size,
    dispatches: plans.map((plan) => plan.commands.filter((command) => command.op === "dispatch").length), peakBytes: most.peakBytes, liveBytes: most.liveBytes,
  })}\n`)
}
