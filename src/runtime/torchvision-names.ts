/**
 * The names that torchvision gives the weights of its ResNets, in pairs with the paths of `resnet18`, `resnet34` and `resnet50` of nda.nn.
 *
 * The law: `#` is a number, the same on both sides, in order; `@` is each tensor of a batch norm by its pair in `batchNorm`. What a tensor holds is
 * never changed: shapes and layouts are the same. A batch norm of nda does not count batches, so that `num_batches_tracked` has a name and no reader.
 */
import type { SafeTensor } from "./safetensors.ts"

type Pairs = readonly (readonly [torchvision: string, nda: string])[]
type Tensors = ReadonlyMap<string, SafeTensor>

const batchNorm: Pairs = [
  ["weight", "gain"],
  ["bias", "bias"],
  ["running_mean", "normalize_batch.running_mean"],
  ["running_var", "normalize_batch.running_var"],
  ["num_batches_tracked", "num_batches_tracked"],
]

/** ResNet-18 and -34. */
const basic: Pairs = [
  ["conv1.weight", "resnet_basic.entry.resnet_stem.conv.weight"],
  ["bn1.@", "resnet_basic.entry.resnet_stem.batch_norm.@"],
  ["layer#.#.conv1.weight", "resnet_basic.layer#.basic_layer.basic_block.#.main.conv.0.weight"],
  ["layer#.#.bn1.@", "resnet_basic.layer#.basic_layer.basic_block.#.main.batch_norm.0.@"],
  ["layer#.#.conv2.weight", "resnet_basic.layer#.basic_layer.basic_block.#.main.conv.1.weight"],
  ["layer#.#.bn2.@", "resnet_basic.layer#.basic_layer.basic_block.#.main.batch_norm.1.@"],
  ["layer#.#.downsample.0.weight", "resnet_basic.layer#.basic_layer.basic_block.#.skip.conv.weight"],
  ["layer#.#.downsample.1.@", "resnet_basic.layer#.basic_layer.basic_block.#.skip.batch_norm.@"],
  ["fc.weight", "linear.weight"],
  ["fc.bias", "linear.bias"],
]

/** ResNet-50 and deeper. */
const deep: Pairs = [
  ["conv1.weight", "resnet_deep.entry.resnet_stem.conv.weight"],
  ["bn1.@", "resnet_deep.entry.resnet_stem.batch_norm.@"],
  ["layer#.#.conv1.weight", "resnet_deep.layer#.bottleneck_layer.bottleneck.#.main.conv.0.weight"],
  ["layer#.#.bn1.@", "resnet_deep.layer#.bottleneck_layer.bottleneck.#.main.batch_norm.0.@"],
  ["layer#.#.conv2.weight", "resnet_deep.layer#.bottleneck_layer.bottleneck.#.main.conv.1.weight"],
  ["layer#.#.bn2.@", "resnet_deep.layer#.bottleneck_layer.bottleneck.#.main.batch_norm.1.@"],
  ["layer#.#.conv3.weight", "resnet_deep.layer#.bottleneck_layer.bottleneck.#.main.conv.2.weight"],
  ["layer#.#.bn3.@", "resnet_deep.layer#.bottleneck_layer.bottleneck.#.main.batch_norm.2.@"],
  ["layer#.#.downsample.0.weight", "resnet_deep.layer#.bottleneck_layer.bottleneck.#.skip.conv.weight"],
  ["layer#.#.downsample.1.@", "resnet_deep.layer#.bottleneck_layer.bottleneck.#.skip.batch_norm.@"],
  ["fc.weight", "linear.weight"],
  ["fc.bias", "linear.bias"],
]

const expanded = (pairs: Pairs): Pairs => pairs.flatMap(([a, b]) => (a.endsWith("@") ? batchNorm.map(([x, y]) => [a.replace("@", x), b.replace("@", y)] as const) : [[a, b] as const]))

/** The other name of each pair that a name fits, with its numbers. */
const translator = (pairs: Pairs, from: 0 | 1): ((name: string) => string | undefined) => {
  const rules = expanded(pairs).map((pair) => ({ fits: new RegExp(`^${pair[from].replaceAll(".", "\\.").replaceAll("#", "(\\d+)")}$`), into: pair[1 - from]! }))
  return (name) => {
    for (const { fits, into } of rules) {
      const found = fits.exec(name)
      if (found === null) continue
      let next = 1
      return into.replaceAll("#", () => found[next++]!)
    }
    return undefined
  }
}

const families = [basic, deep].map((pairs) => ({ toNda: translator(pairs, 0), toTorchvision: translator(pairs, 1) }))

/** Names of a whole trunk under torchvision's names? The third convolution of a block tells the deep ones. */
export const isTorchvision = (names: Iterable<string>): boolean => {
  const all = new Set(names)
  return ["conv1.weight", "bn1.running_mean", "layer1.0.conv1.weight", "layer4.0.bn2.running_var"].every((name) => all.has(name))
}

/** The paths of a file's names; a name that has none stays. */
const pathsOf = (names: Iterable<string>): readonly (readonly [name: string, path: string])[] => {
  const all = [...names]
  const { toNda } = families[all.includes("layer1.0.conv3.weight") ? 1 : 0]!
  return all.map((name) => [name, toNda(name) ?? name] as const)
}

/** Tensors under nda's paths. */
export const fromTorchvision = (tensors: Tensors): Tensors => new Map(pathsOf(tensors.keys()).map(([name, path]) => [path, tensors.get(name)!]))

/** What a file's own names are for these paths; without the counters of batches, which nothing here reads. */
export const torchvisionNames = (names: Iterable<string>, paths: readonly string[]): readonly string[] => {
  const wanted = new Set(paths)
  return pathsOf(names).flatMap(([name, path]) => (wanted.has(path) && !name.endsWith(".num_batches_tracked") ? [name] : []))
}

/** Tensors under torchvision's names, and the names that have none. */
export const toTorchvision = (tensors: Tensors): { readonly tensors: Tensors; readonly unknown: readonly string[] } => {
  const { toTorchvision: called } = families[[...tensors.keys()].some((name) => name.startsWith("resnet_deep.")) ? 1 : 0]!
  const named = [...tensors].map(([name, tensor]) => [called(name), name, tensor] as const)
  return {
    tensors: new Map(named.flatMap(([to, , tensor]) => (to === undefined ? [] : [[to, tensor] as const]))),
    unknown: named.flatMap(([to, name]) => (to === undefined ? [name] : [])),
  }
}

/**
 * What a model that reads `own` may leave unread of a file with torchvision's names: the counters, the last layer, which trunks do not have,
 * and whole layers that the model does not have (a trunk that ends early).
 */
export const mayStayUnread = (path: string, own: ReadonlySet<string>): boolean => {
  if (path.endsWith(".num_batches_tracked") || path === "linear.weight" || path === "linear.bias") return true
  const layer = /^resnet_\w+\.layer\d+\./.exec(path)?.[0]
  return layer !== undefined && ![...own].some((each) => each.startsWith(layer))
}
