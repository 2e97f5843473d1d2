/** Plans written by hand, for tests of the runtime alone. */
import type { BufferPlan, Command, KernelPlan, Plan, Where } from "../../src/plan/plan.ts"

export const at = (line: number, label: string): Where => ({ at: `hand.nda:${line}:3`, label })
const defaults = {
  maxStorageBuffersPerShaderStage: 2, maxStorageBufferBindingSize: 1024, maxBufferSize: 1024, maxComputeWorkgroupStorageSize: 0, maxComputeInvocationsPerWorkgroup: 64, features: [],
}

export const buffer = (id: number, role: BufferPlan["role"], size: number, label: string, dtype: BufferPlan["dtype"] = "f32"): BufferPlan => ({
  id, role, dtype, bytes: role === "uniform" ? 32 : 4 * size, shape: [size], origin: at(10 + id, label),
})

export const kernel = (id: number, wgsl: string, bindings: KernelPlan["bindings"], label = `k${id}`): KernelPlan => ({
  id, name: `kernel_${id}`, wgsl, bindings, workgroup: [64, 1, 1], kind: "map", origin: at(20 + id, label),
})

export const dispatch = (id: number, sizes: readonly (readonly [number, number])[], groups = 1, label = `d${id}`): Command => ({
  op: "dispatch", kernel: id, groups: [groups, 1, 1], buffers: sizes.map(([bound, bytes]) => ({ buffer: bound, offset: 0, bytes })), origin: at(30 + id, label),
})

export const doubleWgsl = `
struct Settings { seed: u32, step: u32, repeat: u32 }
@group(0) @binding(0) var<uniform> settings: Settings;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x < arrayLength(&x)) { y[id.x] = 2.0 * x[id.x] + f32(settings.seed) + 10.0 * f32(settings.step) + 100.0 * f32(settings.repeat); }
}`

export const squareWgsl = `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x < arrayLength(&x)) { y[id.x] = x[id.x] * x[id.x]; }
}`

/** y = 2x + seed + 10 step + 100 repeat; z = y², of n values, in two kernels. */
export const doubleThenSquare = (n = 8, changes: Partial<Plan> = {}): Plan => {
  const bytes = 4 * n
  return {
    version: 1, entry: "hand", kind: "graph", needs: defaults, sources: [],
    buffers: [buffer(0, "uniform", 8, "settings", "u32"), buffer(1, "input", n, "x"), buffer(2, "output", n, "y"), buffer(3, "output", n, "z")],
    kernels: [kernel(0, doubleWgsl, ["uniform", "read", "write"], "double"), kernel(1, squareWgsl, ["read", "write"], "square")],
    inputs: [{ name: "x", buffer: 1, dtype: "f32", shape: [n] }],
    outputs: [{ name: "y", buffer: 2, dtype: "f32", shape: [n] }, { name: "z", buffer: 3, dtype: "f32", shape: [n] }],
    commands: [dispatch(0, [[0, 32], [1, bytes], [2, bytes]], Math.ceil(n / 64), "double"), dispatch(1, [[2, bytes], [3, bytes]], Math.ceil(n / 64), "square")],
    peakBytes: 32 + 3 * bytes, liveBytes: 32 + 3 * bytes, settings: { seed: 1 },
    ...changes,
  }
}

/** One kernel that keeps the device busy for a while: n invocations of `rounds` multiplications. */
export const slow = (n: number, rounds: number): Plan => {
  const wgsl = `
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  var v = f32(id.x);
  for (var i = 0u; i < ${rounds}u; i++) { v = fma(v, 0.999, 0.5); }
  y[id.x] = v;
}`
  return {
    ...doubleThenSquare(n),
    buffers: [buffer(0, "output", n, "y")], kernels: [kernel(0, wgsl, ["write"], "slow")], inputs: [],
    outputs: [{ name: "y", buffer: 0, dtype: "f32", shape: [n] }], commands: [dispatch(0, [[0, 4 * n]], n / 64, "slow")],
  }
}
