/**
 * Sizes: integer polynomials over atoms in normal form (LANGUAGE section 3).
 * An atom is a named dimension, or `p // q`, `p % q` that did not simplify. Two sizes are equal as
 * polynomials exactly when their `key`s are. An atom that belongs to an instantiation also knows its number.
 */
export type Atom =
  | { readonly kind: "name"; readonly id: number; readonly name: string; readonly key: string; readonly value: number | undefined }
  | { readonly kind: "floor" | "mod"; readonly over: Size; readonly by: Size; readonly key: string; readonly value: number | undefined }

interface Term {
  readonly coefficient: number
  /** Sorted by key; repeated for powers. */
  readonly atoms: readonly Atom[]
  /** Of the atoms. */
  readonly key: string
}

export interface Size {
  readonly terms: readonly Term[]
  readonly key: string
}

/** Sizes stay below this; larger ones are reported by the caller (`isHuge`). */
export const largest = Number.MAX_SAFE_INTEGER
/** A polynomial that grew past these is refused rather than computed (`n**40`, products of long sums). */
const mostTerms = 64
const mostDegree = 12

export class SizeTooComplex extends Error {}

const keyOf = (atom: Atom): string => atom.key
const term = (coefficient: number, atoms: readonly Atom[]): Term => ({ coefficient, atoms, key: atoms.length === 1 ? atoms[0]!.key : atoms.map(keyOf).join("*") })

/** Terms of different keys. */
const make = (terms: Iterable<Term>): Size => {
  const kept = [...terms].filter((t) => t.coefficient !== 0)
  if (kept.length > 1) kept.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  if (kept.length > mostTerms || kept.some((t) => !(Math.abs(t.coefficient) <= largest))) throw new SizeTooComplex()
  return { terms: kept, key: kept.map((t) => `${t.coefficient}·${t.key}`).join("+") || "0" }
}

const single = (coefficient: number, atoms: readonly Atom[]): Size => make([term(coefficient, atoms)])

/** Sizes are immutable, and most are small numbers. */
const small: Size[] = []
export const size = (n: number): Size => (Number.isInteger(n) && n >= 0 && n < 4096 ? (small[n] ??= single(n, [])) : single(n, []))
export const zero = size(0)
export const one = size(1)

let atoms = 0
/** A fresh dimension; `value` where it is known (an instantiation). */
export const atom = (name: string, value?: number): Size => {
  const id = atoms++
  return single(1, [{ kind: "name", id, name, key: `${name}#${id}`, value }])
}

/** Terms of the same atoms become one. */
const joined = (terms: Iterable<Term>): Size => {
  const sum = new Map<string, Term>()
  for (const t of terms) {
    const before = sum.get(t.key)
    sum.set(t.key, before ? { ...t, coefficient: before.coefficient + t.coefficient } : t)
  }
  return make(sum.values())
}

export const addSize = (a: Size, b: Size): Size => (a.terms.length === 0 ? b : b.terms.length === 0 ? a : joined([...a.terms, ...b.terms]))

export const mulSize = (a: Size, b: Size): Size => {
  if (a.terms.length === 0 || b.terms.length === 0) return zero
  if (a.key === one.key) return b
  if (b.key === one.key) return a
  return joined(a.terms.flatMap((s) => b.terms.map((t) => {
    const atoms = s.atoms.length === 0 ? t.atoms : t.atoms.length === 0 ? s.atoms : [...s.atoms, ...t.atoms].sort((x, y) => (x.key < y.key ? -1 : x.key > y.key ? 1 : 0))
    if (atoms.length > mostDegree) throw new SizeTooComplex()
    return term(s.coefficient * t.coefficient, atoms)
  })))
}

export const negSize = (a: Size): Size => mulSize(size(-1), a)
export const subSize = (a: Size, b: Size): Size => addSize(a, negSize(b))
export const equalSize = (a: Size, b: Size): boolean => a.key === b.key

/** The integer, where the polynomial is a constant. */
export const constantOf = (a: Size): number | undefined =>
  a.terms.length === 0 ? 0 : a.terms.length === 1 && a.terms[0]!.atoms.length === 0 ? a.terms[0]!.coefficient : undefined

/** The integer, where every atom knows its number. */
export const valueOf = (a: Size): number | undefined => {
  let sum = 0
  for (const t of a.terms) {
    let product = t.coefficient
    for (const x of t.atoms) {
      if (x.value === undefined) return undefined
      product *= x.value
    }
    sum += product
  }
  return sum
}

const floorDiv = (a: number, b: number): number => Math.floor(a / b)
const floorMod = (a: number, b: number): number => a - b * Math.floor(a / b)

/** Exact quotient of polynomials where `b` is a single term that divides every term of `a`. */
const exactQuotient = (a: Size, b: Size): Size | undefined => {
  if (b.terms.length !== 1) return equalSize(a, b) ? one : undefined
  const divisor = b.terms[0]!
  const quotient: Term[] = []
  for (const t of a.terms) {
    const rest = [...t.atoms]
    for (const x of divisor.atoms) {
      const i = rest.findIndex((y) => keyOf(y) === keyOf(x))
      if (i < 0) return undefined
      rest.splice(i, 1)
    }
    if (t.coefficient % divisor.coefficient !== 0) return undefined
    quotient.push(term(t.coefficient / divisor.coefficient, rest))
  }
  return joined(quotient)
}

/** Splits `a` into the terms that `b` divides exactly and the rest. */
const splitByDivisor = (a: Size, b: Size): { quotient: Size; rest: Size } => {
  let quotient = zero
  let rest = zero
  for (const t of a.terms) {
    const one_ = make([t])
    const q = exactQuotient(one_, b)
    if (q) {
      quotient = addSize(quotient, q)
      continue
    }
    const c = constantOf(b)
    if (c !== undefined && c > 0 && t.atoms.length === 0) {
      quotient = addSize(quotient, size(floorDiv(t.coefficient, c)))
      rest = addSize(rest, size(floorMod(t.coefficient, c)))
    } else rest = addSize(rest, one_)
  }
  return { quotient, rest }
}

/** `a // b`, rounding down. `undefined` for division by the constant zero. */
export const floorSize = (a: Size, b: Size): Size | undefined => {
  const c = constantOf(b)
  if (c === 0 || valueOf(b) === 0) return undefined
  if (c === 1) return a
  const x = constantOf(a)
  if (x !== undefined && c !== undefined) return size(floorDiv(x, c))
  const { quotient, rest } = splitByDivisor(a, b)
  if (rest.terms.length === 0) return quotient
  const r = constantOf(rest)
  if (r !== undefined && c !== undefined && r >= 0 && r < c) return quotient
  // (p // q) // c == p // (q * c)
  const only = rest.terms.length === 1 && rest.terms[0]!.coefficient === 1 && rest.terms[0]!.atoms.length === 1 ? rest.terms[0]!.atoms[0]! : undefined
  if (only?.kind === "floor") return addSize(quotient, floorSize(only.over, mulSize(only.by, b))!)
  const va = valueOf(rest)
  const vb = valueOf(b)
  const value = va !== undefined && vb !== undefined && vb !== 0 ? floorDiv(va, vb) : undefined
  return addSize(quotient, single(1, [{ kind: "floor", over: rest, by: b, key: `(${rest.key}//${b.key})`, value }]))
}

/** `a % b` with the divisor's sign. `undefined` for the constant divisor zero. */
export const modSize = (a: Size, b: Size): Size | undefined => {
  const c = constantOf(b)
  if (c === 0 || valueOf(b) === 0) return undefined
  if (c === 1) return zero
  const x = constantOf(a)
  if (x !== undefined && c !== undefined) return size(floorMod(x, c))
  const { rest } = splitByDivisor(a, b)
  if (rest.terms.length === 0) return zero
  const r = constantOf(rest)
  if (r !== undefined && c !== undefined) return size(r)
  const va = valueOf(rest)
  const vb = valueOf(b)
  const value = va !== undefined && vb !== undefined && vb !== 0 ? floorMod(va, vb) : undefined
  return single(1, [{ kind: "mod", over: rest, by: b, key: `(${rest.key}%${b.key})`, value }])
}

/** Replaces named atoms; `floor` and `mod` atoms are rebuilt and may simplify. */
export const substituteSize = (a: Size, replace: (name: Extract<Atom, { kind: "name" }>) => Size | undefined): Size => {
  let sum = zero
  let changed = false
  for (const t of a.terms) {
    let product = size(t.coefficient)
    for (const x of t.atoms) {
      const by = x.kind === "name"
        ? replace(x)
        : x.kind === "floor"
          ? floorSize(substituteSize(x.over, replace), substituteSize(x.by, replace))
          : modSize(substituteSize(x.over, replace), substituteSize(x.by, replace))
      if (by) changed = true
      product = mulSize(product, by ?? single(1, [x]))
    }
    sum = addSize(sum, product)
  }
  return changed ? sum : a
}

/** The named atoms a size mentions, in order of first mention. */
export const namesOf = (a: Size): Extract<Atom, { kind: "name" }>[] => {
  const found = new Map<number, Extract<Atom, { kind: "name" }>>()
  const visit = (s: Size): void => {
    for (const t of s.terms) for (const x of t.atoms) if (x.kind === "name") found.set(x.id, x); else { visit(x.over); visit(x.by) }
  }
  visit(a)
  return [...found.values()]
}

/** The single named atom a size is, if it is one. */
export const asAtom = (a: Size): Extract<Atom, { kind: "name" }> | undefined => {
  const t = a.terms.length === 1 ? a.terms[0]! : undefined
  const x = t && t.coefficient === 1 && t.atoms.length === 1 ? t.atoms[0]! : undefined
  return x?.kind === "name" ? x : undefined
}

/** Solves `pattern == target` for the atom `id`, which must occur linearly with coefficient 1 or -1 and nowhere else. */
export const solveFor = (pattern: Size, target: Size, id: number): Size | undefined => {
  let sign = 0
  let rest = zero
  for (const t of pattern.terms) {
    const mentions = t.atoms.some((x) => (x.kind === "name" ? x.id === id : namesOf(single(1, [x])).some((y) => y.id === id)))
    if (!mentions) rest = addSize(rest, make([t]))
    else if (sign === 0 && t.atoms.length === 1 && t.atoms[0]!.kind === "name" && Math.abs(t.coefficient) === 1) sign = t.coefficient
    else return divided(pattern, target, id)
  }
  if (sign === 0) return undefined
  return mulSize(size(sign), subSize(target, rest))
}

/** `c * x == target` where every term of the target is divisible by c. */
const divided = (pattern: Size, target: Size, id: number): Size | undefined => {
  const t = pattern.terms.length === 1 ? pattern.terms[0]! : undefined
  if (!t) return undefined
  const rest = t.atoms.filter((x) => !(x.kind === "name" && x.id === id))
  if (rest.length !== t.atoms.length - 1 || rest.some((x) => namesOf(single(1, [x])).some((y) => y.id === id))) return undefined
  return exactQuotient(target, single(t.coefficient, rest))
}

const printAtom = (x: Atom): string => (x.kind === "name" ? x.name : `${printSize(x.over, 2)} ${x.kind === "floor" ? "//" : "%"} ${printSize(x.by, 2)}`)

/** As a user would write it. `level` 0: loosest; 2: inside a product. */
export const printSize = (a: Size, level = 0): string => {
  if (a.terms.length === 0) return "0"
  // The constant goes last, as people write it.
  const ordered = [...a.terms].sort((s, t) => (t.atoms.length === 0 ? -1 : s.atoms.length === 0 ? 1 : t.coefficient < 0 ? (s.coefficient < 0 ? 0 : -1) : s.coefficient < 0 ? 1 : 0))
  const parts = ordered.map((t, i) => {
    const magnitude = Math.abs(t.coefficient)
    const factors = t.atoms.map((x) => (x.kind === "name" || t.atoms.length + (magnitude === 1 ? 0 : 1) === 1 ? printAtom(x) : `(${printAtom(x)})`))
    const text = [...(magnitude === 1 && factors.length > 0 ? [] : [String(magnitude)]), ...factors].join("*")
    return i === 0 ? (t.coefficient < 0 ? `-${text}` : text) : t.coefficient < 0 ? ` - ${text}` : ` + ${text}`
  })
  const text = parts.join("")
  const compound = a.terms.length > 1 || (level >= 2 && a.terms[0]!.atoms.some((x) => x.kind !== "name")) || (level >= 2 && (a.terms[0]!.atoms.length > 1 || (a.terms[0]!.atoms.length === 1 && a.terms[0]!.coefficient !== 1)))
  return level > 0 && compound ? `(${text})` : text
}
