// Makes sure that Dawn finds a Vulkan adapter: the one that is there, else Mesa's lavapipe from apt (root), else SwiftShader from npm.
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"
import { fileURLToPath } from "node:url"
import { installSwiftShader, swiftShaderFolder, swiftShaderReady } from "./swiftshader.mjs"

const probeScript = path.join(path.dirname(fileURLToPath(import.meta.url)), "adapter-probe.mjs")
const backportsFile = "/etc/apt/sources.list.d/nda-backports.list"

/** The adapter's description, or undefined when Dawn finds none (or crashes, or does not answer in 30 s). */
export const probeAdapter = (privateFolder) => {
  const swift = privateFolder !== undefined
  const args = swift ? [probeScript, "--private", privateFolder] : [probeScript]
  const env = swift ? { ...process.env, VK_DRIVER_FILES: path.join(privateFolder, "vk_swiftshader_icd.json") } : process.env
  const child = spawnSync(process.execPath, args, { env, encoding: "utf8", timeout: 30_000, stdio: ["ignore", "pipe", "ignore"] })
  const line = (child.stdout ?? "").trim().split("\n").pop()
  if (child.status !== 0 || !line) return undefined
  const found = JSON.parse(line)
  return found === null ? undefined : found.description || found.vendor || "unnamed adapter"
}

const osRelease = () => {
  try {
    const pairs = fs.readFileSync("/etc/os-release", "utf8").split("\n").filter((line) => line.includes("="))
    return Object.fromEntries(pairs.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1).replace(/^"|"$/g, "")]))
  } catch {
    return {}
  }
}

/** Every apt source of this machine as one line of text per suite, in the one-line or the deb822 format. */
const aptSources = () => {
  const folder = "/etc/apt/sources.list.d"
  const files = ["/etc/apt/sources.list"]
  if (fs.existsSync(folder)) files.push(...fs.readdirSync(folder).filter((name) => /\.(list|sources)$/.test(name)).map((name) => path.join(folder, name)))
  const sources = []
  for (const file of files.filter((name) => fs.existsSync(name))) {
    const text = fs.readFileSync(file, "utf8").replace(/^\s*#.*\n?/gm, "")
    if (file.endsWith(".sources")) {
      for (const block of text.split(/\n\s*\n/)) {
        const field = (name) => new RegExp(`^${name}:\\s*(.+)$`, "m").exec(block)?.[1].trim()
        if (!field("Types")?.split(/\s+/).includes("deb") || /^no$/i.test(field("Enabled") ?? "")) continue
        for (const suite of (field("Suites") ?? "").split(/\s+/)) sources.push({ uri: (field("URIs") ?? "").split(/\s+/)[0], suite, signedBy: field("Signed-By") })
      }
    } else {
      for (const line of text.split("\n")) {
        const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)/.exec(line)
        if (match) sources.push({ uri: match[2], suite: match[3], signedBy: /signed-by=(\S+)/.exec(match[1] ?? "")?.[1] })
      }
    }
  }
  return sources
}

const apt = (args, say) => {
  const child = spawnSync("apt-get", args, { encoding: "utf8", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" }, timeout: 300_000 })
  if (child.status === 0) return true
  const reason = `${child.stderr ?? ""}${child.error ? String(child.error) : ""}`.trim().split("\n").slice(-3).join(" | ")
  say(`apt-get ${args.join(" ")} failed: ${reason}`)
  return false
}

/** Debian 12 ships a Mesa (22.3) on which Dawn finds no adapter, so there the driver comes from backports (25.0). */
const installMesa = (release, say) => {
  const version = release.VERSION_CODENAME
  const packages = ["libvulkan1", "mesa-vulkan-drivers"]
  const options = ["-y", "-q", "--no-install-recommends"]
  if (version === "bookworm") {
    const suite = "bookworm-backports"
    const sources = aptSources()
    if (!sources.some((source) => source.suite === suite)) {
      // Debian's own mirror is the one that has the updates too; other vendors also name a suite after the release.
      const updates = sources.find((source) => source.suite === "bookworm-updates")
      const main = sources.find((source) => source.suite === "bookworm" && source.uri === updates?.uri) ?? { uri: "http://deb.debian.org/debian" }
      // An inline key (a block of text in the deb822 format) cannot be repeated in one line; apt's own trusted keys then serve.
      const signed = main.signedBy?.startsWith("/") ? `[signed-by=${main.signedBy}] ` : ""
      fs.writeFileSync(backportsFile, `# written by nda's setup: Mesa 25 for Debian 12; delete this file to undo\ndeb ${signed}${main.uri} ${suite} main\n`)
      say(`wrote ${backportsFile} (${main.uri} ${suite})`)
    }
    options.push("-t", suite)
  }
  say("reading apt's package lists")
  if (!apt(["update", "-q"], say)) say("apt-get update did not end well; trying to install all the same")
  if (!apt(["install", ...options, ...packages], say)) return false
  say(`installed with apt: ${packages.join(", ")}${version === "bookworm" ? " (from bookworm-backports)" : ""}`)
  return true
}

/** The description of an adapter that nda will find, after installing a software driver if it must; undefined when all ways failed. */
export const ensureDriver = async (say) => {
  const present = probeAdapter()
  if (present !== undefined) return present
  if (swiftShaderReady()) {
    const cached = probeAdapter(swiftShaderFolder)
    if (cached !== undefined) return cached
  }
  say("Dawn finds no Vulkan adapter here; installing a software driver")
  const release = osRelease()
  const family = `${release.ID ?? ""} ${release.ID_LIKE ?? ""}`.split(/\s+/)
  if (process.getuid?.() === 0 && (family.includes("debian") || family.includes("ubuntu"))) {
    if (installMesa(release, say)) {
      const mesa = probeAdapter()
      if (mesa !== undefined) return mesa
      say("Mesa is installed, yet Dawn still finds no adapter; trying SwiftShader")
    }
  }
  if (!(await installSwiftShader(say))) return undefined
  return probeAdapter(swiftShaderFolder)
}
