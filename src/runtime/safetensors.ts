/** safetensors: tensors by name in one file. The reader believes nothing before it has checked it; the writer gives equal bytes for equal tensors. */
import { open } from "node:fs/promises"
import { CheckpointError } from "./errors.ts"

const dtypeBytes = { BOOL: 1, U8: 1, I8: 1, F8_E4M3: 1, F8_E5M2: 1, I16: 2, U16: 2, F16: 2, BF16: 2, I32: 4, U32: 4, F32: 4, I64: 8, U64: 8, F64: 8 } as const
export type SafeDType = keyof typeof dtypeBytes

export interface SafeTensor {
  readonly dtype: SafeDType
  readonly shape: readonly number[]
  /** Little-endian elements; of this tensor alone, at an aligned address. */
  readonly bytes: Uint8Array
}

export interface SafeFile {
  readonly tensors: ReadonlyMap<string, SafeTensor>
  readonly metadata: ReadonlyMap<string, string>
}

interface Entry {
  readonly name: string
  readonly dtype: SafeDType
  readonly shape: readonly number[]
  readonly begin: number
  readonly end: number
}

const headerLimit = 100_000_000
const rankLimit = 64

class Refusal extends Error {}
const refuse = (message: string): never => {
  throw new Refusal(message)
}

/** The header's own grammar, a small part of JSON; it has no recursion, so no depth can exhaust the stack. */
const scanner = (text: string) => {
  let at = 0
  const space = (): void => {
    while (at < text.length && " \t\r\n".includes(text[at]!)) at++
  }
  const peek = (): string => {
    space()
    return text[at] ?? ""
  }
  const take = (mark: string): void => {
    if (peek() !== mark) refuse(`the header has ${at < text.length ? JSON.stringify(text[at]) : "its end"} where ${mark} is expected (at ${at})`)
    at++
  }
  const string = (): string => {
    if (peek() !== '"') refuse(`the header has no text where one is expected (at ${at})`)
    const start = at++
    while (at < text.length && text[at] !== '"') at += text[at] === "\\" ? 2 : 1
    if (at >= text.length) refuse("the header ends inside a text")
    at++
    try {
      return JSON.parse(text.slice(start, at)) as string
    } catch {
      return refuse(`a text of the header is not JSON (at ${start})`)
    }
  }
  const whole = (): number => {
    space()
    const digits = /[0-9]*/y
    digits.lastIndex = at
    const found = digits.exec(text)![0]
    const next = text[at + found.length] ?? ""
    if (found === "" || (found.length > 1 && found.startsWith("0")) || /[.eE+-]/.test(next)) refuse(`the header has no whole number from 0 where one is expected (at ${at})`)
    at += found.length
    const value = Number(found)
    return Number.isSafeInteger(value) ? value : refuse(`the header's number ${found.slice(0, 40)} is too large`)
  }
  /** `open item , item close` */
  const list = (open: string, close: string, item: () => void): void => {
    take(open)
    if (peek() === close) {
      at++
      return
    }
    for (;;) {
      item()
      if (peek() === close) break
      take(",")
    }
    at++
  }
  const rest = (): string => text.slice(at)
  return { take, string, whole, list, rest }
}

type Scanner = ReturnType<typeof scanner>

const numbers = (scan: Scanner, most: number, what: string): readonly number[] => {
  const found: number[] = []
  scan.list("[", "]", () => {
    if (found.length === most) refuse(`${what} has more than ${most} numbers`)
    found.push(scan.whole())
  })
  return found
}

const shown = (name: string): string => JSON.stringify(name.length > 80 ? `${name.slice(0, 77)}...` : name)

const entryOf = (scan: Scanner, name: string): Entry => {
  let dtype: string | undefined
  let shape: readonly number[] | undefined
  let offsets: readonly number[] | undefined
  scan.list("{", "}", () => {
    const key = scan.string()
    scan.take(":")
    if (key === "dtype" && dtype === undefined) dtype = scan.string()
    else if (key === "shape" && shape === undefined) shape = numbers(scan, rankLimit, `the shape of ${shown(name)}`)
    else if (key === "data_offsets" && offsets === undefined) offsets = numbers(scan, 2, `data_offsets of ${shown(name)}`)
    else refuse(`the tensor ${shown(name)} has the key ${shown(key)} ${["dtype", "shape", "data_offsets"].includes(key) ? "twice" : "which the format does not know"}`)
  })
  if (dtype === undefined || shape === undefined || offsets === undefined) return refuse(`the tensor ${shown(name)} lacks its dtype, shape or data_offsets`)
  if (!Object.hasOwn(dtypeBytes, dtype)) return refuse(`the tensor ${shown(name)} has the dtype ${shown(dtype)}, which the format does not know`)
  const [begin, end] = offsets
  if (begin === undefined || end === undefined || end < begin) return refuse(`the tensor ${shown(name)} has data_offsets [${offsets.join(", ")}]`)
  let size = dtypeBytes[dtype as SafeDType] as number
  for (const extent of shape) {
    size *= extent
    if (!Number.isSafeInteger(size)) return refuse(`the tensor ${shown(name)} is too large`)
  }
  // A zero extent after one that overflows would hide it; the loop above has refused that already.
  if (size !== end - begin) return refuse(`the tensor ${shown(name)} of ${dtype}[${shape.join(", ")}] needs ${size} bytes, and data_offsets gives ${end - begin}`)
  return { name, dtype: dtype as SafeDType, shape, begin, end }
}

/** `payload`: bytes after the header. Nothing of them is touched. */
const parseHeader = (text: string, payload: number): { readonly entries: readonly Entry[]; readonly metadata: ReadonlyMap<string, string> } => {
  if (!text.startsWith("{")) refuse("the header does not begin with {")
  const scan = scanner(text)
  const entries = new Map<string, Entry>()
  const metadata = new Map<string, string>()
  let hasMetadata = false
  scan.list("{", "}", () => {
    const name = scan.string()
    scan.take(":")
    if (name === "__metadata__") {
      if (hasMetadata) refuse("the header has __metadata__ twice")
      hasMetadata = true
      scan.list("{", "}", () => {
        const key = scan.string()
        scan.take(":")
        if (metadata.has(key)) refuse(`the metadata has ${shown(key)} twice`)
        metadata.set(key, scan.string())
      })
      return
    }
    if (entries.has(name)) refuse(`the tensor ${shown(name)} is there twice`)
    entries.set(name, entryOf(scan, name))
  })
  if (/[^ ]/.test(scan.rest())) refuse("something follows the header's object")
  let at = 0
  for (const entry of [...entries.values()].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (entry.begin !== at) refuse(`the tensor ${shown(entry.name)} begins at byte ${entry.begin}; the one before it ends at ${at}`)
    at = entry.end
  }
  if (at !== payload) refuse(`the tensors take ${at} bytes; ${payload} follow the header`)
  return { entries: [...entries.values()], metadata }
}

/** The length of the header, from the first 8 bytes and the size of the file. */
const headerLength = (start: Uint8Array, size: number): number => {
  if (size < 8 || start.length < 8) return refuse(`the file has ${size} bytes; 8 are needed for the header's length`)
  const length = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true)
  if (length > BigInt(headerLimit)) return refuse(`the header's length is ${length}; ${headerLimit} is the most`)
  if (length < 2n) return refuse(`the header's length is ${length}`)
  if (Number(length) > size - 8) return refuse(`the header's length is ${length}; the file has ${size} bytes`)
  return Number(length)
}

const headerText = (bytes: Uint8Array): string => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return refuse("the header is not UTF-8")
  }
}

const corrupt = (file: string, why: string): CheckpointError =>
  new CheckpointError({ reason: "Corrupt", message: `This is no whole .safetensors file: ${why}.`, where: file, hint: "give another file, or write this one again" })

const orCorrupt = <A>(file: string, read: () => A): A | CheckpointError => {
  try {
    return read()
  } catch (error) {
    if (error instanceof Refusal) return corrupt(file, error.message)
    throw error
  }
}

/** A file that is in memory already. */
export const parseSafetensors = (file: string, bytes: Uint8Array): SafeFile | CheckpointError =>
  orCorrupt(file, () => {
    const length = headerLength(bytes.subarray(0, 8), bytes.length)
    const { entries, metadata } = parseHeader(headerText(bytes.subarray(8, 8 + length)), bytes.length - 8 - length)
    const start = 8 + length
    return { metadata, tensors: new Map(entries.map(({ name, dtype, shape, begin, end }) => [name, { dtype, shape, bytes: new Uint8Array(bytes.subarray(start + begin, start + end)) }])) }
  })

/** The header is read and believed before anything is allocated for the tensors. */
export const readSafetensors = async (file: string): Promise<SafeFile | CheckpointError> => {
  try {
    const handle = await open(file, "r")
    try {
      const { size } = await handle.stat()
      const at = async (position: number, length: number): Promise<Uint8Array> => {
        const into = new Uint8Array(length)
        for (let done = 0; done < length;) {
          const { bytesRead } = await handle.read(into, done, Math.min(length - done, 2 ** 30), position + done)
          if (bytesRead === 0) return refuse("the file ends early")
          done += bytesRead
        }
        return into
      }
      const length = headerLength(await at(0, Math.min(8, size)), size)
      const { entries, metadata } = parseHeader(headerText(await at(8, length)), size - 8 - length)
      const tensors = new Map<string, SafeTensor>()
      for (const { name, dtype, shape, begin, end } of entries) tensors.set(name, { dtype, shape, bytes: await at(8 + length + begin, end - begin) })
      return { metadata, tensors }
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (error instanceof Refusal) return corrupt(file, error.message)
    const code = (error as NodeJS.ErrnoException).code
    const why = code === "ENOENT" ? "there is no such file" : code === "EISDIR" ? "it is a folder" : code === "EACCES" ? "there is no permission to read it" : (error as Error).message
    return new CheckpointError({ reason: "Missing", message: `The weights cannot be read: ${why}.`, where: file, hint: "give a run directory or a .safetensors file" })
  }
}

/** Tensors in the given order; the header is padded with spaces so that the data begins at a multiple of 8. */
export const writeSafetensors = (tensors: ReadonlyMap<string, SafeTensor>): Uint8Array => {
  let end = 0
  const fields = [...tensors].map(([name, { dtype, shape, bytes }]) => {
    const begin = end
    end += bytes.length
    return `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape.join(",")}],"data_offsets":[${begin},${end}]}`
  })
  const text = new TextEncoder().encode(`{${fields.join(",")}}`)
  const length = Math.ceil(text.length / 8) * 8
  const file = new Uint8Array(8 + length + end)
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true)
  file.fill(0x20, 8, 8 + length)
  file.set(text, 8)
  let at = 8 + length
  for (const { bytes } of tensors.values()) {
    file.set(bytes, at)
    at += bytes.length
  }
  return file
}
