/** Grids: how many workgroups in which dimensions, and which piece of work a workgroup is. */
import type { Limits } from "./limits.ts"
import { arithmetic, builtin, number, type Expr } from "../kernel/kernel.ts"

export interface Grid {
  readonly groups: readonly [number, number, number]
  /** The number of this workgroup; `exact` when no group lies past the end. */
  readonly linear: { readonly index: Expr; readonly exact: boolean }
}

/** A one-dimensional grid, folded into y and z past the limit. */
export const foldGroups = (extent: readonly [number], limits: Limits): Grid => {
  const most = limits.maxComputeWorkgroupsPerDimension
  const count = Math.max(1, extent[0])
  if (count <= most) return { groups: [count, 1, 1], linear: { index: builtin("group_x"), exact: true } }
  const rows = Math.ceil(count / most)
  if (rows <= most) {
    const across = Math.ceil(count / rows)
    return { groups: [across, rows, 1], linear: { index: arithmetic("add", arithmetic("mul", builtin("group_y"), number(across)), builtin("group_x")), exact: across * rows === count } }
  }
  const deep = Math.ceil(rows / most)
  const down = Math.ceil(rows / deep)
  const index = arithmetic("add", arithmetic("mul", arithmetic("add", arithmetic("mul", builtin("group_z"), number(down)), builtin("group_y")), number(most)), builtin("group_x"))
  return { groups: [most, down, deep], linear: { index, exact: most * down * deep === count } }
}
