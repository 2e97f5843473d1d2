/** The pages of `nda explain`: diagnostic codes, primitives, and the stages of the compiler. */
import { codes } from "../diagnostics/codes.ts"
import type { Primitive } from "../prim/primitive.ts"
import { isPrimitive, primitiveNamed, primitives } from "../prim/table.ts"

/** In the order in which a program passes them. */
const stagePages: Readonly<Record<string, string>> = {
  ast: "The syntax tree, as the parser reads it: every declaration, statement and expression, nothing looked up yet.",
  types: "The type of every expression: element type, dimensions by name, and the population of each dimension (real, fake, neg, mixed).",
  ir: "The tensor graph of one entry: all sizes are numbers, functions are inlined, loops are unrolled, augmentations are `tabulate` and `read`. One line a node, with its shape and the line of the program it came from.",
  grad: "The graph with every gradient written out; the same as `ir` where nothing is differentiated.",
  simplified: "The graph after the rewrite rules: equal parts shared, what has no use removed.",
  rates: "How often each value changes: once (const), each run (step), each sample, each pixel. Sample-rate values are computed by their own small kernel.",
  fused: "Which nodes became one kernel, and for every place where fusion stopped, the reason.",
  kernels: "Each kernel as loops, loads and stores, before it is printed in any shader language.",
  memory: "Where every value lies: buffers and their sizes, the peak, and the lower bound that the values alive at once give; of each step and of the whole.",
  wgsl: "The text of the shaders, in WebGPU's shading language.",
  plan: "The compiled program as JSON: buffers, kernels, commands, inputs and outputs. The runtime needs nothing else.",
  dot: "The graph as a drawing for Graphviz: `nda compile FILE --emit dot | dot -Tsvg > graph.svg`.",
  summary: "Models with their parameters and shapes; of each step its inputs and outputs, dispatches, multiply-adds and bytes.",
}

const kinds: Readonly<Record<Primitive["kind"], string>> = {
  elementwise: "elementwise: each element of the result comes from the elements at the same place",
  movement: "movement: each element of the result is an element of the operand at another place",
  reduction: "reduction: axes are combined away, in a fixed order",
  contraction: "contraction: sums of products over a loop nest (matrix products, convolutions, their adjoints)",
  access: "access: elements at computed places",
  opaque: "opaque: an algorithm of its own, with its own kernel",
  source: "source: a value that no operand gives",
}

const primitivePage = (primitive: Primitive): string => {
  const gradient = typeof primitive.vjp === "function" ? "has a gradient" : `no gradient: ${primitive.vjp.none}`
  const accuracy = primitive.ulp === undefined ? [] : [`on a device within ${primitive.ulp} units in the last place of f32`]
  return [`${primitive.name}: ${primitive.doc}`, "", kinds[primitive.kind], gradient, ...accuracy].join("\n")
}

export const topics = (): readonly string[] => [...codes.keys(), ...Object.keys(primitives), ...Object.keys(stagePages)]

/** The page, or undefined when there is no such topic. Codes may be written in lower case. */
export const explain = (topic: string): string | undefined => {
  const code = codes.get(topic.toUpperCase())
  if (code !== undefined) return `${topic.toUpperCase()}: ${code.title}\n\n${code.page}`
  if (Object.hasOwn(stagePages, topic)) return `${topic} (a stage: nda compile FILE --emit ${topic})\n\n${stagePages[topic]}`
  return isPrimitive(topic) ? primitivePage(primitiveNamed(topic)) : undefined
}
