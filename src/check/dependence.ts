/** Whether a loss can depend on a model's parameters: reachability over the names that its expression mentions, directly or through definitions. */
import type * as Ast from "../syntax/ast.ts"
import { visit } from "../syntax/visit.ts"
import { lookup, type Scope } from "./scope.ts"
import type { ModelValue, Value } from "./value.ts"

export interface Dependence {
  readonly depends: boolean
  /** Models on the way that share the parameters and carry no gradient: followers. */
  readonly cut: readonly string[]
}

/** What their arguments give carries no gradient. */
const cuts = new Set(["stop", "frozen", "follow"])

/** Kinds whose making is not followed here; what they hold may be the model. */
const opaque = new Set<Value["kind"]>(["record", "tuple", "list", "partial", "native", "stage", "unknown", "error", "opaque"])

/** `depends` is false only where no path leads from the loss to the model. */
export const dependsOn = (scope: Scope, loss: Ast.Expr, model: ModelValue): Dependence => {
  const seen = new Set<Ast.Expr>()
  const pending: { readonly scope: Scope; readonly expr: Ast.Expr }[] = [{ scope, expr: loss }]
  const cut = new Set<string>()
  let depends = false
  const follow = (value: Value): void => {
    if (value.kind === "model") {
      if (value.block !== model.block) follow(value.block)
      else if (value.mode === "plain" || value.mode === "with_training") depends = true
      else cut.add(value.name)
    } else if (value.kind === "function") {
      pending.push({ scope: value.scope, expr: value.declaration.body })
      for (const configured of value.config?.values() ?? []) follow(configured)
    } else if (value.kind === "lambda") pending.push({ scope: value.scope, expr: value.body })
    else if (opaque.has(value.kind)) depends = true
  }
  for (let at = pending.pop(); at && !depends; at = pending.pop()) {
    if (seen.has(at.expr)) continue
    seen.add(at.expr)
    const from = at.scope
    visit(at.expr, (node) => {
      const expr = node as Ast.Expr
      if (expr.kind === "call" && expr.callee.kind === "name" && cuts.has(expr.callee.name)) return false
      if (expr.kind !== "name" || typeof expr.name !== "string") return
      const found = lookup(from, expr.name)
      if (found?.from) pending.push({ scope: from, expr: found.from })
      else if (found) follow(found.value)
    })
  }
  return { depends, cut: [...cut] }
}
