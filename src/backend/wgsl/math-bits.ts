/** WGSL for what drivers get wrong or WGSL leaves open: NaN, infinity, powers of two, floored division, remainders. */
import { wgslFunction } from "./wgsl-function.ts"

export const bitFunctions = [
  // Drivers fold x != x to false: NaN is a matter of bits. NaN and infinity are made from a run-time value, as WGSL has no literals for them.
  wgslFunction(`fn misnan_1(x1: f32) -> bool { return (bitcast<u32>(x1) & 0x7fffffffu) > 0x7f800000u; }`),
  wgslFunction(`fn misfin_1(x1: f32) -> bool { return (bitcast<u32>(x1) & 0x7fffffffu) < 0x7f800000u; }`),
  wgslFunction(`fn mnan_1(x1: f32) -> f32 { return bitcast<f32>((bitcast<u32>(x1) & 0u) | 0x7fc00000u); }`),
  wgslFunction(`fn minf_1(x1: f32) -> f32 { return bitcast<f32>((bitcast<u32>(x1) & 0u) | 0x7f800000u); }`),
  wgslFunction(`fn mnan_0() -> f32 {
  var z1 = 0u;
  return bitcast<f32>(z1 | 0x7fc00000u);
}`),
  wgslFunction(`fn mnegzero_0() -> f32 {
  var z1 = 0u;
  return bitcast<f32>(z1 | 0x80000000u);
}`),
  wgslFunction(`fn minf_0() -> f32 {
  var z1 = 0u;
  return bitcast<f32>(z1 | 0x7f800000u);
}`),
  /** Byte i of a word, and all four, as numbers in [0, 1]. */
  wgslFunction(`fn byte_1(w1: u32, i1: i32) -> f32 { return f32((w1 >> ((u32(i1) & 3u) * 8u)) & 255u) / 255.0f; }`),
  wgslFunction(`fn bytes_1(w1: u32) -> vec4<f32> { return vec4<f32>((vec4<u32>(w1) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u)) / 255.0f; }`),
  wgslFunction(`fn mneg_1(x1: f32) -> bool { return (bitcast<u32>(x1) >> 31u) != 0u; }`),
  wgslFunction(`fn mabs_1(x1: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x1) & 0x7fffffffu); }`),
  /** |x| with the sign of y. */
  wgslFunction(`fn mcopysign_1(x1: f32, y1: f32) -> f32 { return bitcast<f32>((bitcast<u32>(x1) & 0x7fffffffu) | (bitcast<u32>(y1) & 0x80000000u)); }`),
  wgslFunction(`fn mhigh_12(x1: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x1) & 0xfffff000u); }`),
  wgslFunction(`fn mhigh_16(x1: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x1) & 0xffffff00u); }`),
  wgslFunction(`fn mhigh_21(x1: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x1) & 0xfffffff8u); }`),
  // x itself, behind a select on a NaN that never comes: no driver may carry a constant across it into the sum that made x.
  wgslFunction(`fn mkeep_1(x1: f32) -> f32 { return select(x1, 0.0f, bitcast<u32>(x1) == 0x7fc54321u); }`),
  // A whole number of less than 2^22 as an integer: an exact sum whose bits hold it. A cast has to saturate, which costs more than an exponential.
  wgslFunction(`fn mwhole_1(x1: f32) -> i32 { return bitcast<i32>(x1 + 12582912.0f) - 1262485504; }`),
  /** 2^k for k in [-126, 127]. */
  wgslFunction(`fn mpow2_1(k1: i32) -> f32 { return bitcast<f32>((k1 + 127) << 23u); }`),
  wgslFunction(`fn mscale_1(y1: f32, k1: i32) -> f32 {
  let a1 = k1 >> 1u;
  return (y1 * mpow2_1(a1)) * mpow2_1(k1 - a1);
}`),
  wgslFunction(`fn mmulhi_1(a1: u32, b1: u32) -> u32 {
  let a2 = a1 & 0xffffu;
  let a3 = a1 >> 16u;
  let b2 = b1 & 0xffffu;
  let b3 = b1 >> 16u;
  let m1 = a3 * b2 + ((a2 * b2) >> 16u);
  let m2 = a2 * b3 + (m1 & 0xffffu);
  return a3 * b3 + (m1 >> 16u) + (m2 >> 16u);
}`),
  wgslFunction(`fn msign_1(x1: f32) -> f32 {
  return select(select(select(0.0f, -1.0f, x1 < 0.0f), 1.0f, x1 > 0.0f), x1, misnan_1(x1));
}`),
  // A NaN wins, as in PyTorch; WGSL's min and max may lose it. A comparison and a choice are cheaper than they are, which drivers in software mend for NaN;
  // a driver that makes them of it after all does no harm.
  wgslFunction(`fn mmin_1(a1: f32, b1: f32) -> f32 { return select(select(select(a1, b1, a1 > b1), b1, misnan_1(b1)), a1, misnan_1(a1)); }`),
  wgslFunction(`fn mmax_1(a1: f32, b1: f32) -> f32 { return select(select(select(a1, b1, a1 < b1), b1, misnan_1(b1)), a1, misnan_1(a1)); }`),
  // Integer division rounds down; by zero it gives 0.
  wgslFunction(`fn mfloordiv_1(a1: i32, b1: i32) -> i32 {
  if (b1 == 0) { return 0; }
  let q1 = a1 / b1;
  return q1 - select(0, 1, (a1 % b1 != 0) && ((a1 < 0) != (b1 < 0)));
}`),
  wgslFunction(`fn mfloormod_1(a1: i32, b1: i32) -> i32 {
  if (b1 == 0 || b1 == -1) { return 0; }
  let r1 = a1 % b1;
  return r1 + select(0, b1, r1 != 0 && ((r1 < 0) != (b1 < 0)));
}`),
  wgslFunction(`fn mudiv_1(a1: u32, b1: u32) -> u32 {
  if (b1 == 0u) { return 0u; }
  return a1 / b1;
}`),
  wgslFunction(`fn mumod_1(a1: u32, b1: u32) -> u32 {
  if (b1 == 0u) { return 0u; }
  return a1 % b1;
}`),
  // The remainder of two positive finite numbers, by their bits: long division of the significands, eight bits at a time.
  wgslFunction(`fn mrem_1(a1: u32, b1: u32) -> f32 {
  if (a1 < b1) { return bitcast<f32>(a1); }
  let e1 = max(b1 >> 23u, 1u);
  let d1 = select(b1, (b1 & 0x7fffffu) | 0x800000u, b1 >= 0x800000u);
  var r1 = select(a1, (a1 & 0x7fffffu) | 0x800000u, a1 >= 0x800000u) % d1;
  var n1 = max(a1 >> 23u, 1u) - e1;
  while (n1 > 0u) {
    let s1 = min(n1, 8u);
    r1 = (r1 << s1) % d1;
    n1 = n1 - s1;
  }
  let k1 = i32(e1) - 150;
  let h1 = k1 >> 1u;
  return (f32(r1) * mpow2_1(h1)) * mpow2_1(k1 - h1);
}`),
  wgslFunction(`fn mfmod_1(a1: f32, b1: f32) -> f32 {
  let a2 = bitcast<u32>(a1) & 0x7fffffffu;
  let b2 = bitcast<u32>(b1) & 0x7fffffffu;
  if (a2 >= 0x7f800000u || b2 > 0x7f800000u || b2 == 0u) { return mnan_1(a1); }
  var r1 = bitcast<f32>(a2);
  if (b2 < 0x7f800000u) { r1 = mrem_1(a2, b2); }
  if (r1 == 0.0f) { return mcopysign_1(0.0f, b1); }
  if (mneg_1(a1) != mneg_1(b1)) { r1 = bitcast<f32>(b2) - r1; }
  return mcopysign_1(r1, b1);
}`),
  wgslFunction(`fn mrsqrt_1(x1: f32) -> f32 { return 1.0f / sqrt(x1); }`),
  // Truncation saturates, NaN gives 0: WGSL leaves the latter open.
  wgslFunction(`fn mf2i_1(x1: f32) -> i32 {
  return select(select(i32(clamp(x1, -2147483648.0f, 2147483520.0f)), 2147483647, x1 >= 2147483648.0f), 0, misnan_1(x1));
}`),
  wgslFunction(`fn mf2u_1(x1: f32) -> u32 {
  return select(select(u32(clamp(x1, 0.0f, 4294967040.0f)), 4294967295u, x1 >= 4294967296.0f), 0u, misnan_1(x1));
}`),
]
