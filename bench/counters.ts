/** Counts the calls that reach Dawn, and the bytes of the buffers that exist. */

export const counters = { dispatch: 0, pass: 0, submit: 0, writeBuf: 0, copy: 0, live: 0, peak: 0 }

/** From here on: what one run does, and the most bytes that exist at once during it. */
export const restart = (): void => void Object.assign(counters, { dispatch: 0, pass: 0, submit: 0, writeBuf: 0, copy: 0, peak: counters.live })

/** Calls `seen` before each call of a method that all objects of this class share. */
const watch = (object: object, method: string, seen: (self: { size: number }, argument: { size: number }) => void): void => {
  const shared = Object.getPrototypeOf(object) as Record<string, (...given: unknown[]) => unknown>
  const original = shared[method]!
  shared[method] = function (this: { size: number }, ...given: unknown[]) {
    seen(this, given[0] as { size: number })
    return original.apply(this, given)
  }
}

export const watchDevice = (device: GPUDevice): void => {
  watch(device, "createBuffer", (_, { size }) => {
    counters.live += size
    counters.peak = Math.max(counters.peak, counters.live)
  })
  const probe = device.createBuffer({ size: 4, usage: 8 })
  watch(probe, "destroy", ({ size }) => { counters.live -= size })
  probe.destroy()
  watch(device.queue, "submit", () => counters.submit++)
  watch(device.queue, "writeBuffer", () => counters.writeBuf++)
  const encoder = device.createCommandEncoder()
  watch(encoder, "copyBufferToBuffer", () => counters.copy++)
  const pass = encoder.beginComputePass()
  watch(pass, "dispatchWorkgroups", () => counters.dispatch++)
  pass.end()
  watch(encoder, "beginComputePass", () => counters.pass++)
}
