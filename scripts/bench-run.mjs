// Runs the rows of `npm run bench`, each in a process of its own.
import { spawnSync } from "node:child_process"
import path from "node:path"
import { root } from "./bundle.mjs"
import { peers } from "./bench-peers.mjs"

const lastLines = (made) => `${made.stderr ?? ""}${made.error ?? ""}`.trim().split("\n").slice(-3).join(" ").slice(-300)

/** The lines of JSON that a process prints. All wait without burning a core, which the kernels of a software adapter need. */
export const child = (program, args, { cwd = root, environment = {} } = {}) => {
  const made = spawnSync(program, args, { cwd, encoding: "utf8", env: { ...process.env, ...environment, DAWN_POLL: "sleepy" }, maxBuffer: 1 << 26, timeout: 900_000 })
  const lines = (made.stdout ?? "").split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line))
  const invalid = /^validation:|^ERR /m.test(made.stdout ?? "") ? `Dawn refuses: ${made.stdout.slice(0, 200)}` : undefined
  return lines.length > 0 ? lines.map((line) => (invalid ? { error: invalid, ...line } : line)) : [{ error: lastLines(made) || "it printed nothing" }]
}

const rowOf = (id, workload, { own, installed, samples, profile, environment }) => {
  if (id === "nda") return child(process.execPath, [own, workload, String(samples), ...(installed ? ["--data", installed.data] : []), ...(profile ? ["--profile", profile] : [])], { environment })[0]
  const at = { cwd: installed.folder, environment: { ...installed.environment, ...environment } }
  if (id.startsWith("torch:")) return child(installed.torch.python, ["torch_bench.py", id.slice(6), workload, String(samples), installed.torch.device], at)[0]
  return child(process.execPath, [...(peers[id].node ?? []), path.join("peers", "run.mjs"), id, workload, String(samples)], at)[0]
}

const rowsFor = (workload, installed) => ["nda", ...(installed?.names ?? []).filter((id) => peers[id].does.includes(workload))]
export const nameOf = (id) => (id === "nda" ? "nda" : peers[id].name)

const said = ({ error, ms, firstMs, check }) =>
  error ? `failed: ${error}` : `${ms.length > 0 ? Math.min(...ms).toFixed(2) : firstMs.toFixed(0)} ms${check === undefined ? "" : `, mean ${check.toFixed(6)}`}`

/** The results of every row of every workload, one for each round. Every other round goes backwards, so that nobody always runs after the same neighbour. */
export const runRows = (workloads, options) => {
  const results = new Map(workloads.map((workload) => [workload, new Map(rowsFor(workload, options.installed).map((id) => [id, []]))]))
  for (let round = 0; round < options.rounds; round++) {
    for (const [workload, rows] of results) {
      const ids = [...rows.keys()]
      for (const id of round % 2 === 0 ? ids : ids.reverse()) {
        const row = rowOf(id, workload, options)
        rows.get(id).push(row)
        options.say(`${workload}, round ${round + 1} of ${options.rounds}: ${nameOf(id)}: ${said(row)}`)
      }
    }
  }
  return results
}

const slow = 20_000

/** Milliseconds of whole processes, interleaved; what takes very long runs once. `starts` are [name, program, arguments, where]. */
export const timeProcesses = (starts, rounds) => {
  const times = starts.map(() => [])
  const errors = starts.map(() => undefined)
  for (let round = 0; round < rounds; round++) {
    starts.forEach(([, program, args, { cwd = root, environment = {} } = {}], i) => {
      if (errors[i] || times[i][0] > slow) return
      const start = performance.now()
      const made = spawnSync(program, args, { cwd, encoding: "utf8", env: { ...process.env, ...environment, DAWN_POLL: "sleepy" }, timeout: 300_000 })
      if (made.status === 0) times[i].push(performance.now() - start)
      else errors[i] = lastLines(made) || `exit code ${made.status}`
    })
  }
  return starts.map(([name], i) => ({ name, ms: times[i], error: errors[i] }))
}
