import fs from "node:fs"
import path from "node:path"
import { beforeAll, describe, expect, test } from "vitest"
import { readNpy, writeNpy } from "../../src/runtime/data/npy.ts"
import { bundled, events, nda, ndaSignalled, workFolder } from "./command.ts"

const preview = `from nda.data import dots
from nda.image import hflip
from nda.negative import jigsaw

graph preview(b in dots(count=6, size=16).train(batch=4), seed = 3) {
  { original: b.image, flipped: b.image |> hflip, negative: b.image |> jigsaw(2), label: b.label }
}
`
const host = `graph invert(x: Image[n, 3, h, 8]) = { inverted: 1.0 - x, mean: mean(x, axis=2) }\n`
const named = `graph mean_of(x: Image[n, 3, h, 8]) = { mean: mean(x, over=[h]) }\n`
const beyond = `graph beyond(x: Image[n, 3, 2, 2]) = { signed: 2.0 * x - 1.0, broken: 1.0 / (x - x) }\n`
const slow = `from nda.data import dots
graph slow(b in dots(count=6, size=256).train(batch=512)) = { original: b.image }\n`
const pictures = `from nda.data import folder
graph pictures(b in folder("photos", size=8).train(batch=2)) = { original: b.image }\n`

let cli = ""
let folder = ""
beforeAll(async () => {
  cli = await bundled("run")
  folder = workFolder({
    "preview.nda": preview, "host.nda": host, "named.nda": named, "beyond.nda": beyond, "slow.nda": slow, "pictures.nda": pictures,
    "x.npy": writeNpy("f32", [2, 3, 5, 8], Float32Array.from({ length: 240 }, (_, i) => i / 240)),
    "flat.npy": writeNpy("f32", [2, 8], new Float32Array(16)),
    "small.npy": writeNpy("f32", [1, 3, 2, 2], new Float32Array(12)),
  })
})

const array = (...name: readonly string[]) => readNpy(path.join(...name), fs.readFileSync(path.join(folder, ...name)))
const summary = (out: string) => JSON.parse(out.trim().split("\n").at(-1)!) as Record<string, unknown> & { files: string[] }

describe("a graph over a data set", () => {
  test("leaves pictures, arrays, the plan and a report that needs no other file", () => {
    const ended = nda(cli, folder, "run", "preview.nda", "--json", "--out", "one")
    expect(ended.code, ended.err).toBe(0)
    const told = summary(ended.out)
    expect(told).toMatchObject({ entry: "preview", steps: 1, parameters: {}, metrics: {}, passes: { preview: expect.any(Number) as number }, submits: { preview: 1 } })
    expect(told.files.map((file) => path.basename(file)).sort()).toEqual(
      ["flipped.npy", "flipped.png", "label.npy", "negative.npy", "negative.png", "original.npy", "original.png", "plan.json", "preview.png", "report.html"])
    for (const file of told.files) expect(fs.statSync(path.join(folder, file)).size).toBeGreaterThan(0)
    expect(array("one", "original.npy").shape).toEqual([4, 3, 16, 16])
    expect([...array("one", "label.npy").data]).toEqual([6, 6, 6, 6])
    const sorted = (name: string) => [...array("one", name).data].sort()
    expect(sorted("negative.npy")).toEqual(sorted("original.npy"))
    expect([...array("one", "negative.npy").data]).not.toEqual([...array("one", "original.npy").data])
    const page = fs.readFileSync(path.join(folder, "one", "report.html"), "utf8")
    expect(page.match(/data:image\/png;base64,/g)).toHaveLength(3)
    expect(page).not.toMatch(/(src|href)="(?!data:)/)
    expect(page).toContain("jigsaw(2)")
    expect(page).toContain("@compute")
    expect(events(ended.err).map((event) => event["stage"])).toContain("running preview")
  })

  test("is not written over without --force, and is the same again with it", () => {
    const before = Object.fromEntries(fs.readdirSync(path.join(folder, "one")).map((name) => [name, fs.readFileSync(path.join(folder, "one", name))]))
    expect(nda(cli, folder, "run", "preview.nda", "--out", "one")).toMatchObject({ code: 3, out: "", err: expect.stringMatching(/results here already\n.*--force/) as string })
    fs.writeFileSync(path.join(folder, "one", "mine.txt"), "kept")
    expect(nda(cli, folder, "run", "preview.nda", "--out", "one", "--force").code).toBe(0)
    expect(fs.readFileSync(path.join(folder, "one", "mine.txt"), "utf8")).toBe("kept")
    const timeless = (bytes: Buffer) => bytes.toString("latin1").replace(/<tr><td>seconds<\/td>.*?<\/tr>/, "")
    for (const [name, bytes] of Object.entries(before)) expect(timeless(fs.readFileSync(path.join(folder, "one", name))), name).toBe(timeless(bytes))
  })

  test("gives the same on the reference evaluator, without a driver, and other draws with another seed", () => {
    expect(nda(cli, folder, "run", "preview.nda", "--device", "reference", "--out", "two").code).toBe(0)
    expect(nda(cli, folder, "run", "preview.nda", "--device", "reference", "--out", "three", "--seed", "4").code).toBe(0)
    for (const name of ["original.npy", "flipped.npy", "negative.npy"]) expect([...array("two", name).data]).toEqual([...array("one", name).data])
    expect([...array("three", "negative.npy").data]).not.toEqual([...array("one", "negative.npy").data])
  })

  test("names the folder that is missing before the device has work, and leaves no empty folder", () => {
    const ended = nda(cli, folder, "run", "pictures.nda", "--data-dir", "nowhere", "--json")
    expect(ended).toMatchObject({ code: 3, out: "" })
    expect(events(ended.err).at(-1)).toMatchObject({ error: { tag: "DataError", exit: 3, where: expect.stringMatching(/nowhere/) as string } })
    expect(fs.existsSync(path.join(folder, "runs"))).toBe(false)
  })

  test("ends with 130 on Ctrl-C and with 143 when it is terminated", async () => {
    for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
      const ended = await ndaSignalled(cli, folder, /"stage":"reading dots"/, signal, "run", "slow.nda", "--json", "--out", `stopped-${code}`)
      expect([ended.code, ended.out]).toEqual([code, ""])
      expect(fs.existsSync(path.join(folder, `stopped-${code}`))).toBe(false)
    }
  })
})

describe("a graph with inputs of the host's", () => {
  test("takes its open sizes from the shapes of the files", () => {
    const ended = nda(cli, folder, "run", "host.nda", "--input", "x=x.npy", "--out", "host")
    expect(ended.code, ended.err).toBe(0)
    const mean = array("host", "mean.npy")
    expect(mean.shape).toEqual([2, 3, 8])
    expect(mean.data[0]).toBeCloseTo((0 + 8 + 16 + 24 + 32) / 5 / 240, 6)
    expect(array("host", "inverted.npy").data[239]).toBeCloseTo(1 - 239 / 240, 6)
  })

  test("may reduce over a size that a file fixes", () => {
    const ended = nda(cli, folder, "run", "named.nda", "--input", "x=x.npy", "--out", "named")
    expect(ended.code, ended.err).toBe(0)
    expect([...array("named", "mean.npy").data]).toEqual([...array("host", "mean.npy").data])
  })

  test("refuses a shape that does not fit, a size that is said otherwise, and a file of another kind", () => {
    expect(nda(cli, folder, "run", "host.nda", "--input", "x=flat.npy")).toMatchObject({ code: 3, err: expect.stringMatching(/flat\.npy: input x: f32\[2, 8\] has 2 dimensions; the graph declares 4/) as string })
    expect(nda(cli, folder, "run", "host.nda", "--input", "x=small.npy")).toMatchObject({ code: 3, err: expect.stringMatching(/expected f32\[1, 3, 2, 8\], found f32\[1, 3, 2, 2\]/) as string })
    expect(nda(cli, folder, "run", "host.nda", "--input", "x=x.npy", "--set", "n=3")).toMatchObject({ code: 2, err: expect.stringMatching(/make n = 2/) as string })
    expect(nda(cli, folder, "run", "host.nda", "--input", "x=host.nda")).toMatchObject({ code: 3, err: expect.stringMatching(/ends in \.npy/) as string })
  })

  test("warns of pictures outside [0, 1], and --check-finite names the line of what is not finite", () => {
    const warned = nda(cli, folder, "run", "beyond.nda", "--input", "x=small.npy", "--out", "beyond")
    expect(warned).toMatchObject({ code: 0, err: expect.stringMatching(/unsigned\(signed\)/) as string })
    const stopped = nda(cli, folder, "run", "beyond.nda", "--input", "x=small.npy", "--out", "finite", "--check-finite")
    expect(stopped).toMatchObject({ code: 3, err: expect.stringMatching(/beyond\.nda:1:\d+: the output broken holds Infinity/) as string })
  })
})

test("results that cannot be written are refused before anything runs", () => {
  fs.writeFileSync(path.join(folder, "occupied"), "")
  expect(nda(cli, folder, "run", "preview.nda", "--out", "occupied")).toMatchObject({ code: 3, err: expect.stringMatching(/occupied: the folder for results cannot be made/) as string })
  expect(nda(cli, folder, "run", "preview.nda", "--out", "occupied/deeper").code).toBe(3)
})

test("compile prints a stage, writes every stage, and writes a plan that a second compilation repeats", () => {
  expect(nda(cli, folder, "compile", "preview.nda", "--emit", "wgsl").out).toContain("@compute")
  expect(nda(cli, folder, "compile", "preview.nda", "--emit", "types").out).toMatch(/jigsaw\(2\).*Image\[4@neg, 3, 16, 16\]/)
  expect(nda(cli, folder, "compile", "preview.nda", "--emit", "all", "-o", "stages").code).toBe(0)
  expect(fs.readdirSync(path.join(folder, "stages"))).toEqual(expect.arrayContaining(["ast.txt", "ir.txt", "wgsl.wgsl", "plan.json", "dot.dot"]))
  expect(nda(cli, folder, "compile", "preview.nda").code).toBe(0)
  expect(nda(cli, folder, "compile", "preview.nda", "-o", "again.json").code).toBe(0)
  expect(fs.readFileSync(path.join(folder, "again.json"), "utf8")).toBe(fs.readFileSync(path.join(folder, "plan.json"), "utf8"))
  expect(nda(cli, folder, "compile", "preview.nda").code).toBe(3)
})

test("types declares what a graph takes and gives, with open sizes by name", () => {
  const { code, out } = nda(cli, folder, "types", "host.nda")
  expect(code).toBe(0)
  expect(out).toMatch(/interface InvertInputs {\n {2}\/\*\* f32\[n, 3, h, 8\] \*\/\n {2}readonly x: Float32Array\n}/)
  expect(out).toMatch(/interface InvertOutputs {[^}]*readonly inverted: Float32Array[^}]*readonly mean: Float32Array/)
})
