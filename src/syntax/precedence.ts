/** Operator precedence: a flat row of operands and operators to a tree, without recursion (Dijkstra's shunting yard). */
import type { Diagnostic } from "../base/diagnostic.ts"
import type { Span } from "../base/span.ts"
import * as say from "../diagnostics/messages/syntax.ts"
import type { BinaryOp, Expr } from "./ast.ts"

/** Loosest first. Comparisons and `..` do not chain; `**` groups to the right, all others to the left. */
const levels: readonly (readonly string[])[] = [
  ["|>"], [".."], ["or"], ["and"], ["not"], ["==", "!=", "<", "<=", ">", ">=", "in"], ["+", "-"], ["*", "/", "//", "%", "@"], ["negate"], ["**"],
]
const levelOf: ReadonlyMap<string, number> = new Map(levels.flatMap((operators, level) => operators.map((operator) => [operator, level] as const)))
const rangeLevel = levelOf.get("..")!
const comparisonLevel = levelOf.get("==")!

/** How tightly an operator binds; `-` here is the binary one. */
export const binding = (operator: string): number => levelOf.get(operator)!
export const negationBinding = levelOf.get("negate")!
export const notBinding = levelOf.get("not")!

export interface Operand {
  readonly prefixes: readonly { readonly op: "not" | "-"; readonly span: Span }[]
  readonly expr: Expr
  /** What it covers in the source, its parentheses included. */
  readonly span: Span
}
export interface Operator {
  readonly op: BinaryOp | "|>"
  readonly span: Span
}

interface Piece {
  readonly expr: Expr
  readonly span: Span
}
type Pending = { readonly op: string; readonly level: number; readonly span: Span; readonly prefix: boolean }

/** Holds: `operands.length == operators.length + 1`. */
export const associate = (operands: readonly Operand[], operators: readonly Operator[], report: (problem: Diagnostic) => void): Expr => {
  const values: Piece[] = []
  const pending: Pending[] = []

  const reduce = (): void => {
    const { op, prefix, span } = pending.pop()!
    const right = values.pop()!
    if (prefix) {
      const whole = { ...span, end: right.span.end }
      values.push({ expr: { kind: "unary", span: whole, op: op === "not" ? "not" : "-", operand: right.expr }, span: whole })
      return
    }
    const left = values.pop()!
    const whole = { ...left.span, end: right.span.end }
    values.push({
      span: whole,
      expr: op === "|>"
        ? { kind: "pipe", span: whole, value: left.expr, stage: right.expr }
        : { kind: "binary", span: whole, op: op as BinaryOp, opSpan: span, left: left.expr, right: right.expr },
    })
  }

  operands.forEach((operand, i) => {
    const before = operators[i - 1]
    if (before !== undefined) {
      const level = binding(before.op)
      const rightward = before.op === "**"
      for (let top = pending[pending.length - 1]; top !== undefined && (top.level > level || (top.level === level && !rightward)); top = pending[pending.length - 1]) {
        if (top.level === level && !top.prefix) {
          if (level === comparisonLevel) report(say.doesNotChain(before.span, top.span, before.op, ["join two comparisons with `and`: a < b and b < c"]))
          if (level === rangeLevel) report(say.doesNotChain(before.span, top.span, before.op, ["a range has two ends: 0..n"]))
        }
        reduce()
      }
      pending.push({ op: before.op, level, span: before.span, prefix: false })
    }
    for (const { op, span } of operand.prefixes) {
      if (op === "not" && before !== undefined && binding(before.op) > notBinding) report(say.notNeedsParentheses(span, before.op))
      pending.push({ op, level: op === "not" ? notBinding : negationBinding, span, prefix: true })
    }
    values.push(operand)
  })
  while (pending.length > 0) reduce()
  return values[0]!.expr
}
