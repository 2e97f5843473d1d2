/** Unpacking a tar stream into a folder: plain files and folders only, names that stay inside, sizes and counts bounded, checksums checked. */
import { mkdir, open } from "node:fs/promises"
import { dirname, join } from "node:path"
import { DataError } from "./data-error.ts"
import { unsafePath } from "./zip.ts"

export interface TarLimits {
  readonly bytes: number
  readonly entries: number
}

interface TarHeader {
  readonly name: string
  readonly size: number
  readonly kind: "file" | "folder"
}

const text = (block: Uint8Array, from: number, length: number): string => {
  const field = block.subarray(from, from + length)
  const end = field.indexOf(0)
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString("utf8")
}

const kinds: Readonly<Record<string, string>> = {
  1: "a hard link", 2: "a symbolic link", 3: "a device", 4: "a device", 6: "a pipe",
  x: "an extended header", g: "an extended header", L: "a long name", K: "a long link",
}

const parseHeader = (file: string, block: Uint8Array): TarHeader => {
  const corrupt = (expected: string, found: string): never => {
    throw new DataError({ reason: "corrupt", file, expected, found })
  }
  const octal = (from: number, length: number, what: string): number => {
    const digits = text(block, from, length).trim()
    return /^[0-7]{1,12}$/.test(digits) ? parseInt(digits, 8) : corrupt(`a ${what} in octal digits`, JSON.stringify(digits.slice(0, 20)))
  }
  let sum = 0
  for (let i = 0; i < 512; i++) sum += i >= 148 && i < 156 ? 32 : block[i]!
  const stated = octal(148, 8, "header checksum")
  if (stated !== sum) return corrupt(`a header with checksum ${sum}`, String(stated))
  const prefix = text(block, 257, 5) === "ustar" ? text(block, 345, 155) : ""
  const name = prefix === "" ? text(block, 0, 100) : `${prefix}/${text(block, 0, 100)}`
  const type = block[156] === 0 ? "0" : String.fromCharCode(block[156]!)
  const bad = unsafePath(name)
  if (bad !== undefined) return corrupt("names of files inside the archive", `${bad}: ${JSON.stringify(name.slice(0, 80))}`)
  if (type !== "0" && type !== "5") return corrupt("files and folders", `${kinds[type] ?? `an entry of type ${JSON.stringify(type)}`}: ${name}`)
  return { name, size: type === "5" ? 0 : octal(124, 12, "size"), kind: type === "5" || name.endsWith("/") ? "folder" : "file" }
}

/** Unpacks into `folder`, which must exist and be the caller's own (whatever was written stays when this fails). Gives the files' names. */
export const unpackTar = async (file: string, stream: AsyncIterable<Uint8Array>, folder: string, limits: TarLimits): Promise<readonly string[]> => {
  const names: string[] = []
  const seen = new Set<string>()
  let held: Uint8Array = new Uint8Array(0)
  let total = 0
  let entries = 0
  let ended = false
  let remaining = 0
  let padding = 0
  let output: Awaited<ReturnType<typeof open>> | undefined
  const finish = async (): Promise<void> => {
    await output?.close()
    output = undefined
  }
  const begin = async (header: TarHeader): Promise<void> => {
    entries++
    total += header.size
    if (entries > limits.entries) throw new DataError({ reason: "limit", file, expected: `at most ${limits.entries} entries`, found: "more" })
    if (total > limits.bytes) throw new DataError({
      reason: "limit", file, expected: `at most ${limits.bytes} bytes once unpacked`, found: `${total} or more (${header.name})`,
    })
    if (header.kind === "folder") return void (await mkdir(join(folder, header.name), { recursive: true }))
    if (seen.has(header.name)) throw new DataError({
      reason: "corrupt", file, expected: "each name once", found: `${JSON.stringify(header.name)} twice`,
    })
    seen.add(header.name)
    names.push(header.name)
    await mkdir(dirname(join(folder, header.name)), { recursive: true })
    output = await open(join(folder, header.name), "wx")
    remaining = header.size
    padding = (512 - (header.size % 512)) % 512
    if (remaining === 0) await finish()
  }
  try {
    for await (const chunk of stream) {
      if (ended) continue
      let bytes: Uint8Array = held.length === 0 ? chunk : Buffer.concat([held, chunk])
      while (bytes.length > 0 && !ended) {
        if (remaining > 0) {
          const part = bytes.subarray(0, remaining)
          await output!.write(part)
          remaining -= part.length
          bytes = bytes.subarray(part.length)
          if (remaining === 0) await finish()
        } else if (padding > 0) {
          const skip = Math.min(padding, bytes.length)
          padding -= skip
          bytes = bytes.subarray(skip)
        } else if (bytes.length < 512) break
        else {
          const block = bytes.subarray(0, 512)
          bytes = bytes.subarray(512)
          if (block.every((byte) => byte === 0)) ended = true
          else await begin(parseHeader(file, block))
        }
      }
      held = Uint8Array.from(bytes)
    }
    if (remaining > 0 || padding > 0 || (!ended && held.length > 0)) throw new DataError({
      reason: "corrupt", file, expected: "a whole tar archive", found: "an end in the middle of an entry",
    })
    return names
  } finally {
    await finish()
  }
}
