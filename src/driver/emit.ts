/** `--emit`: the value after each stage, as text. */
import type { Diagnostic } from "../base/diagnostic.ts"
import { hasErrors } from "../base/diagnostic.ts"
import { positionOf, type SourceFile } from "../base/source.ts"
import { printValue } from "../check/print-value.ts"
import { isSilent, type Value } from "../check/value.ts"
import { printGraph } from "../ir/print.ts"
import type { Graph, Node } from "../ir/graph.ts"
import { topological } from "../ir/walk.ts"
import { printKernel } from "../kernel/print-kernel.ts"
import { printMemory, printProgramMemory } from "../plan/print-plan.ts"
import { printSchedule } from "../schedule/print-schedule.ts"
import type * as Ast from "../syntax/ast.ts"
import { printModule } from "../syntax/print-ast.ts"
import { compile, graphOf, openEntry, placeOf, type Compiled, type CompileResult } from "./compile.ts"
import { check, type Request } from "./check.ts"
import { compileProgram } from "./compile-program.ts"
import { graphSummary, programSummary } from "./summary.ts"
import { simplifyGraph } from "../transform/simplify.ts"

export const stages: readonly string[] = ["ast", "types", "ir", "grad", "simplified", "rates", "fused", "kernels", "memory", "wgsl", "plan", "dot", "summary"]

/** Stages that need no entry, stages of the graph, and stages of the plan. */
const ofGraph: Readonly<Record<string, (graph: Graph, sources: ReadonlyMap<string, SourceFile>) => string>> = {
  ir: printGraph,
  // Gradients are written out while a step is elaborated: the stage shows the same graph.
  grad: printGraph,
  simplified: (graph, sources) => printGraph(simplifyGraph(graph), sources),
  dot: (graph) => dot(graph),
}

const ofPlan: Readonly<Record<string, (compiled: Compiled) => string>> = {
  rates: (c) => rates(c),
  fused: (c) => fused(c),
  kernels: ({ schedule }) => schedule.kernels.map(({ kernel }, i) => printKernel(kernel, `kernel ${i}`)).join("\n"),
  memory: ({ plan }) => printMemory(plan),
  wgsl: ({ plan }) => plan.kernels.map((k) => `// ${k.name}: ${k.origin.label} (${k.origin.at})\n${k.wgsl}`).join("\n"),
  plan: ({ plan }) => `${JSON.stringify(plan, null, 1)}\n`,
  summary: (c) => graphSummary(c),
}

export const emit = (request: Request, stage: string): CompileResult<string> => {
  const diagnostics: Diagnostic[] = []
  if (stage === "types") {
    const types = new Map<Ast.Expr, Value>()
    const checked = check(request, types)
    return { value: hasErrors(checked.diagnostics) ? undefined : typesText(request, types), ...checked }
  }
  const opened = openEntry(request, diagnostics, stage === "ast")
  if ("needs" in opened) return { value: undefined, diagnostics, needs: opened.needs }
  if (stage === "ast") return { value: printModule(opened.program.main.ast), diagnostics, needs: [] }
  if (!opened.entry) return { value: undefined, diagnostics, needs: [] }
  const sources = new Map([...opened.program.loaded.modules].map(([name, m]) => [name, m.source]))
  if (opened.entry.kind === "train" || opened.entry.role === "eval") return emitProgram(request, stage, sources)
  const graph = graphOf({ program: opened.program, entry: opened.entry }, diagnostics)
  // A graph that applies models is a program of one step.
  if (!graph && diagnostics.every((d) => d.code === "NDA0909")) return emitProgram(request, stage, sources)
  const print = ofGraph[stage]
  if (print || !graph) return { value: graph && print!(graph, sources), diagnostics, needs: [] }
  const compiled = compile(request)
  return { ...compiled, value: compiled.value && ofPlan[stage]!(compiled.value) }
}

/** A stage of each graph of a program, one after the other. */
const emitProgram = (request: Request, stage: string, sources: ReadonlyMap<string, SourceFile>): CompileResult<string> => {
  const compiled = compileProgram(request)
  const made = compiled.value
  if (!made) return { ...compiled, value: undefined }
  if (stage === "plan") return { ...compiled, value: `${JSON.stringify(made.plan, null, 1)}\n` }
  if (stage === "summary") return { ...compiled, value: programSummary(made) }
  const texts = made.pieces.map((piece) => ofGraph[stage]?.(piece.graph, sources) ?? ofPlan[stage]!(piece))
  return { ...compiled, value: [...(stage === "memory" ? [printProgramMemory(made.plan)] : []), ...texts].join("\n") }
}

/** A stage of what has been compiled already; undefined for the stages before the plan's. */
export const emitCompiled = (compiled: Compiled, stage: string): string | undefined => ofPlan[stage]?.(compiled)

/** One line an expression: where it stands, its text, its type. */
const typesText = (request: Request, types: ReadonlyMap<Ast.Expr, Value>): string => {
  const text = request.sources[request.file] ?? ""
  const source: SourceFile = { name: request.file, text, lineStarts: [0, ...[...text].flatMap((c, i) => (c === "\n" ? [i + 1] : []))] }
  const rows = [...types].filter(([e, v]) => e.span.file === request.file && !isSilent(v) && e.kind !== "suite").map(([e, v]) => ({ start: e.span.start, end: e.span.end, type: printValue(v) }))
  const seen = new Set<string>()
  return rows.sort((a, b) => a.start - b.start || b.end - a.end).flatMap(({ start, end, type }) => {
    const { line, column } = positionOf(source, start)
    const shown = text.slice(start, end).replace(/\s+/g, " ")
    const row = `${line}:${column}  ${shown.length > 48 ? `${shown.slice(0, 47)}…` : shown}  : ${type}\n`
    return seen.has(row) ? [] : (seen.add(row), [row])
  }).join("")
}

const label = (node: Node): string => `${node.origin.label || node.prim}`
const shape = (node: Node): string => `${node.dtype}[${node.shape.join(",")}]`

/** const < step < sample < pixel, by inference (LANGUAGE section 8). */
const rates = ({ simplified, schedule }: Compiled): string =>
  topological(simplified.outputs.map((o) => o.node)).map((node, i) => {
    const rate = node.prim === "const" || node.prim === "iota" ? "const"
      : node.prim === "draw" ? ((node.attrs as { per: string }).per === "batch" ? "step" : "sample")
      : node.prim === "input" ? (node.shape.length <= 1 ? "sample" : "pixel")
      : schedule.fusion.rowBound.has(node) ? "sample" : node.inputs.length > 0 && node.inputs.every((x) => x.prim === "const") ? "const" : "pixel"
    return `%${i}  ${rate.padEnd(6)}  ${node.prim} ${label(node)}  ${shape(node)}\n`
  }).join("")

/** The dispatches, what each computes, and why fusion stopped where it did. */
const fused = ({ graph, simplified, schedule, plan, program }: Compiled): string => {
  const dispatches = plan.commands.filter((c) => c.op === "dispatch").length
  const rasters = simplified.rasters.map((r) => `  rastered: ${label(r.node)} ${shape(r.node)}: ${r.reason}   ${placeOf(program)(r.node.origin)}\n`).join("")
  return `graph ${graph.entry}: ${dispatches} dispatches, ${plan.kernels.length} distinct kernels\n${printSchedule(schedule, placeOf(program))}${rasters}`
}

const quoted = (text: string): string => JSON.stringify(text)

const dot = (graph: Graph): string => {
  const nodes = topological(graph.outputs.map((o) => o.node))
  const names = new Map(nodes.map((n, i) => [n, `n${i}`]))
  const lines = nodes.filter((n) => n.prim !== "const").map((n) => `  ${names.get(n)} [label=${quoted(`${label(n)}\n${n.prim} ${shape(n)}`)}${n.prim === "input" || n.prim === "draw" ? ", shape=box" : ""}]`)
  const edges = nodes.flatMap((n) => n.inputs.filter((x) => x.prim !== "const").map((x) => `  ${names.get(x)} -> ${names.get(n)}`))
  const outputs = graph.outputs.map((o, i) => `  o${i} [label=${quoted(o.name)}, shape=doubleoctagon]\n  ${names.get(o.node)} -> o${i}`)
  return `digraph ${quoted(graph.entry)} {\n  rankdir=LR\n${[...lines, ...new Set(edges), ...outputs].join("\n")}\n}\n`
}

