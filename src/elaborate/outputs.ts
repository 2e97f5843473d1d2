/** What an entry gives and takes, as outputs and sources of a graph. */
import type { Program } from "../check/program.ts"
import { nodeOf } from "../check/emit.ts"
import { asTensor } from "../check/operators.ts"
import { printValue } from "../check/print-value.ts"
import type { Context, Elaboration } from "../check/context.ts"
import type { TensorValue, Value } from "../check/value.ts"
import type { GraphInput, Output, SourceSpec } from "../ir/graph.ts"
import type * as Ast from "../syntax/ast.ts"
import { isDim } from "../types/dimension.ts"
import { printPopulation } from "../types/population.ts"

/** Loaders are asked only for the fields that something reads. */
export const sourcesUsed = (sources: readonly SourceSpec[], used: readonly GraphInput[]): SourceSpec[] =>
  sources.flatMap((source) => {
    const own = used.filter((i) => i.source?.name === source.name)
    return own.length > 0 ? [{ ...source, fields: source.fields.filter((f) => own.some((i) => i.source!.field === f.name)) }] : []
  })

/** The outputs of an entry: a tensor, or the fields of a record. */
export const outputsOf = (program: Program, build: Elaboration, entry: Ast.EntryDeclaration, value: Value): Output[] => {
  const ctx: Context = { ...program.context, build }
  const outputs: Output[] = []
  const add = (name: string, v: Value): void => {
    const t = asTensor(v)
    if (v.kind === "record") for (const [field, x] of v.fields) add(name === "" ? field : `${name}.${field}`, x)
    else if (v.kind === "tuple") v.items.forEach((x, i) => add(name === "" ? `out${i}` : `${name}.${i}`, x))
    else if (!t) throw new Error(`the output ${name} of ${entry.name.text} is ${printValue(v)}, which the check should have refused`)
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
