/**
 * Joint kernels: independent kernels of one dispatch, side by side. Each has a range of the workgroups. Kernels that
 * differ only in integer constants are jobs of one body, which reads the constants of its job from tables.
 */
import { arithmetic, builtin, local, number, operandsOf, use, type ArrayLocal, type Binding, type Expr, type Kernel, type Stmt } from "./kernel.ts"
import { rewriteStatements, withOperandsOf } from "./rewrite.ts"
import { mapConstants, type Constant } from "./skeleton.ts"

/** A kernel, and where its bindings lie: a binding of the joint kernel, and the elements that its own begins after. */
export interface Member {
  readonly kernel: Kernel
  readonly bindings: readonly { readonly binding: number; readonly offset: number }[]
}

/** Members with one skeleton; one by one, or several as jobs. */
export type Jobs = readonly Member[]

export const groupsOf = (kernel: Kernel): number => kernel.groups[0] * kernel.groups[1] * kernel.groups[2]

type Place = readonly [Expr, Expr, Expr]

/** The member's statements with its bindings, its place in the grid and its arrays replaced. */
const placed = ({ kernel, bindings }: Member, place: Place, array: (a: ArrayLocal) => ArrayLocal): Stmt[] => {
  const shifted = (binding: number, index: Expr): { binding: number; index: Expr } => {
    const to = bindings[binding]!
    // Also where the offset is 0: jobs differ in it.
    return { binding: to.binding, index: { op: "binary", type: "i32", fn: "add", a: index, b: number(to.offset), nonNegative: false } }
  }
  const go = (e: Expr): Expr => {
    if (e.op === "builtin" && e.name !== "lane") return place[e.name === "group_x" ? 0 : e.name === "group_y" ? 1 : 2]!
    const before = operandsOf(e)
    const after = before.map(go)
    if (e.op === "load" || e.op === "quad") return { ...e, ...shifted(e.binding, after[0]!) }
    if (e.op === "element") return { ...e, array: array(e.array), index: after[0]! }
    return after.every((x, i) => x === before[i]) ? e : withOperandsOf(e, after)
  }
  return rewriteStatements(kernel.body, { expression: go, store: shifted, array })
}

/** Additions of nothing are left out again. */
const tidy = (body: readonly Stmt[]): Stmt[] => {
  const go = (e: Expr): Expr => {
    const before = operandsOf(e)
    const after = before.map(go)
    if (e.op === "binary" && e.type === "i32" && e.fn === "add") return arithmetic("add", after[0]!, after[1]!, e.nonNegative)
    return after.every((x, i) => x === before[i]) ? e : withOperandsOf(e, after)
  }
  return rewriteStatements(body, { expression: go, store: (binding, index) => ({ binding, index }) })
}

/** Workgroup arrays of one kind serve one member after another; tables of constants are kept once. */
interface Pool {
  readonly shared: ArrayLocal[]
  of(): (a: ArrayLocal) => ArrayLocal
  table(data: readonly number[], type: "i32" | "u32"): ArrayLocal
}

const makePool = (): Pool => {
  const shared: ArrayLocal[] = []
  const keyOf = (a: ArrayLocal): string => `${a.space} ${a.element} ${a.length} ${a.data?.join(" ") ?? ""}`
  const table: Pool["table"] = (data, type) => {
    const made: ArrayLocal = { kind: "array", space: "constant", element: type, length: data.length, data }
    const known = shared.find((a) => keyOf(a) === keyOf(made))
    if (!known) shared.push(made)
    return known ?? made
  }
  return {
    shared, table,
    of: () => {
      const taken = new Set<ArrayLocal>()
      const chosen = new Map<ArrayLocal, ArrayLocal>()
      return (a) => {
        if (a.space === "private") return a
        const known = chosen.get(a)
        if (known) return known
        const found = shared.find((s) => keyOf(s) === keyOf(a) && (a.space === "constant" || !taken.has(s)))
        const own = found ?? { ...a }
        if (!found) shared.push(own)
        taken.add(own)
        chosen.set(a, own)
        return own
      }
    },
  }
}

/**
 * All of one workgroup size; `bindings` are the joint kernel's. With `mostRuns` workgroups of members take turns in so many runs: software adapters
 * give each thread one run of a grid, and members with much to do would all be in one.
 */
export const jointKernel = (parts: readonly Jobs[], bindings: readonly Binding[], mostRuns = 1): Kernel => {
  const pool = makePool()
  const total = parts.flat().reduce((n, m) => n + groupsOf(m.kernel), 0)
  const runs = total > mostRuns ? mostRuns : 1
  const run = Math.ceil(total / runs)
  const groups = run * runs
  const body: Stmt[] = []
  const named = (value: Expr, into: Stmt[]): Expr => {
    if (value.op === "const" || value.op === "local") return value
    const name = local("i32")
    into.push({ op: "let", local: name, value })
    return use(name)
  }
  const turn = named(builtin("group_x"), body)
  const group = runs === 1 ? turn : named(arithmetic("add", arithmetic("mul", arithmetic("mod", turn, number(run), true), number(runs)), arithmetic("idiv", turn, number(run), true)), body)
  let start = 0
  for (const jobs of parts) {
    const end = start + jobs.reduce((n, m) => n + groupsOf(m.kernel), 0)
    const inner = jobs.length === 1 ? alone(jobs[0]!, named, pool, group, start) : together(jobs, named, pool, group, start)
    const conditions = [...(start > 0 ? [arithmetic("ge", group, number(start))] : []), ...(end < groups ? [arithmetic("lt", group, number(end))] : [])]
    body.push(...(conditions.length === 0 ? inner : [{ op: "once", condition: conditions.reduce((a, b) => arithmetic("and", a, b)), body: inner } as const]))
    start = end
  }
  return { kind: "joint", bindings, workgroup: parts[0]![0]!.kernel.workgroup, groups: [groups, 1, 1], shared: pool.shared, body }
}

type Named = (value: Expr, into: Stmt[]) => Expr

/** The place in a grid of x by y by z groups; `x`, `y` may be known only when it runs. */
const placeOf = (at: Expr, x: Expr, y: Expr, flat: boolean, deep: boolean, named: Named, into: Stmt[]): Place => {
  if (flat) return [at, number(0), number(0)]
  const rest = named(arithmetic("idiv", at, x, true), into)
  return [named(arithmetic("mod", at, x, true), into), deep ? named(arithmetic("mod", rest, y, true), into) : rest, deep ? named(arithmetic("idiv", rest, y, true), into) : number(0)]
}

const alone = (member: Member, named: Named, pool: Pool, group: Expr, start: number): Stmt[] => {
  const into: Stmt[] = []
  const [x, y, z] = member.kernel.groups
  const at = named(arithmetic("sub", group, number(start)), into)
  const place = placeOf(at, number(x), number(y), y * z === 1, z > 1, named, into)
  return [...into, ...tidy(placed(member, place, pool.of()))]
}

const together = (jobs: Jobs, named: Named, pool: Pool, group: Expr, start: number): Stmt[] => {
  const into: Stmt[] = []
  const starts: number[] = []
  let next = start
  for (const m of jobs) {
    starts.push(next)
    next += groupsOf(m.kernel)
  }
  const job = named(starts.slice(1).map((s): Expr => ({ op: "select", type: "i32", condition: arithmetic("ge", group, number(s)), then: number(1), else: number(0) })).reduce((a, b) => arithmetic("add", a, b)), into)
  const known = new Map<string, Expr>()
  /** What differs between the jobs is read from a table, once. */
  const choose = (values: readonly number[], type: "i32" | "u32"): Expr => {
    if (values.every((v) => v === values[0])) return number(values[0]!, type)
    const key = `${type} ${values.join(" ")}`
    const made = known.get(key)
    if (made) return made
    const name = local(type)
    into.push({ op: "let", local: name, value: { op: "element", type, array: pool.table(values, type), index: job } })
    known.set(key, use(name))
    return use(name)
  }
  const at = named(arithmetic("sub", group, choose(starts, "i32")), into)
  const grid = (axis: 0 | 1 | 2): readonly number[] => jobs.map((m) => m.kernel.groups[axis])
  const flat = jobs.every((m) => m.kernel.groups[1] * m.kernel.groups[2] === 1)
  const place = placeOf(at, choose(grid(0), "i32"), choose(grid(1), "i32"), flat, grid(2).some((z) => z > 1), named, into)
  const bodies = jobs.map((m) => placed(m, place, pool.of()))
  const constants = bodies.map((body) => {
    const found: Constant[] = []
    mapConstants(body, (c) => (found.push(c), c))
    return found
  })
  let k = 0
  const body = mapConstants(bodies[0]!, (c) => {
    const values = constants.map((list) => list[k]!.value)
    k++
    return choose(values, c.type as "i32" | "u32")
  })
  return [...into, ...tidy(body)]
}
