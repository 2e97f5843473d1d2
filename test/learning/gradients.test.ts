import { describe, expect, test } from "vitest"
import { ndarray } from "../../src/backend/reference/ndarray.ts"
import { stdlibText } from "../../src/driver/stdlib-text.ts"
import { parse } from "../../src/syntax/parser.ts"
import { compare, derived, lowering as program, squash } from "./differences.ts"
import { elaborated, executed, initialSlots } from "./program.ts"

const modules = ["nda.nn", "nda.loss", "nda.gan", "nda.contrastive", "nda.detection"]

/** What a module gives: what it imports with `from` where it only gathers, else what it declares. */
const exportsOf = (module: string): readonly string[] => {
  const { imports, declarations } = parse(module, stdlibText[module]!).value!
  const own = declarations.flatMap((d) => (d.kind === "function" ? [d.name.text] : []))
  return own.length > 0 ? own : imports.flatMap((i) => i.names.map((n) => (n.alias ?? n.name).text))
}

const library = [
  ...modules.map((module) => `from ${module} import ${exportsOf(module).join(", ")}`),
  "from nda.nn.resnet import bottleneck, resnet_deep", "from nda.nn.resnet2d3d import clip_block",
  "from nda.nn.inception import inception_a, inception_b, inception_c, inception_d, inception_e",
  "from nda.image import diff_augment, color_jitter, hflip, rotate",
  "block critic(x: Image[n, c, h, w]) -> Logit[n] = x |> conv(2) |> tanh |> global_mean |> linear(1) |> squeeze",
].join("\n")

/** What has no case below, and why. */
const excepted: Readonly<Record<string, string>> = {
  one_hot: "a function of integers",
  resnet34: "the blocks of resnet18, more of them", resnet18_classes: "resnet18 and a linear layer", resnet50_classes: "resnet50 and a linear layer",
  inception_v3: "its blocks, a to e, one after another: their cases",
  resnet18_maps: "resnet18 before its pooling", resnet18_levels: "resnet18 before its pooling",
  enqueue_labels: "a function of integers", nearest_class: "its result is a class",
  moved_by: "moves a picture by numbers that are drawn", boxes_moved_by: "moves truth, which nothing learns", jitter_scene: "moves truth, which nothing learns",
  unsuppressed: "its result is true or false", draw_boxes: "a picture for people", found_objects: "its result is a list of what was found", average_precision: "a metric",
}

const lowering = (shape: string, number: string): string => program(library, shape, number)
const pictures = "f32[2, 4, 6, 6]"
const clips = "f32[2, 2, 3, 4, 4]"

type Case = readonly [name: string, shape: string, expression: string]

const activations = ["relu", "leaky_relu", "gelu", "silu", "elu", "selu", "mish", "hardswish", "hardsigmoid", "relu6", "hardtanh", "celu", "softsign", "log_sigmoid", "gelu_tanh", "prelu"]

const layers: readonly Case[] = [
  ...activations.map((name): Case => [name, "f32[3, 5]", `2 * x |> ${name}`]),
  ["tanh, sigmoid and softplus", "f32[4, 5]", "tanh(x) * sigmoid(x) * softplus(x)"],
  ["identity, logsumexp, unit and pick", "f32[3, 4]", "logsumexp(identity(x)) + pick(unit(x), at (i: 3) => i)"], ["flatten and squeeze", "f32[3, 1, 1]", "x |> flatten |> squeeze"],
  ["frames", clips, "frames(x)"], ["moments", pictures, "{ let (m, v) = moments(x)\n m * v }"], ["moments_along", "f32[2, 3, 5]", "{ let (m, v) = moments_along(x)\n m * v }"],
  ["linear", "f32[3, 5]", "x |> linear(4)"], ["mlp", "f32[3, 5]", "x |> mlp([6, 2])"], ["gru", "f32[3, 5]", "gru(4)(x[:, 0 : 4], x)"],
  ["embed", "f32[3, 2]", "x * ((at (i: 3) => i % 2) |> embed(2, 2))"],
  ["conv", pictures, "x |> conv(3)"], ["conv, stride and groups", pictures, "x |> conv(4, stride=2, groups=2, pad=0)"], ["conv, dilation", pictures, "x |> conv(2, dilation=2, pad=2)"],
  ["conv1d", "f32[2, 3, 8]", "x |> conv1d(2, stride=2)"], ["conv3d", "f32[1, 2, 3, 4, 4]", "x |> conv3d(2)"], ["conv_transpose", "f32[2, 3, 3, 3]", "x |> conv_transpose(2)"],
  ["batch_norm", pictures, "x |> batch_norm"], ["batch_norm, two groups", pictures, "x |> normalize_batch(groups=2)"], ["cond_batch_norm", pictures, "cond_batch_norm()(x, mean(x, axis=[2, 3]))"],
  ["class_batch_norm", pictures, "class_batch_norm(2, init=normal())(x, at (i: 2) => i)"],
  ["layer_norm", "f32[2, 3, 5]", "x |> layer_norm"], ["group_norm", pictures, "x |> group_norm(groups=2)"], ["instance_norm", pictures, "x |> instance_norm"], ["rms_norm", "f32[2, 5]", "x |> rms_norm"],
  ["max_pool", pictures, "x |> max_pool(2)"], ["max_pool, overlapping", pictures, "x |> max_pool(3, stride=2, pad=1)"], ["avg_pool", pictures, "x |> avg_pool(2)"], ["avg_pool, overlapping", pictures, "x |> avg_pool(3, stride=2, pad=1)"],
  ["avg_pool, its border not counted", pictures, "x |> avg_pool(3, stride=2, pad=1, count_pad=false)"],
  ["global_sum", pictures, "x |> global_sum"], ["global_mean", pictures, "x |> global_mean"], ["global_max", pictures, "x |> global_max"], ["adaptive_avg_pool", pictures, "x |> adaptive_avg_pool(4, 3)"],
  ["adaptive_max_pool", "f32[1, 2, 7, 5]", "x |> adaptive_max_pool(3, 2)"],
  ["upsample", "f32[2, 2, 3, 3]", "x |> upsample(2)"], ["upsample_bilinear", "f32[2, 2, 3, 3]", "x |> upsample_bilinear(2)"], ["pixel_shuffle", pictures, "x |> pixel_shuffle(2)"],
  ["conv3d, a stride and a padding for each axis", clips, "x |> conv3d(2, k=3, kt=2, stride=2, stride_t=1, pad_t=0)"],
  ["conv_nd_transpose, a stride for each axis", "f32[1, 2, 2, 3]", "x |> conv_nd_transpose(x[:, :, 0 : 1, 0 : 2] |> reshape([2, 1, 1, 2]), stride=[2, 1], pad=[0, 1], output_pad=[1, 0])"],
  ["batch_norm of clips", clips, "x |> batch_norm"], ["batch_norm of vectors", "f32[4, 3]", "x |> batch_norm"],
  ["max_pool3d", clips, "x |> max_pool3d(2, kt=1)"], ["max_pool3d, overlapping", clips, "x |> max_pool3d(3, kt=2, stride=2, stride_t=1, pad=1)"],
  ["avg_pool3d", clips, "x |> avg_pool3d(2, kt=3)"], ["avg_pool3d, overlapping", clips, "x |> avg_pool3d(3, kt=2, stride=2, stride_t=1, pad=1, pad_t=1)"],
  ["conv_gru", "f32[2, 5, 2, 2]", "conv_gru(3)(x[:, 0 : 3], x[:, 3 : 5])"], ["conv_gru, 3 x 3", "f32[1, 4, 2, 3]", "conv_gru(2, k=3)(x[:, 0 : 2], x[:, 2 : 4])"],
  ["a block of resnet50", "f32[2, 2, 4, 4]", "x |> bottleneck(1, stride=2)"],
  ["Inception's block a", "f32[2, 2, 4, 4]", "x |> inception_a(32, avg_pool(3, stride=1, pad=1), divisor=16)"], ["its b", "f32[2, 2, 5, 5]", "x |> inception_b(divisor=32)"],
  ["its c", "f32[2, 2, 4, 4]", "x |> inception_c(64, avg_pool(3, stride=1, pad=1, count_pad=false), divisor=32)"], ["its d", "f32[2, 2, 5, 5]", "x |> inception_d(divisor=64)"],
  ["its e", "f32[2, 2, 3, 3]", "x |> inception_e(max_pool(3, stride=1, pad=1), divisor=64)"],
  ["a block of the 2D-3D ResNet", clips, "x |> clip_block(3, stride=2)"], ["its last one", clips, "x |> clip_block(2, kt=1, open=true)"],
  ["multi_head_attention", "f32[2, 3, 4]", "multi_head_attention(2)(x, x)"],
  ["dropout", "f32[4, 5]", "x |> dropout(0.4)"],
  ["softmax", "f32[2, 5]", "softmax(x) + log_softmax(x)"], ["sort and top_k", "f32[2, 5]", "sort(x, axis=1) * top_k(x, 5).values"],
  ["grid_sample", "f32[2, 3, 4, 5]", "grid_sample(x[:, :, :, 0 : 3], 0.4 * reshape(x[:, 0, :, 3 : 5], [2, 2, 2, 2]))"],
  ["grid_sample, mirrored, ends in the middle of cells", "f32[2, 3, 4, 5]", 'grid_sample(x[:, :, :, 0 : 3], reshape(x[:, 0, :, 3 : 5], [2, 2, 2, 2]), padding="reflection", align_corners=true)'],
  ["roi_align", "f32[1, 2, 6, 6]", "roi_align(x, at (i: 1, k: 2) => stack([10.0 + k, 12.0, 9.0, 14.0 + 3 * x[0, 0, 0, 0]]), 2, 4)"],
  ["top_down", "f32[1, 2, 4, 4]", "[x |> avg_pool(2), x] |> top_down(3)"],
  ["centre_head", "f32[1, 2, 3, 3]", "{ let head = x |> centre_head(2, width=2)\n sum(head.score) + sum(sin(head.sides)) }"], ["overlap", "f32[4]", "overlap(stack([5.0 + x[0], 5.0, 6.0, 4.0 + x[1]]), stack([6.0, 6.0 + x[2], 5.0, 7.0 + x[3]]))"],
  ["nce", "f32[4, 3]", "nce(x[:, 0], x[:, 1 : 3], 0.3)"], ["enqueue and dealt", "f32[6, 3]", "dealt(enqueue(x, 2 * x[0 : 2]), 2)"], ["dealt_pictures", "f32[4, 1, 2, 2]", "dealt_pictures(x, 2)"],
]

const normalised: readonly Case[] = [
  ["linear", "f32[2, 5]", "x |> linear(4, wrap=spectral)"], ["conv", "f32[1, 2, 4, 4]", "x |> conv(3, wrap=spectral)"], ["a block of BigGAN's critic", "f32[1, 2, 4, 4]", "x |> biggan_down(3)"],
  ["its first", "f32[1, 2, 4, 4]", "x |> biggan_first(3)"], ["its last", "f32[1, 2, 4, 4]", "x |> biggan_same"], ["a block of its generator", "f32[2, 2, 2, 2]", "biggan_up(2)(x, at (i: 2) => 0)"],
]

/** Networks, all of their parameters at once. */
const trunks: readonly Case[] = [
  ["resnet18", "f32[2, 3, 8, 8]", "x |> resnet18(width=1)"],
  // Fifty batch norms one channel wide are steeper than differences can follow: its depth with another norm, its norm with less depth.
  ["resnet50 with group norm", "f32[2, 3, 8, 8]", `x |> resnet50(stem="cifar", width=1, norm=group_norm(groups=1))`],
  ["the layers of resnet50, a block each", "f32[4, 3, 8, 8]", `x |> resnet_deep([1, 1, 1, 1], stem="cifar", width=1)`],
  ["resnet18_2d3d", "f32[2, 1, 2, 8, 8]", "x |> resnet18_2d3d(width=1)"],
]

describe("gradients of layers are what central differences measure", () => {
  test.each(layers)("%s", (_, shape, y) => compare(lowering(shape, squash(y))))
  test.each(trunks)("%s", (_, shape, y) => compare(lowering(shape, squash(y)), undefined, "arena"))

  test("self-attention, once its gate is open", () => {
    compare(lowering("f32[1, 8, 4, 4]", squash("x |> attention")), (program, slots) => {
      const gate = program.slots.find((s) => s.name === "M")!.leaves.find((l) => l.path.endsWith("gamma"))!
      const opened = Float64Array.from(slots.get("M")!.data)
      opened[gate.offset] = 0.7
      return new Map(slots).set("M", ndarray("f32", slots.get("M")!.shape, opened))
    })
  })

  // The singular vectors are constants to the gradient, so it is the true one where the power iteration has settled.
  test.each(normalised)(
    "spectral normalisation of %s, its singular vectors settled", (_, shape, y) => {
      compare(lowering(shape, squash(y)), (program, slots) => {
        let now = slots
        for (let i = 0; i < 60; i++) now = new Map(executed(program.steps[0]!, now).slots).set("M", slots.get("M")!)
        return now
      })
    })
})

const scores = (loss: string): string => `${loss}(assume(real)(x[:, 0]), assume(fake)(x[:, 1]), assume(neg)(x[:, 2]), lambda=0.3)`
/** An expression of two pictures' boxes, of which one is not there. */
const someBoxes = (e: string): string => `{ let boxes = at (i: 2, j: 3) => stack([5.3 + 4 * j, 6.1 + 2 * i + j, 9.0 - j, 8.0])\n let valid = at (i: 2, j: 3) => i + j < 3\n ${e} }`
const unitRows = (column: number): string => `unit(x[:, ${column}])`

const divergences = ["js", "gan", "kl", "reverse_kl", "pearson", "hellinger", "total_variation"]

const losses: readonly Case[] = [
  ["cross_entropy", "f32[4, 3]", "cross_entropy(x, at (i: 4) => i % 3, smoothing=0.1)"], ["soft_cross_entropy", "f32[2, 4, 3]", "soft_cross_entropy(x[0], softmax(x[1]))"],
  ["bce_with_logits", "f32[2, 4]", "bce_with_logits(x[0], sigmoid(x[1]))"], ["mse", "f32[2, 4]", "mse(x[0], x[1])"], ["l1", "f32[2, 4]", "l1(x[0], x[1])"],
  ["smooth_l1", "f32[2, 4]", "smooth_l1(x[0], x[1], beta=0.7)"], ["cosine_distance", "f32[2, 3, 4]", "cosine_distance(x[0], x[1])"], ["focal", "f32[2, 4]", "focal(x[0], sigmoid(x[1]))"],
  ["predictive", "f32[4, 2, 5]", "predictive(assume(real)(x[:, 0]), assume(real)(x[:, 1]))"],
  ["info_nce", "f32[4, 3, 5]", `info_nce(assume(real)(${unitRows(0)}), assume(real)(${unitRows(1)}), assume(real)(${unitRows(2)}))`],
  ["nda_info_nce", "f32[4, 4, 5]", `nda_info_nce(assume(real)(${unitRows(0)}), assume(real)(${unitRows(1)}), assume(real)(${unitRows(2)}), assume(neg)(expand(${unitRows(3)}, axis=1)))`],
  ["nda_info_nce_batch", "f32[4, 4, 5]", `nda_info_nce_batch(assume(real)(${unitRows(0)}), assume(real)(${unitRows(1)}), assume(real)(${unitRows(2)}), assume(neg)(${unitRows(3)}))`],
  ["nda_predictive", "f32[4, 3, 5]", "nda_predictive(assume(real)(x[:, 0]), assume(real)(x[:, 1]), assume(neg)(x[:, 2]))"],
  ["nda_hinge", "f32[5, 3]", scores("nda_hinge")], ["nda_nonsaturating", "f32[5, 3]", scores("nda_nonsaturating")], ["nda_wgan", "f32[5, 3]", scores("nda_wgan")],
  ["the generators' losses", "f32[5, 3]", "hinge_g(assume(fake)(x[:, 0])) + nonsaturating_g(assume(fake)(x[:, 1])) + wgan_g(assume(fake)(x[:, 2] * x[:, 0]))"],
  ...["hinge_d", "nonsaturating_d", "wgan_d"].map((name): Case => [name, "f32[5, 2]", `${name}(assume(real)(x[:, 0]), assume(fake)(x[:, 1]))`]),
  ...divergences.map((f): Case => [`nda_f_gan, ${f}`, "f32[4, 3]", `${scores("nda_f_gan").slice(0, -1)}, divergence="${f}") + f_gan_g(assume(fake)(x[:, 2]), divergence="${f}")`]),
  ["f_score, f_conjugate and mixture", "f32[2, 3]", "mixture(sum(f_score(x)), sum(f_conjugate(x)), 0.3)"],
  ["gradient_penalty", "f32[2, 2, 3, 3]", "gradient_penalty(critic)(assume(real)(x), assume(fake)(x * x))"], ["r1", "f32[2, 2, 3, 3]", "r1(critic)(assume(real)(x))"], ["r2", "f32[2, 2, 3, 3]", "r2(critic)(assume(fake)(x))"],
  ["balanced_consistency", "f32[2, 2, 3, 4]", "balanced_consistency(critic, hflip)(assume(real)(x), assume(fake)(x * x))"], ["consistency", "f32[5, 2]", "consistency(x[:, 0], x[:, 1])"],
  ["heat_loss", "f32[2, 3, 5, 5]", `heat_loss(x, ${someBoxes("nearness(boxes, valid, 5, 4)")}, at (i: 2, j: 3) => j)`],
  ["sides_loss", "f32[2, 4, 5, 5]", `sides_loss(0.5 + exp(x), ${someBoxes("nearness(boxes, valid, 5, 4)")}, ${someBoxes("boxes")}, 4)`],
]

describe("gradients of losses are what central differences measure", () => {
  test.each(losses)("%s", (_, shape, loss) => compare(lowering(shape, loss)))
})

test.each(modules)("every export of %s has a case, or a reason why it has none", (module) => {
  const cases = [...layers, ...normalised, ...trunks, ...losses, ...equal, ["attention", "", "attention"] as const].map(([, , expression]) => expression).join("\n")
  expect(exportsOf(module).filter((name) => !new RegExp(`\\b${name}\\b`).test(cases) && excepted[name] === undefined)).toEqual([])
})

test("nothing is excepted that is not there, or has a case", () => {
  const all = new Set(modules.flatMap(exportsOf))
  expect(Object.keys(excepted).filter((name) => !all.has(name))).toEqual([])
})

test.each([["DiffAugment", "diff_augment"], ["color_jitter", "color_jitter(0.2, 0.2, 0.2, 0.1)"], ["hflip", "hflip"], ["rotate", "rotate(30.0)"]])(
  "a generator learns through %s: its gradient with respect to the colours", (_, stage) => compare(lowering("f32[2, 3, 8, 8]", squash(`(sigmoid(x) * 0.5 + 0.25) |> ${stage}`))))

/** Two texts of one function of x. */
const equal: readonly (readonly [name: string, shape: string, library: string, byHand: string])[] = [
  ["a convolution is a sum over shifted slices", "f32[2, 2, 9, 9]", squash("conv_nd(x[:, :, 4 : 9, :], reshape(x[0, 0, 0 : 4, :], [2, 2, 3, 3]))"),
    squash(`{ let w = reshape(x[0, 0, 0 : 4, :], [2, 2, 3, 3])\n let p = x[:, :, 4 : 9, :]\n loop s = zeros([2, 2, 3, 7]) for t in 0..9 { s + einsum("oi,nihw->nohw", w[:, :, t // 3, t % 3], p[:, :, t // 3 : t // 3 + 3, t % 3 : t % 3 + 7]) } }`)],
  ["attention is a quotient of sums", "f32[3, 4, 5]", squash(`softmax(einsum("qd,kd->qk", x[0], x[1])) @ x[2]`),
    squash("at (q: 4, d: 5) => sum(at (k: 4) => exp(sum(at (e: 5) => x[0, q, e] * x[1, k, e])) * x[2, k, d]) / sum(at (k: 4) => exp(sum(at (e: 5) => x[0, q, e] * x[1, k, e])))")],
  ["layer_norm is a mean and a deviation", "f32[3, 5]", squash("x |> layer_norm"),
    squash("{ param gain: f32[5] = ones()\n param bias: f32[5] = zeros()\n let m = mean(x, axis=1)\n let v = mean(x * x, axis=1) - m * m\n at (i: 3, j: 5) => (x[i, j] - m[i]) / sqrt(v[i] + 1e-5) * gain[j] + bias[j] }")],
  ["batch_norm is its moments", "f32[4, 2, 3, 3]", squash("x |> normalize_batch"),
    squash("{ let m = mean(x, axis=[0, 2, 3])\n let v = mean(x * x, axis=[0, 2, 3]) - m * m\n at (i: 4, j: 2, y: 3, z: 3) => (x[i, j, y, z] - m[j]) / sqrt(v[j] + 1e-5) }")],
  ["adaptive_max_pool of sizes that divide is max_pool", "f32[2, 3, 6, 4]", squash("x |> adaptive_max_pool(3, 2)"), squash("x |> max_pool(2)")],
  ["group_norm of one channel a group is instance_norm", "f32[2, 3, 2, 4]", squash("x |> group_norm(groups=3)"), squash("x |> instance_norm")],
  ["the f-GAN of a GAN is the non-saturating critic's loss", "f32[4, 3]", `${scores("nda_f_gan").slice(0, -1)}, divergence="gan")`, scores("nda_nonsaturating")],
  ["the importance-weighted hinge is a hinge with constant weights", "f32[4, 3]", `${scores("nda_kl_hinge")} + kl_hinge_g(assume(fake)(x[:, 1])) + sum(kl_weight(x[:, 0]) * x[:, 2])`,
    `{ let w = fn (d) => stop(4 * softmax(d))
  mean(relu(1 - x[:, 0])) + 0.3 * mean(relu(1 + w(x[:, 1]) * x[:, 1])) + 0.7 * mean(relu(1 + w(x[:, 2]) * x[:, 2])) - mean(w(x[:, 1]) * x[:, 1]) + sum(w(x[:, 0]) * x[:, 2]) }`],
]

test.each(equal)("equal definitions have equal gradients: %s", (_, shape, one, other) => {
  const [a, b] = [one, other].map((text) => {
    const program = elaborated(lowering(shape, text), "fit")
    return derived(program, initialSlots(program, 5)).gradient
  })
  expect(a!.length).toBe(b!.length)
  expect(Math.max(...a!.map((v, i) => Math.abs(v - b![i]!)))).toBeLessThan(1e-9)
  expect(Math.max(...a!.map(Math.abs))).toBeGreaterThan(1e-3)
})
