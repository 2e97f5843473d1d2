import { readdirSync, readFileSync } from "node:fs"
import { expect, test } from "vitest"
import { format } from "../../src/syntax/format.ts"
import { lex } from "../../src/syntax/lexer.ts"
import { parse } from "../../src/syntax/parser.ts"
import { printModule } from "../../src/syntax/print-ast.ts"

const directory = new URL("../samples/", import.meta.url)
const samples = readdirSync(directory).map((name) => [name, readFileSync(new URL(name, directory), "utf8")] as const)
const formatted = (text: string): string => {
  const { value, diagnostics } = format("x.nda", text)
  expect(diagnostics).toEqual([])
  return value!
}
const comments = (text: string): string[] => lex("x.nda", text).comments.map(({ start, end }) => text.slice(start, end).trimEnd())

/** Numerical Recipes' generator: the same file every time. */
const generator = (seed: number) => (): number => {
  seed = (seed * 1664525 + 1013904223) >>> 0
  return seed / 2 ** 32
}

/** The sample with line ends and comments thrown in wherever they do not change what it means, and others taken out. */
const ragged = (text: string, seed: number): string => {
  const next = generator(seed)
  const rate = [0.02, 0.1, 0.3][seed % 3]!
  const { tokens } = lex("x.nda", text)
  return tokens.map((token, i) => {
    const between = text.slice(i === 0 ? 0 : tokens[i - 1]!.endOffset + 1, token.startOffset).replace(/#[^\n]*/g, "")
    const breaks = between.includes("\n")
    const changed = next() < rate && !(!breaks && ["(", "[", "-"].includes(token.image))
    const kind = next()
    if (!changed) return (breaks ? "\n" : between) + token.image
    if (kind < 0.3) return `  # after ${i}\n${token.image}`
    if (kind < 0.6) return `\n\n\n# before ${i}\n\n${token.image}`
    return (breaks && kind < 0.8 ? " " : "\n") + token.image
  }).join("")
}

test.each(samples)("%s keeps its meaning and its comments, formatting twice changes nothing, lines end at 110", (_, text) => {
  const once = formatted(text)
  expect(printModule(parse("x.nda", once).value!)).toBe(printModule(parse("x.nda", text).value!))
  expect(comments(once)).toEqual(comments(text))
  expect(formatted(once)).toBe(once)
  for (const line of once.split("\n")) expect(line.replace(/\s*#.*/, "").length, line).toBeLessThanOrEqual(110)
})

test("the standard library and the examples parse, and formatting them twice is formatting them once", () => {
  const root = new URL("../../", import.meta.url)
  const paths = ["stdlib/", "examples/"].flatMap((folder) => readdirSync(new URL(folder, root), { recursive: true }).map((path) => folder + String(path))).filter((path) => path.endsWith(".nda"))
  expect(paths.length).toBeGreaterThan(10)
  for (const path of paths) {
    const once = formatted(readFileSync(new URL(path, root), "utf8"))
    expect(formatted(once), path).toBe(once)
  }
})

test.each(samples)("%s, however raggedly written, is formatted once and for all", (_, text) => {
  let read = 0
  for (let seed = 1; seed <= 6; seed++) {
    const rough = ragged(text, seed)
    if (parse("x.nda", rough).diagnostics.length > 0) continue
    read++
    const once = formatted(rough)
    expect(comments(once).sort()).toEqual(comments(rough).sort())
    expect(formatted(once)).toBe(once)
  }
  expect(read).toBeGreaterThanOrEqual(3)
})

test("the house style, in one page", () => {
  const text = `from nda.nn import linear,conv
const   k=3   # three


## Doc.
block down ( co:Int,k = 3 )(x:f32[ n,ci , h,w ])->f32[n,co,2 * h,(w+2 * pad-k)//2] where h%2==0,w%2==0 {
let a=x|>conv( co , k = 1 )|>relu # why
# own line
let (s,c)=(sin(a),-cos( - a))


let z = q[:,i,0:k - n, -3:]
next u=if training{ a }else{ b }
(s+c)*2
}
fn long(first: f32[n, c, h, w], second: f32[n, c, h, w], third: f32[n, c, h, w]) -> f32[n, c, h, w] = first + second * third
train t(b in src.train(batch = 4),steps = 3){
step s repeat 2{minimize loss_of_everything(D(b.image), D(G(z, b.label), b.label), lambda=0.25) over D by adam(lr=2e-4, betas=(0.0, 0.999))}
every 10{report{a:1,b:2} save G,D best=q.fid}
}
`
  expect(formatted(text)).toMatchInlineSnapshot(`
    "from nda.nn import linear, conv
    const k = 3  # three

    ## Doc.
    block down(co: Int, k = 3)(x: f32[n, ci, h, w]) -> f32[n, co, 2*h, (w + 2*pad - k) // 2]
      where h % 2 == 0, w % 2 == 0
    {
      let a = x |> conv(co, k=1) |> relu  # why
      # own line
      let (s, c) = (sin(a), -cos(-a))

      let z = q[:, i, 0 : k - n, -3:]
      next u = if training { a } else { b }
      (s + c) * 2
    }
    fn long(first: f32[n, c, h, w], second: f32[n, c, h, w], third: f32[n, c, h, w]) -> f32[n, c, h, w] =
      first + second * third
    train t(b in src.train(batch=4), steps = 3) {
      step s repeat 2 {
        minimize loss_of_everything(D(b.image), D(G(z, b.label), b.label), lambda=0.25)
          over D
          by adam(lr=2e-4, betas=(0.0, 0.999))
      }
      every 10 {
        report { a: 1, b: 2 }
        save G, D best=q.fid
      }
    }
    "
  `)
})

test("what cannot be read is not formatted but reported", () => {
  const { value, diagnostics } = format("x.nda", "fn f( = 1\n")
  expect(value).toBeUndefined()
  expect(diagnostics).toHaveLength(1)
})
