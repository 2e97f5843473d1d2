/** The primitive table: every primitive by name. Nothing else in the compiler switches on a primitive's name. */
import { access } from "./access.ts"
import { arena } from "./arena.ts"
import { contraction } from "./contraction.ts"
import { elementwise } from "./elementwise.ts"
import { host } from "./host.ts"
import { movement } from "./movement.ts"
import { opaque } from "./opaque.ts"
import type { Primitive } from "./primitive.ts"
import { reductions } from "./reduction.ts"
import { source } from "./source.ts"

export const primitives = { ...elementwise, ...movement, ...arena, ...reductions, ...contraction, ...access, ...opaque, ...source, ...host } as const satisfies Readonly<Record<string, Primitive>>

export type PrimitiveName = keyof typeof primitives

const byName: ReadonlyMap<string, Primitive> = new Map(Object.entries(primitives))

export const isPrimitive = (name: string): name is PrimitiveName => byName.has(name)

export const primitiveNamed = (name: string): Primitive => {
  const found = byName.get(name)
  if (!found) throw new Error(`there is no primitive ${name}`)
  return found
}
