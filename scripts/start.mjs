// `npm start [-- --data-dir DIR]`: sets up, then previews every augmentation on generated pictures, or on those of DIR, and ends with the report's path.
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { root } from "./bundle.mjs"
import { setupOrExit } from "./setup.mjs"

const given = process.argv.slice(2)
const out = path.join("out", "preview")
await setupOrExit()
const withData = given.some((argument) => argument === "--data-dir" || argument.startsWith("--data-dir="))
const program = [path.join("examples", "preview.nda"), "preview", ...(withData ? [] : ["--set", "source=dots"])]
const run = spawnSync(process.execPath, [path.join("dist", "cli.js"), "run", ...program, "--out", out, "--force", ...given], { cwd: root, stdio: "inherit" })
const report = path.join(root, out, "report.html")
if (run.status === 0 && fs.existsSync(report)) process.stdout.write(`${report}\n`)
else process.stderr.write(`start: the preview ended ${run.signal ? `by ${run.signal}` : `with code ${run.status}`} and wrote ${fs.existsSync(report) ? "only a part" : "no report"}\n`)
process.exitCode = run.status === 0 && !fs.existsSync(report) ? 4 : (run.status ?? 130)
