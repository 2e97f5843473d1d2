/** Programs that want too much of the checker: each gets an answer soon, never an exception. (Text that is hostile to the parser is in test/syntax.) */
import { expect, test } from "vitest"
import { check, type Request } from "../src/driver/check.ts"
import { compile } from "../src/driver/compile.ts"

const repeated = (n: number, line: (i: number) => string): string => Array.from({ length: n }, (_, i) => line(i)).join("")
const picture = "(img: Field[c; h, w]) -> Field[c; h, w]"
const graph = (value: string): string => `graph g(x: f32[n]) = ${value}\n`

/** A program, the code it gets (none: it is sound), and what else is asked. */
const programs: readonly (readonly [title: string, code: string | undefined, text: string, more?: Partial<Request>])[] = [
  ["a power of a dimension", "NDA0420", graph("reshape(x, [n ** 40])")],
  ["a size past 2**60", "NDA0413", `const a = 1_073_741_824\n${graph("zeros([a * a])")}`],
  ["a number past any float", "NDA0420", `const a = 1_000_000 ** 62\n${graph("x * f32(a)")}`],
  ["a product of sums of dimensions", "NDA0420", "graph product(x: f32[a, b, c, d, e, f, g, h]) = zeros([(a + b) * (c + d) * (e + f) * (g + h) * (a + c) * (b + d) * (e + g)])\n"],
  ["a tensor doubled two hundred times", "NDA0420", graph("loop h = x for i in 0..200 { concat([h, h]) }")],
  ["a draw among 10**9 classes", "NDA0805", "graph g() {\n  let k: i32[4] ~ categorical(1_000_000_000)\n  k\n}\n"],
  ["a list of 10**5 items", undefined, graph(`x + sum([${"1, ".repeat(100_000)}])`)],
  ["a list of 10**6 items", "NDA0107", graph(`x + sum([${"1, ".repeat(1_000_000)}])`)],
  ["a list doubled sixty times", "NDA0212", graph("x + sum(loop l = [1] for i in 0..60 { l + l })")],
  ["a tuple doubled sixty times, and shown in a message", "NDA0212", graph("1 + loop t = (x, x) for i in 0..60 { (t, t) }")],
  ["a loop of 10**9 turns", "NDA0212", graph("loop h = x for i in 0..1_000_000_000 { h + 1 }")],
  ["loops in loops", "NDA0212", graph("loop h = x for i in 0..100_000 { loop k = h for j in 0..100_000 { k + j } }")],
  ["functions that double the work, forty deep", "NDA0212", `fn f0(x: f32[n]) = x + 1\n${repeated(40, (i) => `fn f${i + 1}(x: f32[n]) = f${i}(f${i}(x))\n`)}${graph("f40(x)")}`],
  ["augments that double the work, forty deep", "NDA0212", `augment f0${picture} = at (y, x) => img(y, x)\n${repeated(40, (i) => `augment f${i + 1}${picture} = img |> f${i} |> f${i}\n`)}graph g(x: Image[n, 3, 8, 8]) = x |> f40\n`],
  ["aliases that double, forty deep", "NDA0212", `type T0[n] = (f32[n], f32[n])\n${repeated(40, (i) => `type T${i + 1}[n] = (T${i}[n], T${i}[n])\n`)}fn f(x: T40[n]) -> f32 = 1.0\n`],
  ["aliases in a circle", "NDA0212", `type A[n] = B[n]\ntype B[n] = A[n]\nfn f(x: A[n]) -> f32 = 1.0\n`],
  ["a chain of 5,000 constants, backwards", "NDA0212", `${repeated(5000, (i) => `const c${i} = c${i + 1} + 1\n`)}const c5000 = 1\n`],
  ["a chain of 5,000 lets", undefined, `graph g(x: f32[n]) {\n  let a0 = x\n${repeated(5000, (i) => `  let a${i + 1} = a${i} + 1\n`)}  a5000\n}\n`],
  ["10,000 functions", undefined, `${repeated(10_000, (i) => `fn f${i}(x: f32[n]) -> f32[n] = x + 1\n`)}${graph("f9999(x)")}`],
  ["100,000 functions", "NDA0107", repeated(100_000, (i) => `fn f${i}(x: f32[n]) -> f32[n] = x\n`)],
  ["a thousand mistakes", "NDA0408", repeated(1000, (i) => `fn f${i}(x: f32[n, c]) -> f32[n] = x\n`)],
  ["a function that is given itself", "NDA0212", "graph g(x: f32[n]) {\n  let w = fn (f) => f(f)\n  w(w)\n}\n"],
  ["functions that call each other", "NDA0208", `fn a(x: f32[n]) = b(x)\nfn b(x: f32[n]) = a(x)\n${graph("a(x)")}`],
  ["a constant, a model and a data set of themselves", "NDA0208", "const a = a\nmodel M = M\ndata d: { x: f32[n] } = d\n"],
  ["a shape that lines up in very many ways", "NDA0404", `graph g(x: f32[${"n, ".repeat(60)}], y: f32[${"n, ".repeat(30)}]) = x + y\n`],
  ["a shape that very nearly lines up in very many ways", "NDA0401", `graph g(x: f32[${"n, ".repeat(60)}], y: f32[${"n, ".repeat(30)}m]) = x + y\n`],
  ["names of JavaScript and of WGSL", undefined, "const constructor = 4\nfn toString(hasOwnProperty: f32[n]) -> f32[n] = hasOwnProperty\nfn vec3(main: f32[n]) -> f32[n] = main\ngraph g(__proto__: f32[n]) = { __proto__: vec3(__proto__), valueOf: toString(__proto__) * f32(constructor) }\n"],
  ["a field that every object of JavaScript has", "NDA0209", "graph g(x: f32[n]) {\n  let r = { a: x }\n  r.constructor\n}\n"],
  ["a module that every object of JavaScript has", "NDA0203", `from constructor import x\n${graph("x")}`],
  ["a setting that every object of JavaScript has", "NDA0902", graph("x"), { set: { constructor: "3" } }],
  ["a setting of 100,000 digits", "NDA0908", `const k = 3\n${graph("x + k")}`, { set: { k: "9".repeat(100_000) } }],
]

test.each(programs)("%s", (_, code, text, more) => {
  const request = { file: "hostile.nda", sources: { "hostile.nda": text }, ...more }
  const start = performance.now()
  const { diagnostics } = check(request)
  // Half a second on an idle machine; the tests share theirs.
  expect(performance.now() - start).toBeLessThan(10_000)
  expect(diagnostics[0]?.code).toBe(code)
  expect(diagnostics.length).toBeLessThanOrEqual(100)
  for (const d of diagnostics) expect(d.message.length).toBeLessThan(200_000)
})

test("a tensor of 10**9 elements is refused before anything is computed", () => {
  const text = "graph g() = at (i: 1_000_000_000) => i\n"
  expect(compile({ file: "hostile.nda", sources: { "hostile.nda": text } }).diagnostics.map((d) => d.code)).toEqual(["NDA0905"])
})
