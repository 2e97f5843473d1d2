/**
 * Contractions through workgroup memory (implicit matrix product): the output's loops of one operand are the rows, those
 * of the other the columns, the summed loops the depth. A workgroup loads a slab of each operand, with what is computed
 * of its elements, and each lane keeps a tile of sums. Terms are added in the order of the summed loops.
 */
import { placeOf, type AffineAccess } from "../prim/contraction.ts"
import { add, and, f32, i32, idiv, lt, mapScalar, min, mod, mul, select, variable, type Scalar, type Var } from "../scalar/scalar.ts"
import { simplify } from "../scalar/simplify-scalar.ts"
import { rolesOf, type Blocks } from "../schedule/contraction-tiles.ts"
import { makeTarget, type Reads } from "./bindings.ts"
import { arithmetic, builtin, local, number, use, type ArrayLocal, type Expr, type Kernel, type Local, type Stmt } from "./kernel.ts"
import { block, makeLowerer } from "./lower.ts"
import { epilogue, hidden, type Sums } from "./lower-contraction.ts"
import type { Elements } from "./lower-elements.ts"

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

export const lowerBlocks = (group: readonly Elements[], stored: (e: Elements) => boolean, reads: Reads, blocks: Blocks): Kernel => {
  const first = group[0]!
  const { attrs, operands } = first.contraction!
  const extents = [...attrs.out, ...attrs.over]
  const roles = rolesOf(attrs)
  const rowSide = blocks.side
  const columnSide = (1 - rowSide) as 0 | 1
  const count = (loops: readonly number[]): number => loops.reduce((n, l) => n * extents[l]!, 1)
  const [m, n, depth, batch] = [count(roles.own[rowSide]), count(roles.own[columnSide]), count(roles.over), count(roles.batch)]
  const lanes = blocks.rowLanes * blocks.columnLanes
  const tall = blocks.rows * blocks.rowLanes
  const wide = blocks.columns * blocks.columnLanes
  const groups: readonly [number, number, number] = [Math.ceil(n / wide), Math.ceil(m / tall), batch]

  const body: Stmt[] = []
  const prelude: Stmt[] = []
  const target = makeTarget(reads, prelude)
  const top = block()
  const bind = (name: string, extent: number, value: Expr): Var => {
    const v = variable(name, extent)
    top.known.set(v, value)
    return v
  }
  const lane = use(local("i32"))
  body.push({ op: "let", local: (lane as Extract<Expr, { op: "local" }>).local, value: builtin("lane") })
  const across = bind("across", groups[0], builtin("group_x"))
  const down = bind("down", groups[1], builtin("group_y"))
  const z = bind("z", batch, builtin("group_z"))

  /** The loops' values at a place of their product. */
  const decoded = (loops: readonly number[], place: Scalar, into: Map<number, Scalar>): void => {
    let stride = 1
    for (const l of [...loops].reverse()) {
      const outer = idiv(place, i32(stride))
      into.set(l, l === loops[0] ? outer : mod(outer, i32(extents[l]!)))
      stride *= extents[l]!
    }
  }
  const accesses: readonly [AffineAccess, AffineAccess] = [attrs.left, attrs.right]
  /** What stands at a place of an operand's slab: 0 past its end, and where the term does not count. */
  const element = (side: 0 | 1, own: Scalar, k: Scalar, most: number): Scalar => {
    const at = new Map<number, Scalar>()
    decoded(roles.own[side], min(own, i32(most - 1)), at)
    decoded(roles.over, min(k, i32(depth - 1)), at)
    decoded(roles.batch, z, at)
    const loops = extents.map((_, l) => at.get(l) ?? i32(0))
    let inside: Scalar = and(lt(own, i32(most)), lt(k, i32(depth)))
    const index = accesses[side].map((a, d) => {
      const place = placeOf(a, operands[side]!.shape[d]!, loops, extents)
      inside = and(inside, place.inside)
      return place.index
    })
    for (const g of attrs.guards ?? []) if (g.terms.every((t) => at.has(t.loop)) && (side === rowSide || g.terms.some((t) => roles.own[side].includes(t.loop)))) inside = and(inside, placeOf(g, g.extent, loops, extents).inside)
    const { index: variables, value } = operands[side]!
    return select(inside, mapScalar(value, (e) => e, new Map<Scalar, Scalar>(variables.map((v, d) => [v, index[d]!]))), f32(0))
  }

  /** Lanes load a slab together: neighbours are neighbours in memory where the operand's own last loop is its fastest. */
  const slab = (side: 0 | 1, size: number, origin: Scalar, most: number): { readonly array: ArrayLocal; load(start: Var): Stmt[] } => {
    const array: ArrayLocal = { kind: "array", space: "workgroup", element: "f32", length: size * blocks.depth }
    const ownFirst = side === columnSide
    return {
      array,
      load: (start) => {
        const e = variable("e", size * blocks.depth)
        const [own, k] = ownFirst ? [mod(e, i32(size)), idiv(e, i32(size))] : [idiv(e, i32(blocks.depth)), mod(e, i32(blocks.depth))]
        const [value, place] = simplify([element(side, add(origin, own), add(start, k), most), add(mul(k, i32(size)), own)])
        const counter = local("i32")
        const inner = block(top, [e])
        inner.known.set(e, use(counter))
        const lowerer = makeLowerer(target, [value!, place!], [e])
        const [lowered, at] = lowerer.lower([value!, place!], inner)
        inner.statements.push({ op: "set", array, index: at!, value: lowered! })
        return [{ op: "for", local: counter, from: lane, below: number(size * blocks.depth), step: lanes, body: inner.statements }]
      },
    }
  }
  const rowSlab = slab(rowSide, tall, mul(down, i32(tall)), m)
  const columnSlab = slab(columnSide, wide, mul(across, i32(wide)), n)

  const named = (value: Expr, into: Stmt[]): Expr => {
    if (value.op === "const" || value.op === "local") return value
    const name = local("i32")
    into.push({ op: "let", local: name, value })
    return use(name)
  }
  const rowLane = named(arithmetic("idiv", lane, number(blocks.columnLanes), true), body)
  const columnLane = named(arithmetic("mod", lane, number(blocks.columnLanes), true), body)
  const sums: Local[] = range(blocks.rows * blocks.columns).map(() => local("f32"))
  for (const s of sums) body.push({ op: "var", local: s, value: number(0, "f32") })

  const start = local("i32")
  const from = bind("from", depth, use(start))
  const loads = [...rowSlab.load(from), ...columnSlab.load(from)]
  const turn: Stmt[] = []
  const k = local("i32")
  const taken = (array: ArrayLocal, size: number, mine: Expr, step: number, i: number): Expr => {
    const name = local("f32")
    turn.push({ op: "let", local: name, value: { op: "element", type: "f32", array, index: arithmetic("add", arithmetic("add", arithmetic("mul", use(k), number(size)), mine), number(i * step)) } })
    return use(name)
  }
  const rowValues = range(blocks.rows).map((i) => taken(rowSlab.array, tall, rowLane, blocks.rowLanes, i))
  const columnValues = range(blocks.columns).map((j) => taken(columnSlab.array, wide, columnLane, blocks.columnLanes, j))
  for (const i of range(blocks.rows)) for (const j of range(blocks.columns)) {
    const sum = sums[i * blocks.columns + j]!
    turn.push({ op: "assign", local: sum, value: { op: "fma", type: "f32", a: rowValues[i]!, b: columnValues[j]!, c: use(sum) } })
  }
  const slabs: Stmt[] = [...loads, { op: "barrier" }, { op: "for", local: k, from: number(0), below: hidden(blocks.depth), step: 1, body: turn }, { op: "barrier" }]
  body.push({ op: "steps", local: start, below: number(depth), step: blocks.depth, body: slabs })

  const at: Sums["at"] = (rowAt, columnAt, name) => {
    const row = name(arithmetic("add", arithmetic("mul", builtin("group_y"), number(tall)), arithmetic("add", rowLane, arithmetic("mul", rowAt, number(blocks.rowLanes)))))
    const column = name(arithmetic("add", arithmetic("mul", builtin("group_x"), number(wide)), arithmetic("add", columnLane, arithmetic("mul", columnAt, number(blocks.columnLanes)))))
    const values = attrs.out.map((): Expr => number(0))
    const spread = (loops: readonly number[], place: Expr): void => {
      let rest = place
      for (const l of [...loops].reverse()) {
        const outermost = l === loops[0]
        values[l] = extents[l] === 1 ? number(0) : name(outermost ? rest : arithmetic("mod", rest, number(extents[l]!), true))
        if (!outermost && extents[l]! > 1) rest = name(arithmetic("idiv", rest, number(extents[l]!), true))
      }
    }
    spread(roles.own[rowSide], row)
    spread(roles.own[columnSide], column)
    spread(roles.batch, builtin("group_z"))
    return { values, bounds: [...(m % tall === 0 ? [] : [arithmetic("lt", row, number(m))]), ...(n % wide === 0 ? [] : [arithmetic("lt", column, number(n))])] }
  }
  const finish = epilogue(group, stored, reads, first.contraction!, { sums, rows: blocks.rows, columns: blocks.columns, at })
  return {
    kind: "contract", bindings: reads.bindings.list, workgroup: [lanes, 1, 1], groups, shared: [rowSlab.array, columnSlab.array],
    body: [...prelude, ...finish.prelude, ...top.statements, ...body, ...finish.statements],
  }
}
