/** From samples to batches: epochs, the last batch of a test split, unreadable samples, and a bounded queue of batches prepared ahead. */
import { setImmediate as nextTurn } from "node:timers/promises"
import { DataError } from "./data-error.ts"
import { elements } from "./data-set.ts"
import type { DataSet, Field, FieldArray } from "./data-set.ts"
import { epochOrder } from "./epoch-order.ts"
import type { Batch, OpenSource, SourceContext, SourceRequest } from "./source.ts"

/** A field of the request with the type and per-sample shape that were agreed on. */
export interface AgreedField {
  readonly name: string
  readonly dtype: string
  readonly shape: Field["shape"]
}

const ahead = 3
/** Samples decoded at the same time; sharp's own pool has four threads. */
const together = 4

const makeArray = (dtype: string, length: number): FieldArray =>
  dtype === "f32" ? new Float32Array(length) : dtype === "u8" ? new Uint8Array(length) : dtype === "i32" ? new Int32Array(length) : new Uint32Array(length)

export const serveBatches = (set: DataSet, fields: readonly AgreedField[], request: SourceRequest, context: SourceContext): OpenSource => {
  const shuffled = request.split === "train" && request.whole !== true
  const size = request.batch
  const perEpoch = shuffled ? Math.floor(set.count / size) : Math.ceil(set.count / size)
  const orders = new Map<number, Uint32Array>()
  const skipped = new Set<number>()
  const pending = new Map<number, Promise<Batch>>()
  let tail: Promise<unknown> = Promise.resolve()
  let closed = false

  const orderOf = (epoch: number): Uint32Array => {
    const known = orders.get(epoch)
    if (known !== undefined) return known
    if (orders.size > 1) orders.delete(orders.keys().next().value!)
    const order = epochOrder(context.seed, epoch, set.count)
    orders.set(epoch, order)
    return order
  }

  /** Reads a sample, or under --skip-bad the next readable one after it; gives the number of the one that was read. */
  const readOne = async (sample: number, epoch: number, into: Record<string, FieldArray>, slot: number): Promise<number> => {
    for (let tries = 0; tries < set.count; tries++) {
      const candidate = (sample + tries) % set.count
      if (skipped.has(candidate)) continue
      try {
        const reading = set.read(candidate, epoch, into, slot)
        if (reading !== undefined) await reading
        return candidate
      } catch (error) {
        if (!context.skipBad || !(error instanceof DataError) || error.reason === "shape") throw error
        if (!skipped.has(candidate)) {
          skipped.add(candidate)
          context.onSkip?.(error.file, `expected ${error.expected}, found ${error.found}`)
        }
      }
    }
    throw new DataError({ reason: "corrupt", file: set.place, expected: "at least one readable sample", found: `${set.count} unreadable ones` })
  }

  const fill = async (number: number): Promise<Batch> => {
    const epoch = Math.floor(number / perEpoch)
    const first = (number % perEpoch) * size
    const count = Math.min(size, set.count - first)
    const order = shuffled ? orderOf(epoch) : undefined
    const arrays: Record<string, FieldArray> = {}
    for (const field of fields) arrays[field.name] = makeArray(field.dtype, size * elements(field.shape))
    const index = new Int32Array(size)
    const one = async (slot: number): Promise<void> => {
      index[slot] = await readOne(order === undefined ? first + slot : order[first + slot]!, epoch, arrays, slot)
    }
    if (set.slow) {
      let next = 0
      const worker = async (): Promise<void> => {
        while (next < count && !closed) {
          await one(next++)
          await nextTurn()
        }
      }
      await Promise.all(Array.from({ length: Math.min(together, count) }, worker))
    } else for (let slot = 0; slot < count; slot++) await one(slot)
    for (let slot = count; slot < size; slot++) {
      index[slot] = index[count - 1]!
      for (const field of fields) {
        const length = elements(field.shape)
        arrays[field.name]!.copyWithin(slot * length, (count - 1) * length, count * length)
      }
    }
    return { fields: arrays, index, count }
  }

  const start = (number: number): Promise<Batch> => {
    const known = pending.get(number)
    if (known !== undefined) return known
    const batch = tail.then(() => fill(number))
    // A batch prepared ahead that fails is reported when it is asked for, not before.
    tail = batch.catch(() => undefined)
    pending.set(number, batch)
    return batch
  }

  return {
    count: set.count,
    async batch(number) {
      if (closed) throw new Error(`source ${request.name}: batch ${number} was asked for after close`)
      const wanted = start(number)
      const depth = set.slow ? ahead : 0
      for (let next = number + 1; next <= number + depth; next++) start(next)
      for (const key of [...pending.keys()]) if (key <= number || key > number + depth) pending.delete(key)
      return wanted
    },
    async close() {
      closed = true
      pending.clear()
      await tail
    },
  }
}
