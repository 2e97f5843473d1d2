/**
 * Convolutions of any spatial rank as contractions: input [n, ci, ...s], weight [co, ci / groups, ...k] (transposed:
 * [ci, co / groups, ...k]), PyTorch's conventions. With groups, channels are split in two dimensions (group, within)
 * before and joined after, so that each place stays one affine form and the adjoints sum over nothing superfluous.
 */
import { loopAccess } from "./contraction.ts"
import type { Affine, ContractAttrs } from "./contraction.ts"
import type { Build, Shape } from "./primitive.ts"

export interface Convolution {
  readonly stride: readonly number[]
  /** Zeros before and after, per spatial dimension. */
  readonly pad: readonly (readonly [number, number])[]
  readonly dilation: readonly number[]
  readonly groups: number
}

/** Extents of a convolution's result. */
export const convolutionExtents = (spatial: Shape, kernel: Shape, { stride, pad, dilation }: Convolution): number[] =>
  spatial.map((extent, d) => Math.floor((extent + pad[d]![0] + pad[d]![1] - dilation[d]! * (kernel[d]! - 1) - 1) / stride[d]!) + 1)

/** Extents of a transposed convolution's result. */
export const transposedExtents = (spatial: Shape, kernel: Shape, { stride, pad, dilation }: Convolution, outputPad: readonly number[]): number[] =>
  spatial.map((extent, d) => (extent - 1) * stride[d]! - pad[d]![0] - pad[d]![1] + dilation[d]! * (kernel[d]! - 1) + 1 + outputPad[d]!)

/** The sentence that says why a convolution of these shapes does not exist; undefined when it does. */
export const problemOfConvolution = (input: Shape, weight: Shape, options: Convolution, transposed: boolean): string | undefined => {
  const { stride, pad, dilation, groups } = options
  const rank = input.length - 2
  const shapes = `input [${input.join(", ")}] and weight [${weight.join(", ")}]`
  if (rank < 1 || weight.length !== input.length) return `a convolution takes [n, channels, extents] and a weight of the same rank, not ${shapes}`
  if (stride.length !== rank || pad.length !== rank || dilation.length !== rank) return `a convolution of ${rank} spatial dimensions has as many strides, paddings and dilations`
  if (stride.some((s) => s < 1) || dilation.some((s) => s < 1) || groups < 1 || pad.flat().some((p) => p < 0)) return "strides, dilations and groups are at least 1, paddings at least 0"
  const channels = transposed ? weight[0]! : weight[1]! * groups
  if (input[1] !== channels) return `${shapes} differ in channels: ${input[1]} and ${channels}`
  const divided = transposed ? input[1]! : weight[0]!
  if (divided % groups !== 0) return `${divided} channels do not divide into ${groups} groups`
  const extents = transposed ? transposedExtents(input.slice(2), weight.slice(2), options, input.slice(2).map(() => 0)) : convolutionExtents(input.slice(2), weight.slice(2), options)
  const small = extents.findIndex((e) => e < 1)
  return small >= 0 ? `the kernel [${weight.slice(2).join(", ")}] does not fit [${input.slice(2).join(", ")}] with its padding` : undefined
}

/** Loops: n, (group,) channel out, ...spatial out; channel in, ...kernel. Shapes have the group split off when there is one. */
const nest = (grouped: boolean, head: readonly number[], spatial: readonly number[], channels: number, kernel: readonly number[], transposed: boolean, place: (o: number, k: number, d: number) => Affine): ContractAttrs => {
  const first = head.length
  const over = first + spatial.length
  const within = loopAccess(over)
  const group = grouped ? [loopAccess(1)] : []
  const out = loopAccess(first - 1)
  const taps = kernel.map((_, d) => loopAccess(over + 1 + d))
  return {
    out: [...head, ...spatial], over: [channels, ...kernel],
    left: [loopAccess(0), ...group, within, ...spatial.map((_, d) => place(first + d, over + 1 + d, d))],
    right: [...group, ...(transposed ? [within, out] : [out, within]), ...taps],
  }
}

/** For input [n, ci, ...s] and weight [co, ci, ...k]; with groups [n, g, ci/g, ...s] and [g, co/g, ci/g, ...k], giving [n, g, co/g, ...]. */
export const convAttrs = (input: Shape, weight: Shape, options: Convolution): ContractAttrs => {
  const { stride, pad, dilation, groups } = options
  const [spatial, kernel] = [input.slice(2), weight.slice(2)]
  const head = groups === 1 ? [input[0]!, weight[0]!] : [input[0]!, groups, weight[0]! / groups]
  return nest(groups > 1, head, convolutionExtents(spatial, kernel, options), weight[1]!, kernel, false,
    (o, k, d) => ({ terms: [{ loop: o, step: stride[d]! }, { loop: k, step: dilation[d]! }], offset: -pad[d]![0], divide: 1 }))
}

/** The transposed convolution, which is a convolution's gradient with respect to its input. */
export const convTransposedAttrs = (input: Shape, weight: Shape, options: Convolution, outputPad: readonly number[]): ContractAttrs => {
  const { stride, pad, dilation, groups } = options
  const [spatial, kernel] = [input.slice(2), weight.slice(2)]
  const head = groups === 1 ? [input[0]!, weight[1]!] : [input[0]!, groups, weight[1]!]
  return nest(groups > 1, head, transposedExtents(spatial, kernel, options, outputPad), input[1]! / groups, kernel, true,
    (o, k, d) => ({ terms: [{ loop: o, step: 1 }, { loop: k, step: -dilation[d]! }], offset: pad[d]![0], divide: stride[d]! }))
}

const split = (shape: Shape, axis: number, groups: number): number[] => [...shape.slice(0, axis), groups, shape[axis]! / groups, ...shape.slice(axis + 1)]

const grouped = <V>(b: Build<V>, x: V, w: V, groups: number, attrs: ContractAttrs): V => {
  if (groups === 1) return b.apply("contract", [x, w], attrs)
  const [input, weight] = [b.typeOf(x).shape, b.typeOf(w).shape]
  const result = b.apply("contract", [b.apply("reshape", [x], { shape: split(input, 1, groups) }), b.apply("reshape", [w], { shape: split(weight, 0, groups) })], attrs)
  const [n, g, within, ...rest] = attrs.out
  return b.apply("reshape", [result], { shape: [n!, g! * within!, ...rest] })
}

/** The shapes must fit (`problemOfConvolution` finds nothing). */
export const convolution = <V>(b: Build<V>, x: V, w: V, options: Convolution): V =>
  grouped(b, x, w, options.groups, convAttrs(b.typeOf(x).shape, b.typeOf(w).shape, options))

export const convolutionTransposed = <V>(b: Build<V>, x: V, w: V, options: Convolution, outputPad: readonly number[]): V =>
  grouped(b, x, w, options.groups, convTransposedAttrs(b.typeOf(x).shape, b.typeOf(w).shape, options, outputPad))
