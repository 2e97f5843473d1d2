/** Source primitives: what comes from outside the graph (inputs, constants, draws) and counting. */
import { drawElements } from "./draws.ts"
import type { ScalarType } from "../scalar/scalar.ts"
import type { Primitive, Shape, TensorType } from "./primitive.ts"
import { elementCount, typeText } from "./shape.ts"

export interface InputAttrs { readonly name: string; readonly dtype: ScalarType; readonly shape: Shape }
const input: Primitive<InputAttrs> = {
  name: "input", kind: "source", doc: "A value that the host delivers.",
  infer: (inputs, { dtype, shape }) => (inputs.length === 0 ? { dtype, shape } : "input takes no operands"),
  vjp: () => [],
  samples: [],
}

export interface ConstAttrs { readonly data: readonly number[]; readonly dtype: ScalarType; readonly shape: Shape }
const literal: Primitive<ConstAttrs> = {
  name: "const", kind: "source", doc: "Values known when compiling, in row-major order.",
  infer: (inputs, { data, dtype, shape }) =>
    inputs.length > 0 ? "const takes no operands" : data.length === elementCount(shape) ? { dtype, shape } : `const has ${data.length} values for [${shape.join(", ")}]`,
  evaluate: (_inputs, { data }) => Float64Array.from(data),
  vjp: () => [],
  samples: [{ inputs: [], attrs: { data: [1, 2, 3, 4, 5, 6], dtype: "f32", shape: [2, 3] } }, { inputs: [], attrs: { data: [7], dtype: "i32", shape: [] } }],
}

export interface IotaAttrs { readonly shape: Shape; readonly axis: number }
const iota: Primitive<IotaAttrs> = {
  name: "iota", kind: "source", doc: "Each element's own index along a dimension.",
  infer: (inputs, { shape, axis }) => (inputs.length === 0 && axis >= 0 && axis < shape.length ? { dtype: "i32", shape } : `iota over [${shape.join(", ")}] has no dimension ${axis}`),
  element: (index, _inputs, { axis }) => index[axis]!,
  vjp: () => [],
  samples: [{ inputs: [], attrs: { shape: [2, 3], axis: 1 } }, { inputs: [], attrs: { shape: [4], axis: 0 } }],
}

export type Distribution = "uniform" | "normal" | "randint" | "bernoulli" | "beta" | "categorical" | "permutation" | "derangement" | "partner"

export interface DrawAttrs {
  readonly dist: Distribution
  readonly path: string
  /** FNV-1a-32 of the UTF-8 path. */
  readonly site: number
  readonly per: "sample" | "batch"
  /** The shape of one sample's draw; without it [k] for permutations, else []. A partner's is [n]. */
  readonly rest?: Shape
  /** permutation, derangement: how many. */
  readonly k?: number
  /** permutation: false excludes the identity as a whole. */
  readonly identity?: boolean
  /** partner: false gives one cycle, so that nobody is its own partner. */
  readonly self?: boolean
}

export const drawRest = (attrs: DrawAttrs): Shape => attrs.rest ?? (attrs.k === undefined ? [] : [attrs.k])

const laws: Readonly<Record<Distribution, { readonly result: ScalarType; readonly parameters: readonly ScalarType[] }>> = {
  uniform: { result: "f32", parameters: ["f32", "f32"] },
  normal: { result: "f32", parameters: ["f32", "f32"] },
  randint: { result: "i32", parameters: ["i32", "i32"] },
  bernoulli: { result: "bool", parameters: ["f32"] },
  beta: { result: "f32", parameters: ["f32", "f32"] },
  categorical: { result: "i32", parameters: ["f32"] },
  permutation: { result: "i32", parameters: [] },
  derangement: { result: "i32", parameters: [] },
  partner: { result: "i32", parameters: [] },
}

/** Whether a parameter is one number, or one per sample. */
const fitsParameter = (x: TensorType, dtype: ScalarType, n: number | undefined): boolean =>
  x.dtype === dtype && (x.shape.length === 0 || (n !== undefined && x.shape.length === 1 && x.shape[0] === n))

const draw: Primitive<DrawAttrs> = {
  name: "draw", kind: "source", doc: "Random values that depend only on the seed, the step, the place in the program and the sample's number.",
  infer: (inputs, attrs) => {
    const law = laws[attrs.dist]
    if (!law) return `there is no distribution ${attrs.dist}`
    const numbers = attrs.per === "sample" ? inputs[0] : undefined
    if (attrs.per === "sample" && (numbers?.dtype !== "i32" || numbers.shape.length !== 1)) return "a draw per sample takes the samples' numbers (i32[n]) first"
    const parameters = attrs.per === "sample" ? inputs.slice(1) : inputs
    if (parameters.length !== law.parameters.length) return `${attrs.dist} takes ${law.parameters.length} parameters, not ${parameters.length}`
    const n = numbers?.shape[0]
    const categorical = attrs.dist === "categorical"
    for (const [i, x] of parameters.entries()) {
      const fits = categorical ? x.dtype === "f32" && x.shape.length === 1 && x.shape[0]! > 0 : fitsParameter(x, law.parameters[i]!, n)
      if (!fits) return `${attrs.dist} takes ${categorical ? "f32[k]" : law.parameters[i]!} as parameter ${i + 1}, not ${typeText(x)}`
    }
    const rest = drawRest(attrs)
    if ((attrs.dist === "permutation" || attrs.dist === "derangement") && (attrs.k === undefined || rest.length !== 1 || rest[0] !== attrs.k)) return `${attrs.dist} needs k, and draws [k] per sample`
    if (attrs.dist === "derangement" && attrs.k === 1) return "one element has no derangement"
    if (attrs.dist === "permutation" && attrs.identity === false && attrs.k! < 2) return "one element has no permutation other than the identity"
    if (attrs.dist === "partner" && (attrs.per !== "batch" || rest.length !== 1)) return "a partner is drawn per batch, one for each of n samples"
    return { dtype: law.result, shape: n === undefined ? rest : [n, ...rest] }
  },
  evaluate: (inputs, attrs, { seed, step, repeat }) => {
    const numbers = attrs.per === "sample" ? Int32Array.from(inputs[0]!.data) : undefined
    const parameters = (numbers ? inputs.slice(1) : inputs).map((x) => x.data)
    return drawElements(attrs, seed, step, repeat, numbers, numbers?.length ?? 0, drawRest(attrs), parameters)
  },
  vjp: (_b, _g, inputs) => inputs.map(() => undefined),
  samples: [],
}

export const source = { input, const: literal, iota, draw }
