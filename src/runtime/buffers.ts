/** Device buffers as scoped values, counted in the device's ledger. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import os from "node:os"
import { GpuError } from "./errors.ts"
import { checked, type GpuService } from "./gpu.ts"

/** Values of WebGPU's flags (the specification fixes them); naming them here keeps Dawn's globals out of the user's program. */
export const usage = { mapRead: 0x1, copySource: 0x4, copyTarget: 0x8, uniform: 0x40, storage: 0x80 } as const
export const mapForReading = 0x1

/** A software adapter hands out memory that the machine does not have, and the process is killed later: so there nda keeps a budget of its own. */
const memoryBudget = (gpu: GpuService): number => {
  if (gpu.kind === "hardware") return Infinity
  const constrained = process.constrainedMemory?.() ?? 0
  const memory = constrained > 0 ? Math.min(constrained, os.totalmem()) : os.totalmem()
  return Math.floor(memory * 0.8)
}

/** Bytes in the largest unit that leaves a number of at least 1. */
export const sizeText = (bytes: number): string => {
  const units = ["bytes", "kB", "MB", "GB", "TB"]
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3))
  return `${Number((bytes / 1000 ** power).toPrecision(3))} ${units[power]}`
}

/** Fails when buffers of these bytes, next to those that exist, would not fit into the machine. */
export const affordable = (gpu: GpuService, bytes: number, what: string, where: string | undefined): Effect.Effect<void, GpuError> =>
  Effect.suspend(() => {
    const budget = memoryBudget(gpu)
    if (gpu.ledger.liveBytes + bytes <= budget) return Effect.void
    return Effect.fail(
      new GpuError({
        reason: "OutOfMemory",
        message: `${what} needs ${sizeText(bytes)}; of the ${sizeText(budget)} that ${gpu.name} may use, ${sizeText(gpu.ledger.liveBytes)} are taken.`,
        where,
        hint: "make the batch smaller (--set batch=…) or choose another device (nda devices)",
      }),
    )
  })

/** A buffer that is destroyed with the scope. */
export const scopedBuffer = (gpu: GpuService, label: string, where: string | undefined, bytes: number, flags: GPUBufferUsageFlags): Effect.Effect<GPUBuffer, GpuError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.tap(
      checked(gpu, `the buffer of ${label} (${sizeText(bytes)})`, where, (device) => device.createBuffer({ label, size: bytes, usage: flags })),
      (buffer) =>
        Effect.sync(() => {
          gpu.ledger.liveBytes += buffer.size
          gpu.ledger.liveBuffers++
          gpu.ledger.peakBytes = Math.max(gpu.ledger.peakBytes, gpu.ledger.liveBytes)
        }),
    ),
    (buffer) =>
      Effect.sync(() => {
        buffer.destroy()
        gpu.ledger.liveBytes -= buffer.size
        gpu.ledger.liveBuffers--
      }),
  )
