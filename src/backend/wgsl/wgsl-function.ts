/** A WGSL function of the prelude, and how its text is put together: every identifier ends in a digit, every literal is printed from a number. */

export interface WgslFunction {
  readonly name: string
  readonly source: string
  /** Names of the prelude functions that it calls. */
  readonly uses: readonly string[]
}

/** `uses` is read off the text: prelude functions are called `xxx_1`. */
export const wgslFunction = (source: string): WgslFunction => {
  const name = /^fn ([a-z][a-z0-9]{0,15}_[0-9]+)\(/.exec(source)?.[1]
  if (!name) throw new Error(`a prelude function must begin with its name, not with ${source.slice(0, 30)}`)
  const uses = new Set([...source.matchAll(/\b([a-z][a-z0-9]{0,15}_[0-9]+)\(/g)].map((m) => m[1]!))
  uses.delete(name)
  return { name, source: `${source.trim()}\n`, uses: [...uses] }
}

/** A finite f32 as a literal that reads back to the same bits. */
export const floatLiteral = (x: number): string => {
  const value = Math.fround(x)
  if (!Number.isFinite(value)) throw new Error(`${x} has no literal: infinities and NaN are made at run time`)
  const text = String(Math.abs(value))
  const sign = value < 0 || Object.is(value, -0) ? "-" : ""
  return `${sign}${/[.e]/.test(text) ? text : `${text}.0`}f`
}

/** Horner's rule, lowest coefficient first. */
export const polynomialText = (x: string, coefficients: readonly number[]): string =>
  coefficients.slice(0, -1).reduceRight((sum, c) => `(${floatLiteral(c)} + ${sum} * ${x})`, floatLiteral(coefficients[coefficients.length - 1]!))
