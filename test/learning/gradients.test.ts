import { describe, expect, test } from "vitest"
import { ndarray } from "../../src/backend/reference/ndarray.ts"
import { compare, derived, lowering as program, squash } from "./differences.ts"
import { elaborated, executed, initialSlots } from "./program.ts"

const library = [
  "from nda.nn import linear, embed, mlp, gru, conv, conv1d, conv3d, conv_transpose, batch_norm, normalize_batch, cond_batch_norm, class_batch_norm, layer_norm",
  "from nda.nn import group_norm, instance_norm, rms_norm, spectral, max_pool, avg_pool, global_sum, global_mean, global_max, adaptive_avg_pool, upsample",
  "from nda.nn import upsample_bilinear, pixel_shuffle, attention, multi_head_attention, leaky_relu, gelu, silu, elu, selu, mish, hardswish, biggan_up, biggan_down, dropout",
  "from nda.contrastive import info_nce, nda_info_nce, nda_info_nce_batch",
  "from nda.nn import max_pool3d, avg_pool3d, conv_gru",
  "from nda.nn.resnet2d3d import clip_block",
  "from nda.loss import cross_entropy, soft_cross_entropy, bce_with_logits, mse, l1, smooth_l1, cosine_distance, focal, nda_predictive, predictive",
  "from nda.gan import nda_hinge, nda_nonsaturating, nda_kl_hinge, nda_wgan, hinge_g, nonsaturating_g, consistency",
  "from nda.image import diff_augment, color_jitter, hflip, rotate",
  "from nda.detection import heat_loss, sides_loss, nearness",
  "from nda.nn import grid_sample, roi_align, top_down",
].join("\n")

const lowering = (shape: string, number: string): string => program(library, shape, number)
const pictures = "f32[2, 4, 6, 6]"
const clips = "f32[2, 2, 3, 4, 4]"

describe("gradients of layers are what central differences measure", () => {
  test.each([
    ["linear", "f32[3, 5]", "x |> linear(4)"], ["mlp", "f32[3, 5]", "x |> mlp([6, 2])"], ["gru", "f32[3, 5]", "gru(4)(x[:, 0 : 4], x)"],
    ["embed", "f32[3, 2]", "x * ((at (i: 3) => i % 2) |> embed(2, 2))"],
    ["conv", pictures, "x |> conv(3)"], ["conv, stride and groups", pictures, "x |> conv(4, stride=2, groups=2, pad=0)"], ["conv, dilation", pictures, "x |> conv(2, dilation=2, pad=2)"],
    ["conv1d", "f32[2, 3, 8]", "x |> conv1d(2, stride=2)"], ["conv3d", "f32[1, 2, 3, 4, 4]", "x |> conv3d(2)"], ["conv_transpose", "f32[2, 3, 3, 3]", "x |> conv_transpose(2)"],
    ["batch_norm", pictures, "x |> batch_norm"], ["batch_norm, two groups", pictures, "x |> normalize_batch(groups=2)"], ["cond_batch_norm", pictures, "cond_batch_norm()(x, mean(x, axis=[2, 3]))"],
    ["class_batch_norm", pictures, "class_batch_norm(2, init=normal())(x, at (i: 2) => i)"],
    ["layer_norm", "f32[2, 3, 5]", "x |> layer_norm"], ["group_norm", pictures, "x |> group_norm(groups=2)"], ["instance_norm", pictures, "x |> instance_norm"], ["rms_norm", "f32[2, 5]", "x |> rms_norm"],
    ["max_pool", pictures, "x |> max_pool(2)"], ["max_pool, overlapping", pictures, "x |> max_pool(3, stride=2, pad=1)"], ["avg_pool", pictures, "x |> avg_pool(2)"], ["avg_pool, overlapping", pictures, "x |> avg_pool(3, stride=2, pad=1)"],
    ["global_sum", pictures, "x |> global_sum"], ["global_mean", pictures, "x |> global_mean"], ["global_max", pictures, "x |> global_max"], ["adaptive_avg_pool", pictures, "x |> adaptive_avg_pool(4, 3)"],
    ["upsample", "f32[2, 2, 3, 3]", "x |> upsample(2)"], ["upsample_bilinear", "f32[2, 2, 3, 3]", "x |> upsample_bilinear(2)"], ["pixel_shuffle", pictures, "x |> pixel_shuffle(2)"],
    ["conv3d, a stride and a padding for each axis", clips, "x |> conv3d(2, k=3, kt=2, stride=2, stride_t=1, pad_t=0)"],
    ["conv_nd_transpose, a stride for each axis", "f32[1, 2, 2, 3]", "x |> conv_nd_transpose(x[:, :, 0 : 1, 0 : 2] |> reshape([2, 1, 1, 2]), stride=[2, 1], pad=[0, 1], output_pad=[1, 0])"],
    ["batch_norm of clips", clips, "x |> batch_norm"], ["batch_norm of vectors", "f32[4, 3]", "x |> batch_norm"],
    ["max_pool3d", clips, "x |> max_pool3d(2, kt=1)"], ["max_pool3d, overlapping", clips, "x |> max_pool3d(3, kt=2, stride=2, stride_t=1, pad=1)"],
    ["avg_pool3d", clips, "x |> avg_pool3d(2, kt=3)"], ["avg_pool3d, overlapping", clips, "x |> avg_pool3d(3, kt=2, stride=2, stride_t=1, pad=1, pad_t=1)"],
    ["conv_gru", "f32[2, 5, 2, 2]", "conv_gru(3)(x[:, 0 : 3], x[:, 3 : 5])"], ["conv_gru, 3 x 3", "f32[1, 4, 2, 3]", "conv_gru(2, k=3)(x[:, 0 : 2], x[:, 2 : 4])"],
    ["a block of the 2D-3D ResNet", clips, "x |> clip_block(3, stride=2)"], ["its last one", clips, "x |> clip_block(2, kt=1, open=true)"],
    ["multi_head_attention", "f32[2, 3, 4]", "multi_head_attention(2)(x, x)"],
    ["dropout", "f32[4, 5]", "x |> dropout(0.4)"],
    ["activations", "f32[4, 5]", "leaky_relu(x) + gelu(x) * silu(x) + elu(x) * selu(x) + mish(x) * hardswish(x) + tanh(x) * sigmoid(x) * softplus(x)"],
    ["softmax", "f32[2, 5]", "softmax(x) + log_softmax(x)"], ["sort and top_k", "f32[2, 5]", "sort(x, axis=1) * top_k(x, 5).values"],
    ["grid_sample", "f32[2, 3, 4, 5]", "grid_sample(x[:, :, :, 0 : 3], 0.4 * reshape(x[:, 0, :, 3 : 5], [2, 2, 2, 2]))"],
    ["grid_sample, mirrored, ends in the middle of cells", "f32[2, 3, 4, 5]", 'grid_sample(x[:, :, :, 0 : 3], reshape(x[:, 0, :, 3 : 5], [2, 2, 2, 2]), padding="reflection", align_corners=true)'],
    ["roi_align", "f32[1, 2, 6, 6]", "roi_align(x, at (i: 1, k: 2) => stack([10.0 + k, 12.0, 9.0, 14.0 + 3 * x[0, 0, 0, 0]]), 2, 4)"],
    ["top_down", "f32[1, 2, 4, 4]", "[x |> avg_pool(2), x] |> top_down(3)"],
  ])("%s", (_, shape, y) => compare(lowering(shape, squash(y))))

  test("self-attention, once its gate is open", () => {
    compare(lowering("f32[1, 8, 4, 4]", squash("x |> attention")), (program, slots) => {
      const gate = program.slots.find((s) => s.name === "M")!.leaves.find((l) => l.path.endsWith("gamma"))!
      const opened = Float64Array.from(slots.get("M")!.data)
      opened[gate.offset] = 0.7
      return new Map(slots).set("M", ndarray("f32", slots.get("M")!.shape, opened))
    })
  })

  // The singular vectors are constants to the gradient, so it is the true one where the power iteration has settled.
  test.each([["linear", "f32[2, 5]", "x |> linear(4, wrap=spectral)"], ["conv", "f32[1, 2, 4, 4]", "x |> conv(3, wrap=spectral)"], ["a block of BigGAN's critic", "f32[1, 2, 4, 4]", "x |> biggan_down(3)"]])(
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

describe("gradients of losses are what central differences measure", () => {
  test.each([
    ["cross_entropy", "f32[4, 3]", "cross_entropy(x, at (i: 4) => i % 3, smoothing=0.1)"], ["soft_cross_entropy", "f32[2, 4, 3]", "soft_cross_entropy(x[0], softmax(x[1]))"],
    ["bce_with_logits", "f32[2, 4]", "bce_with_logits(x[0], sigmoid(x[1]))"], ["mse", "f32[2, 4]", "mse(x[0], x[1])"], ["l1", "f32[2, 4]", "l1(x[0], x[1])"],
    ["smooth_l1", "f32[2, 4]", "smooth_l1(x[0], x[1], beta=0.7)"], ["cosine_distance", "f32[2, 3, 4]", "cosine_distance(x[0], x[1])"], ["focal", "f32[2, 4]", "focal(x[0], sigmoid(x[1]))"],
    ["predictive", "f32[4, 2, 5]", "predictive(assume(real)(x[:, 0]), assume(real)(x[:, 1]))"],
    ["info_nce", "f32[4, 3, 5]", `info_nce(assume(real)(${unitRows(0)}), assume(real)(${unitRows(1)}), assume(real)(${unitRows(2)}))`],
    ["nda_info_nce", "f32[4, 4, 5]", `nda_info_nce(assume(real)(${unitRows(0)}), assume(real)(${unitRows(1)}), assume(real)(${unitRows(2)}), assume(neg)(expand(${unitRows(3)}, axis=1)))`],
    ["nda_info_nce_batch", "f32[4, 4, 5]", `nda_info_nce_batch(assume(real)(${unitRows(0)}), assume(real)(${unitRows(1)}), assume(real)(${unitRows(2)}), assume(neg)(${unitRows(3)}))`],
    ["nda_predictive", "f32[4, 3, 5]", "nda_predictive(assume(real)(x[:, 0]), assume(real)(x[:, 1]), assume(neg)(x[:, 2]))"],
    ["nda_hinge", "f32[5, 3]", scores("nda_hinge")], ["nda_nonsaturating", "f32[5, 3]", scores("nda_nonsaturating")], ["nda_wgan", "f32[5, 3]", scores("nda_wgan")],
    ["the generators' losses", "f32[5, 2]", "hinge_g(assume(fake)(x[:, 0])) + nonsaturating_g(assume(fake)(x[:, 1]))"], ["consistency", "f32[5, 2]", "consistency(x[:, 0], x[:, 1])"],
    ["heat_loss", "f32[2, 3, 5, 5]", `heat_loss(x, ${someBoxes("nearness(boxes, valid, 5, 4)")}, at (i: 2, j: 3) => j)`],
    ["sides_loss", "f32[2, 4, 5, 5]", `sides_loss(0.5 + exp(x), ${someBoxes("nearness(boxes, valid, 5, 4)")}, ${someBoxes("boxes")}, 4)`],
  ])("%s", (_, shape, loss) => compare(lowering(shape, loss)))
})

test.each([["DiffAugment", "diff_augment"], ["color_jitter", "color_jitter(0.2, 0.2, 0.2, 0.1)"], ["hflip", "hflip"], ["rotate", "rotate(30.0)"]])(
  "a generator learns through %s: its gradient with respect to the colours", (_, stage) => compare(lowering("f32[2, 3, 8, 8]", squash(`(sigmoid(x) * 0.5 + 0.25) |> ${stage}`))))

test("equal definitions have equal gradients: a convolution written with einsum, attention written by hand", () => {
  const gradientOf = (shape: string, y: string): Float64Array => {
    const program = elaborated(lowering(shape, squash(y)), "fit")
    return derived(program, initialSlots(program, 5)).gradient
  }
  const distance = (a: Float64Array, b: Float64Array): number => Math.max(...a.map((v, i) => Math.abs(v - b[i]!)))
  // The same leaf, x, holds picture and weight, so that both programs have the same arena.
  const cut = "let w = reshape(x[0, 0, 0 : 4, :], [2, 2, 3, 3])\n  let p = x[:, :, 4 : 9, :]\n"
  const byEinsum = `sum(at (a: 3, b: 3) => 0.0) + sum(sin(2 * (loop s = zeros([2, 2, 3, 7]) for t in 0..9 { s + einsum("oi,nihw->nohw", w[:, :, t // 3, t % 3], p[:, :, t // 3 : t // 3 + 3, t % 3 : t % 3 + 7]) }) + 0.5))`
  const convolution = elaborated(lowering("f32[2, 2, 9, 9]", `${cut}  sum(sin(2 * conv_nd(p, w) + 0.5))`), "fit")
  const einsum = elaborated(lowering("f32[2, 2, 9, 9]", `${cut}  ${byEinsum}`), "fit")
  expect(distance(derived(convolution, initialSlots(convolution, 5)).gradient, derived(einsum, initialSlots(einsum, 5)).gradient)).toBeLessThan(1e-12)
  const products = gradientOf("f32[3, 4, 5]", `softmax(einsum("qd,kd->qk", x[0], x[1])) @ x[2]`)
  const byHand = gradientOf("f32[3, 4, 5]", `at (q: 4, d: 5) => sum(at (k: 4) => exp(sum(at (e: 5) => x[0, q, e] * x[1, k, e])) * x[2, k, d]) / sum(at (k: 4) => exp(sum(at (e: 5) => x[0, q, e] * x[1, k, e])))`)
  expect(distance(products, byHand)).toBeLessThan(1e-12)
})
