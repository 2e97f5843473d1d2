import fs from "node:fs"
import fsp from "node:fs/promises"
import os from "node:os"
import path from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { readNewest, tidyCheckpoints, writeCheckpoint, type RunState } from "../../src/runtime/checkpoint.ts"
import { CheckpointError } from "../../src/runtime/errors.ts"
import { learnMean } from "./plans.ts"

const program = learnMean()
const state = (round: number, value = round): RunState => ({ cursor: { round, within: 0 }, seed: 1, executions: round, seconds: 0, best: {}, slots: { M: new Float32Array(64).fill(value), "M.n": Int32Array.of(value) } })
const options = { programHash: "p", keep: 2, models: ["M"], improved: [] }
const folder = (): string => fs.mkdtempSync(path.join(os.tmpdir(), "nda-checkpoint-"))
const write = (run: string, round: number, value = round) => writeCheckpoint(run, program, state(round, value), options)
const newest = async (run: string): Promise<{ readonly round: number; readonly value: number; readonly skipped: number } | undefined> => {
  const found = await readNewest(run, program, "p")
  if (found === undefined) return undefined
  if (found instanceof CheckpointError) throw found
  return { round: found.state.cursor.round, value: found.state.slots["M.n"]![0]!, skipped: found.skipped.length }
}

type Call = (...given: unknown[]) => Promise<unknown>
const undo: (() => void)[] = []
afterEach(() => {
  for (const each of undo.splice(0)) each()
})

/** Every call that changes the disk goes through `before`, which may throw; a write that fails has written half. */
const shim = async (before: (call: string) => void): Promise<void> => {
  const probe = await fsp.open(path.join(folder(), "probe"), "w")
  const handles = Object.getPrototypeOf(probe) as Record<string, Call>
  await probe.close()
  const patch = (target: Record<string, Call>, name: string, owner: string): void => {
    const original = target[name]!
    undo.push(() => void (target[name] = original))
    target[name] = async function (this: unknown, ...given: unknown[]) {
      try {
        before(`${owner}${name}`)
      } catch (error) {
        if (name === "writeFile") await original.call(this, (given[0] as Uint8Array).slice(0, 7))
        throw error
      }
      return original.apply(this, given)
    }
  }
  for (const name of ["writeFile", "sync"]) patch(handles, name, "handle.")
  for (const name of ["open", "mkdir", "rename", "rm"]) patch(fsp as unknown as Record<string, Call>, name, "")
}
const restore = (): void => {
  for (const each of undo.splice(0)) each()
}

/** How many calls one checkpoint makes. */
const callsOfOne = async (): Promise<number> => {
  const run = folder()
  await write(run, 1)
  let calls = 0
  await shim(() => void calls++)
  await write(run, 2)
  restore()
  return calls
}

describe("a checkpoint", () => {
  it("is the newest whole one, and only as many as asked for stay", async () => {
    const run = folder()
    expect(await newest(run)).toBeUndefined()
    for (const round of [2, 4, 10]) await write(run, round)
    expect(fs.readdirSync(path.join(run, "checkpoints")).sort()).toEqual(["step-10", "step-4"])
    expect(await newest(run)).toEqual({ round: 10, value: 10, skipped: 0 })
    await write(run, 10, 11)
    expect(await newest(run)).toEqual({ round: 10, value: 11, skipped: 0 })
  })

  it("that the process dies in, at whichever call, leaves it or the one before it, and nothing else", async () => {
    const calls = await callsOfOne()
    expect(calls).toBeGreaterThan(10)
    for (const again of [false, true]) {
      for (let at = 0; at < calls + (again ? 2 : 0); at++) {
        const run = folder()
        await write(run, 1)
        let call = 0
        // After its death a process changes nothing any more.
        await shim(() => {
          if (call++ >= at) throw Object.assign(new Error("dead"), { code: "EIO" })
        })
        await write(run, again ? 1 : 2, 2)
        restore()
        await tidyCheckpoints(run)
        const found = await newest(run)
        expect([at, again, found?.skipped]).toEqual([at, again, 0])
        expect([1, 2]).toContain(found!.value)
        expect(fs.readdirSync(path.join(run, "checkpoints")).filter((name) => name.startsWith("."))).toEqual([])
        await write(run, 3)
        expect((await newest(run))!.value).toBe(3)
      }
    }
  })

  it("that cannot be written, at whichever call, is a typed error with the cause, and the one before it is as it was", async () => {
    const calls = await callsOfOne()
    let failures = 0
    for (let at = 0; at < calls; at++) {
      const run = folder()
      await write(run, 1)
      let call = 0
      await shim(() => {
        if (call++ === at) throw Object.assign(new Error("no space left"), { code: "ENOSPC" })
      })
      const result = await write(run, 2)
      restore()
      if (result instanceof CheckpointError) {
        failures++
        expect(result.message).toContain("the disk is full")
      }
      expect((await newest(run))!.value).toBe(fs.existsSync(path.join(run, "checkpoints/step-2")) ? 2 : 1)
      await write(run, 3)
      expect((await newest(run))!.value).toBe(3)
    }
    expect(failures).toBeGreaterThan(calls - 3)
  })

  it("is passed over when a single bit of any of its files is another", async () => {
    const run = folder()
    await write(run, 1)
    await write(run, 2)
    const whole = path.join(run, "checkpoints/step-2")
    for (const name of fs.readdirSync(whole)) {
      const file = path.join(whole, name)
      const good = fs.readFileSync(file)
      for (let place = 0; place < 40; place++) {
        const bad = Buffer.from(good)
        bad[Math.floor((place * good.length) / 40)]! ^= 1 << place % 8
        fs.writeFileSync(file, bad)
        expect([name, place, await newest(run)]).toEqual([name, place, { round: 1, value: 1, skipped: 1 }])
      }
      for (const bad of [good.subarray(0, good.length - 1), Buffer.alloc(good.length)]) {
        fs.writeFileSync(file, bad)
        expect((await newest(run))!.value).toBe(1)
      }
      fs.writeFileSync(file, good)
    }
    expect((await newest(run))!.value).toBe(2)
  })

  it("of another program is refused", async () => {
    const run = folder()
    await write(run, 1)
    expect(await readNewest(run, program, "q")).toMatchObject({ reason: "OtherProgram" })
    const { slots } = program
    expect(await readNewest(run, { ...program, slots: [slots[0]!, { ...slots[1]!, dtype: "f32" }] }, "p")).toMatchObject({ reason: "Mismatch", message: expect.stringContaining("M.n: expected F32[1], found I32[1]") as unknown })
  })
})
