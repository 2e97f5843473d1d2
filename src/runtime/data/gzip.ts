/** Bounded gunzip: an archive that grows past its bound is refused instead of filling the memory. */
import { promisify } from "node:util"
import { gunzip } from "node:zlib"
import { DataError, reasonText } from "./data-error.ts"

const inflate = promisify(gunzip)

/** The most that compressed bytes may grow to: a hundredfold, and 16 MiB in any case. */
export const inflatedLimit = (bytes: number): number => Math.max(2 ** 24, 100 * bytes)

export const isGzip = (bytes: Uint8Array): boolean => bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b

export const gunzipBounded = async (file: string, bytes: Uint8Array): Promise<Buffer> => {
  const limit = inflatedLimit(bytes.length)
  try {
    return await inflate(bytes, { maxOutputLength: limit })
  } catch (error) {
    if ((error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE") {
      throw new DataError({
        reason: "limit", file, expected: `at most ${limit} bytes once unpacked`, found: `more than that from ${bytes.length} bytes`,
      })
    }
    throw new DataError({ reason: "corrupt", file, expected: "a whole gzip file", found: reasonText(error) })
  }
}
