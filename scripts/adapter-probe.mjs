// Asks Dawn for an adapter and prints what it found as one JSON line; run as a child process, since a broken driver may hang or crash it.
// `--private DIR` loads Dawn from a private copy of the package in DIR instead of node_modules (see swiftshader.mjs).
import { createRequire } from "node:module"
import path from "node:path"

const privateFolder = process.argv[2] === "--private" ? process.argv[3] : undefined
const require = createRequire(import.meta.url)
const entry = privateFolder === undefined ? require.resolve("webgpu") : path.join(privateFolder, "webgpu", "index.js")
const { create, globals } = await import(entry)
Object.assign(globalThis, globals)
globalThis.gpuKeptAlive = create([])
const adapter = await globalThis.gpuKeptAlive.requestAdapter({ powerPreference: "high-performance" })
process.stdout.write(JSON.stringify(adapter ? { description: adapter.info.description, vendor: adapter.info.vendor } : null) + "\n")
