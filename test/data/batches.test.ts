import { describe, expect, test } from "vitest"
import { epochOrder, multiplyHigh } from "../../src/runtime/data/epoch-order.ts"
import { writeNpy } from "../../src/runtime/data/npy.ts"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { ask, failure } from "./asking.ts"
import { temporaryFolder } from "./temporary.ts"

/** A data set whose sample i is the value i. */
const counting = (count: number): { dataDir: string } => {
  const dataDir = temporaryFolder()
  writeFileSync(join(dataDir, "count.npy"), writeNpy("i32", [count], Array.from({ length: count }, (_, i) => i)))
  return { dataDir }
}

describe("batches", () => {
  test("a train split gives every sample once an epoch but the dropped tail, in another order each epoch, and again for the same seed", async () => {
    const where = counting(23)
    const read = async (seed: number): Promise<number[][]> => {
      const source = await ask("array", { path: "count.npy" }, { label: ["i32"] }, { batch: 5 }, { ...where, seed })
      const epochs: number[][] = [[], []]
      for (let i = 0; i < 8; i++) {
        const batch = await source.batch(i)
        expect(batch.count).toBe(5)
        expect([...batch.index]).toEqual([...batch.fields["label"]!])
        epochs[Math.floor(i / 4)]!.push(...batch.index)
      }
      await source.close()
      return epochs
    }
    const [first, second] = await read(1) as [number[], number[]]
    expect(new Set(first).size).toBe(20)
    expect(new Set(second).size).toBe(20)
    expect(first).not.toEqual(second)
    expect(await read(1)).toEqual([first, second])
    expect((await read(2))[0]).not.toEqual(first)
  })

  test("a test split keeps the order, gives the tail, repeats the last sample after it and begins anew", async () => {
    const source = await ask("array", { path: "count.npy" }, { label: ["i32", 5] }, { batch: 5, split: "test" }, counting(12))
    expect([...(await source.batch(0)).index]).toEqual([0, 1, 2, 3, 4])
    const last = await source.batch(2)
    expect([last.count, [...last.index], [...last.fields["label"]!]]).toEqual([2, [10, 11, 11, 11, 11], [10, 11, 11, 11, 11]])
    expect([...(await source.batch(3)).index]).toEqual([0, 1, 2, 3, 4])
  })

  test("a shuffle puts every sample at every place equally often", () => {
    const seats = Array.from({ length: 6 }, () => new Array<number>(6).fill(0))
    const epochs = 6000
    for (let epoch = 0; epoch < epochs; epoch++) epochOrder(3, epoch, 6).forEach((sample, place) => seats[place]![sample]!++)
    // Each count is binomial (6000, 1/6): standard deviation 28.9; five of them.
    for (const place of seats) for (const count of place) expect(Math.abs(count - epochs / 6)).toBeLessThan(145)
  })

  test("multiplyHigh is the exact upper word of a product", () => {
    for (const [word, bound] of [[0xffffffff, 0xffffffff], [0x80000000, 3], [0xdeadbeef, 0x12345678], [1, 0xffffffff], [0, 9]] as const) {
      expect(BigInt(multiplyHigh(word, bound))).toBe((BigInt(word) * BigInt(bound)) >> 32n)
    }
  })

  test("a batch larger than a train split, an unknown option, loader, field, type and shape are each one error that names both sides", async () => {
    const where = counting(4)
    const messages = [
      await failure(ask("array", { path: "count.npy" }, { label: ["i32"] }, {}, where)),
      await failure(ask("array", { path: "count.npy", sise: 3 }, { label: ["i32"] }, {}, where)),
      await failure(ask("tfrecord", {}, { label: ["i32"] })),
      await failure(ask("dots", {}, { mask: ["f32", 32, 32] })),
      await failure(ask("array", { path: "count.npy" }, { label: ["f32"] }, {}, where)),
      await failure(ask("dots", { size: 28 }, { image: ["f32", 8, 3, 32, 32] })),
      await failure(ask("dots", { size: "big" }, { image: ["f32", 3, 32, 32] })),
    ].map((error) => error.message.replace(where.dataDir, "DIR"))
    expect(messages).toEqual([
      "DIR/count.npy: expected at least 8 samples (batch=8; a train split drops the tail), found 4; take a batch of at most 4",
      "array: expected options among path, found sise",
      "tfrecord: expected a loader among cifar10, cifar100, cifar_records, mnist, fashion, folder, clips, voc, boxes_folder, array, dots, motion, found \"tfrecord\"",
      "dots: expected a field mask (declared by b), found dots gives image: f32[3, 32, 32], label: i32[]",
      "DIR/count.npy: expected label: f32[] a sample (declared by b), found label: i32[]; declare it as i32",
      "dots: expected image: f32[3, 32, 32] a sample (declared by b), found image: f32[3, 28, 28]; change the declaration, or the loader's options (size=, frames=, most=)",
      "dots: expected size= a whole number from 8 to 512, found \"big\"",
    ])
  })
})
