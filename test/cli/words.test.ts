import { build } from "esbuild"
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import { beforeAll, describe, expect, test } from "vitest"
import { cliBundle } from "../../scripts/bundle.mjs"
import { commands } from "../../src/cli/commands.ts"
import { isFailure } from "../../src/cli/failure.ts"
import { internalError } from "../../src/cli/internal-error.ts"
import { namedValues, parseArguments, seedOf, type Arguments } from "../../src/cli/parse-arguments.ts"
import { bundled, nda, workFolder } from "./command.ts"

let cli = ""
const folder = workFolder({
  "good.nda": `graph twice(x: Image[n, 3, 8, 8]) = { twice: x + x }\n`,
  "bad.nda": `graph twice(x: Image[n, 3, 8, 8]) = { twice: x + y }\n`,
  "broken.nda": `graph twice(x: Image[n, 3, 8, 8]) = { twice: x + \n`,
  "two.nda": `graph one(x: f32[n]) = { y: x }\ngraph two(x: f32[n]) = { y: x }\n`,
  "messy.nda": `graph   one( x:f32[n] )={ y:x }   # kept\n`,
  "latin.nda": Buffer.from([0x23, 0x20, 0xe9, 0x0a]),
})
beforeAll(async () => {
  cli = await bundled("words")
})

const command = (name: string) => commands.find((each) => each.name === name)!
const parsed = (name: string, ...words: readonly string[]): Arguments => {
  const args = parseArguments(command(name), words)
  if (isFailure(args)) throw new Error(args.message)
  return args
}
const refused = (name: string, ...words: readonly string[]): string => {
  const args = parseArguments(command(name), words)
  return isFailure(args) ? `${args.message}; ${args.hint ?? ""}` : "accepted"
}

describe("flags", () => {
  test("are read in both forms, repeat where they may, and end at --", () => {
    const args = parsed("run", "a.nda", "--set", "n=3", "--set=m=4", "--out=x", "--json", "--", "--entry")
    expect([args.operands, [...args.on], args.many.get("set"), args.one.get("out")]).toEqual([["a.nda", "--entry"], ["json"], ["n=3", "m=4"], "x"])
    expect(namedValues(args, "set")).toEqual({ n: "3", m: "4" })
  })

  test("that are wrong are named, with the nearest that is right", () => {
    expect(refused("run", "a.nda", "--seeed", "3")).toMatch(/has no flag --seeed; did you mean --seed\?/)
    expect(refused("run", "a.nda", "--out")).toMatch(/--out needs a value: --out DIR/)
    expect(refused("run", "a.nda", "--out", "--json")).toMatch(/--out needs a value/)
    expect(refused("run", "a.nda", "--out=a", "--out=b")).toMatch(/given twice/)
    expect(refused("run", "a.nda", "--json=yes")).toMatch(/takes no value/)
    expect(refused("run", "a.nda", "--errors", "long")).toMatch(/short or full/)
    expect(refused("run", "a.nda", "--precision", "f8")).toMatch(/--precision is f32 or f16, not f8/)
    expect(refused("check", "a.nda", "--precision", "f16")).toMatch(/has no flag --precision/)
    expect(refused("run")).toMatch(/needs FILE \[ENTRY\]/)
    expect(refused("run", "a", "b", "c")).toMatch(/not also c/)
    expect(refused("devices", "a")).toMatch(/takes nothing/)
  })

  test("with values of their own are checked before anything is read", () => {
    for (const bad of ["n", "=3", "n=", "2n=3"]) expect(isFailure(namedValues(parsed("run", "a", "--set", bad), "set"))).toBe(true)
    expect(isFailure(namedValues(parsed("run", "a", "--set", "n=1", "--set", "n=2"), "set"))).toBe(true)
    expect(namedValues(parsed("run", "a", "--set", "__proto__=1"), "set")).toHaveProperty(["__proto__"], "1")
    expect(seedOf(parsed("run", "a", "--seed", "4294967295"))).toBe(4294967295)
    for (const bad of ["-1", "1.5", "4294967296", "1e3", "x"]) expect(isFailure(seedOf(parsed("run", "a", `--seed=${bad}`)))).toBe(true)
  })

  test("may be very many", () => {
    expect(parsed("check", ...Array.from({ length: 100_000 }, (_, i) => `f${i}.nda`)).operands).toHaveLength(100_000)
  })
})

describe("exit codes and messages", () => {
  test("usage errors end with 2, one message and one line of usage, and no trace", () => {
    for (const [args, message] of [
      [[], /a command is missing/], [["chek", "a.nda"], /did you mean `nda check`/], [["--json", "run"], /the command comes first/],
      [["check", "nope.nda"], /nope\.nda: expected a file, found no such file/], [["check", "."], /found a folder/], [["check", "/dev/zero"], /found a device/],
      [["run", "two.nda"], /2 entries: say which\n.*one, two/], [["run", "two.nda", "ona"], /did you mean one\?/], [["run", "good.nda"], /needs the input x: Image\[n, 3, 8, 8\]/],
      [["run", "good.nda", "--input", "z=a.npy"], /no input z\n.*its inputs: x/], [["compile", "good.nda", "--emit", "wgls"], /did you mean wgsl\?/],
      [["explain", "NDA9999"], /there is no diagnostic/], [["data", "get", "cifar1"], /no data set cifar1/],
    ] as const) {
      const ended = nda(cli, folder, ...args)
      expect([args.join(" "), ended.code, ended.out]).toEqual([args.join(" "), 2, ""])
      expect(ended.err).toMatch(message)
      expect(ended.err).not.toMatch(/at .*\.js:/)
      expect(ended.err.trim().split("\n").length).toBeLessThanOrEqual(3)
    }
  }, 120_000)

  test("check ends with 0 or 1 and shows diagnostics in the style that is asked for", () => {
    expect(nda(cli, folder, "check", "good.nda", "--quiet")).toEqual({ code: 0, out: "", err: "" })
    const full = nda(cli, folder, "check", "good.nda", "bad.nda")
    expect(full.code).toBe(1)
    expect(full.err).toMatch(/good\.nda: no errors/)
    expect(full.err).toMatch(/error\[NDA0201\].*`y`/)
    expect(full.err).not.toContain("\u001b[")
    expect(nda(cli, folder, "check", "bad.nda", "--errors=short").err).toMatch(/^bad\.nda:1:50: error\[NDA0201\]/)
    const json = nda(cli, folder, "check", "good.nda", "bad.nda", "broken.nda", "--json")
    const { diagnostics } = JSON.parse(json.out) as { diagnostics: { code: string; file: string; start: object }[] }
    expect(json.code).toBe(1)
    expect(diagnostics[0]).toMatchObject({ code: "NDA0201", severity: "error", file: "bad.nda", start: { line: 1, column: 50 } })
    expect(diagnostics.map((each) => each.file)).toContain("broken.nda")
    expect(nda(cli, folder, "check", "latin.nda")).toMatchObject({ code: 1, err: expect.stringMatching(/UTF-8/) as string })
  })

  test("fmt writes in place, --check only says so, and a formatted file stays as it is", () => {
    expect(nda(cli, folder, "fmt", "--check", "messy.nda")).toMatchObject({ code: 1, out: "messy.nda is not formatted\n" })
    expect(nda(cli, folder, "fmt", "messy.nda").code).toBe(0)
    const text = fs.readFileSync(`${folder}/messy.nda`, "utf8")
    expect(text).toContain("# kept")
    expect(nda(cli, folder, "fmt", "--check", "messy.nda").code).toBe(0)
    expect(nda(cli, folder, "fmt", "broken.nda").code).toBe(1)
  })

  test("explain has a page for a code, a primitive and a stage", () => {
    for (const topic of ["NDA0101", "contract", "fused"]) expect(nda(cli, folder, "explain", topic)).toMatchObject({ code: 0, err: "" })
  })

  test("a bug leaves one line and a report, not a stack", () => {
    const line = internalError(new Error("the widget is not a gadget"))
    const file = /the program and (\S+)$/.exec(line)![1]!
    expect(line).not.toContain("\n")
    expect(fs.readFileSync(file, "utf8")).toMatch(/the widget is not a gadget\n\s+at /)
  })

  test("a reader that has seen enough is no error", () => {
    const ended = spawnSync("sh", ["-c", `"${process.execPath}" "${cli}" run --help | head -1; true`], { cwd: folder, encoding: "utf8" })
    expect(ended).toMatchObject({ status: 0, stdout: expect.stringMatching(/^nda run/) as string, stderr: "" })
    const closed = spawnSync("bash", ["-c", `"${process.execPath}" "${cli}" explain NDA0101 > >(exec <&-); echo $?`], { cwd: folder, encoding: "utf8" })
    expect(closed.stdout).toBe("0\n")
  })

  test("names with spaces, quotes and other alphabets work in any locale", () => {
    const odd = workFolder({ "a b/it's ñ 語.nda": "graph one(x: f32[n]) = { y: x }\n" })
    expect(nda(cli, odd, "check", "a b/it's ñ 語.nda").code).toBe(0)
  })
})

test("checking loads the compiler and nothing of Effect, Dawn, sharp or the commands that run", async () => {
  const { metafile } = await build({ ...cliBundle("unused"), write: false, metafile: true })
  const outputs = new Map(Object.entries(metafile.outputs))
  const closure = (file: string, seen: Set<string>): Set<string> => {
    if (seen.has(file)) return seen
    seen.add(file)
    for (const { path, kind } of outputs.get(file)?.imports ?? []) if (kind === "import-statement") closure(path, seen)
    return seen
  }
  const start = [...outputs].filter(([, { entryPoint }]) => entryPoint === "src/cli/main.ts" || entryPoint === "src/cli/check-command.ts").map(([file]) => file)
  expect(start).toHaveLength(2)
  const loaded = start.flatMap((file) => [...closure(file, new Set())]).flatMap((file) => Object.entries(outputs.get(file)?.inputs ?? {})).filter(([, { bytesInOutput }]) => bytesInOutput > 0)
  expect(loaded.map(([file]) => file)).toContain("src/syntax/parser.ts")
  expect(loaded.map(([file]) => file).filter((file) => /node_modules\/(effect|@effect|webgpu|sharp|fflate)\/|run-command|runtime\/(executor|gpu)/.test(file))).toEqual([])
})
