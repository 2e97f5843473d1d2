// Runs a TypeScript file of the project directly: node scripts/ts.mjs FILE [ARGUMENTS]
import { build } from "esbuild"
import path from "node:path"
import { pathToFileURL } from "node:url"
import fs from "node:fs"
const [file, ...args] = process.argv.slice(2)
const out = path.join("node_modules", ".cache", "nda", `${path.basename(file)}.${process.pid}.mjs`)
await build({ entryPoints: [file], bundle: true, platform: "node", format: "esm", outfile: out, packages: "external", logLevel: "error", sourcemap: "inline" })
process.argv = [process.argv[0], file, ...args]
try { await import(pathToFileURL(path.resolve(out)).href) } finally { fs.rmSync(out, { force: true }) }
