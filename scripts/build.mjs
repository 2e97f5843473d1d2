// Builds dist/: cli.js, index.js, runtime.js and, unless `--fast`, the type declarations. `build.mjs [--fast]`
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { pathToFileURL } from "node:url"
import { cliBundle, compilerBundle, root, runtimeBundle } from "./bundle.mjs"
import { writeStdlib } from "./stdlib.mjs"

const linkBinary = () => {
  const folder = path.join(root, "node_modules", ".bin")
  if (process.platform === "win32" || fs.lstatSync(path.join(root, "node_modules")).isSymbolicLink()) return
  const link = path.join(folder, "nda")
  if (fs.existsSync(link)) return
  fs.rmSync(link, { force: true })
  fs.symlinkSync(path.join("..", "..", "dist", "cli.js"), link)
}

export const build = async ({ fast }) => {
  const esbuild = await import("esbuild")
  await writeStdlib()
  fs.rmSync(path.join(root, "dist", "cli-parts"), { recursive: true, force: true })
  await Promise.all([cliBundle("dist"), compilerBundle("dist/index.js"), runtimeBundle("dist/runtime.js")].map((options) => esbuild.build(options)))
  fs.chmodSync(path.join(root, "dist", "cli.js"), 0o755)
  linkBinary()
  if (fast) return
  const tsc = spawnSync(process.execPath, [path.join(root, "node_modules", "typescript", "bin", "tsc"), "-p", ".", "--emitDeclarationOnly"], { cwd: root, stdio: "inherit" })
  if (tsc.status !== 0) throw new Error("the type declarations could not be written")
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    await build({ fast: process.argv.includes("--fast") })
  } catch (error) {
    process.stderr.write(`build: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
}
