/** Binary PPM and PGM (P6, P5): a short text header, then samples of one byte, or two with the high one first. */
import { DataError } from "./data-error.ts"

export interface PpmPicture {
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3
  readonly data: Uint8Array
}

export const isPpm = (bytes: Uint8Array): boolean => bytes.length > 2 && bytes[0] === 0x50 && (bytes[1] === 0x35 || bytes[1] === 0x36)

const isSpace = (byte: number): boolean => byte === 32 || (byte >= 9 && byte <= 13)

export const readPpm = (file: string, bytes: Uint8Array, pixelLimit: number): PpmPicture => {
  const corrupt = (expected: string, found: string): never => {
    throw new DataError({ reason: "corrupt", file, expected, found })
  }
  let at = 2
  const number = (what: string): number => {
    while (at < bytes.length && (isSpace(bytes[at]!) || bytes[at] === 35)) {
      if (bytes[at] === 35) while (at < bytes.length && bytes[at] !== 10) at++
      else at++
    }
    const start = at
    while (at < bytes.length && at - start < 10 && bytes[at]! >= 48 && bytes[at]! <= 57) at++
    if (at === start || at === bytes.length || !isSpace(bytes[at]!)) return corrupt(`a PPM header with a ${what}`, "none")
    return Number(Buffer.from(bytes.subarray(start, at)).toString("latin1"))
  }
  const width = number("width")
  const height = number("height")
  const most = number("largest value")
  at++
  if (width < 1 || height < 1) return corrupt("a width and a height from 1", `${width} x ${height}`)
  if (width * height > pixelLimit) throw new DataError({
    reason: "limit", file, expected: `at most ${pixelLimit} pixels`, found: `${width} x ${height}`,
  })
  if (most < 1 || most > 65535) return corrupt("a largest value from 1 to 65535", String(most))
  const channels = bytes[1] === 0x36 ? 3 : 1
  const wide = most > 255 ? 2 : 1
  const count = width * height * channels
  if (bytes.length - at < count * wide) return corrupt(`${count * wide} bytes of pixels`, `${bytes.length - at}`)
  const data = new Uint8Array(count)
  for (let i = 0; i < count; i++) {
    const value = wide === 2 ? bytes[at + 2 * i]! * 256 + bytes[at + 2 * i + 1]! : bytes[at + i]!
    if (value > most) return corrupt(`values up to ${most}`, `${value}`)
    data[i] = most === 255 ? value : Math.round((value * 255) / most)
  }
  return { width, height, channels, data }
}
