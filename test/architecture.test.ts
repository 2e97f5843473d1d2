/** The house as a test: who may import whom (HOUSE section 4), and how long a file may be. */
import { build } from "esbuild"
import { readdirSync, readFileSync, statSync } from "node:fs"
import { join, relative } from "node:path"
import { expect, test } from "vitest"

/** Each row may import from rows above it and from itself; folders in one row only from those listed for them. */
const rows: readonly (readonly string[])[] = [
  ["base"],
  ["diagnostics", "scalar", "types"],
  ["syntax", "prim"],
  ["ir"],
  ["check"],
  ["elaborate", "transform", "backend/reference"],
  ["kernel", "schedule", "backend/wgsl"],
  ["plan"],
  ["driver"],
  ["runtime"],
  ["cli"],
]
const rowOf = (folder: string): number => rows.findIndex((row) => row.includes(folder))
const folderOf = (file: string): string => {
  const parts = relative("src", file).split("/")
  return parts[0] === "backend" ? `backend/${parts[1]}` : parts.length === 1 ? "" : parts[0]!
}

/** Third parties and where they may be used. */
const fences: Readonly<Record<string, readonly string[]>> = {
  chevrotain: ["src/syntax/"],
  effect: ["src/runtime/", "src/cli/", "src/runtime.ts"],
  webgpu: ["src/runtime/gpu.ts"],
  sharp: ["src/runtime/"],
  "node:": ["src/runtime/", "src/cli/", "src/runtime.ts"],
}

const files = (dir: string): string[] => readdirSync(dir).flatMap((name) => {
  const path = join(dir, name)
  return statSync(path).isDirectory() ? files(path) : path.endsWith(".ts") ? [path] : []
})
const sources = files("src")

const imports = async (): Promise<{ from: string; to: string; external: boolean }[]> => {
  const { metafile } = await build({ entryPoints: sources, bundle: true, packages: "external", platform: "node", format: "esm", outdir: "unused", write: false, metafile: true, logLevel: "silent" })
  return Object.entries(metafile.inputs).flatMap(([from, { imports }]) => imports.map((i) => ({ from, to: i.external ? i.path : i.path, external: i.external ?? false })))
}

/** esbuild drops type imports; those must respect the rows as well. */
const typeImports = (): { from: string; to: string }[] => sources.flatMap((from) =>
  [...readFileSync(from, "utf8").matchAll(/from "(\.[^"]+)"/g)].map((m) => ({ from, to: relative(".", join(from, "..", m[1]!)) })))

test("every import goes to a row above or stays in its own", () => {
  const offences = typeImports().filter(({ from, to }) => {
    const a = folderOf(from)
    const b = folderOf(to)
    if (a === "" || b === "" || a === b) return false
    if (rowOf(a) < 0 || rowOf(b) < 0) return true
    if (a === "runtime") return !["base", "plan"].includes(b)
    return rowOf(b) > rowOf(a)
  })
  expect(offences).toEqual([])
})

test("third-party packages stay behind their fences", async () => {
  const offences = (await imports()).filter(({ from, to, external }) => {
    if (!external || !from.startsWith("src/")) return false
    const fence = Object.entries(fences).find(([name]) => to === name || to.startsWith(name.endsWith(":") || name.endsWith("/") ? name : `${name}/`))
    return fence === undefined || !fence[1].some((place) => from.startsWith(place))
  })
  expect(offences).toEqual([])
})

test("no file outgrows its idea, and none is called a drawer", () => {
  const long = sources.filter((f) => !f.endsWith("stdlib-text.ts")).map((f) => ({ file: f, lines: readFileSync(f, "utf8").split("\n").length })).filter((f) => f.lines > 400)
  expect(long).toEqual([])
  expect(sources.filter((f) => /(utils?|common|helpers?|misc)\.ts$/.test(f))).toEqual([])
})

test("every file begins by saying what it is", () => {
  expect(sources.filter((f) => !/^(#!.*\n)?(\/\*\*|\/\/)/.test(readFileSync(f, "utf8")))).toEqual([])
})
