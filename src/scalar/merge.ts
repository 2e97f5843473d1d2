/**
 * Merging of selects: `select(c, f(x1), f(x2)) == f(select(c, x1, x2))`, down to where two trees differ, so that the two sides of
 * a choice between pictures read the picture once. Every read stays in bounds: all its indices choose by the same condition.
 */
import { interner } from "./intern.ts"
import { type Scalar, operands, select, withOperands } from "./scalar.ts"

/** Whether the nodes are the same function of their operands. */
const sameFunction = (a: Scalar, b: Scalar): boolean => {
  if (a.op !== b.op || a.type !== b.type) return false
  switch (a.op) {
    case "const": case "var": return false
    case "unary": return a.fn === (b as typeof a).fn && a.x.type === (b as typeof a).x.type
    case "binary": return a.fn === (b as typeof a).fn && a.a.type === (b as typeof a).a.type
    case "cast": return a.fn === (b as typeof a).fn && a.x.type === (b as typeof a).x.type
    case "select": return true
    case "read": return a.slot === (b as typeof a).slot && a.index.length === (b as typeof a).index.length
    case "reduce": {
      const other = b as typeof a
      return a.combine === other.combine && a.vars.length === other.vars.length && a.vars.every((v, i) => v === other.vars[i])
    }
    case "threefry": return a.word === (b as typeof a).word
  }
}

/** A read of either element lies in the hull of both ranges. */
const hull = (a: Scalar, b: Scalar): Scalar => {
  if (a.op !== "read" || b.op !== "read") return a
  return { ...a, range: a.range && b.range ? [Math.min(a.range[0], b.range[0]), Math.max(a.range[1], b.range[1])] : undefined }
}

/** `select(condition, a, b)`, pushed down to where `a` and `b` differ. */
export const mergeSelect = (condition: Scalar, a: Scalar, b: Scalar): Scalar => {
  const intern = interner()
  const known = new Map<Scalar, Map<Scalar, Scalar>>()
  const chosen = intern(condition)
  const merge = (x: Scalar, y: Scalar): Scalar => {
    if (x === y) return x
    if (!sameFunction(x, y)) return select(chosen, x, y)
    const before = known.get(x)?.get(y)
    if (before) return before
    const ys = operands(y)
    const merged = intern.node(withOperands(hull(x, y), operands(x).map((p, i) => intern(merge(p, ys[i]!)))))
    if (!known.has(x)) known.set(x, new Map())
    known.get(x)!.set(y, merged)
    return merged
  }
  return merge(intern(a), intern(b))
}
