import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { describe, expect, it } from "vitest"
import { writeCheckpoint } from "../../src/runtime/checkpoint.ts"
import { CheckpointError } from "../../src/runtime/errors.ts"
import { parseSafetensors, writeSafetensors, type SafeTensor } from "../../src/runtime/safetensors.ts"
import { modelTensors } from "../../src/runtime/slot-tensors.ts"
import { loadWeights, weightsRequest } from "../../src/runtime/weights.ts"
import { count, planOf } from "./named-weights.ts"
import { learnMean } from "./plans.ts"

const program = learnMean()
const M = Float32Array.from({ length: 64 }, (_, i) => (i < 54 ? i + 1 : 0))
const slots = { M, "M.n": Int32Array.of(9) }
const folder = (): string => fs.mkdtempSync(path.join(os.tmpdir(), "nda-weights-"))
const saved = async (step = 4): Promise<string> => {
  const made = folder()
  const written = await writeCheckpoint(made, program, { cursor: { round: step, within: 0 }, seed: 1, executions: step, seconds: 1, slots, best: {} }, { programHash: "p", keep: 3, models: ["M"], improved: [] })
  expect(written).not.toBeInstanceOf(CheckpointError)
  return made
}
const tensor = (dtype: SafeTensor["dtype"], shape: readonly number[], size: number): SafeTensor => ({ dtype, shape, bytes: new Uint8Array(size) })
const fileOf = (tensors: Readonly<Record<string, SafeTensor>>): string => {
  const file = path.join(folder(), "M.safetensors")
  fs.writeFileSync(file, writeSafetensors(new Map(Object.entries(tensors))))
  return file
}
const refusal = async (text: string): Promise<CheckpointError> => {
  const loaded = await loadWeights(program, [weightsRequest(text)])
  if (!(loaded instanceof CheckpointError)) throw new Error("weights were loaded")
  return loaded
}

describe("weights", () => {
  it("are requested as [MODEL=]PATH[#subtree]", () => {
    expect(weightsRequest("D=runs/a#down.1")).toEqual({ model: "D", path: "runs/a", subtree: "down.1" })
    expect(weightsRequest("runs/a=b/w.safetensors")).toEqual({ model: undefined, path: "runs/a=b/w.safetensors", subtree: undefined })
  })

  it("that a model names itself are read only where no other request gives the model", async () => {
    const run = await saved()
    const own = { model: "M", path: path.join(run, "nowhere.safetensors"), subtree: undefined, otherwise: true }
    const loaded = await loadWeights(program, [own, weightsRequest(`M=${run}`)])
    expect(loaded).not.toBeInstanceOf(CheckpointError)
    expect((loaded as { slots: Record<string, unknown> }).slots["M"]).toEqual(M)
    expect(await loadWeights(program, [own])).toBeInstanceOf(CheckpointError)
  })

  it("come back from a run's folder and from a file as the leaves they were, by their paths", async () => {
    const run = await saved()
    for (const place of [run, path.join(run, "M.safetensors"), `M=${run}`]) {
      const loaded = await loadWeights(program, [weightsRequest(place)])
      if (loaded instanceof CheckpointError) throw loaded
      expect(loaded.slots).toEqual(slots)
      expect([...loaded.models]).toEqual(["M"])
    }
    const file = parseSafetensors("M", fs.readFileSync(path.join(run, "M.safetensors")))
    expect("tensors" in file && [...file.tensors].map(([name, { dtype, shape }]) => [name, dtype, shape])).toEqual([["layer.weight", "F32", [6, 8]], ["layer.bias", "F32", [6]], ["n", "I32", []]])
  })

  it("are taken from the newest checkpoint whose file has its hash", async () => {
    const run = await saved(4)
    fs.cpSync(path.join(run, "checkpoints/step-4"), path.join(run, "checkpoints/step-9"), { recursive: true })
    const file = path.join(run, "checkpoints/step-9/M.safetensors")
    const bytes = fs.readFileSync(file)
    bytes[bytes.length - 30]! ^= 1
    fs.writeFileSync(file, bytes)
    const loaded = await loadWeights(program, [weightsRequest(run)])
    expect("notes" in loaded && loaded.notes).toEqual([expect.stringContaining("(step 4)")])
  })

  it("of another model are refused with every difference, and nothing is loaded", async () => {
    const file = fileOf({ "layer.weight": tensor("F32", [8, 6], 192), n: tensor("F32", [], 4), other: tensor("U8", [3], 3) })
    const { reason, message } = await refusal(file)
    expect(reason).toBe("Mismatch")
    for (const line of ["layer.weight: expected F32[6, 8], found F32[8, 6]", "missing: layer.bias F32[6]", "n: expected I32[], found F32[]", "not in M: other U8[3]"]) expect(message).toContain(line)
  })

  it("of a subtree may leave tensors unused, which are listed, but none may be missing", async () => {
    const whole = { "big.layer.weight": tensor("F32", [6, 8], 192), "big.layer.bias": tensor("F32", [6], 24), "big.n": tensor("I32", [], 4), head: tensor("F32", [2], 8) }
    const file = fileOf(whole)
    expect((await refusal(file)).hint).toBe(`its part big fits: --weights M=${file}#big`)
    const loaded = await loadWeights(program, [weightsRequest(`${file}#big`)])
    expect("notes" in loaded && loaded.notes[1]).toMatch(/not used of .*: head$/)
    const { "big.n": _, ...less } = whole
    expect((await refusal(`${fileOf(less)}#big`)).message).toContain("missing: big.n I32[]")
  })

  it("of a model that followed another leave its count unread, and running statistics where the program reads none; both are listed", async () => {
    const own = { "layer.weight": tensor("F32", [6, 8], 192), "layer.bias": tensor("F32", [6], 24), n: tensor("I32", [], 4) }
    const file = fileOf({ ...own, updates: tensor("F32", [], 4), "norm.normalize_batch.running_mean": tensor("F32", [6], 24), "norm.normalize_batch.1.running_var": tensor("F32", [6], 24) })
    const loaded = await loadWeights(program, [weightsRequest(file)])
    expect("notes" in loaded && loaded.notes[1]!.split(": ").at(-1)!.split(", ").sort()).toEqual(["norm.normalize_batch.1.running_var", "norm.normalize_batch.running_mean", "updates"])
    expect((await refusal(fileOf({ ...own, "layer.updates": tensor("F32", [], 4) }))).message).toContain("not in M: layer.updates F32[]")
    // A network that reads some of its statistics must be given a file without others.
    const lessDeep = planOf("resnet18(width=1)")
    const statistics = Object.fromEntries(lessDeep.slots.map((slot) => [slot.name, new Float32Array(count(slot.shape))]))
    const deeper = fileOf({ ...Object.fromEntries(modelTensors(lessDeep, statistics, "E")), "other.normalize_batch.running_mean": tensor("F32", [1], 4) })
    const refused = await loadWeights(lessDeep, [weightsRequest(deeper)])
    expect(refused instanceof CheckpointError && refused.message).toContain("not in E: other.normalize_batch.running_mean F32[1]")
  })

  it("that are no numbers, of a model that is not there, or in a file that is not there, are refused by name", async () => {
    const spoiled = tensor("F32", [6], 24)
    new DataView(spoiled.bytes.buffer).setFloat32(8, NaN, true)
    const file = fileOf({ "layer.weight": tensor("F32", [6, 8], 192), "layer.bias": spoiled, n: tensor("I32", [], 4) })
    expect(await refusal(file)).toMatchObject({ reason: "NotFinite", message: expect.stringContaining("layer.bias") as unknown })
    expect((await refusal(`G=${file}`)).message).toContain("no model G")
    expect((await refusal(path.join(folder(), "w.safetensors"))).message).toContain("no such file")
    expect((await refusal(folder())).message).toContain("no weights of M here")
  })
})
