/**
 * What a kernel is apart from its integer constants (extents, strides, offsets, draw sites): kernels with one skeleton can
 * be one shader that is told the constants. Divisors belong to the skeleton, since a division by a known number is cheap.
 */
import { operandsOf, type Expr, type Kernel, type Stmt } from "./kernel.ts"
import { printKernel } from "./print-kernel.ts"
import { rewriteStatements, withOperandsOf } from "./rewrite.ts"

export type Constant = Extract<Expr, { op: "const" }>

/** The statements with every integer constant that is no divisor replaced, in one fixed order. */
export const mapConstants = (body: readonly Stmt[], replace: (c: Constant) => Expr): Stmt[] => {
  const go = (e: Expr): Expr => {
    if (e.op === "const") return e.type === "i32" || e.type === "u32" ? replace(e) : e
    const divides = e.op === "binary" && (e.fn === "idiv" || e.fn === "mod") && e.b.op === "const"
    const before = operandsOf(e)
    const after = before.map((x, i) => (divides && i === 1 ? x : go(x)))
    return after.every((x, i) => x === before[i]) ? e : withOperandsOf(e, after)
  }
  return rewriteStatements(body, { expression: go })
}

export interface Skeleton {
  readonly key: string
  readonly constants: readonly Constant[]
}

export const skeletonOf = (kernel: Kernel): Skeleton => {
  const constants: Constant[] = []
  const body = mapConstants(kernel.body, (c) => {
    constants.push(c)
    return { ...c, value: 0 }
  })
  // What the printed form leaves out.
  const rest: string[] = []
  const look = (e: Expr): void => {
    if (e.op === "binary" && e.type === "i32") rest.push(e.nonNegative ? "+" : "-")
    if (e.op === "draw") rest.push(JSON.stringify(e.distribution))
    operandsOf(e).forEach(look)
  }
  rewriteStatements(body, { expression: (e) => (look(e), e), array: (a) => (rest.push(`${a.space}${a.length}`), a) })
  const bindings = kernel.bindings.map((b) => ({ ...b, length: 0, label: "" }))
  const text = printKernel({ ...kernel, bindings, groups: [1, 1, 1], body }, "")
  return { key: `${text}${rest.join("")} ${constants.map((c) => c.type).join("")}`, constants }
}
