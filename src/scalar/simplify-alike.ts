/**
 * Simplifies expressions that differ only in their variables and slots once: layers of one shape have the same indices, and the simplifier knows
 * variables by their ranges and slots not at all.
 */
import { mapScalar, operands, type Scalar, type Var } from "./scalar.ts"
import type { ScalarRule } from "./scalar-rules.ts"
import { allRules, simplify } from "./simplify-scalar.ts"

export type Simplify = (roots: readonly Scalar[], rules?: readonly ScalarRule[]) => readonly Scalar[]

interface Form {
  /** The expressions apart from which variables and slots they have. */
  readonly text: string
  /** Their parts and their slots in the order in which the text names them. */
  readonly parts: readonly Scalar[]
  readonly slots: readonly number[]
}

const formOf = (roots: readonly Scalar[]): Form => {
  const numbers = new Map<Scalar, number>()
  const parts: Scalar[] = []
  const slots: number[] = []
  let text = ""
  const slotOf = (slot: number): number => {
    const known = slots.indexOf(slot)
    return known >= 0 ? known : slots.push(slot) - 1
  }
  const enter = (e: Scalar): void => {
    if (e.op === "reduce") for (const v of e.vars) if (!numbers.has(v)) enter(v)
    switch (e.op) {
      case "var": text += `var ${e.low} ${e.high}`; break
      case "const": text += `${e.type}${Object.is(e.value, -0) ? "-0" : e.value}`; break
      case "unary": case "binary": case "cast": text += `${e.op} ${e.fn} ${e.type}`; break
      case "select": text += `select ${e.type}`; break
      case "read": text += `read ${e.type} ${slotOf(e.slot)} ${e.range ? e.range.join() : ""}`; break
      case "reduce": text += `${e.combine} ${e.type} ${e.vars.map((v) => numbers.get(v)).join()}`; break
      case "threefry": text += `threefry ${e.word}`; break
    }
    for (const x of operands(e)) text += ` ${numbers.get(x)}`
    text += ";"
    numbers.set(e, parts.length)
    parts.push(e)
  }
  // A stack of its own: expressions may be deeper than the call stack.
  const stack: Scalar[] = []
  for (const root of roots) {
    stack.push(root)
    while (stack.length > 0) {
      const e = stack[stack.length - 1]!
      const open = stack.length
      if (!numbers.has(e)) for (const x of operands(e)) if (!numbers.has(x)) stack.push(x)
      if (stack.length > open) continue
      stack.pop()
      if (!numbers.has(e)) enter(e)
    }
    text += `= ${numbers.get(root)};`
  }
  return { text, parts, slots }
}

/** What became of the expressions of another form: parts that stayed as they were are this form's own. */
const inForm = (roots: readonly Scalar[], from: Form, to: Form): readonly Scalar[] => {
  const memo = new Map<Scalar, Scalar>()
  from.parts.forEach((e, i) => memo.set(e, to.parts[i]!))
  const slots = new Map(from.slots.map((slot, i) => [slot, to.slots[i]!]))
  const one = (e: Scalar): Scalar =>
    e.op === "read" ? { op: "read", type: e.type, slot: slots.get(e.slot)!, index: e.index, range: e.range }
    : e.op === "reduce" ? { op: "reduce", type: e.type, combine: e.combine, vars: e.vars.map((v) => memo.get(v) as Var), body: e.body }
    : e
  return roots.map((root) => mapScalar(root, one, memo))
}

export const simplifyAlike = (): Simplify => {
  const known = new Map<readonly ScalarRule[], Map<string, { readonly form: Form; readonly roots: readonly Scalar[] }>>()
  return (roots, rules = allRules) => {
    const own = known.get(rules) ?? new Map<string, { readonly form: Form; readonly roots: readonly Scalar[] }>()
    known.set(rules, own)
    const form = formOf(roots)
    const there = own.get(form.text)
    if (there) return inForm(there.roots, there.form, form)
    const simple = simplify(roots, undefined, undefined, rules)
    own.set(form.text, { form, roots: simple })
    return simple
  }
}
