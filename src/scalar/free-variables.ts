/** The variables that occur in an expression outside the reductions that bind them. */
import { operands, type Scalar, type Var } from "./scalar.ts"

const none: ReadonlySet<Var> = new Set()

/** Of those that count; inside `except` nothing is looked for. The function remembers what it was asked, each shared part once. */
export const freeVariables = (counts: (v: Var) => boolean, except?: Scalar): ((e: Scalar) => ReadonlySet<Var>) => {
  const known = new Map<Scalar, ReadonlySet<Var>>()
  const free = (e: Scalar): ReadonlySet<Var> => {
    const there = known.get(e)
    if (there) return there
    let found = none
    if (e === except || e.op === "const") return found
    if (e.op === "var") found = counts(e) ? new Set([e]) : none
    else {
      for (const x of operands(e)) {
        const inner = free(x)
        if (inner.size === 0 || inner === found) continue
        found = found.size === 0 ? inner : new Set([...found, ...inner])
      }
      if (e.op === "reduce" && e.vars.some((v) => found.has(v))) found = new Set([...found].filter((v) => !e.vars.includes(v)))
    }
    known.set(e, found)
    return found
  }
  return free
}
