/**
 * The simplifier of scalar and index expressions. Integer identities hold modulo 2^32 or are guarded by intervals;
 * an f32 result never changes a bit (no reassociation, no comparison folded where a NaN may come).
 */
import { type Affine, affineOf, exactDifference, exactRange, expressionOf, recombine, splitBy, sumOf } from "./affine.ts"
import { foldConstant } from "./fold-scalar.ts"
import { interner, type Interner } from "./intern.ts"
import { intervals, type RangeOf, within } from "./interval.ts"
import { type ScalarRule, scalarRules } from "./scalar-rules.ts"
import { i32, mapped, operands, type Scalar, withOperands } from "./scalar.ts"

/** What a rule may ask. */
export interface RuleContext {
  readonly range: RangeOf
  /** The integer sum that an i32 expression is. */
  readonly affine: (e: Scalar) => Affine
  /** The sum as an expression. */
  readonly fromAffine: (sum: Affine) => Scalar
  /** The range of a sum before wrapping. */
  readonly exactRange: (sum: Affine) => { readonly low: number; readonly high: number }
}

/** More rewrites of one node than this are a cycle of rules. */
const mostRewrites = 200

export type Trace = (rule: string, before: Scalar, after: Scalar) => void

/** i32 sums, products with a constant and negations come to a normal form: affine collection. */
const normalSum: ScalarRule = {
  name: "affine-collection",
  apply: (e, c) => {
    if (e.type !== "i32" || !(e.op === "binary" && (e.fn === "add" || e.fn === "sub" || e.fn === "mul") || e.op === "unary" && e.fn === "neg")) return undefined
    return c.fromAffine(c.affine(e))
  },
}

/** (k q + r) // k == q + r // k and (k q + r) % k == r % k, where neither sum wraps. */
const divisionOfSum: ScalarRule = {
  name: "division-of-sum",
  on: "binary",
  apply: (e, c) => {
    if (e.op !== "binary" || e.type !== "i32" || (e.fn !== "idiv" && e.fn !== "mod") || e.b.op !== "const" || e.b.value <= 0) return undefined
    const k = e.b.value
    const sum = c.affine(e.a)
    const whole = c.exactRange(sum)
    const { quotient, rest } = splitBy(sum, k)
    const remaining = c.exactRange(rest)
    const fits = (r: { low: number; high: number }): boolean => r.low >= -2147483648 && r.high <= 2147483647
    if (!fits(whole) || !fits(remaining)) return undefined
    const below = Math.floor(remaining.low / k)
    if (below === Math.floor(remaining.high / k)) {
      // the rest lies within one multiple of k
      const shifted: Affine = e.fn === "idiv" ? sumOf(quotient, { terms: new Map(), constant: below }, 1) : sumOf(rest, { terms: new Map(), constant: k * below }, -1)
      return c.fromAffine(shifted)
    }
    if (quotient.terms.size === 0 && quotient.constant === 0) return undefined
    const inner: Scalar = { ...e, a: c.fromAffine(rest) }
    return e.fn === "mod" ? inner : c.fromAffine(sumOf(quotient, { terms: new Map([[inner, 1]]), constant: 0 }, 1))
  },
}

/**
 * (g q + r) // (g k) == q // k and (g q + r) % (g k) == g (q % k) + r for 0 <= r < g, where no sum wraps. Not one of `allRules`:
 * it is for places that are taken g at a time.
 */
export const divisionByMultiple: ScalarRule = {
  name: "division-by-multiple",
  on: "binary",
  apply: (e, c) => {
    if (e.op !== "binary" || e.type !== "i32" || (e.fn !== "idiv" && e.fn !== "mod") || e.b.op !== "const" || e.b.value <= 1) return undefined
    const k = e.b.value
    const sum = c.affine(e.a)
    const whole = c.exactRange(sum)
    if (whole.low < -2147483648 || whole.high > 2147483647) return undefined
    for (const factor of new Set([...sum.terms.values()].map((n) => greatestCommonDivisor(Math.abs(n), k)).sort((a, b) => b - a))) {
      if (factor <= 1) break
      if (factor === k) continue
      const { quotient, rest } = splitBy(sum, factor)
      const r = c.exactRange(rest)
      const below = Math.floor(r.low / factor)
      if (below !== Math.floor(r.high / factor)) continue
      const inner: Scalar = { ...e, a: c.fromAffine(sumOf(quotient, { terms: new Map(), constant: below }, 1)), b: i32(k / factor) }
      if (e.fn === "idiv") return inner
      return c.fromAffine(sumOf(sumOf(rest, { terms: new Map(), constant: below * factor }, -1), { terms: new Map([[inner, factor]]), constant: 0 }, 1))
    }
    return undefined
  },
}

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b))

/** An i32 comparison of two sums goes by the range of their difference, where that does not wrap. */
const comparisonOfSums: ScalarRule = {
  name: "comparison-by-range",
  on: "binary",
  apply: (e, c) => {
    if (e.op !== "binary" || e.a.type !== "i32" || e.type !== "bool") return undefined
    const a = c.affine(e.a)
    const b = c.affine(e.b)
    const fits = (sum: Affine): boolean => within({ ...c.exactRange(sum), integral: true }, -2147483648, 2147483647)
    if (!fits(a) || !fits(b)) return undefined
    const difference = c.exactRange(exactDifference(a, b))
    const known = (truth: boolean): Scalar => ({ op: "const", type: "bool", value: Number(truth) })
    if (e.fn === "lt") return difference.high < 0 ? known(true) : difference.low >= 0 ? known(false) : undefined
    if (e.fn === "le") return difference.high <= 0 ? known(true) : difference.low > 0 ? known(false) : undefined
    if (e.fn !== "eq" && e.fn !== "ne") return undefined
    if (difference.low > 0 || difference.high < 0) return known(e.fn === "ne")
    return difference.low === 0 && difference.high === 0 ? known(e.fn === "eq") : undefined
  },
}

const foldConstants: ScalarRule = { name: "constant-folding", apply: (e) => foldConstant(e) }

/** An i32 whose range is one number is that number. */
const singleValue: ScalarRule = {
  name: "single-value",
  apply: (e, c) => {
    if (e.op === "const" || e.type !== "i32") return undefined
    const r = c.range(e)!
    return r.low === r.high ? i32(r.low) : undefined
  },
}

export const allRules: readonly ScalarRule[] = [foldConstants, singleValue, normalSum, divisionOfSum, comparisonOfSums, ...scalarRules]

const opsOf = ["const", "var", "unary", "binary", "cast", "select", "read", "reduce", "threefry"] as const
type RulesByOp = Readonly<Record<Scalar["op"], readonly ScalarRule[]>>
const byOp = (rules: readonly ScalarRule[]): RulesByOp => Object.fromEntries(opsOf.map((op) => [op, rules.filter((r) => r.on === undefined || r.on === op)])) as unknown as RulesByOp
const allByOp = byOp(allRules)

const simplifier = (slots: ReadonlyMap<number, readonly [number, number]> | undefined, rules: readonly ScalarRule[], trace: Trace | undefined): ((root: Scalar) => Scalar) => {
  const intern: Interner = interner()
  const sums = new Map<Scalar, Affine>()
  const done = new Map<Scalar, Scalar>()
  const range: RangeOf = intervals(slots, (e) => {
    // A sum's range is sharper than what its partial sums say.
    if (e.type !== "i32" || e.op === "const" || e.op === "var") return undefined
    const sum = affine(e)
    if (sum.terms.size === 1 && sum.terms.has(e)) return undefined
    const r = exactRange(sum, range)
    return within(r, -2147483648, 2147483647) ? r : undefined
  })
  const affine = (e: Scalar): Affine => {
    const known = sums.get(e)
    if (known) return known
    const interned = intern(e)
    const sum = recombine(affineOf(interned, affine), affine)
    sums.set(e, sum)
    sums.set(interned, sum)
    return sum
  }
  const context: RuleContext = {
    range,
    affine,
    exactRange: (sum) => exactRange(sum, range),
    fromAffine: (sum) => {
      let terms = sum.terms
      for (const term of terms.keys()) if (intern(term) !== term) terms = new Map([...sum.terms].map(([x, c]) => [intern(x), c]))
      return intern(expressionOf({ terms, constant: sum.constant }, intern.idOf))
    },
  }

  const rulesOn = rules === allRules ? allByOp : byOp(rules)
  const firstRewrite = (e: Scalar): Scalar | undefined => {
    for (const rule of rulesOn[e.op]) {
      const result = rule.apply(e, context)
      if (!result) continue
      const next = intern(result)
      if (next === e) continue
      trace?.(rule.name, e, next)
      return next
    }
    return undefined
  }

  /** Rewrites a node whose operands are done until no rule fires. */
  const settle = (given: Scalar): Scalar => {
    const passed: Scalar[] = []
    let e = intern.node(given)
    while (!done.has(e)) {
      passed.push(e)
      if (passed.length > mostRewrites) throw new Error("the scalar rules do not terminate")
      const next = firstRewrite(e)
      if (!next) break
      const parts = operands(next)
      const after = parts.map(simplify)
      e = intern.node(after.every((x, i) => x === parts[i]) ? next : withOperands(next, after))
    }
    const result = done.get(e) ?? e
    for (const x of passed) done.set(x, result)
    return result
  }

  /** Bottom up, each node once, with a stack of its own: expressions may be deeper than the call stack. */
  const simplify = (root: Scalar): Scalar => {
    const stack = [root]
    while (stack.length > 0) {
      const e = stack[stack.length - 1]!
      if (done.has(e)) {
        stack.pop()
        continue
      }
      const parts = operands(e)
      const open = stack.length
      for (const x of parts) if (!done.has(x)) stack.push(x)
      if (stack.length > open) continue
      stack.pop()
      const after = mapped(parts, done)
      done.set(e, settle(after === parts ? e : withOperands(e, after)))
    }
    return done.get(root)!
  }

  return (root) => simplify(intern(root))
}

/**
 * Simplifies expressions together: equal parts of the results are one object. `ranges` are the ranges of integer inputs by slot;
 * `trace` hears of each rule that fires.
 */
export const simplify = (
  roots: readonly Scalar[], ranges?: ReadonlyMap<number, readonly [number, number]>, trace?: Trace, rules: readonly ScalarRule[] = allRules,
): Scalar[] => roots.map(simplifier(ranges, rules, trace))
