import { expect, test } from "vitest"
import { parse } from "../../src/syntax/parser.ts"
import { printModule } from "../../src/syntax/print-ast.ts"

const tree = (text: string): string => {
  const { value, diagnostics } = parse("x.nda", text)
  expect(diagnostics).toEqual([])
  return printModule(value!).trim()
}
const value = (text: string): string => tree(`const v = ${text}`).replace(/^\(const\s+v\s+/, "").slice(0, -1)

test.each([
  ["a |> f |> g(1)", "(pipe (pipe a stage: f) stage: (call g ((1))))"],
  ["a + b * c ** -d ** e", "(binary + a (binary * b (binary ** c (unary - (binary ** d e)))))"],
  ["a - b - c", "(binary - (binary - a b) c)"],
  ["not a == b and c in d or e", "(binary or (binary and (unary not (binary == a b)) (binary in c d)) e)"],
  ["-a ** 2", "(unary - (binary ** a 2))"],
  ["0..(s - 1)", "(binary .. 0 (binary - s 1))"],
  ["a.0.1.T", "(field (item (item a 0) 1) T)"],
  ["z[:, -3:, i, 0 : k - n]", "(index z slices: ((range) (range start: (unary - 3)) (at i) (range start: 0 end: (binary - k n))))"],
  ["f(k=1, over=[h, w])(x)", "(call (call f ((k 1) (over (list (h w))))) ((x)))"],
  ["b with { image: x, in: y }", "(with b ((image x) (in y)))"],
  ["(a)", "a"],
  ["(a,)", "(tuple (a))"],
  ["()", "(tuple)"],
  ["if a { 1 } else if b { 2 } else { 3 }", "(if condition: a then: (suite result: 1) else: (if condition: b then: (suite result: 2) else: (suite result: 3)))"],
  ["loop (c, out) = (x, []) for i in 0..n { (c, out) }", "(loop pattern: (tuple (c out)) start: (tuple (x (list))) item: i over: (binary .. 0 n) (suite result: (tuple (c out))))"],
  ["at (i: n, y: 2*g) => fn (t) => t", "(at coords: ((i extent: n) (y extent: (binary * 2 g))) (lambda params: (t) t))"],
])("%s", (text, expected) => {
  expect(value(text).replace(/\s+/g, " ")).toBe(expected)
})

test("words are keywords only where their construct can stand", () => {
  tree(`fn f(step: f32, over: f32, data: f32, next: f32, from: f32, at_: f32) -> f32 {
  let loss = step * over + from
  let model = data
  let state = mean(model.data, over=[h], step=loss, in=next)
  next
}
block train_step(x: f32) -> f32 {
  state next: f32 = 0
  next next = next + x
  param weight: f32 = { type: 1, block: 2 }.type
  model model = linear(1)
  next
}
train train(b in src(batch=4), steps = 3) {
  step step repeat repeat {
    minimize loss(loss) over model by by
    report { every: every, save: state.save }
    save G, D best=q.fid
  }
  every every { save model }
}`)
})

test("a line that begins with `(`, `[` or `-` begins a new expression", () => {
  expect(value("{\n  let a = f\n  (a, b)\n}")).toBe("(suite ((let pattern: a f)) result: (tuple (a b)))")
  const module = parse("x.nda", "fn f(x: f32) -> f32 {\n  let a = x\n  -a\n}\nfn g(x: f32) -> f32 {\n  let a = x -\n    1\n  a\n}").value!
  const bodies = module.declarations.map((declaration) => (declaration.kind === "function" && declaration.body.kind === "suite" ? declaration.body : undefined)!)
  expect(bodies.map((body) => body.result!.kind)).toEqual(["unary", "name"])
})

test("doc comments belong to the declaration after them, other comments to none", () => {
  const { value } = parse("x.nda", "# a\n## One.\n##  Two.\n# b\nfn f(x: f32) -> f32 = x\nconst k = 1 ## no\nconst j = 2")
  expect(value!.declarations.map((declaration) => declaration.doc)).toEqual(["One.\n Two.", undefined, undefined])
})

test("types keep their rests, populations, semicolons and lists", () => {
  expect(tree("const v: Field[c; h, w@neg] -> [f32[..s]] -> { a: (T, U) } = 1").replace(/\s+/g, " ")).toMatchInlineSnapshot(
  `"(const v type: (function from: (named Field dims: ((dim size: c) (dim size: h) (dim size: w population: neg)) semicolon: 1) to: (function from: (list item: (named f32 dims: ((rest s)))) to: (record ((a type: (tuple ((named T) (named U)))))))) 1)"`)
})
