// `npm run bench [-- WORKLOAD... --rounds N --samples N --write]`: measures nda beside its peers, in one run, on one adapter.
// `-- --list` names the workloads. `--write` keeps the tables in docs/performance.md.
import path from "node:path"
import { groups, workloads } from "../bench/workloads.mjs"
import { installPeers, peers } from "./bench-peers.mjs"
import { runRows } from "./bench-run.mjs"
import { coldStarts, coldStep, compileTimes } from "./bench-startup.mjs"
import { report, summaryHead, table } from "./bench-tables.mjs"
import { root } from "./bundle.mjs"
import { ensureDriver } from "./driver.mjs"
import { installPackages } from "./packages.mjs"
import { writeStdlib } from "./stdlib.mjs"

const others = {
  cold: "from the start of a process to the first result of a trivial program",
  cold_step: "the first DCGAN step where no compiled shader is kept",
  compile: "what compiling each example takes, and its peak bytes against the bound",
}
const every = { ...Object.fromEntries(Object.entries(workloads).map(([name, { what }]) => [name, what])), ...others }
const usage = "usage: npm run bench [-- WORKLOAD... [--rounds N] [--samples N] [--peers A,B|none] [--profile cpu|gpu] [--write] | --list]\n"

const unknown = (what, given, known) => `there is no ${what} ${given}; there are ${known.join(", ")}`

const readArguments = (given) => {
  const options = { names: [], rounds: 2, samples: 5, write: false, list: false, peers: undefined, profile: undefined }
  for (let i = 0; i < given.length; i++) {
    const argument = given[i]
    if (argument === "--list" || argument === "--write") options[argument.slice(2)] = true
    else if (argument === "--rounds" || argument === "--samples") {
      const n = Number(given[++i])
      if (!Number.isInteger(n) || n < 1) return `${argument} wants a whole number of at least 1`
      options[argument.slice(2)] = n
    } else if (argument === "--peers") {
      options.peers = given[++i] === "none" ? [] : (given[i] ?? "").split(",")
      const stranger = options.peers.find((id) => !(id in peers))
      if (stranger !== undefined) return unknown("peer", stranger, Object.keys(peers))
    } else if (argument === "--profile") {
      options.profile = given[++i]
      if (options.profile !== "cpu" && options.profile !== "gpu") return "--profile wants cpu or gpu"
    } else if (argument.startsWith("-")) return `there is no option ${argument}`
    else if (argument in groups) options.names.push(...groups[argument])
    else if (argument in every) options.names.push(argument)
    else return unknown("workload", argument, [...Object.keys(every), ...Object.keys(groups)])
  }
  return { ...options, names: options.names.length > 0 ? [...new Set(options.names)] : Object.keys(every) }
}

const options = readArguments(process.argv.slice(2))
if (typeof options === "string") {
  process.stderr.write(`bench: ${options}\n${usage}`)
  process.exit(2)
}
if (options.list) {
  for (const [name, what] of Object.entries(every)) process.stdout.write(`${name}  ${what}\n`)
  for (const [name, members] of Object.entries(groups)) process.stdout.write(`${name}  ${members.join(" ")}\n`)
  process.exit(0)
}

const say = (line) => process.stderr.write(`bench: ${line}\n`)
const asksFor = (...names) => names.some((name) => options.names.includes(name))
try {
  installPackages(root, say)
  if ((await ensureDriver(say)) === undefined) throw new Error("no Vulkan adapter, and none could be installed")
  await writeStdlib()
  if (asksFor("cold", "compile")) await (await import("./build.mjs")).build({ fast: true })
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exit(1)
}
const { build } = await import("esbuild")

const bundleOf = async (name) => {
  const outfile = path.join(root, "node_modules", ".cache", "nda", `bench-${name}.mjs`)
  await build({ absWorkingDir: root, entryPoints: [path.join("bench", `${name}.ts`)], outfile, bundle: true, platform: "node", format: "esm", target: "node20", packages: "external", logLevel: "error" })
  return outfile
}

const measured = options.names.filter((name) => name in workloads)
const installed = measured.length > 0 || asksFor("cold", "cold_step") ? installPeers(say, options.peers) : undefined
const rowOptions = { ...options, installed, say, own: measured.length > 0 || asksFor("cold_step") ? await bundleOf("measure") : undefined }

const sections = []
const present = (section) => {
  sections.push(section)
  process.stdout.write(`${section.name}: ${section.title}${section.adapter ? `, on ${section.adapter}` : ""}\n\n${section.text}\n\n`)
}
const results = runRows(measured, rowOptions)
for (const name of measured) present({ name, ...report(name, workloads[name], results.get(name)) })
if (asksFor("cold")) present({ name: "cold", ...coldStarts(rowOptions) })
if (asksFor("cold_step")) present({ name: "cold_step", ...coldStep(rowOptions) })
if (asksFor("compile")) present({ name: "compile", ...compileTimes({ ...options, say, compile: await bundleOf("compile") }) })

const rows = sections.filter((section) => section.summary).map((section) => section.summary)
if (rows.length > 0) process.stdout.write(`${table(summaryHead, rows)}\n`)
const wrong = sections.flatMap(({ name, wrong: reasons }) => reasons.map((reason) => `${name}: ${reason}`))
for (const reason of wrong) say(reason)
if (wrong.length > 0) process.exitCode = 1
else if (options.write) say(`wrote ${(await import("./bench-page.mjs")).writePage(sections, Object.keys(workloads))}`)
