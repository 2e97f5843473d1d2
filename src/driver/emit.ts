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
import { printMemory } from "../plan/print-plan.ts"
import { printSchedule } from "../schedule/print-schedule.ts"
import type * as Ast from "../syntax/ast.ts"
import { printModule } from "../syntax/print-ast.ts"
import { compile, graphOf, openEntry, placeOf, type Compiled, type CompileResult } from "./compile.ts"
import { check, type Request } from "./check.ts"
import { simplifyGraph } from "../transform/simplify.ts"

export const stages: readonly string[] = ["ast", "types", "ir", "grad", "simplified", "rates", "fused", "kernels", "memory", "wgsl", "plan", "dot", "summary"]

/** Stages that need no entry, stages of the graph, and stages of the plan. */
const ofGraph: Readonly<Record<string, (graph: Graph, sources: ReadonlyMap<string, SourceFile>) => string>> = {
  ir: printGraph,
  // Nothing is differentiated in a graph: the gradient stage passes it on.
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
  summary: (c) => summary(c),
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
  const print = ofGraph[stage]
  if (print) {
    const graph = graphOf({ program: opened.program, entry: opened.entry }, diagnostics)
    return { value: graph && print(graph, sources), diagnostics, needs: [] }
  }
  const compiled = compile(request)
  return { ...compiled, value: compiled.value && ofPlan[stage]!(compiled.value) }
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

const kilobytes = (n: number): string => (n >= 1 << 20 ? `${(n / (1 << 20)).toFixed(1)} MiB` : n >= 1024 ? `${(n / 1024).toFixed(1)} KiB` : `${n} B`)

const summary = ({ graph, plan }: Compiled): string => {
  const lines = [`graph ${graph.entry}`]
  for (const i of graph.inputs) lines.push(`  input   ${i.name}: ${shape(i.node)}`)
  for (const o of graph.outputs) lines.push(`  output  ${o.name}: ${shape(o.node)}${o.population ? ` @${o.population}` : ""}`)
  lines.push(`  parameters 0, dispatches ${plan.commands.filter((c) => c.op === "dispatch").length}, kernels ${plan.kernels.length}, multiply-adds ${multiplyAdds(graph)}, peak ${kilobytes(plan.peakBytes)}`)
  return `${lines.join("\n")}\n`
}

/** The multiply-adds of the contractions. */
const multiplyAdds = (graph: Graph): number =>
  topological(graph.outputs.map((o) => o.node)).reduce((sum, n) => {
    const a = n.attrs as { out?: readonly number[]; over?: readonly number[] }
    return a.out && a.over ? sum + [...a.out, ...a.over].reduce((x, y) => x * y, 1) : sum
  }, 0)

const quoted = (text: string): string => JSON.stringify(text)

const dot = (graph: Graph): string => {
  const nodes = topological(graph.outputs.map((o) => o.node))
  const names = new Map(nodes.map((n, i) => [n, `n${i}`]))
  const lines = nodes.filter((n) => n.prim !== "const").map((n) => `  ${names.get(n)} [label=${quoted(`${label(n)}\n${n.prim} ${shape(n)}`)}${n.prim === "input" || n.prim === "draw" ? ", shape=box" : ""}]`)
  const edges = nodes.flatMap((n) => n.inputs.filter((x) => x.prim !== "const").map((x) => `  ${names.get(x)} -> ${names.get(n)}`))
  const outputs = graph.outputs.map((o, i) => `  o${i} [label=${quoted(o.name)}, shape=doubleoctagon]\n  ${names.get(o.node)} -> o${i}`)
  return `digraph ${quoted(graph.entry)} {\n  rankdir=LR\n${[...lines, ...new Set(edges), ...outputs].join("\n")}\n}\n`
}

