/**
 * Reverse-mode differentiation of scalar expressions: given the cotangent of a value, what each f32 read in it
 * receives. The rules are those of the elementwise primitives; conditions, indices and casts carry nothing.
 */
import { add, binary, cast, constant, eq, f32, mul, reduce, select, sub, unary } from "../scalar/scalar.ts"
import type { BinaryFn, CastFn, Scalar, ScalarType, UnaryFn, Var } from "../scalar/scalar.ts"
import { elementwise } from "./elementwise.ts"
import type { Build, Primitive } from "./primitive.ts"
import { operandsFirst } from "./scalar-order.ts"
import { freshVariable, substitute } from "./substitute.ts"

/** `value` goes to element `index` of input `slot`, for all values of `vars` (the variables of enclosing reductions). */
export interface Contribution {
  readonly slot: number
  readonly index: readonly Scalar[]
  readonly value: Scalar
  readonly vars: readonly Var[]
}

/** Single scalars as graph values of rank 0: the gradient rules of elementwise primitives run on them unchanged. */
const scalars: Build<Scalar> = {
  typeOf: (x) => ({ dtype: x.type, shape: [] }),
  apply: (prim, inputs, attrs) => {
    const [x, y, z] = inputs
    if (prim === "cast") return cast((attrs as { to: CastFn }).to, x!)
    return inputs.length === 3 ? select(x!, y!, z!) : inputs.length === 2 ? binary(prim as BinaryFn, x!, y!) : unary(prim as UnaryFn, x!)
  },
  scalar: (value, dtype: ScalarType = "f32") => constant(value, dtype),
  zeros: () => f32(0),
  add, sub, mul,
  div: (a, b) => binary("div", a, b),
  neg: (a) => unary("neg", a),
}

const recordOf = (e: Scalar): Primitive | undefined => {
  const table: Readonly<Record<string, Primitive>> = elementwise
  return e.op === "unary" || e.op === "binary" ? table[e.fn] : e.op === "select" ? table["select"] : undefined
}
const valuesOf = (e: Scalar): readonly Scalar[] => (e.op === "unary" ? [e.x] : e.op === "binary" ? [e.a, e.b] : e.op === "select" ? [e.condition, e.then, e.else] : [])

/** What the body of a reduction receives, at fresh values of its variables. */
const throughReduce = (e: Scalar & { op: "reduce" }, cotangent: Scalar): { vars: Var[]; body: Scalar; cotangent: Scalar } => {
  const again = (): { vars: Var[]; body: Scalar } => {
    const vars = e.vars.map(freshVariable)
    return { vars, body: substitute(e.body, new Map(e.vars.map((v, i) => [v, vars[i]!]))) }
  }
  const here = again()
  if (e.combine === "sum") return { ...here, cotangent }
  const other = again()
  if (e.combine === "prod") {
    // d prod / d x_k = product of the others, also where x_k is 0
    const same = here.vars.map((v, i) => eq(v, other.vars[i]!)).reduce((a, b) => binary("and", a, b))
    return { ...here, cotangent: mul(cotangent, reduce("prod", other.vars, select(same, f32(1), other.body))) }
  }
  // Equal extremes share the cotangent.
  const count = reduce("sum", other.vars, select(eq(other.body, e), f32(1), f32(0)))
  return { ...here, cotangent: select(eq(here.body, e), binary("div", cotangent, count), f32(0)) }
}

export const contributions = (root: Scalar, cotangent: Scalar, outer: readonly Var[] = []): Contribution[] => {
  if (root.type !== "f32") return []
  const order = operandsFirst([root], (e) => valuesOf(e).filter((x) => x.type === "f32"))
  const received = new Map<Scalar, Scalar>([[root, cotangent]])
  const result: Contribution[] = []
  for (const e of order.reverse()) {
    const g = received.get(e)
    if (!g) continue
    if (e.op === "read") result.push({ slot: e.slot, index: e.index, value: g, vars: outer })
    else if (e.op === "reduce") {
      const inner = throughReduce(e, g)
      result.push(...contributions(inner.body, inner.cotangent, [...outer, ...inner.vars]))
    } else {
      const rule = recordOf(e)?.vjp
      if (typeof rule !== "function") continue
      const xs = valuesOf(e)
      rule(scalars, g, xs, e, {}).forEach((part, i) => {
        const x = xs[i]!
        if (part === undefined || x.type !== "f32") return
        const known = received.get(x)
        received.set(x, known ? add(known, part) : part)
      })
    }
  }
  return result
}
