/** Scalar expressions in an order that puts operands first. Iterative: composed bodies may be deeper than the stack. */
import { operands } from "../scalar/scalar.ts"
import type { Scalar } from "../scalar/scalar.ts"

/** Every node under the roots once, bodies of reductions included; `into` narrows what is walked below a node. */
export const operandsFirst = (roots: readonly Scalar[], into: (e: Scalar) => readonly Scalar[] = operands): Scalar[] => {
  const order: Scalar[] = []
  const entered = new Set<Scalar>()
  const left = new Set<Scalar>()
  const stack = [...roots].reverse()
  while (stack.length > 0) {
    const e = stack[stack.length - 1]!
    if (!entered.has(e)) {
      entered.add(e)
      const below = into(e)
      for (let i = below.length - 1; i >= 0; i--) if (!entered.has(below[i]!)) stack.push(below[i]!)
    } else {
      stack.pop()
      if (left.has(e)) continue
      left.add(e)
      order.push(e)
    }
  }
  return order
}
