/** Populations: which distribution the samples along a dimension were drawn from (LANGUAGE section 4). */
export type Population =
  | { readonly kind: "real" | "fake" | "neg" | "mixed" }
  /** `@p`, and the unknown population of a parameter whose type does not name one. */
  | { readonly kind: "variable"; readonly name: string; readonly id: number }

export const real: Population = { kind: "real" }
export const fake: Population = { kind: "fake" }
export const neg: Population = { kind: "neg" }
export const mixed: Population = { kind: "mixed" }

let variables = 0
export const populationVariable = (name: string): Population => ({ kind: "variable", name, id: variables++ })

export const namedPopulation = (name: string): Population | undefined =>
  name === "real" ? real : name === "fake" ? fake : name === "neg" ? neg : name === "mixed" ? mixed : undefined

export const samePopulation = (a: Population | undefined, b: Population | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && a.kind === b.kind && (a.kind !== "variable" || a.id === (b as typeof a).id))

/** The join of two: no tag joins with any; equal tags stay; different ones have none. */
export const joinPopulations = (a: Population | undefined, b: Population | undefined): { readonly population: Population | undefined } | undefined =>
  a === undefined ? { population: b } : b === undefined || samePopulation(a, b) ? { population: a } : undefined

export const printPopulation = (p: Population): string => (p.kind === "variable" ? p.name : p.kind)
