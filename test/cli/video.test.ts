/**
 * The programs on video at a tiny size: what a device computes in f32 is what the evaluator computes in f64. A software driver takes minutes
 * for their shaders, so this runs where NDA_PROGRAMS is set; test/learning/examples.test.ts takes their steps on the evaluator always.
 */
import fs from "node:fs"
import path from "node:path"
import { beforeAll, expect, test } from "vitest"
import { bundled, ndaWithin, workFolder } from "./command.ts"
import { dataDir, haveData } from "../data/places.ts"
import { root } from "../../scripts/bundle.mjs"

const most = 600_000
const nda = (cli: string, cwd: string, ...args: readonly string[]) => ndaWithin(most / 1000, cli, cwd, ...args)

/** Six clips of 8 frames of 32 x 32: a square that moves over a pattern, as .npy. */
const madeClips = (): Uint8Array => {
  const shape = [6, 8, 32, 32] as const
  const head = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`.padEnd(117) + "\n"
  const bytes = new Uint8Array(128 + 6 * 8 * 1024)
  bytes.set([0x93, ...Buffer.from("NUMPY"), 1, 0, 118, 0, ...Buffer.from(head)])
  for (let n = 0; n < 6; n++) for (let t = 0; t < 8; t++) for (let y = 0; y < 32; y++) for (let x = 0; x < 32; x++) {
    const inside = Math.abs(y - 6 - 3 * n) < 4 && Math.abs(x - 4 - (2 + n % 2) * t) < 4
    bytes[128 + ((n * 8 + t) * 32 + y) * 32 + x] = inside ? 230 : 60 + ((7 * y + 3 * x + 11 * n) % 90)
  }
  return bytes
}

const asked = process.env["NDA_PROGRAMS"] !== undefined
let cli = ""
let folder = ""
beforeAll(async () => {
  if (!asked) return
  cli = await bundled("video")
  folder = workFolder({ "made/clips.npy": madeClips() })
})

/** The losses of two steps on a device and on the evaluator. */
const losses = (program: string, ...more: readonly string[]): readonly (readonly number[])[] =>
  [[], ["--device", "reference"]].map((device, k) => {
    const out = path.join(folder, `${program}-${k}`)
    const ended = nda(cli, folder, "run", path.join(root, `examples/${program}.nda`), program, ...more, ...device, "--set", "width=4", "--set", "batch=4", "--steps", "2", "--log-every", "1", "--out", out)
    expect(ended.code, ended.err).toBe(0)
    const lines = fs.readFileSync(path.join(out, "metrics.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line) as Record<string, number>)
    expect(lines.map((line) => line["step"])).toEqual([1, 2])
    return lines.map((line) => line["learn.loss"] ?? line["learn.loss.0"]!)
  })

const equal = ([device, exact]: readonly (readonly number[])[]): void => {
  exact!.forEach((loss, i) => expect(Math.abs(device![i]! / loss - 1), `step ${i + 1}: ${device![i]} and ${loss}`).toBeLessThan(1e-4))
  expect(exact![1]).not.toBe(exact![0])
}

test.runIf(asked)("dpc: equal losses", () => {
  equal(losses("dpc", "--data-dir", path.join(folder, "made"), "--set", "path=clips.npy", "--set", "blocks=2", "--set", "frames=3", "--set", "size=24"))
}, most)

test.runIf(asked && haveData)("action: equal losses", () => {
  equal(losses("action", "--data-dir", path.join(dataDir, "mini"), "--set", "frames=3", "--set", "recorded=8", "--set", "size=24"))
}, most)
