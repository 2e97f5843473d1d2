/** Integer arithmetic of the scalar language: 32 bits, wrapping, division rounded down, 0 where the divisor is 0. */
export const floorDivide = (a: number, b: number): number => (b === 0 ? 0 : Math.floor(a / b))
export const floorRemainder = (a: number, b: number): number => (b === 0 ? 0 : a - b * Math.floor(a / b))

/** f32 to integer: towards zero, clamped to the range; NaN gives 0. */
export const truncateI32 = (x: number): number => (Number.isNaN(x) ? 0 : Math.trunc(Math.min(Math.max(x, -2147483648), 2147483647)))
export const truncateU32 = (x: number): number => (Number.isNaN(x) ? 0 : Math.trunc(Math.min(Math.max(x, 0), 4294967295)))

const words = new DataView(new ArrayBuffer(4))
export const bitsOfF32 = (x: number): number => {
  words.setFloat32(0, x)
  return words.getUint32(0)
}
export const f32OfBits = (x: number): number => {
  words.setUint32(0, x)
  return words.getFloat32(0)
}
