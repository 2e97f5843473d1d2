/** Makes the plan of a graph: schedules it into kernels, gives every value a buffer, and writes the commands down. */
import type { Graph, Node, Origin } from "../ir/graph.ts"
import { topological } from "../ir/walk.ts"
import { emit } from "../backend/wgsl/emit.ts"
import type { Bound, Table } from "../kernel/bindings.ts"
import { sharedBytes, usesHalves, usesSubgroups } from "../kernel/kernel.ts"
import { rebased } from "../kernel/rebase.ts"
import { primitiveNamed } from "../prim/table.ts"
import type { Memo } from "../schedule/attempts.ts"
import { schedule, type Schedule, type Scheduled } from "../schedule/groups.ts"
import type { Tuned } from "../schedule/contraction.ts"
import { sizeOf } from "../schedule/inline.ts"
import { tooLarge, webgpuDefaults, type LimitProblem, type Limits, type Precision, type Profile, type Ranges } from "../schedule/limits.ts"
import { allocate, type Life } from "../schedule/memory.ts"
import { halvesOf } from "./halves.ts"
import type { BufferPlan, Command, KernelPlan, Plan, Where } from "./plan.ts"
import { inPlace } from "./in-place.ts"
import { asStored, storedBytes, type Storage } from "./storage.ts"

export interface PlanOptions {
  readonly limits?: Limits
  /** Which kernels suit the adapter; "cpu" unless the caller knows. */
  readonly profile?: Profile
  /** How temporaries are stored; f32 unless it says f16. */
  readonly precision?: Precision
  /** Pictures that data sets have as bytes are given as bytes (u8), and divided by 255 where they are read. */
  readonly bytes?: boolean
  /** Tiles measured on the device (`nda tune`). */
  readonly tuned?: Tuned
  /** What other plans with the same options found out already. */
  readonly memo?: Memo
  readonly settings?: Plan["settings"]
  /** `file:line:column` of an origin. */
  readonly placeOf?: (origin: Origin) => string
}

export interface Planned {
  /** Absent when the program does not fit the limits. */
  readonly plan: Plan | undefined
  readonly problems: readonly LimitProblem[]
  readonly schedule: Schedule
}

/** The inputs that are given as bytes. */
const bytesInputs = ({ inputs, sources }: Graph, { bytes }: PlanOptions): Node[] =>
  bytes !== true ? [] : inputs.filter(({ source }) => source && sources.some((s) => s.name === source.name && s.fields.some((f) => f.name === source.field && f.bytes))).map((i) => i.node)

/** An output that is an input of bytes is handed out as the numbers that they stand for: a kernel makes them. */
const withNumbers = (graph: Graph, options: PlanOptions): Graph => {
  const bytes = new Set(bytesInputs(graph, options))
  if (!graph.outputs.some((o) => bytes.has(o.node))) return graph
  let id = Math.max(...topological(graph.outputs.map((o) => o.node)).map((n) => n.id))
  const numbers = new Map([...bytes].map((n): [Node, Node] => [n, { ...n, id: ++id, prim: "reshape", inputs: [n], attrs: { shape: n.shape } }]))
  return { ...graph, outputs: graph.outputs.map((o) => ({ ...o, node: numbers.get(o.node) ?? o.node })) }
}

export const makePlan = (given: Graph, options: PlanOptions = {}): Planned => {
  const graph = withNumbers(given, options)
  const limits = options.limits ?? webgpuDefaults
  const scheduled = schedule(graph, primitiveNamed, limits, options.profile ?? "cpu", options.tuned, options.memo)
  const problems = [...scheduled.problems, ...hostProblems(scheduled, limits)]
  return { plan: problems.length > 0 ? undefined : planOf(graph, scheduled, options), problems, schedule: scheduled }
}

/** Inputs and outputs that no kernel touches must fit buffers too. */
const hostProblems = (scheduled: Schedule, limits: Limits): LimitProblem[] => {
  const { graph } = scheduled
  const bound = new Set(scheduled.kernels.flatMap((k) => k.bound.flatMap((b) => (b.kind === "node" ? [b.node] : []))))
  const nodes = new Set([...graph.inputs.map((i) => i.node), ...graph.outputs.map((o) => o.node)].filter((n) => !bound.has(n)))
  return [...nodes].filter((n) => bytesOf(n) > limits.maxBufferSize).map((n) => tooLarge("maxBufferSize", bytesOf(n), limits, n.origin.label || n.prim, n.origin))
}

const bytesOf = (node: Node): number => Math.max(4, 4 * sizeOf(node.shape))

const bits = new DataView(new ArrayBuffer(4))
/** The u32 words of constant data. */
const wordsOf = (node: Node): number[] =>
  (node.attrs as { readonly data: readonly number[] }).data.map((x) => {
    if (node.dtype !== "f32") return x >>> 0
    bits.setFloat32(0, x)
    return bits.getUint32(0)
  })

/** Words between the first samples of neighbouring ranges: offsets of bindings are multiples of 256 bytes. */
const rangeStride = 64

const rangeCount = (r: Ranges): number => Math.ceil(r.samples / r.step)

/** What a dispatch binds, before it has a buffer. */
type Value = { readonly kind: "node"; readonly node: Node } | { readonly kind: "table"; readonly table: Table } | { readonly kind: "settings" } | { readonly kind: "firsts"; readonly ranges: Ranges }

/** The plan of a schedule without problems; `whole` is the graph that was scheduled. */
export const planOf = (whole: Graph, made: Schedule, options: PlanOptions): Plan => {
  const graph: Graph = { ...whole, inputs: made.graph.inputs, outputs: made.graph.outputs }
  const { kernels: advancing, slots } = inPlace(graph, made)
  const scheduled: Schedule = { ...made, kernels: advancing }
  const where = (origin: Origin): Where => ({ at: options.placeOf?.(origin) ?? origin.span.file, label: origin.label })
  const outputs = new Set(graph.outputs.map((o) => o.node))
  const { places, tablePlaces, bundles, arenas } = scheduled
  /** What a value lies in: itself, or a bundle. */
  const rootOf = (v: Value): Value => {
    if (v.kind === "table") return { kind: "table", table: tablePlaces.get(v.table)?.table ?? v.table }
    const arena = v.kind === "node" ? places.get(v.node)?.arena : undefined
    return arena && bundles.has(arena) ? { kind: "node", node: arena } : v
  }

  const keys = new Map<unknown, string>()
  const keyOf = (v: Value): string => {
    if (v.kind === "settings") return "settings"
    if (v.kind === "firsts") return `firsts ${v.ranges.step} ${v.ranges.samples}`
    const object = v.kind === "node" ? v.node : v.table
    const key = keys.get(object) ?? `${v.kind} ${keys.size}`
    keys.set(object, key)
    return key
  }
  const roleOf = (v: Value): BufferPlan["role"] => {
    switch (v.kind) {
      case "settings": return "uniform"
      case "firsts": return "constant"
      case "table": return "temporary"
      case "node": return v.node.prim === "input" ? "input" : v.node.prim === "const" ? "constant" : outputs.has(v.node) ? "output" : "temporary"
    }
  }
  const bytes = new Set(bytesInputs(graph, options))
  const storage: Storage = new Map([...[...bytes].map((n) => [n, "u8"] as const), ...(options.precision === "f16" ? [...halvesOf(scheduled)].map((n) => [n, "f16"] as const) : [])])
  const sizeOfValue = (v: Value): number =>
    v.kind === "node" ? storedBytes(v.node, storage) : v.kind === "table" ? 16 * v.table.rows * v.table.stride : v.kind === "settings" ? 32 : 4 * rangeStride * rangeCount(v.ranges)

  // Lives of temporaries, by the kernel that first writes and last reads them.
  const temporaries = new Map<string, { readonly value: Value; first: number; last: number }>()
  scheduled.kernels.forEach((s, at) => s.bound.forEach((b) => {
    const value = rootOf(valueOf(b, s))
    if (roleOf(value) !== "temporary" || (value.kind === "node" && (places.has(value.node) || arenas.has(value.node)))) return
    const known = temporaries.get(keyOf(value))
    if (known) known.last = at
    else temporaries.set(keyOf(value), { value, first: at, last: at })
  }))
  const lives = [...temporaries.values()].map((t): Life => ({ bytes: sizeOfValue(t.value), first: t.first, last: t.last }))
  const order = new Map([...temporaries.keys()].map((key, i) => [key, i]))
  const allocation = allocate(lives, apartIn(scheduled.kernels.map((s) => s.bound.flatMap((b, i) => {
    const value = order.get(keyOf(rootOf(valueOf(b, s))))
    return value === undefined ? [] : [{ value, written: s.kernel.bindings[i]!.access === "write" }]
  }))))

  const buffers: BufferPlan[] = []
  const ids = new Map<string, number>()
  const make = (buffer: Omit<BufferPlan, "id">): number => {
    buffers.push({ id: buffers.length, ...buffer })
    return buffers.length - 1
  }
  const pool = new Map<number, number>()
  const bufferOf = (value: Value): number => {
    const slot = value.kind === "node" ? slots.get(value.node) : undefined
    const v: Value = slot ? { kind: "node", node: slot } : value
    const key = keyOf(v)
    const known = ids.get(key)
    if (known !== undefined) return known
    const role = roleOf(v)
    let id: number
    if (role === "temporary" && !(v.kind === "node" && arenas.has(v.node))) {
      const place = allocation.of[order.get(key)!]!
      const shared = pool.get(place)
      const bytes = allocation.buffers[place]!
      const alone = allocation.of.filter((k) => k === place).length === 1
      id = shared ?? make({ bytes, role, ...(alone && v.kind === "node" && !storage.has(v.node) ? { dtype: v.node.dtype, shape: v.node.shape } : { dtype: "u32", shape: [bytes / 4] }), origin: v.kind === "node" ? where(v.node.origin) : { at: "", label: "samples" } })
      pool.set(place, id)
    } else if (v.kind === "node") id = make({ bytes: sizeOfValue(v), role, dtype: bytes.has(v.node) ? "u8" : v.node.dtype, shape: v.node.shape, ...(arenas.has(v.node) ? { zeroed: true as const } : {}), ...(role === "constant" ? { data: wordsOf(v.node) } : {}), origin: where(v.node.origin) })
    else if (v.kind === "firsts") id = make({ bytes: sizeOfValue(v), role, dtype: "i32", shape: [rangeStride * rangeCount(v.ranges)], data: Array.from({ length: rangeStride * rangeCount(v.ranges) }, (_, i) => (i % rangeStride === 0 ? (i / rangeStride) * v.ranges.step : 0)), origin: { at: "", label: "first samples" } })
    else id = make({ bytes: 32, role, dtype: "u32", shape: [8], origin: { at: "", label: "settings" } })
    ids.set(key, id)
    return id
  }
  for (const input of graph.inputs) bufferOf({ kind: "node", node: input.node })

  /** The byte of its buffer that a value's root begins at. */
  const startOf = (v: Value): number => {
    const at = order.get(keyOf(rootOf(v)))
    return at === undefined ? 0 : allocation.offsets[at]!
  }

  const kernels: KernelPlan[] = []
  const known = new Map<string, number>()
  const commands: Command[] = []
  const needs = { binding: 0, shared: 0, subgroup: 0, halves: false }
  for (const s of scheduled.kernels) {
    const { bound, node, ranges } = s
    // Ranges bind parts of buffers already.
    const { kernel, offsets } = ranges ? { kernel: asStored(s, storage), offsets: [] } : rebased(asStored(s, storage))
    const wgsl = emit(kernel)
    if (usesHalves(kernel)) needs.halves = true
    if (usesSubgroups(kernel)) needs.subgroup = Math.max(needs.subgroup, kernel.workgroup[0] * kernel.workgroup[1] * kernel.workgroup[2])
    const bindings = kernel.bindings.map((b) => b.access)
    const key = JSON.stringify([wgsl, kernel.workgroup, bindings])
    let id = known.get(key)
    if (id === undefined) {
      id = kernels.length
      known.set(key, id)
      kernels.push({ id, name: `${kernel.kind}${id}`, wgsl, workgroup: kernel.workgroup, bindings, kind: kernel.kind, origin: where(node.origin) })
    }
    needs.shared = Math.max(needs.shared, sharedBytes(kernel))
    for (let r = 0; r < (ranges ? rangeCount(ranges) : 1); r++) {
      const count = ranges ? Math.min(ranges.step, ranges.samples - r * ranges.step) : 0
      const buffersBound = bound.map((b) => {
        const value = valueOf(b, s)
        const place = value.kind === "node" ? places.get(value.node) : undefined
        if (place && value.kind === "node") return { buffer: bufferOf({ kind: "node", node: place.arena }), offset: startOf(value) + 4 * place.offset, bytes: bytesOf(value.node) }
        const inTable = value.kind === "table" ? tablePlaces.get(value.table) : undefined
        if (inTable) return { buffer: bufferOf(rootOf(value)), offset: startOf(value) + 16 * inTable.offset, bytes: sizeOfValue(value) }
        const buffer = bufferOf(value)
        if (value.kind === "firsts") return { buffer, offset: 4 * rangeStride * r, bytes: 4 }
        if (ranges && value.kind === "node" && s.parts.has(value.node)) {
          const each = 4 * sizeOf(value.node.shape.slice(1))
          return { buffer, offset: startOf(value) + r * ranges.step * each, bytes: count * each }
        }
        return { buffer, offset: startOf(value), bytes: sizeOfValue(value) }
      }).map((b, i) => (offsets[i] ? { ...b, offset: b.offset + offsets[i], bytes: b.bytes - offsets[i] } : b))
      for (const b of buffersBound) needs.binding = Math.max(needs.binding, b.bytes)
      commands.push({ op: "dispatch", kernel: id, groups: kernel.groups, buffers: buffersBound, origin: where(node.origin) })
    }
  }

  const handedOut = new Set<number>()
  const outputPlans = graph.outputs.map((o) => {
    let buffer = bufferOf({ kind: "node", node: o.node })
    const slot = slots.get(o.node)
    const advanced = slot !== undefined && graph.inputs.some((i) => i.node === slot && slotOf(i.name, "slot:").slot === slotOf(o.name, "next:").slot)
    if (!advanced && (buffers[buffer]!.role !== "output" || handedOut.has(buffer))) {
      // What the host delivered, a constant, or what is an output already, is handed out as a copy.
      const copy = make({ bytes: bytesOf(o.node), role: "output", dtype: o.node.dtype, shape: o.node.shape, origin: where(o.node.origin) })
      commands.push({ op: "copy", from: buffer, to: copy, bytes: bytesOf(o.node) })
      buffer = copy
    }
    handedOut.add(buffer)
    return { name: o.name, buffer, dtype: o.node.dtype, shape: o.node.shape, ...slotOf(o.name, "next:"), ...(o.picture ? { picture: o.picture } : {}), ...(o.population ? { population: o.population } : {}) }
  })
  const pooled = new Set(pool.values())
  const kept = buffers.reduce((sum, b) => (pooled.has(b.id) ? sum : sum + b.bytes), 0)
  return {
    version: 1, entry: graph.entry, kind: "graph", profile: options.profile ?? "cpu",
    needs: {
      maxStorageBuffersPerShaderStage: kernels.reduce((m, k) => Math.max(m, k.bindings.filter((b) => b !== "uniform").length), 0),
      maxStorageBufferBindingSize: needs.binding,
      maxBufferSize: buffers.reduce((m, b) => Math.max(m, b.bytes), 0),
      maxComputeWorkgroupStorageSize: needs.shared,
      maxComputeInvocationsPerWorkgroup: kernels.reduce((m, k) => Math.max(m, k.workgroup[0] * k.workgroup[1] * k.workgroup[2]), 0),
      features: [...(needs.halves ? ["shader-f16"] : []), ...(needs.subgroup > 0 ? ["subgroups"] : [])],
      ...(needs.subgroup > 0 ? { subgroupSize: needs.subgroup } : {})
    },
    sources: graph.sources.map((s) => ({ name: s.name, loader: s.loader, split: s.split, batch: s.batch, options: s.options, fields: s.fields.map(({ name, dtype, shape, bytes: ofBytes }) => ({ name, dtype: ofBytes && options.bytes ? "u8" as const : dtype, shape })), ...(s.whole ? { whole: true } : {}), origin: where(s.origin) })),
    buffers, kernels,
    inputs: graph.inputs.map((i) => ({ name: i.name, buffer: bufferOf({ kind: "node", node: i.node }), dtype: bytes.has(i.node) ? "u8" as const : i.node.dtype, shape: i.node.shape, ...(i.source ? { source: i.source } : {}), ...slotOf(i.name, "slot:") })),
    outputs: outputPlans, commands,
    peakBytes: buffers.reduce((sum, b) => sum + b.bytes, 0),
    liveBytes: kept + allocation.liveBytes,
    settings: options.settings ?? {}
  }
}

/** Whether a dispatch reads one of two values and writes the other. */
const apartIn = (dispatches: readonly (readonly { readonly value: number; readonly written: boolean }[])[]): ((a: number, b: number) => boolean) => {
  const pairs = new Set<string>()
  for (const bound of dispatches) for (const w of bound) for (const r of bound) if (w.written && !r.written) pairs.add(`${w.value} ${r.value}`)
  return (a, b) => pairs.has(`${a} ${b}`) || pairs.has(`${b} ${a}`)
}

/** The slot that an input or output is by its name: before the step `slot:`, after it `next:`. */
const slotOf = (name: string, prefix: string): { readonly slot?: string } => (name.startsWith(prefix) ? { slot: name.slice(prefix.length) } : {})

const valueOf = (b: Bound, s: Scheduled): Value => {
  if (b.kind !== "first") return b
  if (!s.ranges) throw new Error("plan: a kernel asks for the first sample of a range that it has not")
  return { kind: "firsts", ranges: s.ranges }
}
