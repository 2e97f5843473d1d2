/**
 * Lowers scalar expressions to statements: shared or costly parts become lets, loop-invariant parts leave their loops,
 * a costly side of a select that nothing else needs becomes an `if`.
 */
import { freeVariables } from "../scalar/free-variables.ts"
import { operands, type BinaryFn, type Combine, type Scalar, type ScalarType, type UnaryFn, type Var } from "../scalar/scalar.ts"
import { arithmetic, local, number, use, type Expr, type Local, type Stmt } from "./kernel.ts"

export type Read = Extract<Scalar, { op: "read" }>

export interface Target {
  /** The element a read stands for; its operands are lowered. `emit` appends a statement where the read stands. */
  read(e: Read, index: readonly Expr[], emit: (s: Stmt) => void): Expr
  /** Which values are wide, where some are: then nothing is a branch, since none suits all four components. */
  readonly wide?: (e: Scalar) => boolean
  /** A lower bound of an i32 expression, where one is known. */
  readonly least: (e: Scalar) => number
}

/** A list of statements and what has been computed in it. */
export interface Block {
  readonly statements: Stmt[]
  readonly known: Map<Scalar, Expr>
  readonly parent: Block | undefined
  /** The variables of the loop whose body this is. */
  readonly loop: readonly Var[] | undefined
}

export const block = (parent?: Block, loop?: readonly Var[]): Block => ({ statements: [], known: new Map(), parent, loop })

/** Expressions deeper than this are cut by a let. */
const deepest = 24
/** A side of a select that costs more is computed only where it is chosen. */
const costlySide = 40
/** Constant trip counts above this are hidden, so that drivers do not unroll the loop. */
const mostUnrolled = 8

const heavy = new Set<UnaryFn>(["exp", "log", "log1p", "expm1", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "sigmoid", "softplus", "erf"])
const price = (e: Scalar): number => {
  switch (e.op) {
    case "const": case "var": return 0
    case "read": return 8
    case "threefry": return 60
    case "unary": return heavy.has(e.fn) ? 10 : 1
    case "reduce": return e.vars.reduce((n, v) => n * (v.high - v.low + 1), 1) * 4
    default: return 1
  }
}

export const neutral = (combine: Combine, type: ScalarType): number => {
  switch (combine) {
    case "sum": return 0
    case "prod": return 1
    case "max": return type === "f32" ? -Infinity : type === "i32" ? -2147483648 : 0
    case "min": return type === "f32" ? Infinity : type === "i32" ? 2147483647 : type === "u32" ? 4294967295 : 1
  }
}

export const combined = (combine: Combine, type: ScalarType, a: Expr, b: Expr): Expr => {
  const fn: BinaryFn = combine === "sum" ? "add" : combine === "prod" ? "mul" : combine
  return { op: "binary", type, fn, a, b, nonNegative: false }
}

export interface Lowerer {
  /** Lowers expressions that are wanted together into `into`; `wanted` says how to use them there. */
  lower(roots: readonly Scalar[], into: Block): Expr[]
}

/** `everything`: all roots that will ever be lowered with it (they tell what is shared); `counters`: variables of loops opened by the caller. */
export const makeLowerer = (target: Target, everything: readonly Scalar[], counters: readonly Var[] = []): Lowerer => {
  const uses = new Map<Scalar, number>()
  const bound = new Set<Var>(counters)
  {
    const stack: Scalar[] = []
    const count = (e: Scalar): void => {
      const before = uses.get(e) ?? 0
      uses.set(e, before + 1)
      if (before === 0) stack.push(e)
    }
    everything.forEach(count)
    while (stack.length > 0) {
      const e = stack.pop()!
      if (e.op === "reduce") for (const v of e.vars) bound.add(v)
      operands(e).forEach(count)
    }
  }
  const loopVarsOf = freeVariables((v) => bound.has(v))
  const depths = new Map<Expr, number>()
  const depthOf = (e: Expr): number => depths.get(e) ?? 0

  const lookup = (e: Scalar, at: Block): Expr | undefined => {
    for (let b: Block | undefined = at; b; b = b.parent) {
      const found = b.known.get(e)
      if (found) return found
    }
    return undefined
  }
  const named = (e: Scalar, value: Expr, at: Block): Expr => {
    const name = local(value.type)
    at.statements.push({ op: "let", local: name, value })
    const result = use(name)
    at.known.set(e, result)
    return result
  }
  const made = (e: Scalar, value: Expr, parts: readonly Expr[], at: Block): Expr => {
    const depth = 1 + parts.reduce((d, p) => Math.max(d, depthOf(p)), 0)
    const shared = (uses.get(e) ?? 0) > 1
    const call = e.op === "read" || e.op === "threefry"
    const trivial = value.op === "local" || value.op === "const" || value.op === "builtin"
    if (!trivial && (shared || call || depth > deepest)) return named(e, value, at)
    depths.set(value, depth)
    if (shared) at.known.set(e, value)
    return value
  }

  /** What only the given edges need: nodes all of whose uses lie below them. */
  const exclusive = (edges: readonly Scalar[], at: Block): Set<Scalar> => {
    const left = new Map<Scalar, number>()
    const found = new Set<Scalar>()
    const stack = [...edges]
    while (stack.length > 0) {
      const e = stack.pop()!
      const rest = (left.get(e) ?? uses.get(e) ?? 0) - 1
      left.set(e, rest)
      if (rest > 0 || lookup(e, at)) continue
      found.add(e)
      stack.push(...operands(e))
    }
    return found
  }
  const cost = (es: ReadonlySet<Scalar>): number => {
    let sum = 0
    for (const e of es) sum += price(e)
    return sum
  }

  type Select = Extract<Scalar, { op: "select" }>
  /** Selects on one condition, computed by one `if` when a side is costly. */
  const branch = (selects: readonly Select[], at: Block): Expr[] | undefined => {
    if (target.wide) return undefined
    const sides = [selects.map((s) => s.then), selects.map((s) => s.else)]
    const own = sides.map((side) => exclusive(side, at))
    if (own.every((nodes) => cost(nodes) < costlySide)) return undefined
    const condition = build(selects[0]!.condition, at)
    // What both sides or others need is computed before.
    for (const nodes of own) for (const e of nodes) for (const x of operands(e)) if (!nodes.has(x) && x.op !== "const" && loopFits(x, at)) build(x, at)
    for (const side of sides) for (const e of side) if (!own.some((nodes) => nodes.has(e)) && e.op !== "const") build(e, at)
    const inner = sides.map(() => block(at))
    const values = sides.map((side, i) => group(side, inner[i]!))
    const results = selects.map((s, i) => {
      const name = local(s.type)
      const elseIsPlain = inner[1]!.statements.length === 0
      at.statements.push({ op: "var", local: name, value: elseIsPlain ? values[1]![i]! : number(0, s.type) })
      inner[0]!.statements.push({ op: "assign", local: name, value: values[0]![i]! })
      return { name, elseIsPlain }
    })
    if (results.some((r) => !r.elseIsPlain)) results.forEach((r, i) => inner[1]!.statements.push({ op: "assign", local: r.name, value: values[1]![i]! }))
    at.statements.push({ op: "if", condition, then: inner[0]!.statements, else: inner[1]!.statements })
    return results.map((r, i) => {
      const result = use(r.name)
      at.known.set(selects[i]!, result)
      return result
    })
  }
  /** Whether all loops that `e` depends on are open at `at`. */
  const loopFits = (e: Scalar, at: Block): boolean => {
    const needed = loopVarsOf(e)
    if (needed.size === 0) return true
    const open = new Set<Var>()
    for (let b: Block | undefined = at; b; b = b.parent) for (const v of b.loop ?? []) open.add(v)
    return [...needed].every((v) => open.has(v))
  }

  const group = (es: readonly Scalar[], at: Block): Expr[] => {
    const first = es[0]
    if (es.length > 1 && first?.op === "select" && es.every((e) => e.op === "select" && e.condition === first.condition && !lookup(e, at)) && new Set(es).size === es.length) {
      const branched = branch(es as Select[], at)
      if (branched) return branched
    }
    return es.map((e) => build(e, at))
  }

  type Reduce = Extract<Scalar, { op: "reduce" }>
  const reductions: Reduce[] = [...uses.keys()].filter((e): e is Reduce => e.op === "reduce")
  const inside = new Map<Scalar, ReadonlySet<Scalar>>()
  /** The reductions that an expression contains, itself too. */
  const reductionsIn = (e: Scalar): ReadonlySet<Scalar> => {
    const known = inside.get(e)
    if (known) return known
    const found = new Set<Scalar>(e.op === "reduce" ? [e] : [])
    for (const x of operands(e)) for (const r of reductionsIn(x)) found.add(r)
    inside.set(e, found)
    return found
  }
  /** Reductions over the very same variables that can share the loop of `e`. */
  const alike = (e: Reduce, at: Block): Reduce[] => {
    for (let b: Block | undefined = at; b; b = b.parent) if (b.parent && !b.loop) return [e]
    const same = reductions.filter((r) => r === e || (r.vars.length === e.vars.length && r.vars.every((v, i) => v === e.vars[i]) && !lookup(r, at) && loopFits(r, at)))
    const chosen: Reduce[] = [e]
    for (const r of same) if (r !== e && chosen.every((c) => !reductionsIn(c).has(r) && !reductionsIn(r).has(c))) chosen.push(r)
    return chosen
  }
  const loops = (e: Reduce, at: Block): Expr => {
    const together = alike(e, at)
    const totals = together.map((r) => {
      const total: Local = target.wide?.(r.body) ? { ...local(r.type), wide: true } : local(r.type)
      at.statements.push({ op: "var", local: total, value: number(neutral(r.combine, r.type), r.type) })
      return total
    })
    let outer = at
    const opened: Block[] = []
    for (const v of e.vars) {
      const inner = block(outer, [v])
      inner.known.set(v, use(local("i32")))
      opened.push(inner)
      outer = inner
    }
    together.forEach((r, i) => {
      const body = build(r.body, outer)
      outer.statements.push({ op: "assign", local: totals[i]!, value: combined(r.combine, r.type, use(totals[i]!), body) })
    })
    for (let i = opened.length - 1; i >= 0; i--) {
      const v = e.vars[i]!
      const counter = (opened[i]!.known.get(v) as Extract<Expr, { op: "local" }>).local
      const below = number(v.high + 1)
      const extent = v.high - v.low + 1
      const hidden: Expr = extent > mostUnrolled ? { op: "binary", type: "i32", fn: "add", a: below, b: { op: "hidden_zero", type: "i32" }, nonNegative: false } : below
      ;(i === 0 ? at : opened[i - 1]!).statements.push({ op: "for", local: counter, from: number(v.low), below: hidden, step: 1, body: opened[i]!.statements })
    }
    together.forEach((r, i) => at.known.set(r, use(totals[i]!)))
    return use(totals[0]!)
  }

  const build = (e: Scalar, at: Block): Expr => {
    if (e.op === "const") return number(e.value, e.type)
    const known = lookup(e, at)
    if (known) return known
    // Invariant code leaves the loop.
    const needed = loopVarsOf(e)
    if (at.loop && at.parent && !at.loop.some((v) => needed.has(v))) return build(e, at.parent)
    switch (e.op) {
      case "var": throw new Error(`lower: variable ${e.name} is not bound`)
      case "reduce": return loops(e, at)
      case "select": {
        const branched = branch([e], at)
        if (branched) return branched[0]!
        const [c, a, b] = [build(e.condition, at), build(e.then, at), build(e.else, at)]
        return made(e, { op: "select", type: e.type, condition: c, then: a, else: b }, [c, a, b], at)
      }
      case "unary": {
        const x = build(e.x, at)
        return made(e, { op: "unary", type: e.type, fn: e.fn, x }, [x], at)
      }
      case "cast": {
        const x = build(e.x, at)
        return made(e, { op: "cast", type: e.type, fn: e.fn, x }, [x], at)
      }
      case "binary": {
        const [a, b] = [build(e.a, at), build(e.b, at)]
        const divides = e.fn === "idiv" || (e.fn === "mod" && e.type !== "f32")
        return made(e, arithmetic(e.fn, a, b, divides && target.least(e.a) >= 0 && target.least(e.b) >= 1), [a, b], at)
      }
      case "threefry": {
        const [k0, k1, c0, c1] = [build(e.key[0], at), build(e.key[1], at), build(e.counter[0], at), build(e.counter[1], at)]
        return made(e, { op: "threefry", type: "u32", word: e.word, key: [k0, k1], counter: [c0, c1] }, [k0, k1, c0, c1], at)
      }
      case "read": {
        const index = e.index.map((x) => build(x, at))
        return made(e, target.read(e, index, (s) => at.statements.push(s)), index, at)
      }
    }
  }
  return { lower: (roots, into) => group(roots, into) }
}
