/** Trees that are made when nda is built: they are what the parser gives. */
import { expect, test } from "vitest"
import { loadModules } from "../../src/check/modules.ts"
import { library, stdlib } from "../../src/driver/library.ts"
import { codedOutline, encodeTrees } from "../../src/syntax/coded-trees.ts"
import { parse } from "../../src/syntax/parser.ts"

test.each(Object.entries(stdlib))("the tree of %s that is built in is the one that its text gives, spans included", (name, text) => {
  const { value, diagnostics } = parse(name, text)
  expect(diagnostics).toEqual([])
  const outline = library.outline(name)!
  expect(outline.imports).toStrictEqual(value!.imports)
  expect(outline.declarations.map((d) => d.whole())).toStrictEqual(value!.declarations)
  expect(outline.declarations.map(({ kind, name }) => ({ kind, name }))).toStrictEqual(value!.declarations.map(({ kind, name }) => ({ kind, name })))
})

test("a declaration is the same object each time, with its properties in the parser's order", () => {
  const [name, text] = Object.entries(stdlib)[0]!
  for (const [i, d] of library.outline(name)!.declarations.entries()) {
    const first = library.outline(name)!.declarations[i]!
    expect(d.whole()).toBe(d.whole())
    expect(JSON.stringify(first.whole())).toBe(JSON.stringify(parse(name, text).value!.declarations[i]))
  }
})

test("what no module of the library writes is coded too, and a module that is not there has no outline", () => {
  const text = `## said\nconst a: f32 = 1.5e-3\nmodel m = f(2) from "w.safetensors"\ndata d: {x: f32[n]} = array("a \\"b\\"")\ntrain t(b in d(8), s=none) {\n  step one repeat 2 { minimize m(b.x[1:, 0]) over m by adam() }\n  every 3 { report 1; save m best=-a }\n}\n`
  const module = parse("a.nda", text).value!
  const trees = JSON.parse(JSON.stringify(encodeTrees([module]))) as ReturnType<typeof encodeTrees>
  expect(codedOutline(trees, "a.nda")!.declarations.map((d) => d.whole())).toStrictEqual(module.declarations)
  expect(codedOutline(trees, "b.nda")).toBeUndefined()
  expect(codedOutline(trees, "constructor")).toBeUndefined()
})

test("what is not a tree of one module is refused", () => {
  const module = parse("a.nda", "const a = 1\n").value!
  expect(() => encodeTrees([{ ...module, file: "b.nda" }])).toThrow("a span of a.nda stands in the tree of b.nda")
})

test("a module of the library without a tree is parsed, and what is wrong with it said", () => {
  const sources = { "a.nda": "from nda.loss import hinge\n" }
  const made = loadModules("a.nda", sources, library)
  expect(made.diagnostics).toEqual([])
  const edited = loadModules("a.nda", sources, { texts: { "nda.loss": "fn hinge(\n" }, outline: () => undefined })
  expect(edited.diagnostics.map((d) => d.span.file)).toEqual(["nda.loss"])
  expect(edited.modules.get("nda.loss")!.broken).toBe(true)
})
