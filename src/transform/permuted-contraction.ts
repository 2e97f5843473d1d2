/** `permute-of-contraction`: a contraction whose result is only read with its dimensions in another order computes it in that order. Its sums stay as they are. */
import type { Node } from "../ir/graph.ts"
import type { Affine, ContractAttrs } from "../prim/contraction.ts"

/** The attributes of the contraction that gives what the permutation `perm` makes of another's result. */
export const permutedContraction = ({ out, over, left, right, guards }: ContractAttrs, perm: readonly number[]): ContractAttrs => {
  const renumbered = new Map(perm.map((from, to) => [from, to]))
  const moved = <A extends Affine>(a: A): A => ({ ...a, terms: a.terms.map(({ loop, step }) => ({ loop: renumbered.get(loop) ?? loop, step })) })
  return { out: perm.map((d) => out[d]!), over, left: left.map(moved), right: right.map(moved), ...(guards ? { guards: guards.map(moved) } : {}) }
}

/** Whether `node` is such a permutation; `readers` counts who reads a node. */
export const permutesContraction = (node: Node, readers: (node: Node) => number): boolean => {
  const [of] = node.inputs
  return node.prim === "permute" && of?.prim === "contract" && readers(of) === 1 && (of.attrs as ContractAttrs).shape === undefined
}
