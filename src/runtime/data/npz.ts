/** NumPy's .npz: a ZIP archive of .npy files. */
import { DataError } from "./data-error.ts"
import { readNpy, writeNpy } from "./npy.ts"
import type { NpyArray } from "./npy.ts"
import { readZip, writeZip } from "./zip.ts"

export const readNpz = (file: string, bytes: Uint8Array): ReadonlyMap<string, NpyArray> => {
  const arrays = new Map<string, NpyArray>()
  for (const entry of readZip(file, bytes)) {
    if (!entry.name.endsWith(".npy")) throw new DataError({ reason: "corrupt", file, expected: "an archive of .npy files", found: entry.name })
    arrays.set(entry.name.slice(0, -4), readNpy(`${file}/${entry.name}`, entry.bytes))
  }
  return arrays
}

export interface NamedArray {
  readonly name: string
  readonly dtype: Parameters<typeof writeNpy>[0]
  readonly shape: readonly number[]
  readonly data: ArrayLike<number>
}

export const writeNpz = (arrays: readonly NamedArray[]): Uint8Array =>
  writeZip(arrays.map((array) => ({ name: `${array.name}.npy`, bytes: writeNpy(array.dtype, array.shape, array.data) })))
