/**
 * Loss scaling for `--precision f16` (Micikevicius et al., Mixed Precision Training, ICLR 2018): gradients on their way back are stored as
 * f16, whose least number is 6e-8, so the loss is multiplied before it is differentiated and the gradients are divided after. A step whose
 * gradients are not all finite changes no parameter and halves the scale; 2000 steps in a row without one double it.
 */
import type { Learning, StateSlot } from "../check/learning.ts"
import type { Builder } from "../ir/build.ts"
import type { Node } from "../ir/graph.ts"
import type { Next } from "./state-arenas.ts"

/** Powers of two, so that scaling rounds nothing. */
const [first, least, most] = [2 ** 13, 1, 2 ** 24]
const stepsToDouble = 2000

export interface LossScale {
  /** What the loss is multiplied by in this step: f32[]. */
  readonly scale: Node
  /** Gradients of the scaled loss as those of the loss. */
  readonly unscaled: (gradients: readonly Node[]) => readonly Node[]
  /** The value where the gradients that were unscaled are finite, else the one before. */
  readonly kept: (next: Node, before: Node) => Node
  /** The scale's own next values; asked for after `unscaled`. */
  readonly nexts: () => readonly Next[]
}

const stateOf = (b: Builder, learning: Learning, path: string, value: number): StateSlot => {
  const known = learning.states.get(path)
  if (known) return known
  const made: StateSlot = { path, model: undefined, node: b.input(`slot:${path}`, "f32", []), initial: b.constant([value], "f32", []) }
  learning.states.set(path, made)
  return made
}

/** One for each `minimize`, by name. */
export const lossScale = (b: Builder, learning: Learning, name: string): LossScale => {
  const scale = stateOf(b, learning, `loss_scale.${name}`, first)
  const since = stateOf(b, learning, `loss_scale.${name}.since`, 0)
  const number = (value: number): Node => b.constant([value], "f32", [])
  const over = (x: Node, shape: readonly number[]): Node => (x.shape.length === shape.length ? x : b.apply("broadcast", [x], { shape, map: [] }))
  const either = (condition: Node, then: Node, otherwise: Node): Node => b.apply("select", [over(condition, then.shape), then, otherwise])
  let finite: Node | undefined
  const isFinite = (): Node => {
    if (!finite) throw new Error("loss scale: gradients are unscaled first")
    return finite
  }
  return {
    scale: scale.node,
    unscaled: (gradients) => {
      const bad = gradients.map((g) => b.apply("sum", [either(b.apply("isfinite", [g]), over(number(0), g.shape), over(number(1), g.shape))], { axes: g.shape.map((_, d) => d) }))
      finite = b.apply("eq", [bad.reduce((x, y) => b.apply("add", [x, y])), number(0)])
      const inverse = b.apply("div", [number(1), scale.node])
      return gradients.map((g) => b.apply("mul", [g, over(inverse, g.shape)]))
    },
    kept: (next, before) => either(isFinite(), next, before),
    nexts: () => {
      const counted = b.apply("add", [since.node, number(1)])
      const due = b.apply("ge", [counted, number(stepsToDouble)])
      const higher = b.apply("min", [b.apply("mul", [scale.node, number(2)]), number(most)])
      const lower = b.apply("max", [b.apply("mul", [scale.node, number(0.5)]), number(least)])
      return [
        { slot: scale.path, node: either(isFinite(), either(due, higher, scale.node), lower) },
        { slot: since.path, node: either(isFinite(), either(due, number(0), counted), number(0)) },
      ]
    },
  }
}
