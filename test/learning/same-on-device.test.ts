/** Programs of `examples/` take their first two steps on the device as on the reference evaluator. Small sizes; the data set must be there. */
import fs from "node:fs"
import path from "node:path"
import { beforeAll, describe, expect, test } from "vitest"
import { dataDir as data, haveData } from "../data/places.ts"
import { bundled, ndaWithin, workFolder } from "../cli/command.ts"

const files = Object.fromEntries(["moco", "linear_probe"].map((name) => [`${name}.nda`, fs.readFileSync(`examples/${name}.nda`, "utf8")]))

let cli = ""
let folder = ""
beforeAll(async () => {
  cli = await bundled("same-on-device")
  folder = workFolder(files)
})

/** What the first two steps report, without the seconds. */
const reported = (name: string, entry: string, device: string, set: readonly string[]): readonly Readonly<Record<string, number>>[] => {
  const words = ["run", `${name}.nda`, entry, "--data-dir", data, "--steps", "2", "--log-every", "1", "--device", device, "--out", `${name}-${device}`, ...set.flatMap((s) => ["--set", s])]
  const { code, err } = ndaWithin(600, cli, folder, ...words)
  expect(code, err).toBe(0)
  return fs.readFileSync(path.join(folder, `${name}-${device}`, "metrics.jsonl"), "utf8").trim().split("\n").map((line) => {
    const { seconds: _, ...rest } = JSON.parse(line) as Record<string, number>
    return rest
  })
}

describe.skipIf(!haveData)("two steps of", () => {
  // A software adapter compiles moco's shaders for minutes: only where NDA_PROGRAMS is set.
  const programs: readonly (readonly [string, string, readonly string[]])[] = [
    ["linear_probe", "linear_probe", ["width=4", "batch=4"]],
    ...(process.env["NDA_PROGRAMS"] === undefined ? [] : [["moco", "moco", ["width=4", "batch=4", "slots=64"]] as const]),
  ]
  test.each(programs)("%s have equal losses on the device and on the reference", (name, entry, set) => {
    const [device, reference] = [reported(name, entry, "auto", set), reported(name, entry, "reference", set)]
    expect(reference.map((line) => line["step"])).toEqual([1, 2])
    for (const [i, line] of reference.entries())
      for (const [what, value] of Object.entries(line)) if (what.endsWith("loss")) expect(Math.abs(device[i]![what]! / value - 1), `${what} of step ${i + 1}`).toBeLessThan(1e-4)
  }, 1_200_000)
})
