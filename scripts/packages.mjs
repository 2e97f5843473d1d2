// Installs the npm packages of the lock file where they are missing or others.
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import path from "node:path"

const read = (file) => (fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")).packages : undefined)

/** npm writes what it installed into node_modules; the contents are compared, since a clone gives every file a new time. */
const upToDate = (root) => {
  const wanted = read(path.join(root, "package-lock.json"))
  const present = read(path.join(root, "node_modules", ".package-lock.json"))
  if (present === undefined) return false
  return Object.entries(wanted).every(([name, entry]) => name === "" || (present[name] === undefined ? entry.optional === true : present[name].version === entry.version))
}

export const installPackages = (root, say) => {
  if (upToDate(root)) return
  if (fs.lstatSync(path.join(root, "node_modules"), { throwIfNoEntry: false })?.isSymbolicLink()) {
    throw new Error("node_modules is a link to another folder, whose packages differ from package-lock.json: run `npm ci` there")
  }
  say("installing npm packages")
  const npm = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: root, stdio: ["ignore", "ignore", "inherit"], shell: process.platform === "win32" })
  if (npm.status !== 0) throw new Error("npm ci failed")
  say("installed the packages of package-lock.json in node_modules")
}
