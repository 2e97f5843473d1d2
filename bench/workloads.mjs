// What `npm run bench` measures, as data: the program and entry of each workload, its sizes, where its inputs come from, a small size for the
// tests, and what issue to hold it to: at most `dispatches`; at least `peer` times faster than the best WebGPU library; at most `hand` times the
// hand-written kernels.

/** Uniform in [shift - scale / 2, shift + scale / 2); the peers make the same values from the same number. */
const drawn = (seed, scale = 1, shift = 0) => ({ seed, scale, shift })
const all = (value) => ({ value })

const gemm = (n, small) => ({
  what: `a matrix product, ${n} x ${n} x ${n}`, file: "bench/contraction.nda", entry: "gemm", set: { m: n, k: n, n }, small,
  inputs: { a: drawn(1), b: drawn(2) }, exact: true, target: n === 256 ? { dispatches: 1 } : { dispatches: 1, peer: 2.2, hand: 1.15 },
})

const conv = (entry, what, inputs, target) => ({
  what: `${what}, 3 x 3, 64 to 64 channels of 32 x 32 pixels, batch 32`, file: "bench/contraction.nda", entry,
  set: { n: 32, c: 64, h: 32, w: 32, co: 64 }, small: { n: 2, c: 8, h: 8, w: 8, co: 8 },
  inputs: { x: drawn(1), weight: drawn(2, 0.1), ...inputs }, exact: true, target,
})

const norm = (entry, what, inputs, target) => ({
  what: `${what}, 64 x 64 x 32 x 32`, file: "bench/norm.nda", entry, set: { n: 64, c: 64, h: 32, w: 32 }, small: { n: 4, c: 3, h: 8, w: 8 },
  inputs: { x: drawn(1, 2), gain: all(1), bias: all(0), ...inputs }, exact: true, target,
})

const augment = (entry, batch, side, peer) => ({
  what: `five augmentations, ${batch} pictures of ${side} x ${side}`, file: "bench/augment.nda", entry, set: { n: batch }, small: { n: side === 32 ? 4 : 1 },
  inputs: { x: drawn(1, 1, 0.5) }, exact: false, target: { dispatches: 2, peer, hand: 1.15 },
})

export const workloads = {
  gemm256: gemm(256, { m: 24, k: 20, n: 36 }),
  gemm512: gemm(512, { m: 128, k: 64, n: 192 }),
  gemm1024: gemm(1024, { m: 130, k: 33, n: 66 }),
  conv_fwd: conv("conv_fwd", "a convolution", {}, { dispatches: 1, peer: 2, hand: 1.2 }),
  conv_fwdbwd: conv("conv_fwdbwd", "a convolution and its adjoints", { dy: drawn(3) }, { dispatches: 3, peer: 2.1 }),
  chain: {
    what: "ten elementwise operations on 4 M numbers", file: "bench/chain.nda", entry: "chain", set: { n: 4194304 }, small: { n: 1000 },
    inputs: { x: drawn(1, 2) }, exact: true, target: { dispatches: 1, peer: 1.2, hand: 1.25 },
  },
  bn_fwd: norm("bn_fwd", "batch normalisation and relu", {}, { dispatches: 2, hand: 1.1 }),
  bn_fwdbwd: norm("bn_fwdbwd", "batch normalisation and relu with their gradients", { dy: drawn(3) }, { dispatches: 4, peer: 4 }),
  ln_fwd: norm("ln_fwd", "layer normalisation and relu", {}, { dispatches: 2, hand: 1.1 }),
  ln_fwdbwd: norm("ln_fwdbwd", "layer normalisation and relu with their gradients", { dy: drawn(3) }, { dispatches: 4, peer: 4 }),
  aug32: augment("aug32", 256, 32, 4.5),
  aug224: augment("aug224", 32, 224, 3.5),
  gan_step: {
    what: "one step of both players of a DCGAN with negatives, batch 64", file: "bench/dcgan.nda", entry: "gan_step", set: {}, small: { batch: 4, width: 2, zdim: 8 },
    steps: ["critic", "generator"], slots: { "gan_step.real": drawn(1, 2) }, exact: false, about: 2, target: { dispatches: 40, peer: 3 },
  },
  biggan_critic: {
    what: "one step of the critic of BigGAN at 32 pixels with negatives, width 64, batch 32", file: "examples/nda_gan.nda", entry: "nda_gan", set: { width: 64, batch: 32 },
    small: { width: 4, batch: 4 }, steps: ["critic"], inputs: { "b.image": drawn(1, 1, 0.5) }, exact: false, target: { dispatches: 60 },
  },
  moco_step: {
    what: "one step of MoCo with negatives, a ResNet-18 of width 16, batch 64", file: "examples/moco.nda", entry: "moco", set: { width: 16, batch: 64 },
    small: { width: 4, batch: 4, dim: 8, slots: 256 }, steps: ["contrast"], inputs: { "b.image": drawn(1, 1, 0.5) }, exact: false, target: {},
  },
}

/** Names for several workloads at once. */
export const groups = {
  gemm: ["gemm256", "gemm512", "gemm1024"],
  conv: ["conv_fwd", "conv_fwdbwd"],
  norm: ["bn_fwd", "bn_fwdbwd", "ln_fwd", "ln_fwdbwd"],
  augment: ["aug32", "aug224"],
}

/** As `--set` wants them. */
export const settingsOf = (sizes) => Object.fromEntries(Object.entries(sizes).map(([name, size]) => [name, String(size)]))
