/**
 * Horizontal fusion: small kernels of one level that need nothing of each other become one dispatch (`kernel/joint.ts`).
 * What they write lies in a bundle, one buffer for all, so that they and their readers bind few buffers.
 */
import type { Node } from "../ir/graph.ts"
import type { Bound, Table } from "../kernel/bindings.ts"
import { groupsOf, jointKernel, type Jobs, type Member } from "../kernel/joint.ts"
import { sharedBytes, type Binding } from "../kernel/kernel.ts"
import { skeletonOf } from "../kernel/skeleton.ts"
import { statementsOf } from "../kernel/verify-kernel.ts"
import type { Place } from "./arenas.ts"
import type { Scheduled } from "./groups.ts"
import { sizeOf } from "./inline.ts"
import { levelsOf } from "./levels.ts"
import type { Limits } from "./limits.ts"

export interface Besides {
  readonly kernels: readonly Scheduled[]
  /** Where values lie: those of arenas, and those of bundles. */
  readonly places: ReadonlyMap<Node, Place>
  readonly tablePlaces: ReadonlyMap<Table, { readonly table: Table; readonly offset: number }>
  /** Bundles: temporaries like any other. */
  readonly bundles: ReadonlySet<Node>
}

/** A joint kernel of different bodies has at most so many statements; long code takes drivers more than its share of time. */
const mostStatements = 400
/** Kernels of one body are joined whatever their length, up to so many. */
const mostJobs = 32
/** A value with more bytes is not put in a bundle: its place would be kept as long as that of the others. */
const mostBytes = 1 << 20
/** Elements (256 bytes) and groups of four words that places begin at. */
const [elementStep, wordStep] = [64, 16]

type Value = Node | Table
const isNode = (v: Value): v is Node => "prim" in v
const valueOf = (b: Bound): Value | undefined => (b.kind === "node" ? b.node : b.kind === "table" ? b.table : undefined)

/** Kernels that go side by side, as jobs where they have one skeleton. */
interface Unit {
  readonly jobs: readonly Scheduled[]
  readonly statements: number
}

export const beside = (kernels: readonly Scheduled[], given: ReadonlyMap<Node, Place>, outputs: ReadonlySet<Node>, limits: Limits, nextId: number): Besides => {
  const places = new Map(given)
  const tablePlaces = new Map<Table, { table: Table; offset: number }>()
  const bundles = new Set<Node>()
  let id = nextId
  const levels = levelsOf(kernels, given)
  const keys = new Map(kernels.map((s) => [s, skeletonOf(s.kernel).key]))
  const uses = new Map<string, number>()
  for (const key of keys.values()) uses.set(key, (uses.get(key) ?? 0) + 1)

  const rootOf = (v: Value): Value => (isNode(v) ? places.get(v)?.arena ?? v : tablePlaces.get(v)?.table ?? v)
  const offsetOf = (v: Value): number => (isNode(v) ? places.get(v)?.offset ?? 0 : tablePlaces.get(v)?.offset ?? 0)
  const bundled = (v: Value): boolean => (isNode(v) ? !given.has(v) && !outputs.has(v) && v.shape.length >= 0 : true)
  const bytesOf = (v: Value): number => (isNode(v) ? 4 * sizeOf(v.shape) : 16 * v.rows * v.stride)
  const names = new Map<Value, number>()
  const nameOf = (v: Value): number => {
    if (!names.has(v)) names.set(v, names.size)
    return names.get(v)!
  }
  const joins = ({ kernel, bound, ranges }: Scheduled): boolean =>
    ranges === undefined && kernel.kind !== "opaque" && groupsOf(kernel) <= limits.maxComputeWorkgroupsPerDimension / 8 &&
    bound.every((b, i) => kernel.bindings[i]!.access !== "write" || !valueOf(b) || bytesOf(valueOf(b)!) <= mostBytes)
  /** What a binding becomes: one for each buffer, access and kind of element. Bundles of this dispatch have no buffer yet. */
  const bindingKey = (b: Bound, binding: Binding): string => {
    const v = valueOf(b)
    if (!v) return b.kind
    return binding.access === "write" && bundled(v) ? `bundle ${binding.element}` : `${nameOf(rootOf(v))} ${binding.access} ${binding.element}`
  }
  const bindingsOf = (list: readonly Scheduled[]): Map<string, { bound: Bound; binding: Binding }> => {
    const found = new Map<string, { bound: Bound; binding: Binding }>()
    for (const s of list) s.bound.forEach((b, i) => {
      const key = bindingKey(b, s.kernel.bindings[i]!)
      if (!found.has(key)) found.set(key, { bound: b, binding: s.kernel.bindings[i]! })
    })
    return found
  }
  const fits = (list: readonly Scheduled[]): boolean => {
    const all = bindingsOf(list)
    if ([...all.values()].filter((x) => x.binding.access !== "uniform").length > limits.maxStorageBuffersPerShaderStage) return false
    const roots = (access: string): Set<Value> => new Set(list.flatMap((s) => s.bound.flatMap((b, i) => (valueOf(b) && s.kernel.bindings[i]!.access === access ? [rootOf(valueOf(b)!)] : []))))
    const [read, write] = [roots("read"), roots("write")]
    return ![...write].some((v) => read.has(v)) &&
      list.reduce((n, s) => n + groupsOf(s.kernel), 0) <= limits.maxComputeWorkgroupsPerDimension &&
      list.reduce((n, s) => n + sharedBytes(s.kernel), 0) <= limits.maxComputeWorkgroupStorageSize
  }

  const joined = (units: readonly Unit[]): Scheduled => {
    const list = units.flatMap((u) => u.jobs)
    if (list.length === 1) return list[0]!
    // The bundles: one for each kind of element.
    const written = new Map<string, Value[]>()
    for (const s of list) s.bound.forEach((b, i) => {
      const v = valueOf(b)
      const { access, element } = s.kernel.bindings[i]!
      if (v && access === "write" && bundled(v)) written.set(element, [...(written.get(element) ?? []), v])
    })
    for (const values of written.values()) {
      if (values.length === 1) continue
      let offset = 0
      const starts = values.map((v) => {
        const at = offset
        const step = isNode(v) ? elementStep : wordStep
        offset = Math.ceil((offset + (isNode(v) ? Math.max(1, sizeOf(v.shape)) : v.rows * v.stride)) / step) * step
        return at
      })
      const first = values[0]!
      if (isNode(first)) {
        const bundle: Node = { id: id++, prim: "pack", inputs: values as readonly Node[], attrs: { offsets: starts, total: offset }, dtype: first.dtype, shape: [offset], origin: first.origin }
        bundles.add(bundle)
        values.forEach((v, i) => places.set(v as Node, { arena: bundle, offset: starts[i]! }))
      } else {
        const bundle: Table = { rows: 1, stride: offset, offsets: new Map() }
        values.forEach((v, i) => tablePlaces.set(v as Table, { table: bundle, offset: starts[i]! }))
      }
    }
    const order = new Map<string, number>()
    const bindings: Binding[] = []
    const bound: Bound[] = []
    const bind = (b: Bound, binding: Binding): { binding: number; offset: number } => {
      const v = valueOf(b)
      const root = v && rootOf(v)
      const key = root ? `${nameOf(root)} ${binding.access} ${binding.element}` : b.kind
      if (!order.has(key)) {
        order.set(key, bindings.length)
        const quads = b.kind === "node" && b.quads === true
        bindings.push(root ? { ...binding, length: isNode(root) ? sizeOf(root.shape) / (quads ? 4 : 1) : root.rows * root.stride } : binding)
        bound.push(root ? (isNode(root) ? { kind: "node", node: root, ...(quads ? { quads: true as const } : {}) } : { kind: "table", table: root }) : b)
      }
      const offset = v ? offsetOf(v) : 0
      return { binding: order.get(key)!, offset: b.kind === "node" && b.quads === true ? offset / 4 : offset }
    }
    const parts = units.map((u): Jobs => u.jobs.map((s): Member => ({ kernel: s.kernel, bindings: s.bound.map((b, i) => bind(b, s.kernel.bindings[i]!)) })))
    return { kernel: jointKernel(parts, bindings), bound, node: list[0]!.node, ranges: undefined, parts: new Set() }
  }

  const result: Scheduled[] = []
  for (let level = 1; ; level++) {
    const own = kernels.filter((_, i) => levels[i] === level)
    if (own.length === 0) break
    const classes = new Map<string, Scheduled[]>()
    for (const s of own) {
      if (!joins(s)) result.push(s)
      else classes.set(s.kernel.workgroup.join("x"), [...(classes.get(s.kernel.workgroup.join("x")) ?? []), s])
    }
    for (const members of classes.values()) {
      const alike = new Map<string, Scheduled[]>()
      for (const s of members) {
        const key = `${keys.get(s)} ${s.bound.map((b, i) => bindingKey(b, s.kernel.bindings[i]!)).join(";")}`
        alike.set(key, [...(alike.get(key) ?? []), s])
      }
      const units: Unit[] = []
      for (const jobs of alike.values()) {
        const statements = statementsOf(jobs[0]!.kernel)
        for (let from = 0; from < jobs.length; from += mostJobs) units.push({ jobs: jobs.slice(from, from + mostJobs), statements })
      }
      const bins: Unit[][] = []
      for (const u of units) {
        // A long body that other levels use too stays a shader of its own.
        const shared = u.statements > 60 && uses.get(keys.get(u.jobs[0]!)!)! > u.jobs.length
        const bin = shared ? undefined : bins.find((b) => b.reduce((n, x) => n + x.statements, u.statements) <= mostStatements && fits([...b.flatMap((x) => x.jobs), ...u.jobs]))
        if (bin) bin.push(u)
        else if (fits(u.jobs)) bins.push([u])
        else for (const s of u.jobs) bins.push([{ jobs: [s], statements: u.statements }])
      }
      for (const bin of bins) result.push(joined(bin))
    }
  }
  return { kernels: result, places, tablePlaces, bundles }
}
