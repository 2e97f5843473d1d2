/** Arrays of samples: a .npy file, or the arrays of an .npz, the first dimension being the samples. */
import { DataError } from "./data-error.ts"
import { elements, unitOfByte } from "./data-set.ts"
import type { Ask, DataSet } from "./data-set.ts"
import { readNpy } from "./npy.ts"
import type { NpyArray } from "./npy.ts"
import { readNpz } from "./npz.ts"
import { onlyOptions, textOption } from "./options.ts"
import { pathHint, placeOf, readWhole } from "./read-file.ts"

/** u8 is delivered as f32 in [0, 1] like every picture, or as the integers themselves where the program declares i32. */
const deliverable: Readonly<Record<NpyArray["dtype"], readonly string[]>> = {
  bool: ["bool"], u8: ["f32", "i32", "u32"], i8: ["i32"], u16: ["i32", "u32"], i16: ["i32"],
  u32: ["u32"], i32: ["i32"], i64: ["i32"], u64: ["u32"], f32: ["f32"], f64: ["f32"],
}

/** Every value must survive: finite as f32, within 32 bits as an integer; the first that does not is named. */
const checkValues = (file: string, name: string, array: NpyArray): void => {
  if (array.dtype === "f32" || array.dtype === "f64") {
    const bad = array.data.findIndex((value: number) => !Number.isFinite(Math.fround(value)))
    if (bad >= 0) throw new DataError({
      reason: "corrupt", file, expected: `finite f32 values in ${name}`,
      found: `${array.data[bad]} in row ${Math.floor(bad / elements(array.shape.slice(1)))}`,
    })
  }
  if (array.dtype === "i64" || array.dtype === "u64") {
    const [low, high] = array.dtype === "i64" ? [-(2 ** 31), 2 ** 31 - 1] : [0, 2 ** 32 - 1]
    const bad = array.data.findIndex((value: number) => value < low || value > high)
    if (bad >= 0) throw new DataError({
      reason: "corrupt", file, expected: `32-bit integers in ${name}`,
      found: `${array.data[bad]} in row ${Math.floor(bad / elements(array.shape.slice(1)))}`,
    })
  }
}

export const loadArray = async (ask: Ask): Promise<DataSet> => {
  onlyOptions(ask, ["path"])
  const file = placeOf(ask.context, textOption(ask, "path"))
  const bytes = await readWhole(file, pathHint)
  const zipped = bytes.length > 1 && bytes[0] === 0x50 && bytes[1] === 0x4b
  // A .npy file has no name inside: it is the one field that the program declares.
  const single = ask.wanted?.length === 1 ? ask.wanted[0]!.name : "value"
  const arrays = zipped ? readNpz(file, bytes) : new Map([[single, readNpy(file, bytes)]])
  let count: number | undefined
  for (const [name, array] of arrays) {
    if (array.shape.length === 0) throw new DataError({
      reason: "shape", file, expected: `${name} with a first dimension, the samples`, found: "a single value",
    })
    if (count !== undefined && array.shape[0] !== count) throw new DataError({
      reason: "shape", file, expected: `${count} samples in each array`, found: `${array.shape[0]} in ${name}`,
    })
    count = array.shape[0]!
    checkValues(file, name, array)
  }
  return {
    place: file, count: count ?? 0, slow: false,
    fields: [...arrays].map(([name, array]) => ({ name, dtypes: deliverable[array.dtype], shape: array.shape.slice(1) })),
    read(sample, _epoch, into, slot) {
      for (const [name, array] of arrays) {
        const to = into[name]
        if (to === undefined) continue
        const size = elements(array.shape.slice(1))
        const scaled = array.dtype === "u8" && to instanceof Float32Array
        for (let i = 0; i < size; i++) {
          const value = array.data[sample * size + i]!
          to[slot * size + i] = scaled ? unitOfByte[value]! : value
        }
      }
    },
  }
}
