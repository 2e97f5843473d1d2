/**
 * The WGSL function of a distribution. `key1` comes from `dkey_1(seed, step, repeat, site)`.
 *
 *   uniform normal randint bernoulli beta   f(key1, sample: u32, element: u32, elements: u32, parameters…) -> value
 *   categorical                             f(key1, sample, element, elements) -> i32, reading its weights by `weight`
 *   permutation derangement                 f(key1, sample, p: ptr<function, array<i32, K>>) writes all K
 *   partner                                 f(key1, position: u32, n: u32) -> i32
 */
import { attempts, type Distribution, type Exclusion } from "../../prim/draws.ts"
import { mathFunction } from "./math.ts"
import { type WgslFunction, wgslFunction } from "./wgsl-function.ts"

export interface DrawOptions {
  /** permutation, derangement: how many elements; categorical: how many weights. */
  readonly k?: number
  readonly identity?: boolean
  readonly self?: boolean
  /** categorical: the text of the i-th weight, where `i` is a u32 name; and a number that tells this function from others. */
  readonly weight?: (i: string) => string
  readonly id?: number
}

/** The function; `uses` names what `mathSource` must bring. Those of the prelude are in `mathSource` themselves: see `inPrelude`. */
export const drawFunction = (dist: Distribution, options: DrawOptions = {}): WgslFunction => {
  switch (dist) {
    case "uniform": case "normal": case "randint": case "bernoulli": case "beta": return mathFunction(`d${dist}_1`)
    case "partner": return mathFunction(options.self ?? true ? "dpartnera_1" : "dpartnerb_1")
    case "permutation": return permutationFunction(options.k!, options.identity === false ? "identity" : "nothing")
    case "derangement": return permutationFunction(options.k!, "fixed points")
    case "categorical": return categoricalFunction(options.k!, options.weight!, options.id ?? 0)
  }
}

/** Whether the function comes with `mathSource([name])`, so that its source must not be emitted once more. */
export const inPrelude = (dist: Distribution): boolean => dist !== "permutation" && dist !== "derangement" && dist !== "categorical"

const permutationFunction = (k: number, exclude: Exclusion): WgslFunction => {
  const name = `${exclude === "nothing" ? "dperma" : exclude === "identity" ? "dpermb" : "dpermc"}_${k}`
  const accepted = exclude === "nothing" ? "true" : exclude === "identity" ? `fixed1 < ${k}u` : "fixed1 == 0u"
  return wgslFunction(`fn ${name}(key1: vec2<u32>, s1: u32, p1: ptr<function, array<i32, ${k}>>) {
  for (var t1 = 0u; t1 < ${attempts}u; t1 = t1 + 1u) {
    for (var i1 = 0u; i1 < ${k}u; i1 = i1 + 1u) { (*p1)[i1] = i32(i1); }
    for (var i1 = ${k - 1}u; i1 > 0u; i1 = i1 - 1u) {
      let j1 = mmulhi_1(threefry_1(key1, vec2<u32>(s1, t1 * ${k}u + i1)).x, i1 + 1u);
      let v1 = (*p1)[i1];
      (*p1)[i1] = (*p1)[j1];
      (*p1)[j1] = v1;
    }
    var fixed1 = 0u;
    for (var i1 = 0u; i1 < ${k}u; i1 = i1 + 1u) { if ((*p1)[i1] == i32(i1)) { fixed1 = fixed1 + 1u; } }
    if (${accepted}) { return; }
  }
  for (var i1 = 0u; i1 < ${k}u; i1 = i1 + 1u) { (*p1)[i1] = i32((i1 + 1u) % ${k}u); }
}`)
}

const categoricalFunction = (k: number, weight: (i: string) => string, id: number): WgslFunction => wgslFunction(`fn dcategory_${id}(key1: vec2<u32>, s1: u32, e1: u32, n1: u32) -> i32 {
  var total1 = 0.0f;
  for (var i1 = 0u; i1 < ${k}u; i1 = i1 + 1u) { total1 = total1 + max(${weight("i1")}, 0.0f); }
  let target1 = dunit_1(threefry_1(key1, vec2<u32>(s1, e1)).x) * total1;
  var sum1 = 0.0f;
  var last1 = 0;
  for (var i1 = 0u; i1 < ${k}u; i1 = i1 + 1u) {
    let w1 = max(${weight("i1")}, 0.0f);
    sum1 = sum1 + w1;
    if (w1 > 0.0f) { last1 = i32(i1); }
    if (target1 < sum1) { return i32(i1); }
  }
  return last1;
}`)
