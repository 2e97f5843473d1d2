/** Evals inside a train (RULINGS 16): the record, the best file, and going on. */
import fs from "node:fs"
import path from "node:path"
import { beforeAll, expect, test } from "vitest"
import { bundled, nda, workFolder } from "./command.ts"

const program = `from nda.data import dots
from nda.metric import auroc, fid, mean_of
from nda.nn import batch_norm, linear
from nda.optim import sgd

const batch = 16

block critic(width: Int)(x: Image[n, 3, 12, 12]) -> f32[n] {
  x |> reshape([n, 432]) |> linear(width) |> batch_norm |> relu |> linear(width) |> batch_norm |> relu |> linear(1) |> reshape([n])
}

block features(x: Image[n, c, h, w]) -> Feature[n, 4] = x |> reshape([n, c * h * w]) |> linear(4)

model D = critic(8)
model A = follow(D, decay=0.5)
model E = features

train fit(b in dots(count=6, size=12, samples=40).train(batch=4), steps = 12, seed = 1, rate = 0.3) {
  step learn {
    let score = D(b.image)
    minimize mean((score - 1.0) * (score - 1.0)) over D by sgd(lr=rate)
  }
  every 3 {
    let q = worth()
    report { score: q.score, twice: 2 * q.score, auroc: q.auroc, fid: q.fid, sevenths: q.steps / 7 }
    save D, A best=q.score
  }
}

eval worth(b in dots(count=6, size=12, samples=40).test(batch=batch), odd in dots(count=2, size=12, samples=100).test(batch=batch)) {
  state seen: f32 = zeros()
  next seen = seen + 1.0
  let s = A(b.image)
  { score: mean_of(s), auroc: auroc(capacity=count(odd))(s, A(odd.image)), fid: fid(E)(b.image, odd.image), steps: seen + 1.0 }
}
`

let cli = ""
let folder = ""
beforeAll(async () => {
  cli = await bundled("evaluations")
  folder = workFolder({ "q.nda": program })
})

interface Line { readonly step: number; readonly score?: number; readonly twice: number; readonly auroc: number; readonly fid: number; readonly sevenths: number }
const lines = (run: string): readonly Line[] => fs.readFileSync(path.join(folder, run, "metrics.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line) as Line).filter((line) => line.score !== undefined)
const bytes = (...file: readonly string[]): string => fs.readFileSync(path.join(folder, ...file)).toString("hex")
const best = (run: string, step: number) => (JSON.parse(fs.readFileSync(path.join(folder, run, `checkpoints/step-${step}/run.json`), "utf8")) as { readonly best: Record<string, { readonly value: number; readonly step: number }> }).best

test("an eval that a train calls gives what the eval gives by itself, keeps the best file, and goes on to the same bytes", { timeout: 120_000 }, () => {
  const ended = nda(cli, folder, "run", "q.nda", "fit", "--device", "reference", "--out", "whole", "--keep", "9", "--json")
  expect(ended.code, ended.err).toBe(0)
  const found = lines("whole")
  expect(found.map((line) => line.step)).toEqual([3, 6, 9, 12])
  // States begin anew each time: three batches, the last of eight samples.
  for (const line of found) expect(line).toMatchObject({ twice: 2 * line.score!, sevenths: Math.fround(3 / 7) })

  const second = found[1]!
  const alone = nda(cli, folder, "run", "q.nda", "worth", "--device", "reference", "--out", "alone", "--seed", "1", "--json", "--weights", "A=whole/checkpoints/step-6/A.safetensors")
  expect(alone.code, alone.err).toBe(0)
  const { metrics, samples } = JSON.parse(alone.out.trim().split("\n").at(-1)!) as { readonly metrics: Record<string, number>; readonly samples: unknown }
  expect(samples).toEqual({ b: { used: 40, of: 40 }, odd: { used: 40, of: 100 } })
  expect(metrics).toEqual({ score: second.score, auroc: second.auroc, fid: second.fid, steps: 3 })
  expect(fs.readFileSync(path.join(folder, "whole/report.html"), "utf8")).toContain("40 of 40 samples of b, 40 of 100 samples of odd")

  const highest = found.reduce((most, line) => (line.score! > most.score! ? line : most))
  expect(best("whole", 12)).toEqual({ D: { value: highest.score, step: highest.step }, A: { value: highest.score, step: highest.step } })
  expect(bytes("whole", "D.best.safetensors")).toBe(bytes("whole", `checkpoints/step-${highest.step}/D.safetensors`))
  // Nothing of the eval is in a checkpoint.
  expect(fs.readFileSync(path.join(folder, "whole/checkpoints/step-12/state.safetensors"), "latin1")).not.toContain("worth")

  expect(nda(cli, folder, "run", "q.nda", "fit", "--device", "reference", "--out", "part", "--steps", "7", "--json").code).toBe(0)
  expect(nda(cli, folder, "run", "q.nda", "fit", "--device", "reference", "--out", "part", "--resume", "--json").code).toBe(0)
  for (const file of ["D.safetensors", "A.best.safetensors", "checkpoints/step-12/state.safetensors"]) expect(bytes("part", file)).toBe(bytes("whole", file))
  expect(best("part", 12)).toEqual(best("whole", 12))
  expect(lines("part").map(({ step, score, fid }) => ({ step, score, fid }))).toEqual(found.map(({ step, score, fid }) => ({ step, score, fid })))
})

test("on a device an eval inside a train gives what the reference gives with the same weights", { timeout: 120_000 }, () => {
  const ended = nda(cli, folder, "run", "q.nda", "fit", "--out", "device", "--steps", "3", "--json")
  expect(ended.code, ended.err).toBe(0)
  const [found] = lines("device")
  const alone = nda(cli, folder, "run", "q.nda", "worth", "--device", "reference", "--out", "exact", "--seed", "1", "--json", "--weights", "A=device/A.safetensors")
  expect(alone.code, alone.err).toBe(0)
  const { metrics } = JSON.parse(alone.out.trim().split("\n").at(-1)!) as { readonly metrics: Record<string, number> }
  for (const name of ["score", "auroc", "fid"] as const) expect(Math.abs(found![name]! - metrics[name]!), name).toBeLessThan(1e-4 * Math.max(1, Math.abs(metrics[name]!)))
})

const spoiled = `from nda.data import dots
from nda.nn import linear
from nda.optim import sgd

model D = critic
block critic(x: Image[n, 3, 12, 12]) -> f32[n] = x |> reshape([n, 432]) |> linear(1) |> reshape([n])

train fit(b in dots(size=12, samples=40).train(batch=4), steps = 30, seed = 1) {
  step learn {
    let odds = log(2.0 - D(b.image))
    minimize mean(odds) over D by sgd(lr=0.05)
  }
  every 1 { save D }
}

eval worth(b in dots(size=12, samples=40).test(batch=10)) {
  { odds: log(-1.0 - abs(D(b.image))) }
}
`

test("--check-finite names the line that first makes what is no number, in a step and in an eval", { timeout: 60_000 }, () => {
  fs.writeFileSync(path.join(folder, "nan.nda"), spoiled)
  const error = (err: string) => (JSON.parse(err.trim().split("\n").filter((line) => line.startsWith("{")).at(-1)!) as { readonly error: { readonly message: string; readonly where: string } }).error
  const step = nda(cli, folder, "run", "nan.nda", "fit", "--device", "reference", "--check-finite", "--json")
  expect(step.code).toBe(3)
  expect(error(step.err)).toMatchObject({ where: "nan.nda:10:16", message: expect.stringMatching(/^In learn, step \d+, the first value that is not finite is made by `log`\.$/) as unknown })
  const asked = nda(cli, folder, "run", "nan.nda", "worth", "--device", "reference", "--check-finite", "--json", "--weights", "D=runs/nan-fit")
  expect(asked.code).toBe(3)
  expect(error(asked.err).message).toMatch(/odds holds NaN/)
})
