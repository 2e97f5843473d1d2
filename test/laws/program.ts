/** Compiles `.nda` text of one graph and runs it on the reference evaluator and on the adapter, for the tests of laws and of structure. */
import { evaluate } from "../../src/backend/reference/evaluate.ts"
import { ndarray, type NdArray } from "../../src/backend/reference/ndarray.ts"
import { compile, type Compiled } from "../../src/driver/compile.ts"
import type { Node } from "../../src/ir/graph.ts"
import { topological } from "../../src/ir/walk.ts"

/** What each module offers; a program imports only what it names. */
const library: readonly (readonly [string, string])[] = [
  ["nda.image", "hflip hflip_if vflip random_crop center_crop resized_crop resize translate rotate rotate_by affine perspective resample"],
  ["nda.image", "color_jitter grayscale normalize solarize posterize autocontrast gaussian_noise invert erase random_erasing gaussian_blur"],
  ["nda.image", "diff_color diff_translation diff_cutout diff_augment ada ada_geometry ada_color ada_corrupt"],
  ["nda.negative", "stitch cutmix mixup other_picture jigsaw cutout patch_rotate patch_infill patch_tile cutpaste cutpaste_scar shuffled_channels circular_shift"],
]

const importsOf = (stages: string): string => {
  const words = new Set(stages.replace(/video\.\w+/g, "").match(/[a-z_]+/g))
  const lines = library.map(([module, names]) => [module, names.split(" ").filter((n) => words.has(n))] as const).filter(([, names]) => names.length > 0)
  return [...lines.map(([module, names]) => `from ${module} import ${names.join(", ")}`), ...(stages.includes("video.") ? ["import nda.video as video"] : [])].join("\n")
}

export interface Size {
  readonly n: number
  readonly c: number
  readonly h: number
  readonly w: number
  /** Frames: the input is a clip. */
  readonly t?: number
}

export const small: Size = { n: 4, c: 3, h: 32, w: 32 }

/** The program that puts the input through the stages. `sizes` name the size of the result where a stage changes it. */
export const textOf = (stages: string, size: Size, population = ""): string => {
  const type = size.t === undefined ? `Image[${size.n}${population}, ${size.c}, ${size.h}, ${size.w}]` : `Clip[${size.n}${population}, ${size.c}, ${size.t}, ${size.h}, ${size.w}]`
  return `${importsOf(stages)}\ngraph law(x: ${type}) = x${stages === "" ? "" : ` |> ${stages}`}\n`
}

const known = new Map<string, Compiled>()
/** Compiles a whole text that must be right. */
export const compiled = (text: string): Compiled => {
  const before = known.get(text)
  if (before) return before
  const { value, diagnostics } = compile({ file: "law.nda", sources: { "law.nda": text }, verify: true })
  if (!value) throw new Error(`the program of this test was refused: ${diagnostics.map((d) => `${d.code} ${d.message}`).join("; ")}\n${text}`)
  known.set(text, value)
  return value
}

export const stagesOf = (stages: string, size: Size, population = ""): Compiled => compiled(textOf(stages, size, population))

/** Codes and messages of a text that may be wrong. */
export const complaints = (text: string): readonly string[] =>
  compile({ file: "law.nda", sources: { "law.nda": text }, verify: true }).diagnostics.map((d) => `${d.code} ${d.message}`)

export interface Settings {
  readonly seed: number
  readonly step: number
  readonly repeat: number
}
export const standard: Settings = { seed: 7, step: 3, repeat: 0 }

/** Where the sample numbers come from when they are not the positions. */
export type Numbers = readonly number[]

const feedsOf = ({ graph }: Compiled, inputs: Readonly<Record<string, ArrayLike<number>>>): Map<Node, NdArray> =>
  new Map(graph.inputs.map((i) => [i.node, ndarray(i.node.dtype, i.node.shape, Float64Array.from(inputs[i.name] ?? { length: i.node.shape[0] ?? 0 }, (v, k) => v ?? k))]))

/** The first output, or the named nodes, by the reference evaluator. */
export const onReference = (program: Compiled, inputs: Readonly<Record<string, ArrayLike<number>>>, settings: Settings = standard): Float64Array =>
  evaluate([program.graph.outputs[0]!.node], feedsOf(program, inputs), settings)[0]!.data

/** Values of draws by the name that the text gives them: the end of their path. */
export type Draws = Readonly<Record<string, Float64Array>>

export const drawNodes = (program: Compiled): readonly { readonly path: string; readonly node: Node }[] =>
  topological(program.graph.outputs.map((o) => o.node)).filter((n) => n.prim === "draw").map((node) => ({ path: (node.attrs as { path: string }).path, node }))

export const drawsOf = (program: Compiled, inputs: Readonly<Record<string, ArrayLike<number>>>, settings: Settings = standard): Draws => {
  const nodes = drawNodes(program)
  const values = evaluate(nodes.map((d) => d.node), feedsOf(program, inputs), settings)
  return Object.fromEntries(nodes.map((d, i) => [d.path.split(".").at(-1)!, values[i]!.data]))
}

export const dispatches = ({ plan }: Compiled): number => plan.commands.filter((c) => c.op === "dispatch").length
