/** Writing PNG and animated PNG: 8-bit grey or RGB, the Sub filter on every row, the same bytes for the same pixels. */
import { crc32, deflateSync } from "node:zlib"

export interface PngPicture {
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3
  /** Row by row, channels together. */
  readonly pixels: Uint8Array
}

const chunk = (type: string, ...data: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat([Buffer.from(type, "latin1"), ...data])
  const framed = Buffer.alloc(body.length + 8)
  framed.writeUInt32BE(body.length - 4, 0)
  body.copy(framed, 4)
  framed.writeUInt32BE(crc32(body), body.length + 4)
  return framed
}

const words = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length)
  values.forEach((value, i) => bytes.writeUInt32BE(value, 4 * i))
  return bytes
}

const compress = ({ width, height, channels, pixels }: PngPicture): Buffer => {
  const row = width * channels
  const filtered = Buffer.alloc((row + 1) * height)
  for (let y = 0; y < height; y++) {
    const to = y * (row + 1)
    const from = y * row
    filtered[to] = 1
    for (let x = 0; x < row; x++) filtered[to + 1 + x] = x < channels ? pixels[from + x]! : pixels[from + x]! - pixels[from + x - channels]!
  }
  return deflateSync(filtered, { level: 6 })
}

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

const header = (picture: PngPicture): Buffer => {
  if (picture.width < 1 || picture.height < 1 || picture.pixels.length !== picture.width * picture.height * picture.channels) {
    throw new Error(`PNG of ${picture.width} x ${picture.height} x ${picture.channels} with ${picture.pixels.length} bytes`)
  }
  return chunk("IHDR", words(picture.width, picture.height), Buffer.from([8, picture.channels === 3 ? 2 : 0, 0, 0, 0]))
}

export const encodePng = (picture: PngPicture): Uint8Array => Buffer.concat([signature, header(picture), chunk("IDAT", compress(picture)), chunk("IEND")])

/** Frames of one size, shown in a loop; a viewer that knows no APNG shows the first. */
export const encodeApng = (frames: readonly PngPicture[], framesPerSecond: number): Uint8Array => {
  const first = frames[0]
  if (first === undefined) throw new Error("APNG without frames")
  if (frames.length === 1) return encodePng(first)
  const parts: Buffer[] = [signature, header(first), chunk("acTL", words(frames.length, 0))]
  let sequence = 0
  frames.forEach((frame, number) => {
    if (frame.width !== first.width || frame.height !== first.height || frame.channels !== first.channels) throw new Error("APNG frames differ in size")
    const delay = Buffer.alloc(6)
    delay.writeUInt16BE(1, 0)
    delay.writeUInt16BE(framesPerSecond, 2)
    parts.push(chunk("fcTL", words(sequence++, frame.width, frame.height, 0, 0), delay))
    parts.push(number === 0 ? chunk("IDAT", compress(frame)) : chunk("fdAT", words(sequence++), compress(frame)))
  })
  return Buffer.concat([...parts, chunk("IEND")])
}
