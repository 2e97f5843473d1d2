/** Small networks as graphs, in the way that the standard library writes them. */
import type { Builder } from "../../src/ir/build.ts"
import type { Node } from "../../src/ir/graph.ts"
import { convolution } from "../../src/prim/convolution.ts"
import { einsum } from "../../src/prim/einsum.ts"
import { filled, repeat } from "./numerical.ts"

export const relu = (b: Builder, x: Node): Node => b.apply("max", [x, filled(b, 0, x.shape)])
export const linear = (b: Builder, x: Node, weight: Node, bias: Node): Node => {
  const y = einsum(b, "nd,kd->nk", [x, weight])
  return b.add(y, repeat(b, bias, y.shape, [1]))
}
export const conv = (b: Builder, x: Node, weight: Node, stride = 1): Node =>
  convolution(b, x, weight, { stride: [stride, stride], pad: [[1, 1], [1, 1]], dilation: [1, 1], groups: 1 })

export const mean = (b: Builder, x: Node, axes: readonly number[]): Node => {
  const total = b.apply("sum", [x], { axes })
  return b.mul(total, filled(b, 1 / axes.reduce((n, d) => n * x.shape[d]!, 1), total.shape))
}

/** Batch normalisation of [n, c, h, w] with gain and bias. */
export const batchNorm = (b: Builder, x: Node, gain: Node, bias: Node): Node => {
  const axes = [0, 2, 3]
  const centred = b.sub(x, repeat(b, mean(b, x, axes), x.shape, [1]))
  const variance = mean(b, b.mul(centred, centred), axes)
  const scale = b.apply("rsqrt", [b.add(variance, filled(b, 1e-5, variance.shape))])
  return b.add(b.mul(b.mul(centred, repeat(b, scale, x.shape, [1])), repeat(b, gain, x.shape, [1])), repeat(b, bias, x.shape, [1]))
}

/** Along the last dimension. */
export const logSumExp = (b: Builder, z: Node): Node => {
  const axis = z.shape.length - 1
  const map = z.shape.slice(0, -1).map((_, d) => d)
  const top = b.apply("stop", [b.apply("max_reduce", [z], { axes: [axis] })])
  return b.add(top, b.apply("log", [b.apply("sum", [b.apply("exp", [b.sub(z, repeat(b, top, z.shape, map))])], { axes: [axis] })]))
}
export const softmax = (b: Builder, z: Node): Node => {
  const axis = z.shape.length - 1
  const map = z.shape.slice(0, -1).map((_, d) => d)
  const e = b.apply("exp", [b.sub(z, repeat(b, b.apply("stop", [b.apply("max_reduce", [z], { axes: [axis] })]), z.shape, map))])
  return b.div(e, repeat(b, b.apply("sum", [e], { axes: [axis] }), z.shape, map))
}

/** Each row divided by its length. */
export const normalised = (b: Builder, x: Node): Node => {
  const length = b.apply("sqrt", [b.apply("sum", [b.mul(x, x)], { axes: [1] })])
  return b.div(x, repeat(b, length, x.shape, [0]))
}

/** Divided by the largest singular value as one power iteration from u estimates it. */
export const spectral = (b: Builder, w: Node, u: Node): Node => {
  const unit = (v: Node): Node => b.apply("stop", [b.div(v, repeat(b, b.apply("max", [b.apply("sqrt", [b.apply("sum", [b.mul(v, v)], { axes: [0] })]), b.scalar(1e-8)]), v.shape, []))])
  const v = unit(einsum(b, "o,or->r", [u, w]))
  const u1 = unit(einsum(b, "or,r->o", [w, v]))
  const sigma = b.apply("sum", [b.mul(u1, einsum(b, "or,r->o", [w, v]))], { axes: [0] })
  return b.div(w, repeat(b, sigma, w.shape, []))
}
