// What `npm run bench` prints: medians, ratios, counts, and whether the values agree.
import { nameOf } from "./bench-run.mjs"
import { peers } from "./bench-peers.mjs"

export const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1]
export const number = (value, digits = value < 10 ? 2 : value < 1000 ? 1 : 0) => (value === undefined || Number.isNaN(value) ? "" : value.toFixed(digits))
export const megabytes = (bytes) => (bytes === undefined ? "" : number(bytes / 1e6, 1))
export const table = (head, rows) => [`| ${head.join(" | ")} |`, `|${head.map((_, i) => (i < 1 ? "---" : "--:")).join("|")}|`, ...rows.map((row) => `| ${row.join(" | ")} |`)].join("\n")
export const inOneCell = (text) => String(text ?? "").replaceAll("\n", " ").replaceAll("|", "/").slice(0, 120)
export const spread = (ms, digits) => `${number(Math.min(...ms), digits)}..${number(Math.max(...ms), digits)} (${ms.length})`

/** One row's rounds as one. */
const joined = (id, rounds) => {
  const error = rounds.find((round) => round.error)?.error
  const ms = rounds.flatMap((round) => round.ms ?? [])
  const firsts = rounds.map((round) => round.firstMs).filter((first) => first !== undefined)
  return { id, error, ms, median: ms.length > 0 && !error ? median(ms) : undefined, first: firsts.length > 0 ? median(firsts) : undefined, counters: rounds[0].counters, check: rounds[0].check, facts: rounds[0] }
}

const fastest = (rows) => rows.filter((row) => row.median !== undefined).sort((a, b) => a.median - b.median)[0]

/** Values that the same arithmetic gives agree to rounding; where everybody draws, the means of many draws agree a little. */
const disagreements = (workload, rows) => {
  const [own, ...others] = rows
  if (own.check === undefined) return []
  const within = workload.exact ? 1e-4 : 0.08
  const off = others.filter((row) => row.check !== undefined && Math.abs(row.check - own.check) > within * Math.max(Math.abs(row.check), Math.abs(own.check)))
  const about = workload.about !== undefined && Math.abs(own.check - workload.about) > 0.05 * workload.about ? [`${own.check} where about ${workload.about} is expected`] : []
  return [...off.map((row) => `${own.check} here, ${row.check} from ${nameOf(row.id)}`), ...about]
}

/** Everything that there is to say about a workload; `wrong`: reasons why the run failed. */
export const report = (name, workload, results) => {
  const rows = [...results].map(([id, rounds]) => joined(id, rounds))
  const own = rows[0]
  const library = fastest(rows.filter((row) => peers[row.id]?.library))
  const hand = fastest(rows.filter((row) => row.id === "hand:hoist")) ?? fastest(rows.filter((row) => row.id === "hand"))
  const ratio = (a, b) => (a?.median !== undefined && b?.median !== undefined ? a.median / b.median : undefined)
  const body = rows.map((row) => (row.median === undefined
    ? [nameOf(row.id), "failed", inOneCell(row.error), "", "", "", "", "", "", ""]
    : [nameOf(row.id), number(row.median), spread(row.ms), number(ratio(row, own), 2), number(ratio(row, hand), 2), number(row.first, 0),
      row.counters?.dispatch ?? "", row.counters?.submit ?? "", megabytes(row.counters?.peak), number(row.check, 4)]))
  const { target } = workload
  const facts = own.facts
  const wrong = [...(own.error ? [own.error] : []), ...disagreements(workload, rows)]
  const lines = own.error ? [] : [
    `nda (${facts.profile} profile): compiled in ${number(facts.compileMs, 0)} ms to ${facts.kernels} kernels; ${own.counters.dispatch} dispatches, ${own.counters.pass} passes, ${own.counters.copy} copies and ${own.counters.submit} submits a run; the plan's buffers are ${megabytes(facts.peakBytes)} MB where ${megabytes(facts.liveBytes)} MB live at once.`,
    ...wrong.map((what) => `The values disagree: ${what}.`),
  ]
  const summary = [name, number(own.median), number(library?.median), number(ratio(library, own), 2), target.peer ?? "", number(hand?.median), number(ratio(own, hand), 2), target.hand ?? "",
    own.counters?.dispatch ?? "", target.dispatches ?? "", own.counters?.pass ?? "", own.counters?.submit ?? "", facts.kernels ?? "", megabytes(facts.peakBytes), megabytes(facts.liveBytes)]
  const head = ["", "median ms", "min..max (samples)", "/ nda", "/ hand", "first call ms", "dispatches", "submits", "peak MB", "mean"]
  return { title: `${workload.what[0].toUpperCase()}${workload.what.slice(1)}`, text: [table(head, body), ...lines].join("\n\n"), summary, adapter: facts.adapter, wrong }
}

export const summaryHead = ["workload", "nda ms", "best library ms", "library / nda", "target", "hand ms", "nda / hand", "target", "dispatches", "target", "passes", "submits", "kernels", "peak MB", "bound MB"]
