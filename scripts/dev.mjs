// `node scripts/dev.mjs ARGS…`: nda from its sources, bundled anew each time.
import path from "node:path"
import { pathToFileURL } from "node:url"
import { cliBundle, root } from "./bundle.mjs"
import { writeStdlib } from "./stdlib.mjs"

const folder = path.join(root, ".cache", "dev")
const outfile = path.join(folder, "cli.js")
await writeStdlib()
await (await import("esbuild")).build({ ...cliBundle(folder), sourcemap: "inline" })
process.argv[1] = outfile
await import(pathToFileURL(outfile).href)
