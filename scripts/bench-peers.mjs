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

const gemm = ["gemm256", "gemm512", "gemm1024"]
const forward = [...gemm, "conv_fwd", "chain", "bn_fwd", "ln_fwd"]
const augmentations = ["aug32", "aug224"]
const everything = [...forward, "conv_fwdbwd", "bn_fwdbwd", "ln_fwdbwd", ...augmentations, "gan_step"]

/** What each peer can express. `library`: one whose best row is what nda is held against. */
export const peers = {
  hand: { name: "hand-written", does: [...forward, ...augmentations], cold: "hand", library: false },
  "hand:hoist": { name: "hand-written, draws hoisted", does: augmentations, library: false },
  jaxjs: { name: "jax-js", does: everything, cold: "jaxjs", library: true },
  "tfjs:webgpu": { name: "TensorFlow.js (webgpu)", does: everything, cold: "tfjs_webgpu", library: true },
  // With V8's usual tiers its first call takes half a minute and 2 GB.
  "ort:web-webgpu": { name: "ONNX Runtime (webgpu)", does: forward, cold: "ort_web-webgpu", library: true, node: ["--liftoff-only"] },
  "torch:eager": { name: "PyTorch", does: everything, library: false },
  "torch:compile": { name: "PyTorch, compiled", does: everything, library: false },
  "torch:tv2": { name: "torchvision v2", does: augmentations, library: false },
}

const installed = ".installed-lock.json"
const sameText = (a, b) => fs.existsSync(a) && fs.existsSync(b) && fs.readFileSync(a, "utf8") === fs.readFileSync(b, "utf8")

/** Where no Vulkan driver is installed nda runs on SwiftShader in its cache; so that the peers do too, their Dawn is led there. */
const environment = () => (probeAdapter() !== undefined ? {} : {
  LD_LIBRARY_PATH: [swiftShaderFolder, process.env.LD_LIBRARY_PATH].filter(Boolean).join(path.delimiter),
  VK_DRIVER_FILES: path.join(swiftShaderFolder, "vk_swiftshader_icd.json"),
})

/** A copy has the modes of what it was copied from, which may be a folder that nobody is to write to. */
const copyWritable = (from, to) => {
  fs.mkdirSync(to, { recursive: true })
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)]
    if (entry.name === "node_modules") continue
    if (entry.isDirectory()) copyWritable(source, target)
    else fs.writeFileSync(target, fs.readFileSync(source))
  }
}

/** NDA_TORCH names a Python that has PyTorch; NDA_TORCH_DEVICE is `cpu` or `cuda`. */
const torch = () => {
  const python = process.env.NDA_TORCH
  return python !== undefined && spawnSync(python, ["-c", "import torch"], { stdio: "ignore" }).status === 0 ? { python, device: process.env.NDA_TORCH_DEVICE ?? "cpu" } : undefined
}

/** Without a registry there are still the hand-written kernels: they need Dawn, which nda has. */
const onlyDawn = (folder) => {
  const modules = path.join(folder, "node_modules")
  fs.mkdirSync(modules, { recursive: true })
  if (!fs.existsSync(path.join(modules, "webgpu"))) fs.symlinkSync(path.join(root, "node_modules", "webgpu"), path.join(modules, "webgpu"), "junction")
}

/** Where and how the peers can run, or undefined, with the reason said. `wanted`: ids, or undefined for all. */
export const installPeers = (say, wanted) => {
  const from = process.env.NDA_PEERS ?? path.join(root, "..", "shared", "peers")
  if (wanted?.length === 0) return undefined
  if (!fs.existsSync(path.join(from, "peers", "run.mjs"))) {
    say(`no peers in ${process.env.NDA_PEERS ? from : "../shared/peers"} (NDA_PEERS names another folder): their rows are left out`)
    return undefined
  }
  const folder = path.join(process.env.NDA_CACHE ?? path.join(os.homedir(), ".cache", "nda"), "peers")
  copyWritable(from, folder)
  const lock = path.join(folder, "package-lock.json")
  const python = torch()
  const ids = Object.keys(peers).filter((id) => (wanted?.includes(id) ?? true) && (!id.startsWith("torch") || python))
  const made = (names) => ({ folder, environment: environment(), torch: python, names, data: pathToFileURL(path.join(folder, "peers", "common.mjs")).href })
  const needsPackages = ids.some((id) => peers[id].library)
  if (needsPackages && (!sameText(lock, path.join(folder, installed)) || !fs.existsSync(path.join(folder, "node_modules")))) {
    say("installing the peers' npm packages")
    const npm = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder, stdio: ["ignore", "ignore", "inherit"], shell: process.platform === "win32" })
    if (npm.status !== 0) {
      say("npm ci failed for the peers: the libraries' rows are left out")
      onlyDawn(folder)
      return made(ids.filter((id) => !peers[id].library))
    }
    fs.copyFileSync(lock, path.join(folder, installed))
  }
  if (!needsPackages) onlyDawn(folder)
  return made(ids)
}
