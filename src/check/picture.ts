/**
 * Functional pictures (LANGUAGE section 8): a picture is a function of coordinates, composing augmentations composes
 * coordinates, and interpolation happens once, as far in as possible without crossing a seam.
 */
import type { Span } from "../base/span.ts"
import { coordinateCount } from "../diagnostics/messages/stages.ts"
import { elementType } from "../diagnostics/messages/shapes.ts"
import type { Node } from "../ir/graph.ts"
import * as s from "../scalar/scalar.ts"
import type { Scalar } from "../scalar/scalar.ts"
import { dim, type Dim } from "../types/dimension.ts"
import { joinPopulations, samePopulation } from "../types/population.ts"
import { one, printSize, valueOf } from "../types/size.ts"
import { fail, type Context } from "./context.ts"
import { elementOf, readNode, tabulate } from "./emit.ts"
import { printValue } from "./print-value.ts"
import { isSilent, silence, tensor, type FieldValue, type Picture, type TensorValue, type Value } from "./value.ts"

/** How a read outside the domain is answered (`outside=`). */
export type Border = { readonly kind: "edge" | "mirror" | "wrap" } | { readonly kind: "constant"; readonly value: number }

/** A colour is computed by at most this many reads of memory; past it the stage is rasterised. */
export const mostTaps = 16

type Colour = (channel: Scalar) => Scalar

// Coordinates are exact integers (i32) or real numbers (f32).
const isInteger = (x: Scalar): boolean => x.type === "i32"

const clampInt = (x: Scalar, high: number): Scalar => s.max(s.min(x, s.i32(high)), s.i32(0))
const clampReal = (x: Scalar, high: number): Scalar => s.max(s.min(x, s.f32(high)), s.f32(0))

/** Reflection without repeating the edge: … 2 1 0 1 2 … */
const mirrorInt = (x: Scalar, extent: number): Scalar => {
  if (extent === 1) return s.i32(0)
  const period = 2 * (extent - 1)
  const folded = s.mod(x, s.i32(period))
  return s.min(folded, s.sub(s.i32(period), folded))
}
const mirrorReal = (x: Scalar, extent: number): Scalar => {
  if (extent === 1) return s.f32(0)
  const period = s.f32(2 * (extent - 1))
  const folded = s.mod(x, period)
  return s.min(folded, s.sub(period, folded))
}

const inside = (x: Scalar, extent: number): Scalar => s.and(s.ge(x, s.i32(0)), s.lt(x, s.i32(extent)))

/** The colour at integer coordinates anywhere in the plane. */
const atInteger = (picture: Picture, extents: readonly number[], coords: readonly Scalar[], border: Border, sample: Scalar): Colour => {
  if (border.kind === "constant") {
    const valid = coords.map((x, i) => inside(x, extents[i]!)).reduce(s.and)
    const colour = picture.at(coords.map((x, i) => clampInt(x, extents[i]! - 1)), sample)
    return (c) => s.select(valid, colour(c), s.f32(border.value))
  }
  const folded = coords.map((x, i) => (border.kind === "wrap" ? s.mod(x, s.i32(extents[i]!)) : border.kind === "mirror" ? mirrorInt(x, extents[i]!) : clampInt(x, extents[i]! - 1)))
  return picture.at(folded, sample)
}

/** The colour at any coordinates: the seam rule decides where the interpolation happens. */
export const readPicture = (picture: Picture, extents: readonly number[], coords: readonly Scalar[], border: Border, sample: Scalar): Colour => {
  if (coords.every(isInteger)) return atInteger(picture, extents, coords, border, sample)
  if (picture.smooth && border.kind !== "wrap") {
    // A smooth stage takes the coordinates inward. Outside a constant border the colour fades over one pixel, exactly
    // as bilinear interpolation with constant neighbours would.
    if (border.kind === "constant") {
      const cover = coords
        .map((x, i) => (isInteger(x) ? s.cast("f32", inside(x, extents[i]!)) : clampReal(s.min(s.add(x, s.f32(1)), s.sub(s.f32(extents[i]!), x)), 1)))
        .reduce((a, b) => s.mul(a, b))
      const colour = picture.at(coords.map((x, i) => (isInteger(x) ? clampInt(x, extents[i]! - 1) : clampReal(x, extents[i]! - 1))), sample)
      const rim = s.mul(s.sub(s.f32(1), cover), s.f32(border.value))
      return (c) => (border.value === 0 ? s.mul(cover, colour(c)) : s.add(s.mul(cover, colour(c)), rim))
    }
    return picture.at(coords.map((x, i) => (isInteger(x) ? (border.kind === "mirror" ? mirrorInt(x, extents[i]!) : clampInt(x, extents[i]! - 1)) : border.kind === "mirror" ? mirrorReal(x, extents[i]!) : clampReal(x, extents[i]! - 1))), sample)
  }
  // Interpolates the integer neighbours, one fractional coordinate after the other.
  const first = coords.findIndex((x) => !isInteger(x))
  const x = coords[first]!
  const below = s.floor(x)
  const weight = s.sub(x, below)
  const low = s.cast("i32", below)
  const withCoordinate = (value: Scalar): Scalar[] => coords.map((y, i) => (i === first ? value : y))
  const a = readPicture(picture, extents, withCoordinate(low), border, sample)
  const b = readPicture(picture, extents, withCoordinate(s.add(low, s.i32(1))), border, sample)
  return (c) => s.add(s.mul(s.sub(s.f32(1), weight), a(c)), s.mul(weight, b(c)))
}

/** How many reads of memory one read at fractional coordinates costs. */
const fractionalTaps = (picture: Picture, coords: readonly Scalar[]): number =>
  picture.smooth ? picture.taps : picture.taps * 2 ** coords.filter((x) => !isInteger(x)).length

/** A batch in memory as a picture: [n, c, …domain]. */
export const rasterPicture = (ctx: Context, node: Node, samples: Node, label: string): Picture => ({
  at: (coords, sample) => (channel) => readNode(ctx.build!, node, [sample, channel, ...coords]),
  smooth: false, taps: 1, samples, batch: node.shape[0]!, label, node,
})

/** Samples a picture once per pixel: a node [n, c, …domain]. */
export const rasterize = (ctx: Context, span: Span, label: string, picture: Picture, channels: number, extents: readonly number[]): Node => {
  const sample = s.variable("n", picture.batch)
  const vars = extents.map((n, i) => s.variable(["y", "x"].at(i - extents.length) ?? "t", n))
  const colour = picture.at(vars, sample)
  if (channels <= 4) return tabulate(ctx, span, label, [sample, ...vars], Array.from({ length: channels }, (_, c) => colour(s.i32(c))), 1)
  const c = s.variable("c", channels)
  return tabulate(ctx, span, label, [sample, c, ...vars], [colour(c)])
}

/** Tests the body of `at`: whether its coordinates pass only through smooth arithmetic. */
export const isSmooth = (root: Scalar, coordinates: ReadonlySet<Scalar>, pictureReads: ReadonlySet<Scalar>): boolean => {
  const memo = new Map<Scalar, boolean>()
  // Whether the value depends on the coordinates.
  const depends = (e: Scalar): boolean => {
    const known = memo.get(e)
    if (known !== undefined) return known
    const result = coordinates.has(e) || pictureReads.has(e) || s.operands(e).some(depends)
    memo.set(e, result)
    return result
  }
  const seen = new Set<Scalar>()
  const visit = (e: Scalar): boolean => {
    if (seen.has(e) || pictureReads.has(e) || coordinates.has(e)) return true
    seen.add(e)
    const breaks = ((e.op === "unary" && ["floor", "ceil", "round", "sign"].includes(e.fn) && depends(e.x))
      || (e.op === "cast" && e.fn !== "f32" && depends(e.x)) || (e.op === "cast" && e.x.type === "bool" && depends(e.x))
      || (e.op === "binary" && (["idiv", "mod"].includes(e.fn) || e.type === "bool") && (depends(e.a) || depends(e.b)))
      || (e.op === "read" && e.index.some(depends)) || (e.op === "reduce" && depends(e.body)))
    return !breaks && s.operands(e).every(visit)
  }
  return visit(root)
}

/**
 * A pure function applied to pictures works at each pixel: `luma(img)`, `0.5 * img`. Gives `undefined` when none of
 * the values is a picture.
 */
export const mapPictures = (ctx: Context, span: Span, values: readonly Value[], f: (xs: readonly Value[]) => Value): Value | undefined => {
  const fields = values.filter((v): v is FieldValue => v.kind === "field")
  if (fields.length === 0) return undefined
  const first = fields[0]!
  let population = first.population
  let became = first.became
  for (const other of fields.slice(1)) {
    const joined = joinPopulations(population, other.population)
    if (joined && !samePopulation(joined.population, population)) became = other.became
    population = joined ? joined.population : population
  }
  const colourType = (v: FieldValue): TensorValue => tensor("f32", [v.channels])
  // The type first: what f makes of one colour.
  const anywhere: Context = ctx.build && ctx.batch ? { ...ctx, sample: s.variable("n", ctx.batch.size) } : ctx
  const typed = f(values.map((v) => (v.kind !== "field" ? pinned(anywhere, span, v) : ctx.build ? { ...colourType(v), data: { rate: "element", at: () => s.f32(0) } as const } : colourType(v))))
  if (isSilent(typed)) return typed
  if (typed.kind !== "tensor" || typed.dims.length > 1) return fail(ctx, elementType(span, "a function of a colour", "a colour or a number", printValue(typed), undefined))
  const channels = typed.dims.length === 1 ? (typed.dims[0] as Dim) : dim(one)
  if (!ctx.build || fields.some((v) => !v.picture)) return { ...first, channels, scalar: typed.dims.length === 0, population, became, picture: undefined }
  const picture: Picture = {
    at: (coords, sample) => {
      const inner: Context = { ...ctx, sample, inAt: true }
      const result = f(values.map((v) => {
        if (v.kind !== "field") return v
        const colour = v.picture!.at(coords, sample)
        return { ...colourType(v), data: { rate: "element", at: ([c]: readonly Scalar[]) => colour(c!) } as const }
      }).map((v) => pinned(inner, span, v)))
      if (result.kind !== "tensor") throw new Error("a function of colours changed its type")
      const element = elementOf(inner, span, result)
      return (c) => element(result.dims.length === 1 ? [c] : [])
    },
    smooth: fields.every((v) => v.picture!.smooth),
    taps: fields.reduce((sum, v) => sum + v.picture!.taps, 0),
    samples: first.picture!.samples, batch: first.picture!.batch, label: first.picture!.label,
  }
  return { ...first, channels, scalar: typed.dims.length === 0, population, became, picture }
}

/** Fixes a per-sample value to the sample of `ctx`, so that it can be used inside a picture's function. */
export const pinned = (ctx: Context, span: Span, v: Value): Value => {
  if (v.kind !== "tensor" || v.literal !== undefined || !v.data || v.data.rate === "element" || v.data.rate === "picture") return v
  if (v.data.rate === "node") return v
  const at = elementOf(ctx, span, v)
  return { ...v, data: { rate: "element", at } }
}

/** `img(y, x, outside=…)`: the colour at coordinates. */
export const readField = (ctx: Context, span: Span, field: FieldValue, coords: readonly { value: Value; span: Span }[], border: Border): Value => {
  if (coords.some((c) => isSilent(c.value))) return silence(...coords.map((c) => c.value))
  if (coords.length !== field.domain.length)
    return fail(ctx, coordinateCount(span, field.domain.length, coords.length, field.domain.map((d) => printSize(d.size)).join(", ")))
  const tensors: TensorValue[] = []
  for (const c of coords) {
    const t = c.value.kind === "int" ? tensor("i32", [], undefined, { literal: valueOf(c.value.size) }) : c.value
    if (t.kind !== "tensor" || t.dims.length > 0 || (t.dtype !== "i32" && t.dtype !== "f32")) {
      return fail(ctx, elementType(c.span, "a coordinate", "a number", printValue(c.value), undefined))
    }
    tensors.push(t)
  }
  const type = tensor("f32", [field.channels])
  if (!ctx.build || !field.picture) return type
  const extents = field.domain.map((d) => valueOf(d.size)!)
  const sample = ctx.sample
  if (!sample) return fail(ctx, elementType(span, "a read of a picture", "inside `at`", "outside of it", "write at (y, x) => img(y, x)"))
  const scalars = tensors.map((t, i) => elementOf(ctx, coords[i]!.span, t)([]))
  ctx.reads?.record(field.picture, scalars)
  const colour = ctx.reads?.opaque(scalars) ?? readPicture(field.picture, extents, scalars, border, sample)
  return { ...type, data: { rate: "element", at: ([c]) => colour(c!) } }
}

/** What a trial evaluation of an `at` body learns: which pictures it reads, at what coordinates. */
export interface ReadTrial {
  record(picture: Picture, coords: readonly Scalar[]): void
  opaque(coords: readonly Scalar[]): Colour | undefined
}

/**
 * The picture an `at` body defines. `evaluate` interprets the body at given coordinates for a given sample.
 * A first evaluation with opaque reads finds out whether the stage is smooth and how many reads it makes.
 */
export const definePicture = (
  ctx: Context, label: string, rank: number, evaluate: (ctx: Context, coords: readonly Scalar[], sample: Scalar) => Colour | undefined,
): Picture => {
  const batch = ctx.batch!
  const trial = (real: boolean): { smooth: boolean; taps: number } | undefined => {
    const sample = s.variable("n", batch.size)
    const vars = Array.from({ length: rank }, (_, i) => s.variable(`q${i}`, 1 << 14))
    const coords: Scalar[] = real ? vars.map((v) => s.cast("f32", v)) : [...vars]
    const asked: Scalar[] = []
    const reads = new Set<Scalar>()
    let taps = 0
    const opaqueReads: ReadTrial = {
      record: (picture, at) => {
        taps += fractionalTaps(picture, at)
        asked.push(...at)
      },
      // Every read stands for a colour of its own: a choice between two pictures must not fold away.
      opaque: () => () => {
        const dummy = s.cast("f32", s.variable(`colour${reads.size}`, 1 << 14))
        reads.add(dummy)
        return dummy
      },
    }
    const silent: Context = { ...ctx, diagnostics: [], reads: opaqueReads }
    try {
      const colour = evaluate(silent, coords, sample)
      if (!colour || silent.diagnostics.some((d) => d.severity === "error")) return undefined
      const roots = [colour(s.i32(0)), ...asked]
      return { smooth: real && roots.every((root) => isSmooth(root, new Set([...coords, ...vars]), reads)), taps: Math.max(1, taps) }
    } catch (problem) {
      if (real) return undefined
      throw problem
    }
  }
  const smoothTrial = trial(true)
  const smooth = smoothTrial?.smooth ?? false
  const taps = trial(false)?.taps ?? 1
  const memo: { coords: readonly Scalar[]; sample: Scalar; colour: Colour }[] = []
  return {
    at: (coords, sample) => {
      const known = memo.find((m) => m.sample === sample && m.coords.length === coords.length && m.coords.every((x, i) => x === coords[i]))
      if (known) return known.colour
      const colour = evaluate({ ...ctx, reads: undefined }, coords, sample)
      if (!colour) throw new Error(`the body of ${label} could not be evaluated`)
      const channels = new Map<Scalar | number, Scalar>()
      const remembered: Colour = (c) => {
        const key = c.op === "const" ? c.value : c
        let value = channels.get(key)
        if (!value) channels.set(key, (value = colour(c)))
        return value
      }
      memo.push({ coords, sample, colour: remembered })
      if (memo.length > 64) memo.shift()
      return remembered
    },
    smooth, taps, samples: batch.samples, batch: batch.size, label,
  }
}

/** Rasterises a stage and goes on reading it from memory; `reason` is shown by `--emit fused`. */
export const withRaster = (ctx: Context, span: Span, field: FieldValue, reason: string): FieldValue => {
  if (!field.picture) return field
  const node = rasterize(ctx, span, field.picture.label, field.picture, valueOf(field.channels.size)!, field.domain.map((d) => valueOf(d.size)!))
  ctx.build!.rasters.push({ node, reason })
  return { ...field, picture: rasterPicture(ctx, node, field.picture.samples, field.picture.label) }
}

/** Puts a raster in front of a stage when reading it would cost too many reads per pixel. */
export const withinBudget = (ctx: Context, span: Span, field: FieldValue): FieldValue =>
  field.picture && field.picture.taps > mostTaps
    ? withRaster(ctx, span, field, `${field.picture.label}: ${field.picture.taps} reads per pixel, more than ${mostTaps}`)
    : field

/** The picture of a field with the samples replaced: `partner`. */
export const withSamplesFrom = (ctx: Context, field: FieldValue, partner: Node): FieldValue => {
  if (!field.picture) return field
  const inner = field.picture
  return { ...field, picture: { ...inner, node: undefined, at: (coords, sample) => inner.at(coords, readNode(ctx.build!, partner, [sample])) } }
}

