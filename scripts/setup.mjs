// Makes a checkout ready to run: npm packages, a Vulkan driver where Dawn finds no adapter, and dist/. One line for each thing that is changed.
import { pathToFileURL } from "node:url"
import { root } from "./bundle.mjs"
import { ensureDriver } from "./driver.mjs"
import { installPackages } from "./packages.mjs"

const say = (line) => process.stderr.write(`setup: ${line}\n`)

/** The name of the adapter that nda will use, or undefined when there is none and none could be installed. */
export const setup = async () => {
  installPackages(root, say)
  const adapter = await ensureDriver(say)
  if (adapter === undefined) say("no Vulkan adapter and no way to install one: only `--device reference` can run programs here")
  else say(`the adapter is ${adapter}`)
  const { build } = await import("./build.mjs")
  await build({ fast: true })
  return adapter
}

/** For the scripts that begin with a set-up: what fails is one line and exit code 1. */
export const setupOrExit = async () => {
  try {
    return await setup()
  } catch (error) {
    say(error instanceof Error ? error.message : String(error))
    return process.exit(1)
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  if ((await setupOrExit()) === undefined) process.exitCode = 1
}
