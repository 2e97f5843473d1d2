// Writes src/driver/stdlib-text.ts: the texts of the standard library as a module, so that neither the compiler nor its users read files for them.
// `stdlib/X.nda` followed by `stdlib/X/*.nda` in the order of their names is the module `nda.X`.
import fs from "node:fs"
import path from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..")
const textOf = (file) => fs.readFileSync(file, "utf8").replace(/\r\n/g, "\n")

export const writeStdlib = () => {
  const folder = path.join(root, "stdlib")
  if (!fs.existsSync(folder)) return
  const names = [...new Set(fs.readdirSync(folder).map((name) => name.replace(/\.nda$/, "")))].sort()
  const modules = names.map((name) => {
    const parts = path.join(folder, name)
    const files = fs.existsSync(parts) ? fs.readdirSync(parts).filter((file) => file.endsWith(".nda")).sort().map((file) => path.join(parts, file)) : []
    const head = path.join(folder, `${name}.nda`)
    return [`nda.${name}`, [...(fs.existsSync(head) ? [head] : []), ...files].map(textOf).join("\n")]
  }).filter(([, text]) => text !== "")
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
