/** ZIP archives in memory: the central directory is believed only where it agrees with the bytes; names, sizes and checksums are checked. */
import { crc32, inflateRawSync } from "node:zlib"
import { DataError, reasonText } from "./data-error.ts"
import { inflatedLimit } from "./gzip.ts"

export interface ZipEntry {
  readonly name: string
  readonly bytes: Uint8Array
}

/** Why a path must not be unpacked, or undefined. */
export const unsafePath = (name: string): string | undefined =>
  name === "" ? "an empty name"
    : /[\0-\x1f]/.test(name) ? "a control character in a name"
    : name.includes("\\") ? "a backslash in a name"
    : name.startsWith("/") || /^[a-zA-Z]:/.test(name) ? "an absolute path"
    : name.split("/").includes("..") ? "a path that leaves the folder"
    : undefined

const endSignature = 0x06054b50
const centralSignature = 0x02014b50
const localSignature = 0x04034b50

export const readZip = (file: string, bytes: Uint8Array): readonly ZipEntry[] => {
  const corrupt = (expected: string, found: string): never => {
    throw new DataError({ reason: "corrupt", file, expected, found })
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let end = bytes.length - 22
  while (end >= 0 && end >= bytes.length - 22 - 65_535 && view.getUint32(end, true) !== endSignature) end--
  if (end < 0 || view.getUint32(end, true) !== endSignature) return corrupt("a ZIP archive with its directory at the end", "none (truncated?)")
  const count = view.getUint16(end + 10, true)
  const limit = inflatedLimit(bytes.length)
  const names = new Set<string>()
  const entries: ZipEntry[] = []
  let total = 0
  let at = view.getUint32(end + 16, true)
  for (let number = 0; number < count; number++) {
    if (at + 46 > end || view.getUint32(at, true) !== centralSignature) return corrupt(`${count} entries in the directory`, `${number} whole ones`)
    const flags = view.getUint16(at + 8, true)
    const method = view.getUint16(at + 10, true)
    const checksum = view.getUint32(at + 16, true)
    const packed = view.getUint32(at + 20, true)
    const size = view.getUint32(at + 24, true)
    const nameLength = view.getUint16(at + 28, true)
    const next = at + 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true)
    const mode = (view.getUint32(at + 38, true) >>> 16) & 0o170000
    const local = view.getUint32(at + 42, true)
    if (next > end) return corrupt(`${count} entries in the directory`, `${number} whole ones`)
    const name = Buffer.from(bytes.subarray(at + 46, at + 46 + nameLength)).toString("utf8")
    at = next
    const bad = unsafePath(name)
    if (bad !== undefined) return corrupt("names of files inside the archive", `${bad}: ${JSON.stringify(name.slice(0, 80))}`)
    if (names.has(name)) return corrupt("each name once", `${JSON.stringify(name)} twice`)
    names.add(name)
    if (mode === 0o120000) return corrupt("files", `a symbolic link: ${name}`)
    if ((flags & 1) !== 0) return corrupt("files that are not encrypted", name)
    if (packed === 0xffffffff || size === 0xffffffff || local === 0xffffffff) throw new DataError({
      reason: "limit", file, expected: "entries below 4 GiB", found: name,
    })
    total += size
    if (total > limit) throw new DataError({
      reason: "limit", file, expected: `at most ${limit} bytes once unpacked`, found: `more than that from ${bytes.length} bytes`,
    })
    if (local + 30 > bytes.length || view.getUint32(local, true) !== localSignature) return corrupt(`the entry ${name} where the directory says`, "something else")
    const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true)
    if (start + packed > end) return corrupt(`${packed} bytes of ${name}`, `${Math.max(0, end - start)}`)
    if (name.endsWith("/")) continue
    const stored = bytes.subarray(start, start + packed)
    let content: Uint8Array
    if (method === 0) content = stored
    else if (method === 8) {
      try {
        content = inflateRawSync(stored, { maxOutputLength: Math.max(1, size) })
      } catch (error) {
        return corrupt(`${size} bytes of ${name}`, (error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE" ? "more than the directory says" : reasonText(error))
      }
    } else return corrupt("stored or deflated entries", `method ${method} for ${name}`)
    if (content.length !== size) return corrupt(`${size} bytes of ${name}`, String(content.length))
    if (crc32(content) !== checksum) return corrupt(`${name} with checksum ${checksum.toString(16)}`, crc32(content).toString(16))
    entries.push({ name, bytes: content })
  }
  return entries
}

/** An archive of stored entries, all dated 1980-01-01: equal contents give equal bytes. */
export const writeZip = (entries: readonly ZipEntry[]): Uint8Array => {
  const parts: Uint8Array[] = []
  const directory: Uint8Array[] = []
  let offset = 0
  for (const { name, bytes } of entries) {
    const nameBytes = Buffer.from(name, "utf8")
    // The fields that the local header and the directory share: version 2.0, UTF-8 names, stored, 1980-01-01.
    const shared = Buffer.alloc(26)
    shared.writeUInt16LE(20, 0)
    shared.writeUInt16LE(0x0800, 2)
    shared.writeUInt16LE(0x0021, 8)
    shared.writeUInt32LE(crc32(bytes), 10)
    shared.writeUInt32LE(bytes.length, 14)
    shared.writeUInt32LE(bytes.length, 18)
    shared.writeUInt16LE(nameBytes.length, 22)
    const local = Buffer.alloc(4)
    local.writeUInt32LE(localSignature)
    parts.push(local, shared, nameBytes, bytes)
    const central = Buffer.alloc(6)
    central.writeUInt32LE(centralSignature)
    central.writeUInt16LE(20, 4)
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE(offset, 10)
    directory.push(central, shared, rest, nameBytes)
    offset += 30 + nameBytes.length + bytes.length
  }
  const length = directory.reduce((sum, part) => sum + part.length, 0)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(endSignature)
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...parts, ...directory, end])
}
