// `npm run bench [-- WORKLOAD... --rounds N --samples N --write]`: measures nda beside its peers, in one run, on one adapter.
// `-- --list` names the workloads. `--write` keeps the tables in docs/performance.md.
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { installPeers } from "./bench-peers.mjs"
import { root } from "./bundle.mjs"
import { ensureDriver } from "./driver.mjs"
import { installPackages } from "./packages.mjs"
import { writeStdlib } from "./stdlib.mjs"

const workloads = {
  augment: "a chain of five augmentations at 256 x 3 x 32 x 32 and 32 x 3 x 224 x 224, beside hand-written kernels, jax-js and TensorFlow.js",
  compile: "the time that compiling each example takes",
}
const usage = "usage: npm run bench [-- WORKLOAD... [--rounds N] [--samples N] [--write] | --list]\n"

const readArguments = (given) => {
  const options = { names: [], rounds: 2, samples: 5, write: false, list: false }
  for (let i = 0; i < given.length; i++) {
    const argument = given[i]
    if (argument === "--list" || argument === "--write") options[argument.slice(2)] = true
    else if (argument === "--rounds" || argument === "--samples") {
      const n = Number(given[++i])
      if (!Number.isInteger(n) || n < 1) return `${argument} wants a whole number of at least 1`
      options[argument.slice(2)] = n
    } else if (argument in workloads) options.names.push(argument)
    else return `there is no ${argument.startsWith("-") ? "option" : "workload"} ${argument}; the workloads are ${Object.keys(workloads).join(", ")}`
  }
  return { ...options, names: options.names.length > 0 ? options.names : Object.keys(workloads) }
}

const options = readArguments(process.argv.slice(2))
if (typeof options === "string") {
  process.stderr.write(`bench: ${options}\n${usage}`)
  process.exit(2)
}
if (options.list) {
  for (const [name, what] of Object.entries(workloads)) process.stdout.write(`${name}  ${what}\n`)
  process.exit(0)
}

const say = (line) => process.stderr.write(`bench: ${line}\n`)
try {
  installPackages(root, say)
  if ((await ensureDriver(say)) === undefined) throw new Error("no Vulkan adapter, and none could be installed")
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exit(1)
}
writeStdlib()
const { build } = await import("esbuild")

const bundleOf = async (name) => {
  const outfile = path.join(root, "node_modules", ".cache", "nda", `bench-${name}.mjs`)
  await build({ absWorkingDir: root, entryPoints: [path.join("bench", `${name}.ts`)], outfile, bundle: true, platform: "node", format: "esm", target: "node20", packages: "external", logLevel: "error" })
  return outfile
}

/** The lines of JSON that a child prints. */
const child = (args, cwd, environment = {}) => {
  const made = spawnSync(process.execPath, args, { cwd, encoding: "utf8", env: { ...process.env, ...environment, DAWN_POLL: "sleepy" }, maxBuffer: 1 << 26, timeout: 600_000 })
  const lines = (made.stdout ?? "").split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line))
  return lines.length > 0 ? lines : [{ error: `${made.stderr ?? ""}${made.error ?? ""}`.trim().split("\n").slice(-3).join(" ").slice(-300) || "it printed nothing" }]
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1]
const number = (value, digits = value < 10 ? 2 : value < 1000 ? 1 : 0) => (value === undefined || Number.isNaN(value) ? "" : value.toFixed(digits))
const table = (head, rows) => [`| ${head.join(" | ")} |`, `|${head.map((_, i) => (i < 1 ? "---" : "--:")).join("|")}|`, ...rows.map((row) => `| ${row.join(" | ")} |`)].join("\n")

const peers = ["hand", "hand:hoist", "jaxjs", "tfjs:webgpu"]
const peerNames = { nda: "nda", hand: "hand-written", "hand:hoist": "hand-written, draws hoisted", jaxjs: "jax-js", "tfjs:webgpu": "TensorFlow.js (webgpu)" }

const augment = async () => {
  const own = await bundleOf("augment")
  const installed = installPeers(say)
  const names = installed ? ["nda", ...peers] : ["nda"]
  const results = new Map()
  for (let round = 0; round < options.rounds; round++) {
    for (const workload of ["aug32", "aug224"]) {
      // Every other round goes backwards, so that nobody always runs after the same neighbour.
      for (const name of round % 2 === 0 ? names : [...names].reverse()) {
        say(`${workload}, round ${round + 1} of ${options.rounds}: ${peerNames[name]}`)
        const [result] = name === "nda"
          ? child([own, workload, String(options.samples), ...(installed ? [installed.data] : [])], root)
          : child([path.join("peers", "run.mjs"), name, workload, String(options.samples)], installed.folder, installed.environment)
        const key = `${workload} ${name}`
        results.set(key, [...(results.get(key) ?? []), result])
      }
    }
  }
  let adapter
  const tables = ["aug32", "aug224"].map((workload) => {
    const all = names.map((name) => {
      const rounds = results.get(`${workload} ${name}`)
      const error = rounds.find((r) => r.error)?.error
      const ms = rounds.flatMap((r) => r.ms ?? [])
      adapter ??= rounds.find((r) => r.adapter)?.adapter
      return { name, error, ms, median: ms.length > 0 && !error ? median(ms) : undefined, first: median(rounds.map((r) => r.firstMs)), counters: rounds[0].counters, check: rounds[0].check }
    })
    if (all[0].error) process.exitCode = 1
    const ofHand = all.find((r) => r.name === "hand")?.median
    const ofNda = all[0].median
    const rows = all.map((r) => r.median === undefined
      ? [peerNames[r.name], "failed", (r.error ?? "").replaceAll("\n", " ").replaceAll("|", "/").slice(0, 120), "", "", "", "", "", "", ""]
      : [peerNames[r.name], number(r.median), `${number(Math.min(...r.ms))}..${number(Math.max(...r.ms))} (${r.ms.length})`, number(r.median / ofNda, 2), ofHand ? number(r.median / ofHand, 2) : "",
        number(r.first, 0), r.counters?.dispatch ?? "", r.counters?.submit ?? "", r.counters ? number(r.counters.peak / 1e6, 1) : "", number(r.check, 4)])
    return `${workload === "aug32" ? "256 x 3 x 32 x 32, pad 4, hole 8" : "32 x 3 x 224 x 224, pad 28, hole 56"}\n\n${table(["", "median ms", "min..max (samples)", "/ nda", "/ hand", "first call ms", "dispatches", "submits", "peak MB", "mean"], rows)}`
  })
  return { title: `random_crop |> hflip |> color_jitter |> jigsaw |> erase, ms per batch`, text: tables.join("\n\n"), adapter }
}

const compileTimes = async () => {
  const own = await bundleOf("compile")
  const files = fs.readdirSync(path.join(root, "examples")).filter((name) => name.endsWith(".nda")).map((name) => `examples/${name}`)
  const rows = files.flatMap((file) => {
    say(`compile: ${file}`)
    return child([own, file, String(options.samples)], root).map((r) => (r.error ? ((process.exitCode = 1), [file, r.entry ?? "", "failed", r.error.replaceAll("\n", " ").replaceAll("|", "/").slice(0, 120), "", "", ""])
      : [file, r.entry, r.what, number(r.firstMs, 0), `${number(median(r.ms), 0)} (${number(Math.min(...r.ms), 0)}..${number(Math.max(...r.ms), 0)})`, r.kernels ?? "", r.dispatches ?? ""]))
  })
  return { title: "Compile times, ms", text: table(["file", "entry", "stage", "first", "median (min..max)", "kernels", "dispatches"], rows) }
}

const run = { augment, compile: compileTimes }
const sections = []
let adapter
for (const name of options.names) {
  const made = await run[name]()
  adapter ??= made.adapter
  sections.push({ name, ...made })
  process.stdout.write(`${made.title}${made.adapter ? `, on ${made.adapter}` : ""}\n\n${made.text}\n\n`)
}

if (options.write && process.exitCode === undefined) {
  const page = path.join(root, "docs", "performance.md")
  const git = (...args) => spawnSync("git", args, { cwd: root, encoding: "utf8" }).stdout.trim()
  const commit = `${git("rev-parse", "--short=10", "HEAD")}${git("status", "--porcelain", "--", "src", "stdlib", "bench") === "" ? "" : " with changes"}`
  const measuredAt = `${commit}, ${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}`
  let text = fs.readFileSync(page, "utf8")
  for (const { name, title, text: body, adapter: on } of sections) {
    const [open, close] = [`<!-- ${name}: written by npm run bench -- ${name} --write -->`, `<!-- end of ${name} -->`]
    const [from, to] = [text.indexOf(open), text.indexOf(close)]
    if (from < 0 || to < from) throw new Error(`docs/performance.md has no place for ${name}`)
    text = `${text.slice(0, from)}${open}\n\n${title}. ${on ? `Adapter: ${on}. ` : ""}Commit ${measuredAt}.\n\n${body}\n\n${text.slice(to)}`
  }
  fs.writeFileSync(page, text)
  say(`wrote ${path.relative(root, page)}`)
}
