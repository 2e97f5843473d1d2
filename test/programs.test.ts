/** Every program of the repository is checked in full: the design's samples (as mended), the examples, and the standard library itself. */
import { readdirSync, readFileSync } from "node:fs"
import { expect, test } from "vitest"
import { render } from "../src/base/render.ts"
import { sourceFile } from "../src/base/source.ts"
import { check } from "../src/driver/check.ts"
import { stdlib } from "../src/driver/library.ts"

const texts = (folder: string): Record<string, string> =>
  Object.fromEntries(readdirSync(folder).filter((f) => f.endsWith(".nda")).map((f) => [`${folder}/${f}`, readFileSync(`${folder}/${f}`, "utf8")]))

const told = (file: string, sources: Readonly<Record<string, string>>): string => {
  const { diagnostics } = check({ file, sources })
  return render(diagnostics, new Map(Object.entries({ ...sources, ...stdlib }).map(([k, v]) => [k, sourceFile(k, v)])), { style: "full", color: false })
}

const samples = texts("test/samples")
const examples = texts("examples")

test.each(Object.keys(samples))("%s checks", (file) => expect(told(file, samples)).toBe(""))
test.each(Object.keys(examples))("%s checks", (file) => expect(told(file, examples)).toBe(""))
test.each(Object.keys(stdlib))("%s checks, each declaration against its own signature", (file) => expect(told(file, {})).toBe(""))
