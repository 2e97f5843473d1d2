/** Einstein summation of two operands as a contraction. */
import type { Build, Shape } from "./primitive.ts"
import { loopAccess } from "./contraction.ts"
import type { ContractAttrs } from "./contraction.ts"

/**
 * `nd,nmd->nm`: letters name loops, a letter missing on the right is summed over, a letter twice in one operand is its
 * diagonal. One operand (`ij->i`) is contracted with a scalar 1. Gives the sentence that says what does not fit.
 */
export const einsumAttrs = (pattern: string, shapes: readonly Shape[]): ContractAttrs | string => {
  const [from, to, ...more] = pattern.replace(/\s/g, "").split("->")
  if (from === undefined || to === undefined || more.length > 0) return `einsum's pattern is written operands->result, as in "ij,jk->ik"`
  const names = from.split(",")
  if (names.length !== shapes.length) return `einsum's pattern names ${names.length} operand${names.length === 1 ? "" : "s"}, but there ${shapes.length === 1 ? "is" : "are"} ${shapes.length}`
  if (names.length > 2) return "einsum contracts two operands at a time"
  if (!/^[a-zA-Z,]*$/.test(from + to)) return `einsum's pattern "${pattern}" has other signs than letters`
  const extents = new Map<string, number>()
  for (const [i, letters] of names.entries()) {
    if (letters.length !== shapes[i]!.length) return `einsum's "${letters}" names ${letters.length} dimensions, but the operand is [${shapes[i]!.join(", ")}]`
    for (const [d, letter] of [...letters].entries()) {
      const extent = shapes[i]![d]!
      const known = extents.get(letter)
      if (known !== undefined && known !== extent) return `einsum's dimension "${letter}" is ${known} and ${extent}`
      extents.set(letter, extent)
    }
  }
  for (const [i, letter] of [...to].entries()) {
    if (!extents.has(letter)) return `einsum's result has "${letter}", which no operand has`
    if (to.indexOf(letter) !== i) return `einsum's result names "${letter}" twice`
  }
  const loops = [...to, ...[...extents.keys()].filter((letter) => !to.includes(letter))]
  const access = (letters: string) => [...letters].map((letter) => loopAccess(loops.indexOf(letter)))
  return { out: [...to].map((letter) => extents.get(letter)!), over: loops.slice(to.length).map((letter) => extents.get(letter)!), left: access(names[0]!), right: access(names[1] ?? "") }
}

/** The pattern must fit (`einsumAttrs` gives attributes for these shapes). */
export const einsum = <V>(b: Build<V>, pattern: string, operands: readonly V[]): V => {
  const attrs = einsumAttrs(pattern, operands.map((x) => b.typeOf(x).shape))
  if (typeof attrs === "string") throw new Error(`einsum was built from a pattern that was not checked: ${attrs}`)
  return b.apply("contract", operands.length === 1 ? [operands[0]!, b.scalar(1)] : operands, attrs)
}
