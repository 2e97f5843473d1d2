/** The layers of torchvision's Inception-v3, each with its name there: the table that names, shapes and numbers are held against. */
import { batchNorm, type Shapes } from "./named-weights.ts"

export interface Layer {
  readonly name: string
  readonly from: number
  readonly to: number
  readonly kernel: readonly [number, number]
  readonly stride: number
  readonly pad: readonly [number, number]
}

/** One convolution a row: channels out, kernel, and `/` for stride 2, which has no padding. Where a row reads another branch, the others' inputs are the block's. */
type Row = readonly [name: string, to: number, kernel: string, reads?: string]

const a = (pooled: number): readonly Row[] => [
  ["branch1x1", 64, "1x1"], ["branch5x5_1", 48, "1x1"], ["branch5x5_2", 64, "5x5", "branch5x5_1"],
  ["branch3x3dbl_1", 64, "1x1"], ["branch3x3dbl_2", 96, "3x3", "branch3x3dbl_1"], ["branch3x3dbl_3", 96, "3x3", "branch3x3dbl_2"], ["branch_pool", pooled, "1x1"],
]
const b: readonly Row[] = [["branch3x3", 384, "3x3/"], ["branch3x3dbl_1", 64, "1x1"], ["branch3x3dbl_2", 96, "3x3", "branch3x3dbl_1"], ["branch3x3dbl_3", 96, "3x3/", "branch3x3dbl_2"]]
const c = (c7: number): readonly Row[] => [
  ["branch1x1", 192, "1x1"], ["branch7x7_1", c7, "1x1"], ["branch7x7_2", c7, "1x7", "branch7x7_1"], ["branch7x7_3", 192, "7x1", "branch7x7_2"],
  ["branch7x7dbl_1", c7, "1x1"], ["branch7x7dbl_2", c7, "7x1", "branch7x7dbl_1"], ["branch7x7dbl_3", c7, "1x7", "branch7x7dbl_2"],
  ["branch7x7dbl_4", c7, "7x1", "branch7x7dbl_3"], ["branch7x7dbl_5", 192, "1x7", "branch7x7dbl_4"], ["branch_pool", 192, "1x1"],
]
const d: readonly Row[] = [
  ["branch3x3_1", 192, "1x1"], ["branch3x3_2", 320, "3x3/", "branch3x3_1"],
  ["branch7x7x3_1", 192, "1x1"], ["branch7x7x3_2", 192, "1x7", "branch7x7x3_1"], ["branch7x7x3_3", 192, "7x1", "branch7x7x3_2"], ["branch7x7x3_4", 192, "3x3/", "branch7x7x3_3"],
]
const e: readonly Row[] = [
  ["branch1x1", 320, "1x1"], ["branch3x3_1", 384, "1x1"], ["branch3x3_2a", 384, "1x3", "branch3x3_1"], ["branch3x3_2b", 384, "3x1", "branch3x3_1"],
  ["branch3x3dbl_1", 448, "1x1"], ["branch3x3dbl_2", 384, "3x3", "branch3x3dbl_1"], ["branch3x3dbl_3a", 384, "1x3", "branch3x3dbl_2"], ["branch3x3dbl_3b", 384, "3x1", "branch3x3dbl_2"],
  ["branch_pool", 192, "1x1"],
]

export interface Block {
  readonly name: string
  readonly rows: readonly (Layer & { readonly reads: string | undefined })[]
}

const blocks: readonly (readonly [name: string, from: number, rows: readonly Row[]])[] = [
  ["Mixed_5b", 192, a(32)], ["Mixed_5c", 256, a(64)], ["Mixed_5d", 288, a(64)], ["Mixed_6a", 288, b],
  ["Mixed_6b", 768, c(128)], ["Mixed_6c", 768, c(160)], ["Mixed_6d", 768, c(160)], ["Mixed_6e", 768, c(192)], ["Mixed_7a", 768, d], ["Mixed_7b", 1280, e], ["Mixed_7c", 2048, e],
]

/** The first five convolutions, none of whose paddings follows from the kernel. */
export const stem = (divisor: number): readonly Layer[] => {
  const rows: readonly (readonly [string, number, number, number, number])[] = [
    ["Conv2d_1a_3x3", 32, 3, 2, 0], ["Conv2d_2a_3x3", 32, 3, 1, 0], ["Conv2d_2b_3x3", 64, 3, 1, 1], ["Conv2d_3b_1x1", 80, 1, 1, 0], ["Conv2d_4a_3x3", 192, 3, 1, 0],
  ]
  return rows.map(([name, to, k, stride, pad], i) => ({ name, from: i === 0 ? 3 : rows[i - 1]![1] / divisor, to: to / divisor, kernel: [k, k], stride, pad: [pad, pad] }))
}

export const mixed = (divisor: number): readonly Block[] => blocks.map(([name, from, rows]) => ({
  name,
  rows: rows.map(([branch, to, size, reads]) => {
    const [kh, kw] = size.replace("/", "").split("x").map(Number) as [number, number]
    const halved = size.endsWith("/")
    const inner = reads === undefined ? from : rows.find(([other]) => other === reads)![1]
    return { name: `${name}.${branch}`, from: inner / divisor, to: to / divisor, kernel: [kh, kw], stride: halved ? 2 : 1, pad: halved ? [0, 0] : [(kh - 1) / 2, (kw - 1) / 2], reads: reads && `${name}.${reads}` }
  }),
}))

const unit = ({ name, from, to, kernel }: Layer): Shapes => [[`${name}.conv.weight`, [to, from, ...kernel]], ...batchNorm(`${name}.bn`, to)]

/** As `torchvision.models.inception_v3().state_dict()` lists them: the auxiliary head, where there is one, stands before Mixed_7a. */
export const stateDict = (divisor = 1, classes = 1000, auxiliary = false): Shapes => {
  const small = (n: number): number => n / divisor
  const head: Shapes = [
    ...unit({ name: "AuxLogits.conv0", from: small(768), to: small(128), kernel: [1, 1], stride: 1, pad: [0, 0] }),
    ...unit({ name: "AuxLogits.conv1", from: small(128), to: small(768), kernel: [5, 5], stride: 1, pad: [0, 0] }),
    ["AuxLogits.fc.weight", [classes, small(768)]], ["AuxLogits.fc.bias", [classes]],
  ]
  const trunk = mixed(divisor).flatMap(({ name, rows }) => [...(auxiliary && name === "Mixed_7a" ? head : []), ...rows.flatMap(unit)])
  return [...stem(divisor).flatMap(unit), ...trunk, ["fc.weight", [classes, small(2048)]], ["fc.bias", [classes]]]
}
