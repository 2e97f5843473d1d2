/** Decoding a picture to 8-bit grey or RGB through sharp: EXIF orientation applied, alpha laid over white, palettes and 16 bits reduced, sizes bounded. */
import { DataError, reasonText } from "./data-error.ts"
import { isPpm, readPpm } from "./ppm.ts"

/** Pixels that are decoded at most (Pillow's limit too). */
export const pixelLimit = 178_956_970

export interface Pixels {
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3
  /** Row by row, channels together. */
  readonly data: Uint8Array
  /** The picture's own size, upright. */
  readonly original: { readonly width: number; readonly height: number }
}

export interface Placement {
  /** Resize to this. */
  readonly width: number
  readonly height: number
  /** Then cut this out. */
  readonly crop?: { readonly left: number; readonly top: number; readonly width: number; readonly height: number }
}

/** How a picture of some size is brought to the wanted one. */
export type Fit = (width: number, height: number) => Placement

/** The short side becomes `size`, then the middle square is cut out (what torchvision calls Resize and CenterCrop). */
export const middleSquare = (size: number): Fit => (width, height) => {
  const short = Math.min(width, height)
  const wide = Math.max(size, Math.round((width * size) / short))
  const high = Math.max(size, Math.round((height * size) / short))
  return { width: wide, height: high, crop: { left: Math.floor((wide - size) / 2), top: Math.floor((high - size) / 2), width: size, height: size } }
}

/** The long side becomes `size`, the shape is kept. */
export const within = (size: number): Fit => (width, height) => {
  const long = Math.max(width, height)
  return { width: Math.max(1, Math.round((width * size) / long)), height: Math.max(1, Math.round((height * size) / long)) }
}

/** Luma of Rec. 601, as Pillow and torchvision turn colour to grey. */
const greyOf = (rgb: Uint8Array): Uint8Array => {
  const grey = new Uint8Array(rgb.length / 3)
  for (let i = 0; i < grey.length; i++) grey[i] = (rgb[3 * i]! * 19595 + rgb[3 * i + 1]! * 38470 + rgb[3 * i + 2]! * 7471 + 32768) >> 16
  return grey
}

/** Something as long as a crafted picture could grow `sharp`'s own message; ours stays one line. */
const sharpFault = (file: string, error: unknown): DataError => {
  const text = reasonText(error)
  return text.includes("pixel limit")
    ? new DataError({ reason: "limit", file, expected: `a picture of at most ${pixelLimit} pixels`, found: "a larger one" })
    : new DataError({ reason: "corrupt", file, expected: "a whole picture (PNG, JPEG, WebP, PPM)", found: text.slice(0, 200) })
}

export const decodeImage = async (file: string, bytes: Uint8Array, channels: 1 | 3, fit?: Fit): Promise<Pixels> => {
  if (bytes.length === 0) throw new DataError({ reason: "corrupt", file, expected: "a picture", found: "an empty file" })
  const { default: sharp } = await import("sharp")
  // The file decides what is decoded; anything but pictures of pixels (SVG, PDF) is refused before it is opened.
  const formats = ["png", "jpeg", "webp", "gif", "tiff", "avif", "heif", "raw"]
  const safe = { failOn: "error", limitInputPixels: pixelLimit, ignoreIcc: true, pages: 1 } as const
  const ppm = isPpm(bytes) ? readPpm(file, bytes, pixelLimit) : undefined
  try {
    const opened = ppm === undefined ? sharp(bytes, safe) : sharp(ppm.data, { raw: { width: ppm.width, height: ppm.height, channels: ppm.channels } })
    const about = await opened.metadata()
    if (about.format === undefined || !formats.includes(about.format)) throw new Error(`the format ${about.format ?? "unknown"}`)
    const { width, height } = about.autoOrient
    let chain = opened.autoOrient()
    if (about.hasAlpha === true) chain = chain.flatten({ background: "#ffffff" })
    if (fit !== undefined) {
      const to = fit(width, height)
      if (to.width !== width || to.height !== height) chain = chain.resize(to.width, to.height, { fit: "fill", kernel: "cubic" })
      if (to.crop !== undefined) chain = chain.extract(to.crop)
    }
    const { data, info } = await chain.toColourspace("srgb").removeAlpha().raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true })
    const rgb = info.channels === 3 ? data : undefined
    if (rgb === undefined && info.channels !== 1) throw new Error(`${info.channels} channels after decoding`)
    const count = info.width * info.height
    const pixels = channels === 1 ? (rgb === undefined ? data : greyOf(rgb)) : rgb ?? Uint8Array.from({ length: 3 * count }, (_, i) => data[Math.floor(i / 3)]!)
    return { width: info.width, height: info.height, channels, data: pixels, original: { width, height } }
  } catch (error) {
    throw error instanceof DataError ? error : sharpFault(file, error)
  }
}
