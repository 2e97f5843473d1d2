/** Waiting for Dawn on a software adapter: what the event loop sleeps must not grow with how many waits there were before. */
import { expect, test, vi } from "vitest"
import { sleepingWait } from "../../src/runtime/gpu.ts"

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

test("a turn of the event loop sleeps once at most, however many waits began before the last was seen to end", async () => {
  const sleeps = vi.spyOn(Atomics, "wait")
  try {
    const settle = sleepingWait()
    for (let i = 0; i < 20; i++) expect(await settle(Promise.resolve(i))).toBe(i)
    let done = (): void => undefined
    const last = settle(new Promise<void>((resolve) => (done = resolve)))
    sleeps.mockClear()
    for (let turn = 0; turn < 4; turn++) await nextTurn()
    expect(sleeps.mock.calls.length).toBeGreaterThan(0)
    expect(sleeps.mock.calls.length).toBeLessThanOrEqual(5)
    done()
    await last
    await nextTurn()
    await nextTurn()
    sleeps.mockClear()
    await nextTurn()
    expect(sleeps).not.toHaveBeenCalled()
  } finally {
    sleeps.mockRestore()
  }
})
