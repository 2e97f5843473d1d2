/** Central differences: the numerical gradient that the gradient rules are held against. */

/** The gradient of `f` at `x`, each component from (f(x + h) - f(x - h)) / 2h. */
export const centralDifference = (f: (x: Float64Array) => number, x: Float64Array, h = 1e-5): Float64Array => {
  const moved = Float64Array.from(x)
  return x.map((value, i) => {
    moved[i] = value + h
    const above = f(moved)
    moved[i] = value - h
    const below = f(moved)
    moved[i] = value
    return (above - below) / (2 * h)
  })
}
