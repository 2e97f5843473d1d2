/** Small programs that learn, written by hand: a mean of pictures learnt by gradient descent, with noise from the seed and the step. */
import type { Plan, ProgramPlan } from "../../src/plan/plan.ts"
import { at, buffer, dispatch, kernel } from "../runtime/plans.ts"

const needs = { maxStorageBuffersPerShaderStage: 8, maxStorageBufferBindingSize: 65536, maxBufferSize: 65536, maxComputeWorkgroupStorageSize: 0, maxComputeInvocationsPerWorkgroup: 64, features: [] }
const plan = (entry: string, changes: Partial<Plan>): Plan => ({
  version: 1, entry, kind: "graph", needs, sources: [], buffers: [], kernels: [], inputs: [], outputs: [], commands: [], peakBytes: 0, liveBytes: 0, settings: {}, ...changes,
})
const f32 = (name: string, id: number, shape: readonly number[], slot?: string) => ({ name, buffer: id, dtype: "f32" as const, shape, ...(slot === undefined ? {} : { slot }) })
const i32 = (name: string, id: number, shape: readonly number[], slot?: string) => ({ name, buffer: id, dtype: "i32" as const, shape, ...(slot === undefined ? {} : { slot }) })

const settings = "struct Settings { seed: u32, step: u32, repeat: u32 }\n@group(0) @binding(0) var<uniform> settings: Settings;\n"
const initialWgsl = `${settings}
@group(0) @binding(1) var<storage, read_write> w: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) { w[id.x] = f32((settings.seed * 7u + id.x) % 13u) / 13.0; }`

/** w moves to the batch's mean; the loss is their distance; the count goes up. `spoilAt`: the round in which a logarithm of zero appears. */
const stepWgsl = (batch: number, size: number, spoilAt: number): string => `${settings}
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> n: array<i32>;
@group(0) @binding(4) var<storage, read_write> w2: array<f32>;
@group(0) @binding(5) var<storage, read_write> n2: array<i32>;
@group(0) @binding(6) var<storage, read_write> loss: array<f32>;
var<workgroup> parts: array<f32, 64>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  var mean = 0.0;
  for (var s = 0u; s < ${batch}u; s++) { mean += x[s * ${size}u + id.x * 5u]; }
  mean = mean / ${batch}.0 + f32((settings.seed + settings.step * 3u + settings.repeat) % 5u) * 0.001;
  var error = w[id.x] - mean;
  w2[id.x] = w[id.x] - 0.1 * error;
  parts[id.x] = error * error;
  workgroupBarrier();
  if (id.x == 0u) {
    var sum = 0.0;
    for (var i = 0u; i < 64u; i++) { sum += parts[i]; }
    n2[0] = n[0] + 1;
    if (settings.step == ${spoilAt >>> 0}u) { sum = sum * bitcast<f32>(0x7f800000u + u32(n[0]) * 0u); }
    loss[0] = sum;
  }
}`

const pictureSize = 3 * 12 * 12
export interface Hand {
  readonly batch?: number
  readonly repeat?: number
  readonly save?: number
  readonly spoilAt?: number
  readonly lines?: number
}

export const learnMean = ({ batch = 4, repeat = 2, save = 5, spoilAt = 0xffffffff }: Hand = {}): ProgramPlan => {
  const source = {
    name: "b", loader: "dots", split: "train" as const, batch, options: { size: 12, samples: 24 }, fields: [{ name: "image", dtype: "f32" as const, shape: [3, 12, 12] }], origin: at(2, "b"),
  }
  const initial = plan("initial", {
    buffers: [buffer(0, "uniform", 8, "settings", "u32"), buffer(1, "output", 64, "w"), { ...buffer(2, "constant", 1, "n", "i32"), data: [0] }],
    kernels: [kernel(0, initialWgsl, ["uniform", "write"], "initial")], outputs: [f32("slot:M", 1, [64], "M"), i32("slot:M.n", 2, [1], "M.n")],
    commands: [dispatch(0, [[0, 32], [1, 256]])],
  })
  const step = plan("learn", {
    sources: [source],
    buffers: [
      buffer(0, "uniform", 8, "settings", "u32"), buffer(1, "input", batch * pictureSize, "b.image"), buffer(2, "input", 64, "M"), buffer(3, "input", 1, "M.n", "i32"),
      buffer(4, "output", 64, "M next"), buffer(5, "output", 1, "M.n next", "i32"), buffer(6, "output", 1, "distance"),
    ],
    kernels: [kernel(0, stepWgsl(batch, pictureSize, spoilAt), ["uniform", "read", "read", "read", "write", "write", "write"], "learn")],
    inputs: [{ ...f32("b.image", 1, [batch, 3, 12, 12]), source: { name: "b", field: "image" } }, f32("slot:M", 2, [64], "M"), i32("slot:M.n", 3, [1], "M.n")],
    outputs: [f32("distance", 6, []), f32("M", 4, [64], "M"), i32("M.n", 5, [1], "M.n")],
    commands: [dispatch(0, [[0, 32], [1, 4 * batch * pictureSize], [2, 256], [3, 4], [4, 256], [5, 4], [6, 4]])],
  })
  const show = plan("show", {
    sources: [], buffers: [buffer(1, "input", 64, "M")], inputs: [f32("slot:M", 1, [64], "M")],
    outputs: [{ ...f32("weights", 1, [1, 1, 8, 8]), picture: "image" }],
  })
  return {
    version: 1, entry: "fit", kind: "train",
    slots: [
      { name: "M", kind: "params", model: "M", dtype: "f32", shape: [64], leaves: [{ path: "layer.weight", shape: [6, 8], offset: 0 }, { path: "layer.bias", shape: [6], offset: 48 }] },
      { name: "M.n", kind: "state", model: "M", dtype: "i32", shape: [1], leaves: [{ path: "n", shape: [], offset: 0 }] },
    ],
    initial, steps: [{ name: "learn", repeat, plan: step }], every: [{ period: save, plan: show, save: ["M"], calls: [] }], evaluations: [],
    models: [{ name: "M", parameters: 54 }], settings: { steps: 12, seed: 3 },
  }
}
