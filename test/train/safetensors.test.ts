import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { describe, expect, it } from "vitest"
import { parseSafetensors, readSafetensors, writeSafetensors, type SafeTensor } from "../../src/runtime/safetensors.ts"
import { sharedPath } from "../data/places.ts"

const corpus = sharedPath("conformance/bad_inputs")
const bytesOf = (text: string, data: readonly number[] = []): Uint8Array => {
  const header = new TextEncoder().encode(text)
  const file = new Uint8Array(8 + header.length + data.length)
  new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true)
  file.set(header, 8)
  file.set(data, 8 + header.length)
  return file
}
const accepted = (file: Uint8Array): boolean => "tensors" in parseSafetensors("a.safetensors", file)

describe("safetensors", () => {
  it.skipIf(!fs.existsSync(corpus))("takes and refuses each file of the corpus as its manifest says, from memory and from disk", async () => {
    interface Case { readonly file: string; readonly expect: string }
    const manifest = JSON.parse(fs.readFileSync(path.join(corpus, "manifest.json"), "utf8")) as { readonly files: readonly Case[] }
    const cases = manifest.files.filter(({ file }) => file.startsWith("safetensors/"))
    expect(cases.length).toBe(49)
    const wrong: string[] = []
    for (const { file, expect: wanted } of cases) {
      const whole = path.join(corpus, file)
      const start = process.cpuUsage()
      const inMemory = accepted(fs.readFileSync(whole))
      const onDisk = "tensors" in (await readSafetensors(whole))
      const right = wanted.includes("reject") && wanted.includes("accept") ? true : inMemory === wanted.startsWith("accept")
      if (!right || inMemory !== onDisk || process.cpuUsage(start).user > 2e6) wrong.push(`${file}: ${wanted}, but ${inMemory}, ${onDisk}`)
    }
    expect(wrong).toEqual([])
  })

  it("refuses what does not add up, one fault at a time", () => {
    const two = '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}}'
    expect(accepted(bytesOf(two, [1, 2, 3, 4, 5, 6]))).toBe(true)
    expect(accepted(bytesOf(`${two}   `, [1, 2, 3, 4, 5, 6]))).toBe(true)
    const faults: readonly (readonly [string, string])[] = [
      ["{", " {"], ["[4,6]", "[3,6]"], ["[4,6]", "[5,6]"], ["[4,6]", "[4,7]"], ["[4,6]", "[4,5]"], ["[2]", "[2.0]"], ["[2]", "[-2]"], ["[2]", "[02]"], ["[2]", "[1e1]"], ['"b"', '"a"'], ["U8", "U9"],
      ['"dtype":"U8",', ""], ['"dtype":"U8",', '"dtype":"U8","dtype":"U8",'], ['"dtype":"U8",', '"dtype":"U8","more":1,'], ["[4,6]", "[4,6,6]"], ["[2]", "[9007199254740993,0]"], ["}}", "}"], ["}}", "}}x"],
      ["}}", '},"__metadata__":{"k":1}}'],
    ]
    for (const [from, to] of faults) {
      const changed = two.replace(from, to)
      expect(changed).not.toBe(two)
      expect([changed, accepted(bytesOf(changed, [1, 2, 3, 4, 5, 6]))]).toEqual([changed, false])
    }
    expect(accepted(bytesOf(two, [1, 2, 3, 4, 5]))).toBe(false)
    expect(accepted(bytesOf(two, [1, 2, 3, 4, 5, 6, 7]))).toBe(false)
  })

  it("reads back what it writes, names and all, and equal tensors give equal bytes", async () => {
    const tensors = new Map<string, SafeTensor>([
      ["__proto__", { dtype: "F32", shape: [2, 1], bytes: new Uint8Array(Float32Array.of(1.5, -0).buffer) }],
      ["none", { dtype: "I32", shape: [0, 3], bytes: new Uint8Array(0) }],
      ["ä\u0000/../\"", { dtype: "BOOL", shape: [], bytes: Uint8Array.of(1) }],
    ])
    const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "nda-safetensors-")), "w.safetensors")
    fs.writeFileSync(file, writeSafetensors(tensors))
    const read = await readSafetensors(file)
    expect("tensors" in read && read.tensors).toEqual(tensors)
    expect(({} as { dtype?: unknown }).dtype).toBeUndefined()
    expect(writeSafetensors(new Map([...tensors]))).toEqual(new Uint8Array(fs.readFileSync(file)))
  })
})
