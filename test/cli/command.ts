/** The command as users start it: bundled afresh, run as a child process in a folder of its own. */
import { build } from "esbuild"
import { spawn, spawnSync } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { cliBundle, root } from "../../scripts/bundle.mjs"

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Each test file has a bundle of its own, since files run side by side. */
export const bundled = async (name: string): Promise<string> => {
  const folder = path.join(root, ".cache", `cli-of-${name}`)
  fs.rmSync(folder, { recursive: true, force: true })
  await build(cliBundle(folder))
  return path.join(folder, "cli.js")
}

export const workFolder = (files: Readonly<Record<string, string | Uint8Array>> = {}): string => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "nda-cli-"))
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    fs.writeFileSync(path.join(folder, name), text)
  }
  return folder
}

const environment = (): NodeJS.ProcessEnv => {
  const { NDA_DATA: _, ...rest } = process.env
  return rest
}

export const ndaWithin = (seconds: number, cli: string, cwd: string, ...args: readonly string[]): Ended => {
  const ended = spawnSync(process.execPath, [cli, ...args], { cwd, encoding: "utf8", env: environment(), timeout: 1000 * seconds, maxBuffer: 2 ** 28 })
  return { code: ended.status, out: ended.stdout, err: ended.stderr }
}

export const nda = (cli: string, cwd: string, ...args: readonly string[]): Ended => ndaWithin(60, cli, cwd, ...args)

/** Sends the signal when stderr first matches. */
export const ndaSignalled = (cli: string, cwd: string, when: RegExp, signal: NodeJS.Signals, ...args: readonly string[]): Promise<Ended> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [cli, ...args], { cwd, env: environment(), timeout: 60_000 })
    let out = ""
    let err = ""
    let sent = false
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()))
    child.stderr.on("data", (chunk: Buffer) => {
      err += chunk.toString()
      if (sent || !when.test(err)) return
      sent = true
      child.kill(signal)
    })
    child.on("close", (code) => resolve({ code, out, err }))
  })

/** Lines of stderr that are nda's JSON; the driver's own lines do not begin with a brace. */
export const events = (err: string): readonly Record<string, unknown>[] =>
  err.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Record<string, unknown>)
