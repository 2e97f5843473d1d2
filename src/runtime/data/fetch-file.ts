/** Fetching one file over HTTP: into `.part`, resumed by Range after a break, bounded, checked against its checksum, then renamed. */
import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { open, rename, rm, stat } from "node:fs/promises"
import { setTimeout as pause } from "node:timers/promises"
import { DataError, reasonText } from "./data-error.ts"
import type { RemoteFile } from "./official-sets.ts"

export interface FetchOptions {
  readonly onProgress?: (done: number, total: number, what: string) => void
  readonly signal?: AbortSignal
  /** How often a broken connection is taken up again without having brought anything new. */
  readonly attempts?: number
  /** A connection that brings nothing for so long counts as broken. */
  readonly stallMilliseconds?: number
  readonly pauseMilliseconds?: number
}

const sizeOf = async (path: string): Promise<number> => stat(path).then((stats) => stats.size, () => 0)

export const md5Of = async (path: string): Promise<string> => {
  const hash = createHash("md5")
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest("hex")
}

/** One connection: appends what it brings to `part`. Returns when the answer has ended; throws when it broke. */
const receive = async (address: string, file: RemoteFile, part: string, options: FetchOptions): Promise<void> => {
  const have = await sizeOf(part)
  const stalled = new AbortController()
  const stallAfter = options.stallMilliseconds ?? 60_000
  let timer = setTimeout(() => stalled.abort(new Error(`nothing came for ${stallAfter / 1000} s`)), stallAfter)
  const signal = options.signal === undefined ? stalled.signal : AbortSignal.any([stalled.signal, options.signal])
  try {
    const headers: Record<string, string> = { "accept-encoding": "identity", ...(have > 0 ? { range: `bytes=${have}-` } : {}) }
    const answer = await fetch(address, { headers, signal, redirect: "follow" })
    if (answer.status === 416) {
      await answer.body?.cancel()
      await rm(part, { force: true })
      throw new Error("the server has no such range; starting over")
    }
    if (answer.status !== 200 && answer.status !== 206) {
      await answer.body?.cancel()
      throw new DataError({
        reason: "missing", file: address, expected: "the file", found: `the answer ${answer.status} ${answer.statusText}`.trim(),
      })
    }
    // A server that ignores Range, or that answers with another range, sends what must not be appended.
    const resumed = answer.status === 206 && new RegExp(`^bytes ${have}-`).test(answer.headers.get("content-range") ?? "")
    if (answer.status === 206 && !resumed) {
      await answer.body?.cancel()
      await rm(part, { force: true })
      throw new Error("the server answered with another range; starting over")
    }
    let done = resumed ? have : 0
    const output = await open(part, resumed ? "a" : "w")
    try {
      for await (const chunk of answer.body ?? []) {
        timer.refresh()
        done += chunk.length
        if (done > file.bytes) throw new DataError({ reason: "corrupt", file: address, expected: `${file.bytes} bytes`, found: "more" })
        await output.write(chunk)
        options.onProgress?.(done, file.bytes, file.name)
      }
    } finally {
      await output.close()
    }
  } catch (error) {
    throw signal.aborted && !(error instanceof DataError) ? signal.reason : error
  } finally {
    clearTimeout(timer)
  }
}

/** Tries one address until all bytes are there. */
const complete = async (address: string, file: RemoteFile, part: string, options: FetchOptions): Promise<void> => {
  const attempts = options.attempts ?? 5
  let failures = 0
  for (;;) {
    const before = await sizeOf(part)
    if (before === file.bytes) return
    if (before > file.bytes) await rm(part, { force: true })
    let why = "the connection ended early"
    try {
      await receive(address, file, part, options)
      if ((await sizeOf(part)) === file.bytes) return
    } catch (error) {
      if (options.signal?.aborted === true || error instanceof DataError) throw error
      const cause = error instanceof Error && error.cause !== undefined ? ` (${reasonText(error.cause)})` : ""
      why = reasonText(error) + cause
    }
    const now = await sizeOf(part)
    failures = now > before ? 1 : failures + 1
    if (failures >= attempts) {
      throw new DataError({
        reason: "missing", file: address, expected: `${file.bytes} bytes`,
        found: `${now}: ${why}`, hint: now > 0 ? "what came is kept; the same command goes on from there" : "check the network",
      })
    }
    await pause((options.pauseMilliseconds ?? 1000) * 2 ** Math.min(failures - 1, 4), undefined, options.signal === undefined ? {} : { signal: options.signal })
  }
}

/** Leaves the file at `target`, whole and checked; gives false where it was there already. */
export const fetchFile = async (file: RemoteFile, target: string, options: FetchOptions): Promise<boolean> => {
  if ((await sizeOf(target)) === file.bytes && (await md5Of(target)) === file.md5) return false
  const part = `${target}.part`
  let last: unknown
  for (const address of file.addresses) {
    try {
      const resumed = (await sizeOf(part)) > 0
      await complete(address, file, part, options)
      let found = await md5Of(part)
      if (found !== file.md5 && resumed) {
        // The part that was kept may have been of another version: once more from the start.
        await rm(part, { force: true })
        await complete(address, file, part, options)
        found = await md5Of(part)
      }
      if (found !== file.md5) {
        await rm(part, { force: true })
        throw new DataError({ reason: "corrupt", file: address, expected: `md5 ${file.md5}`, found: found, hint: "nothing was kept" })
      }
      await rename(part, target)
      return true
    } catch (error) {
      if (options.signal?.aborted === true) throw error
      last = error
    }
  }
  throw last
}
