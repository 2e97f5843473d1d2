import { existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { DataError } from "../../src/runtime/data/data-error.ts"
import { decodeImage } from "../../src/runtime/data/decode-image.ts"
import { gunzipBounded } from "../../src/runtime/data/gzip.ts"
import { pairIdx, parseIdx } from "../../src/runtime/data/idx.ts"
import { readNpy, writeNpy } from "../../src/runtime/data/npy.ts"
import { readNpz, writeNpz } from "../../src/runtime/data/npz.ts"
import { unpackTar } from "../../src/runtime/data/tar.ts"
import { readZip } from "../../src/runtime/data/zip.ts"
import { ask, failure } from "./asking.ts"
import { sharedPath } from "./places.ts"
import { temporaryFolder } from "./temporary.ts"

const root = sharedPath("conformance/bad_inputs")
interface Row { readonly file: string; readonly expect: string; readonly why: string }
const rows = (existsSync(root) ? (JSON.parse(readFileSync(join(root, "manifest.json"), "utf8")) as { files: Row[] }).files : []).filter((row) => /^(npy|image|archive)\//.test(row.file))

const read = async (file: string, bytes: Buffer): Promise<unknown> => {
  if (file.endsWith(".npy")) return readNpy(file, bytes)
  if (file.endsWith(".zip")) return readZip(file, bytes)
  if (file.endsWith(".gz")) return gunzipBounded(file, bytes)
  if (file.endsWith(".idx3")) return parseIdx(file, bytes, 3)
  if (file.endsWith(".idx1")) return pairIdx("two", parseIdx("ok.idx3", readFileSync(join(root, "archive/ok.idx3")), 3), file, parseIdx(file, bytes, 1), 10)
  if (file.endsWith(".bin")) return ask("cifar_records", { path: join(root, file) }, { image: ["f32", 3, 32, 32] })
  if (file.endsWith(".tar")) {
    const outside = temporaryFolder()
    mkdirSync(join(outside, "target"))
    try {
      return await unpackTar(file, (async function* () { for (let at = 0; at < bytes.length; at += 700) yield bytes.subarray(at, at + 700) })(), join(outside, "target"), { bytes: 2 ** 24, entries: 100 })
    } finally {
      expect(readdirSync(outside)).toEqual(["target"])
    }
  }
  return decodeImage(file, bytes, 3)
}

describe.skipIf(rows.length === 0)("the corpus of bad inputs", () => {
  test.each(rows)("$file ($why): $expect", async ({ file, expect: wanted }) => {
    const started = performance.now()
    let outcome: "accept" | DataError = "accept"
    try {
      await read(file, readFileSync(join(root, file)))
    } catch (error) {
      if (!(error instanceof DataError)) throw error
      outcome = error
    }
    if (outcome !== "accept") {
      expect(outcome.message).toContain(file)
      expect(outcome.message.length).toBeLessThan(600)
    }
    if (wanted === "accept" || wanted.startsWith("accept,")) expect(outcome).toBe("accept")
    if (wanted === "reject" || wanted.startsWith("reject before") || wanted.startsWith("reject by the pixel limit") && !wanted.includes(" or ") || wanted.startsWith("reject when") || wanted.startsWith("reject against")) expect(outcome).toBeInstanceOf(DataError)
    // A second is the budget; twice that leaves room for a loaded machine.
    expect(performance.now() - started).toBeLessThan(2000)
  })

  test("big-endian and Fortran-order arrays are converted, not misread", () => {
    const of = (name: string) => readNpy(name, readFileSync(join(root, "npy", name)))
    const turned = readFileSync(join(root, "npy/big_endian.npy"))
    expect([...of("big_endian.npy").data]).toEqual([turned.readFloatBE(turned.length - 8), turned.readFloatBE(turned.length - 4)])
    const bytes = readFileSync(join(root, "npy/fortran.npy"))
    const raw = Array.from({ length: 4 }, (_, i) => bytes.readFloatLE(bytes.length - 16 + 4 * i))
    expect([...of("fortran.npy").data]).toEqual([raw[0], raw[2], raw[1], raw[3]])
  })
})

describe("npy and npz", () => {
  test("what is written is read back, of every type, with equal bytes for equal arrays", () => {
    for (const [dtype, values] of [["f32", [1.5, -0, 3e-40, Infinity, 2, 6]], ["f64", [Math.PI, 1, 2, 3, 4, 5]], ["i32", [-1, 2 ** 31 - 1, 0, 1, 2, 3]], ["u32", [0, 2 ** 32 - 1, 1, 1, 1, 1]], ["u8", [0, 255, 1, 2, 3, 4]], ["bool", [0, 1, 1, 0, 0, 1]]] as const) {
      for (const shape of [[6], [2, 3], [3, 1, 2]]) {
        const array = readNpy("x.npy", writeNpy(dtype, shape, values))
        expect([array.dtype, array.shape, [...array.data]]).toEqual([dtype, shape, values.map((value) => (dtype === "f32" ? Math.fround(value) : value))])
      }
    }
    const one = writeNpz([{ name: "a", dtype: "f32", shape: [2], data: [1, 2] }, { name: "b", dtype: "i32", shape: [], data: [7] }])
    expect([...readNpz("x.npz", one)].map(([name, array]) => [name, array.shape, [...array.data]])).toEqual([["a", [2], [1, 2]], ["b", [], [7]]])
    expect(writeNpz([{ name: "a", dtype: "f32", shape: [2], data: [1, 2] }, { name: "b", dtype: "i32", shape: [], data: [7] }])).toEqual(one)
  })

  test("half floats and 64-bit integers are read by value", () => {
    const header = (descr: string, count: number): Buffer => {
      const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${count},), }\n`
      return Buffer.concat([Buffer.from("\x93NUMPY\x01\x00", "latin1"), Buffer.from([text.length, 0]), Buffer.from(text)])
    }
    expect([...readNpy("h", Buffer.concat([header("<f2", 4), Buffer.from([0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00, 0x00, 0x7c])])).data]).toEqual([1, -2, 2 ** -24, Infinity])
    const long = Buffer.alloc(16)
    long.writeBigInt64LE(-5n, 0)
    long.writeBigInt64LE(2n ** 53n, 8)
    expect([...readNpy("l", Buffer.concat([header("<i8", 1), long.subarray(0, 8)])).data]).toEqual([-5])
    expect(() => readNpy("l", Buffer.concat([header("<i8", 2), long]))).toThrow("expected 64-bit integers below 2^53, found element 1")
  })

  test("a value that is not finite is refused with its row before it reaches a program", async () => {
    const dataDir = temporaryFolder()
    const { writeFileSync } = await import("node:fs")
    writeFileSync(join(dataDir, "x.npy"), writeNpy("f32", [3, 2], [1, 2, 3, NaN, 5, 6]))
    expect((await failure(ask("array", { path: "x.npy" }, { x: ["f32", 2] }, { batch: 1 }, { dataDir }))).message).toContain("expected finite f32 values in x, found NaN in row 1")
  })
})
