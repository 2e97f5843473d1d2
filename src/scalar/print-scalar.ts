/** Scalar expressions as compact text, for `--emit` and messages. Parts used more than once are named `%0`, `%1`, … before. */
import { operands, type Scalar } from "./scalar.ts"

const infix: { readonly [fn: string]: readonly [string, number] } = {
  or: ["or", 1], and: ["and", 2], eq: ["==", 3], ne: ["!=", 3], lt: ["<", 3], le: ["<=", 3], gt: [">", 3], ge: [">=", 3],
  bitor: ["|", 4], xor: ["^", 4], bitand: ["&", 5], shl: ["<<", 6], shr: [">>", 6], add: ["+", 7], sub: ["-", 7], mul: ["*", 8], div: ["/", 8], idiv: ["//", 8], mod: ["%", 8],
}
const tightest = 9

const number = (value: number, type: Scalar["type"]): string =>
  type === "bool" ? (value ? "true" : "false") : type === "f32" && Number.isInteger(value) ? `${Object.is(value, -0) ? "-0" : value}.0` : String(value)

export interface PrintOptions {
  /** What the input `slot` is called; `#slot` by default. */
  readonly slot?: (slot: number) => string
}

/** The text of one expression; a shared part that is more than a leaf stands first, as `%k = …;`. */
export const printScalar = (root: Scalar, options: PrintOptions = {}): string => printScalars([root], options)

/** Several expressions with their shared parts named once. */
export const printScalars = (roots: readonly Scalar[], options: PrintOptions = {}): string => {
  const uses = new Map<Scalar, number>()
  const order: Scalar[] = []
  const stack: { e: Scalar; entered: boolean }[] = [...roots].reverse().map((e) => ({ e, entered: false }))
  while (stack.length > 0) {
    const top = stack.pop()!
    if (top.entered) {
      order.push(top.e)
      continue
    }
    const seen = uses.get(top.e) ?? 0
    uses.set(top.e, seen + 1)
    if (seen > 0) continue
    stack.push({ e: top.e, entered: true })
    for (const x of [...operands(top.e)].reverse()) stack.push({ e: x, entered: false })
  }

  const slot = options.slot ?? ((s: number) => `#${s}`)
  const texts = new Map<Scalar, { text: string; level: number }>()
  const definitions: string[] = []
  const at = (e: Scalar, level: number): string => {
    const { text, level: own } = texts.get(e)!
    return own < level ? `(${text})` : text
  }
  const write = (e: Scalar): { text: string; level: number } => {
    const call = (name: string, args: readonly string[]): { text: string; level: number } => ({ text: `${name}(${args.join(", ")})`, level: tightest })
    switch (e.op) {
      case "const": return { text: number(e.value, e.type), level: e.value < 0 || Object.is(e.value, -0) ? 7 : tightest }
      case "var": return { text: e.name, level: tightest }
      case "unary": return e.fn === "neg" ? { text: `-${at(e.x, tightest)}`, level: 7 } : e.fn === "not" ? { text: `not ${at(e.x, tightest)}`, level: 2 } : call(e.fn, [at(e.x, 0)])
      case "cast": return call(e.fn, [at(e.x, 0)])
      case "binary": {
        const operator = infix[e.fn]
        if (!operator) return call(e.fn, [at(e.a, 0), at(e.b, 0)])
        const [symbol, level] = operator
        return { text: `${at(e.a, level)} ${symbol} ${at(e.b, level + 1)}`, level }
      }
      case "select": return call("select", [at(e.condition, 0), at(e.then, 0), at(e.else, 0)])
      case "read": return { text: `${slot(e.slot)}[${e.index.map((x) => at(x, 0)).join(", ")}]`, level: tightest }
      case "reduce": return call(`${e.combine} ${e.vars.map((v) => `${v.name} in ${v.low}..${v.high}`).join(", ")} `, [at(e.body, 0)])
      case "threefry": return { text: `threefry(${[...e.key, ...e.counter].map((x) => at(x, 0)).join(", ")}).${e.word}`, level: tightest }
    }
  }
  for (const e of order) {
    const written = write(e)
    const shared = uses.get(e)! > 1 && e.op !== "const" && e.op !== "var" && written.text.length > 6
    if (shared) {
      const name = `%${definitions.length}`
      definitions.push(`${name} = ${written.text}`)
      texts.set(e, { text: name, level: tightest })
    } else texts.set(e, written)
  }
  return [...definitions, roots.map((e) => at(e, 0)).join(", ")].join("; ")
}
