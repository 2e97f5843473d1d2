/** Names of parameters and states are an API (RULINGS 19): what checkpoints are called by, parameters and states by one law. */
import { expect, test } from "vitest"
import { modelLeaves } from "../../src/runtime/slot-tensors.ts"
import type { ProgramPlan } from "../../src/plan/plan.ts"
import { elaborated } from "./program.ts"

/** The tensors of M in its file, in their order. */
const names = (net: string, imports: string, input = "f32[2, 3, 8, 8]", by = "sgd", blocks = ""): readonly string[] => {
  const program = elaborated(`from nda.nn import ${imports}
from nda.optim import sgd, adam
${blocks}
block net(x: ${input}) -> f32 {
  ${net}
}
model M = net
train fit(steps = 1) { step go { minimize M(ones([${input.slice(4, -1)}])) over M by ${by} } }`, "fit")
  const slots = program.slots.map((s) => ({ name: s.name, kind: s.kind, model: s.model, dtype: s.node.dtype, shape: s.node.shape, leaves: s.leaves }))
  return modelLeaves({ slots } as unknown as ProgramPlan, "M").map((leaf) => leaf.path)
}

test("a small critic's file: convolutions, batch norms, spectral norms, a loop, a let, a block and a model", () => {
  expect(names(`let main = x |> conv(4, wrap=spectral) |> batch_norm |> relu |> conv(4, wrap=spectral) |> batch_norm
  model head = linear(1, wrap=spectral)
  let deep = loop h = main for i in 0..2 { h |> conv(4, k=1, bias=false) |> batch_norm }
  sum(deep |> global_mean |> head)`, "conv, linear, batch_norm, spectral, relu, global_mean")).toEqual([
    "main.conv.0.weight", "main.conv.0.bias", "main.batch_norm.0.gain", "main.batch_norm.0.bias",
    "main.conv.1.weight", "main.conv.1.bias", "main.batch_norm.1.gain", "main.batch_norm.1.bias",
    "deep.conv.0.weight", "deep.batch_norm.0.gain", "deep.batch_norm.0.bias",
    "deep.conv.1.weight", "deep.batch_norm.1.gain", "deep.batch_norm.1.bias",
    "head.weight", "head.bias",
    "main.conv.0.spectral.u",
    "main.batch_norm.0.normalize_batch.running_mean", "main.batch_norm.0.normalize_batch.running_var",
    "main.conv.1.spectral.u",
    "main.batch_norm.1.normalize_batch.running_mean", "main.batch_norm.1.normalize_batch.running_var",
    "deep.batch_norm.0.normalize_batch.running_mean", "deep.batch_norm.0.normalize_batch.running_var",
    "deep.batch_norm.1.normalize_batch.running_mean", "deep.batch_norm.1.normalize_batch.running_var",
    "head.spectral.u",
  ])
})

test("the bias of a layer lies beside its weight", () => {
  const both = (layer: string, input: string, name: string): void => expect(names(`sum(x |> ${layer})`, name, input)).toEqual([`${name}.weight`, `${name}.bias`])
  both("linear(2)", "f32[2, 3]", "linear")
  both("conv(2)", "f32[2, 3, 4, 4]", "conv")
  both("conv1d(2)", "f32[2, 3, 4]", "conv1d")
  both("conv3d(2)", "f32[2, 3, 4, 4, 4]", "conv3d")
  both("conv_transpose(2)", "f32[2, 3, 4, 4]", "conv_transpose")
})

test("blocks of one name are counted by their parameters and states together", () => {
  // The second keeps a state and learns nothing; the first is not alone all the same.
  const block = `block scale(learn = true)(v: f32[..s]) -> f32[..s] {
  if learn {
    param gain: f32 = ones()
    v * gain
  } else {
    state seen: f32 = zeros()
    next seen = seen + 1
    v / (1 + seen)
  }
}`
  expect(names("sum(x |> scale(true) |> scale(false))", "relu", undefined, undefined, block)).toEqual(["scale.0.gain", "scale.1.seen"])
})

test("what an optimiser remembers is no part of a model's file", () => {
  expect(names("sum(x |> conv(2))", "conv", undefined, "adam")).toEqual(["conv.weight", "conv.bias"])
})
