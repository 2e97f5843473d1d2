/** Primitives of the host: what an eval computes once, in f64, from what its states have gathered. They have no kernel. */
import { frechetDistance, gaussianOf } from "../base/frechet-distance.ts"
import type { Primitive } from "./primitive.ts"
import { floats, integers } from "./samples.ts"
import { typeText } from "./shape.ts"

const none = "is computed on the host after the last batch, so no gradient passes through it"

const frechet: Primitive<object> = {
  name: "frechet", kind: "opaque", host: true, doc: "The Frechet distance between the Gaussians of two means and covariances.",
  infer: (inputs) => {
    const d = inputs[0]?.shape[0]
    const fits = inputs.length === 4 && d !== undefined && inputs.every((x, i) => x.dtype === "f32" && x.shape.length === (i % 2 === 0 ? 1 : 2) && x.shape.every((n) => n === d))
    return fits ? { dtype: "f32", shape: [] } : `frechet takes f32[d], f32[d, d], f32[d], f32[d, d], not ${inputs.map(typeText).join(", ")}`
  },
  evaluate: ([a, ca, b, cb]) => Float64Array.of(frechetDistance({ mean: a!.data, covariance: ca!.data }, { mean: b!.data, covariance: cb!.data })),
  vjp: { none: `frechet ${none}` },
  samples: [{ inputs: [floats([1]), { shape: [1, 1], low: 1, high: 2 }, floats([1]), { shape: [1, 1], low: 1, high: 2 }], attrs: {} }],
}

const frechetOfRows: Primitive<object> = {
  name: "frechet_of_rows", kind: "opaque", host: true, doc: "The Frechet distance between the Gaussians that fit the first rows of two matrices.",
  infer: (inputs) => {
    const [a, na, b, nb] = inputs
    const rows = (x: typeof a): boolean => x?.dtype === "f32" && x.shape.length === 2
    const count = (x: typeof a): boolean => x?.dtype === "i32" && x.shape.length === 0
    return inputs.length === 4 && rows(a) && rows(b) && count(na) && count(nb) && a!.shape[1] === b!.shape[1] ? { dtype: "f32", shape: [] } : `frechet_of_rows takes f32[n, d], i32, f32[m, d], i32, not ${inputs.map(typeText).join(", ")}`
  },
  evaluate: ([a, na, b, nb]) => {
    const d = a!.shape[1]!
    return Float64Array.of(frechetDistance(gaussianOf(a!.data, na!.data[0]!, d), gaussianOf(b!.data, nb!.data[0]!, d)))
  },
  vjp: { none: `frechet_of_rows ${none}` },
  samples: [{ inputs: [floats([4, 2]), integers([], 3, 4), floats([5, 2]), integers([], 3, 5)], attrs: {} }],
}

export const host = { frechet, frechet_of_rows: frechetOfRows }
