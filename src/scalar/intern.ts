/** Hash-consing: structurally equal scalar expressions become one object. Variables are equal only to themselves. */
import { operands, type Scalar, withOperands } from "./scalar.ts"

export interface Interner {
  /** The one object for this expression. */
  (e: Scalar): Scalar
  /** A number that orders interned expressions by their first appearance. */
  readonly idOf: (interned: Scalar) => number
  /** Interns a node whose operands are interned already. */
  readonly node: (e: Scalar) => Scalar
}

const shapeOf = (e: Scalar): string => {
  switch (e.op) {
    case "const": return Object.is(e.value, -0) ? "-0" : String(e.value)
    case "var": return ""
    case "unary": case "binary": case "cast": return e.fn
    case "select": return ""
    case "read": return `${e.slot} ${e.range ? e.range.join() : ""}`
    case "reduce": return e.combine
    case "threefry": return String(e.word)
  }
}

export const interner = (): Interner => {
  const ids = new Map<Scalar, number>()
  const byKey = new Map<string, Scalar>()
  const known = new Map<Scalar, Scalar>()

  const enter = (e: Scalar): Scalar => {
    ids.set(e, ids.size)
    return e
  }

  const node = (e: Scalar): Scalar => {
    if (ids.has(e)) return e
    if (e.op === "var") return enter(e)
    const vars = e.op === "reduce" ? e.vars.map((v) => ids.get(node(v))).join() : ""
    const key = `${e.op} ${e.type} ${shapeOf(e)} ${vars} (${operands(e).map((x) => ids.get(x)).join()})`
    const same = byKey.get(key)
    if (same) return same
    byKey.set(key, e)
    return enter(e)
  }

  // A stack of its own: expressions may be deeper than the call stack.
  const intern = (root: Scalar): Scalar => {
    const stack = [root]
    while (stack.length > 0) {
      const e = stack[stack.length - 1]!
      if (known.has(e) || ids.has(e)) {
        stack.pop()
        continue
      }
      const parts = operands(e)
      const open = parts.filter((x) => !known.has(x) && !ids.has(x))
      if (open.length > 0) {
        stack.push(...open)
        continue
      }
      stack.pop()
      const after = parts.map((x) => known.get(x) ?? x)
      known.set(e, node(after.every((x, i) => x === parts[i]) ? e : withOperands(e, after)))
    }
    return known.get(root) ?? root
  }

  return Object.assign(intern, { idOf: (e: Scalar) => ids.get(e)!, node })
}

/** The expressions with all equal parts shared, among them too. */
export const canonical = (roots: readonly Scalar[]): Scalar[] => {
  const intern = interner()
  return roots.map(intern)
}
