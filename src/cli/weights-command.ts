/** `nda weights`: a network's tensors under other names; what they hold stays as it is, to the last bit. */
import fs from "node:fs/promises"
import { replaceFile } from "../runtime/durable-files.ts"
import { CheckpointError } from "../runtime/errors.ts"
import { readSafetensors, writeSafetensors, type SafeTensor } from "../runtime/safetensors.ts"
import { fromTorchvision, isTorchvision, toTorchvision } from "../runtime/torchvision-names.ts"
import { under, weightsRequest } from "../runtime/weights.ts"
import type { Console } from "./console.ts"
import { exitCode } from "./exit-code.ts"
import { checkpointFailure, isFailure, outputFailure, systemReason, usageFailure, type Failure, type Outcome } from "./failure.ts"
import { shown, type Arguments } from "./parse-arguments.ts"

type Tensors = ReadonlyMap<string, SafeTensor>

const unfit = (where: string, message: string, hint: string): Failure => checkpointFailure(new CheckpointError({ reason: "Mismatch", message, where, hint }))

const renamed = (tensors: Tensors, names: "torchvision" | "nda", where: string): Tensors | Failure => {
  if (tensors.size === 0) return unfit(where, "There is no tensor under that subtree.", "a subtree is the beginning of names, up to a dot: F.safetensors#resnet18")
  if (names === "nda") return isTorchvision(tensors.keys()) ? fromTorchvision(tensors) : unfit(where, "These are not torchvision's names of a ResNet or of Inception-v3.", "a state dict of resnet18, resnet34, resnet50, … has conv1.weight, bn1.running_mean, layer1.0.conv1.weight and so on, one of inception_v3 Conv2d_1a_3x3.conv.weight, Mixed_5b.branch1x1.conv.weight and so on")
  const { tensors: out, unknown } = toTorchvision(tensors)
  return unknown.length === 0 ? out : unfit(where, `torchvision has no name for ${unknown.slice(0, 5).join(", ")}${unknown.length > 5 ? ` and ${unknown.length - 5} more` : ""}.`, "name the part that is a ResNet or Inception-v3: FILE#subtree, say F.safetensors#resnet18")
}

/** In the order of `like`, and with what it holds beyond. */
const completed = (tensors: Tensors, like: Tensors, where: string): Tensors | Failure => {
  for (const [name, { dtype, shape }] of tensors) {
    const other = like.get(name)
    if (other === undefined) return unfit(where, `It has no ${name}, so that it is of another network.`, "--like takes a file of the same network, under the names that are to be written")
    if (other.dtype !== dtype || other.shape.join() !== shape.join()) return unfit(where, `Its ${name} is ${other.dtype}[${other.shape.join(", ")}], and ${dtype}[${shape.join(", ")}] is to be written.`, "--like takes a file of the same network")
  }
  return new Map([...like].map(([name, tensor]) => [name, tensors.get(name) ?? tensor]))
}

export const weightsCommand = async (args: Arguments, console: Console): Promise<Outcome> => {
  const { path: file, subtree } = weightsRequest(`_=${args.operands[0]!}`)
  const names = args.one.get("names")
  const out = args.one.get("output")
  if (names !== "torchvision" && names !== "nda") return usageFailure(names === undefined ? "whose names? --names torchvision or --names nda" : `--names is torchvision or nda, not ${shown(names)}`)
  if (out === undefined) return usageFailure("where to? -o FILE.safetensors")
  const read = await readSafetensors(file)
  if (read instanceof CheckpointError) return checkpointFailure(read)
  const own = renamed(under(read, subtree), names, file)
  if (isFailure(own)) return own
  const likeFile = args.one.get("like")
  let written: Tensors | Failure = own
  if (likeFile !== undefined) {
    const like = await readSafetensors(likeFile)
    if (like instanceof CheckpointError) return checkpointFailure(like)
    written = completed(own, like.tensors, likeFile)
  }
  if (isFailure(written)) return written
  if (!args.on.has("force") && (await fs.access(out).then(() => true, () => false))) return outputFailure("is there already", out, "--force writes over it; -o OUT writes another file")
  try {
    await replaceFile(out, writeSafetensors(written))
  } catch (error) {
    return outputFailure(`cannot be written: ${systemReason(error)}`, out)
  }
  console.note(`${written.size} tensors in ${out}, by ${names}'s names`)
  return exitCode.ok
}
