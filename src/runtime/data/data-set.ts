/** A data set as its loader gives it: samples by number, written into the arrays of a batch. */
import type { SourceContext, SourceRequest } from "./source.ts"

export type FieldArray = Float32Array | Int32Array | Uint32Array | Uint8Array
export type FieldArrays = Readonly<Record<string, FieldArray>>

export interface Field {
  readonly name: string
  /** The element types in which the loader can deliver it, the natural one first. */
  readonly dtypes: readonly string[]
  /** A picture of bytes: it can be asked for as u8 too. */
  readonly bytes?: true
  /** The shape of one sample. */
  readonly shape: readonly number[]
}

export interface DataSet {
  /** The file or folder it was read from, for messages. */
  readonly place: string
  readonly count: number
  readonly fields: readonly Field[]
  /** Whether reading a sample takes long enough (decoding, rendering) that the next batches are prepared ahead. */
  readonly slow: boolean
  /** Writes one sample at `slot` of each array that is there; `epoch` feeds draws that differ from epoch to epoch. */
  read(sample: number, epoch: number, into: FieldArrays, slot: number): void | Promise<void>
}

/** What a loader is asked for. */
export interface Ask {
  readonly loader: string
  readonly split: SourceRequest["split"]
  readonly options: SourceRequest["options"]
  /** The fields that the program declares; absent when the data set is only described. */
  readonly wanted: SourceRequest["fields"] | undefined
  readonly batch: number | undefined
  readonly context: SourceContext
}

export type Loader = (ask: Ask) => Promise<DataSet>

export const elements = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1)

export const shapeText = (dtype: string, shape: readonly number[]): string => `${dtype}[${shape.join(", ")}]`

/** The shape of one sample of a declared field: a plan may write it with the batch in front or without. */
export const sampleShape = (shape: readonly number[], rank: number): readonly number[] => (shape.length === rank + 1 ? shape.slice(1) : shape)

/** The declared shape of one sample of a field, or undefined where the program does not ask for it (or nothing is declared). */
export const wantedShape = (ask: Ask, name: string, rank: number): readonly number[] | undefined => {
  const field = ask.wanted?.find((candidate) => candidate.name === name)
  return field === undefined ? undefined : sampleShape(field.shape, rank)
}

/** u8 to f32 in [0, 1]: value / 255, rounded once. */
export const unitOfByte: Float32Array = Float32Array.from({ length: 256 }, (_, byte) => byte / 255)
const itself = Uint8Array.from({ length: 256 }, (_, byte) => byte)

/** What stands for a byte of a picture in an array: the byte, or a number in [0, 1]. */
export const pixelOf = (into: FieldArray): Float32Array | Uint8Array => (into instanceof Uint8Array ? itself : unitOfByte)
