/** Rebuilding kernels: expressions with other operands, statements with other expressions, bindings and arrays. */
import type { ArrayLocal, Expr, Stmt } from "./kernel.ts"

/** The same operation of other operands, in evaluation order (`operandsOf`). */
export const withOperandsOf = (e: Expr, x: readonly Expr[]): Expr => {
  switch (e.op) {
    case "const": case "local": case "builtin": case "hidden_zero": case "component": return e
    case "key": return { ...e, site: x[0]! }
    case "pair": return { ...e, first: x[0]!, second: x[1]! }
    case "key_word": return { ...e, key: x[0]! }
    case "unary": case "cast": case "part": case "subgroup_broadcast": return { ...e, x: x[0]! }
    case "binary": return { ...e, a: x[0]!, b: x[1]! }
    case "fma": return { ...e, a: x[0]!, b: x[1]!, c: x[2]! }
    case "select": return { ...e, condition: x[0]!, then: x[1]!, else: x[2]! }
    case "threefry": return { ...e, key: [x[0]!, x[1]!], counter: [x[2]!, x[3]!] }
    case "load": case "quad": case "element": return { ...e, index: x[0]! }
    case "word": return { ...e, words: x[0]! }
    case "draw": return { ...e, args: x }
  }
}

export interface Rewriting {
  readonly expression: (e: Expr) => Expr
  /** Where a store goes: its binding and its index, given the rewritten index. */
  readonly store?: (binding: number, index: Expr) => { readonly binding: number; readonly index: Expr }
  readonly array?: (a: ArrayLocal) => ArrayLocal
}

/** The statements rewritten, in order, the expressions of each before its blocks. */
export const rewriteStatements = (body: readonly Stmt[], r: Rewriting): Stmt[] => {
  const array = r.array ?? ((a: ArrayLocal): ArrayLocal => a)
  const stored = r.store ?? ((binding: number, index: Expr) => ({ binding, index }))
  const all = (list: readonly Stmt[]): Stmt[] => list.map(one)
  const one = (s: Stmt): Stmt => {
    switch (s.op) {
      case "let": case "var": case "assign": return { ...s, value: r.expression(s.value) }
      case "array": return { ...s, array: array(s.array) }
      case "barrier": return s
      case "set": return { ...s, array: array(s.array), index: r.expression(s.index), value: r.expression(s.value) }
      case "store": case "store_quad": {
        const index = r.expression(s.index)
        const value = r.expression(s.value)
        return { op: s.op, ...stored(s.binding, index), value }
      }
      case "store_words": {
        const index = r.expression(s.index)
        const [a, b, c, d] = s.values.map(r.expression)
        return { op: "store_words", ...stored(s.binding, index), values: [a!, b!, c!, d!] }
      }
      case "draw_array": return { ...s, array: array(s.array), args: s.args.map(r.expression) }
      case "once": return { ...s, condition: r.expression(s.condition), body: all(s.body) }
      case "steps": return { ...s, below: r.expression(s.below), body: all(s.body) }
      case "if": return { ...s, condition: r.expression(s.condition), then: all(s.then), else: all(s.else) }
      case "for": return { ...s, from: r.expression(s.from), below: r.expression(s.below), body: all(s.body) }
    }
  }
  return all(body)
}
