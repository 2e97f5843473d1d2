/** `--precision f16`, as a user gives it: the same run within what is rounded, steps that overflow, and what is said where it cannot be. */
import fs from "node:fs"
import path from "node:path"
import { beforeAll, describe, expect, test } from "vitest"
import { preparedFor, type Prepared } from "../../src/cli/compile-program.ts"
import type { Console } from "../../src/cli/console.ts"
import type { Device } from "../../src/cli/device.ts"
import { bundled, events, nda, workFolder } from "./command.ts"

const program = `
from nda.data import dots
from nda.nn import conv, linear
from nda.optim import adam, sgd
block critic(x: Image[n, 3, 16, 16]) -> f32[n] {
  x |> conv(16) |> relu |> conv(16, stride=2) |> relu |> reshape([n, 1024]) |> linear(1) |> reshape([n])
}
model D = critic
train fit(b in dots(count=6, size=16).train(batch=8), steps = 8, seed = 1) {
  step learn { minimize mean((D(b.image) - 1) ** 2) over D by adam(lr=1e-3) }
}
block line(x: f32[n, 3]) -> f32[n] {
  param w: f32[3] = ones()
  einsum("ij,j->i", x, w)
}
model M = line
train steep(steps = 9, seed = 0) {
  step learn {
    let x: f32[8, 3] ~ normal()
    minimize 1e36 * mean(M(x)) ** 2 over M by sgd(lr=1e-37)
  }
}
train large(b in dots(count=6, size=16).train(batch=8), steps = 1, seed = 1) {
  step learn { minimize mean(D(b.image * 1e6)) / 1e6 over D by adam(lr=1e-3) }
}
`
let cli = ""
let folder = ""
/** Whether the adapter that runs take has shader-f16. */
let halves = false
beforeAll(async () => {
  cli = await bundled("precision")
  folder = workFolder({ "t.nda": program })
  const { adapters, chosen } = JSON.parse(nda(cli, folder, "devices", "--json").out) as { adapters: { name: string; features: string[] }[]; chosen: string }
  halves = adapters.find((a) => a.name === chosen)!.features.includes("shader-f16")
})
const lines = (run: string): Record<string, number>[] => fs.readFileSync(path.join(folder, run, "metrics.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line) as Record<string, number>)
const kernels = (run: string): string => fs.readFileSync(path.join(folder, run, "plan.json"), "utf8")

describe("--precision f16", () => {
  test("stores values between kernels in half the bytes and learns as f32 does", () => {
    for (const precision of ["f32", "f16"]) {
      const ended = nda(cli, folder, "run", "t.nda", "fit", "--precision", precision, "--out", precision, "--log-every", "1")
      expect(ended.code, ended.err).toBe(0)
    }
    expect(kernels("f16").includes("enable f16;")).toBe(halves)
    if (!halves) return
    const [whole, half] = [lines("f32"), lines("f16")]
    // Before any update three values on the way are rounded, each by 2^-12 of itself at most; after it, adam's steps where a gradient is nearly 0 differ too.
    whole.forEach((line, i) => expect(Math.abs(half[i]!["learn.loss"]! / line["learn.loss"]! - 1)).toBeLessThan(i === 0 ? 8 * 2 ** -11 : 0.02))
    expect(half.every((line) => line["learn.loss_scale"] === 8192)).toBe(true)
    expect(kernels("f32")).not.toContain("enable f16;")
    const again = nda(cli, folder, "run", "t.nda", "fit", "--out", "f16", "--resume", "--json")
    expect([again.code, (events(again.err).at(-1)!["error"] as { message: string }).message]).toEqual([3, expect.stringContaining("another program")])
    expect(nda(cli, folder, "run", "t.nda", "fit", "--out", "f16", "--resume", "--precision", "f16").code).toBe(0)
  })

  test("leaves out the steps whose gradients overflow, and halves the scale until they do not", () => {
    const ended = nda(cli, folder, "run", "t.nda", "steep", "--precision", "f16", "--log-every", "1", "--out", "steep")
    expect(ended.code, ended.err).toBe(0)
    const seen = lines("steep")
    const scales = seen.map((line) => line["learn.loss_scale"]!)
    expect(scales[0] !== undefined).toBe(halves)
    if (!halves) return
    const halved = scales.findIndex((s, i) => i > 0 && s === scales[i - 1])
    expect(halved).toBeGreaterThan(2)
    scales.slice(0, halved).forEach((s, i) => expect(s).toBe(8192 / 2 ** i))
  })

  test("names f16's own reason where a run is not finite any more", () => {
    const ended = nda(cli, folder, "run", "t.nda", "large", "--precision", "f16", "--log-every", "1", "--out", "large", "--json")
    if (!halves) return
    const error = events(ended.err).at(-1)!["error"] as { message: string; hint: string }
    expect([ended.code, error.message, error.hint]).toEqual([3, expect.stringMatching(/is (NaN|Infinity) at step 1/), expect.stringContaining("f16 holds nothing beyond 65504, so see whether --precision f32 stays finite")])
    expect(nda(cli, folder, "run", "t.nda", "large", "--log-every", "1", "--out", "finite").code).toBe(0)
  })

  test("is told to be of no use to the reference and to an adapter without f16, and compiled without a device", () => {
    const exact = nda(cli, folder, "run", "t.nda", "steep", "--precision", "f16", "--device", "reference", "--out", "exact", "--steps", "1")
    expect([exact.code, exact.err]).toEqual([0, expect.stringContaining("the reference computes in f64: --precision f16 changes nothing")])
    const [said, without]: [string[], object] = [[], { name: "Old", kind: "hardware", halves: false, limits: undefined, profile: "gpu", tuned: undefined }]
    const request = preparedFor({ request: { file: "t.nda", sources: {}, precision: "f16" } } as unknown as Prepared, without as Device, { note: (line: string) => void said.push(line) } as Console).request
    expect([request, said]).toEqual([{ file: "t.nda", sources: {}, profile: "gpu" }, ["Old has no shader-f16: values are stored as f32"]])
    const wgsl = nda(cli, folder, "compile", "t.nda", "fit", "--precision", "f16", "--emit", "wgsl")
    expect([wgsl.code, wgsl.out.includes("array<f16>") || wgsl.out.includes("array<vec4<f16>>")]).toEqual([0, true])
  })
})
