import fs from "node:fs"
import path from "node:path"
import { beforeAll, describe, expect, test } from "vitest"
import { readNpy } from "../../src/runtime/data/npy.ts"
import { parseSafetensors } from "../../src/runtime/safetensors.ts"
import { bundled, events, nda, ndaSignalled, workFolder } from "./command.ts"

const program = `from nda.data import dots
from nda.nn import linear
from nda.optim import sgd

model D = critic(width=8)

block critic(width: Int)(x: Image[n, 3, 12, 12]) -> f32[n] {
  x |> reshape([n, 432]) |> linear(width) |> relu |> linear(1) |> reshape([n])
}

train fit(b in dots(count=6, size=12, samples=40).train(batch=4), steps = 12, seed = 1, rate = 0.01) {
  step learn {
    let score = D(b.image)
    let loss = mean((score - 1.0) * (score - 1.0))
    report { loss: loss }
    minimize loss over D by sgd(lr=rate)
  }
  every 5 {
    report { pictures: b.image }
    save D
  }
}

graph judge(b in dots(count=6, size=12).train(batch=4), seed = 1) = { score: D(b.image), pictures: b.image }

eval worth(b in dots(count=6, size=12, samples=40).test(batch=16)) {
  { score: mean(D(b.image)) }
}
`

let cli = ""
let folder = ""
beforeAll(async () => {
  cli = await bundled("train")
  folder = workFolder({ "t.nda": program })
})

const array = (...name: readonly string[]) => readNpy(path.join(...name), fs.readFileSync(path.join(folder, ...name)))
const summary = (out: string) => JSON.parse(out.trim().split("\n").at(-1)!) as Record<string, unknown> & { readonly metrics: Record<string, number> }
const state = (run: string, step: number): string => fs.readFileSync(path.join(folder, run, `checkpoints/step-${step}/state.safetensors`)).toString("hex")
const error = (err: string) => events(err).at(-1)!["error"] as { readonly message: string }

describe("nda run", () => {
  test("of a train learns, leaves its files, and goes on from them to the bytes of an unbroken run", () => {
    const ended = nda(cli, folder, "run", "t.nda", "fit", "--json", "--log-every", "4")
    expect(ended.code, ended.err).toBe(0)
    expect(summary(ended.out)).toMatchObject({ entry: "fit", steps: 12, parameters: { D: 432 * 8 + 8 + 8 + 1 }, submits: { learn: 1 } })
    const lines = fs.readFileSync(path.join(folder, "runs/t-fit/metrics.jsonl"), "utf8").trim().split("\n").map((line) => Object.values(JSON.parse(line) as object) as number[])
    expect(lines.map(([step]) => step)).toEqual([1, 4, 8, 12])
    expect(lines.at(-1)![2]!).toBeLessThan(lines[0]![2]!)
    expect(fs.readdirSync(path.join(folder, "runs/t-fit")).filter((name) => !name.startsWith("events"))).toEqual(["D.safetensors", "checkpoints", "metrics.jsonl", "plan.json", "report.html", "samples"])
    expect(nda(cli, folder, "run", "t.nda", "fit", "--out", "part", "--steps", "7").code).toBe(0)
    expect(nda(cli, folder, "run", "t.nda", "fit", "--out", "part", "--resume").code).toBe(0)
    expect(state("part", 12)).toBe(state("runs/t-fit", 12))
    expect(nda(cli, folder, "run", "t.nda", "fit", "--json").code).toBe(3)
    expect(error(nda(cli, folder, "run", "t.nda", "fit", "--resume", "--set", "rate=0.1", "--json").err).message).toContain("another program")
  })

  test("of a graph or an eval takes the weights of the file's own run, or says that they are fresh", () => {
    const judged = nda(cli, folder, "run", "t.nda", "judge", "--out", "judged")
    expect(judged.code, judged.err).toBe(0)
    expect(judged.err).toContain("weights of D from runs/t-fit/checkpoints/step-12/D.safetensors (step 12)")
    const weights = parseSafetensors("D", fs.readFileSync(path.join(folder, "runs/t-fit/D.safetensors")))
    if (!("tensors" in weights)) throw weights
    const [w1, b1, w2, b2] = [...weights.tensors.values()].map(({ bytes }) => new Float32Array(bytes.buffer)) as [Float32Array, Float32Array, Float32Array, Float32Array]
    const pictures = array("judged", "pictures.npy").data
    const scores = Array.from({ length: 4 }, (_, n) => {
      const hidden = Array.from(b1, (bias, j) => Math.max(0, Array.from({ length: 432 }, (_, i) => w1[j * 432 + i]! * Number(pictures[n * 432 + i])).reduce((a, b) => a + b, bias)))
      return hidden.reduce((sum, h, j) => sum + h * w2[j]!, b2[0]!)
    })
    Array.from(array("judged", "score.npy").data).forEach((score, n) => expect(Number(score)).toBeCloseTo(scores[n]!, 4))
    const worth = nda(cli, folder, "run", "t.nda", "worth", "--json", "--out", "worth")
    expect(worth.code, worth.err).toBe(0)
    const learnt = summary(worth.out).metrics["score"]!
    const alone = workFolder({ "t.nda": program })
    const fresh = nda(cli, alone, "run", "t.nda", "worth", "--json")
    expect(fresh.code, fresh.err).toBe(0)
    expect(fresh.err).toContain("fresh weights")
    expect(Math.abs(summary(fresh.out).metrics["score"]! - 1)).toBeGreaterThan(Math.abs(learnt - 1))
    const given = nda(cli, alone, "run", "t.nda", "worth", "--json", "--force", "--weights", path.join(folder, "runs/t-fit"))
    expect(summary(given.out).metrics["score"]).toBe(learnt)
    expect(nda(cli, alone, "run", "t.nda", "worth", "--resume").err).toContain("--resume belongs to a train")
  })

  test("of a train on the reference evaluator learns the same numbers, and goes on from its checkpoints to the same bytes", () => {
    const reference = (...more: readonly string[]) => nda(cli, folder, "run", "t.nda", "fit", "--device", "reference", "--log-every", "4", ...more)
    expect(reference("--out", "whole").code).toBe(0)
    expect(reference("--out", "broken", "--steps", "5").code).toBe(0)
    expect(reference("--out", "broken", "--resume").code).toBe(0)
    expect(state("broken", 12)).toBe(state("whole", 12))
    const losses = (run: string) => fs.readFileSync(path.join(folder, run, "metrics.jsonl"), "utf8").trim().split("\n").map((line) => Object.values(JSON.parse(line) as object)[2] as number)
    losses("whole").forEach((loss, i) => expect(loss).toBeCloseTo(losses("runs/t-fit")[i]!, 4))
  })

  test("of a train that is interrupted writes a checkpoint and ends with 130", async () => {
    const ended = await ndaSignalled(cli, folder, /"step":1[,}]/, "SIGINT", "run", "t.nda", "fit", "--out", "stopped", "--steps", "100000", "--set", "rate=0.0", "--json")
    expect(ended.code).toBe(130)
    expect(fs.readdirSync(path.join(folder, "stopped/checkpoints")).length).toBeGreaterThan(0)
    expect(fs.existsSync(path.join(folder, "stopped/run.lock"))).toBe(false)
    expect(fs.existsSync(path.join(folder, "stopped/report.html"))).toBe(true)
  })
})
