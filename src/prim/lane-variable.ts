/** Anti-unification of lanes: bodies that differ only in their lane's number are one body over a lane variable. */
import { operands, variable, withOperands, type Scalar, type Var } from "../scalar/scalar.ts"
import { canonical } from "../scalar/intern.ts"

const alike = (a: Scalar, b: Scalar): boolean => {
  if (a.op !== b.op || a.type !== b.type) return false
  switch (a.op) {
    case "unary": case "binary": case "cast": return a.fn === (b as typeof a).fn
    case "read": return a.slot === (b as typeof a).slot && a.index.length === (b as typeof a).index.length
    // Reductions bind variables of their own: only the same one is the same.
    case "reduce": return a === b
    case "threefry": return a.word === (b as typeof a).word
    case "const": case "var": return a === b
    case "select": return true
  }
}

/** `body` with lane k in place of the variable is the k-th of `bodies`; undefined where there is no such body. */
export const overLanes = (bodies: readonly Scalar[]): { readonly lane: Var; readonly body: Scalar } | undefined => {
  if (bodies.length < 2) return undefined
  const lane = variable("c", bodies.length)
  const memo = new Map<Scalar, { readonly others: readonly Scalar[]; readonly merged: Scalar }>()
  const roots = canonical(bodies)
  const stack: (readonly Scalar[])[] = [roots]
  while (stack.length > 0) {
    const row = stack[stack.length - 1]!
    const [first] = row as [Scalar]
    const known = memo.get(first)
    if (known) {
      if (row.some((e, k) => e !== known.others[k])) return undefined
      stack.pop()
      continue
    }
    if (row.every((e) => e === first)) memo.set(first, { others: row, merged: first })
    else if (row.every((e, k) => e.op === "const" && e.type === "i32" && e.value === k)) memo.set(first, { others: row, merged: lane })
    else {
      if (row.some((e) => !alike(first, e))) return undefined
      const below = operands(first).map((_, i) => row.map((e) => operands(e)[i]!))
      const open = below.filter(([x]) => !memo.has(x!))
      if (open.length > 0) {
        stack.push(...open)
        continue
      }
      if (below.some((r) => r.some((e, k) => e !== memo.get(r[0]!)!.others[k]))) return undefined
      memo.set(first, { others: row, merged: withOperands(first, below.map(([x]) => memo.get(x!)!.merged)) })
    }
  }
  return { lane, body: memo.get(roots[0]!)!.merged }
}
