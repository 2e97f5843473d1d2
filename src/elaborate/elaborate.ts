/** Elaboration: one graph entry of a checked program becomes a tensor graph in which every size is a number. */
import type { Diagnostic } from "../base/diagnostic.ts"
import { hasErrors } from "../base/diagnostic.ts"
import { elaborateEntry, type Program } from "../check/program.ts"
import { nodeOf } from "../check/emit.ts"
import { asTensor } from "../check/operators.ts"
import { printValue } from "../check/print-value.ts"
import type { Context, Elaboration } from "../check/context.ts"
import type { TensorValue, Value } from "../check/value.ts"
import { graphBuilder } from "../ir/build.ts"
import type { Graph, GraphInput, Output } from "../ir/graph.ts"
import type * as Ast from "../syntax/ast.ts"
import { isDim } from "../types/dimension.ts"
import { printPopulation } from "../types/population.ts"

export const elaborate = (program: Program, entry: Ast.EntryDeclaration, diagnostics: Diagnostic[]): Graph | undefined => {
  const build: Elaboration = { builder: graphBuilder(), sources: [], rasters: [], nodes: new Map(), ranges: new Map() }
  const inputs: GraphInput[] = []
  const value = elaborateEntry(program, entry, build, (name, node, source) => inputs.push({ name, node, source }))
  if (!value || hasErrors(diagnostics)) return undefined
  const ctx: Context = { ...program.context, build }
  const outputs: Output[] = []
  const add = (name: string, v: Value): void => {
    const t = asTensor(v)
    if (v.kind === "record") for (const [field, x] of v.fields) add(name === "" ? field : `${name}.${field}`, x)
    else if (v.kind === "tuple") v.items.forEach((x, i) => add(name === "" ? `out${i}` : `${name}.${i}`, x))
    else if (!t) throw new Error(`the output ${name} of ${entry.name.text} is ${printValue(v)}, which the check should have refused`)
    else outputs.push(outputOf(ctx, entry, name === "" ? "result" : name, t))
  }
  add("", value)
  if (hasErrors(diagnostics)) return undefined
  const used = inputs.filter((i) => reaches(outputs, i))
  // Loaders are asked only for the fields that something reads.
  const sources = build.sources.flatMap((source) => {
    const fields = source.fields.filter((f) => used.some((i) => i.source?.name === source.name && i.source.field === f.name))
    return fields.length > 0 || used.some((i) => i.source?.name === source.name) ? [{ ...source, fields }] : []
  })
  return { entry: entry.name.text, inputs: used, sources, outputs, rasters: build.rasters }
}

const outputOf = (ctx: Context, entry: Ast.EntryDeclaration, name: string, t: TensorValue): Output => {
  const first = t.dims[0]
  const picture = t.dtype !== "f32" ? undefined
    : t.dims.length === 5 && (t.alias === "Clip" || t.alias === "Image") ? "clip" as const
    : t.dims.length === 4 && t.alias === "Image" ? "image" as const : undefined
  return { name, node: nodeOf(ctx, entry.body.span, t), picture, population: first && isDim(first) && first.population ? printPopulation(first.population) : undefined }
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
