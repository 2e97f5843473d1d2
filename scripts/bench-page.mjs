// Keeps the tables of `npm run bench -- --write` in docs/performance.md, each with its adapter, commit and date.
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { root } from "./bundle.mjs"
import { summaryHead, table } from "./bench-tables.mjs"

const git = (...args) => spawnSync("git", args, { cwd: root, encoding: "utf8" }).stdout.trim()
const marks = (name) => [`<!-- ${name}: written by npm run bench -- ${name} --write -->`, `<!-- end of ${name} -->`]

const replaced = (text, name, body) => {
  const [open, close] = marks(name)
  const [from, to] = [text.indexOf(open), text.indexOf(close)]
  if (from < 0 || to < from) throw new Error(`docs/performance.md has no place for ${name}`)
  return `${text.slice(0, from)}${open}\n\n${body}\n\n${text.slice(to)}`
}

/** Rows of workloads that were not run now stay as they were. */
const summed = (text, order, rows, measuredAt) => {
  const [open, close] = marks("summary")
  const before = text.slice(text.indexOf(open), text.indexOf(close)).split("\n").filter((line) => line.startsWith("| ")).slice(1).map((line) => line.slice(2, -2).split(" | "))
  const all = new Map([...before, ...rows.map((row) => [...row, measuredAt])].map((row) => [row[0], row]))
  return table([...summaryHead, "measured"], order.filter((name) => all.has(name)).map((name) => all.get(name)))
}

/** `sections`: { name, title, text, adapter, summary }. */
export const writePage = (sections, order) => {
  const page = path.join(root, "docs", "performance.md")
  const changed = git("status", "--porcelain", "--", "src", "stdlib", "bench") === "" ? "" : " with changes"
  const commit = `${git("rev-parse", "--short=10", "HEAD")}${changed}`
  const date = new Date().toISOString().slice(0, 10)
  let text = fs.readFileSync(page, "utf8")
  for (const { name, title, text: body, adapter } of sections) text = replaced(text, name, `${title}. ${adapter ? `Adapter: ${adapter}. ` : ""}Commit ${commit}, ${date}, Node ${process.versions.node}.\n\n${body}`)
  const rows = sections.filter((section) => section.summary).map((section) => section.summary)
  if (rows.length > 0) text = replaced(text, "summary", summed(text, order, rows, `${commit}, ${date}`))
  fs.writeFileSync(page, text)
  return path.relative(root, page)
}
