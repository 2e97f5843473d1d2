/** Scalar expressions as text for printed graphs: infix, reads named by what they read, shared parts defined once. */
import { operandsFirst } from "../prim/scalar-order.ts"
import { operands } from "../scalar/scalar.ts"
import type { Scalar, Var } from "../scalar/scalar.ts"

export interface ScalarText {
  readonly definitions: readonly string[]
  readonly results: readonly string[]
}

const infix: Readonly<Record<string, readonly [sign: string, strength: number]>> = {
  or: ["or", 1], and: ["and", 2], eq: ["==", 3], ne: ["!=", 3], lt: ["<", 3], le: ["<=", 3], gt: [">", 3], ge: [">=", 3],
  bitor: ["|", 4], xor: ["^", 5], bitand: ["&", 6], shl: ["<<", 7], shr: [">>", 7], add: ["+", 8], sub: ["-", 8], mul: ["*", 9], div: ["/", 9], idiv: ["//", 9], mod: ["%", 9],
}
const tight = 10

const literal = (e: Scalar & { op: "const" }): string => (e.type === "bool" ? String(e.value !== 0) : e.type === "f32" && Number.isInteger(e.value) ? `${Object.is(e.value, -0) ? "-0" : e.value}.0` : e.type === "u32" ? `${e.value}u` : String(e.value))

/** A name per variable: its own, numbered where another variable already has it. */
const namer = () => {
  const names = new Map<Var, string>()
  const taken = new Set<string>()
  return (v: Var): string => {
    const known = names.get(v)
    if (known) return known
    let name = v.name
    for (let k = 2; taken.has(name); k++) name = `${v.name}_${k}`
    taken.add(name)
    names.set(v, name)
    return name
  }
}

interface Frame {
  readonly binds: ReadonlySet<Scalar>
  readonly definitions: string[]
  readonly defined: Map<Scalar, string>
}

/** `slotName` says what input `slot` is called; `vars` are named first. */
export const scalarText = (roots: readonly Scalar[], vars: readonly Var[], slotName: (slot: number) => string): ScalarText => {
  const nameOf = namer()
  vars.forEach(nameOf)
  const uses = new Map<Scalar, number>()
  const order = operandsFirst(roots)
  for (const e of [...roots, ...order.flatMap((user) => operands(user))]) uses.set(e, (uses.get(e) ?? 0) + 1)
  const free = new Map<Scalar, ReadonlySet<Scalar>>()
  for (const e of order) {
    const result = new Set<Scalar>(e.op === "var" ? [e] : operands(e).flatMap((x) => [...free.get(x)!]))
    if (e.op === "reduce") e.vars.forEach((v) => result.delete(v))
    free.set(e, result)
  }
  // The whole, then the reductions around what is being written: each defines what changes within it and no further in.
  const frames: Frame[] = [{ binds: new Set(), definitions: [], defined: new Map() }]
  const frameOf = (e: Scalar): Frame => {
    const needed = free.get(e)!
    for (let i = frames.length - 1; i > 0; i--) if ([...frames[i]!.binds].some((v) => needed.has(v))) return frames[i]!
    return frames[0]!
  }
  let shares = 0
  const at = (e: Scalar, strength: number): string => {
    const [text, own] = shared(e)
    return own < strength ? `(${text})` : text
  }
  const shared = (e: Scalar): readonly [string, number] => {
    const frame = frameOf(e)
    const known = frame.defined.get(e)
    if (known) return [known, tight]
    const made = plain(e)
    if (uses.get(e)! < 2 || made[0].length < 12) return made
    const name = `$${shares++}`
    frame.definitions.push(`${name} = ${made[0]}`)
    frame.defined.set(e, name)
    return [name, tight]
  }
  const reduced = (e: Scalar & { op: "reduce" }): string => {
    const frame: Frame = { binds: new Set(e.vars), definitions: [], defined: new Map() }
    frames.push(frame)
    const body = at(e.body, 0)
    frames.pop()
    return `${e.combine}(${e.vars.map((v) => `${nameOf(v)} < ${v.high + 1}`).join(", ")}) { ${[...frame.definitions, body].join("; ")} }`
  }
  const list = (xs: readonly Scalar[]): string => xs.map((x) => at(x, 0)).join(", ")
  const plain = (e: Scalar): readonly [string, number] => {
    switch (e.op) {
      case "const": return [literal(e), e.value < 0 ? 0 : tight]
      case "var": return [nameOf(e), tight]
      case "unary": return e.fn === "neg" ? [`-${at(e.x, tight)}`, 9] : e.fn === "not" ? [`not ${at(e.x, tight)}`, 3] : [`${e.fn}(${at(e.x, 0)})`, tight]
      case "binary": {
        const found = infix[e.fn]
        return found ? [`${at(e.a, found[1])} ${found[0]} ${at(e.b, found[1] + 1)}`, found[1]] : [`${e.fn}(${at(e.a, 0)}, ${at(e.b, 0)})`, tight]
      }
      case "cast": return [`${e.fn}(${at(e.x, 0)})`, tight]
      case "select": return [`select(${list([e.condition, e.then, e.else])})`, tight]
      case "read": return [`${slotName(e.slot)}[${list(e.index)}]`, tight]
      case "reduce": return [reduced(e), tight]
      case "threefry": return [`threefry${e.word}(${list(operands(e))})`, tight]
    }
  }
  const results = roots.map((root) => at(root, 0))
  return { definitions: frames[0]!.definitions, results }
}
