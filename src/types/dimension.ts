/** A dimension: a size with a population, and the reasons why it has them (LANGUAGE sections 3 and 4). */
import type { Span } from "../base/span.ts"
import type { Population } from "./population.ts"
import { printPopulation } from "./population.ts"
import { atom, printSize, valueOf, constantOf, type Size } from "./size.ts"

/** Why something is so: a place and the words for it. */
export interface Reason {
  readonly span: Span
  readonly note: string
}

export interface Dim {
  readonly kind: "dim"
  readonly size: Size
  readonly population: Population | undefined
  /** Where the size came from. */
  readonly origin: Reason | undefined
  /** Where the population came from. */
  readonly became: Reason | undefined
}

/** `..s`: any number of dimensions, while their number is not known. */
export interface Rest {
  readonly kind: "rest"
  readonly name: string
  readonly id: number
  /** The product of the dimensions it stands for. */
  readonly size: Size
}

export type Dimension = Dim | Rest

let rests = 0
export const rest = (name: string): Rest => ({ kind: "rest", name, id: rests++, size: atom(`size(${name})`) })
export const dim = (size: Size, origin?: Reason, population?: Population, became?: Reason): Dim => ({ kind: "dim", size, population, origin, became })

export const isDim = (d: Dimension): d is Dim => d.kind === "dim"

export const printDimension = (d: Dimension): string =>
  d.kind === "rest" ? `..${d.name}` : printSize(d.size) + (d.population ? `@${printPopulation(d.population)}` : "")

/** `h = 32` where a name is known to be a number. */
export const printBinding = (d: Dim): string | undefined => {
  const value = valueOf(d.size)
  return value !== undefined && constantOf(d.size) === undefined ? `${printSize(d.size)} = ${value}` : undefined
}
