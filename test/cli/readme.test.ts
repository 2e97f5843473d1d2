import { spawnSync } from "node:child_process"
import { build } from "esbuild"
import fs from "node:fs"
import path from "node:path"
import { beforeAll, expect, test } from "vitest"
import { compilerBundle, root, runtimeBundle } from "../../scripts/bundle.mjs"
import { commands } from "../../src/cli/commands.ts"
import { isFailure } from "../../src/cli/failure.ts"
import { parseArguments } from "../../src/cli/parse-arguments.ts"
import { bundled, nda, workFolder } from "./command.ts"

const pages = ["README.md", "docs/commands.md"]
const text = (page: string) => fs.readFileSync(path.join(root, page), "utf8")
/** The fenced blocks whose first line is ```language. */
const blocks = (page: string, language: string) => [...text(page).matchAll(/^```([^\n]+)\n([^]*?)^```$/gm)].filter(([, kind]) => kind === language).map(([, , body]) => body!)

let cli = ""
beforeAll(async () => {
  cli = await bundled("readme")
})

test("every command line on a page is one that nda understands", () => {
  const lines = pages.flatMap((page) => blocks(page, "sh")).flatMap((body) => body.split("\n")).filter((line) => line.startsWith("npx nda "))
  expect(lines.length).toBeGreaterThan(6)
  for (const line of lines) {
    const [name, ...words] = line.split(" ").slice(2)
    const command = commands.find((each) => each.name === name)
    expect(command, line).toBeDefined()
    expect(isFailure(parseArguments(command!, words)), line).toBe(false)
  }
})

test("every link of a page leads to a file", () => {
  for (const page of pages) {
    for (const [, target] of text(page).matchAll(/\]\(([^)#:]+)\)/g)) expect(fs.existsSync(path.join(root, path.dirname(page), target!)), `${page}: ${target}`).toBe(true)
  }
})

test("the read-me's program runs, and the one that is said to fail does", () => {
  const [look] = blocks("README.md", "nda run")
  const [wrong] = blocks("README.md", "nda fails")
  const folder = workFolder({ "look.nda": look!, "wrong.nda": wrong! })
  const ended = nda(cli, folder, "run", "look.nda", "--seed", "7")
  expect(ended.code, ended.err).toBe(0)
  expect(fs.readdirSync(path.join(folder, "runs", "look-look"))).toEqual(expect.arrayContaining(["interlaced.png", "look.png", "plan.json", "report.html"]))
  const refused = nda(cli, folder, "check", "wrong.nda")
  expect(refused.code).toBe(1)
  expect(refused.err.split("\n")[0]).toBe(blocks("README.md", "text")[0]!.trim())
})

test("the read-me's library programs run as they stand", async () => {
  // A package of the same shape as nda's own, made of the present sources.
  const home = path.join(root, ".cache", "read-me")
  fs.rmSync(home, { recursive: true, force: true })
  await Promise.all([build(compilerBundle(path.join(home, "dist", "index.js"))), build(runtimeBundle(path.join(home, "dist", "runtime.js")))])
  fs.copyFileSync(path.join(root, "package.json"), path.join(home, "package.json"))
  const programs = blocks("README.md", "js run")
  expect(programs).toHaveLength(2)
  const outputs = programs.map((program, i) => {
    const file = path.join(home, `program-${i}.mjs`)
    fs.writeFileSync(file, program)
    const ended = spawnSync(process.execPath, [file], { encoding: "utf8", timeout: 60_000 })
    expect(ended.status, ended.stderr).toBe(0)
    return ended.stdout
  })
  expect(outputs[0]).toMatch(/ 49152\n$/)
  expect(outputs[1]).toMatch(/2, 4, 6, 8/)
})
