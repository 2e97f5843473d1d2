/** The pictures that the laws are tried on, real where they are at hand, and plain reads of arrays for the definitions. */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { dataDir } from "../data/places.ts"
import { drawsOf, onReference, stagesOf, standard, type Draws, type Settings, type Size } from "./program.ts"

const cifar = [join(dataDir, "mini", "cifar10", "data_batch_1.bin"), join(dataDir, "cifar10", "data_batch_1.bin")].find((f) => existsSync(f))
export const haveReal = cifar !== undefined

/** A hash of integers to [0, 1), of 256 levels: what an 8-bit picture holds. */
const noise = (i: number): number => {
  let x = Math.imul(i + 1, 0x9e3779b1)
  x = Math.imul(x ^ (x >>> 15), 0x85ebca6b)
  return ((x ^ (x >>> 13)) >>> 24) / 255
}

export const frames = ({ n, t = 1 }: Size): number => n * t
export const elements = (size: Size): number => frames(size) * size.c * size.h * size.w

/** 8-bit noise: every pixel is another, so that no wrong place goes unseen. */
export const noisy = (size: Size, salt = 0): Float32Array => Float32Array.from({ length: elements(size) }, (_, i) => noise(i + 7919 * salt))

/** Real photographs of 32 x 32 pixels, or a smooth picture with an edge where there are none. */
export const photographs = (n: number): Float32Array => {
  const each = 3 * 32 * 32
  const out = new Float32Array(n * each)
  const bytes = cifar && readFileSync(cifar).subarray(0, n * (each + 1))
  for (let s = 0; s < n; s++) for (let i = 0; i < each; i++) {
    const [c, y, x] = [Math.floor(i / 1024), Math.floor(i / 32) % 32, i % 32]
    out[s * each + i] = bytes ? bytes[s * (each + 1) + 1 + i]! / 255 : 0.5 + 0.4 * Math.sin((x + 2 * s) * 0.3 + c) * Math.cos(y * 0.2) * (x > y ? 1 : -1)
  }
  return out
}

/** The colour of channel c at integer coordinates, which must lie inside. */
export type Look = (c: number, y: number, x: number) => number

/** One sample of a batch of pictures. */
export const sampleOf = (data: ArrayLike<number>, { c, h, w }: Size, s: number): Look => (k, y, x) => {
  if (!(k >= 0 && k < c && y >= 0 && y < h && x >= 0 && x < w && Number.isInteger(y) && Number.isInteger(x))) throw new Error(`read outside: ${k}, ${y}, ${x} of ${c} x ${h} x ${w}`)
  return data[((s * c + k) * h + y) * w + x]!
}

const cell = (v: number, n: number, border: Border): number => {
  if (border === "edge") return Math.min(Math.max(v, 0), n - 1)
  if (border === "wrap") return ((v % n) + n) % n
  const period = 2 * (n - 1)
  const folded = ((v % period) + period) % period
  return Math.min(folded, period - folded)
}

export type Border = "zero" | "edge" | "mirror" | "wrap"

/** An integer read anywhere in the plane. */
export const bordered = (look: Look, { h, w }: Size, border: Border): Look => (c, y, x) =>
  border === "zero" ? (y >= 0 && y < h && x >= 0 && x < w ? look(c, y, x) : 0) : look(c, cell(y, h, border), cell(x, w, border))

/** Bilinear interpolation of the four neighbours. */
export const bilinear = (look: Look): Look => (c, y, x) => {
  const [v, u] = [Math.floor(y), Math.floor(x)]
  const [b, a] = [y - v, x - u]
  return (1 - b) * ((1 - a) * look(c, v, u) + a * look(c, v, u + 1)) + b * ((1 - a) * look(c, v + 1, u) + a * look(c, v + 1, u + 1))
}

export interface Case {
  readonly size: Size
  readonly draws: Draws
  readonly n: number
  /** The colours of a sample of the input. */
  readonly look: (s: number) => Look
}

export interface Law {
  readonly size?: Size
  /** The size of the result where it is not the input's. */
  readonly result?: Partial<Size>
  readonly x?: Float32Array
  readonly settings?: Settings
  /** How far the result may be off. 0 where pixels only move. */
  readonly within?: number
}

export const defaultSize: Size = { n: 6, c: 3, h: 32, w: 32 }

/** What a stage's result is off its definition at most: `define` gives, for a sample, the colour that each place of the result must have. */
export const worstError = (stages: string, define: (given: Case, s: number) => Look, law: Law = {}): { readonly worst: number; readonly differing: number; readonly draws: Draws } => {
  const size = law.size ?? defaultSize
  const x = law.x ?? (size.h === 32 && size.w === 32 && size.c === 3 ? photographs(size.n) : noisy(size))
  const program = stagesOf(stages, size)
  const settings = law.settings ?? standard
  const got = onReference(program, { x }, settings)
  const draws = drawsOf(program, { x }, settings)
  const out: Size = { ...size, ...law.result }
  if (got.length !== elements(out)) throw new Error(`the result has ${got.length} elements, not ${elements(out)}`)
  const given: Case = { size, draws, n: size.n, look: (s) => sampleOf(x, size, s) }
  let worst = 0
  let differing = 0
  for (let s = 0; s < out.n; s++) {
    const want = define(given, s)
    const have = sampleOf(got, out, s)
    for (let c = 0; c < out.c; c++) for (let y = 0; y < out.h; y++) for (let col = 0; col < out.w; col++) {
      const error = Math.abs(want(c, y, col) - have(c, y, col))
      if (!(error <= worst)) worst = error
      if (error > 1e-4) differing++
      if (Number.isNaN(error)) throw new Error(`not a number at ${s}, ${c}, ${y}, ${col}`)
    }
  }
  return { worst, differing, draws }
}

export const clamp = (v: number): number => Math.min(Math.max(v, 0), 1)
/** The mean over places of a function of the place. */
export const meanOver = ({ h, w }: Size, f: (y: number, x: number) => number): number => {
  let sum = 0
  for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) sum += f(y, x)
  return sum / (h * w)
}
/** The brightness by which torchvision's grey is made. */
export const grey = (look: Look, c: number) => (y: number, x: number): number =>
  c === 3 ? 0.2989 * look(0, y, x) + 0.587 * look(1, y, x) + 0.114 * look(2, y, x) : Array.from({ length: c }, (_, k) => look(k, y, x)).reduce((a, b) => a + b, 0) / c
