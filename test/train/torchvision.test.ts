/** Files with the names and shapes of torchvision's state dicts: what a ResNet of nda reads of them, and what is written back. Values are made up. */
import fs from "node:fs"
import path from "node:path"
import { describe, expect, it } from "vitest"
import { CheckpointError } from "../../src/runtime/errors.ts"
import { writeSafetensors } from "../../src/runtime/safetensors.ts"
import { modelTensors } from "../../src/runtime/slot-tensors.ts"
import { loadWeights, weightsRequest } from "../../src/runtime/weights.ts"
import { asked, batchNorm, count, fileOf, folder, made, message, planOf, sizes, type Shapes } from "./named-weights.ts"

const conv = (name: string, to: number, from: number, k: number): Shapes[number] => [`${name}.weight`, [to, from, k, k]]

/** As `torchvision.models.resnetN().state_dict()` lists them. */
const stateDict = (depths: readonly number[], deep: boolean, classes = 1000): Shapes => {
  let from = 64
  const layers = depths.flatMap((depth, i) => Array.from({ length: depth }, (_, j): Shapes => {
    const name = `layer${i + 1}.${j}`
    const width = 64 * 2 ** i
    const to = deep ? 4 * width : width
    const main = deep
      ? [conv(`${name}.conv1`, width, from, 1), ...batchNorm(`${name}.bn1`, width), conv(`${name}.conv2`, width, width, 3), ...batchNorm(`${name}.bn2`, width), conv(`${name}.conv3`, to, width, 1), ...batchNorm(`${name}.bn3`, to)]
      : [conv(`${name}.conv1`, width, from, 3), ...batchNorm(`${name}.bn1`, width), conv(`${name}.conv2`, width, width, 3), ...batchNorm(`${name}.bn2`, width)]
    const skip = j > 0 || (i === 0 && !deep) ? [] : [conv(`${name}.downsample.0`, to, from, 1), ...batchNorm(`${name}.downsample.1`, to)]
    from = to
    return [...main, ...skip]
  }).flat())
  return [conv("conv1", 64, 3, 7), ...batchNorm("bn1", 64), ...layers, ["fc.weight", [classes, from]], ["fc.bias", [classes]]]
}

describe("torchvision's names", () => {
  it("are those of the real state dicts, by the numbers that are known of them", () => {
    expect(sizes(stateDict([2, 2, 2, 2], false))).toEqual([122, 11_689_512])
    expect(sizes(stateDict([3, 4, 6, 3], true))).toEqual([320, 25_557_032])
  })

  it.each([
    ["resnet18", "resnet18_classes", stateDict([2, 2, 2, 2], false)],
    ["resnet50", "resnet50_classes", stateDict([3, 4, 6, 3], true)],
  ])("%s goes into nda and comes back bit for bit, the last layer and the counters too", async (name, block, shapes) => {
    const tensors = made(shapes)
    const original = fileOf(`${name}.safetensors`, tensors)
    const program = planOf(`${block}()`)
    const loaded = await loadWeights(program, [weightsRequest(`E=${original}`)])
    if (loaded instanceof CheckpointError) throw loaded
    expect(loaded.notes).toEqual([`weights of E from ${original}, by torchvision's names`])
    const own = modelTensors(program, loaded.slots, "E")
    const same = (at: string, there: string): boolean => Buffer.from(own.get(at)!.bytes.buffer).equals(tensors.get(there)!.bytes)
    const trunk = name === "resnet18" ? "resnet_basic.layer2.basic_layer.basic_block.0" : "resnet_deep.layer2.bottleneck_layer.bottleneck.0"
    expect(same(`${trunk}.skip.batch_norm.normalize_batch.running_var`, "layer2.0.downsample.1.running_var")).toBe(true)
    expect(same(`${trunk}.main.conv.1.weight`, "layer2.0.conv2.weight")).toBe(true)
    expect(same("linear.weight", "fc.weight")).toBe(true)
    const trained = fileOf(`${name}-nda.safetensors`, own)
    const back = path.join(folder, `${name}-back.safetensors`)
    expect(await asked(trained, "--names", "torchvision", "--like", original, "-o", back)).toBe(0)
    expect(fs.readFileSync(back).equals(fs.readFileSync(original))).toBe(true)
  })

  it("of a whole network give a trunk its weights; the last layer stays unused and is named", async () => {
    const original = path.join(folder, "resnet18.safetensors")
    const loaded = await loadWeights(planOf(`resnet18(stem="imagenet")`), [weightsRequest(original)])
    if (loaded instanceof CheckpointError) throw loaded
    expect(loaded.notes[1]).toBe(`not used of ${original}: fc.weight, fc.bias`)
    const early = await loadWeights(planOf(`resnet18_maps(stride=8, stem="imagenet")`), [weightsRequest(original)])
    if (early instanceof CheckpointError) throw early
    expect(early.notes[1]).toMatch(/: layer3\.0\.conv1\.weight, .*layer4\.1\.bn2\.running_var, fc\.weight, fc\.bias$/)
  })

  it("may stand under a subtree, as in the checkpoints of others", async () => {
    const small = stateDict([2, 2, 2, 2], false, 10)
    const file = fileOf("module.safetensors", new Map([...made(small)].map(([name, tensor]) => [`module.encoder_q.${name}`, tensor])))
    const loaded = await loadWeights(planOf(`resnet18_classes(10)`), [weightsRequest(`${file}#module.encoder_q`)])
    expect(loaded).not.toBeInstanceOf(CheckpointError)
  })

  it("of another depth are refused, for not all of them would be read", async () => {
    const deeper = fileOf("resnet34.safetensors", made(stateDict([3, 4, 6, 3], false, 10)))
    const refusal = await loadWeights(planOf(`resnet18(stem="imagenet")`), [weightsRequest(deeper)])
    expect(refusal instanceof CheckpointError && refusal.message).toContain("not in E: resnet_basic.layer1.basic_layer.basic_block.2.main.conv.0.weight")
  })

  it("are written only for what has them, and only over what may be written over", async () => {
    const program = planOf(`resnet18(width=4)`)
    const own = modelTensors(program, Object.fromEntries(program.slots.map((slot) => [slot.name, Float32Array.from({ length: count(slot.shape) }, (_, i) => i)])), "E")
    const inside = fileOf("F.safetensors", new Map([...own].map(([name, tensor]) => [`resnet18.${name}`, tensor])))
    const out = path.join(folder, "out.safetensors")
    expect(message(await asked(inside, "--names", "torchvision", "-o", out))).toMatch(/torchvision has no name for resnet18\.resnet_basic\..* name the part that is a ResNet/)
    expect(await asked(`${inside}#resnet18`, "--names", "torchvision", "-o", out)).toBe(0)
    expect(message(await asked(`${inside}#resnet18`, "--names", "torchvision", "-o", out))).toMatch(/is there already/)
    expect(await asked(out, "--names", "nda", "-o", path.join(folder, "again.safetensors"))).toBe(0)
    expect(fs.readFileSync(path.join(folder, "again.safetensors")).equals(Buffer.from(writeSafetensors(own)))).toBe(true)
    expect(message(await asked(inside, "--names", "nda", "-o", out))).toMatch(/not torchvision's names/)
    expect(message(await asked(`${inside}#elsewhere`, "--names", "nda", "-o", out))).toMatch(/no tensor under that subtree/)
    expect(message(await asked(`${inside}#resnet18`, "--names", "torchvision", "--force", "-o", out, "--like", path.join(folder, "resnet18.safetensors")))).toMatch(/Its conv1.weight is F32\[64, 3, 7, 7\], and F32\[4, 3, 3, 3\]/)
    expect(message(await asked(inside, "-o", out))).toMatch(/whose names/)
    expect(message(await asked(inside, "--names", "keras", "-o", out))).toMatch(/not keras/)
    expect(message(await asked(inside, "--names", "nda"))).toMatch(/where to/)
  })
})
