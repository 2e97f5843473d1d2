// `npm start [-- --data-dir DIR] [--device NAME]`: sets up; previews every augmentation on generated pictures, or on those of DIR; trains the small GAN
// of examples/dots.nda with negatives and, for as long, without; ends with the path of a page that shows both side by side.
import { spawn } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { parseArgs } from "node:util"
import { root } from "./bundle.mjs"
import { compareDots } from "./compare-dots.mjs"
import { setupOrExit } from "./setup.mjs"

const say = (line) => process.stderr.write(`start: ${line}\n`)
/** How many dots a real picture shows; the program's negatives show other counts than three. */
const count = 3
const codes = { SIGINT: 130, SIGTERM: 143 }

const options = { "data-dir": { type: "string" }, device: { type: "string" }, steps: { type: "string" }, seed: { type: "string" } }
const given = () => {
  try {
    return parseArgs({ options }).values
  } catch (error) {
    say(`${error.message.split("\n")[0].split(". ")[0]}; it takes --data-dir DIR, --device NAME, --steps N and --seed N`)
    return process.exit(2)
  }
}

/** nda as a child with a group of its own: a signal reaches it once, through this process, and it ends as it does by itself. */
const nda = (args, { cwd = root, quiet = false } = {}) =>
  new Promise((resolve) => {
    const stdio = quiet ? ["ignore", "ignore", "pipe"] : ["ignore", "inherit", "inherit"]
    const child = spawn(process.execPath, [path.join(root, "dist", "cli.js"), ...args], { cwd, stdio, detached: process.platform !== "win32" })
    let said = ""
    let signalled
    child.stderr?.on("data", (chunk) => (said += chunk))
    const forward = (signal) => {
      signalled = signal
      child.kill(signal)
    }
    for (const signal of Object.keys(codes)) process.on(signal, forward)
    child.on("close", (code, signal) => {
      for (const each of Object.keys(codes)) process.off(each, forward)
      if (code !== 0) process.stderr.write(said)
      resolve({ code: code ?? codes[signal] ?? 1, signalled })
    })
  })

const flag = (name, value) => (value === undefined ? [] : [`--${name}`, value])

/** Ends the whole with the code of a part that failed or was interrupted. */
const orEnd = ({ code, signalled }, what) => {
  if (code === 0 && signalled === undefined) return
  const ending = code === 0 ? codes[signalled] : code
  say(`${what} ${signalled === undefined ? `ended with code ${ending}` : "was interrupted"}; there is no page`)
  process.exit(ending)
}

const main = async () => {
  const { "data-dir": dataDir, device, steps, seed } = given()
  const adapter = await setupOrExit()
  if (adapter === undefined && device === undefined) {
    say("nothing can be trained without an adapter")
    return 3
  }
  const on = flag("device", device)
  const preview = path.join("out", "preview")
  const source = dataDir === undefined ? ["--set", "source=dots"] : ["--data-dir", path.resolve(dataDir)]
  say("every augmentation of the library, once")
  orEnd(await nda(["run", path.join("examples", "preview.nda"), "preview", ...source, "--out", preview, "--force", ...on]), "the preview")

  // A folder of its own: a generator that has not learnt is looked for there, and none may be found that has.
  const folder = path.join(root, "out", "start")
  fs.rmSync(folder, { recursive: true, force: true })
  fs.mkdirSync(folder, { recursive: true })
  const program = path.join(root, "examples", "dots.nda")
  const part = (entry, out, ...more) => ["run", program, entry, "--out", out, "--set", `count=${count}`, ...on, ...flag("seed", seed), ...more]
  const arms = [
    { name: "with negatives", out: "with", set: [] },
    { name: "without negatives", out: "without", set: ["--set", "lambda=1"] },
  ]
  for (const arm of arms) {
    say(`the small GAN of examples/dots.nda ${arm.name}`)
    orEnd(await nda(part("dots_gan", arm.out, ...arm.set, ...flag("steps", steps ?? "1000")), { cwd: folder }), `the run ${arm.name}`)
  }
  say("counting")
  const counted = async (out, ...weights) => orEnd(await nda(part("counts", out, "--quiet", ...weights), { cwd: folder, quiet: true }), "counting")
  for (const arm of arms) await counted(`${arm.out}-counts`, "--weights", arm.out)
  await counted("untrained-counts")
  orEnd(await nda(part("shown", "shown", "--quiet"), { cwd: folder, quiet: true }), "drawing real pictures")

  const page = await compareDots(folder, { count, arms, seed: seed ?? "0", adapter: adapter ?? device, preview: path.join(root, preview, "report.html") })
  process.stdout.write(`${page}\n`)
  return 0
}

process.exitCode = await main()
