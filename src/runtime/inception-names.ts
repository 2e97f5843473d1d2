/**
 * The names that torchvision gives the weights of its Inception-v3, in pairs with the paths of `inception_v3` of nda.nn. pytorch-fid's network
 * has the same names.
 *
 * Both name a block's convolutions alike, but for capitals; what differs is where a convolution's weight and its batch norm lie. `fc` and
 * `AuxLogits` have no pair, for the features need neither.
 */

const stem = ["Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3"]

/** The convolutions of each kind of block. */
const convolutions = {
  inception_a: ["branch1x1", "branch5x5_1", "branch5x5_2", "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3", "branch_pool"],
  inception_b: ["branch3x3", "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"],
  inception_c: [
    "branch1x1", "branch7x7_1", "branch7x7_2", "branch7x7_3",
    "branch7x7dbl_1", "branch7x7dbl_2", "branch7x7dbl_3", "branch7x7dbl_4", "branch7x7dbl_5", "branch_pool",
  ],
  inception_d: ["branch3x3_1", "branch3x3_2", "branch7x7x3_1", "branch7x7x3_2", "branch7x7x3_3", "branch7x7x3_4"],
  inception_e: ["branch1x1", "branch3x3_1", "branch3x3_2a", "branch3x3_2b", "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3a", "branch3x3dbl_3b", "branch_pool"],
}

const blocks: readonly (readonly [name: string, kind: keyof typeof convolutions])[] = [
  ["Mixed_5b", "inception_a"], ["Mixed_5c", "inception_a"], ["Mixed_5d", "inception_a"],
  ["Mixed_6a", "inception_b"],
  ["Mixed_6b", "inception_c"], ["Mixed_6c", "inception_c"], ["Mixed_6d", "inception_c"], ["Mixed_6e", "inception_c"],
  ["Mixed_7a", "inception_d"],
  ["Mixed_7b", "inception_e"], ["Mixed_7c", "inception_e"],
]

const units: readonly (readonly [torchvision: string, nda: string])[] = [
  ...stem.map((name) => [name, name.toLowerCase()] as const),
  ...blocks.flatMap(([name, kind]) => convolutions[kind].map((branch) => [`${name}.${branch}`, `${name.toLowerCase()}.${kind}.${branch}`] as const)),
]

/** `@` is each tensor of a batch norm. */
export const inception: readonly (readonly [torchvision: string, nda: string])[] = units.flatMap(([torchvision, nda]) => [
  [`${torchvision}.conv.weight`, `${nda}.basic_conv.weight`] as const,
  [`${torchvision}.bn.@`, `${nda}.basic_conv.batch_norm.@`] as const,
])
