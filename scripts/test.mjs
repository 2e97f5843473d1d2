// `npm test [-- vitest's arguments]`: sets up, checks the types, runs the tests; the last line is `N passed, N failed`.
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { root } from "./bundle.mjs"
import { setupOrExit } from "./setup.mjs"

await setupOrExit()
const node = (script, args) => spawnSync(process.execPath, [path.join(root, "node_modules", ...script), ...args], { cwd: root, stdio: "inherit" })
const types = node(["typescript", "bin", "tsc"], ["--noEmit", "-p", "."])
if (types.status !== 0) process.stderr.write("test: the type check failed\n")

const result = path.join(root, ".cache", "vitest.json")
fs.rmSync(result, { force: true })
const tests = node(["vitest", "vitest.mjs"], ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${result}`, ...process.argv.slice(2)])
const ok = tests.status === 0 && types.status === 0
if (fs.existsSync(result)) {
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(fs.readFileSync(result, "utf8"))
  // A file that cannot be loaded has no tests to count, yet it failed.
  const unloaded = testResults.filter((file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed")).length
  process.stdout.write(`${numPassedTests} passed, ${numFailedTests + unloaded} failed\n`)
} else {
  process.stdout.write("0 passed, 1 failed\n")
}
process.exitCode = ok ? 0 : 1
