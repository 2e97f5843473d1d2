// Puts SwiftShader (a Vulkan driver in software) and a Vulkan loader into the user's cache, from an npm package: needs nothing from the system.
// src/runtime/software-vulkan.ts loads Dawn from the private copy made here.
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import { createRequire } from "node:module"
import os from "node:os"
import path from "node:path"
import zlib from "node:zlib"

export const swiftShaderFolder = path.join(process.env.NDA_CACHE ?? path.join(os.homedir(), ".cache", "nda"), "swiftshader")
const source = "@sparticuz/chromium@147.0.0"
const libraries = ["libvk_swiftshader.so", "libvulkan.so.1", "vk_swiftshader_icd.json"]
const notice = `SwiftShader (libvk_swiftshader.so, vk_swiftshader_icd.json): Copyright The SwiftShader Authors, Apache License 2.0,
https://swiftshader.googlesource.com/SwiftShader
Vulkan loader (libvulkan.so.1): Copyright The Khronos Group Inc., Valve Corporation, LunarG, Inc., Apache License 2.0,
https://github.com/KhronosGroup/Vulkan-Loader
Both files were taken unchanged from the npm package ${source} (MIT), bin/swiftshader.tar.br.
Licence text: https://www.apache.org/licenses/LICENSE-2.0
`

/** The regular files of a tar archive, by base name. */
const tarFiles = (archive) => {
  const files = new Map()
  for (let offset = 0; offset + 512 <= archive.length;) {
    const name = archive.toString("latin1", offset, offset + 100).replace(/\0.*$/s, "")
    if (name === "") break
    const size = parseInt(archive.toString("latin1", offset + 124, offset + 136), 8) || 0
    files.set(path.posix.basename(name), archive.subarray(offset + 512, offset + 512 + size))
    offset += 512 + Math.ceil(size / 512) * 512
  }
  return files
}

const versionOf = (packageFile) => (fs.existsSync(packageFile) ? JSON.parse(fs.readFileSync(packageFile, "utf8")).version : undefined)
const webgpuFolder = () => path.dirname(createRequire(import.meta.url).resolve("webgpu"))
const copyFolder = path.join(swiftShaderFolder, "webgpu")
const librariesReady = () => libraries.every((name) => fs.existsSync(path.join(swiftShaderFolder, name)))

/** The driver is there, beside a private copy of the Dawn that is installed now. */
export const swiftShaderReady = () => librariesReady() && versionOf(path.join(copyFolder, "package.json")) === versionOf(path.join(webgpuFolder(), "package.json"))

/**
 * Dawn opens libvulkan.so.1 from the folder of dawn.node first; a private copy of the package makes that folder ours.
 * A copy, not a link: the dynamic linker would take a link for the dawn.node that the process may have loaded already.
 */
const copyWebgpu = () => {
  const platform = `${process.platform}-${process.arch}`
  const native = path.join(copyFolder, "dist", platform)
  fs.mkdirSync(native, { recursive: true })
  for (const name of ["index.js", "LICENSE.md"]) fs.copyFileSync(path.join(webgpuFolder(), name), path.join(copyFolder, name))
  fs.copyFileSync(path.join(webgpuFolder(), "dist", platform, "dawn.node"), path.join(native, "dawn.node"))
  fs.copyFileSync(path.join(swiftShaderFolder, "libvulkan.so.1"), path.join(native, "libvulkan.so.1"))
  // Last, since its version tells that the copy is whole.
  fs.copyFileSync(path.join(webgpuFolder(), "package.json"), path.join(copyFolder, "package.json"))
}

/** True when the driver is in place afterwards; every reason for a failure is told. */
export const installSwiftShader = async (say) => {
  if (process.platform !== "linux" || process.arch !== "x64") {
    say(`SwiftShader comes ready-made for linux-x64 only; this is ${process.platform}-${process.arch}`)
    return false
  }
  const temporary = fs.mkdtempSync(path.join(os.tmpdir(), "nda-swiftshader-"))
  try {
    fs.mkdirSync(swiftShaderFolder, { recursive: true })
    if (!librariesReady()) {
      say(`fetching SwiftShader from the npm package ${source} (68 MB)`)
      const pack = spawnSync("npm", ["pack", source, "--silent", "--pack-destination", temporary], { encoding: "utf8", timeout: 240_000, cwd: temporary })
      const tarball = fs.readdirSync(temporary).find((name) => name.endsWith(".tgz"))
      if (pack.status !== 0 || tarball === undefined) {
        say(`npm pack ${source} failed: ${(pack.stderr ?? "").trim().split("\n").slice(-2).join(" | ")}`)
        return false
      }
      const outer = tarFiles(zlib.gunzipSync(fs.readFileSync(path.join(temporary, tarball))))
      const inner = tarFiles(zlib.brotliDecompressSync(outer.get("swiftshader.tar.br")))
      for (const name of libraries) fs.writeFileSync(path.join(swiftShaderFolder, name), inner.get(name), { mode: 0o755 })
      fs.writeFileSync(path.join(swiftShaderFolder, "NOTICE"), notice)
    }
    copyWebgpu()
    say(`installed SwiftShader in ${swiftShaderFolder}`)
    return true
  } catch (error) {
    say(`SwiftShader could not be installed: ${error instanceof Error ? error.message : String(error)}`)
    return false
  } finally {
    fs.rmSync(temporary, { recursive: true, force: true })
  }
}
