/** Files with the names and shapes of Inception-v3's state dicts, torchvision's and pytorch-fid's, and the features of nda's network with their weights. */
import fs from "node:fs"
import path from "node:path"
import { beforeAll, describe, expect, it } from "vitest"
import { ndarray } from "../../src/backend/reference/ndarray.ts"
import { CheckpointError } from "../../src/runtime/errors.ts"
import { modelLeaves, modelTensors } from "../../src/runtime/slot-tensors.ts"
import { loadWeights, weightsRequest } from "../../src/runtime/weights.ts"
import { elaborated, outputsOf, type Slots } from "../learning/program.ts"
import { mixed, stateDict, stem, type Layer } from "./inception-layers.ts"
import { asked, count, fileOf, folder, made, message, planOf, sizes, type Tensors } from "./named-weights.ts"

describe("the names of Inception-v3", () => {
  it("are those of the real state dicts, by the numbers that are known of them", () => {
    expect(sizes(stateDict())).toEqual([94 * 6 + 2, 23_834_568])
    expect(sizes(stateDict(1, 1000, true))).toEqual([96 * 6 + 4, 27_161_264])
  })

  it("go into nda and come back bit for bit; the last layer and the auxiliary one have no reader and are named", async () => {
    const tensors = made(stateDict(1, 1000, true))
    const original = fileOf("inception_v3.safetensors", tensors)
    const program = planOf("inception_v3()")
    expect(modelLeaves(program, "E").filter(({ slot }) => slot.kind === "params").reduce((sum, { shape }) => sum + count(shape), 0)).toBe(21_785_568)
    const loaded = await loadWeights(program, [weightsRequest(`E=${original}`)])
    if (loaded instanceof CheckpointError) throw loaded
    expect(loaded.notes[0]).toBe(`weights of E from ${original}, by torchvision's names`)
    expect(loaded.notes[1]!.split(": ")[1]!.split(", ").filter((name) => !/^(AuxLogits|fc)\./.test(name))).toEqual([])
    expect(loaded.notes[1]).toMatch(/AuxLogits\.conv0\.conv\.weight, .*, AuxLogits\.fc\.bias, fc\.weight, fc\.bias$/)
    const own = modelTensors(program, loaded.slots, "E")
    expect(own.size).toBe(94 * 5)
    const same = (at: string, there: string): boolean => Buffer.from(own.get(at)!.bytes.buffer).equals(tensors.get(there)!.bytes)
    expect(same("conv2d_1a_3x3.basic_conv.weight", "Conv2d_1a_3x3.conv.weight")).toBe(true)
    expect(same("mixed_6b.inception_c.branch7x7dbl_4.basic_conv.weight", "Mixed_6b.branch7x7dbl_4.conv.weight")).toBe(true)
    expect(same("mixed_7c.inception_e.branch_pool.basic_conv.batch_norm.normalize_batch.running_var", "Mixed_7c.branch_pool.bn.running_var")).toBe(true)
    const trained = fileOf("inception-nda.safetensors", own)
    const back = path.join(folder, "inception-back.safetensors")
    expect(await asked(trained, "--names", "torchvision", "--like", original, "-o", back)).toBe(0)
    expect(fs.readFileSync(back).equals(fs.readFileSync(original))).toBe(true)
  }, 60_000)

  it("of pytorch-fid's file, with 1008 classes, without an auxiliary layer and without counters, fit too", async () => {
    const original = fileOf("fid.safetensors", new Map([...made(stateDict(16, 1008))].filter(([name]) => !name.endsWith(".num_batches_tracked"))))
    const loaded = await loadWeights(planOf(`inception_v3(variant="fid", divisor=16)`), [weightsRequest(original)])
    if (loaded instanceof CheckpointError) throw loaded
    expect(loaded.notes[1]).toBe(`not used of ${original}: fc.weight, fc.bias`)
    const renamed = path.join(folder, "fid-nda.safetensors")
    expect(await asked(original, "--names", "nda", "-o", renamed)).toBe(0)
    expect(message(await asked(renamed, "--names", "torchvision", "-o", path.join(folder, "no.safetensors")))).toMatch(/torchvision has no name for fc\.weight, fc\.bias/)
  })

  it("are not taken for a ResNet's, nor a part of them for the whole", async () => {
    const refusal = await loadWeights(planOf("resnet18()"), [weightsRequest(path.join(folder, "fid.safetensors"))])
    expect(refusal instanceof CheckpointError && refusal.message).toMatch(/missing: resnet_basic\.entry.*/)
    const part = fileOf("part.safetensors", new Map([...made(stateDict(16))].filter(([name]) => !name.startsWith("Mixed_7c.branch1x1."))))
    const half = await loadWeights(planOf("inception_v3(divisor=16)"), [weightsRequest(part)])
    expect(half instanceof CheckpointError && half.message).toContain("missing: mixed_7c.inception_e.branch1x1.basic_conv.weight F32[20, 128, 1, 1]")
  })
})

/** A picture's maps: data[c][y][x]. */
type Maps = readonly (readonly (readonly number[])[])[]

const grid = (c: number, h: number, w: number, value: (c: number, y: number, x: number) => number): Maps =>
  Array.from({ length: c }, (_, k) => Array.from({ length: h }, (_, y) => Array.from({ length: w }, (_, x) => value(k, y, x))))
const sum = (n: number, value: (i: number) => number): number => Array.from({ length: n }, (_, i) => value(i)).reduce((s, v) => s + v, 0)

/** Inception-v3 by its definition, one picture at a time, with weights under torchvision's names. */
const direct = (tensors: Tensors, divisor: number, fid: boolean) => (picture: Maps): readonly number[] => {
  const values = (name: string): Float32Array => new Float32Array(tensors.get(name)!.bytes.slice().buffer)
  const inside = (x: Maps, y: number, z: number): boolean => y >= 0 && z >= 0 && y < x[0]!.length && z < x[0]![0]!.length
  const size = (x: number, k: number, stride: number, pad: number): number => Math.floor((x + 2 * pad - k) / stride) + 1
  const unit = (x: Maps, { name, from, to, kernel: [kh, kw], stride, pad: [ph, pw] }: Layer): Maps => {
    const [weight, gain, bias, mean, variance] = ["conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"].map((part) => values(`${name}.${part}`))
    return grid(to, size(x[0]!.length, kh, stride, ph), size(x[0]![0]!.length, kw, stride, pw), (o, p, q) => {
      let total = 0
      for (let i = 0; i < from; i++) for (let a = 0; a < kh; a++) for (let b = 0; b < kw; b++) {
        const [y, z] = [p * stride + a - ph, q * stride + b - pw]
        if (inside(x, y, z)) total += weight![((o * from + i) * kh + a) * kw + b]! * x[i]![y]![z]!
      }
      return Math.max(0, ((total - mean![o]!) / Math.sqrt(variance![o]! + 0.001)) * gain![o]! + bias![o]!)
    })
  }
  const windows = (x: Maps, stride: number, pad: number, of: (seen: readonly number[]) => number): Maps =>
    grid(x.length, size(x[0]!.length, 3, stride, pad), size(x[0]![0]!.length, 3, stride, pad), (k, p, q) =>
      of([0, 1, 2].flatMap((a) => [0, 1, 2].flatMap((b) => (inside(x, p * stride + a - pad, q * stride + b - pad) ? [x[k]![p * stride + a - pad]![q * stride + b - pad]!] : [])))))
  const largest = (seen: readonly number[]): number => Math.max(...seen)
  const mean = (seen: readonly number[]): number => sum(seen.length, (i) => seen[i]!) / (fid ? seen.length : 9)

  const [c1, c2, c3, c4, c5] = stem(divisor) as [Layer, Layer, Layer, Layer, Layer]
  let x = windows(unit(unit(unit(picture, c1), c2), c3), 2, 0, largest)
  x = windows(unit(unit(x, c4), c5), 2, 0, largest)
  for (const { name, rows } of mixed(divisor)) {
    const out = new Map<string, Maps>()
    const pooled = windows(x, 1, 1, fid && name === "Mixed_7c" ? largest : mean)
    for (const row of rows) out.set(row.name, unit(row.reads !== undefined ? out.get(row.reads)! : row.name.endsWith(".branch_pool") ? pooled : x, row))
    const ends = rows.filter((row) => !rows.some((other) => other.reads === row.name)).flatMap((row) => out.get(row.name)!)
    x = /6a|7a/.test(name) ? [...ends, ...windows(x, 2, 0, largest)] : ends
  }
  return x.map((map) => sum(map.length, (y) => sum(map[y]!.length, (z) => map[y]![z]!)) / (map.length * map[0]!.length))
}

/** Bilinear, pixel centres at halves, the border repeated; then [0, 1] to [-1, 1]. */
const prepared = (picture: Maps, side: number): Maps => {
  const [h, w] = [picture[0]!.length, picture[0]![0]!.length]
  const place = (p: number, n: number): readonly (readonly [number, number])[] => {
    const at = Math.min(Math.max(((p + 0.5) * n) / side - 0.5, 0), n - 1)
    const low = Math.floor(at)
    return [[low, 1 - (at - low)], [Math.min(low + 1, n - 1), at - low]]
  }
  return grid(3, side, side, (k, p, q) => 2 * place(p, h).reduce((s, [y, u]) => s + place(q, w).reduce((t, [z, v]) => t + u * v * picture[k]![y]![z]!, 0), 0) - 1)
}

describe("the features of Inception-v3, a sixteenth as wide", () => {
  const divisor = 16
  /** Variances are positive, gains near one, so that values neither vanish nor grow through 94 convolutions. */
  const tensors: Tensors = new Map([...made(stateDict(divisor))].map(([name, tensor]) => {
    if (tensor.dtype !== "F32" || /conv\.weight|fc\./.test(name)) return [name, tensor]
    const values = new Float32Array(tensor.bytes.slice().buffer).map((v) => (name.endsWith("running_var") ? 0.1 + 0.3 * Math.abs(v) : name.endsWith("bn.weight") ? 1 + v : v))
    return [name, { ...tensor, bytes: new Uint8Array(values.buffer) }]
  }))
  const picture = (h: number, w: number): Maps => grid(3, h, w, (k, y, x) => 0.5 + 0.5 * Math.sin(1 + 3.1 * k + 0.31 * y * (k + 1) - 0.47 * x + 0.01 * x * y))

  const features = async (block: string, given: Maps): Promise<readonly number[]> => {
    const loaded = await loadWeights(planOf(block), [weightsRequest(fileOf("narrow.safetensors", tensors))])
    if (loaded instanceof CheckpointError) throw loaded
    const program = elaborated(`from nda.nn import inception_v3\nmodel E = ${block}\ngraph g(x: Image[1, 3, ${given[0]!.length}, ${given[0]![0]!.length}]) = { y: E(x) }\n`, "g")
    const slots: Slots = new Map(program.slots.map((slot) => [slot.name, ndarray("f32", slot.node.shape, Float64Array.from(loaded.slots[slot.name]!))]))
    return [...outputsOf(program.steps[0]!.graph, slots, { step: 0, repeat: 0, mode: "exact" }, { x: given.flat(2) }).values()][0]!.data as unknown as readonly number[]
  }

  const apart = (a: ArrayLike<number>, b: ArrayLike<number>): number => Math.max(...Array.from(a, (v, i) => Math.abs(v - b[i]!))) / Math.max(...Array.from(b, Math.abs))

  /** 107 pixels leave maps of 2 x 2 to the last blocks, so that their border is not everything. */
  const found = new Map<string, { readonly own: readonly number[]; readonly expected: readonly number[] }>()
  beforeAll(async () => {
    for (const variant of ["torchvision", "fid"]) {
      const x = picture(107, 107)
      found.set(variant, {
        own: await features(`inception_v3(variant="${variant}", divisor=16, size=107)`, x),
        expected: direct(tensors, divisor, variant === "fid")(x.map((map) => map.map((row) => row.map((v) => 2 * v - 1)))),
      })
    }
  }, 120_000)

  it.each(["torchvision", "fid"])("are what the definition gives, variant %s", (variant) => {
    const { own, expected } = found.get(variant)!
    expect(own.length).toBe(128)
    expect(expected.filter((v) => v > 1e-3).length).toBeGreaterThan(64)
    expect(apart(own, expected)).toBeLessThan(1e-12)
  })

  it("differ between the variants, by what their poolings give", () => {
    expect(apart(found.get("fid")!.own, found.get("torchvision")!.own)).toBeGreaterThan(1e-2)
  })

  it("are those of the picture made square, of the size asked for, and of both signs", async () => {
    const x = picture(20, 31)
    // Where a pixel of the larger picture lies is a number of f32.
    expect(apart(await features(`inception_v3(divisor=16, size=75)`, x), direct(tensors, divisor, false)(prepared(x, 75)))).toBeLessThan(1e-5)
  }, 60_000)
})
