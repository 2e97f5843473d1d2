import { execFileSync } from "node:child_process"
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import sharp from "sharp"
import { describe, expect, test } from "vitest"
import { decodeImage, middleSquare } from "../../src/runtime/data/decode-image.ts"
import { decodedPictures } from "../../src/runtime/data/decoded-pictures.ts"
import { readImage } from "../../src/runtime/pictures/read-image.ts"
import { ask, failure } from "./asking.ts"
import { temporaryFolder } from "./temporary.ts"

const flat = (r: number, g: number, b: number, width = 12, height = 8): sharp.Sharp => sharp({ create: { width, height, channels: 3, background: { r, g, b } } })
const image = { image: ["f32", 3, 8, 8], label: ["i32"] } as const

describe("image folders", () => {
  test("sub-folders are classes in order of their names, through links too; other files are left alone", async () => {
    const dataDir = temporaryFolder()
    for (const [name, red] of [["zebra", 0], ["ant", 255]] as const) {
      mkdirSync(join(dataDir, "set", name), { recursive: true })
      await flat(red, 0, 51).png().toFile(join(dataDir, "set", name, "a.PNG"))
      await flat(red, 0, 51).jpeg({ quality: 100 }).toFile(join(dataDir, "set", name, "b.jpeg"))
      writeFileSync(join(dataDir, "set", name, "notes.txt"), "not a picture")
      writeFileSync(join(dataDir, "set", name, "._a.png"), "what a Mac leaves behind")
    }
    mkdirSync(join(dataDir, "elsewhere"))
    await flat(102, 0, 51).png().toFile(join(dataDir, "elsewhere", "c.png"))
    symlinkSync(join(dataDir, "elsewhere"), join(dataDir, "set", "moth"))
    const source = await ask("folder", { path: "set", size: 8 }, image, { split: "test", batch: 5 }, { dataDir })
    const { fields, count } = await source.batch(0)
    expect(count).toBe(5)
    expect([...fields["label"]!]).toEqual([0, 0, 1, 2, 2])
    expect([0, 2, 3].map((n) => fields["image"]![n * 192])).toEqual([1, Math.fround(102 / 255), 0])
    expect(fields["image"]![128]).toBe(Math.fround(51 / 255))
  })

  test("a folder of train/ and test/ is entered by the split, and ./ starts at the .nda file", async () => {
    const fileDir = temporaryFolder()
    for (const [split, count] of [["train", 3], ["test", 2]] as const) {
      mkdirSync(join(fileDir, "set", split), { recursive: true })
      for (let i = 0; i < count; i++) await flat(10 * i, 0, 0).png().toFile(join(fileDir, "set", split, `${i}.png`))
    }
    for (const [split, count] of [["train", 3], ["test", 2], ["all", 5]] as const) {
      const source = await ask("folder", { path: "./set", size: 8 }, { image: image.image }, { split, batch: 1 }, { fileDir })
      expect(source.count).toBe(count)
    }
  })

  test("grey, palette, 16 bits, alpha and EXIF orientation all come out as upright RGB", async () => {
    const decode = async (picture: sharp.Sharp, format: "png" | "jpeg", options = {}): Promise<{ size: number[]; pixels: number[] }> => {
      const { width, height, data } = await decodeImage("x", await picture.toFormat(format, options).toBuffer(), 3)
      return { size: [width, height], pixels: [...data] }
    }
    const grey = sharp(Buffer.from([10, 200]), { raw: { width: 2, height: 1, channels: 1 } }).toColourspace("b-w")
    expect((await decode(grey, "png")).pixels).toEqual([10, 10, 10, 200, 200, 200])
    const deep = sharp(new Uint16Array([0, 65535, 0x8040]), { raw: { width: 3, height: 1, channels: 1 } }).toColourspace("grey16")
    expect((await decode(deep, "png")).pixels).toEqual([0, 0, 0, 255, 255, 255, 128, 128, 128])
    expect((await decode(flat(9, 99, 199, 2, 1), "png", { palette: true })).pixels).toEqual([9, 99, 199, 9, 99, 199])
    const clear = sharp(Buffer.from([255, 0, 0, 0, 0, 0, 255, 255]), { raw: { width: 2, height: 1, channels: 4 } })
    expect((await decode(clear, "png")).pixels).toEqual([255, 255, 255, 0, 0, 255])
    const turned = await decode(flat(1, 2, 3, 20, 10).withMetadata({ orientation: 6 }), "jpeg")
    expect(turned.size).toEqual([10, 20])
  })

  test("colour becomes grey by the luma that Pillow uses, and grey becomes colour by repeating it", async () => {
    const folder = temporaryFolder()
    await flat(255, 0, 0, 2, 1).png().toFile(join(folder, "red.png"))
    const { shape, values } = await readImage(join(folder, "red.png"), 1)
    expect([shape, [...values]]).toEqual([[1, 1, 1, 2], [Math.fround(76 / 255), Math.fround(76 / 255)]])
  })

  test("the short side is brought to size, then the middle is cut out", async () => {
    const dataDir = temporaryFolder()
    // Three squares beside one another: red, green, blue; the middle one is what stays.
    const squares = Buffer.alloc(48 * 16 * 3)
    for (let i = 0; i < 48 * 16; i++) squares[i * 3 + Math.floor((i % 48) / 16)] = 255
    mkdirSync(join(dataDir, "wide"))
    await sharp(squares, { raw: { width: 48, height: 16, channels: 3 } }).png().toFile(join(dataDir, "wide", "a.png"))
    const source = await ask("folder", { path: "wide", size: 8 }, { image: image.image }, { batch: 1 }, { dataDir })
    const values = (await source.batch(0)).fields["image"]!
    for (let y = 0; y < 8; y++) for (let x = 2; x < 6; x++) expect([0, 1, 2].map((c) => values[c * 64 + y * 8 + x])).toEqual([0, 1, 0])
  })

  test("an unreadable picture ends the run with its name, or is left out, counted and replaced under --skip-bad", async () => {
    const dataDir = temporaryFolder()
    mkdirSync(join(dataDir, "set"))
    for (let i = 0; i < 6; i++) await flat(i, 0, 0).png().toFile(join(dataDir, "set", `${i}.png`))
    const whole = await flat(2, 0, 0, 300, 300).composite([{ input: await flat(90, 90, 3, 40, 40).png().toBuffer() }]).png().toBuffer()
    writeFileSync(join(dataDir, "set", "2.png"), whole.subarray(0, whole.length - 60))
    const open = (skipBad: boolean, onSkip = (_file: string): void => undefined) => ask("folder", { path: "set", size: 8 }, { image: image.image }, { split: "test", batch: 6 }, { dataDir, skipBad, onSkip })
    const strict = await open(false)
    const error = await failure(strict.batch(0))
    await strict.close()
    expect([error.reason, error.file]).toEqual(["corrupt", join(dataDir, "set", "2.png")])
    const skipped: string[] = []
    const lenient = await open(true, (file) => skipped.push(file))
    expect([...(await lenient.batch(0)).index]).toEqual([0, 1, 3, 3, 4, 5])
    await lenient.batch(1)
    await lenient.close()
    expect(skipped).toEqual([join(dataDir, "set", "2.png")])
  })

  test("folders of frames are clips, with classes above them; one that is too short is named", async () => {
    const dataDir = temporaryFolder()
    for (const [clip, frames] of [["run/a", 6], ["jump/b", 5], ["run/c", 3]] as const) {
      mkdirSync(join(dataDir, "clips", clip), { recursive: true })
      for (let t = 0; t < frames; t++) await flat(20 * t, 0, 255).png().toFile(join(dataDir, "clips", clip, `${String(t).padStart(4, "0")}.png`))
    }
    const fields = { clip: ["f32", 3, 2, 8, 8], label: ["i32"] } as const
    const options = { path: "clips", frames: 2, stride: 3, size: 8 }
    expect((await failure(ask("clips", options, fields, {}, { dataDir }))).message).toContain("run/c: expected at least 4 frames (frames=2, stride=3), found 3")
    const source = await ask("clips", options, fields, { split: "test", batch: 2 }, { dataDir, skipBad: true })
    const { fields: read } = await source.batch(0)
    await source.close()
    expect([...read["label"]!]).toEqual([0, 1])
    // jump/b: 5 frames, a span of 4: from frame 0; run/a: 6 frames: from frame 1.
    expect([0, 64, 768 / 2, 384 + 64].map((at) => Math.round(read["clip"]![at]! * 255))).toEqual([0, 60, 20, 80])
  })

  test("a pipe, a device, a folder, a dangling link and a link to itself in a file's place are refused at once", async () => {
    const dataDir = temporaryFolder()
    execFileSync("mkfifo", [join(dataDir, "pipe.npy")])
    symlinkSync("/dev/zero", join(dataDir, "zero.npy"))
    mkdirSync(join(dataDir, "folder.npy"))
    symlinkSync(join(dataDir, "nothing"), join(dataDir, "dangling.npy"))
    symlinkSync(join(dataDir, "loop.npy"), join(dataDir, "loop.npy"))
    const found: Record<string, string> = {}
    for (const name of ["pipe", "zero", "folder", "dangling", "loop", "absent"]) found[name] = (await failure(ask("array", { path: `${name}.npy` }, { x: ["f32"] }, {}, { dataDir }))).found
    expect(found).toEqual({
      pipe: "a pipe (FIFO)", zero: "a device", folder: "a folder", dangling: "no such file", loop: "a symbolic link that leads to itself", absent: "no such file",
    })
    expect((await failure(ask("folder", { path: "absent", size: 8 }, image, {}, { dataDir }))).message).toContain("expected a folder, found no such file; paths are relative to --data-dir")
    expect((await failure(ask("folder", { path: "." }, image, {}, { dataDir }))).message).toContain("expected size=, the side to which pictures are brought")
  }, 5000)
})

describe("dots", () => {
  test("have the asked count as label, lie apart, and are the same sample for whoever asks", async () => {
    const read = async (seed: number, batch: number) => {
      const source = await ask("dots", { count: "4, 6", size: side }, { image: ["f32", 3, side, side], label: ["i32"] }, { split: "test", batch }, { seed })
      const result = await source.batch(0)
      await source.close()
      return result
    }
    const size = 3 * side * side
    const first = await read(1, 6)
    expect([...first.fields["label"]!]).toEqual([4, 6, 4, 6, 4, 6])
    expect((await read(2, 3)).fields["image"]).toEqual(first.fields["image"]!.subarray(0, 3 * size))
    for (let n = 0; n < 6; n++) expect(components(first.fields["image"]!.subarray(n * size, (n + 1) * size) as Float32Array)).toBe(first.fields["label"]![n])
    expect(first.fields["image"]!.every((value) => value >= 0 && value <= 1)).toBe(true)
  }, 20_000)
})

/** Large enough that two dots that nearly touch are two pixels apart. */
const side = 256

/** Connected groups of pixels in which one colour is well below the white ground; specks of noise do not count. */
const components = (image: Float32Array): number => {
  const plane = side * side
  const dark = Array.from({ length: plane }, (_, i) => Math.min(image[i]!, image[plane + i]!, image[2 * plane + i]!) < 0.8)
  let count = 0
  for (let start = 0; start < plane; start++) {
    let size = 0
    for (const open = [start]; open.length > 0;) {
      const at = open.pop()!
      if (!dark[at]) continue
      dark[at] = false
      size++
      if (at % side > 0) open.push(at - 1)
      if (at % side < side - 1) open.push(at + 1)
      if (at >= side) open.push(at - side)
      if (at < plane - side) open.push(at + side)
    }
    if (size > 300) count++
  }
  return count
}

test("a picture is decoded once for all epochs, until the pictures kept fill their bound", async () => {
  const dataDir = temporaryFolder()
  const [first, second] = [join(dataDir, "a.png"), join(dataDir, "b.png")]
  for (const [file, red] of [[first, 51], [second, 102]] as const) await flat(red, 0, 0).png().toFile(file)
  // Each picture of 8 x 8 has 192 bytes: one fits.
  const decoded = decodedPictures(3, middleSquare(8), 200)
  const before = [await decoded(first), await decoded(second)]
  for (const file of [first, second]) writeFileSync(file, "not a picture any more")
  expect(await decoded(first)).toBe(before[0])
  expect((await failure(decoded(second))).message).toContain("expected a whole picture")
})

describe("Pascal VOC folders", () => {
  const object = (name: string, corners: string, more = "") => {
    const [x0, y0, x1, y1] = corners.split(" ")
    return `<object><name>${name}</name>${more}<bndbox><xmin>${x0}</xmin><ymin>${y0}</ymin><xmax>${x1}</xmax><ymax>${y1}</ymax></bndbox></object>`
  }

  test("a tall picture is letter-boxed from the sides, with its boxes, and difficult objects are marked", async () => {
    const dataDir = temporaryFolder()
    for (const folder of ["Annotations", "JPEGImages", "ImageSets/Main"]) mkdirSync(join(dataDir, "set", folder), { recursive: true })
    await flat(255, 0, 0, 20, 40).png().toFile(join(dataDir, "set/JPEGImages/a.png"))
    const objects = [object("dog", "4 8 12 24", "<difficult> 1 </difficult>"), object("cat", "0 0 20 40", "<difficult>0</difficult><part><name>head</name><difficult>1</difficult></part>"), object("cat", "10 10 12 14")]
    writeFileSync(join(dataDir, "set/Annotations/a.xml"), `<annotation><size><width>20</width><height>40</height></size>${objects.join("")}</annotation>`)
    writeFileSync(join(dataDir, "set/ImageSets/Main/test.txt"), "a\n")
    const fields = { image: ["f32", 3, 16, 16], boxes: ["f32", 4, 4], class: ["i32", 4], valid: ["bool", 4], difficult: ["bool", 4] } as const
    const source = await ask("voc", { path: "set", size: 16, most: 4 }, fields, { split: "test", batch: 1 }, { dataDir })
    const { fields: read } = await source.batch(0)
    await source.close()
    // 20 x 40 becomes 8 x 16 with 4 columns of grey on either side; everything is 0.4 times as large.
    const near = (values: ArrayLike<number>): number[] => Array.from(values, (value) => Number(value.toFixed(4)))
    expect(near(read["boxes"]!)).toEqual([7.2, 6.4, 3.2, 6.4, 8, 8, 8, 16, 8.4, 4.8, 0.8, 1.6, 0, 0, 0, 0])
    expect(near(read["image"]!.subarray(0, 16))).toEqual([...new Array(4).fill(0.502), ...new Array(8).fill(1), ...new Array(4).fill(0.502)])
    expect([...read["class"]!]).toEqual([1, 0, 0, 0])
    expect([...read["valid"]!]).toEqual([1, 1, 1, 0])
    expect([...read["difficult"]!]).toEqual([1, 0, 0, 0])
  })
})
