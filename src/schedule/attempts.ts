/**
 * What the attempts at one graph share. From one to the next few values are fused differently: the others have the elements that they had, and a
 * kernel of the same elements is the kernel that it was.
 */
import { makePlaces, type Elements, type Places } from "../kernel/lower-elements.ts"
import { interner, type Interner } from "../scalar/intern.ts"
import { simplifyAlike, type Simplify } from "../scalar/simplify-alike.ts"
import type { Tiles } from "./contraction.ts"
import { makeNumberBodies, type NumberBodies } from "./fused-bodies.ts"
import type { Scheduled } from "./groups.ts"
import { makeInlined, makeTemplates, type Inlined, type Templates } from "./inline.ts"
import { makeRows, type Columns } from "./rates.ts"

/** What plans with the same options share too: those of one program have much in common. */
export interface Memo {
  readonly tiles: Tiles
  readonly templates: Templates
  readonly simplify: Simplify
}

export const makeMemo = (): Memo => ({ tiles: new Map(), templates: makeTemplates(), simplify: simplifyAlike() })

export interface Shared extends Memo {
  readonly inlined: Inlined
  readonly numberBodies: NumberBodies
  readonly places: Places
  readonly rowOf: Columns["rowOf"]
  /** For expressions of elements that may join. */
  readonly intern: Interner
  /** The elements of a body (`fused-bodies.ts`). Those that need columns are made each time: columns belong to one attempt. */
  elements(body: number, columns: Columns, make: (columns: Columns) => Elements): Elements
  /** The kernel of elements that read no columns and no parts of buffers. */
  kernel(group: readonly Elements[], stored: (e: Elements) => boolean, make: () => Scheduled): Scheduled
}

export const makeShared = (memo: Memo): Shared => {
  const byBody = new Map<number, Elements>()
  const kernels = new Map<string, Scheduled>()
  const objects = new Map<object, number>()
  const numberOf = (x: object | undefined): number => {
    if (x === undefined) return -1
    const known = objects.get(x) ?? objects.size
    objects.set(x, known)
    return known
  }
  return {
    ...memo, inlined: makeInlined(), numberBodies: makeNumberBodies(), places: makePlaces(), rowOf: makeRows(), intern: interner(),
    elements(body, columns, make) {
      const known = byBody.get(body)
      if (known) return known
      let plain = true
      const noticed = <F extends (...args: never[]) => unknown>(f: F): F => ((...args) => (plain = false, f(...args))) as F
      const made = make({ ...columns, expression: noticed(columns.expression), array: noticed(columns.array) })
      if (plain && !made.within) byBody.set(body, made)
      return made
    },
    kernel(group, stored, make) {
      const key = group.map((e) => [e.node.id, stored(e), numberOf(e.place), numberOf(e.contraction), ...e.lanes.flatMap((l) => [numberOf(l.value), numberOf(l.at)])].join()).join(";")
      const known = kernels.get(key) ?? make()
      kernels.set(key, known)
      return known
    },
  }
}
