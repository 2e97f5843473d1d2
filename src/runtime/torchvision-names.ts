/**
 * The names that torchvision gives the weights of its networks, in pairs with the paths of nda.nn: here of `resnet18`, `resnet34` and
 * `resnet50`, in inception-names.ts of `inception_v3`.
 *
 * The law: `#` is a number, the same on both sides, in order; `@` is each tensor of a batch norm by its pair in `batchNorm`. What a tensor holds is
 * never changed: shapes and layouts are the same. A batch norm of nda does not count batches, so that `num_batches_tracked` has a name and no reader.
 */
import { inception } from "./inception-names.ts"
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

interface Family {
  readonly toNda: (name: string) => string | undefined
  readonly toTorchvision: (path: string) => string | undefined
  /** Names that a whole trunk has, in one part of it and another. */
  readonly whole: readonly string[]
  /** What a path that no other family has begins with. */
  readonly begins: string
}

const family = (pairs: Pairs, begins: string, whole: readonly string[]): Family => ({ toNda: translator(pairs, 0), toTorchvision: translator(pairs, 1), whole, begins })

const resnet = ["conv1.weight", "bn1.running_mean", "layer1.0.conv1.weight", "layer4.0.bn2.running_var"]
/** A file is of the first family all of whose names it has; the third convolution of a block tells the deep ResNets. */
const families: readonly Family[] = [
  family(deep, "resnet_deep.", [...resnet, "layer1.0.conv3.weight"]),
  family(basic, "resnet_basic.", resnet),
  family(inception, "mixed_5b.inception_a.", ["Conv2d_1a_3x3.conv.weight", "Conv2d_1a_3x3.bn.running_mean", "Mixed_5b.branch1x1.conv.weight", "Mixed_7c.branch_pool.bn.running_var"]),
]

const familyOf = (names: Iterable<string>): Family | undefined => {
  const all = new Set(names)
  return families.find(({ whole }) => whole.every((name) => all.has(name)))
}

/** Names of a whole trunk under torchvision's names? */
export const isTorchvision = (names: Iterable<string>): boolean => familyOf(names) !== undefined

/** The paths of a file's names; a name that has none stays. */
const pathsOf = (names: Iterable<string>): readonly (readonly [name: string, path: string])[] => {
  const all = [...names]
  const own = familyOf(all)
  return all.map((name) => [name, own?.toNda(name) ?? name] as const)
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
  const own = families.find(({ begins }) => [...tensors.keys()].some((path) => path.startsWith(begins)))
  const named = [...tensors].map(([name, tensor]) => [own?.toTorchvision(name), name, tensor] as const)
  return {
    tensors: new Map(named.flatMap(([to, , tensor]) => (to === undefined ? [] : [[to, tensor] as const]))),
    unknown: named.flatMap(([to, name]) => (to === undefined ? [name] : [])),
  }
}

/**
 * What a model that reads `own` may leave unread of a file with torchvision's names: the counters, the last layer and Inception's second one,
 * which trunks do not have, and whole layers that the model does not have (a trunk that ends early).
 */
export const mayStayUnread = (path: string, own: ReadonlySet<string>): boolean => {
  if (path.endsWith(".num_batches_tracked") || /^(linear|fc)\.(weight|bias)$/.test(path) || path.startsWith("AuxLogits.")) return true
  const layer = /^resnet_\w+\.layer\d+\./.exec(path)?.[0]
  return layer !== undefined && ![...own].some((each) => each.startsWith(layer))
}
