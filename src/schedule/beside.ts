/**
 * Horizontal fusion: small kernels of one level that need nothing of each other become one dispatch (`kernel/joint.ts`).
 * What they write lies in a bundle, one buffer for all, so that they and their readers bind few buffers.
 */
import type { Node } from "../ir/graph.ts"
import type { Bound, Table } from "../kernel/bindings.ts"
import { groupsOf, jointKernel, type Jobs, type Member } from "../kernel/joint.ts"
import { blocksOf, sharedBytes, type Binding, type Stmt } from "../kernel/kernel.ts"
import { skeletonOf } from "../kernel/skeleton.ts"
import { statementsOf } from "../kernel/verify-kernel.ts"
import type { Place } from "./arenas.ts"
import { argumentBundles, layOutBundle, placesFor, type Bundle } from "./bundles.ts"
import type { Scheduled } from "./groups.ts"
import { sizeOf } from "./inline.ts"
import { levelsOf, waitsUntil } from "./levels.ts"
import type { Limits, Profile } from "./limits.ts"

export interface Besides {
  readonly kernels: readonly Scheduled[]
  /** Where values lie: those of arenas, and those of bundles. */
  readonly places: ReadonlyMap<Node, Place>
  readonly tablePlaces: ReadonlyMap<Table, { readonly table: Table; readonly offset: number }>
  /** Bundles: temporaries like any other. */
  readonly bundles: ReadonlySet<Node>
}

/** A joint kernel of different bodies has at most so many statements; long code takes drivers more than its share of time. */
const mostStatements = 480
/** Software adapters divide a kernel at each barrier, which takes them long where much code stands between many of them. */
const mostBarriers = 8
const mostStatementsWithBarriers = 300
/** Runs that members take turns in where each thread of a software adapter has one run of a grid: for up to so many threads. */
const softwareRuns = 8
/** A body of more statements stays a shader of its own where other dispatches use it too. */
const longBody = 60
/** Kernels of one body are joined whatever their length, up to so many. */
const mostJobs = 32
/** A value with more bytes is not put in a bundle: its place would be kept as long as that of the others. */
const mostBytes: Record<Profile, number> = { cpu: 1 << 20, gpu: 1 << 21 }
/** A kernel that reads no more may be done later than it could be. A GPU's dispatches cost more than the memory that waits; a CPU's cost less than compiling what is joined. */
const mostLightBytes: Record<Profile, number> = { cpu: 1 << 18, gpu: 1 << 22 }
/** An argument of kernels of one body that lies in a bundle has at most so many bytes together. */
const mostArgumentBytes = 1 << 18
/** Groups of four words that the places of tables begin at: 256 bytes. */
const wordStep = 16

type Value = Node | Table
const isNode = (v: Value): v is Node => "prim" in v
const valueOf = (b: Bound): Value | undefined => (b.kind === "node" ? b.node : b.kind === "table" ? b.table : undefined)

/** Kernels that go side by side, as jobs where they have one skeleton. */
interface Unit {
  readonly jobs: readonly Scheduled[]
  readonly statements: number
  readonly barriers: number
}

const barriersIn = (list: readonly Stmt[]): number => list.reduce((n, s) => n + (s.op === "barrier" ? 1 : blocksOf(s).reduce((m, inner) => m + barriersIn(inner), 0)), 0)

/** Whether the bodies of these units are short enough to be compiled as one. */
const short = (units: readonly Unit[], profile: Profile): boolean => {
  const statements = units.reduce((n, u) => n + u.statements, 0)
  const barriers = units.reduce((n, u) => n + u.barriers, 0)
  return statements <= mostStatements && (profile === "gpu" || barriers === 0 || (barriers <= mostBarriers && statements <= mostStatementsWithBarriers))
}

export const beside = (kernels: readonly Scheduled[], given: ReadonlyMap<Node, Place>, outputs: ReadonlySet<Node>, limits: Limits, profile: Profile, nextId: number): Besides => {
  const places = new Map(given)
  const tablePlaces = new Map<Table, { table: Table; offset: number }>()
  const bundles = new Set<Node>()
  let id = nextId
  // Skeletons are long texts: each gets a short key.
  const skeletons = new Map<string, string>()
  const keys = new Map(kernels.map((s) => {
    const text = skeletonOf(s.kernel)
    const key = skeletons.get(text) ?? `${skeletons.size}`
    skeletons.set(text, key)
    return [s, key]
  }))
  const uses = new Map<string, number>()
  for (const key of keys.values()) uses.set(key, (uses.get(key) ?? 0) + 1)

  const bytesOf = (v: Value): number => (isNode(v) ? 4 * sizeOf(v.shape) : 16 * v.rows * v.stride)
  const rootOf = (v: Value): Value => (isNode(v) ? places.get(v)?.arena ?? v : tablePlaces.get(v)?.table ?? v)
  const give = ({ members, offsets, total }: Bundle): void => {
    const first = members[0]!
    const bundle: Node = { id: id++, prim: "pack", inputs: members, attrs: { offsets, total }, dtype: first.dtype, shape: [total], origin: first.origin }
    bundles.add(bundle)
    members.forEach((v, i) => places.set(v, { arena: bundle, offset: offsets[i]! }))
  }
  const offsetOf = (v: Value): number => (isNode(v) ? places.get(v)?.offset ?? 0 : tablePlaces.get(v)?.offset ?? 0)
  const bundled = (v: Value): boolean => (isNode(v) ? !places.has(v) && !outputs.has(v) : true)
  /** Temporaries alone: what the host or a slot keeps is alive anyway. */
  const light = ({ kernel, bound }: Scheduled): boolean =>
    bound.reduce((n, b, i) => n + (valueOf(b) && kernel.bindings[i]!.access === "read" && !(b.kind === "node" && (b.node.prim === "input" || b.node.prim === "const")) ? bytesOf(valueOf(b)!) : 0), 0) <= mostLightBytes[profile]
  const levels = [...levelsOf(kernels, given, (k) => light(kernels[k]!), (k) => keys.get(kernels[k]!)!)]
  const until = waitsUntil(kernels, given, levels)
  // Results of long bodies, which stay dispatches of their own; those of others lie together as their dispatch has it.
  const apart = new Set(kernels.filter((s) => statementsOf(s.kernel) > longBody).flatMap((s) => s.bound.flatMap((b, i) => (b.kind === "node" && s.kernel.bindings[i]!.access === "write" ? [b.node] : []))))
  for (const bundle of argumentBundles(kernels.map((s, k) => ({
    key: keys.get(s)!, level: levels[k]!,
    reads: s.bound.map((b, i) => (b.kind === "node" && s.kernel.bindings[i]!.access === "read" ? b.node : undefined)),
    writes: s.bound.flatMap((b, i) => (b.kind === "node" && s.kernel.bindings[i]!.access === "write" ? [b.node] : [])),
  })), (v) => apart.has(v) && bundled(v) && !kernels.some((s) => s.ranges && s.bound.some((b) => b.kind === "node" && b.node === v)), mostArgumentBytes)) give(bundle)
  const names = new Map<Value, number>()
  const nameOf = (v: Value): number => {
    if (!names.has(v)) names.set(v, names.size)
    return names.get(v)!
  }
  const joins = ({ kernel, bound, ranges }: Scheduled): boolean =>
    ranges === undefined && kernel.kind !== "opaque" && groupsOf(kernel) <= limits.maxComputeWorkgroupsPerDimension / 8 &&
    bound.every((b, i) => kernel.bindings[i]!.access !== "write" || !valueOf(b) || bytesOf(valueOf(b)!) <= mostBytes[profile])
  /** What a binding becomes: one for each buffer, access and kind of element. Bundles of this dispatch have no buffer yet. */
  const bindingKey = (b: Bound, binding: Binding): string => {
    const v = valueOf(b)
    if (!v) return b.kind
    return binding.access === "write" && bundled(v) ? `bundle ${isNode(v)} ${binding.element}` : `${nameOf(rootOf(v))} ${binding.access} ${binding.element}`
  }
  const storageOf = (list: readonly Scheduled[]): number =>
    new Set(list.flatMap((s) => s.bound.flatMap((b, i) => (s.kernel.bindings[i]!.access === "uniform" ? [] : [bindingKey(b, s.kernel.bindings[i]!)])))).size
  const fits = (list: readonly Scheduled[]): boolean => {
    if (storageOf(list) > limits.maxStorageBuffersPerShaderStage) return false
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
    const fresh = new Map<string, Value[]>()
    for (const s of list) s.bound.forEach((b, i) => {
      const v = valueOf(b)
      const { access, element } = s.kernel.bindings[i]!
      const kind = `${v && isNode(v)} ${element}`
      if (v && access === "write" && bundled(v)) fresh.set(kind, [...(fresh.get(kind) ?? []), v])
    })
    for (const values of fresh.values()) {
      if (values.length === 1) continue
      if (isNode(values[0]!)) {
        give(layOutBundle(values as Node[]))
        continue
      }
      const { offsets, total } = placesFor((values as Table[]).map((t) => t.rows * t.stride), wordStep)
      const table: Table = { rows: 1, stride: total, offsets: new Map() }
      values.forEach((v, i) => tablePlaces.set(v as Table, { table, offset: offsets[i]! }))
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
    return { kernel: jointKernel(parts, bindings, profile === "cpu" ? softwareRuns : 1), bound, node: list[0]!.node, ranges: undefined, parts: new Set() }
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
        const barriers = barriersIn(jobs[0]!.kernel.body)
        for (let from = 0; from < jobs.length; from += mostJobs) units.push({ jobs: jobs.slice(from, from + mostJobs), statements, barriers })
      }
      const bins: Unit[][] = []
      for (const u of units) {
        // A long body that other levels use too stays a shader of its own.
        const shared = u.statements > longBody && uses.get(keys.get(u.jobs[0]!)!)! > u.jobs.length
        const bin = shared ? undefined : bins.find((b) => short([...b, u], profile) && fits([...b.flatMap((x) => x.jobs), ...u.jobs]))
        if (bin) bin.push(u)
        else if (fits(u.jobs)) bins.push([u])
        else for (const s of u.jobs) bins.push([{ ...u, jobs: [s] }])
      }
      for (const bin of bins) {
        const [alone, ...others] = bin.flatMap((u) => u.jobs)
        const k = kernels.indexOf(alone!)
        // A light kernel that stands alone waits for company, as long as nothing waits for it.
        if (others.length === 0 && light(alone!) && level < until[k]!) levels[k] = level + 1
        else result.push(joined(bin))
      }
    }
  }
  return { kernels: result, places, tablePlaces, bundles }
}
