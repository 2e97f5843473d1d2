// From nothing to the first result, as a program that uses the package does it: `node bench/cold.mjs`, after `npm run build`.
import fs from "node:fs"
import { compile, render } from "../dist/index.js"
import { open } from "../dist/runtime.js"

const file = "cold.nda"
const sources = { [file]: fs.readFileSync(new URL(file, import.meta.url), "utf8") }
const { value, diagnostics } = compile({ file, sources, set: { n: "4096" } })
if (value === undefined) throw new Error(render(diagnostics, sources))
const program = await open(value.plan)
const { y } = await program.graph({ x: new Float32Array(4096).fill(1) })
if (y.some((number) => number !== 2)) throw new Error("1 + 1 is not 2")
process.exit(0)
