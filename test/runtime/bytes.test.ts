/** Pictures that stay the bytes they were read as: a quarter of the input's memory, and the values of the same plan that is given numbers. */
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { compile } from "../../src/driver/compile.ts"
import { openSource } from "../../src/runtime/data/open-source.ts"
import { loadPlan, type TypedArray } from "../../src/runtime/executor.ts"
import { gpuLayer } from "../../src/runtime/gpu.ts"
import type { Profile } from "../../src/schedule/limits.ts"
import { messagesOf } from "../kernels/device.ts"
import { workFolder } from "../cli/command.ts"

const planOf = (text: string, bytes: boolean, profile: Profile = "cpu") => {
  const { value, diagnostics } = compile({ file: "bytes.nda", sources: { "bytes.nda": text }, bytes, profile, verify: true })
  if (!value) throw new Error(diagnostics.map((d) => d.message).join("; "))
  return value.plan
}
type Plan = ReturnType<typeof planOf>
const run = (plan: Plan, inputs: Readonly<Record<string, TypedArray>>): Promise<Readonly<Record<string, TypedArray>>> =>
  Effect.runPromise(Effect.scoped(Effect.flatMap(loadPlan(plan), (executor) => executor.run(inputs, { seed: 3, step: 0, repeat: 0 }))).pipe(Effect.provide(gpuLayer())))
const byte = (i: number): number => (i * 7919 + (i >> 3)) % 256
const inputOf = (plan: Plan) => plan.buffers.find((b) => b.id === plan.inputs.find((i) => i.source?.field === "image")!.buffer)!

/** Name, program, and how many bytes the pictures are. */
const programs: readonly (readonly [string, string, number])[] = [
  ["moved and mixed", `from nda.image import hflip, rotate
from nda.data import cifar10
graph f(b in cifar10.train(batch=3)) = { flipped: b.image |> hflip, turned: b.image |> rotate(20), twice: b.image * 2 - 1 }`, 3 * 3072],
  ["handed out as they are", "from nda.data import mnist\ngraph f(b in mnist.train(batch=2)) = { y: b.image, mean: mean(b.image) }", 2 * 784],
  ["of an odd number", `from nda.data import folder
graph f(b in folder("photos", size=5).train(batch=1)) = { y: 1 - b.image }`, 75],
  ["convolved", `from nda.data import cifar10
graph f(b in cifar10.train(batch=4), w: f32[16, 27]) { let p = at (n: 4, y: 30, x: 30, k: 27) => b.image[n, k // 9, y + k % 9 // 3, x + k % 3]
  { y: einsum("nyxk,ok->noyx", p, w) } }`, 4 * 3072],
  ["given as rows of a product", `from nda.data import cifar10
graph f(b in cifar10.train(batch=32), w: f32[3072, 24]) = { y: reshape(b.image, [32, 3072]) @ w }`, 32 * 3072],
]

describe("pictures as bytes", () => {
  it.each(programs.flatMap(([name, text, count]) => (["cpu", "gpu"] as const).map((profile) => [name, profile, text, count] as const)))("are read as numbers: %s (%s)", async (_, profile, text, count) => {
    const [plain, small] = [planOf(text, false, profile), planOf(text, true, profile)]
    expect([inputOf(plain).bytes, inputOf(small).bytes, inputOf(small).dtype]).toEqual([4 * count, 4 * Math.ceil(count / 4), "u8"])
    expect(small.sources[0]!.fields.find((f) => f.name === "image")!.dtype).toBe("u8")
    expect(await messagesOf(small)).toEqual([])
    const others = Object.fromEntries(plain.inputs.filter((i) => i.source?.field !== "image").map((i) => {
      const n = i.shape.reduce((a, b) => a * b, 1)
      return [i.name, i.dtype === "f32" ? Float32Array.from({ length: n }, (_, k) => Math.sin(k)) : Int32Array.from({ length: n }, (_, k) => k)]
    }))
    const name = plain.inputs.find((i) => i.source?.field === "image")!.name
    const bytes = Uint8Array.from({ length: count }, (_, i) => byte(i))
    const [numbers, same] = [await run(plain, { ...others, [name]: Float32Array.from(bytes, (b) => b / 255) }), await run(small, { ...others, [name]: bytes })]
    for (const [output, values] of Object.entries(numbers)) {
      // A division of WGSL is off by 2.5 units in the last place at most; here nothing is larger than a sum of 3072 products, taken in the same order.
      const scale = Math.max(1, ...values.map(Math.abs))
      values.forEach((v, i) => expect(Math.abs(same[output]![i]! - v)).toBeLessThanOrEqual(scale * 3 * 2 ** -23))
    }
  })

  it("are what loaders deliver when they are asked for bytes", async () => {
    const record = Uint8Array.from({ length: 3073 }, (_, i) => (i === 0 ? 7 : byte(i)))
    const dataDir = workFolder({ "ood/two.bin": Uint8Array.from([...record, ...record]) })
    const asked = (dtype: string) => openSource({ name: "b", loader: "cifar_records", split: "test", batch: 2, options: { path: "ood/two.bin" }, fields: [{ name: "image", dtype, shape: [2, 3, 32, 32] }] }, { dataDir, fileDir: ".", seed: 0, skipBad: false })
    const [bytes, numbers] = [await (await asked("u8")).batch(0), await (await asked("f32")).batch(0)]
    expect(bytes.fields["image"]).toEqual(Uint8Array.from([...record.subarray(1), ...record.subarray(1)]))
    expect(numbers.fields["image"]).toEqual(Float32Array.from(bytes.fields["image"]!, (b) => b / 255))
    await expect(asked("i32")).rejects.toMatchObject({ reason: "shape" })
  })

  it("are refused where the plan asks for numbers, and numbers where it asks for bytes", async () => {
    const plan = planOf(programs[1]![1], true)
    const failed = await run(plan, Object.fromEntries(plan.inputs.map((i) => [i.name, i.dtype === "i32" ? new Int32Array(2) : new Float32Array(2 * 784)]))).catch((error: { message: string; hint: string }) => error)
    expect(failed).toMatchObject({ message: "Input `b.image` of f is a Float32Array; u8[2, 1, 28, 28] is expected.", hint: "give a Uint8Array" })
  })
})
