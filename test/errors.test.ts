/**
 * Every diagnostic code has a program that causes it, under test/errors/CODE[-variant]/: `bad.nda` has exactly one mistake, `bad.txt` is what is
 * printed (`vitest -u` writes it; read it before committing), `fixed.nda` is the program without the mistake. `run.txt` is the command, where
 * the mistake shows only in it: `check --set NAME=VALUE`, `compile ENTRY` of one plan, or `train ENTRY`, with `--samples N` in every data set.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { describe, expect, test } from "vitest"
import type { Diagnostic } from "../src/base/diagnostic.ts"
import { applyHint, render } from "../src/base/render.ts"
import { sourceFile } from "../src/base/source.ts"
import { codes } from "../src/diagnostics/codes.ts"
import { check } from "../src/driver/check.ts"
import { compileProgram } from "../src/driver/compile-program.ts"
import { compile } from "../src/driver/compile.ts"
import { stdlib } from "../src/driver/library.ts"

const root = new URL("./errors/", import.meta.url)
const folders = readdirSync(root).sort()
const read = (folder: string, name: string): string => readFileSync(new URL(`${folder}/${name}`, root), "utf8")

/** The texts of a folder, with `text` as the program. */
const sourcesOf = (folder: string, text: string): Record<string, string> => ({
  ...Object.fromEntries(readdirSync(new URL(`${folder}/`, root)).filter((name) => name.endsWith(".nda") && name !== "fixed.nda").map((name) => [name, read(folder, name)])),
  "bad.nda": text,
})

const diagnosticsOf = (folder: string, text: string, command: string): readonly Diagnostic[] => {
  const [verb, ...words] = command.split(" ")
  const set: Record<string, string> = {}
  const counted = words.indexOf("--samples")
  const samples = counted < 0 ? undefined : Number(words.splice(counted, 2)[1])
  for (let i = 0; i < words.length; i++) if (words[i] === "--set") Object.assign(set, Object.fromEntries([words.splice(i--, 2)[1]!.split("=")]))
  const request = { file: "bad.nda", sources: sourcesOf(folder, text), set, ...(words[0] === undefined ? {} : { entry: words[0] }) }
  if (verb === "train") {
    let counts: Readonly<Record<string, number>> | undefined = samples === undefined ? undefined : {}
    for (;;) {
      const { diagnostics, uncounted } = compileProgram({ ...request, ...(counts === undefined ? {} : { counts }) })
      if (uncounted === undefined) return diagnostics
      counts = { ...counts, ...Object.fromEntries(uncounted.map(({ key }) => [key, samples!])) }
    }
  }
  return verb === "compile" ? compile(request).diagnostics : check(request).diagnostics
}

const printed = (diagnostics: readonly Diagnostic[], sources: Readonly<Record<string, string>>): string =>
  render(diagnostics, new Map([...Object.entries(stdlib), ...Object.entries(sources)].map(([name, text]) => [name, sourceFile(name, text)])), { style: "full", color: false })

const place = (d: Diagnostic): string => `${d.code} ${d.span.file} ${d.span.start}`

describe.each(folders)("%s", (folder) => {
  const code = folder.slice(0, 7)
  const command = existsSync(new URL(`${folder}/run.txt`, root)) ? read(folder, "run.txt").trim() : "check"
  const bad = read(folder, "bad.nda")
  const diagnostics = diagnosticsOf(folder, bad, command)

  test("is told with one error that reads as it should", async () => {
    await expect(`${printed(diagnostics, sourcesOf(folder, bad))}\n`).toMatchFileSnapshot(new URL(`${folder}/bad.txt`, root).pathname)
    expect(diagnostics.map((d) => d.code)).toEqual([code])
  })

  test("is gone where it is mended", () => {
    if (existsSync(new URL(`${folder}/fixed.nda`, root))) {
      const fixed = read(folder, "fixed.nda")
      expect(fixed).not.toBe(bad)
      expect(printed(diagnosticsOf(folder, fixed, command), sourcesOf(folder, fixed))).toBe("")
    } else {
      // The program is sound: the command was wrong.
      expect(command).not.toBe("check")
      expect(diagnosticsOf(folder, bad, "check")).toEqual([])
    }
  })

  test("its hint mends what it says it mends", () => {
    for (const d of diagnostics) {
      if (!d.hint?.edit) continue
      const after = diagnosticsOf(folder, applyHint(bad, d.hint), command)
      expect(after.map(place)).not.toContain(place(d))
    }
  })
})

test("the registry, the messages and these folders name the same codes", () => {
  const messages = new URL("../src/diagnostics/messages/", import.meta.url)
  const written = new Set(readdirSync(messages).flatMap((name) => readFileSync(new URL(name, messages), "utf8").match(/(?<=")NDA\d{4}(?=")/g) ?? []))
  const registered = [...codes.keys()]
  expect([...written].sort()).toEqual([...registered].sort())
  expect([...new Set(folders.map((folder) => folder.slice(0, 7)))]).toEqual([...registered].sort())
  for (const [code, page] of codes) {
    expect(page.title, code).toMatch(/^[a-z`].*[^.]$/)
    expect(page.page.split("\n").every((line) => line.length <= 160), code).toBe(true)
    expect(page.page.length, code).toBeGreaterThan(80)
  }
})

test("every message is used", () => {
  const sources = (directory: URL): string[] =>
    readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
      const at = new URL(entry.name + (entry.isDirectory() ? "/" : ""), directory)
      return entry.isDirectory() ? sources(at) : at.pathname.includes("/diagnostics/messages/") ? [] : [readFileSync(at, "utf8")]
    })
  const text = sources(new URL("../src/", import.meta.url)).join("\n")
  const messages = new URL("../src/diagnostics/messages/", import.meta.url)
  const names = readdirSync(messages).flatMap((name) => readFileSync(new URL(name, messages), "utf8").match(/(?<=^export const )\w+/gm) ?? [])
  expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([])
})
