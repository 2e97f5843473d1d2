/**
 * SwiftShader, a Vulkan driver in software, as `scripts/setup.mjs` puts it into the user's cache.
 * Dawn opens libvulkan.so.1 from the folder of its own binary first, so it is loaded from a private copy of its package that has one beside it.
 */
import fs from "node:fs"
import { createRequire } from "node:module"
import path from "node:path"
import { pathToFileURL } from "node:url"
import { cacheFolder } from "./cache-folder.ts"

/** `scripts/swiftshader.mjs` installs into the same folder. */
export const swiftShaderFolder = (): string => cacheFolder("swiftshader")

const versionOf = (packageFile: string): string | undefined => {
  try {
    return (JSON.parse(fs.readFileSync(packageFile, "utf8")) as { version: string }).version
  } catch {
    return undefined
  }
}

/** The module of the private copy, or undefined where there is none or it is a copy of another version of Dawn than the installed one. */
export const swiftShaderModule = (): string | undefined => {
  const folder = swiftShaderFolder()
  const copy = path.join(folder, "webgpu")
  const icd = path.join(folder, "vk_swiftshader_icd.json")
  const entry = path.join(copy, "index.js")
  if (!fs.existsSync(icd) || !fs.existsSync(entry)) return undefined
  const installed = path.join(path.dirname(createRequire(import.meta.url).resolve("webgpu")), "package.json")
  return versionOf(path.join(copy, "package.json")) === versionOf(installed) ? pathToFileURL(entry).href : undefined
}

/** The Vulkan loader reads this when an instance of Dawn is made; from then on this process sees SwiftShader only. */
export const useSwiftShader = (): void => {
  process.env["VK_DRIVER_FILES"] = path.join(swiftShaderFolder(), "vk_swiftshader_icd.json")
}
