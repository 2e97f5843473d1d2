/**
 * Lowers elementwise kernels whose threads take four neighbours at once: one load, one store and one instruction for the four,
 * which suits vector registers and buses alike. Values that depend on which of the four it is are wide.
 */
import { sizeOf } from "../schedule/inline.ts"
import type { Limits } from "../schedule/limits.ts"
import { foldGroups } from "../schedule/tile.ts"
import { loadColumns, makeTarget, type Reads } from "./bindings.ts"
import { arithmetic, builtin, local, number, use, type Expr, type Kernel, type KernelKind, type Stmt } from "./kernel.ts"
import type { Elements } from "./lower-elements.ts"
import { block, makeLowerer } from "./lower.ts"
import { inQuads, quadValues } from "./quads.ts"
import { uniformQuotients } from "./uniform.ts"

/** Threads of a workgroup. */
const workgroup = 64
/** Fewer places keep a thread each: there would be too few workgroups. */
const leastPlaces = 1 << 16
/** `undefined` where the group's results are not stored four at a time, or do what is not done to wide values. */
export const lowerQuads = (group: readonly Elements[], kind: KernelKind, reads: Reads, limits: Limits): Kernel | undefined => {
  const { sample, place } = group[0]!
  const samples = sample ? sample.high + 1 : 1
  const places = place.high + 1
  if (group.some((e) => e.within || e.contraction) || places % 4 !== 0 || places * samples < leastPlaces) return undefined
  const across = Math.ceil(places / 4 / workgroup)
  if (sample && samples > limits.maxComputeWorkgroupsPerDimension) return undefined
  const four = inQuads(group.flatMap((e) => e.lanes.flatMap((l) => [l.value, l.at])), place, reads)
  if (!four) return undefined
  const uniform = uniformQuotients(four.roots, four.quad, workgroup, reads.simplify)
  const roots = uniform?.roots ?? four.roots
  const lanes = group.flatMap((e) => e.lanes.map(() => e.node)).map((node, i) => ({ node, value: roots[2 * i]!, at: four.of(roots[2 * i + 1]!) }))
  if (lanes.some((l) => l.at === undefined || sizeOf(l.node.shape) % 4 !== 0)) return undefined
  const made = quadValues(lanes.map((l) => l.value), four, reads)
  if (!made) return undefined
  const body: Stmt[] = []
  const named = (value: Expr): Expr => {
    const name = local("i32")
    body.push({ op: "let", local: name, value })
    return use(name)
  }
  const into = block()
  let groups: readonly [number, number, number]
  let column: Expr
  let exact = true
  if (sample && across <= limits.maxComputeWorkgroupsPerDimension) {
    groups = [across, samples, 1]
    column = builtin("group_x")
    into.known.set(sample, named(builtin("group_y")))
  } else {
    const grid = foldGroups([across * samples], limits)
    groups = grid.groups
    exact = grid.linear.exact
    const linear = named(grid.linear.index)
    column = sample ? arithmetic("mod", linear, number(across), true) : linear
    if (sample) into.known.set(sample, named(arithmetic("idiv", linear, number(across), true)))
  }
  const at = named(arithmetic("add", arithmetic("mul", column, number(workgroup)), builtin("lane")))
  into.known.set(four.quad, at)
  if (uniform) into.known.set(uniform.group, column)
  into.known.set(four.component, { op: "component", type: "i32" })
  const prelude: Stmt[] = []
  const plain = makeTarget(reads, prelude)
  const everything = [...made.values, ...lanes.map((l) => l.at!)]
  const lowerer = makeLowerer(made.target(plain), everything)
  loadColumns(everything, reads, plain, lowerer, into, [four.quad, ...(uniform ? [uniform.group] : []), ...(sample ? [sample] : [])])
  const lowered = lowerer.lower(made.values, into)
  const stores = lowerer.lower(lanes.map((l) => l.at!), into)
  lanes.forEach((l, i) => into.statements.push({ op: "store_quad", binding: reads.bindings.writeQuads(l.node), index: stores[i]!, value: lowered[i]! }))
  const inside = [...prelude, ...into.statements]
  const guards: Expr[] = []
  if ((places / 4) % workgroup !== 0 || (!sample && !exact)) guards.push(arithmetic("lt", at, number(places / 4)))
  if (sample && !exact) guards.push(arithmetic("lt", into.known.get(sample)!, number(samples)))
  if (guards.length === 0) body.push(...inside)
  else body.push({ op: "if", condition: guards.reduce((a, b) => arithmetic("and", a, b)), then: inside, else: [] })
  return { kind, bindings: reads.bindings.list, workgroup: [workgroup, 1, 1], groups, shared: [], body }
}

