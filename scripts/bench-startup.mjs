// The parts of `npm run bench` that are about beginning: cold starts, the first step with no shader kept, and compiling the examples.
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { root } from "./bundle.mjs"
import { peers } from "./bench-peers.mjs"
import { child, nameOf, runRows, timeProcesses } from "./bench-run.mjs"
import { inOneCell, median, megabytes, number, spread, table } from "./bench-tables.mjs"

/** Whole processes, from their start to the first result of a trivial program. */
export const coldStarts = ({ installed, samples }) => {
  const node = process.execPath
  const others = (installed?.names ?? []).filter((id) => peers[id].cold).map((id) => [nameOf(id), node, [path.join("peers", `cold_${peers[id].cold}.mjs`)], { cwd: installed.folder, environment: installed.environment }])
  const timed = timeProcesses([["nda", node, [path.join("bench", "cold.mjs")]], ...others], samples)
  const [own] = timed
  const rows = timed.map(({ name, ms, error }) => (error || ms.length === 0 ? [name, "failed", inOneCell(error), ""] : [name, number(median(ms), 0), spread(ms, 0), own.ms.length > 0 ? number(median(ms) / median(own.ms), 2) : ""]))
  return { title: "From the start of a process to the first result of `x + 1`, ms", text: table(["", "median ms", "min..max (samples)", "/ nda"], rows), wrong: own.error ? [own.error] : [] }
}

/** The first DCGAN step with Mesa's shader cache off: what compiling all its shaders costs. */
export const coldStep = (options) => {
  const installed = options.installed && { ...options.installed, names: options.installed.names.filter((id) => peers[id].library) }
  const results = runRows(["gan_step"], { ...options, installed, samples: 0, rounds: 1, environment: { MESA_SHADER_CACHE_DISABLE: "true" } }).get("gan_step")
  const rows = [...results].map(([id, [row]]) => (row.error ? [nameOf(id), "failed", inOneCell(row.error), ""] : [nameOf(id), number(row.compileMs, 0), number(row.firstMs, 0), row.kernels ?? row.counters?.pipeline ?? ""]))
  const [own] = results.get("nda")
  return {
    title: "The first DCGAN step with Mesa's shader cache off, ms (target: under 6 s)", text: table(["", "compile, of the text", "first step", "distinct shaders"], rows),
    adapter: own.adapter, wrong: own.error ? [own.error] : [],
  }
}

/** Milliseconds of processor time in user mode that a run of nda takes, all its threads together: other work on the machine changes it little. */
const userTimes = (args, samples) => {
  const say = `process.on("exit", () => process.stdout.write("\\n" + JSON.stringify(process.cpuUsage().user / 1000)))`
  const runs = Array.from({ length: samples }, () => spawnSync(process.execPath, ["--import", `data:text/javascript,${encodeURIComponent(say)}`, path.join("dist", "cli.js"), ...args], { cwd: root, encoding: "utf8" }))
  return runs.filter((run) => run.status === 0).map((run) => Number(run.stdout.split("\n").at(-1)))
}

/** From the text of each example to its plan, in a warm process, and `nda check` of it as a process. */
export const compileTimes = ({ samples, say, compile }) => {
  const files = fs.readdirSync(path.join(root, "examples")).filter((name) => name.endsWith(".nda")).map((name) => `examples/${name}`)
  const wrong = []
  const rows = files.flatMap((file) => {
    say(`compile: ${file}`)
    const [checked] = timeProcesses([[file, process.execPath, [path.join("dist", "cli.js"), "check", file]]], samples)
    const check = checked.ms.length > 0 ? number(median(checked.ms), 0) : "failed"
    const user = checked.ms.length > 0 ? number(median(userTimes(["check", file], samples)), 0) : "failed"
    return child(process.execPath, [compile, file, String(samples)]).map((r) => {
      if (r.error) wrong.push(`${file}: ${r.error}`)
      return r.error ? [file, r.entry ?? "", check, user, "failed", inOneCell(r.error), "", "", "", "", ""]
        : [file, r.entry, check, user, number(r.firstMs, 0), spread(r.ms, 0), r.dispatches.join(" + "), r.kernels, megabytes(r.peakBytes), megabytes(r.liveBytes), number(r.peakBytes / r.liveBytes, 2)]
    })
  })
  const head = ["file", "entry", "`nda check`", "user CPU", "first compile", "min..max (samples)", "dispatches", "kernels", "peak MB", "bound MB", "peak / bound"]
  return { title: "Compiling the examples, ms", text: table(head, rows), wrong }
}
