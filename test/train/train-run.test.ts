import { spawn, spawnSync, type ChildProcess } from "node:child_process"
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { buildSync } from "esbuild"
import { beforeAll, describe, expect, it } from "vitest"
import type { DriverRequest } from "./driver.ts"

const driver = path.resolve(".cache/test-train/driver.mjs")
beforeAll(() => {
  buildSync({ entryPoints: ["test/train/driver.ts"], outfile: driver, bundle: true, platform: "node", format: "esm", packages: "external", logLevel: "error" })
})

const fresh = (): string => path.join(fs.mkdtempSync(path.join(os.tmpdir(), "nda-train-")), "run")
const run = (request: DriverRequest) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [driver, JSON.stringify(request)], { encoding: "utf8", timeout: 50_000 })
  return { status, stdout, stderr, events: stderr.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Record<string, unknown>) }
}
const start = (request: DriverRequest): ChildProcess => spawn(process.execPath, [driver, JSON.stringify(request)], { stdio: ["ignore", "ignore", "pipe"] })
const ended = (child: ChildProcess): Promise<number | null> => new Promise((resolve) => void child.on("exit", (code) => resolve(code)))
/** Resolves when the child has reported a step of at least this number. */
const reached = (child: ChildProcess, step: number): Promise<void> =>
  new Promise((resolve) => {
    let text = ""
    child.stderr!.on("data", (data: Buffer) => {
      text += data.toString()
      for (const [, number] of text.matchAll(/"step":(\d+)/g)) if (Number(number) >= step) resolve()
    })
  })
const stateOf = (folder: string, step: number): string => fs.readFileSync(path.join(folder, `checkpoints/step-${step}/state.safetensors`)).toString("hex")
const checkpoints = (folder: string): readonly string[] => fs.readdirSync(path.join(folder, "checkpoints")).sort()

describe("a training run", () => {
  it("writes metrics, pictures, events, checkpoints, a page and one JSON object", () => {
    const folder = fresh()
    const { status, stdout, stderr } = run({ folder, mode: "new", steps: 12, logEvery: 3 })
    expect(stderr).not.toContain('"error"')
    expect(status).toBe(0)
    const lines = fs.readFileSync(path.join(folder, "metrics.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line) as { step: number; distance: number })
    expect(lines.map((line) => line.step)).toEqual([1, 3, 6, 9, 12])
    expect(lines[4]!.distance).toBeLessThan(lines[0]!.distance)
    expect(fs.readdirSync(path.join(folder, "samples")).sort()).toEqual(["weights-10.png", "weights-5.png"])
    expect(checkpoints(folder)).toEqual(["step-10", "step-12", "step-5"])
    expect(fs.readFileSync(path.join(folder, "M.safetensors"))).toEqual(fs.readFileSync(path.join(folder, "checkpoints/step-12/M.safetensors")))
    expect(fs.readFileSync(path.join(folder, "report.html"), "utf8")).toMatch(/weights at step 10[\s\S]*weights at step 5[\s\S]*<polyline/)
    const summary = JSON.parse(stdout.trim().split("\n").at(-1)!) as Record<string, unknown>
    expect(summary).toMatchObject({ entry: "fit", steps: 12, parameters: { M: 54 }, dispatches: { learn: 1, "every 5": 0 }, submits: { learn: 1 }, metrics: { distance: lines[4]!.distance } })
    expect(fs.existsSync(path.join(folder, "run.lock"))).toBe(false)
    const again = run({ folder, mode: "new", steps: 12 })
    expect(again.status).toBe(3)
    expect(again.events.at(-1)).toMatchObject({ error: { tag: "OutputError", hint: expect.stringContaining("--resume") as unknown } })
  })

  it("ends in the same bytes however often it is killed at random moments and gone on with", async () => {
    const whole = fresh()
    expect(run({ folder: whole, mode: "new", steps: 40, hand: { save: 4 } }).status).toBe(0)
    const folder = fresh()
    let kills = 0
    for (let attempt = 0; attempt < 4; attempt++) {
      const child = start({ folder, mode: "resume", steps: 40, pace: 15, hand: { save: 4 } })
      const over = ended(child)
      await Promise.race([reached(child, 1), over])
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 120))
      child.kill("SIGKILL")
      if ((await over) === null) kills++
    }
    expect(kills).toBeGreaterThan(1)
    expect(run({ folder, mode: "resume", steps: 40, hand: { save: 4 } }).status).toBe(0)
    expect(stateOf(folder, 40)).toBe(stateOf(whole, 40))
    expect(fs.readdirSync(path.join(folder, "checkpoints")).filter((name) => name.startsWith("."))).toEqual([])
  })

  it("writes a checkpoint of whole executions on Ctrl-C, ends with 130, and goes on from it to the same bytes", async () => {
    const whole = fresh()
    expect(run({ folder: whole, mode: "new", steps: 30, hand: { save: 100, repeat: 3 } }).status).toBe(0)
    const folder = fresh()
    const child = start({ folder, mode: "new", steps: 30, pace: 20, logEvery: 1, hand: { save: 100, repeat: 3 } })
    const over = ended(child)
    await reached(child, 4)
    child.kill("SIGINT")
    expect(await over).toBe(130)
    const [saved] = checkpoints(folder)
    const about = JSON.parse(fs.readFileSync(path.join(folder, "checkpoints", saved!, "run.json"), "utf8")) as { step: number; executions: number; within: number }
    expect(about.executions).toBe(3 * about.step + about.within)
    expect(about.step).toBeGreaterThanOrEqual(3)
    expect(about.step).toBeLessThan(30)
    expect(run({ folder, mode: "resume", steps: 30, hand: { save: 100, repeat: 3 } }).status).toBe(0)
    expect(stateOf(folder, 30)).toBe(stateOf(whole, 30))
  })

  it("writes a checkpoint when it is told to end, and ends with 143", async () => {
    const folder = fresh()
    const child = start({ folder, mode: "new", steps: 1000, pace: 20, logEvery: 1, hand: { save: 1000 } })
    const over = ended(child)
    await reached(child, 2)
    child.kill("SIGTERM")
    expect(await over).toBe(143)
    expect(checkpoints(folder)).toHaveLength(1)
  })

  it("sees a loss that is no number before the checkpoint of that step, also where it is not reported", () => {
    const folder = fresh()
    const { status, events } = run({ folder, mode: "new", steps: 40, logEvery: 1000, hand: { save: 5, spoilAt: 14 } })
    expect(status).toBe(3)
    expect(events.at(-1)).toMatchObject({ error: { message: "distance is Infinity at step 15." } })
    expect(checkpoints(folder)).toEqual(["step-10", "step-5"])
  })

  it("writes checkpoints by the clock where no `save` asks for one, and keeps the newest", () => {
    const folder = fresh()
    expect(run({ folder, mode: "new", steps: 6, checkpointEvery: 0, keep: 2, hand: { save: 100 } }).status).toBe(0)
    expect(checkpoints(folder)).toEqual(["step-5", "step-6"])
  })

  it("refuses a second run in the same folder while the first is under way", async () => {
    const folder = fresh()
    const child = start({ folder, mode: "new", steps: 1000, pace: 10, logEvery: 1 })
    const over = ended(child)
    await reached(child, 1)
    const second = run({ folder, mode: "resume", steps: 1000 })
    expect(second.status).toBe(3)
    expect(second.events.at(-1)).toMatchObject({ error: { tag: "CheckpointError", message: expect.stringContaining(`process ${child.pid}`) as unknown } })
    child.kill("SIGKILL")
    await over
    expect(run({ folder, mode: "resume", steps: 8 }).status).toBe(0)
  })

  it("uses the checkpoint before a damaged one and says so; when none is whole it loads nothing", () => {
    const folder = fresh()
    expect(run({ folder, mode: "new", steps: 10 }).status).toBe(0)
    const good = stateOf(folder, 10)
    const flip = (step: number, file: string): void => {
      const name = path.join(folder, `checkpoints/step-${step}`, file)
      const bytes = fs.readFileSync(name)
      bytes[bytes.length - 7]! ^= 4
      fs.writeFileSync(name, bytes)
    }
    flip(10, "state.safetensors")
    const resumed = run({ folder, mode: "resume", steps: 10 })
    expect(resumed.status).toBe(0)
    expect(resumed.stderr).toContain("The checkpoint of step 10 is damaged: state.safetensors")
    expect(stateOf(folder, 10)).toBe(good)
    flip(10, "run.json")
    flip(5, "M.safetensors")
    const none = run({ folder, mode: "resume", steps: 10 })
    expect(none.status).toBe(3)
    expect(none.events.at(-1)).toMatchObject({ error: { tag: "CheckpointError", message: expect.stringContaining("No checkpoint is whole") as unknown } })
  })

  it("stops at the first report that is no number with its name and line, and keeps the last checkpoint", () => {
    const folder = fresh()
    const { status, events } = run({ folder, mode: "new", steps: 40, logEvery: 1, hand: { save: 5, spoilAt: 12 } })
    expect(status).toBe(3)
    expect(events.at(-1)).toMatchObject({ error: { tag: "NotFiniteError", message: "distance is Infinity at step 13.", where: "hand.nda:16:3" } })
    expect(checkpoints(folder)).toEqual(["step-10", "step-5"])
  })
})
