// Writes src/driver/stdlib-text.ts: the texts of the standard library as a module, so that neither the compiler nor its users read files for them.
// `stdlib/X.nda` is the module `nda.X`, `stdlib/X/Y.nda` is `nda.X.Y`.
import fs from "node:fs"
import path from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..")
const textOf = (file) => fs.readFileSync(file, "utf8").replace(/\r\n/g, "\n")

export const writeStdlib = () => {
  const folder = path.join(root, "stdlib")
  if (!fs.existsSync(folder)) return
  const files = (dir, prefix) => fs.readdirSync(dir, { withFileTypes: true }).flatMap((item) =>
    item.isDirectory() ? files(path.join(dir, item.name), `${prefix}.${item.name}`)
    : item.name.endsWith(".nda") ? [[`${prefix}.${item.name.slice(0, -4)}`, path.join(dir, item.name)]] : [])
  const modules = files(folder, "nda").sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, file]) => [name, textOf(file)])
  const entries = modules.map(([name, text]) => `  ${JSON.stringify(name)}: ${JSON.stringify(text)},\n`).join("")
  const module = `/** The texts of \`stdlib/\`, written by \`scripts/stdlib.mjs\`: edit those, not this. */\nexport const stdlibText: Record<string, string> = {\n${entries}}\n`
  const file = path.join(root, "src", "driver", "stdlib-text.ts")
  if (fs.existsSync(file) && fs.readFileSync(file, "utf8") === module) return
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, module)
}

/** vitest's globalSetup calls the default export. */
export default writeStdlib

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) writeStdlib()
