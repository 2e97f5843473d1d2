import { expect, test } from "vitest"
import type { Diagnostic } from "../../src/base/diagnostic.ts"
import { applyHint, render } from "../../src/base/render.ts"
import { sourceFile } from "../../src/base/source.ts"
import type { Span } from "../../src/base/span.ts"
import { suggest } from "../../src/base/suggest.ts"

const gan = `block up(co: Int)(x: f32[n, ci, h, w]) -> f32[n, co, 2*h, 2*w] {
  let skip = x |> conv(co, k=1)
  let main = x |> conv(co) |> upsample(2)

  let unused = 1
  main + skip
}
`
const other = "\tlet 画像 = b.image |> jigsaw(2) # 🙂 é\n"
const sources = new Map([["gan.nda", sourceFile("gan.nda", gan)], ["other.nda", sourceFile("other.nda", other)]])
const at = (file: string, part: string): Span => {
  const text = file === "gan.nda" ? gan : other
  const start = text.indexOf(part)
  expect(start).toBeGreaterThanOrEqual(0)
  return { file, start, end: start + part.length }
}
const full = (diagnostic: Partial<Diagnostic>): string =>
  `\n${render([{ code: "NDA0401", severity: "error", span: at("gan.nda", "main + skip"), message: "`+` needs two tensors of the same shape", related: [], notes: [], ...diagnostic }], sources, { style: "full", color: false })}\n`

test("a frame shows the primary place, what explains it, notes and the hint", () => {
  expect(full({
    label: "2*h is not h, 2*w is not w",
    related: [
      { span: at("gan.nda", "x |> conv(co, k=1)"), text: "f32[n, co, h, w]" },
      { span: at("gan.nda", "x |> conv(co) |> upsample(2)"), text: "f32[n, co, 2*h, 2*w]" },
    ],
    notes: ["2*h is made by upsample(2): out = factor * in (gan.nda:3:31)"],
    hint: { text: "insert `|> upsample(2)`" },
  })).toMatchInlineSnapshot(`
    "
    error[NDA0401] \`+\` needs two tensors of the same shape
     --> gan.nda:6:3
    2 |   let skip = x |> conv(co, k=1)
      |              ------------------ f32[n, co, h, w]
    3 |   let main = x |> conv(co) |> upsample(2)
      |              ---------------------------- f32[n, co, 2*h, 2*w]
    ...
    6 |   main + skip
      |   ^^^^^^^^^^^ 2*h is not h, 2*w is not w
      = 2*h is made by upsample(2): out = factor * in (gan.nda:3:31)
      = hint: insert \`|> upsample(2)\`
    "
  `)
})

test("two places on one line share a row of marks, a label that does not fit stands below", () => {
  expect(full({
    span: at("gan.nda", "upsample(2)"), label: "twice as large", message: "these differ",
    related: [{ span: at("gan.nda", "main"), text: "named here" }, { span: at("gan.nda", "conv(co)"), text: "" }],
  })).toMatchInlineSnapshot(`
    "
    error[NDA0401] these differ
     --> gan.nda:3:31
    3 |   let main = x |> conv(co) |> upsample(2)
      |       ----        --------    ^^^^^^^^^^^ twice as large
      |       named here
    "
  `)
})

test("carets stand under wide characters and tabs, and another file has a frame of its own", () => {
  expect(full({
    span: at("other.nda", "jigsaw(2)"), label: "here", message: "negative samples where real ones are required",
    related: [{ span: at("gan.nda", "main + skip"), text: "wanted here" }],
  })).toMatchInlineSnapshot(`
    "
    error[NDA0401] negative samples where real ones are required
     --> other.nda:1:22
    1 |     let 画像 = b.image |> jigsaw(2) # 🙂 é
      |                           ^^^^^^^^^ here
     --> gan.nda:6:3
    6 |   main + skip
      |   ----------- wanted here
    "
  `)
})

test("a long line is cut around the mark, and control characters do not reach the terminal", () => {
  const text = `const a = "${"x".repeat(5000)}" + \u001b[31m\u202e b\n`
  const start = text.indexOf(" b") + 1
  const long = new Map([["long.nda", sourceFile("long.nda", text)]])
  const shown = render([{ code: "NDA0201", severity: "error", span: { file: "long.nda", start, end: start + 1 }, message: "no `b\u001b[0m`", label: "here", related: [], notes: [] }], long, { style: "full", color: false })
  const [, , line, marks] = shown.split("\n")
  expect(line!.length).toBeLessThan(140)
  expect(line![marks!.indexOf("^")]).toBe("b")
  expect(shown).not.toMatch(/[\u001b\u202e]/)
})

test("short is one line each, JSON is what the CLI promises, colour is escape codes only", () => {
  const diagnostic: Diagnostic = {
    code: "NDA0201", severity: "warning", span: at("gan.nda", "unused"), message: "`unused` is never used", related: [{ span: at("gan.nda", "block"), text: "in this block" }],
    notes: [], hint: { text: "remove it", edit: { span: at("gan.nda", "let unused = 1"), replacement: "" } },
  }
  expect(render([diagnostic, diagnostic], sources, { style: "short", color: false })).toBe("gan.nda:5:7: warning[NDA0201]: `unused` is never used\n".repeat(2).trimEnd())
  expect(JSON.parse(render([diagnostic], sources, { style: "json", color: true })).diagnostics[0]).toMatchObject({
    code: "NDA0201", severity: "warning", file: "gan.nda", start: { line: 5, column: 7 }, end: { line: 5, column: 13 }, message: "`unused` is never used",
    related: [{ file: "gan.nda", start: { line: 1, column: 1 }, text: "in this block" }], hint: "remove it",
  })
  const coloured = render([diagnostic], sources, { style: "full", color: true })
  expect(coloured).toContain("\u001b[1;33mwarning[NDA0201]")
  expect(coloured.replace(/\u001b\[[\d;]*m/g, "")).toBe(render([diagnostic], sources, { style: "full", color: false }))
  expect(applyHint(gan, diagnostic.hint!)).toBe(gan.replace("let unused = 1", ""))
})

test("a guess is the only candidate, the one equal but for case, or a near one; never one of two", () => {
  expect(suggest("spectrl", ["spectral", "special", "relu"])).toBe("spectral")
  expect(suggest("Relu", ["relu", "gelu"])).toBe("relu")
  expect(suggest("whatever", ["jigsaw"])).toBe("jigsaw")
  expect(suggest("hlfip", ["hflip", "vflip"])).toBe("hflip")
  expect(suggest("conv", ["cony", "conw"])).toBeUndefined()
  expect(suggest("zebra", ["conv", "relu"])).toBeUndefined()
  expect(suggest("a".repeat(100_000), ["b".repeat(100_000), "c"])).toBeUndefined()
})
