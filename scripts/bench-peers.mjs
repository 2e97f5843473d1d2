// The peers of `npm run bench`: other libraries and hand-written kernels for the same workloads, in a folder beside the checkout
// (NDA_PEERS names another). They are copied to the cache and installed there, so that their folder stays as it is.
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { pathToFileURL } from "node:url"
import { root } from "./bundle.mjs"
import { probeAdapter } from "./driver.mjs"
import { swiftShaderFolder } from "./swiftshader.mjs"

const installed = ".installed-lock.json"
const sameText = (a, b) => fs.existsSync(a) && fs.existsSync(b) && fs.readFileSync(a, "utf8") === fs.readFileSync(b, "utf8")

/** Where no Vulkan driver is installed nda runs on SwiftShader in its cache; so that the peers do too, their Dawn is led there. */
const environment = () => (probeAdapter() !== undefined ? {} : {
  LD_LIBRARY_PATH: [swiftShaderFolder, process.env.LD_LIBRARY_PATH].filter(Boolean).join(path.delimiter),
  VK_DRIVER_FILES: path.join(swiftShaderFolder, "vk_swiftshader_icd.json"),
})

/** Where and how the peers can run, or undefined, with the reason said. */
export const installPeers = (say) => {
  const from = process.env.NDA_PEERS ?? path.join(root, "..", "shared", "peers")
  if (!fs.existsSync(path.join(from, "peers", "run.mjs"))) {
    say(`no peers in ${process.env.NDA_PEERS ? from : "../shared/peers"} (NDA_PEERS names another folder): their rows are left out`)
    return undefined
  }
  const folder = path.join(process.env.NDA_CACHE ?? path.join(os.homedir(), ".cache", "nda"), "peers")
  fs.mkdirSync(folder, { recursive: true })
  fs.cpSync(from, folder, { recursive: true, filter: (source) => path.basename(source) !== "node_modules" })
  const lock = path.join(folder, "package-lock.json")
  if (!sameText(lock, path.join(folder, installed)) || !fs.existsSync(path.join(folder, "node_modules"))) {
    say("installing the peers' npm packages")
    const npm = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder, stdio: ["ignore", "ignore", "inherit"], shell: process.platform === "win32" })
    if (npm.status !== 0) {
      say("npm ci failed for the peers: their rows are left out")
      return undefined
    }
    fs.copyFileSync(lock, path.join(folder, installed))
  }
  return { folder, environment: environment(), data: pathToFileURL(path.join(folder, "peers", "common.mjs")).href }
}
