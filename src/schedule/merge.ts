/**
 * Joins kernels over the same elements (horizontal fusion): results that are ready at the same time and share inputs are
 * computed by one kernel that writes several buffers; a result that another one reads only at its own element is handed on.
 */
import type { Node } from "../ir/graph.ts"
import type { Elements } from "../kernel/lower-elements.ts"
import type { Interner } from "../scalar/intern.ts"
import { eachScalar, mapScalar, type Scalar } from "../scalar/scalar.ts"
import { linearOf } from "./linear.ts"
import type { Times } from "./times.ts"

/** Distinct scalar nodes that one kernel may compute. */
const mostNodes = 1000

interface Group {
  readonly time: number
  readonly members: Elements[]
  /** Slots read. */
  slots: ReadonlySet<number>
  nodes: number
}

const valuesOf = (e: Elements): readonly Scalar[] => e.lanes.flatMap((l) => [l.value, l.at])

const sizeAndSlots = (members: readonly Elements[]): { readonly nodes: number; readonly slots: Set<number> } => {
  const slots = new Set<number>()
  let nodes = 0
  eachScalar(members.flatMap(valuesOf), (e) => {
    nodes++
    if (e.op === "read") slots.add(e.slot)
  })
  return { nodes, slots }
}

export interface Merging {
  readonly times: Times
  readonly intern: Interner
  /** Whether a root may be computed together with others. */
  readonly joins: (e: Elements) => boolean
  /** How many storage buffers the kernel of these reads has, its outputs left out. */
  readonly bindings: (slots: ReadonlySet<number>) => number
  readonly mostBindings: number
}

/** `elements` in topological order; its entries are replaced where a value is handed on. Gives the groups, by their first member. */
export const merge = (elements: Map<Node, Elements>, { times, intern, joins, bindings, mostBindings }: Merging): readonly (readonly Elements[])[] => {
  const groups: Group[] = []
  const groupOf = new Map<number, Group>()
  for (const [node, before] of elements) {
    const own: Elements = joins(before) ? { ...before, ...(before.handed ? { handed: intern(before.handed) } : {}), lanes: before.lanes.map((l) => ({ value: intern(l.value), at: intern(l.at) })) } : before
    elements.set(node, own)
    const fits = (group: Group, e: Elements): { readonly nodes: number; readonly slots: Set<number> } | undefined => {
      const all = sizeAndSlots([...group.members, e])
      return all.nodes <= mostNodes && bindings(all.slots) + group.members.length + 1 <= mostBindings ? all : undefined
    }
    const alike = (other: Elements): boolean => other.sample === own.sample && other.place === own.place && other.node.shape.length === own.node.shape.length && other.node.shape.every((n, d) => n === own.node.shape[d]) && other.lanes.length === own.lanes.length
    const add = (group: Group, e: Elements, all: { readonly nodes: number; readonly slots: ReadonlySet<number> }): void => {
      elements.set(node, e)
      group.members.push(e)
      group.slots = all.slots
      group.nodes = all.nodes
      groupOf.set(node.id, group)
    }
    if (joins(own)) {
      const handed = own.contraction ? undefined : handedOn(own, groupOf, alike, intern)
      const group = handed && handed.group
      if (handed && times.of(handed.elements) === group!.time) {
        const all = fits(group!, handed.elements)
        if (all) {
          add(group!, handed.elements, all)
          continue
        }
      }
      const time = times.of(own)
      const slots = sizeAndSlots([own]).slots
      const beside = own.contraction ? undefined : groups.find((g) => !g.members[0]!.contraction && g.time === time && joins(g.members[0]!) && alike(g.members[0]!) && [...slots].some((s) => g.slots.has(s)) && fits(g, own))
      if (beside) {
        add(beside, own, fits(beside, own)!)
        continue
      }
    }
    const group: Group = { time: times.of(own), members: [own], ...sizeAndSlots([own]) }
    groups.push(group)
    if (joins(own)) groupOf.set(node.id, group)
  }
  return groups.map((g) => g.members)
}

/** Whether two addresses are the same sum, in whatever order. */
const samePlace = (a: Scalar, b: Scalar, intern: (e: Scalar) => Scalar): boolean => {
  if (a === b) return true
  const [x, y] = [linearOf(a), linearOf(b)]
  const terms = new Map([...y.terms].map(([e, k]) => [intern(e), k]))
  return x.constant === y.constant && x.terms.size === terms.size && [...x.terms].every(([e, k]) => terms.get(intern(e)) === k)
}

/** The elements with the values of one group's members in place of the reads of them, if all such reads are at the element itself. */
const handedOn = (own: Elements, groupOf: ReadonlyMap<number, Group>, alike: (e: Elements) => boolean, intern: (e: Scalar) => Scalar): { readonly elements: Elements; readonly group: Group } | undefined => {
  const found = new Set<Group>()
  const values = new Map<Scalar, Scalar>()
  const elsewhere = new Set<Group>()
  eachScalar(own.lanes.map((l) => l.value), (e) => {
    const group = e.op === "read" ? groupOf.get(e.slot) : undefined
    if (!group || e.op !== "read") return
    const member = group.members.find((m) => m.node.id === e.slot)!
    const lane = alike(member) ? member.lanes.find((l) => samePlace(l.at, e.index[0]!, intern)) : undefined
    if (lane) {
      found.add(group)
      values.set(e, member.handed ?? lane.value)
    } else elsewhere.add(group)
  })
  const [group] = [...found].sort((a, b) => b.time - a.time)
  if (!group || elsewhere.has(group)) return undefined
  // Only the latest group is joined; earlier ones are read from their buffers.
  for (const e of [...values.keys()]) if (groupOf.get((e as Extract<Scalar, { op: "read" }>).slot) !== group) values.delete(e)
  const memo = new Map(values)
  return { group, elements: { ...own, lanes: own.lanes.map((l) => ({ value: intern(mapScalar(l.value, (e) => e, memo)), at: l.at })) } }
}
