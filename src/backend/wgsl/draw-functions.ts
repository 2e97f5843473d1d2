/** Draws in WGSL: the steps of `prim/draws.ts`, which also says why they are taken. No workgroup state: any lane may call them. */
import { attempts } from "../../prim/draws.ts"
import { floatLiteral as f, wgslFunction } from "./wgsl-function.ts"

const rotations = [13, 15, 26, 6, 17, 29, 16, 24]
const rounds = Array.from({ length: 20 }, (_, r) => {
  const turn = rotations[r % 8]!
  const j = (r + 1) / 4
  return `  x1 = x1 + y1;\n  y1 = ((y1 << ${turn}u) | (y1 >> ${32 - turn}u)) ^ x1;\n`
    + (r % 4 === 3 ? `  x1 = x1 + k${j % 3};\n  y1 = y1 + k${(j + 1) % 3} + ${j}u;\n` : "")
}).join("")

const unit = f(2 ** -24)
/** The retries that one gamma of a beta may use. */
const perGamma = 2 * attempts + 1

export const drawFunctions = [
  wgslFunction(`fn threefry_1(a1: vec2<u32>, c1: vec2<u32>) -> vec2<u32> {
  let k0 = a1.x;
  let k1 = a1.y;
  let k2 = 0x1bd11bdau ^ k0 ^ k1;
  var x1 = c1.x + k0;
  var y1 = c1.y + k1;
${rounds}  return vec2<u32>(x1, y1);
}`),
  /** key1 of a draw. */
  wgslFunction(`fn dkey_1(seed1: u32, step1: u32, repeat1: u32, site1: u32) -> vec2<u32> {
  return threefry_1(vec2<u32>(seed1, site1), vec2<u32>(step1, repeat1));
}`),
  wgslFunction(`fn dunit_1(w1: u32) -> f32 { return f32(w1 >> 8u) * ${unit}; }`),
  wgslFunction(`fn dunitpos_1(w1: u32) -> f32 { return f32((w1 >> 8u) + 1u) * ${unit}; }`),
  wgslFunction(`fn dbelow_1(x1: f32) -> f32 {
  if (x1 == 0.0f) { return ${f(-1.1754943508222875e-38)}; }
  return bitcast<f32>(bitcast<u32>(x1) + select(0xffffffffu, 1u, x1 < 0.0f));
}`),
  wgslFunction(`fn dscale_1(w1: u32, low1: f32, high1: f32) -> f32 {
  let d1 = high1 - low1;
  let a1 = mhigh_12(d1);
  let b1 = d1 - a1;
  let u1 = f32(w1 >> 20u) * ${f(2 ** -12)};
  let u2 = f32((w1 >> 8u) & 4095u) * ${unit};
  let v1 = low1 + mkeep_1(a1 * u1 + (b1 * u2 + (a1 * u2 + b1 * u1)));
  if (v1 >= high1 && low1 < high1) { return dbelow_1(high1); }
  return v1;
}`),
  wgslFunction(`fn duniform_1(key1: vec2<u32>, s1: u32, e1: u32, n1: u32, low1: f32, high1: f32) -> f32 {
  return dscale_1(threefry_1(key1, vec2<u32>(s1, e1)).x, low1, high1);
}`),
  wgslFunction(`fn drandint_1(key1: vec2<u32>, s1: u32, e1: u32, n1: u32, low1: i32, high1: i32) -> i32 {
  if (high1 <= low1) { return low1; }
  return low1 + i32(mmulhi_1(threefry_1(key1, vec2<u32>(s1, e1)).x, u32(high1) - u32(low1)));
}`),
  wgslFunction(`fn dbernoulli_1(key1: vec2<u32>, s1: u32, e1: u32, n1: u32, p1: f32) -> bool {
  return dunit_1(threefry_1(key1, vec2<u32>(s1, e1)).x) < p1;
}`),
  wgslFunction(`fn dstdnormal_1(w1: vec2<u32>) -> f32 {
  return sqrt(-2.0f * mlog_1(dunitpos_1(w1.x))) * mcosturn_1(i32(w1.y >> 8u));
}`),
  wgslFunction(`fn dnormal_1(key1: vec2<u32>, s1: u32, e1: u32, n1: u32, mean1: f32, std1: f32) -> f32 {
  return mean1 + mkeep_1(std1 * mkeep_1(dstdnormal_1(threefry_1(key1, vec2<u32>(s1, e1)))));
}`),
  wgslFunction(`fn dgamma_1(key1: vec2<u32>, s1: u32, e1: u32, n1: u32, a1: f32, from1: u32) -> f32 {
  let d1 = a1 - ${f(1 / 3)};
  let c1 = 1.0f / sqrt(9.0f * d1);
  for (var t1 = 0u; t1 < ${attempts}u; t1 = t1 + 1u) {
    let i1 = e1 + (from1 + 2u * t1) * n1;
    let x1 = dstdnormal_1(threefry_1(key1, vec2<u32>(s1, i1)));
    let w1 = 1.0f + c1 * x1;
    if (w1 > 0.0f) {
      let v1 = (w1 * w1) * w1;
      let u1 = dunitpos_1(threefry_1(key1, vec2<u32>(s1, i1 + n1)).x);
      if (mlog_1(u1) < 0.5f * (x1 * x1) + d1 * ((1.0f - v1) + mlog_1(v1))) { return d1 * v1; }
    }
  }
  return d1;
}`),
  wgslFunction(`fn dboost_1(key1: vec2<u32>, s1: u32, e1: u32, n1: u32, a1: f32, from1: u32) -> f32 {
  if (a1 >= 1.0f) { return 0.0f; }
  return mkeep_1(mlog_1(dunitpos_1(threefry_1(key1, vec2<u32>(s1, e1 + (from1 + ${2 * attempts}u) * n1)).x)) * (1.0f / a1));
}`),
  wgslFunction(`fn dbeta_1(key1: vec2<u32>, s1: u32, e1: u32, n1: u32, a1: f32, b1: f32) -> f32 {
  let x1 = dgamma_1(key1, s1, e1, n1, select(a1, a1 + 1.0f, a1 < 1.0f), 0u);
  let y1 = dgamma_1(key1, s1, e1, n1, select(b1, b1 + 1.0f, b1 < 1.0f), ${perGamma}u);
  if (a1 >= 1.0f && b1 >= 1.0f) { return x1 / (x1 + y1); }
  return msigmoid_1((mlog_1(x1) - mlog_1(y1)) + (dboost_1(key1, s1, e1, n1, a1, 0u) - dboost_1(key1, s1, e1, n1, b1, ${perGamma}u)));
}`),
  // Whether position a's key stands before position b's.
  wgslFunction(`fn dbefore_1(a1: vec2<u32>, i1: u32, b1: vec2<u32>, j1: u32) -> bool {
  if (a1.x != b1.x) { return a1.x < b1.x; }
  if (a1.y != b1.y) { return a1.y < b1.y; }
  return i1 < j1;
}`),
  // A uniform permutation of n positions other than the identity: the rank of one's key, drawn again while everyone keeps their place.
  wgslFunction(`fn dpartnera_1(key1: vec2<u32>, i1: u32, n1: u32) -> i32 {
  for (var t1 = 0u; t1 < ${attempts}u; t1 = t1 + 1u) {
    let own1 = threefry_1(key1, vec2<u32>(i1, t1));
    var rank1 = 0;
    var sorted1 = true;
    var last1 = vec2<u32>(0u, 0u);
    for (var j1 = 0u; j1 < n1; j1 = j1 + 1u) {
      let k1 = threefry_1(key1, vec2<u32>(j1, t1));
      if (dbefore_1(k1, j1, own1, i1)) { rank1 = rank1 + 1; }
      if (j1 > 0u && !dbefore_1(last1, j1 - 1u, k1, j1)) { sorted1 = false; }
      last1 = k1;
    }
    if (!sorted1) { return rank1; }
  }
  return i32((i1 + 1u) % max(n1, 1u));
}`),
  // A uniform n-cycle: the next position in the cyclic order of keys.
  wgslFunction(`fn dpartnerb_1(key1: vec2<u32>, i1: u32, n1: u32) -> i32 {
  let own1 = threefry_1(key1, vec2<u32>(i1, 0u));
  var first1 = i1;
  var k1 = own1;
  var next1 = i1;
  var k2 = own1;
  for (var j1 = 0u; j1 < n1; j1 = j1 + 1u) {
    let k3 = threefry_1(key1, vec2<u32>(j1, 0u));
    if (dbefore_1(k3, j1, k1, first1)) {
      first1 = j1;
      k1 = k3;
    }
    if (dbefore_1(own1, i1, k3, j1) && (next1 == i1 || dbefore_1(k3, j1, k2, next1))) {
      next1 = j1;
      k2 = k3;
    }
  }
  return i32(select(next1, first1, next1 == i1));
}`),
]
