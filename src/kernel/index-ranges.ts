/** Which numbers an integer expression of a kernel may be. */
import type { Expr, Kernel, Local, Stmt } from "./kernel.ts"

export type Range = readonly [low: number, high: number]
const unknown: Range = [-Infinity, Infinity]

export interface IndexRanges {
  rangeOf(e: Expr): Range
  /** Hears of each statement, in order, before those inside it. */
  learn(s: Stmt): void
}

export const indexRanges = (kernel: Kernel): IndexRanges => {
  const threads = kernel.workgroup.reduce((a, b) => a * b, 1)
  const ranges = new Map<Local, Range>()
  const rangeOf = (e: Expr): Range => {
    switch (e.op) {
      case "const": return e.type === "i32" ? [e.value, e.value] : unknown
      case "builtin": return [0, e.name === "lane" ? threads - 1 : kernel.groups[e.name === "group_x" ? 0 : e.name === "group_y" ? 1 : 2] - 1]
      case "hidden_zero": return [0, 0]
      case "element": return e.array.data && e.type === "i32" ? [Math.min(...e.array.data), Math.max(...e.array.data)] : unknown
      case "component": return [0, 3]
      case "local": return ranges.get(e.local) ?? unknown
      case "select": {
        const [a, b] = [rangeOf(e.then), rangeOf(e.else)]
        return [Math.min(a[0], b[0]), Math.max(a[1], b[1])]
      }
      case "binary": {
        if (e.type !== "i32") return unknown
        const [a, b] = [rangeOf(e.a), rangeOf(e.b)]
        switch (e.fn) {
          case "add": return [a[0] + b[0], a[1] + b[1]]
          case "sub": return [a[0] - b[1], a[1] - b[0]]
          case "mul": {
            const all = [a[0] * b[0], a[0] * b[1], a[1] * b[0], a[1] * b[1]]
            return all.some(Number.isNaN) ? unknown : [Math.min(...all), Math.max(...all)]
          }
          case "min": return [Math.min(a[0], b[0]), Math.min(a[1], b[1])]
          case "max": return [Math.max(a[0], b[0]), Math.max(a[1], b[1])]
          case "idiv": return b[0] === b[1] && b[0] > 0 ? [Math.floor(a[0] / b[0]), Math.floor(a[1] / b[0])] : unknown
          case "mod": return b[0] === b[1] && b[0] > 0 ? (a[0] >= 0 && a[1] < b[0] ? a : [0, b[0] - 1]) : unknown
          default: return unknown
        }
      }
      default: return unknown
    }
  }
  const learn = (s: Stmt): void => {
    if (s.op === "let" && s.local.type === "i32") ranges.set(s.local, rangeOf(s.value))
    if (s.op === "steps") ranges.set(s.local, [0, rangeOf(s.below)[1] - 1])
    if (s.op === "for") ranges.set(s.local, [rangeOf(s.from)[0], rangeOf(s.below)[1] - 1])
  }
  return { rangeOf, learn }
}
