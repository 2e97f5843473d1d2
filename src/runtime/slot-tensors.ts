/** Slots as named tensors and back: all of them for a checkpoint's state, the leaves of one model for its own file. */
import type { ProgramPlan, SlotPlan } from "../plan/plan.ts"
import { arrayOf, count } from "./commands.ts"
import { CheckpointError } from "./errors.ts"
import type { TypedArray } from "./executor.ts"
import { keptSlots } from "./program.ts"
import type { SafeDType, SafeFile, SafeTensor } from "./safetensors.ts"

type Slots = Readonly<Record<string, TypedArray>>

const wordDType = { f32: "F32", i32: "I32", u32: "U32", bool: "BOOL" } as const satisfies Record<SlotPlan["dtype"], SafeDType>

const bytesOf = (dtype: SlotPlan["dtype"], values: TypedArray): Uint8Array =>
  dtype === "bool" ? Uint8Array.from(values, (value) => (value === 0 ? 0 : 1)) : new Uint8Array(values.slice().buffer)

const valuesOf = (dtype: SlotPlan["dtype"], bytes: Uint8Array): TypedArray =>
  dtype === "bool" ? Uint32Array.from(bytes, (byte) => (byte === 0 ? 0 : 1)) : new arrayOf[dtype](new Uint8Array(bytes).buffer)

export const slotTensors = (program: ProgramPlan, slots: Slots): ReadonlyMap<string, SafeTensor> =>
  new Map(keptSlots(program).map(({ name, dtype, shape }) => [name, { dtype: wordDType[dtype], shape, bytes: bytesOf(dtype, slots[name]!) }]))

export interface ModelLeaf {
  /** As it is called in the model's file. */
  readonly path: string
  readonly slot: SlotPlan
  readonly shape: readonly number[]
  readonly offset: number
}

/** A model's own tensors by path, parameters first; a path does not begin with the model's name. */
export const modelLeaves = (program: ProgramPlan, model: string): readonly ModelLeaf[] => {
  const own = (path: string): string => (path.startsWith(`${model}.`) ? path.slice(model.length + 1) : path)
  const slots = program.slots.filter((slot) => slot.model === model)
  return [...slots.filter((slot) => slot.kind === "params"), ...slots.filter((slot) => slot.kind === "state")].flatMap((slot) =>
    slot.leaves.length === 0
      ? [{ path: own(slot.name), slot, shape: slot.shape, offset: 0 }]
      : slot.leaves.map((leaf) => ({ path: own(leaf.path), slot, shape: leaf.shape, offset: leaf.offset })))
}

export const modelTensors = (program: ProgramPlan, slots: Slots, model: string): ReadonlyMap<string, SafeTensor> =>
  new Map(modelLeaves(program, model).map(({ path, slot, shape, offset }) =>
    [path, { dtype: wordDType[slot.dtype], shape, bytes: bytesOf(slot.dtype, slots[slot.name]!.slice(offset, offset + count(shape))) }]))

const typeText = (dtype: string, shape: readonly number[]): string => `${dtype}[${shape.join(", ")}]`

/** At most this many differences are written out. */
const mostListed = 20

const mismatch = (where: string, what: string, differences: readonly string[], hint: string): CheckpointError => {
  const listed = differences.slice(0, mostListed).map((difference) => `\n  ${difference}`).join("")
  const more = differences.length > mostListed ? `\n  and ${differences.length - mostListed} more` : ""
  return new CheckpointError({ reason: "Mismatch", message: `${what}; nothing was loaded:${listed}${more}`, where, hint })
}

const sameShape = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((size, axis) => size === b[axis])

interface Wanted {
  readonly name: string
  readonly dtype: SlotPlan["dtype"]
  readonly shape: readonly number[]
}

const difference = (wanted: Wanted, found: SafeTensor | undefined): readonly string[] => {
  const type = typeText(wordDType[wanted.dtype], wanted.shape)
  if (found === undefined) return [`missing: ${wanted.name} ${type}`]
  return found.dtype !== wordDType[wanted.dtype] || !sameShape(found.shape, wanted.shape) ? [`${wanted.name}: expected ${type}, found ${typeText(found.dtype, found.shape)}`] : []
}

/** The slots of a checkpoint's state: every one, and no other. */
export const slotsFrom = (program: ProgramPlan, file: SafeFile, where: string): Slots | CheckpointError => {
  const known = new Set(keptSlots(program).map((slot) => slot.name))
  const differences = [
    ...keptSlots(program).flatMap((slot) => difference(slot, file.tensors.get(slot.name))),
    ...[...file.tensors].flatMap(([name, tensor]) => (known.has(name) ? [] : [`not in the program: ${name} ${typeText(tensor.dtype, tensor.shape)}`])),
  ]
  if (differences.length > 0) return mismatch(where, `The checkpoint does not fit ${program.entry}`, differences, "--resume goes on only with the same program")
  return Object.fromEntries(keptSlots(program).map((slot) => [slot.name, valuesOf(slot.dtype, file.tensors.get(slot.name)!.bytes)]))
}

export interface LoadedModel {
  /** New values of the model's slots. */
  readonly slots: Slots
  /** Tensors of the file that were not used (with a subtree only). */
  readonly unused: readonly string[]
}

/** The part of the file whose paths are those of the model, where there is just one. */
const fittingPart = (leaves: readonly ModelLeaf[], file: SafeFile): string | undefined => {
  const first = leaves[0]?.path
  if (first === undefined) return undefined
  const parts = [...file.tensors.keys()].flatMap((name) => (name.endsWith(`.${first}`) ? [name.slice(0, -first.length - 1)] : []))
  const fitting = parts.filter((part) => leaves.every((leaf) => difference({ name: "", dtype: leaf.slot.dtype, shape: leaf.shape }, file.tensors.get(`${part}.${leaf.path}`)).length === 0))
  return fitting.length === 1 ? fitting[0] : undefined
}

/**
 * A model's slots from a file of weights. With a subtree, the paths under it stand for the model's own, and the rest of the file may stay unused;
 * without one only what `mayStay` allows. A model's path that is missing is an error always.
 */
export const modelFrom = (
  program: ProgramPlan, before: Slots, model: string, file: SafeFile, where: string, subtree: string | undefined, mayStay: (path: string, own: ReadonlySet<string>) => boolean = () => false,
): LoadedModel | CheckpointError => {
  const prefix = subtree === undefined ? "" : `${subtree}.`
  const leaves = modelLeaves(program, model)
  const used = new Set(leaves.map((leaf) => `${prefix}${leaf.path}`))
  const unused = [...file.tensors.keys()].filter((name) => !used.has(name))
  const differences = [
    ...leaves.flatMap((leaf) => difference({ name: `${prefix}${leaf.path}`, dtype: leaf.slot.dtype, shape: leaf.shape }, file.tensors.get(`${prefix}${leaf.path}`))),
    ...(subtree === undefined ? unused.filter((name) => !mayStay(name, used)).map((name) => `not in ${model}: ${name} ${typeText(file.tensors.get(name)!.dtype, file.tensors.get(name)!.shape)}`) : []),
  ]
  if (differences.length > 0) {
    const part = fittingPart(leaves, file)
    const hint = part === undefined ? "give a file of the same model, or name a part of it: --weights MODEL=FILE#subtree" : `its part ${part} fits: --weights ${model}=${where}#${part}`
    return mismatch(where, `The weights do not fit the model ${model}`, differences, hint)
  }
  const slots: Record<string, TypedArray> = {}
  const spoiled: string[] = []
  for (const leaf of leaves) {
    const values = valuesOf(leaf.slot.dtype, file.tensors.get(`${prefix}${leaf.path}`)!.bytes)
    if (leaf.slot.dtype === "f32" && leaf.slot.kind === "params" && !values.every((value) => Number.isFinite(value))) spoiled.push(leaf.path)
    ;(slots[leaf.slot.name] ??= before[leaf.slot.name]!.slice()).set(values, leaf.offset)
  }
  if (spoiled.length > 0) {
    return new CheckpointError({ reason: "NotFinite", message: `The weights of ${model} hold values that are infinite or not a number: ${spoiled.slice(0, mostListed).join(", ")}.`, where, hint: "take an earlier checkpoint of that run" })
  }
  return { slots, unused }
}

/** The first parameter that holds a value that is not finite. States may (a least value so far begins as infinity). */
export const firstNotFinite = (program: ProgramPlan, slots: Slots): string | undefined => {
  for (const slot of program.slots) {
    if (slot.dtype !== "f32" || slot.kind !== "params") continue
    const values = slots[slot.name]!
    const at = (values as Float32Array).findIndex((value) => !Number.isFinite(value))
    if (at < 0) continue
    const leaf = slot.leaves.find(({ offset, shape }) => at >= offset && at < offset + count(shape))
    return leaf === undefined || leaf.path === slot.name ? slot.name : `${slot.name} (${leaf.path})`
  }
  return undefined
}
