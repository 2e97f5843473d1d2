/**
 * Register tiles of contractions: which loops of the nest are tiled, and how far. One operand (the rows) is read by all
 * lanes of a workgroup at one place, the other (the columns) at a place of each lane; each lane keeps a tile of sums.
 * The choice minimises a model of the adapter's cost of loads and multiplications, not a list of cases.
 */
import type { Affine, AffineAccess, ContractAttrs, Guard } from "../prim/contraction.ts"
import type { Profile } from "./limits.ts"

export interface Tile {
  /** The operand whose place differs between lanes: 0 left, 1 right. */
  readonly columns: 0 | 1
  /** The tiled loop of each, and how many of its values a lane takes; none: the operand is read at one place. */
  readonly column: { readonly loop: number | undefined; readonly size: number }
  readonly row: { readonly loop: number | undefined; readonly size: number }
  /** The summed loop that is unrolled by `size`, a divisor of its extent. */
  readonly inner: { readonly loop: number | undefined; readonly size: number }
  readonly lanes: number
  /** Set where workgroups share what they load through workgroup memory; the rest does not count then. */
  readonly blocks?: Blocks
}

/**
 * Blocks of workgroups (implicit matrix product): a workgroup computes `rows * rowLanes` by `columns * columnLanes` results,
 * and loads as much of both operands for `depth` terms at a time into workgroup memory.
 */
export interface Blocks {
  /** The operand of the rows: 0 left, 1 right. */
  readonly side: 0 | 1
  readonly rows: number
  readonly columns: number
  readonly rowLanes: number
  readonly columnLanes: number
  readonly depth: number
}

/** How an operand's elements lie in memory: the step of each of its dimensions, where they are affine. */
export interface Layout {
  readonly shape: readonly number[]
  readonly steps: readonly number[]
  readonly offset: number
  /** Operations to compute an element once it is loaded. */
  readonly work: number
  /** Whether four neighbours may be loaded at once. */
  readonly quads: boolean
}

/** Nanoseconds of 8 lanes on a CPU adapter, relative on others. */
interface Costs {
  readonly lanes: number
  readonly column: number
  readonly columnQuad: number
  /** Times as much where neighbouring lanes read far apart. */
  readonly apart: number
  readonly row: number
  readonly rowQuad: number
  readonly multiply: number
  readonly turn: number
  /** For each product above 64 in a turn: instructions fill caches too. */
  readonly code: number
  /** Compiling one product or load, shared among a thousand runs. */
  readonly compile: number
  readonly mostSums: number
  readonly mostProducts: number
  /** Workgroups below which processors stand idle. */
  readonly leastGroups: number
}

const costs: Readonly<Record<Profile, Costs>> = {
  cpu: { lanes: 8, column: 19, columnQuad: 23, apart: 1.7, row: 7, rowQuad: 8, multiply: 0.25, turn: 8, code: 1, compile: 3000, mostSums: 64, mostProducts: 192, leastGroups: 2 },
  gpu: { lanes: 64, column: 8, columnQuad: 10, apart: 2, row: 6, rowQuad: 7, multiply: 1, turn: 4, code: 0, compile: 100, mostSums: 64, mostProducts: 128, leastGroups: 512 }
}

const extentsOf = ({ out, over }: ContractAttrs): number[] => [...out, ...over]
const loopsOf = (access: AffineAccess): Set<number> => new Set(access.flatMap((a) => a.terms.map((t) => t.loop)))

/** What the loops are to the nest; undefined where a guard ties both operands' own loops together. */
export interface Roles {
  /** Output loops of one operand alone, of both or none, and summed loops. */
  readonly own: readonly [readonly number[], readonly number[]]
  readonly batch: readonly number[]
  readonly over: readonly number[]
}

export const rolesOf = (attrs: ContractAttrs): Roles => {
  const [left, right] = [loopsOf(attrs.left), loopsOf(attrs.right)]
  const out = attrs.out.map((_, l) => l)
  return {
    own: [out.filter((l) => left.has(l) && !right.has(l)), out.filter((l) => right.has(l) && !left.has(l))],
    batch: out.filter((l) => left.has(l) === right.has(l)),
    over: attrs.over.map((_, k) => attrs.out.length + k)
  }
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

interface Side {
  readonly access: AffineAccess
  readonly layout: Layout
}

/** Loads of one turn of the loop nest: single elements and fours of neighbours; `kept` says how many positions count at each term of the inner loop. */
const loadsOf = ({ access, layout }: Side, tiled: readonly { readonly loop: number | undefined; readonly size: number }[], extents: readonly number[]): { single: number; quads: number; kept: number[] } => {
  const [a, b] = tiled as [Tile["column"], Tile["inner"]]
  const places = new Set<number>()
  const kept = range(b.size).map(() => 0)
  let aligned = layout.quads
  const sizes = new Map(tiled.flatMap((t) => (t.loop === undefined ? [] : [[t.loop, t.size] as const])))
  access.forEach((p, d) => {
    for (const { loop, step } of p.terms) {
      if (extents[loop] === 1 || sizes.get(loop) === extents[loop]) continue
      if ((layout.steps[d]! * step * (sizes.get(loop) ?? 1)) % (4 * p.divide) !== 0) aligned = false
    }
  })
  let inexact = 0
  const stepOf = (p: Affine, loop: number | undefined): number => p.terms.reduce((n, x) => n + (x.loop === loop ? x.step : 0), 0)
  /** How far a place moves within the tile, and whether it is whole for every value of the other loops. */
  const inTile = access.map((p) => ({ along: [stepOf(p, a.loop), stepOf(p, b.loop)] as const, whole: p.terms.every((x) => (x.step * (sizes.get(x.loop) ?? 1)) % p.divide === 0) }))
  // Where the tile moves a place that is not whole for every value of the other loops, each position counts as a place of its own.
  const exact = access.every((p, d) => inTile[d]!.whole || !p.terms.some((x) => sizes.has(x.loop)))
  for (let i = 0; i < a.size; i++) for (let t = 0; t < b.size; t++) {
    let place = layout.offset
    let counts = true
    for (let d = 0; d < access.length; d++) {
      const { along, whole } = inTile[d]!
      if (!whole) continue
      const { offset, divide } = access[d]!
      const constant = offset + along[0] * i + along[1] * t
      if (constant % divide !== 0) counts = false
      else place += constant / divide * layout.steps[d]!
    }
    if (!counts) continue
    kept[t]!++
    if (exact) places.add(place)
    else inexact++
  }
  if (!aligned) return { single: places.size + inexact, quads: 0, kept }
  const fours = new Map<number, number>()
  for (const p of places) fours.set(Math.floor(p / 4), (fours.get(Math.floor(p / 4)) ?? 0) + 1)
  let [single, quads] = [inexact, 0]
  for (const n of fours.values()) if (n >= 2) quads++; else single++
  return { single, quads, kept }
}

const sizesFor = (extent: number): number[] => [...new Set([1, 2, 4, 8, ...(extent <= 8 ? [extent] : [])])].filter((n) => n <= extent)
const divisorsFor = (extent: number): number[] => [...new Set([1, 2, 4, 8, ...(extent <= 5 ? [extent] : [])])].filter((n) => n <= extent && extent % n === 0)

/** From large to small: rows and columns of a lane, lanes along both, and terms at a time. */
const blockShapes = [[8, 8, 16, 16, 8], [8, 8, 8, 8, 8], [4, 8, 8, 8, 8], [4, 4, 8, 8, 16], [2, 4, 8, 8, 16]] as const
/** Fewer terms, or fewer results along one side, are not worth sharing. */
const [leastDepth, leastSide] = [8, 8]
/** Workgroups that keep a GPU busy. */
const leastBlocks = 64

/** Blocks for a device with enough workgroup memory, what suits first; none where a condition ties rows and columns together or a side is too small. */
const blocksFor = (attrs: ContractAttrs, layouts: readonly [Layout, Layout], limits: { readonly maxComputeWorkgroupStorageSize: number; readonly maxComputeInvocationsPerWorkgroup: number; readonly maxComputeWorkgroupsPerDimension: number }): readonly Blocks[] => {
  const roles = rolesOf(attrs)
  const extents = extentsOf(attrs)
  const product = (loops: readonly number[]): number => loops.reduce((n, l) => n * extents[l]!, 1)
  const touches = (g: Guard, side: 0 | 1): boolean => g.terms.some((t) => roles.own[side].includes(t.loop))
  if ((attrs.guards ?? []).some((g) => touches(g, 0) && touches(g, 1))) return []
  // Neighbouring lanes are neighbouring columns: the operand whose last loop of its own is its fastest dimension.
  const last = (side: 0 | 1): number => {
    const access = side === 0 ? attrs.left : attrs.right
    const loop = roles.own[side].at(-1)
    const steps = access.flatMap((a, d) => a.terms.filter((t) => t.loop === loop).map((t) => Math.abs(t.step * layouts[side].steps[d]! / a.divide)))
    return steps.length === 0 ? Infinity : Math.min(...steps)
  }
  const side: 0 | 1 = last(1) <= last(0) ? 0 : 1
  const [m, n, k, batch] = [product(roles.own[side]), product(roles.own[(1 - side) as 0 | 1]), product(roles.over), product(roles.batch)]
  if (k < leastDepth || m < leastSide || n < leastSide) return []
  const fits = blockShapes.filter(([rows, columns, rowLanes, columnLanes, depth]) =>
    4 * depth * (rows * rowLanes + columns * columnLanes) <= limits.maxComputeWorkgroupStorageSize && rowLanes * columnLanes <= limits.maxComputeInvocationsPerWorkgroup)
  const groups = ([rows, columns, rowLanes, columnLanes]: (typeof blockShapes)[number]): readonly [number, number] => [Math.ceil(n / (columns * columnLanes)), Math.ceil(m / (rows * rowLanes))]
  const chosen = fits.find((s) => groups(s)[0] * groups(s)[1] * batch >= leastBlocks && s[0] * s[2] <= 2 * m && s[1] * s[3] <= 2 * n) ?? fits.at(-1)
  if (!chosen) return []
  return [chosen, ...fits.filter((s) => s !== chosen)]
    .filter((s) => [...groups(s), batch].every((count) => count <= limits.maxComputeWorkgroupsPerDimension))
    .map(([rows, columns, rowLanes, columnLanes, depth]) => ({ side, rows, columns, rowLanes, columnLanes, depth }))
}

const mentions = (a: Affine, loop: number | undefined): boolean => loop !== undefined && a.terms.some((t) => t.loop === loop)

/** Elements between what neighbouring lanes read that still share cache lines. */
const farApart = 16

/** How far apart neighbouring lanes read: the column's loop moves fastest among them, unless a lane takes all of it. */
const laneStep = ({ access, layout }: Side, loop: number, size: number, own: readonly number[], extents: readonly number[]): number => {
  const whole = size >= extents[loop]!
  const fastest = whole ? own.filter((l) => l !== loop).at(-1) : loop
  if (fastest === undefined) return 0
  const step = access.reduce((n, a, d) => n + a.terms.reduce((m, t) => m + (t.loop === fastest ? t.step * layout.steps[d]! : 0), 0) / a.divide, 0)
  return Math.abs(step) * (whole ? 1 : size)
}

interface Priced {
  readonly tile: Tile
  readonly cost: number
}

/** All tiles with what the model says they cost; none where the nest has no loop to tile. */
const pricedTiles = (attrs: ContractAttrs, layouts: readonly [Layout, Layout], profile: Profile): readonly Priced[] => {
  const c = costs[profile]
  const extents = extentsOf(attrs)
  const roles = rolesOf(attrs)
  const sides: readonly [Side, Side] = [{ access: attrs.left, layout: layouts[0] }, { access: attrs.right, layout: layouts[1] }]
  const guards: readonly Guard[] = attrs.guards ?? []
  const product = (loops: readonly number[]): number => loops.reduce((n, l) => n * extents[l]!, 1)
  const found: Priced[] = []
  const counted = new Map<number, ReturnType<typeof loadsOf>>()
  const loads = (side: 0 | 1, own: Tile["column"], inner: Tile["inner"]): ReturnType<typeof loadsOf> => {
    // Sizes are at most 8, and no value has as many as 63 dimensions.
    const key = (((side * 64 + (own.loop ?? 63)) * 16 + own.size) * 64 + (inner.loop ?? 63)) * 16 + inner.size
    const known = counted.get(key) ?? loadsOf(sides[side], [own, inner], extents)
    counted.set(key, known)
    return known
  }
  for (const columns of [0, 1] as const) {
    const rows = (1 - columns) as 0 | 1
    if (roles.own[columns].length === 0) continue
    const rowLoops: (number | undefined)[] = roles.own[rows].length === 0 ? [undefined] : [...roles.own[rows]]
    const innerLoops: (number | undefined)[] = roles.over.length === 0 ? [undefined] : [...roles.over]
    for (const v of roles.own[columns]) for (const q of innerLoops) for (const tv of sizesFor(extents[v]!)) for (const tk of q === undefined ? [1] : divisorsFor(extents[q]!)) {
      const column = { loop: v, size: tv }
      const inner = { loop: q, size: tk }
      const columnLoads = loads(columns, column, inner)
      const apart = laneStep(sides[columns], v, tv, roles.own[columns], extents) > farApart ? c.apart : 1
      const blocks = Math.ceil(extents[v]! / tv) * (product(roles.own[columns]) / extents[v]!)
      for (const u of rowLoops) {
        if (guards.some((g) => mentions(g, v) && mentions(g, u))) continue
        for (const tu of u === undefined ? [1] : sizesFor(extents[u]!)) {
          if (tu * tv > c.mostSums || tu * tv * tk > c.mostProducts) continue
          const row = { loop: u, size: tu }
          const rowLoads = loads(rows, row, inner)
          let products = 0
          for (let t = 0; t < tk; t++) products += columnLoads.kept[t]! * rowLoads.kept[t]!
          const turn = c.turn + columnLoads.single * (apart * c.column + sides[columns].layout.work) + columnLoads.quads * (apart * c.columnQuad + 4 * sides[columns].layout.work)
            + rowLoads.single * (c.row + sides[rows].layout.work) + rowLoads.quads * (c.rowQuad + 4 * sides[rows].layout.work) + products * c.multiply + Math.max(0, products - 64) * c.code
          const groups = Math.ceil(blocks / c.lanes) * (u === undefined ? 1 : Math.ceil(extents[u]! / tu) * (product(roles.own[rows]) / extents[u]!)) * product(roles.batch)
          const turns = product(roles.over) / tk
          const finish = tu * tv * 40
          const cost = Math.max(groups, c.leastGroups) * (turns * turn + finish) + c.compile * (products + columnLoads.single + columnLoads.quads + rowLoads.single + rowLoads.quads)
          found.push({ cost, tile: { columns, column, row, inner, lanes: c.lanes } })
        }
      }
    }
  }
  return found
}

/** Of tiles that cost the same, within rounding, the first. */
const cheapest = (found: readonly Priced[]): Tile | undefined => found.reduce<Priced | undefined>((b, f) => (!b || f.cost < b.cost * 0.999 ? f : b), undefined)?.tile

type BlockLimits = Parameters<typeof blocksFor>[2]

/** The tile that the model prefers. */
export const chooseTile = (attrs: ContractAttrs, layouts: readonly [Layout, Layout], profile: Profile, limits: BlockLimits): Tile | undefined => {
  const tile = cheapest(pricedTiles(attrs, layouts, profile))
  const blocks = profile === "gpu" ? blocksFor(attrs, layouts, limits)[0] : undefined
  return tile && blocks ? { ...tile, blocks } : tile
}

/** All tiles that a contraction can have on the device, those that the model prefers first: what `nda tune` measures some of. */
export const tileCandidates = (attrs: ContractAttrs, layouts: readonly [Layout, Layout], profile: Profile, limits: BlockLimits): readonly Tile[] => {
  const priced = pricedTiles(attrs, layouts, profile)
  const first = cheapest(priced)
  const tiles = first ? [first, ...[...priced].sort((a, b) => a.cost - b.cost).map((f) => f.tile).filter((tile) => tile !== first)] : []
  const blocks = profile === "gpu" && first ? blocksFor(attrs, layouts, limits).map((b): Tile => ({ ...first, blocks: b })) : []
  return [...blocks, ...tiles]
}
