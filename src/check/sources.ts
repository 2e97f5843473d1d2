/** Data sets: what each loader delivers, its splits, and how a batch of it is typed (RULINGS 4). */
import type { Span } from "../base/span.ts"
import { suggest } from "../base/suggest.ts"
import { badOption } from "../diagnostics/messages/data.ts"
import { noSuchField } from "../diagnostics/messages/names.ts"
import { argumentType, notStatic } from "../diagnostics/messages/stages.ts"
import type * as Ast from "../syntax/ast.ts"
import { dim, type Dim } from "../types/dimension.ts"
import { real } from "../types/population.ts"
import { atom, size, valueOf, type Size } from "../types/size.ts"
import { bindArguments, reportMissing, type Formal } from "./arguments.ts"
import type { SourceSpec } from "../ir/graph.ts"
import { fail, originOf, report, type Context } from "./context.ts"
import { asTensor } from "./operators.ts"
import { printValue } from "./print-value.ts"
import { errorValue, int, isSilent, tensor, type EvaluatedArgument, type SourceValue, type TensorValue, type Value } from "./value.ts"

type Option = string | number | boolean
type Options = Readonly<Record<string, Option>>

interface Loader {
  readonly name: string
  readonly doc: string
  /** The arguments of its call; a loader without required ones is a data set by its bare name. */
  readonly params: readonly Formal[]
  readonly fields: (n: Dim, options: Options, sizes: Readonly<Record<string, Size>>) => ReadonlyMap<string, TensorValue>
  /** The field whose numbers are bytes of pictures, each divided by 255. */
  readonly bytes?: string
}

const image = (n: Dim, ...shape: readonly Size[]): TensorValue => tensor("f32", [n, ...shape.map((z) => dim(z))], undefined, { alias: "Image" })
const clip = (n: Dim, ...shape: readonly Size[]): TensorValue => tensor("f32", [n, ...shape.map((z) => dim(z))], undefined, { alias: "Clip" })
const label = (n: Dim): TensorValue => tensor("i32", [n], undefined, { alias: "Label" })
const opt = (...names: readonly string[]): Formal[] => names.map((name) => ({ name, optional: true }))
const req = (...names: readonly string[]): Formal[] => names.map((name) => ({ name, optional: false }))
const labelled = (...shape: readonly number[]) => (n: Dim): ReadonlyMap<string, TensorValue> => new Map([["image", image(n, ...shape.map(size))], ["label", label(n)]])
/** A size that only the data knows, or the program's `data` declaration states. */
const open = (name: string): Size => atom(name)

const loaders: readonly Loader[] = [
  { name: "cifar10", doc: "CIFAR-10: image [n, 3, 32, 32], label.", params: opt("path"), fields: labelled(3, 32, 32), bytes: "image" },
  { name: "cifar100", doc: "CIFAR-100: image [n, 3, 32, 32], label (labels = \"fine\" or \"coarse\").", params: opt("path", "labels"), fields: labelled(3, 32, 32), bytes: "image" },
  { name: "cifar_records", doc: "Any file of CIFAR records.", params: [...req("path"), ...opt("labels")], fields: labelled(3, 32, 32), bytes: "image" },
  { name: "mnist", doc: "MNIST: image [n, 1, 28, 28], label.", params: opt("path"), fields: labelled(1, 28, 28), bytes: "image" },
  { name: "fashion", doc: "Fashion-MNIST: image [n, 1, 28, 28], label.", params: opt("path"), fields: labelled(1, 28, 28), bytes: "image" },
  { name: "folder", doc: "A folder of pictures, cut to squares of `size`; sub-folders are classes.", params: req("path", "size"), fields: (n, _o, z) => new Map([["image", image(n, size(3), z["size"]!, z["size"]!)], ["label", label(n)]]), bytes: "image" },
  {
    name: "clips", bytes: "clip", doc: "Clips from .npy files or folders of frames.", params: [...req("path", "frames", "size"), ...opt("stride", "labels", "channels")],
    fields: (n, o, z) => new Map([["clip", clip(n, z["channels"] ?? open("c"), z["frames"]!, z["size"]!, z["size"]!)], ...(o["labels"] !== undefined ? [["label", label(n)] as const] : [])]),
  },
  ...(["voc", "boxes_folder"] as const).map((name): Loader => ({
    name, bytes: "image", doc: "A Pascal VOC folder: letter-boxed image, boxes (cx, cy, w, h in pixels), class, valid, difficult.", params: [...req("path"), ...opt("size", "most", "split", "overflow", "classes")],
    fields: (n, _o, z) => {
      const most = dim(z["most"] ?? open("m"))
      return new Map([
        ["image", image(n, size(3), z["size"] ?? open("h"), z["size"] ?? open("w"))],
        ["boxes", tensor("f32", [n, most, dim(size(4))], undefined, { alias: "Boxes" })],
        ["class", tensor("i32", [n, most])],
        ["valid", tensor("bool", [n, most])],
        ["difficult", tensor("bool", [n, most])],
      ])
    },
  })),
  { name: "array", doc: "A .npy or .npz file; its fields are declared with `data`.", params: req("path"), fields: (n) => new Map([["image", image(n, open("c"), open("h"), open("w"))], ["label", label(n)]]) },
  { name: "dots", doc: "Generated: `count` coloured dots on white (the paper's numerosity pictures).", params: opt("count", "size", "samples"), fields: (n, _o, z) => new Map([["image", image(n, size(3), z["size"] ?? size(32), z["size"] ?? size(32))], ["label", label(n)]]) },
  { name: "motion", doc: "Generated: digits that move in class-specific ways.", params: opt("classes", "frames", "size", "samples", "path"), fields: (n, _o, z) => new Map([["clip", clip(n, size(1), z["frames"] ?? size(8), z["size"] ?? size(32), z["size"] ?? size(32))], ["label", label(n)]]) },
]

const byName = new Map(loaders.map((l) => [l.name, l]))
/** Whether a field of a loader is a picture of bytes. */
export const ofBytes = (loader: string, field: string): boolean => byName.get(loader)?.bytes === field
export const loaderNames: readonly string[] = loaders.map((l) => l.name)

/** A loader by its bare name: a data set if nothing is required, else a constructor. */
export const sourceNamed = (name: string): SourceValue | undefined => {
  const loader = byName.get(name)
  return loader && { kind: "source", loader: name, options: {}, fields: (n) => loader.fields(n, {}, {}), split: undefined, batch: undefined, span: { file: "nda.data", start: 0, end: 0 } }
}

/** Options that are of one kind in every loader. */
const optionKinds = new Map<string, "int" | "string">([
  ...["size", "frames", "stride", "most", "samples", "channels"].map((name) => [name, "int"] as const),
  ...["path", "labels", "split", "overflow"].map((name) => [name, "string"] as const),
])

const splits = ["train", "test", "all"] as const

/** `cifar10.train`. */
export const sourceMember = (ctx: Context, source: SourceValue, name: Ast.Name): Value => {
  const split = splits.find((s) => s === name.text)
  if (!split || source.split) return fail(ctx, noSuchField(name.span, name.text, source.split ? [] : splits, suggest(name.text, splits)))
  return { ...source, split, span: name.span }
}

/** A call: the loader's own arguments, or `batch=`. */
export const applySource = (ctx: Context, source: SourceValue, args: readonly EvaluatedArgument[], span: Span): Value => {
  const loader = byName.get(source.loader)!
  const batch = args.find((a) => a.name === "batch")
  if (batch) return batched(ctx, source, loader, args, batch, span)
  const bound = bindArguments(ctx, source.loader, loader.params, args)
  if (!bound) return errorValue
  if (bound.missing.length > 0) {
    reportMissing(ctx, span, source.loader, loader.params, bound.missing)
    return errorValue
  }
  const options: Record<string, Option> = {}
  const sizes: Record<string, Size> = {}
  for (const [name, a] of bound.args) {
    if (a.value.kind === "error") return errorValue
    const wanted = optionKinds.get(name)
    if (wanted && !isSilent(a.value) && a.value.kind !== wanted) return fail(ctx, argumentType(a.span, source.loader, name, wanted === "int" ? "a whole number" : "a word in quotes", printValue(a.value)))
    if (a.value.kind === "int") sizes[name] = a.value.size
    const value = optionOf(a.value)
    if (value === undefined) {
      if (a.value.kind === "int" || isSilent(a.value) || a.value.kind === "string") continue
      return fail(ctx, notStatic(a.span, `\`${name}\` of \`${source.loader}\``))
    }
    if (typeof value === "number" && value < 1) return fail(ctx, badOption(a.span, source.loader, name, `${value} is not a positive number`))
    options[name] = value
  }
  return { ...source, options, fields: (n) => loader.fields(n, options, sizes), span }
}

const optionOf = (v: Value): Option | undefined => {
  if (v.kind === "int") return valueOf(v.size)
  if (v.kind === "string" || v.kind === "bool") return v.value
  if (v.kind === "tensor") return v.literal
  if (v.kind === "list" && v.items) {
    const parts = v.items.map((x) => (x.kind === "string" ? x.value : asTensor(x)?.literal))
    return parts.every((x) => x !== undefined) ? parts.join(", ") : undefined
  }
  return undefined
}

const batched = (ctx: Context, source: SourceValue, loader: Loader, args: readonly EvaluatedArgument[], batch: EvaluatedArgument, span: Span): Value => {
  const missing = loader.params.filter((p) => !p.optional && source.options[p.name] === undefined).map((p) => p.name)
  if (missing.length > 0 && Object.keys(source.options).length === 0) {
    reportMissing(ctx, span, source.loader, loader.params, missing)
    return errorValue
  }
  for (const a of args) if (a !== batch) {
    const own = loader.params.some((p) => p.name === a.name)
    report(ctx, badOption(a.span, source.loader, a.name ?? "this argument", own ? `it is given before the batch: ${source.loader}(${a.name}=…).${source.split ?? "train"}(batch=…)` : "a batched data set takes batch= only"))
  }
  if (batch.value.kind !== "int") return isSilent(batch.value) ? batch.value : fail(ctx, notStatic(batch.span, "the batch size"))
  const n = valueOf(batch.value.size)
  if (n !== undefined && n < 1) return fail(ctx, badOption(batch.span, source.loader, "batch", `${n} is not a positive number`))
  return { ...source, batch: { dim: dim(batch.value.size, { span: batch.span, note: "the batch size" }, real, { span, note: `\`${source.loader}\` delivers real samples` }) }, span }
}

/** The record of one batch. */
export const batchRecord = (source: SourceValue): Value => ({ kind: "record", fields: source.fields(source.batch!.dim), source })

/** Data sets with one key hold the same samples. */
export const sourceKey = (source: Pick<SourceSpec, "loader" | "split" | "options">): string => JSON.stringify([source.loader, source.split, Object.entries(source.options).sort(([a], [b]) => (a < b ? -1 : 1))])

/** How many samples a data set has: a number once somebody has counted them; asked for while a program is elaborated. */
export const countOf = (ctx: Context, source: SourceValue, span: Span): Value => {
  const asked = { loader: source.loader, split: source.split ?? "all", options: source.options }
  const key = sourceKey(asked)
  const known = ctx.counts?.known[key]
  const one = ctx.counts?.sizes.get(key) ?? atom("count", known)
  ctx.counts?.sizes.set(key, one)
  if (known !== undefined || !ctx.build) return int(one)
  // Nothing can be built of a size that is not known: the program is made again when it is.
  ctx.counts?.missing.set(key, { ...asked, name: source.loader, batch: 1, fields: [], whole: true, origin: originOf(ctx, span, source.loader) })
  return errorValue
}

