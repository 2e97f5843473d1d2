import { readFileSync } from "node:fs"
import { expect, test } from "vitest"
import { applyHint } from "../../src/base/render.ts"
import { positionOf, sourceFile } from "../../src/base/source.ts"
import { codes } from "../../src/diagnostics/codes.ts"
import { lex } from "../../src/syntax/lexer.ts"
import { parse } from "../../src/syntax/parser.ts"
import { visit } from "../../src/syntax/visit.ts"

const gan = readFileSync(new URL("./inputs/gan.nda", import.meta.url), "utf8")

const said = (text: string): string[] => {
  const source = sourceFile("x.nda", text)
  return parse("x.nda", text).diagnostics.map((diagnostic) => {
    const { line, column } = positionOf(source, diagnostic.span.start)
    return `${line}:${column} ${diagnostic.code} ${diagnostic.message}`
  })
}

/** One typing mistake in a file of 77 lines: what is typed, what it was, what is said, and whether the hint's edit mends it. */
const slips: readonly [string, string, string, "mends" | "no edit"][] = [
  ["conv(co, k=1)\n", "conv(co, k=1\n", "23:46 NDA0105 this `(` is not closed", "mends"],
  ["[n, width, 4, 4]", "[n, width, 4, 4)", "36:62 NDA0105 `[` is closed by `]`, not by `)`", "mends"],
  ["main + skip\n}", "main + skip\n", "25:14 NDA0105 this `{` is not closed", "mends"],
  ["main + skip\n}", "main + skip\n}\n}", "27:1 NDA0105 this `}` closes nothing", "mends"],
  ["relu(1 - real))", "relu(1 - real)))", "14:40 NDA0105 this `)` closes nothing", "mends"],
  ["D(real), D(G(z))", "D(real) D(G(z))", "56:34 NDA0101 expected `,` or `)` in the arguments of this call, found `D`", "mends"],
  ["f32[n, ci, h, w]", "f32[n ci, h, w]", "22:28 NDA0101 expected `,` or `]` in these dimensions, found `ci`", "mends"],
  ["main + skip", "main + ", "26:1 NDA0101 expected an expression after `+`, found `}`", "no edit"],
  ["main + skip", "main skip", "25:8 NDA0101 expected an operator or the end of the suite, found `skip`", "no edit"],
  ["let skip =", "let skip ==", "23:12 NDA0109 `==` where `=` is meant: `==` compares", "mends"],
  ["Logit[n@fake]) =", "Logit[n@fake]) =>", "20:35 NDA0109 `=>` where `=` is meant: `=>` stands in functions without a name", "mends"],
  ["samples: G_avg", "samples = G_avg", "66:22 NDA0109 `=` where `:` is meant: a record's fields are written `name: value`", "mends"],
  ["const zdim =", "const zdim", "9:12 NDA0101 expected `=` in this `const`, found `128`", "mends"],
  ["w]) -> f32[n, co, 2*h", "w]) f32[n, co, 2*h", "22:40 NDA0101 expected `=` or `{` before the body, found `f32`", "mends"],
  ["critic repeat 4", "critic 4", "52:15 NDA0101 expected `{` in the head of this `step`, found `4`", "mends"],
  ["over D by", "over D", "56:59 NDA0101 expected `by` in this `minimize`, found `adam`", "mends"],
  ["save G, D, G_avg", "save G D", "67:12 NDA0101 expected `,` in this `save`, found `D`", "mends"],
  ["every 1000 {", "every {", "64:3 NDA0101 expected a statement, an expression or `}`, found `every`", "no edit"],
  ["let h0 =", "h0 =", "36:6 NDA0108 a name is bound with `let`", "mends"],
  ["main + skip", "return main + skip", "25:3 NDA0108 nda has no `return`: the last expression of a suite is its value", "mends"],
  ["loss hinge_g", "def hinge_g", "20:1 NDA0108 nda has no `def`: a function is declared with `fn name(x: T) -> U { … }`", "mends"],
  ["eval quality", "evla quality", "73:1 NDA0101 expected a declaration, found `evla`", "mends"],
  ["let h0 = z |>", "let h0 = z; |>", "36:13 NDA0108 nda has no `;`: a line ends where it ends", "mends"],
  ["alpha * fake", "alpha && fake", "17:21 NDA0108 nda has no `&&`: the word is `and`", "mends"],
  ["const zdim", "let zdim", "9:1 NDA0111 `let` stands in suites; at the top of a file a value is a `const`", "mends"],
  ["let neg = real", "let step = real", "54:9 NDA0104 `step` is a keyword and cannot name a value", "mends"],
  ["let neg = real", "let in = real", "54:9 NDA0104 `in` is a keyword and cannot name a value", "mends"],
  ["fid.npz\"", "fid.npz", "75:20 NDA0103 this string does not end on its line", "no edit"],
  ["f |> relu |>", "f < relu < 1 |>", "44:12 NDA0110 `<` does not chain", "no edit"],
  ["alpha = 0.25", "alpha = .25", "12:24 NDA0106 `.25` is not a number of nda: a digit must stand before the point", "mends"],
  ["|> hflip", "|> hflíp", "53:56 NDA0102 a name holds only A-Z, a-z, 0-9 and _: `í` (U+00ED) cannot stand in `hflíp`", "no edit"],
  ["\nloss hinge_g", "\nfrom nda.loss import x\nloss hinge_g", "20:1 NDA0111 imports come first, before all declarations", "no edit"],
]

test.each(slips)("typing `%s` as `%s` gives one error", (right, wrong, expected, mended) => {
  expect(gan).toContain(right)
  const text = gan.replace(right, () => wrong)
  expect(said(text)).toEqual([expected])
  const { value, diagnostics } = parse("x.nda", text)
  const { hint } = diagnostics[0]!
  expect(hint?.edit === undefined ? "no edit" : said(applyHint(text, hint)).length === 0 ? "mends" : "does not mend").toBe(mended)
  expect(value!.declarations.length, "declarations that later passes still see").toBeGreaterThanOrEqual(12)
})

test("two mistakes in two statements are two errors, and what lies between them is still read", () => {
  const text = "fn f(x: f32) -> f32 {\n  let a = g(x\n  let b = (a + 1)\n  let c = b * * 2\n  c\n}\nfn g(x: f32) -> f32 = x +\nconst k = 3\n"
  expect(said(text).map((line) => line.slice(0, 12))).toEqual(["2:14 NDA0105", "4:15 NDA0101", "8:1 NDA0101 "])
  expect(parse("x.nda", text).value!.declarations.map((declaration) => declaration.name.text)).toEqual(["f", "g", "k"])
})

test("every code that the messages use has a page, and every page is used", () => {
  const words = readFileSync(new URL("../../src/diagnostics/messages/syntax.ts", import.meta.url), "utf8")
  expect([...new Set(words.match(/NDA01\d\d/g))].sort()).toEqual([...codes.keys()].filter((code) => code.startsWith("NDA01")).sort())
})

test("losing, doubling or mistaking any one token of a sample gives one error, hardly ever two, and spans stay in order", () => {
  let wrong = 0
  let several = 0
  for (const name of ["../samples/f_video.nda", "../samples/h_detect.nda", "inputs/gan.nda"]) {
    const text = readFileSync(new URL(name, import.meta.url), "utf8")
    lex(name, text).tokens.forEach(({ startOffset, endOffset, image }, i) => {
      const typed = ["", `${image} ${image}`, ")", "}", "let", "="][i % 6]!
      const { value, diagnostics } = parse(name, text.slice(0, startOffset) + typed + text.slice(endOffset! + 1))
      if (diagnostics.length > 0) wrong++
      if (diagnostics.length > 1) several++
      visit(value!, ({ span }, parent) => {
        if (span.start > span.end || (parent !== undefined && (span.start < parent.span.start || span.end > parent.span.end))) throw new Error(`span at ${i} of ${name}`)
      })
    })
  }
  expect(wrong).toBeGreaterThan(1500)
  expect(several / wrong).toBeLessThan(0.01)
})
