/** `nda tune`: what it measures, where it keeps it, and that later compilations for the device follow it. */
import fs from "node:fs"
import path from "node:path"
import { beforeAll, describe, expect, test } from "vitest"
import { compile } from "../../src/driver/compile.ts"
import { worthMeasuring } from "../../src/driver/tune.ts"
import { bundled, nda, workFolder } from "./command.ts"

/** The key of the shape of a product of m rows. */
const shapes = (m: number): string => {
  const { value } = compile({ file: "p.nda", sources: { "p.nda": "graph p(a: f32[m, 32], b: f32[32, 40]) = { y: a @ b }\n" }, set: { m: String(m) } })
  return [...value!.schedule.shapes.keys()][0]!
}

let cli = ""
const folder = workFolder({
  "product.nda": "graph product(a: f32[m, k], b: f32[k, n]) = { y: a @ b }\n",
  "plain.nda": "graph twice(x: f32[n]) = { y: x + x }\n",
})
const sizes = ["--set", "m=48", "--set", "k=32", "--set", "n=40"]
const before = process.env["NDA_CACHE"]
beforeAll(async () => {
  process.env["NDA_CACHE"] = path.join(folder, "cache")
  cli = await bundled("tune")
  return () => {
    if (before === undefined) delete process.env["NDA_CACHE"]
    else process.env["NDA_CACHE"] = before
  }
})

interface Kept {
  tiles: Record<string, { column: { size: number } }>
}
const files = (): string[] => fs.readdirSync(path.join(folder, "cache", "tuned")).map((name) => path.join(folder, "cache", "tuned", name))
const shader = (): string => {
  const { code, out } = nda(cli, folder, "compile", "product.nda", "--device", "cpu", "--emit", "wgsl", ...sizes)
  expect(code).toBe(0)
  return out
}

describe("nda tune", () => {
  test("measures the tiles of each shape, and keeps the choice by adapter", () => {
    const { code, out, err } = nda(cli, folder, "tune", "product.nda", "--device", "cpu", "--json", ...sizes)
    expect(code, err).toBe(0)
    const told = JSON.parse(out) as { entry: string; contractions: { at: string; out: number[]; over: number[]; candidates: number; before: number; after: number }[]; file: string }
    expect(told.entry).toBe("product")
    expect(told.contractions).toHaveLength(1)
    const [only] = told.contractions
    expect([only!.at, only!.out, only!.over]).toEqual(["product.nda:1:50", [48, 40], [32]])
    expect(only!.candidates).toBeGreaterThan(1)
    expect(only!.after).toBeGreaterThan(0)
    expect(only!.after).toBeLessThanOrEqual(only!.before)
    expect(files()).toEqual([told.file])
    const kept = JSON.parse(fs.readFileSync(told.file, "utf8")) as { adapter: string; profile: string } & Kept
    expect(kept.adapter).toMatch(/llvmpipe|swiftshader/i)
    expect(Object.keys(kept.tiles)).toHaveLength(1)
  })

  test("what was measured is not measured again, unless it is asked for, and small contractions beside large ones not at all", () => {
    const again = (...more: readonly string[]): { contractions: unknown[]; before: number; small: number } => {
      const { code, out, err } = nda(cli, folder, "tune", "product.nda", "--device", "cpu", "--json", ...sizes, ...more)
      expect(code, err).toBe(0)
      return JSON.parse(out) as { contractions: unknown[]; before: number; small: number }
    }
    expect(again()).toMatchObject({ contractions: [], before: 1, small: 0 })
    expect(again("--force").contractions).toHaveLength(1)
    const [large, middle, tiny] = [shapes(512), shapes(128), shapes(8)]
    expect(worthMeasuring([tiny, large, middle])).toEqual({ large: [large, middle], small: [tiny] })
    expect(worthMeasuring([tiny])).toEqual({ large: [tiny], small: [] })
  })

  test("what is kept decides the kernel of later compilations for the device, and of no others", () => {
    const [file] = files()
    const kept = JSON.parse(fs.readFileSync(file!, "utf8")) as Kept
    const [key] = Object.keys(kept.tiles)
    const with8 = { columns: 1, column: { loop: 1, size: 8 }, row: { loop: 0, size: 8 }, inner: { loop: 2, size: 1 }, lanes: 8 }
    const with2 = { ...with8, column: { loop: 1, size: 2 }, row: { loop: 0, size: 2 } }
    const keep = (tile: unknown): string => {
      fs.writeFileSync(file!, JSON.stringify({ ...kept, tiles: { [key!]: tile } }))
      return shader()
    }
    const [large, small] = [keep(with8), keep(with2)]
    expect(large.match(/fma\(/g)).toHaveLength(64)
    expect(small.match(/fma\(/g)).toHaveLength(4)
    const anywhere = (): string => nda(cli, folder, "compile", "product.nda", "--emit", "wgsl", ...sizes).out
    const plain = anywhere()
    fs.rmSync(file!)
    expect(anywhere()).toBe(plain)
    // what the tile does not fit, what is no tile and what is no JSON do not count
    const untuned = shader()
    for (const wrong of [{ ...with8, column: { loop: 9, size: 8 } }, { ...with8, inner: { loop: 2, size: 5 } }, "tile", null]) expect(keep(wrong)).toBe(untuned)
    fs.writeFileSync(file!, "{ half a fi")
    expect(shader()).toBe(untuned)
    fs.writeFileSync(file!, JSON.stringify({ ...kept, adapter: "another", tiles: { [key!]: with2 } }))
    expect(shader()).toBe(untuned)
  })

  test("says when there is nothing to measure, or nothing to measure it on", () => {
    const none = nda(cli, folder, "tune", "plain.nda", "--device", "cpu", "--set", "n=1000")
    expect(none.code).toBe(0)
    expect(none.err).toContain("twice has no contraction large enough for tiles")
    const reference = nda(cli, folder, "tune", "product.nda", "--device", "reference", ...sizes)
    expect(reference.code).toBe(2)
    expect(reference.err).toContain("the reference evaluator has no kernels to tune")
    const open = nda(cli, folder, "tune", "product.nda", "--device", "cpu")
    expect(open.code).toBe(1)
    expect(open.err).toMatch(/--set|size/)
  })

  test("a folder that cannot be written to is an error with its name", () => {
    fs.writeFileSync(path.join(folder, "file"), "")
    const cache = process.env["NDA_CACHE"]
    process.env["NDA_CACHE"] = path.join(folder, "file")
    const { code, err } = nda(cli, folder, "tune", "product.nda", "--device", "cpu", ...sizes)
    process.env["NDA_CACHE"] = cache
    expect(code).toBe(3)
    expect(err).toMatch(/the choices cannot be kept/)
  })
})
