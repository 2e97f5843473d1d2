/** sin, cos, tan and their inverses in WGSL: the steps of `prim/f32-trigonometric.ts`, which also says why they are taken. */
import { asinTail, atanAt, atanTail, cosTail, halfPi, halfPi12, halfPiParts, pi, sinTail, tau12, twoOverPi, twoOverPiWords } from "../../prim/polynomials.ts"
import { floatLiteral as f, polynomialText as polynomial, wgslFunction } from "./wgsl-function.ts"

const tiny = f(2 ** -13)
const part = f(2 ** -24)

export const trigonometricFunctions = [
  // A reduced angle is (quadrant, high, low): quadrant * pi/2 + high + low.
  wgslFunction(`fn mredsmall_1(x1: f32) -> vec3<f32> {
  let n1 = round(x1 * ${f(twoOverPi)});
  let t1 = (x1 - n1 * ${f(halfPiParts[0])}) - n1 * ${f(halfPiParts[1])};
  let v1 = n1 * ${f(halfPiParts[2])};
  let h1 = mhigh_21(t1 - v1);
  return vec3<f32>(f32(i32(n1) & 3), h1, ((t1 - h1) - v1) - n1 * ${f(halfPiParts[3])});
}`),
  wgslFunction(`fn mredlarge_1(x1: f32) -> vec3<f32> {
  var t1 = array<u32, 8>(${twoOverPiWords.map((w) => `${w}u`).join(", ")});
  let b1 = bitcast<u32>(x1);
  let m1 = (b1 & 0x7fffffu) | 0x800000u;
  let s1 = ((b1 >> 23u) & 255u) - 120u;
  let i1 = s1 >> 5u;
  let s2 = s1 & 31u;
  let s3 = 31u - s2;
  let w0 = (t1[i1] << s2) | ((t1[i1 + 1u] >> 1u) >> s3);
  let w1 = (t1[i1 + 1u] << s2) | ((t1[i1 + 2u] >> 1u) >> s3);
  let w2 = (t1[i1 + 2u] << s2) | ((t1[i1 + 3u] >> 1u) >> s3);
  let p2 = m1 * w2;
  let p3 = m1 * w1;
  let p1 = p3 + mmulhi_1(m1, w2);
  let p0 = m1 * w0 + mmulhi_1(m1, w1) + select(0u, 1u, p1 < p3);
  var f0 = (p0 << 2u) | (p1 >> 30u);
  var f1 = (p1 << 2u) | (p2 >> 30u);
  let u1 = f0 >> 31u;
  if (u1 != 0u) {
    f1 = ~f1 + 1u;
    f0 = ~f0 + select(0u, 1u, f1 == 0u);
  }
  let q1 = ((p0 >> 30u) + u1) & 3u;
  let g1 = b1 >> 31u;
  let z1 = select(countLeadingZeros(f0), 32u + countLeadingZeros(f1), f0 == 0u);
  let z2 = z1 & 31u;
  let h0 = select((f0 << z2) | ((f1 >> 1u) >> (31u - z2)), f1 << z2, z1 >= 32u);
  let h1 = select(f1 << z2, 0u, z1 >= 32u);
  let e1 = mpow2_1(-24 - i32(z1));
  let r1 = f32(h0 >> 8u) * e1;
  let r2 = (f32(((h0 & 255u) << 16u) | (h1 >> 16u)) * ${part}) * e1;
  let a1 = mhigh_12(r1);
  let a2 = r1 - a1;
  let c1 = mhigh_21(r1 * ${f(halfPi[0])});
  let c2 = ((a1 * ${f(halfPi12[0])} - c1) + a2 * ${f(halfPi12[0])}) + (r1 * ${f(halfPi12[1])} + r2 * ${f(halfPi[0])});
  let n1 = g1 != u1;
  return vec3<f32>(f32(select(q1, (4u - q1) & 3u, g1 != 0u)), select(c1, -c1, n1), select(c2, -c2, n1));
}`),
  wgslFunction(`fn mred_1(x1: f32) -> vec3<f32> {
  let a1 = abs(x1);
  if (a1 < 0.7854f) { return vec3<f32>(0.0f, x1, 0.0f); }
  if (a1 < 2048.0f) { return mredsmall_1(x1); }
  return mredlarge_1(x1);
}`),
  wgslFunction(`fn msink_1(r1: f32, l1: f32) -> f32 {
  let z1 = r1 * r1;
  return r1 + ((r1 * z1) * ${polynomial("z1", sinTail)} + (l1 - (0.5f * z1) * l1));
}`),
  wgslFunction(`fn mcosk_1(r1: f32, l1: f32) -> f32 {
  let z1 = r1 * r1;
  let h1 = 0.5f * z1;
  let w1 = mhigh_16(1.0f - h1);
  return w1 + (((1.0f - w1) - h1) + ((z1 * z1) * ${polynomial("z1", cosTail)} - r1 * l1));
}`),
  wgslFunction(`fn mquad_1(q1: i32, h1: f32, l1: f32) -> f32 {
  var y1 = 0.0f;
  if ((q1 & 1) != 0) { y1 = mcosk_1(h1, l1); } else { y1 = msink_1(h1, l1); }
  return select(y1, -y1, (q1 & 2) != 0);
}`),
  wgslFunction(`fn msin_1(x1: f32) -> f32 {
  if (!(misfin_1(x1))) { return mnan_1(x1); }
  if (mabs_1(x1) < ${tiny}) { return x1; }
  let r1 = mred_1(x1);
  return mquad_1(i32(r1.x), r1.y, r1.z);
}`),
  wgslFunction(`fn mcos_1(x1: f32) -> f32 {
  if (!(misfin_1(x1))) { return mnan_1(x1); }
  let r1 = mred_1(x1);
  return mquad_1(i32(r1.x) + 1, r1.y, r1.z);
}`),
  wgslFunction(`fn mtan_1(x1: f32) -> f32 {
  if (!(misfin_1(x1))) { return mnan_1(x1); }
  if (mabs_1(x1) < ${tiny}) { return x1; }
  let r1 = mred_1(x1);
  let s1 = msink_1(r1.y, r1.z);
  let c1 = mcosk_1(r1.y, r1.z);
  let o1 = (i32(r1.x) & 1) != 0;
  return select(s1, -c1, o1) / select(c1, s1, o1);
}`),
  wgslFunction(`fn mcosturn_1(n1: i32) -> f32 {
  let q1 = (n1 + 0x200000) >> 22u;
  let r1 = n1 - (q1 << 22u);
  let a1 = f32(r1 >> 11u) * ${f(2 ** -13)};
  let b1 = f32(r1 & 2047) * ${part};
  let f1 = f32(r1) * ${part};
  let h1 = mhigh_21(f1 * ${f(2 * Math.PI)});
  let l1 = ((a1 * ${f(tau12[0])} - h1) + b1 * ${f(tau12[0])}) + f1 * ${f(tau12[1])};
  return mquad_1(q1 + 1, h1, l1);
}`),
  wgslFunction(`fn masintail_1(x1: f32, z1: f32) -> f32 { return (x1 * z1) * ${polynomial("z1", asinTail)}; }`),
  wgslFunction(`fn masinroot_1(z1: f32) -> vec2<f32> {
  let s1 = sqrt(z1);
  let h1 = mhigh_12(s1);
  var c1 = 0.0f;
  if (z1 > 0.0f) { c1 = (z1 - h1 * h1) / (s1 + h1); }
  return vec2<f32>(h1, c1 + masintail_1(s1, z1));
}`),
  wgslFunction(`fn masin_1(x1: f32) -> f32 {
  let a1 = abs(x1);
  if (misnan_1(x1) || a1 > 1.0f) { return mnan_1(x1); }
  if (a1 <= 0.5f) { return x1 + masintail_1(x1, x1 * x1); }
  let r1 = masinroot_1((1.0f - a1) * 0.5f);
  return mcopysign_1((${f(halfPi[0])} - 2.0f * r1.x) + (${f(halfPi[1])} - 2.0f * r1.y), x1);
}`),
  wgslFunction(`fn macos_1(x1: f32) -> f32 {
  let a1 = abs(x1);
  if (misnan_1(x1) || a1 > 1.0f) { return mnan_1(x1); }
  if (a1 <= 0.5f) { return ${f(halfPi[0])} - (x1 - (${f(halfPi[1])} - masintail_1(x1, x1 * x1))); }
  let r1 = masinroot_1((1.0f - a1) * 0.5f);
  if (x1 > 0.0f) { return 2.0f * r1.x + 2.0f * r1.y; }
  return (${f(pi[0])} - 2.0f * r1.x) + (${f(pi[1])} - 2.0f * r1.y);
}`),
  wgslFunction(`fn matantail_1(x1: f32) -> f32 {
  let z1 = x1 * x1;
  return (x1 * z1) * ${polynomial("z1", atanTail)};
}`),
  wgslFunction(`fn matanpos_1(a1: f32) -> f32 {
  if (a1 <= 0.4375f) { return a1 + matantail_1(a1); }
  if (a1 > 67108864.0f) { return ${f(halfPi[0])}; }
  var n1 = -1.0f;
  var d1 = a1;
  var h1 = ${f(atanAt[3][0])};
  var l1 = ${f(atanAt[3][1])};
  if (a1 < 0.6875f) {
    n1 = 2.0f * a1 - 1.0f;
    d1 = 2.0f + a1;
    h1 = ${f(atanAt[0][0])};
    l1 = ${f(atanAt[0][1])};
  } else if (a1 < 1.1875f) {
    n1 = a1 - 1.0f;
    d1 = a1 + 1.0f;
    h1 = ${f(atanAt[1][0])};
    l1 = ${f(atanAt[1][1])};
  } else if (a1 < 2.4375f) {
    n1 = a1 - 1.5f;
    d1 = 1.0f + 1.5f * a1;
    h1 = ${f(atanAt[2][0])};
    l1 = ${f(atanAt[2][1])};
  }
  let t1 = n1 / d1;
  return h1 + (t1 + (matantail_1(t1) + l1));
}`),
  wgslFunction(`fn matan_1(x1: f32) -> f32 {
  if (misnan_1(x1)) { return x1; }
  return mcopysign_1(matanpos_1(mabs_1(x1)), x1);
}`),
  wgslFunction(`fn matan2_1(y1: f32, x1: f32) -> f32 {
  if (misnan_1(x1) || misnan_1(y1)) { return mnan_1(x1); }
  var y2 = mabs_1(y1);
  var x2 = mabs_1(x1);
  if (!(misfin_1(x1))) {
    y2 = select(1.0f, 0.0f, misfin_1(y1));
    x2 = 1.0f;
  } else if (x2 > ${f(2 ** 64)}) {
    x2 = x2 * ${f(2 ** -64)};
    y2 = y2 * ${f(2 ** -64)};
  }
  var v1 = 0.0f;
  if (x2 == 0.0f || !(misfin_1(y2))) { v1 = select(${f(halfPi[0])}, 0.0f, y2 == 0.0f); } else { v1 = matanpos_1(y2 / x2); }
  if (mneg_1(x1)) { v1 = ${f(pi[0])} - (v1 - ${f(pi[1])}); }
  return mcopysign_1(v1, y1);
}`),
]
