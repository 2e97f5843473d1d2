/** Files with the names and shapes of others' state dicts, their values made up, and what the loading of weights reads of a plan. */
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { commands } from "../../src/cli/commands.ts"
import { makeConsole } from "../../src/cli/console.ts"
import { isFailure, type Outcome } from "../../src/cli/failure.ts"
import { parseArguments } from "../../src/cli/parse-arguments.ts"
import { weightsCommand } from "../../src/cli/weights-command.ts"
import type { ProgramPlan } from "../../src/plan/plan.ts"
import { writeSafetensors, type SafeTensor } from "../../src/runtime/safetensors.ts"
import { elaborated } from "../learning/program.ts"

export type Shapes = readonly (readonly [name: string, shape: readonly number[]])[]
export type Tensors = ReadonlyMap<string, SafeTensor>

/** The tensors of PyTorch's BatchNorm2d. */
export const batchNorm = (name: string, channels: number): Shapes =>
  [...["weight", "bias", "running_mean", "running_var"].map((part): Shapes[number] => [`${name}.${part}`, [channels]]), [`${name}.num_batches_tracked`, []]]

export const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

/** How many tensors there are, and how many numbers in those that are learnt. */
export const sizes = (shapes: Shapes): readonly [tensors: number, parameters: number] =>
  [shapes.length, shapes.filter(([name]) => !/running_|num_batches/.test(name)).reduce((sum, [, shape]) => sum + count(shape), 0)]

/** Values between -1/4 and 1/4 that depend on their place only; counters are integers. */
export const made = (shapes: Shapes): Tensors => {
  let word = 12345
  return new Map(shapes.map(([name, shape]) => {
    if (name.endsWith(".num_batches_tracked")) return [name, { dtype: "I64", shape, bytes: new Uint8Array(BigInt64Array.of(BigInt(40_000 + name.length)).buffer) }]
    const values = Float32Array.from({ length: count(shape) }, () => (word = (Math.imul(word, 1664525) + 1013904223) | 0) / 2 ** 33)
    return [name, { dtype: "F32", shape, bytes: new Uint8Array(values.buffer) }]
  }))
}

export const folder = fs.mkdtempSync(path.join(os.tmpdir(), "nda-torchvision-"))
export const fileOf = (name: string, tensors: Tensors): string => {
  const file = path.join(folder, name)
  fs.writeFileSync(file, writeSafetensors(tensors))
  return file
}

/** A plan, as far as the loading of weights reads it, of a graph that applies `block`, the model E, to pictures of 32 x 32. */
export const planOf = (block: string): ProgramPlan => {
  const name = /^\w+/.exec(block)![0]
  const program = elaborated(`from nda.nn import ${name}\nmodel E = ${block}\ngraph g(x: Image[1, 3, 32, 32]) = { y: E(x) }\n`, "g")
  const slots = program.slots.map(({ name, kind, model, node, leaves }) => ({ name, kind, model, dtype: node.dtype, shape: node.shape, leaves }))
  return { entry: "g", slots, models: program.models } as unknown as ProgramPlan
}

/** `nda weights …` */
export const asked = (...words: readonly string[]): Promise<Outcome> => {
  const args = parseArguments(commands.find((c) => c.name === "weights")!, words)
  return isFailure(args) ? Promise.resolve(args) : weightsCommand(args, makeConsole({ on: new Set(["quiet"]) }))
}
export const message = (outcome: Outcome): string => (isFailure(outcome) ? `${outcome.message} | ${outcome.hint ?? ""}` : "no failure")
