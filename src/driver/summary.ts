/** `--emit summary`: models with their parameters and shapes; what each step reads, gives and costs. */
import type { Graph, Node } from "../ir/graph.ts"
import { topological } from "../ir/walk.ts"
import type { ProgramPlan } from "../plan/plan.ts"
import type { Compiled } from "./compile.ts"
import type { CompiledProgram } from "./compile-program.ts"

const bytes = (n: number): string => (n >= 1 << 20 ? `${(n / (1 << 20)).toFixed(1)} MiB` : n >= 1024 ? `${(n / 1024).toFixed(1)} KiB` : `${n} B`)
const typed = (x: { readonly dtype: string; readonly shape: readonly number[] }): string => `${x.dtype}[${x.shape.join(",")}]`

/** The multiply-adds of the contractions. */
export const multiplyAdds = (graph: Graph): number =>
  topological(graph.outputs.map((o) => o.node)).reduce((sum, n) => {
    const a = n.attrs as { out?: readonly number[]; over?: readonly number[] }
    return a.out && a.over ? sum + [...a.out, ...a.over].reduce((x, y) => x * y, 1) : sum
  }, 0)

const dispatchesOf = ({ plan }: Compiled): number => plan.commands.filter((c) => c.op === "dispatch").length

const slotName = (name: string, prefix: string): string | undefined => (name.startsWith(prefix) ? name.slice(prefix.length) : undefined)

/** One graph: what the host gives and takes; slots by name, as their shapes stand with the models. */
export const graphSummary = (piece: Compiled, title = `graph ${piece.graph.entry}`): string => {
  const { graph, plan } = piece
  const row = (word: string, name: string, node: Node, more = ""): string => `  ${word.padEnd(7)} ${name}: ${typed(node)}${more}`
  const reads = graph.inputs.flatMap((i) => slotName(i.name, "slot:") ?? [])
  const writes = graph.outputs.flatMap((o) => slotName(o.name, "next:") ?? [])
  return [
    title,
    ...graph.inputs.filter((i) => slotName(i.name, "slot:") === undefined).map((i) => row("input", i.name, i.node)),
    ...graph.outputs.filter((o) => slotName(o.name, "next:") === undefined).map((o) => row("output", o.name, o.node, o.population ? ` @${o.population}` : "")),
    ...(reads.length > 0 ? [`  reads   ${reads.join(", ")}`] : []),
    ...(writes.length > 0 ? [`  writes  ${writes.join(", ")}`] : []),
    `  dispatches ${dispatchesOf(piece)}, kernels ${plan.kernels.length}, multiply-adds ${multiplyAdds(graph)}, peak ${bytes(plan.peakBytes)}`,
    "",
  ].join("\n")
}

const models = (plan: ProgramPlan): string =>
  plan.models.map((model) => {
    const own = plan.slots.filter((slot) => slot.model === model.name)
    const tensors = (kind: "params" | "state") => own.filter((slot) => slot.kind === kind).flatMap((slot) => (slot.leaves.length > 0 ? slot.leaves.map((leaf) => ({ path: leaf.path, dtype: slot.dtype, shape: leaf.shape })) : [{ path: slot.name.slice(model.name.length + 1), dtype: slot.dtype, shape: slot.shape }]))
    const rows = [...tensors("params").map((t) => ({ word: "param", ...t })), ...tensors("state").map((t) => ({ word: "state", ...t }))]
    const width = Math.max(0, ...rows.map(({ path }) => path.length))
    return `model ${model.name}: ${model.parameters} parameters${model.from === undefined ? "" : ` from ${model.from}`}\n${rows.map((r) => `  ${r.word} ${r.path.padEnd(width)}  ${typed(r)}\n`).join("")}`
  }).join("")

export const programSummary = ({ plan, program, pieces }: CompiledProgram): string => {
  const of = (name: string): Compiled => pieces.find((piece) => piece.entry === name)!
  const parts = pieces.map((piece) => {
    const step = program.steps.find((s) => s.name === piece.entry)
    const every = /^every\.(\d+)$/.exec(piece.entry)
    const title = every ? `every ${program.every[Number(every[1])]!.period}` : step ? `${plan.kind === "train" ? "step" : plan.kind} ${step.name}${step.repeat === 1 ? "" : ` repeat ${step.repeat}`}` : piece.entry === "initial" ? "first values" : `eval ${piece.entry}`
    return graphSummary(piece, title)
  })
  const round = program.steps.reduce((sum, s) => ({ dispatches: sum.dispatches + s.repeat * dispatchesOf(of(s.name)), adds: sum.adds + s.repeat * multiplyAdds(of(s.name).graph) }), { dispatches: 0, adds: 0 })
  const whole = plan.kind === "train" ? [`a round of the steps: ${round.dispatches} dispatches, ${round.adds} multiply-adds\n`] : []
  return [models(plan), ...parts, ...whole].join("\n")
}
