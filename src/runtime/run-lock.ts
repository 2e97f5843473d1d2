/** One process at a time in a run's folder: a lock file that names its process, and that a killed process does not leave for good. */
import { randomBytes } from "node:crypto"
import fs from "node:fs/promises"
import path from "node:path"
import { asidePrefix } from "./durable-files.ts"
import { CheckpointError } from "./errors.ts"

const lockName = "run.lock"

/** When a process began, in the kernel's ticks: with its number, it names a process for good. Undefined where that cannot be known. */
const beganAt = async (id: number): Promise<string | undefined> => {
  const text = await fs.readFile(`/proc/${id}/stat`, "utf8").catch(() => undefined)
  return text?.replace(/^.*\) /, "").split(" ")[19]
}

const lives = async (owner: { readonly process?: unknown; readonly began?: unknown }): Promise<boolean> => {
  if (typeof owner.process !== "number" || !Number.isInteger(owner.process) || owner.process <= 0) return false
  try {
    process.kill(owner.process, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
  const began = await beganAt(owner.process)
  return began === undefined || owner.began === undefined || began === owner.began
}

export interface RunLock {
  readonly release: () => Promise<void>
}

export const takeLock = async (folder: string): Promise<RunLock | CheckpointError> => {
  const file = path.join(folder, lockName)
  const own = JSON.stringify({ process: process.pid, began: await beganAt(process.pid), key: randomBytes(8).toString("hex") })
  // Written aside and linked: the lock is never seen half-written.
  const aside = path.join(folder, `${asidePrefix}${lockName}-${process.pid}-${randomBytes(4).toString("hex")}`)
  await fs.writeFile(aside, own)
  try {
    for (let tries = 0; tries < 5; tries++) {
      const taken = await fs.link(aside, file).then(() => true, (error: NodeJS.ErrnoException) => (error.code === "EEXIST" ? false : Promise.reject(error)))
      if (taken) return { release: async () => void ((await fs.readFile(file, "utf8").catch(() => "")) === own && (await fs.rm(file, { force: true }))) }
      const text = await fs.readFile(file, "utf8").catch(() => undefined)
      if (text === undefined) continue
      let owner: { readonly process?: unknown; readonly began?: unknown } = {}
      try {
        owner = JSON.parse(text) as typeof owner
      } catch {
        // Not a lock of nda's, or a damaged one: nobody holds it.
      }
      if (await lives(owner)) {
        return new CheckpointError({ reason: "Locked", message: `Another run (process ${String(owner.process)}) is writing here.`, where: folder, hint: "wait for it or end it, or give this run its own --out DIR" })
      }
      // Whoever moves the stale lock away owns its removal; one that was replaced meanwhile goes back.
      const stale = `${aside}-stale`
      await fs.rename(file, stale).catch(() => undefined)
      if ((await fs.readFile(stale, "utf8").catch(() => text)) !== text) await fs.link(stale, file).catch(() => undefined)
      await fs.rm(stale, { force: true })
    }
    return new CheckpointError({ reason: "Locked", message: "Other runs are starting here at the same time.", where: folder, hint: "give each run its own --out DIR" })
  } finally {
    await fs.rm(aside, { force: true })
  }
}
