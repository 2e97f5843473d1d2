/** Hash-consing: structurally equal scalar expressions become one object. Variables are equal only to themselves. */
import { mapped, operands, type Scalar, withOperands } from "./scalar.ts"

export interface Interner {
  /** The one object for this expression. */
  (e: Scalar): Scalar
  /** A number that orders interned expressions by their first appearance. */
  readonly idOf: (interned: Scalar) => number
  /** Interns a node whose operands are interned already. */
  readonly node: (e: Scalar) => Scalar
}

/** Of the nodes that are not told apart by a number (see `numberOf`). */
const shapeOf = (e: Scalar): string => {
  switch (e.op) {
    case "const": return Object.is(e.value, -0) ? "-0" : String(e.value)
    case "unary": case "binary": case "cast": return e.fn
    case "var": case "select": return ""
    case "read": return `${e.slot} ${e.range ? e.range.join() : ""}`
    case "reduce": return e.combine
    case "threefry": return String(e.word)
  }
}

/** The functions of one operand or two (fewer than 64 of each kind) with their types take 10 bits, two ids 40: a key is a whole number below 2^53. */
const mostIds = 2 ** 20
const kinds = { unary: 0, binary: 1, cast: 2 } as const
const types = { f32: 0, i32: 1, u32: 2, bool: 3 } as const

export const interner = (): Interner => {
  const ids = new Map<Scalar, number>()
  /** The object that each expression became; one that is interned is its own. */
  const known = new Map<Scalar, Scalar>()
  const byKey = new Map<string | number, Scalar>()
  const functions = new Map<string, number>()

  const enter = (e: Scalar): Scalar => {
    ids.set(e, ids.size)
    known.set(e, e)
    return e
  }

  /** The key of a function of one operand or two: most nodes are. */
  const numberOf = (e: Scalar, parts: readonly Scalar[]): number | undefined => {
    if (e.op !== "unary" && e.op !== "binary" && e.op !== "cast") return undefined
    const a = ids.get(parts[0]!)!
    const b = parts.length > 1 ? ids.get(parts[1]!)! : 0
    if (a >= mostIds || b >= mostIds) return undefined
    let fn = functions.get(e.fn)
    if (fn === undefined) functions.set(e.fn, (fn = functions.size))
    return (((kinds[e.op] * 64 + fn) * 4 + types[e.type]) * mostIds + a) * mostIds + b
  }
  const textOf = (e: Scalar, parts: readonly Scalar[]): string => {
    let key = `${e.op} ${e.type} ${shapeOf(e)}`
    if (e.op === "reduce") for (const v of e.vars) key += ` v${ids.get(node(v))}`
    for (const x of parts) key += ` ${ids.get(x)}`
    return key
  }

  /** The object for `e` over these operands, which are interned; it is built only where there is none yet. */
  const nodeOver = (e: Scalar, parts: readonly Scalar[], same: boolean): Scalar => {
    const key = numberOf(e, parts) ?? textOf(e, parts)
    const there = byKey.get(key)
    if (there) return there
    const made = same ? e : withOperands(e, parts)
    byKey.set(key, made)
    return enter(made)
  }

  const node = (e: Scalar): Scalar => (ids.has(e) ? e : e.op === "var" ? enter(e) : nodeOver(e, operands(e), true))

  // A stack of its own: expressions may be deeper than the call stack.
  const intern = (root: Scalar): Scalar => {
    const stack = [root]
    while (stack.length > 0) {
      const e = stack[stack.length - 1]!
      if (known.has(e)) {
        stack.pop()
        continue
      }
      const parts = operands(e)
      const before = stack.length
      for (const x of parts) if (!known.has(x)) stack.push(x)
      if (stack.length > before) continue
      stack.pop()
      if (e.op === "var") {
        enter(e)
        continue
      }
      const after = mapped(parts, known)
      known.set(e, nodeOver(e, after, after === parts))
    }
    return known.get(root)!
  }

  return Object.assign(intern, { idOf: (e: Scalar) => ids.get(e)!, node })
}

/** The expressions with all equal parts shared, among them too. */
export const canonical = (roots: readonly Scalar[]): Scalar[] => {
  const intern = interner()
  return roots.map(intern)
}
