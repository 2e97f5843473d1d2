/** Pictures that were decoded once are kept for the next epoch, as bytes, until they fill a bound; later ones are decoded each time. */
import { decodeImage } from "./decode-image.ts"
import type { Fit, Pixels } from "./decode-image.ts"
import { readWhole } from "./read-file.ts"

const mostBytes = 2 ** 28

/** Reads and decodes pictures of one number of channels and one fit. */
export const decodedPictures = (channels: 1 | 3, fit: Fit, most = mostBytes): ((file: string) => Promise<Pixels>) => {
  const kept = new Map<string, Pixels>()
  let bytes = 0
  return async (file) => {
    const known = kept.get(file)
    if (known !== undefined) return known
    const picture = await decodeImage(file, await readWhole(file), channels, fit)
    if (bytes + picture.data.length <= most && !kept.has(file)) {
      kept.set(file, picture)
      bytes += picture.data.length
    }
    return picture
  }
}
