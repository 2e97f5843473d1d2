import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { describe as describeSet } from "../../src/runtime/data/open-source.ts"
import { ask, context, failure } from "./asking.ts"
import { dataDir, haveData } from "./places.ts"

// Skipped where the real data sets are not there (NDA_DATA, or ../shared/data beside the checkout).
describe.skipIf(!haveData)("the authors' own files", () => {
  test("CIFAR-10 gives the bytes of the records, as many batch files as are there, with the published channel means", async () => {
    const source = await ask("cifar10", {}, { image: ["f32", 3, 32, 32], label: ["i32"] }, { batch: 2000 })
    expect(source.count).toBe(10_000)
    const batch = await source.batch(3)
    const bytes = readFileSync(join(dataDir, "cifar10/data_batch_1.bin"))
    const at = batch.index[5]! * 3073
    expect(batch.fields["label"]![5]).toBe(bytes[at])
    expect([...batch.fields["image"]!.subarray(5 * 3072, 5 * 3072 + 4)]).toEqual([1, 2, 3, 4].map((i) => Math.fround(bytes[at + i]! / 255)))
    const means = [0.4914, 0.4822, 0.4465].map((mean, c) => {
      let sum = 0
      for (let n = 0; n < 2000; n++) for (let i = 0; i < 1024; i++) sum += batch.fields["image"]![n * 3072 + c * 1024 + i]!
      return Math.abs(sum / (2000 * 1024) - mean)
    })
    // 2000 pictures, whose own means spread by about 0.12: three standard errors.
    for (const distance of means) expect(distance).toBeLessThan(0.008)
    expect((await describeSet("cifar10", {}, context(), "all")).count).toBe(12_000)
  })

  test("records of another kind are refused with the option that reads them, and read with it", async () => {
    const error = await failure(ask("cifar_records", { path: "ood/cifar100_test_1k.bin" }, { image: ["f32", 3, 32, 32] }))
    expect(error.message).toContain("found 3074000 bytes (1000 records and 1000 bytes); it holds CIFAR-100 records: say labels=\"fine\" or labels=\"coarse\"")
    const source = await ask("cifar_records", { path: "ood/cifar100_test_1k.bin", labels: "coarse" }, { label: ["i32"] }, { batch: 1000, split: "test" })
    const labels = (await source.batch(0)).fields["label"]!
    expect([Math.min(...labels), Math.max(...labels)]).toEqual([0, 19])
  })

  test("MNIST and Fashion-MNIST are read gzipped; 28 into 32 is one error that names both", async () => {
    for (const name of ["mnist", "fashion"]) {
      const source = await ask(name, {}, { image: ["f32", 1, 28, 28], label: ["i32"] }, { split: "test", batch: 16 })
      const { fields } = await source.batch(0)
      expect(Math.max(...fields["image"]!)).toBe(1)
      if (name === "mnist") expect([...fields["label"]!.subarray(0, 8)]).toEqual([7, 2, 1, 0, 4, 1, 4, 9])
    }
    expect((await failure(ask("mnist", {}, { image: ["f32", 1, 32, 32] }))).message).toContain("expected image: f32[1, 32, 32] a sample (declared by b), found image: f32[1, 28, 28]")
    expect((await failure(ask("mnist", { path: "photos" }, { image: ["f32", 1, 28, 28] }))).message).toMatch(/train-images-idx3-ubyte: expected .* in .*photos, found neither; nda data get mnist --dir /)
  })

  test("photographs are brought to one size, colour and grey alike, and the same in every run", async () => {
    const read = async (): Promise<Float32Array> => {
      const source = await ask("folder", { path: "photos", size: 48 }, { image: ["f32", 3, 48, 48] }, { batch: 21, split: "test" })
      const { fields, index } = await source.batch(0)
      await source.close()
      expect(index[20]).toBe(20)
      return fields["image"] as Float32Array
    }
    const once = await read()
    expect(await read()).toEqual(once)
    const grey = Array.from({ length: 21 }, (_, n) => {
      const plane = (c: number): Float32Array => once.subarray((n * 3 + c) * 2304, (n * 3 + c + 1) * 2304)
      return plane(0).every((value, i) => value === plane(1)[i] && value === plane(2)[i])
    })
    expect(grey.filter((each) => each).length).toBe(5)
  })

  test("VOC boxes lie in the letter-boxed picture, classes are numbered alphabetically, and an overflow is refused or cut", async () => {
    const fields = { image: ["f32", 3, 160, 160], boxes: ["f32", 40, 4], class: ["i32", 40], valid: ["bool", 40] } as const
    const source = await ask("voc", { path: "detection/bccd_320", size: 160, most: 40 }, fields, { split: "all", batch: 2 })
    expect(source.count).toBe(364)
    const { fields: read } = await source.batch(0)
    await source.close()
    // BloodImage_00000: 320 x 240 becomes 160 x 120 with 20 above; its first object is a WBC at 130, 88, 246, 188.
    expect([...read["boxes"]!.subarray(0, 4)]).toEqual([94, 89, 58, 50])
    expect(read["class"]![0]).toBe(2)
    expect(read["valid"]!.subarray(0, 40).reduce((sum, one) => sum + one, 0)).toBe(20)
    expect(read["image"]![0]).toBe(Math.fround(128 / 255))
    const few = { boxes: ["f32", 4, 4], valid: ["bool", 4] } as const
    expect((await failure(ask("voc", { path: "detection/bccd_320", size: 160, most: 4 }, few))).message).toMatch(/expected at most 4 boxes \(most=4\), found \d+; raise most=, or say overflow="drop"/)
    const cut = await ask("voc", { path: "detection/bccd_320", size: 160, most: 4, overflow: "drop" }, few, { batch: 2 })
    expect([...(await cut.batch(0)).fields["valid"]!]).toEqual(new Array(8).fill(1))
    await cut.close()
  })

  test("VOC boxes that overflow=drop leaves out are counted, once for the set", async () => {
    const told: string[] = []
    const source = await ask("voc", { path: "detection/bccd_320", size: 160, most: 24, overflow: "drop" }, { valid: ["bool", 24] }, { split: "all" }, { onSkip: (file, why) => void told.push(`${file}: ${why}`) })
    await source.close()
    // Pictures with 25, 25, 25, 28 and 30 boxes.
    expect(told).toEqual([expect.stringMatching(/bccd_320: 13 boxes of 5 pictures, which have more than 24 \(overflow="drop"\)$/)])
  })

  test("clips of an array get one channel, a window of frames, and labels from a column", async () => {
    const path = "video/scenes3_gray64_t16.npy"
    const source = await ask("clips", { path, frames: 4, stride: 3, labels: "video/scenes3.csv" }, { clip: ["f32", 1, 4, 64, 64], label: ["i32"] }, { split: "test", batch: 3 })
    const { fields } = await source.batch(0)
    const raw = readFileSync(join(dataDir, path)).subarray(128)
    // Sixteen frames, a span of ten: the window begins at frame 3 and steps by 3.
    expect([0, 1, 2, 3].map((t) => fields["clip"]![(1 * 4 + t) * 4096 + 77])).toEqual([3, 6, 9, 12].map((t) => Math.fround(raw[(1 * 16 + t) * 4096 + 77]! / 255)))
    expect(fields["label"]![0]).toBe(0)
    expect((await failure(ask("clips", { path, frames: 8, stride: 3 }, { clip: ["f32", 1, 8, 64, 64] }))).message).toContain("expected 22 frames a clip (frames=8, stride=3), found 16")
  })

  test("motion gives each class its own movement: what moves right ends right of where it began", async () => {
    const source = await ask("motion", { classes: 4, frames: 6, size: 32 }, { clip: ["f32", 1, 6, 32, 32], label: ["i32"] }, { split: "test", batch: 12 })
    const { fields } = await source.batch(0)
    await source.close()
    const centre = (n: number, t: number, axis: "x" | "y"): number => {
      let sum = 0
      let moment = 0
      for (let i = 0; i < 1024; i++) {
        const value = fields["clip"]![(n * 6 + t) * 1024 + i]!
        sum += value
        moment += value * (axis === "x" ? i % 32 : Math.floor(i / 32))
      }
      return moment / sum
    }
    for (let n = 0; n < 12; n++) {
      const label = fields["label"]![n]!
      const axis = label < 2 ? "x" : "y"
      const moved = centre(n, 5, axis) - centre(n, 0, axis)
      expect(label % 2 === 0 ? moved : -moved).toBeGreaterThan(10)
    }
  })
})
