/** Prints a kernel as WGSL. Every name is generated, every literal is printed from a number. */
import type { ScalarType } from "../../scalar/scalar.ts"
import { usesHalves, usesSubgroups, wideness, type Binding, type ElementType, type Expr, type Kernel, type Stmt, type ValueType } from "../../kernel/kernel.ts"
import type { Distribution } from "../../prim/draws.ts"
import { drawFunction, inPrelude, type DrawOptions } from "./draws-wgsl.ts"
import { mathSource, wgslCast, wgslExpression, wideCast, wideExpression, wgslLiteral, wgslThreefry, type WgslText } from "./math.ts"
import { makeNames } from "./names.ts"

const scalarTypes: Record<ScalarType, string> = { f32: "f32", i32: "i32", u32: "u32", bool: "bool" }
const valueType = (type: ValueType): string => (type === "words" ? "vec4<u32>" : type === "key" ? "vec2<u32>" : scalarTypes[type])
const storageType = (type: ElementType): string => (type === "words" ? "vec4<u32>" : type === "halves" ? "vec4<f16>" : type === "bool" || type === "byte" || type === "bytes" ? "u32" : type)
const builtins = { lane: "lane0", group_x: "group0.x", group_y: "group0.y", group_z: "group0.z" } as const
const components = ["x", "y", "z", "w"] as const

const powerOfTwo = (e: Expr): number | undefined =>
  e.op === "const" && e.type === "i32" && e.value > 0 && (e.value & (e.value - 1)) === 0 ? 31 - Math.clz32(e.value) : undefined

export const emit = (kernel: Kernel): string => {
  const names = makeNames()
  const buffers = kernel.bindings.map((b) => names.of(b, "b"))
  const uniform = kernel.bindings.findIndex((b) => b.access === "uniform")
  const needs = new Set<string>()
  const functions = new Map<string, string>()
  let zero = false

  const taken = (made: WgslText): string => {
    for (const need of made.needs) needs.add(need)
    return made.text
  }
  const draw = (name: string, options: Readonly<Record<string, unknown>>): string => {
    const made = drawFunction(name as Distribution, options as DrawOptions)
    if (inPrelude(name as Distribution)) needs.add(made.name)
    else {
      for (const need of made.uses) needs.add(need)
      functions.set(made.name, made.source)
    }
    return made.name
  }
  const settings = (): string => {
    if (uniform < 0) throw new Error("emit: a kernel that draws has no uniform binding")
    return buffers[uniform]!
  }

  const { isWide, learn } = wideness()
  /** As a vector, whether it is wide or not. */
  const spread = (e: Expr): string => (isWide(e) ? show(e) : `vec4<${scalarTypes[e.type as ScalarType]}>(${show(e)})`)
  const fromWords = (type: ScalarType, text: string): string =>
    type === "u32" ? text : type === "bool" ? `(${text} != vec4<u32>(0u))` : `bitcast<vec4<${type}>>(${text})`
  const toWords = (type: ScalarType, text: string): string =>
    type === "u32" ? text : type === "bool" ? `select(vec4<u32>(0u), vec4<u32>(1u), ${text})` : `bitcast<vec4<u32>>(${text})`

  /** One element of a buffer, or four that are bound together, as what it stands for. */
  const loaded = (binding: number, index: string): string => {
    const text = `${buffers[binding]}[${index}]`
    switch (kernel.bindings[binding]!.element) {
      case "byte": return taken({ text: `byte_1(${buffers[binding]}[(${index}) >> 2u], ${index})`, needs: ["byte_1"] })
      case "bytes": return taken({ text: `bytes_1(${text})`, needs: ["bytes_1"] })
      case "bool": return `(${text} != 0u)`
      case "f16": return `f32(${text})`
      case "halves": return `vec4<f32>(${text})`
      default: return text
    }
  }
  const stored = (binding: number, value: string): string => {
    switch (kernel.bindings[binding]!.element) {
      case "bool": return `select(0u, 1u, ${value})`
      case "f16": return `f16(${value})`
      case "halves": return `vec4<f16>(${value})`
      default: return value
    }
  }
  /** Whether four that are bound together are numbers already, not words. */
  const areNumbers = (binding: number): boolean => kernel.bindings[binding]!.element === "halves" || kernel.bindings[binding]!.element === "bytes"

  const showWide = (e: Expr): string => {
    switch (e.op) {
      case "local": return names.of(e.local, "v")
      case "component": return "vec4<i32>(0, 1, 2, 3)"
      case "quad": return areNumbers(e.binding) ? loaded(e.binding, show(e.index)) : fromWords(e.type, loaded(e.binding, show(e.index)))
      case "unary": return taken(wideExpression(e.fn, e.x.type as ScalarType, [spread(e.x)]))
      case "binary": {
        const shift = e.type === "i32" ? powerOfTwo(e.b) : undefined
        if (shift !== undefined && e.fn === "idiv") return `(${spread(e.a)} >> vec4<u32>(${shift}u))`
        if (shift !== undefined && e.fn === "mod") return `(${spread(e.a)} & vec4<i32>(${2 ** shift - 1}))`
        const exponent = e.fn === "pow" && e.b.op === "const" ? { exponent: e.b.value } : {}
        return taken(wideExpression(e.fn, e.a.type as ScalarType, [spread(e.a), spread(e.b)], { nonNegative: e.nonNegative, ...exponent }))
      }
      case "fma": return `fma(${spread(e.a)}, ${spread(e.b)}, ${spread(e.c)})`
      case "cast": return taken(wideCast(e.fn, e.x.type as ScalarType, spread(e.x)))
      case "select": return `select(${spread(e.else)}, ${spread(e.then)}, ${spread(e.condition)})`
      case "load": case "element": {
        const index = show(e.index)
        const truth = e.op === "load" && kernel.bindings[e.binding]!.element === "bool"
        const one = (at: string): string => (e.op === "element" ? `${names.of(e.array, "a")}[${at}]` : truth ? `${buffers[e.binding]}[${at}]` : loaded(e.binding, at))
        const text = `vec4<${truth ? "u32" : e.type}>(${components.map((c) => one(`${index}.${c}`)).join(", ")})`
        return truth ? `(${text} != vec4<u32>(0u))` : text
      }
      default: throw new Error(`emit: ${e.op} of a wide value`)
    }
  }

  const show = (e: Expr): string => {
    if (isWide(e)) return showWide(e)
    switch (e.op) {
      case "const": return taken(wgslLiteral(e.value, e.type))
      case "local": return names.of(e.local, e.local.type === "words" ? "w" : e.local.type === "key" ? "k" : "v")
      case "builtin": return `i32(${builtins[e.name]})`
      case "hidden_zero": return uniform < 0 ? ((zero = true), "i32(zero0)") : `i32(${buffers[uniform]!}[1].w)`
      case "unary": return taken(wgslExpression(e.fn, e.x.type as ScalarType, [show(e.x)]))
      case "binary": {
        const shift = e.type === "i32" ? powerOfTwo(e.b) : undefined
        // a >> k and a & (2^k - 1) floor for either sign.
        if (shift !== undefined && e.fn === "idiv") return `(${show(e.a)} >> ${shift}u)`
        if (shift !== undefined && e.fn === "mod") return `(${show(e.a)} & ${2 ** shift - 1}i)`
        const exponent = e.fn === "pow" && e.b.op === "const" ? { exponent: e.b.value } : {}
        return taken(wgslExpression(e.fn, e.a.type as ScalarType, [show(e.a), show(e.b)], { nonNegative: e.nonNegative, ...exponent }))
      }
      case "fma": return `fma(${show(e.a)}, ${show(e.b)}, ${show(e.c)})`
      case "cast": return taken(wgslCast(e.fn, e.x.type as ScalarType, show(e.x)))
      case "select": return `select(${show(e.else)}, ${show(e.then)}, ${show(e.condition)})`
      case "threefry": return taken(wgslThreefry(e.word, [show(e.key[0]), show(e.key[1])], [show(e.counter[0]), show(e.counter[1])]))
      case "load": {
        const text = loaded(e.binding, show(e.index))
        return e.type === "words" && areNumbers(e.binding) ? `bitcast<vec4<u32>>(${text})` : text
      }
      case "quad": case "component": return showWide(e)
      case "part": return `${show(e.x)}.${components[e.at]}`
      case "word": return fromWord(e.type, `${show(e.words)}.${components[e.at]}`)
      case "element": return `${names.of(e.array, "a")}[${show(e.index)}]`
      case "key": {
        const u = settings()
        needs.add("dkey_1")
        return `dkey_1(${u}[0].x, ${u}[0].y, ${u}[0].z, ${show(e.site)})`
      }
      case "subgroup_broadcast": return `subgroupBroadcast(${show(e.x)}, ${e.lane}u)`
      case "pair": return `vec2<u32>(${show(e.first)}, ${show(e.second)})`
      case "key_word": return `${show(e.key)}.${e.at === 0 ? "x" : "y"}`
      case "draw": return `${draw(e.distribution.name, e.distribution.options)}(${e.args.map(show).join(", ")})`
    }
  }
  const fromWord = (type: ScalarType, text: string): string =>
    type === "u32" ? text : type === "i32" ? `bitcast<i32>(${text})` : type === "f32" ? `bitcast<f32>(${text})` : `(${text} != 0u)`
  const lines: string[] = []
  const statement = (s: Stmt, indent: string): void => {
    switch (s.op) {
      case "let":
        learn(s.local, s.value)
        lines.push(`${indent}let ${show({ op: "local", type: s.local.type, local: s.local })} = ${show(s.value)};`)
        return
      case "var": lines.push(`${indent}var ${show({ op: "local", type: s.local.type, local: s.local })}: ${s.local.wide ? `vec4<${s.local.type}>` : valueType(s.local.type)} = ${s.local.wide ? spread(s.value) : show(s.value)};`); return
      case "assign": lines.push(`${indent}${show({ op: "local", type: s.local.type, local: s.local })} = ${s.local.wide ? spread(s.value) : show(s.value)};`); return
      case "array": lines.push(`${indent}var ${names.of(s.array, "a")}: array<${scalarTypes[s.array.element]}, ${s.array.length}>;`); return
      case "set": lines.push(`${indent}${names.of(s.array, "a")}[${show(s.index)}] = ${show(s.value)};`); return
      case "store": {
        lines.push(`${indent}${buffers[s.binding]}[${show(s.index)}] = ${stored(s.binding, show(s.value))};`)
        return
      }
      case "store_quad": lines.push(`${indent}${buffers[s.binding]}[${show(s.index)}] = ${areNumbers(s.binding) ? stored(s.binding, spread(s.value)) : toWords(s.value.type as ScalarType, spread(s.value))};`); return
      case "store_words": lines.push(`${indent}${buffers[s.binding]}[${show(s.index)}] = vec4<u32>(${s.values.map(show).join(", ")});`); return
      case "draw_array": lines.push(`${indent}${draw(s.distribution.name, s.distribution.options)}(${[...s.args.map(show), `&${names.of(s.array, "a")}`].join(", ")});`); return
      case "if":
        lines.push(`${indent}if ${show(s.condition)} {`)
        for (const inner of s.then) statement(inner, indent + "  ")
        if (s.else.length > 0) {
          lines.push(`${indent}} else {`)
          for (const inner of s.else) statement(inner, indent + "  ")
        }
        lines.push(`${indent}}`)
        return
      case "steps": {
        const counter = show({ op: "local", type: "i32", local: s.local })
        lines.push(`${indent}for (var ${counter}: i32 = 0; ${counter} < ${show(s.below)}; ${counter} += ${s.step}i) {`)
        for (const inner of s.body) statement(inner, indent + "  ")
        lines.push(`${indent}}`)
        return
      }
      // A loop of at most one turn: unlike an `if`, software adapters jump over it.
      case "once": {
        const turn = names.of(s, "v")
        lines.push(`${indent}for (var ${turn}: i32 = 0; ${turn} < select(0, 1, ${show(s.condition)}); ${turn} += 1i) {`)
        for (const inner of s.body) statement(inner, indent + "  ")
        lines.push(`${indent}}`)
        return
      }
      case "for": {
        const counter = show({ op: "local", type: "i32", local: s.local })
        lines.push(`${indent}for (var ${counter}: i32 = ${show(s.from)}; ${counter} < ${show(s.below)}; ${counter} += ${s.step}i) {`)
        for (const inner of s.body) statement(inner, indent + "  ")
        lines.push(`${indent}}`)
        return
      }
      case "barrier": lines.push(`${indent}workgroupBarrier();`); return
    }
  }
  for (const s of kernel.body) statement(s, "  ")

  const head = [
    ...kernel.bindings.map((b, i) => declaration(b, i, buffers[i]!)),
    ...kernel.shared.map((a) => (a.space === "constant"
      ? `const ${names.of(a, "a")} = array<${scalarTypes[a.element]}, ${a.length}>(${a.data!.map((x) => taken(wgslLiteral(x, a.element))).join(", ")});`
      : `var<workgroup> ${names.of(a, "a")}: array<${scalarTypes[a.element]}, ${a.length}>;`)),
    ...(zero ? ["var<private> zero0: u32 = 0u;"] : [])
  ]
  const math = mathSource(needs)
  return [
    ...(usesHalves(kernel) ? ["enable f16;"] : []),
    ...(usesSubgroups(kernel) ? ["enable subgroups;"] : []),
    ...head,
    ...(math === "" ? [] : [math.trimEnd()]),
    ...[...functions.values()].map((text) => text.trimEnd()),
    `@compute @workgroup_size(${kernel.workgroup.join(", ")})`,
    "fn main0(@builtin(workgroup_id) group0: vec3<u32>, @builtin(local_invocation_index) lane0: u32) {",
    ...lines,
    "}",
    ""
  ].join("\n")
}

const declaration = (b: Binding, index: number, name: string): string =>
  b.access === "uniform"
    ? `@group(0) @binding(${index}) var<uniform> ${name}: array<vec4<u32>, 2>;`
    : `@group(0) @binding(${index}) var<storage, ${b.access === "read" ? "read" : "read_write"}> ${name}: array<${storageType(b.element)}>;`
