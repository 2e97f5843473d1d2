/** Layers on clips against their definitions, written as loops here. */
import { describe, expect, test } from "vitest"
import { ndarray } from "../../src/backend/reference/ndarray.ts"
import { elaborated, outputsOf, type Given } from "./program.ts"

const shape = [2, 4, 5, 6, 7] as const
const count = (extents: readonly number[]): number => extents.reduce((a, b) => a * b, 1)
/** Values that depend on their place only. */
const values = (n: number, phase: number): Float64Array => Float64Array.from({ length: n }, (_, i) => Math.fround(Math.sin(1.7 * i + phase)))
const x = values(count(shape), 0.3)

/** Runs a graph of `x` and `w` on the reference evaluator; its only output. */
const run = (text: string, given: Given) => {
  const program = elaborated(text, "g")
  return [...outputsOf(program.steps[0]!.graph, new Map(), { step: 0, repeat: 0, mode: "exact" }, given).values()][0]!
}

interface Window { readonly size: readonly number[]; readonly stride: readonly number[]; readonly pad: readonly number[]; readonly dilation?: readonly number[] }

/** Calls `each` for every result place with the places of its window that lie inside, and where in the window they are. */
const windows = ({ size, stride, pad, dilation = [1, 1, 1] }: Window, each: (n: number, at: readonly number[], inside: readonly { readonly place: number; readonly of: number }[]) => void): number[] => {
  const space = shape.slice(2)
  const extents = space.map((e, d) => Math.floor((e + 2 * pad[d]! - dilation[d]! * (size[d]! - 1) - 1) / stride[d]!) + 1)
  for (let n = 0; n < shape[0]; n++) for (let f = 0; f < extents[0]!; f++) for (let p = 0; p < extents[1]!; p++) for (let q = 0; q < extents[2]!; q++) {
    const inside: { place: number; of: number }[] = []
    for (let e = 0; e < size[0]!; e++) for (let a = 0; a < size[1]!; a++) for (let b = 0; b < size[2]!; b++) {
      const [t, y, z] = [f * stride[0]! + e * dilation[0]! - pad[0]!, p * stride[1]! + a * dilation[1]! - pad[1]!, q * stride[2]! + b * dilation[2]! - pad[2]!]
      if (t >= 0 && t < space[0]! && y >= 0 && y < space[1]! && z >= 0 && z < space[2]!) inside.push({ place: (t * space[1]! + y) * space[2]! + z, of: (e * size[1]! + a) * size[2]! + b })
    }
    each(n, [f, p, q], inside)
  }
  return extents
}
const plane = count(shape.slice(2))
const near = (found: ArrayLike<number>, wanted: readonly number[]): void => {
  expect(found.length).toBe(wanted.length)
  expect(Math.max(...wanted.map((v, i) => Math.abs(v - found[i]!)))).toBeLessThan(1e-12)
}
const list = (numbers: readonly number[]): string => `[${numbers.join(", ")}]`

describe("on clips", () => {
  test.each<[Window, number]>([
    [{ size: [1, 3, 3], stride: [1, 2, 2], pad: [0, 1, 1] }, 1], [{ size: [3, 1, 2], stride: [2, 1, 3], pad: [1, 0, 2] }, 2], [{ size: [2, 3, 2], stride: [1, 1, 2], pad: [2, 0, 1], dilation: [2, 1, 3] }, 1],
  ])("a convolution steps along each axis by its own number: %o in %d groups", (window, groups) => {
    const [co, within] = [4, 4 / groups]
    const taps = count(window.size)
    const w = values(co * within * taps, 1.1)
    const sums = new Map<string, number>()
    const extents = windows(window, (n, at, inside) => {
      for (let o = 0; o < co; o++) {
        const first = Math.floor(o / (co / groups)) * within
        let sum = 0
        for (let c = 0; c < within; c++) for (const { place, of } of inside) sum += x[(n * 4 + first + c) * plane + place]! * w[(o * within + c) * taps + of]!
        sums.set([n, o, ...at].join(), sum)
      }
    })
    const found = run(`graph g(x: f32${list(shape)}, w: f32${list([co, within, ...window.size])}) =
      { y: conv_nd(x, w, stride=${list(window.stride)}, pad=${list(window.pad)}, dilation=${list(window.dilation ?? [1, 1, 1])}, groups=${groups}) }`, { x, w })
    expect(found.shape).toEqual([2, co, ...extents])
    const wanted = Array.from({ length: count(found.shape) }, (_, i) => {
      const rest = [...found.shape].reverse().reduce<{ i: number; at: number[] }>(({ i, at }, e) => ({ i: Math.floor(i / e), at: [i % e, ...at] }), { i, at: [] }).at
      return sums.get(rest.join())!
    })
    near(found.data, wanted)
  })

  test.each<[string, Window]>([
    ["(2, kt=1)", { size: [1, 2, 2], stride: [1, 2, 2], pad: [0, 0, 0] }], ["(3, kt=1, stride=2, pad=1)", { size: [1, 3, 3], stride: [1, 2, 2], pad: [0, 1, 1] }],
    ["(2, kt=3, stride=1, stride_t=2, pad_t=1)", { size: [3, 2, 2], stride: [2, 1, 1], pad: [1, 0, 0] }],
  ])("pooling%s takes the largest and the mean of each window", (options, window) => {
    const taps = count(window.size)
    const [largest, mean] = [Array.from({ length: 8 }, (): number[] => []), Array.from({ length: 8 }, (): number[] => [])]
    for (let c = 0; c < 4; c++) windows(window, (n, _, inside) => {
      const seen = inside.map(({ place }) => x[(n * 4 + c) * plane + place]!)
      largest[n * 4 + c]!.push(Math.max(...seen))
      mean[n * 4 + c]!.push(seen.reduce((a, b) => a + b, 0) / taps)
    })
    const pooled = (name: string): ArrayLike<number> => run(`from nda.nn import ${name}\ngraph g(x: f32${list(shape)}) = { y: x |> ${name}${options} }`, { x }).data
    near(pooled("max_pool3d"), largest.flat())
    near(pooled("avg_pool3d"), mean.flat())
  })
})

test("conv_gru with 1 x 1 kernels is the gated unit of each place: a large update gate forgets the state", () => {
  const program = elaborated(`from nda.nn import conv_gru
block net(s: f32[1, 2, 1, 3], v: f32[1, 1, 1, 3]) = conv_gru(2)(s, v)
model M = net
graph g(s: f32[1, 2, 1, 3], v: f32[1, 1, 1, 3]) = { y: M(s, v) }`, "g")
  const slot = program.slots.find((one) => one.name === "M")!
  const arena = values(slot.node.shape[0]!, 0.7)
  const leaf = (end: string, of: number): number[] => {
    const found = slot.leaves.filter((l) => l.path.endsWith(end))[of]!
    return [...arena.subarray(found.offset, found.offset + count(found.shape))]
  }
  const [s, v] = [values(6, 0.2), values(3, 2.1)]
  const { data } = outputsOf(program.steps[0]!.graph, new Map([["M", ndarray("f32", slot.node.shape, arena)]]), { step: 0, repeat: 0, mode: "exact" }, { s, v }).get("y")!
  const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z))
  const wanted: number[] = []
  for (let k = 0; k < 2; k++) for (let place = 0; place < 3; place++) {
    const state = [s[place]!, s[3 + place]!]
    const gate = (of: number, row: number, seen: readonly number[]): number => {
      const [weight, bias] = [leaf("weight", of), leaf("bias", of)]
      return seen.reduce((sum, z, i) => sum + weight[row * 3 + i]! * z, bias[row]!)
    }
    const update = sigmoid(gate(0, k, [v[place]!, ...state]))
    const reset = [0, 1].map((row) => sigmoid(gate(0, 2 + row, [v[place]!, ...state])))
    const fresh = Math.tanh(gate(1, k, [v[place]!, ...state.map((z, i) => z * reset[i]!)]))
    wanted.push((1 - update) * state[k]! + update * fresh)
  }
  near(data, wanted)
})

test("the 2D-3D ResNet-18 has the weights of dense predictive coding's, and its maps: 256 x 4 x 4 for 128 pixels", () => {
  const program = elaborated(`from nda.nn import resnet18_2d3d
block net(v: Clip[n, c, t, h, w]) = v |> resnet18_2d3d
model E = net
graph g(v: Clip[1, 3, 5, 128, 128]) = { y: E(v) }`, "g")
  const conv = (co: number, ci: number, kernel: number): number => co * ci * kernel + 2 * co
  const stage = (co: number, ci: number, kernel: number): number => conv(co, ci, kernel) + 3 * conv(co, co, kernel)
  const weights = conv(64, 3, 49) + stage(64, 64, 9) + stage(128, 64, 9) + conv(128, 64, 1) + stage(256, 128, 27) + conv(256, 128, 1) + stage(256, 256, 27) + conv(256, 256, 1)
  expect(weights).toBe(14_057_536)
  expect(program.models[0]!.parameters).toBe(weights)
  expect(program.steps[0]!.graph.outputs[0]!.node.shape).toEqual([1, 256, 2, 4, 4])
})
