/** Bits of an f32: the steps that the f32 mathematics (`f32-*.ts`) and its WGSL twin share. */
const floats = new Float32Array(1)
const words = new Uint32Array(floats.buffer)

export const bitsOf = (x: number): number => {
  floats[0] = x
  return words[0]!
}

export const ofBits = (bits: number): number => {
  words[0] = bits
  return floats[0]!
}

/** Keeps the first 21 or 16 bits of the significand: a rounding barrier that no optimiser may look through. */
export const high21 = (x: number): number => ofBits(bitsOf(x) & 0xfffffff8)
export const high16 = (x: number): number => ofBits(bitsOf(x) & 0xffffff00)
/** Keeps the first 12 bits of the significand: products of two such values are exact in f32. */
export const high12 = (x: number): number => ofBits(bitsOf(x) & 0xfffff000)
/** 2^k for k in [-126, 127]. */
export const powerOfTwo = (k: number): number => ofBits((k + 127) << 23)

/** Rounds half to even; |x| < 2^51. */
export const roundEven = (x: number): number => (Math.abs(x) < 2 ** 51 ? x + 6755399441055744 - 6755399441055744 || x * 0 : x)

/** The high word of the 64-bit product of two u32. */
export const multiplyHigh = (a: number, b: number): number => {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  const middle2 = aLow * bHigh + (middle & 0xffff)
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(middle2 / 65536)) >>> 0
}

/** Horner's rule in f32, lowest coefficient first. */
export const polynomial = (x: number, coefficients: readonly number[]): number => {
  let sum = coefficients[coefficients.length - 1]!
  for (let i = coefficients.length - 2; i >= 0; i--) sum = Math.fround(coefficients[i]! + Math.fround(sum * x))
  return sum
}
