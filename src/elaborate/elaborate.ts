/** Elaboration: one graph entry of a checked program becomes a tensor graph in which every size is a number. */
import type { Diagnostic } from "../base/diagnostic.ts"
import { hasErrors } from "../base/diagnostic.ts"
import { elaborateEntry, type Program } from "../check/program.ts"
import { nodeOf } from "../check/emit.ts"
import { asTensor } from "../check/operators.ts"
import { printValue } from "../check/print-value.ts"
import type { Context, Elaboration } from "../check/context.ts"
import { newLearning } from "../check/learning.ts"
import type { TensorValue, Value } from "../check/value.ts"
import { outputKind } from "../diagnostics/messages/data.ts"
import { graphBuilder } from "../ir/build.ts"
import type { Graph, GraphInput, Output, SourceSpec } from "../ir/graph.ts"
import type * as Ast from "../syntax/ast.ts"
import { isDim } from "../types/dimension.ts"
import { printPopulation } from "../types/population.ts"

export const elaborate = (program: Program, entry: Ast.EntryDeclaration, diagnostics: Diagnostic[]): Graph | undefined => {
  const build: Elaboration = { builder: graphBuilder(), sources: [], rasters: [], nodes: new Map(), ranges: new Map(), learning: newLearning(), step: undefined }
  const inputs: GraphInput[] = []
  const value = elaborateEntry(program, entry, build, (name, node, source) => inputs.push({ name, node, source }))
  if (!value || hasErrors(diagnostics)) return undefined
  const outputs = outputsOf(program, build, entry, value, diagnostics)
  if (hasErrors(diagnostics)) return undefined
  const used = inputs.filter((i) => reaches(outputs, i))
  return { entry: entry.name.text, inputs: used, sources: sourcesUsed(build.sources, used), outputs, rasters: build.rasters }
}

/** Loaders are asked only for the fields that something reads. */
export const sourcesUsed = (sources: readonly SourceSpec[], used: readonly GraphInput[]): SourceSpec[] =>
  sources.flatMap((source) => {
    const own = used.filter((i) => i.source?.name === source.name)
    return own.length > 0 ? [{ ...source, fields: source.fields.filter((f) => own.some((i) => i.source!.field === f.name)) }] : []
  })

/** The outputs of an entry: a tensor, or the fields of a record. */
export const outputsOf = (program: Program, build: Elaboration, entry: Ast.EntryDeclaration, value: Value, diagnostics: Diagnostic[]): Output[] => {
  const ctx: Context = { ...program.context, build }
  const outputs: Output[] = []
  const add = (name: string, v: Value): void => {
    const t = asTensor(v)
    if (v.kind === "record") for (const [field, x] of v.fields) add(name === "" ? field : `${name}.${field}`, x)
    else if (v.kind === "tuple") v.items.forEach((x, i) => add(name === "" ? `out${i}` : `${name}.${i}`, x))
    else if (!t) diagnostics.push(outputKind(entry.body.span, entry.name.text, printValue(v)))
    else outputs.push({ name: name === "" ? "result" : name, node: nodeOf(ctx, entry.body.span, t), ...pictureOf(t) })
  }
  add("", value)
  return outputs
}

/** Whether a tensor is a batch of pictures, and of which population. */
export const pictureOf = (t: TensorValue): Pick<Output, "picture" | "population"> => {
  const first = t.dims[0]
  const picture = t.dtype !== "f32" ? undefined
    : t.dims.length === 5 && (t.alias === "Clip" || t.alias === "Image") ? "clip" as const
    : t.dims.length === 4 && t.alias === "Image" ? "image" as const : undefined
  return { picture, population: first && isDim(first) && first.population ? printPopulation(first.population) : undefined }
}

/** Sources always deliver their numbers; an input that no output needs is left out. */
const reaches = (outputs: readonly Output[], input: GraphInput): boolean => {
  const seen = new Set<number>()
  const stack = outputs.map((o) => o.node)
  while (stack.length > 0) {
    const node = stack.pop()!
    if (node === input.node) return true
    if (seen.has(node.id)) continue
    seen.add(node.id)
    stack.push(...node.inputs)
  }
  return false
}
