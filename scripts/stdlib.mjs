// Writes src/driver/stdlib-text.ts: the texts of the standard library and their syntax trees as a module, so that neither the compiler nor its users read
// files for them, and no start parses them. `stdlib/X.nda` is the module `nda.X`, `stdlib/X/Y.nda` is `nda.X.Y`. It is written anew whenever a text or the
// parser differs from what it was made from; a text with syntax errors has no tree, and is parsed where it is used.
import { createHash } from "node:crypto"
import fs from "node:fs"
import path from "node:path"
import { pathToFileURL } from "node:url"
import { root } from "./bundle.mjs"

const textOf = (file) => fs.readFileSync(file, "utf8").replace(/\r\n/g, "\n")

/** The parser and the coder of trees, bundled from their sources. */
const parserCode = async () => {
  const { build } = await import("esbuild")
  const contents = `export { parse } from "./src/syntax/parser.ts"; export { encodeTrees } from "./src/syntax/coded-trees.ts"`
  const made = await build({ absWorkingDir: root, stdin: { contents, resolveDir: root }, bundle: true, write: false, platform: "node", format: "esm", target: "node20", logLevel: "error" })
  return made.outputFiles[0].text
}

const treesOf = async (code, modules) => {
  const { parse, encodeTrees } = await import(`data:text/javascript;base64,${Buffer.from(code).toString("base64")}`)
  return encodeTrees(modules.map(([name, text]) => parse(name, text)).filter(({ value, diagnostics }) => value !== undefined && diagnostics.length === 0).map(({ value }) => value))
}

/** Other processes may read the file, or write it too: it changes at once. */
const replace = (file, text) => {
  const part = `${file}.${process.pid}.part`
  fs.writeFileSync(part, text)
  fs.renameSync(part, file)
}

export const writeStdlib = async () => {
  const folder = path.join(root, "stdlib")
  if (!fs.existsSync(folder)) return
  const files = (dir, prefix) => fs.readdirSync(dir, { withFileTypes: true }).flatMap((item) =>
    item.isDirectory() ? files(path.join(dir, item.name), `${prefix}.${item.name}`)
    : item.name.endsWith(".nda") ? [[`${prefix}.${item.name.slice(0, -4)}`, path.join(dir, item.name)]] : [])
  const modules = files(folder, "nda").sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, file]) => [name, textOf(file)])
  const code = await parserCode()
  const first = `/** The texts of \`stdlib/\` and their syntax trees, written by \`scripts/stdlib.mjs\`: edit those, not this. Made from ${createHash("sha256").update(JSON.stringify([code, modules])).digest("hex")}. */\n`
  const file = path.join(root, "src", "driver", "stdlib-text.ts")
  if (fs.existsSync(file) && fs.readFileSync(file, "utf8").startsWith(first)) return
  const { shapes, words, modules: trees } = await treesOf(code, modules)
  const record = (entries) => `{\n${entries.map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)},\n`).join("")}}`
  replace(file, `${first}import type { CodedTrees } from "../syntax/coded-trees.ts"\n\nexport const stdlibText: Record<string, string> = ${record(modules)}\n\n` +
    `export const stdlibTrees: CodedTrees = {\nshapes: ${JSON.stringify(shapes)},\nwords: ${JSON.stringify(words)},\nmodules: ${record(Object.entries(trees))},\n}\n`)
}

/** vitest's globalSetup calls the default export. */
export default writeStdlib

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await writeStdlib()
