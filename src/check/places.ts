/** Whether an augment leaves every pixel at its place, so that boxes and masks of the same record still fit (RULINGS 8). */
import type * as Ast from "../syntax/ast.ts"
import { lookup } from "./scope.ts"
import type { FunctionValue, Value } from "./value.ts"

/** True when a read of a picture is anywhere but at the pixel that is computed, or another sample is looked at. */
export const movesPixels = (stage: Value, seen: ReadonlySet<Ast.FunctionDeclaration> = new Set()): boolean => {
  if (stage.kind === "partial") return stage.callee.kind === "function" ? movesPixels(stage.callee, seen) : false
  if (stage.kind !== "function" || stage.declaration.role !== "augment" || seen.has(stage.declaration)) return false
  const config = [...(stage.config?.values() ?? [])].some((v) => listed(v).some((x) => movesPixels(x, seen)))
  return config || bodyMoves(stage, new Set([...seen, stage.declaration]))
}

const listed = (v: Value): readonly Value[] => (v.kind === "list" ? v.items ?? [] : [v])

const bodyMoves = (fn: FunctionValue, seen: ReadonlySet<Ast.FunctionDeclaration>): boolean => {
  const pictures = new Set(fn.declaration.groups.at(-1)!.map((p) => p.name.text))
  const result = fn.declaration.result
  const input = fn.declaration.groups.at(-1)![0]?.type
  if (result?.kind === "named" && input?.kind === "named" && text(result) !== text(input)) return true
  const moves = (e: Ast.Expr, coords: readonly string[]): boolean => {
    switch (e.kind) {
      case "name": {
        const found = pictures.has(e.name) ? undefined : lookup(fn.scope, e.name)?.value
        return e.name === "partner" || (found?.kind === "function" && movesPixels(found, seen))
      }
      case "call":
        if (e.callee.kind === "name" && pictures.has(e.callee.name)) {
          const places = e.args.filter((a) => !a.name).map((a) => (a.value.kind === "name" ? a.value.name : ""))
          return places.length !== coords.length || places.some((p, i) => p !== coords[i])
        }
        return moves(e.callee, coords) || e.args.some((a) => moves(a.value, coords))
      case "at": return moves(e.body, e.coords.map((c) => c.name.text))
      case "suite": return e.statements.some((s) => "value" in s && s.value !== undefined && moves(s.value, coords)) || (e.result !== undefined && moves(e.result, coords))
      case "pipe": return moves(e.value, coords) || moves(e.stage, coords)
      case "if": return moves(e.condition, coords) || moves(e.then, coords) || (e.else !== undefined && moves(e.else, coords))
      case "loop": return moves(e.start, coords) || moves(e.over, coords) || moves(e.body, coords)
      case "binary": return moves(e.left, coords) || moves(e.right, coords)
      case "unary": return moves(e.operand, coords)
      case "index": return moves(e.base, coords) || e.slices.some((s) => s.kind === "at" && moves(s.index, coords))
      case "tuple": case "list": return e.items.some((x) => moves(x, coords))
      case "record": return e.fields.some((f) => moves(f.value, coords))
      case "lambda": return moves(e.body, coords)
      case "field": case "item": return moves(e.base, coords)
      default: return false
    }
  }
  return moves(fn.declaration.body, [])
}

const text = (t: Extract<Ast.TypeExpr, { kind: "named" }>): string =>
  (t.dims ?? []).map((d) => (d.kind === "dim" && d.size.kind === "name" ? d.size.name.text : d.kind === "dim" && d.size.kind === "int" ? String(d.size.value) : "?")).join(",")
