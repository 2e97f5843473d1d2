/** The benchmark chain by direct loops in f64, with the draws of `src/prim/draws.ts`. */
import type { DrawAttrs } from "../../src/prim/draws.ts"
import { drawElements } from "../../src/prim/draws.ts"
import type { Chain } from "./chain-graph.ts"

const clamp = (x: number): number => Math.min(1, Math.max(0, x))

export const chainReference = (chain: Chain, picture: Float32Array, index: Int32Array, settings: { seed: number; step: number; repeat: number }, hole: number): Float64Array => {
  const [n, , h, w] = chain.picture.shape as [number, number, number, number]
  const drawn = (name: keyof Chain["draws"], rest: number[], ...params: number[]): Float64Array =>
    drawElements(chain.draws[name].attrs as DrawAttrs, settings.seed, settings.step, settings.repeat, index, n, rest, params.map((p) => Float64Array.of(p)))
  const parameters = (name: keyof Chain["draws"]): number[] => chain.draws[name].inputs.slice(1).map((p) => (p.attrs as { data: number[] }).data[0]!)
  const value = (name: keyof Chain["draws"]): Float64Array => drawn(name, [], ...parameters(name))
  const [dy, dx, flip, brightness, contrast, saturation, ey, ex] = (["dy", "dx", "flip", "brightness", "contrast", "saturation", "ey", "ex"] as const).map(value) as Float64Array[]
  const perm = drawn("perm", [4])
  const weights = [0.2989, 0.587, 0.114].map(Math.fround)
  const out = new Float64Array(n * 3 * h * w)
  const place = h * w
  for (let s = 0; s < n; s++) {
    const bright = (y: number, x: number): number[] => {
      const sy = y + dy![s]!
      const sx = (flip![s] ? w - 1 - x : x) + dx![s]!
      return [0, 1, 2].map((c) => (sy < 0 || sy >= h || sx < 0 || sx >= w ? 0 : clamp(picture[(s * 3 + c) * place + sy * w + sx]! * brightness![s]!)))
    }
    let mean = 0
    for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) mean += bright(y, x).reduce((sum, p, c) => sum + p * weights[c]!, 0)
    mean /= place
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) {
        const tile = perm[s * 4 + Math.floor(y / (h / 2)) * 2 + Math.floor(x / (w / 2))]!
        const p = bright(Math.floor(tile / 2) * (h / 2) + (y % (h / 2)), (tile % 2) * (w / 2) + (x % (w / 2))).map((v) => clamp(v * contrast![s]! + mean * (1 - contrast![s]!)))
        const grey = p.reduce((sum, v, c) => sum + v * weights[c]!, 0)
        const holed = y >= ey![s]! && y < ey![s]! + hole && x >= ex![s]! && x < ex![s]! + hole
        p.forEach((v, c) => (out[(s * 3 + c) * place + y * w + x] = holed ? 0 : clamp(v * saturation![s]! + grey * (1 - saturation![s]!))))
      }
    }
  }
  return out
}
