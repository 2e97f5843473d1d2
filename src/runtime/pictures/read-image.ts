/** A picture file as a graph input: f32 in [0, 1], one sample of planes. */
import { decodeImage } from "../data/decode-image.ts"
import { writePlanes } from "../data/folder.ts"
import { readWhole } from "../data/read-file.ts"

export interface ReadImage {
  /** [1, channels, height, width] */
  readonly shape: readonly [number, number, number, number]
  readonly values: Float32Array
}

export const readImage = async (file: string, channels: 1 | 3): Promise<ReadImage> => {
  const { width, height, data } = await decodeImage(file, await readWhole(file), channels)
  const values = new Float32Array(channels * height * width)
  writePlanes(data, channels, values, 0, height * width)
  return { shape: [1, channels, height, width], values }
}
