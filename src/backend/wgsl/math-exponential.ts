/** exp, log and their kin in WGSL: the steps of `prim/f32-exponential.ts`, which also says why they are taken. */
import { atanhTail, erfcLog, erfTail, expTail, ln2, log2e, log2e12, logTail, sinhTail } from "../../prim/polynomials.ts"
import { floatLiteral as f, polynomialText as polynomial, wgslFunction } from "./wgsl-function.ts"

const tiny25 = f(2 ** -25)
const tiny13 = f(2 ** -13)

/** c1 as n1 log 2 + r1. */
const reduced = `let n1 = round(c1 * ${f(log2e)});
  let r1 = (c1 - n1 * ${f(ln2[0])}) - n1 * ${f(ln2[1])};`

export const exponentialFunctions = [
  wgslFunction(`fn mexptail_1(r1: f32) -> f32 { return r1 + (r1 * r1) * ${polynomial("r1", expTail)}; }`),
  wgslFunction(`fn mexps_1(x1: f32, s1: i32) -> f32 {
  let c1 = clamp(x1, -120.0f, 120.0f);
  ${reduced}
  return select(mscale_1(1.0f + mkeep_1(mexptail_1(r1)), mwhole_1(n1) + s1), x1, misnan_1(x1));
}`),
  wgslFunction(`fn mexp_1(x1: f32) -> f32 { return mexps_1(x1, 0); }`),
  wgslFunction(`fn mexpm_1(x1: f32) -> f32 {
  if (misnan_1(x1) || mabs_1(x1) < ${tiny25}) { return x1; }
  if (abs(x1) <= 0.5f) { return mexptail_1(x1); }
  if (x1 < -17.5f) { return -1.0f; }
  let c1 = min(x1, 120.0f);
  let n1 = round(c1 * ${f(log2e)});
  if (n1 > 30.0f) { return mexps_1(x1, 0); }
  let r1 = (c1 - n1 * ${f(ln2[0])}) - n1 * ${f(ln2[1])};
  let s1 = mpow2_1(mwhole_1(n1));
  return s1 * mexptail_1(r1) + mkeep_1(s1 - 1.0f);
}`),
  wgslFunction(`fn mdecomp_1(x1: f32) -> vec2<f32> {
  let b1 = bitcast<u32>(x1);
  let t1 = b1 < 0x800000u;
  let b2 = select(b1, bitcast<u32>(f32(b1)), t1) + 0x004afb0du;
  let k1 = i32(b2 >> 23u) - 127 - select(0, 149, t1);
  return vec2<f32>(f32(k1), bitcast<f32>((b2 & 0x7fffffu) + 0x3f3504f3u) - 1.0f);
}`),
  wgslFunction(`fn mlogsum_1(k1: f32, r1: f32, c1: f32) -> f32 {
  let z1 = r1 * r1;
  let t1 = (z1 * r1) * ${polynomial("r1", logTail)};
  let w1 = k1 * ${f(ln2[0])};
  let h1 = mhigh_16(w1 + r1);
  let l1 = (w1 - h1) + r1;
  return h1 + (l1 + ((t1 + (k1 * ${f(ln2[1])} + c1)) - 0.5f * z1));
}`),
  wgslFunction(`fn mlog_1(x1: f32) -> f32 {
  let b1 = bitcast<u32>(x1);
  if ((b1 & 0x7fffffffu) == 0u) { return -minf_1(x1); }
  if (b1 > 0x7f800000u) { return mnan_1(x1); }
  if (b1 == 0x7f800000u) { return x1; }
  let d1 = mdecomp_1(x1);
  return mlogsum_1(d1.x, d1.y, 0.0f);
}`),
  wgslFunction(`fn mlogp_1(x1: f32) -> f32 {
  if (misnan_1(x1) || x1 < -1.0f) { return mnan_1(x1); }
  if (x1 == -1.0f) { return -minf_1(x1); }
  if (bitcast<u32>(x1) == 0x7f800000u || mabs_1(x1) < ${tiny25}) { return x1; }
  if (x1 > -0.29f && x1 < 0.41f) { return mlogsum_1(0.0f, x1, 0.0f); }
  var u1 = 1.0f + x1;
  var c1 = 0.0f;
  if (x1 > -0.5f) {
    u1 = bitcast<f32>(bitcast<u32>(u1) & 0xfffffff0u);
    c1 = (x1 - (u1 - 1.0f)) / u1;
  }
  let d1 = mdecomp_1(u1);
  return mlogsum_1(d1.x, d1.y, c1);
}`),
  wgslFunction(`fn msinh_1(x1: f32) -> f32 {
  let a1 = abs(x1);
  if (misnan_1(x1)) { return x1; }
  if (a1 < 1.0f) {
    let z1 = x1 * x1;
    return x1 + (x1 * z1) * ${polynomial("z1", sinhTail)};
  }
  let t1 = mexps_1(a1, -1);
  return mcopysign_1(t1 - 0.25f / t1, x1);
}`),
  wgslFunction(`fn mcosh_1(x1: f32) -> f32 {
  if (misnan_1(x1)) { return x1; }
  let t1 = mexps_1(abs(x1), -1);
  return t1 + 0.25f / t1;
}`),
  wgslFunction(`fn mtanh_1(x1: f32) -> f32 {
  let a1 = mabs_1(x1);
  let c1 = min(a1 + a1, 20.0f);
  ${reduced}
  let s1 = mpow2_1(mwhole_1(n1));
  let e1 = s1 * mexptail_1(r1) + (s1 - 1.0f);
  return select(mcopysign_1(e1 / (e1 + 2.0f), x1), x1, misnan_1(x1) || (a1 < ${tiny13}));
}`),
  wgslFunction(`fn msigmoid_1(x1: f32) -> f32 {
  let c1 = max(-mabs_1(x1), -88.0f);
  ${reduced}
  let e1 = mpow2_1(mwhole_1(n1)) * (1.0f + mexptail_1(r1));
  return select(select(e1, 1.0f, x1 >= 0.0f) / (1.0f + e1), x1, misnan_1(x1));
}`),
  wgslFunction(`fn msoftplus_1(x1: f32) -> f32 {
  if (misnan_1(x1)) { return x1; }
  return max(x1, 0.0f) + mlogp_1(mexps_1(-abs(x1), 0));
}`),
  wgslFunction(`fn merf_1(x1: f32) -> f32 {
  let a1 = abs(x1);
  let z1 = x1 * x1;
  let s1 = x1 + x1 * ${polynomial("z1", erfTail)};
  let t1 = min(a1, 4.0f) - 2.0f;
  let u1 = mcopysign_1(1.0f - mexps_1(${polynomial("t1", erfcLog)}, 0), x1);
  return select(select(select(u1, s1, a1 < 0.92f), x1 * ${f(1.128379225730896)}, a1 < ${f(2 ** -12)}), x1, misnan_1(x1));
}`),
  wgslFunction(`fn mpowpos_1(a1: f32, y1: f32) -> f32 {
  let c1 = mdecomp_1(a1);
  let k1 = c1.x;
  let r1 = c1.y;
  let d1 = 2.0f + r1;
  let d2 = mhigh_12(d1);
  let d3 = r1 - (d2 - 2.0f);
  let s1 = r1 / d1;
  let s2 = mhigh_12(s1);
  let s3 = ((r1 - s2 * d2) - s2 * d3) / d1;
  let z1 = s1 * s1;
  let t1 = (s1 * z1) * ${polynomial("z1", atanhTail)};
  let u1 = 2.0f * s2;
  let u2 = 2.0f * s3 + t1;
  let p1 = u1 * ${f(log2e12[0])};
  let q1 = u1 * ${f(log2e12[1])} + u2 * ${f(log2e)};
  let h1 = mhigh_12(k1 + (p1 + q1));
  let l1 = ((k1 - h1) + p1) + q1;
  let y2 = mhigh_12(y1);
  let p2 = y2 * h1;
  let q2 = (y1 - y2) * h1 + y1 * l1;
  let w1 = p2 + q2;
  if (w1 >= 129.0f) { return minf_1(a1); }
  if (w1 <= -152.0f) { return 0.0f; }
  let n1 = round(w1);
  return mscale_1(1.0f + mkeep_1(mexptail_1(((p2 - n1) + q2) * ${f(Math.LN2)})), mwhole_1(n1));
}`),
  wgslFunction(`fn mpow_1(x1: f32, y1: f32) -> f32 {
  if ((bitcast<u32>(y1) & 0x7fffffffu) == 0u || bitcast<u32>(x1) == 0x3f800000u) { return 1.0f; }
  if (misnan_1(x1) || misnan_1(y1)) { return mnan_1(x1); }
  let b1 = bitcast<u32>(x1) & 0x7fffffffu;
  let w1 = floor(y1) == y1 || !(misfin_1(y1));
  let o1 = w1 && abs(y1) < 16777216.0f && (i32(clamp(y1, -16777216.0f, 16777216.0f)) & 1) != 0;
  let g1 = select(0.0f, x1, o1);
  let up1 = !(mneg_1(y1));
  if (b1 == 0u) { return mcopysign_1(select(minf_1(x1), 0.0f, up1), g1); }
  if (b1 == 0x7f800000u) { return mcopysign_1(select(0.0f, minf_1(x1), up1), g1); }
  if (mneg_1(x1) && !w1) { return mnan_1(x1); }
  if (b1 == 0x3f800000u) { return mcopysign_1(1.0f, g1); }
  let m1 = ${f(2 ** 60)};
  return mcopysign_1(mpowpos_1(bitcast<f32>(b1), clamp(y1, -m1, m1)), g1);
}`),
  // Small constant powers by multiplication.
  wgslFunction(`fn msquare_2(x1: f32) -> f32 { return x1 * x1; }`),
  wgslFunction(`fn mcube_3(x1: f32) -> f32 { return x1 * x1 * x1; }`),
  wgslFunction(`fn mfourth_4(x1: f32) -> f32 {
  let y1 = x1 * x1;
  return y1 * y1;
}`),
]
