/** NumPy's .npy: a literal header that is parsed as data, never evaluated, then the elements; read with every size checked, written in version 1.0. */
import { DataError } from "./data-error.ts"

export type NpyData = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array | Float64Array

export interface NpyArray {
  readonly shape: readonly number[]
  /** 64-bit integers come as f64 when each is exact, f16 as f32. */
  readonly dtype: "bool" | "u8" | "i8" | "u16" | "i16" | "u32" | "i32" | "i64" | "u64" | "f32" | "f64"
  /** Row-major. */
  readonly data: NpyData
}

const headerLimit = 65_536
const rankLimit = 32

interface Header {
  readonly descr: string
  readonly fortran: boolean
  readonly shape: readonly number[]
}

const entry = /\s*(['"])(descr|fortran_order|shape)\1\s*:\s*('[^'\\]*'|"[^"\\]*"|True|False|\([\d\s,L-]*\))\s*(,?)/y

const parseHeader = (text: string, corrupt: (expected: string, found: string) => never): Header => {
  const trimmed = text.trim()
  const shown = trimmed.length > 80 ? `${trimmed.slice(0, 80)}…` : trimmed
  const refuse = (): never => corrupt("a header {'descr': …, 'fortran_order': …, 'shape': (…)}", JSON.stringify(shown))
  if (!trimmed.startsWith("{") || !trimmed.endsWith("}")) return refuse()
  const inside = trimmed.slice(1, -1)
  const found = new Map<string, string>()
  for (let at = 0; at < inside.length && inside.slice(at).trim() !== "";) {
    entry.lastIndex = at
    const match = entry.exec(inside)
    if (match === null || found.has(match[2]!)) return refuse()
    found.set(match[2]!, match[3]!)
    at = entry.lastIndex
    if (match[4] === "" && inside.slice(at).trim() !== "") return refuse()
  }
  const descr = found.get("descr")
  const order = found.get("fortran_order")
  const tuple = found.get("shape")
  if (descr === undefined || !/^['"]/.test(descr) || (order !== "True" && order !== "False") || tuple === undefined || !tuple.startsWith("(")) return refuse()
  const parts = tuple.slice(1, -1).split(",").map((part) => part.trim().replace(/L$/, ""))
  if (parts[parts.length - 1] === "") parts.pop()
  if (parts.length > rankLimit) return corrupt(`at most ${rankLimit} dimensions`, String(parts.length))
  const shape = parts.map((part) => (/^\d{1,15}$/.test(part) ? Number(part) : corrupt("sizes that are whole numbers from 0", part === "" ? "nothing" : part.slice(0, 40))))
  return { descr: descr.slice(1, -1), fortran: order === "True", shape }
}

const halfToFloat = (half: number): number => {
  const exponent = (half >> 10) & 31
  const fraction = half & 1023
  const size = exponent === 0 ? fraction * 2 ** -24 : exponent === 31 ? (fraction === 0 ? Infinity : NaN) : (1 + fraction / 1024) * 2 ** (exponent - 15)
  return half & 0x8000 ? -size : size
}

interface Element {
  readonly dtype: NpyArray["dtype"]
  readonly make: (length: number) => NpyData
  readonly get: (view: DataView, at: number, little: boolean) => number
}

const elementTypes: Readonly<Record<string, Element>> = {
  b1: { dtype: "bool", make: (n) => new Uint8Array(n), get: (v, at) => (v.getUint8(at) === 0 ? 0 : 1) },
  u1: { dtype: "u8", make: (n) => new Uint8Array(n), get: (v, at) => v.getUint8(at) },
  i1: { dtype: "i8", make: (n) => new Int8Array(n), get: (v, at) => v.getInt8(at) },
  u2: { dtype: "u16", make: (n) => new Uint16Array(n), get: (v, at, little) => v.getUint16(at, little) },
  i2: { dtype: "i16", make: (n) => new Int16Array(n), get: (v, at, little) => v.getInt16(at, little) },
  u4: { dtype: "u32", make: (n) => new Uint32Array(n), get: (v, at, little) => v.getUint32(at, little) },
  i4: { dtype: "i32", make: (n) => new Int32Array(n), get: (v, at, little) => v.getInt32(at, little) },
  u8: { dtype: "u64", make: (n) => new Float64Array(n), get: (v, at, little) => Number(v.getBigUint64(at, little)) },
  i8: { dtype: "i64", make: (n) => new Float64Array(n), get: (v, at, little) => Number(v.getBigInt64(at, little)) },
  f2: { dtype: "f32", make: (n) => new Float32Array(n), get: (v, at, little) => halfToFloat(v.getUint16(at, little)) },
  f4: { dtype: "f32", make: (n) => new Float32Array(n), get: (v, at, little) => v.getFloat32(at, little) },
  f8: { dtype: "f64", make: (n) => new Float64Array(n), get: (v, at, little) => v.getFloat64(at, little) },
}

/** For each row-major place, in order, where a column-major array keeps it. */
const fortranPlaces = function* (shape: readonly number[], count: number): Generator<number> {
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((a, b) => a * b, 1))
  const at = shape.map(() => 0)
  let place = 0
  for (let i = 0; i < count; i++) {
    yield place
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place += strides[axis]!
      if (++at[axis]! < shape[axis]!) break
      place -= strides[axis]! * shape[axis]!
      at[axis] = 0
    }
  }
}

export const readNpy = (file: string, bytes: Uint8Array): NpyArray => {
  const corrupt = (expected: string, found: string): never => {
    throw new DataError({ reason: "corrupt", file, expected, found })
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 10) return corrupt("a .npy file", `${bytes.length} bytes`)
  if (view.getUint32(0) !== 0x934e554d || view.getUint16(4) !== 0x5059) return corrupt("the bytes \\x93NUMPY of a .npy file", "others")
  const major = bytes[6]!
  if (major < 1 || major > 3) return corrupt("format version 1, 2 or 3", String(major))
  const start = major === 1 ? 10 : 12
  const length = major === 1 ? view.getUint16(8, true) : bytes.length < 12 ? bytes.length : view.getUint32(8, true)
  if (start + length > bytes.length) return corrupt(`a header of ${length} bytes`, `${Math.max(0, bytes.length - start)} bytes after its length`)
  if (length > headerLimit) throw new DataError({
    reason: "limit", file, expected: `a header of at most ${headerLimit} bytes`, found: String(length),
  })
  const header = parseHeader(Buffer.from(bytes.subarray(start, start + length)).toString(major === 3 ? "utf8" : "latin1"), corrupt)
  const kind = /^([<>|=])([a-z]\d)$/.exec(header.descr)
  const element = kind === null ? undefined : elementTypes[kind[2]!]
  if (kind === null || element === undefined) return corrupt(`elements of type ${Object.keys(elementTypes).join(", ")}`, JSON.stringify(header.descr.slice(0, 40)))
  const width = Number(kind[2]![1])
  const wanted = header.shape.reduce((product, size) => product * BigInt(size), BigInt(width))
  const payload = bytes.length - start - length
  if (wanted !== BigInt(payload)) return corrupt(`${[...header.shape, `${width} bytes`].join(" x ")} = ${wanted} bytes of data`, `${payload}`)
  const count = payload / width
  const data = element.make(count)
  const from = start + length
  const little = kind[1] !== ">"
  const converted = ["bool", "i64", "u64"].includes(element.dtype) || data.BYTES_PER_ELEMENT !== width || (width > 1 && !little)
  const plainCopy = !header.fortran && !converted
  if (plainCopy) new Uint8Array(data.buffer).set(bytes.subarray(from))
  else if (header.fortran) {
    let i = 0
    for (const place of fortranPlaces(header.shape, count)) data[i++] = element.get(view, from + place * width, little)
  } else for (let i = 0; i < count; i++) data[i] = element.get(view, from + i * width, little)
  if (element.dtype === "i64" || element.dtype === "u64") {
    const inexact = data.findIndex((value) => !Number.isSafeInteger(value))
    if (inexact >= 0) return corrupt("64-bit integers below 2^53", `element ${inexact}`)
  }
  return { shape: header.shape, dtype: element.dtype, data }
}

const written = { f32: ["<f4", 4], f64: ["<f8", 8], i32: ["<i4", 4], u32: ["<u4", 4], u8: ["|u1", 1], bool: ["|b1", 1] } as const

/** The bytes of a .npy file; equal arrays give equal bytes. `bool` takes 0 and 1 of any array type. */
export const writeNpy = (dtype: keyof typeof written, shape: readonly number[], values: ArrayLike<number>): Uint8Array => {
  const count = shape.reduce((product, size) => product * size, 1)
  if (count !== values.length) throw new Error(`writeNpy: a shape of ${count} elements with ${values.length} values`)
  const [descr, width] = written[dtype]
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`
  const literal = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`
  const total = Math.ceil((10 + literal.length + 1) / 64) * 64
  const bytes = new Uint8Array(total + count * width)
  bytes.set(Buffer.from(`\x93NUMPY\x01\x00`, "latin1"))
  const view = new DataView(bytes.buffer)
  view.setUint16(8, total - 10, true)
  bytes.set(Buffer.from(`${literal.padEnd(total - 11)}\n`, "latin1"), 10)
  for (let i = 0; i < count; i++) {
    const at = total + i * width
    const value = values[i]!
    if (dtype === "f32") view.setFloat32(at, value, true)
    else if (dtype === "f64") view.setFloat64(at, value, true)
    else if (dtype === "i32") view.setInt32(at, value, true)
    else if (dtype === "u32") view.setUint32(at, value, true)
    else bytes[at] = dtype === "bool" ? (value === 0 ? 0 : 1) : value
  }
  return bytes
}
