/** Makes the plan of a graph: schedules it into kernels, gives every value a buffer, and writes the commands down. */
import type { Graph, Node, Origin } from "../ir/graph.ts"
import { emit } from "../backend/wgsl/emit.ts"
import type { Bound, Table } from "../kernel/bindings.ts"
import { primitiveNamed } from "../prim/table.ts"
import { schedule, type Schedule } from "../schedule/groups.ts"
import { sizeOf } from "../schedule/inline.ts"
import { webgpuDefaults, type Limits } from "../schedule/limits.ts"
import type { BufferPlan, Command, KernelPlan, Plan, Where } from "./plan.ts"

export interface PlanOptions {
  readonly limits?: Limits
  readonly settings?: Plan["settings"]
  /** `file:line:column` of an origin. */
  readonly placeOf?: (origin: Origin) => string
}

const bits = new DataView(new ArrayBuffer(4))
/** The u32 words of constant data. */
const wordsOf = (node: Node): number[] => {
  const { data } = node.attrs as { readonly data: readonly number[] }
  return data.map((x) => {
    if (node.dtype !== "f32") return x >>> 0
    bits.setFloat32(0, x)
    return bits.getUint32(0)
  })
}

export const makePlan = (graph: Graph, options: PlanOptions = {}): Plan => planOf(graph, schedule(graph, primitiveNamed, options.limits ?? webgpuDefaults), options)

export const planOf = (graph: Graph, scheduled: Schedule, options: PlanOptions = {}): Plan => {
  const where = (origin: Origin): Where => ({ at: options.placeOf?.(origin) ?? origin.span.file, label: origin.label })
  const nowhere: Where = { at: "", label: "" }
  const buffers: BufferPlan[] = []
  const make = (buffer: Omit<BufferPlan, "id">): number => {
    buffers.push({ id: buffers.length, ...buffer })
    return buffers.length - 1
  }
  const outputs = new Set(graph.outputs.map((o) => o.node))
  const ofNode = new Map<Node, number>()
  const ofTable = new Map<Table, number>()
  const bytesOf = (n: Node): number => Math.max(4, 4 * sizeOf(n.shape))
  const nodeBuffer = (n: Node): number => {
    const known = ofNode.get(n)
    if (known !== undefined) return known
    const role = n.prim === "input" ? "input" : n.prim === "const" ? "constant" : outputs.has(n) ? "output" : "temporary"
    const id = make({ bytes: bytesOf(n), role, dtype: n.dtype, shape: n.shape, ...(role === "constant" ? { data: wordsOf(n) } : {}), origin: where(n.origin) })
    ofNode.set(n, id)
    return id
  }
  for (const input of graph.inputs) nodeBuffer(input.node)
  let settings: number | undefined
  const bufferOf = (b: Bound): number => {
    switch (b.kind) {
      case "node": return nodeBuffer(b.node)
      case "settings": return (settings ??= make({ bytes: 32, role: "uniform", dtype: "u32", shape: [8], origin: nowhere }))
      case "table": {
        const known = ofTable.get(b.table)
        if (known !== undefined) return known
        const id = make({ bytes: 16 * b.table.rows * b.table.stride, role: "temporary", dtype: "u32", shape: [b.table.rows, 4 * b.table.stride], origin: { at: "", label: "samples" } })
        ofTable.set(b.table, id)
        return id
      }
    }
  }
  const kernels: KernelPlan[] = []
  const known = new Map<string, number>()
  const commands: Command[] = []
  for (const { kernel, bound, node } of scheduled.kernels) {
    const wgsl = emit(kernel)
    const bindings = kernel.bindings.map((b) => b.access)
    const key = JSON.stringify([wgsl, kernel.workgroup, bindings])
    let id = known.get(key)
    if (id === undefined) {
      id = kernels.length
      known.set(key, id)
      kernels.push({ id, name: `${kernel.kind}${id}`, wgsl, workgroup: kernel.workgroup, bindings, kind: kernel.kind, origin: where(node.origin) })
    }
    const bind = bound.map((b) => ({ buffer: bufferOf(b), offset: 0, bytes: 0 })).map((b) => ({ ...b, bytes: buffers[b.buffer]!.bytes }))
    commands.push({ op: "dispatch", kernel: id, groups: kernel.groups, buffers: bind, origin: where(node.origin) })
  }
  const outputPlans = graph.outputs.map((o) => {
    let buffer = nodeBuffer(o.node)
    if (buffers[buffer]!.role !== "output") {
      // What the host delivered, or a constant, is handed out as a copy.
      const copy = make({ bytes: bytesOf(o.node), role: "output", dtype: o.node.dtype, shape: o.node.shape, origin: where(o.node.origin) })
      commands.push({ op: "copy", from: buffer, to: copy, bytes: bytesOf(o.node) })
      buffer = copy
    }
    return { name: o.name, buffer, dtype: o.node.dtype, shape: o.node.shape, ...(o.picture ? { picture: o.picture } : {}), ...(o.population ? { population: o.population } : {}) }
  })
  const total = buffers.reduce((sum, b) => sum + b.bytes, 0)
  return {
    version: 1, entry: graph.entry, kind: "graph",
    needs: needsOf(kernels, scheduled, buffers, commands),
    sources: graph.sources.map((s) => ({ name: s.name, loader: s.loader, split: s.split, batch: s.batch, options: s.options, fields: s.fields, origin: where(s.origin) })),
    buffers, kernels,
    inputs: graph.inputs.map((i) => ({ name: i.name, buffer: nodeBuffer(i.node), dtype: i.node.dtype, shape: i.node.shape, ...(i.source ? { source: i.source } : {}) })),
    outputs: outputPlans, commands, peakBytes: total, liveBytes: total, settings: options.settings ?? {}
  }
}

const needsOf = (kernels: readonly KernelPlan[], scheduled: Schedule, buffers: readonly BufferPlan[], commands: readonly Command[]): Plan["needs"] => ({
  maxStorageBuffersPerShaderStage: kernels.reduce((m, k) => Math.max(m, k.bindings.filter((b) => b !== "uniform").length), 0),
  maxStorageBufferBindingSize: commands.reduce((m, c) => (c.op === "dispatch" ? c.buffers.reduce((n, b) => Math.max(n, b.bytes), m) : m), 0),
  maxBufferSize: buffers.reduce((m, b) => Math.max(m, b.bytes), 0),
  maxComputeWorkgroupStorageSize: scheduled.kernels.reduce((m, { kernel }) => Math.max(m, kernel.shared.reduce((n, a) => n + 4 * a.length, 0)), 0),
  maxComputeInvocationsPerWorkgroup: kernels.reduce((m, k) => Math.max(m, k.workgroup[0] * k.workgroup[1] * k.workgroup[2]), 0),
  features: []
})
