/** `--input NAME=FILE`: arrays from files, the open sizes that their shapes fix, and their conversion to what the plan asks for. */
import { DataError } from "../runtime/data/data-error.ts"
import { readNpy, type NpyArray } from "../runtime/data/npy.ts"
import { readNpz } from "../runtime/data/npz.ts"
import { readWhole } from "../runtime/data/read-file.ts"
import { readImage } from "../runtime/pictures/read-image.ts"
import type { TypedArray } from "../runtime/executor.ts"
import type { InputPlan } from "../plan/plan.ts"
import { parse } from "../syntax/parser.ts"
import type { DimExpr, EntryDeclaration, Module } from "../syntax/ast.ts"
import { isFailure, orDataFailure, usageFailure, type Failure } from "./failure.ts"
import type { Program } from "./program.ts"

export interface HostInput {
  readonly name: string
  readonly file: string
  readonly shape: readonly number[]
  readonly dtype: NpyArray["dtype"]
  readonly data: ArrayLike<number>
}

const shapeText = (dtype: string, shape: readonly (number | string)[]): string => `${dtype}[${shape.join(", ")}]`

const inputFailure = (input: { readonly name: string; readonly file: string }, message: string, hint?: string): Failure => ({ kind: "failure", exit: 3, tag: "DataError", message: `input ${input.name}: ${message}`, where: input.file, hint })

const arrayOf = (name: string, file: string, arrays: ReadonlyMap<string, NpyArray>): NpyArray => {
  const found = arrays.size === 1 ? [...arrays.values()][0] : arrays.get(name)
  if (found === undefined) throw new DataError({ reason: "shape", file, expected: `one array, or one called ${name}`, found: [...arrays.keys()].join(", ") || "no array" })
  return found
}

const readInput = async (name: string, file: string, channels: 1 | 3): Promise<HostInput> => {
  const kind = file.toLowerCase().replace(/^.*\./, "")
  if (kind === "npy" || kind === "npz") {
    const bytes = await readWhole(file)
    const array = kind === "npy" ? readNpy(file, bytes) : arrayOf(name, file, readNpz(file, bytes))
    return { name, file, ...array }
  }
  if (kind === "png" || kind === "jpg" || kind === "jpeg") {
    const { shape, values } = await readImage(file, channels)
    return { name, file, shape, dtype: "f32", data: values }
  }
  throw new DataError({ reason: "option", file, expected: "a file that ends in .npy, .npz, .png, .jpg or .jpeg", found: kind === file.toLowerCase() ? "no ending" : `.${kind}` })
}

const entryOf = (module: Module, name: string): EntryDeclaration | undefined =>
  module.declarations.find((declaration): declaration is EntryDeclaration => declaration.kind === "entry" && declaration.name.text === name)

/** The dimensions of an entry's parameters as they are written, where they are written as the dimensions of one tensor. */
const declaredDims = (entry: EntryDeclaration): ReadonlyMap<string, readonly DimExpr[]> =>
  new Map(entry.params.flatMap((param) => {
    const dims = param.kind === "param" && param.type?.kind === "named" ? param.type.dims : undefined
    return dims === undefined ? [] : [[param.name.text, dims] as const]
  }))

/** Names that already have a value: an input's shape does not fix those. */
const namesWithValue = (module: Module, entry: EntryDeclaration): ReadonlySet<string> =>
  new Set([
    ...module.declarations.filter((declaration) => declaration.kind === "const").map((declaration) => declaration.name.text),
    ...entry.params.flatMap((param) => (param.kind === "param" && param.value !== undefined ? [param.name.text] : [])),
  ])

const knownSize = (dim: DimExpr | undefined): number | undefined => (dim?.kind === "dim" && dim.size.kind === "int" ? dim.size.value : undefined)

const openSizes = (inputs: readonly HostInput[], dims: ReadonlyMap<string, readonly DimExpr[]>, taken: ReadonlySet<string>): Readonly<Record<string, string>> | Failure => {
  const fixed = new Map<string, { readonly size: number; readonly input: HostInput }>()
  for (const input of inputs) {
    const declared = dims.get(input.name)
    if (declared === undefined || declared.some((dim) => dim.kind === "rest")) continue
    if (declared.length !== input.shape.length) {
      return inputFailure(input, `${shapeText(input.dtype, input.shape)} has ${input.shape.length} dimensions; the graph declares ${declared.length}`)
    }
    for (const [axis, dim] of declared.entries()) {
      if (dim.kind !== "dim" || dim.size.kind !== "name" || taken.has(dim.size.name.text)) continue
      const name = dim.size.name.text
      const size = input.shape[axis]!
      const before = fixed.get(name)
      if (before !== undefined && before.size !== size) return inputFailure(input, `${name} is ${size} here, but ${before.size} in ${before.input.file} (input ${before.input.name})`)
      fixed.set(name, { size, input })
    }
  }
  return Object.fromEntries([...fixed].map(([name, { size }]) => [name, String(size)]))
}

export interface HostInputs {
  readonly inputs: readonly HostInput[]
  /** Open sizes that the shapes fix, as `--set` would give them. */
  readonly sizes: Readonly<Record<string, string>>
}

/** `whole`: every input must be given, as for a run. */
export const readHostInputs = async (
  program: Program, entryName: string, files: Readonly<Record<string, string>>, set: Readonly<Record<string, string>>, whole: boolean,
): Promise<HostInputs | Failure> => {
  const text = program.sources[program.file]!
  const module = parse(program.file, text).value
  const entry = module === undefined ? undefined : entryOf(module, entryName)
  if (module === undefined || entry === undefined) throw new Error(`a checked program has the entry ${entryName}`)
  // A parameter without a value is an input.
  const params = entry.params.flatMap((param) => (param.kind === "param" && param.value === undefined ? [param] : []))
  const unknown = Object.keys(files).find((name) => !params.some((param) => param.name.text === name))
  if (unknown !== undefined) return usageFailure(`${entryName} has no input ${unknown}`, `its inputs: ${params.map((param) => param.name.text).join(", ") || "none"}`)
  const missing = whole ? params.find((param) => !(param.name.text in files)) : undefined
  if (missing !== undefined) {
    const { name, type } = missing
    const typed = type === undefined ? name.text : `${name.text}: ${text.slice(type.span.start, type.span.end)}`
    return usageFailure(`${entryName} needs the input ${typed}`, `--input ${name.text}=FILE (.npy, .npz, .png, .jpg)`)
  }
  const dims = declaredDims(entry)
  const inputs: HostInput[] = []
  for (const [name, file] of Object.entries(files)) {
    const declared = dims.get(name) ?? []
    const channels = knownSize(declared[declared.length - 3]) === 1 ? 1 : 3
    const input = await orDataFailure(readInput(name, file, channels))
    if (isFailure(input)) return input
    inputs.push(input)
  }
  const sizes = openSizes(inputs, dims, namesWithValue(module, entry))
  if (isFailure(sizes)) return sizes
  const clash = Object.keys(sizes).find((name) => name in set && set[name] !== sizes[name])
  if (clash !== undefined) return usageFailure(`--set ${clash}=${set[clash]}, but the shapes of the inputs make ${clash} = ${sizes[clash]}`)
  return { inputs, sizes }
}

/** What may stand for what: u8 pictures are f32 in [0, 1]; integers keep their values. */
const accepts: Readonly<Record<InputPlan["dtype"], readonly NpyArray["dtype"][]>> = {
  f32: ["f32", "f64", "u8"],
  i32: ["i32", "i64", "u8", "i8", "u16", "i16"],
  u32: ["u32", "u64", "u8", "u16"],
  bool: ["bool"],
  u8: ["u8"],
}

const convert = (input: HostInput, wanted: InputPlan): TypedArray | Failure => {
  const { data } = input
  if (wanted.dtype === "f32") {
    const scale = input.dtype === "u8" ? 255 : 1
    return Float32Array.from({ length: data.length }, (_, i) => data[i]! / scale)
  }
  if (wanted.dtype === "u8") return Uint8Array.from(data)
  const [low, high] = wanted.dtype === "i32" ? [-(2 ** 31), 2 ** 31 - 1] : [0, 2 ** 32 - 1]
  for (let i = 0; i < data.length; i++) if (data[i]! < low! || data[i]! > high!) return inputFailure(input, `element ${i} is ${data[i]}, beyond ${wanted.dtype}`)
  return wanted.dtype === "i32" ? Int32Array.from(data) : Uint32Array.from(data)
}

/** The arrays for the plan's inputs that the host gives. */
export const fitInputs = (entry: string, wanted: readonly InputPlan[], inputs: readonly HostInput[]): Readonly<Record<string, TypedArray>> | Failure => {
  const fitted: Record<string, TypedArray> = {}
  for (const plan of wanted) {
    if (plan.source !== undefined) continue
    const input = inputs.find((candidate) => candidate.name === plan.name)
    if (input === undefined) throw new Error(`the plan of ${entry} has the input ${plan.name}, which its declaration does not have`)
    const fits = accepts[plan.dtype].includes(input.dtype) && input.shape.length === plan.shape.length && input.shape.every((size, axis) => size === plan.shape[axis])
    if (!fits) return inputFailure(input, `expected ${shapeText(plan.dtype, plan.shape)}, found ${shapeText(input.dtype, input.shape)}`)
    const array = convert(input, plan)
    if (isFailure(array)) return array
    fitted[plan.name] = array
  }
  return fitted
}
