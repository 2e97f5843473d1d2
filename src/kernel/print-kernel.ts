/** Prints a kernel as text, for `--emit kernels`. */
import { makeNames } from "../backend/wgsl/names.ts"
import type { Expr, Kernel, Stmt } from "./kernel.ts"

const infix: Readonly<Record<string, string>> = {
  add: "+", sub: "-", mul: "*", div: "/", idiv: "//", mod: "%", eq: "==", ne: "!=", lt: "<", le: "<=", gt: ">", ge: ">=", and: "and", or: "or", xor: "^", bitand: "&", bitor: "|", shl: "<<", shr: ">>"
}

export const printKernel = (kernel: Kernel, name: string): string => {
  const names = makeNames()
  const bound = kernel.bindings.map((b) => `%${names.of(b, "b")}`)
  const show = (e: Expr): string => {
    switch (e.op) {
      case "const": return e.type === "bool" ? (e.value ? "true" : "false") : e.type === "f32" && Number.isInteger(e.value) ? `${Object.is(e.value, -0) ? "-0" : e.value}.0` : String(e.value)
      case "local": return names.of(e.local, e.type === "words" ? "w" : e.type === "key" ? "k" : "v")
      case "builtin": return e.name
      case "hidden_zero": return "zero"
      case "subgroup_broadcast": return `broadcast(${show(e.x)}, ${e.lane})`
      case "unary": return `${e.fn}(${show(e.x)})`
      case "cast": return `${e.fn}(${show(e.x)})`
      case "fma": return `fma(${show(e.a)}, ${show(e.b)}, ${show(e.c)})`
      case "binary": return infix[e.fn] ? `(${show(e.a)} ${infix[e.fn]} ${show(e.b)})` : `${e.fn}(${show(e.a)}, ${show(e.b)})`
      case "select": return `(if ${show(e.condition)} { ${show(e.then)} } else { ${show(e.else)} })`
      case "threefry": return `threefry(${[...e.key, ...e.counter].map(show).join(", ")}).${e.word}`
      case "load": return `${bound[e.binding]}[${show(e.index)}]`
      case "quad": return `${e.type}(${bound[e.binding]}[${show(e.index)}])`
      case "component": return "component"
      case "part": return `${show(e.x)}.${e.at}`
      case "word": return `${e.type}(${show(e.words)}.${e.at})`
      case "element": return `${names.of(e.array, "a")}[${show(e.index)}]`
      case "key": return `key(${show(e.site)})`
      case "pair": return `(${show(e.first)}, ${show(e.second)})`
      case "key_word": return `${show(e.key)}.${e.at}`
      case "draw": return `${e.distribution.name}(${e.args.map(show).join(", ")})`
    }
  }
  const lines: string[] = []
  const statement = (s: Stmt, indent: string): void => {
    const named = (l: Extract<Stmt, { op: "let" }>["local"]): string => show({ op: "local", type: l.type, local: l })
    switch (s.op) {
      case "let": case "var": lines.push(`${indent}${s.op} ${named(s.local)}: ${s.local.type} = ${show(s.value)}`); return
      case "assign": lines.push(`${indent}${named(s.local)} = ${show(s.value)}`); return
      case "array": lines.push(`${indent}array ${names.of(s.array, "a")}: ${s.array.element}[${s.array.length}]`); return
      case "set": lines.push(`${indent}${names.of(s.array, "a")}[${show(s.index)}] = ${show(s.value)}`); return
      case "store": lines.push(`${indent}${bound[s.binding]}[${show(s.index)}] = ${show(s.value)}`); return
      case "store_quad": lines.push(`${indent}${bound[s.binding]}[${show(s.index)}] = quad(${show(s.value)})`); return
      case "store_words": lines.push(`${indent}${bound[s.binding]}[${show(s.index)}] = words(${s.values.map(show).join(", ")})`); return
      case "draw_array": lines.push(`${indent}${names.of(s.array, "a")} = ${s.distribution.name}(${s.args.map(show).join(", ")})`); return
      case "if":
        lines.push(`${indent}if ${show(s.condition)} {`)
        for (const inner of s.then) statement(inner, indent + "  ")
        if (s.else.length > 0) {
          lines.push(`${indent}} else {`)
          for (const inner of s.else) statement(inner, indent + "  ")
        }
        lines.push(`${indent}}`)
        return
      case "steps":
        lines.push(`${indent}steps ${show({ op: "local", type: "i32", local: s.local })} .. ${show(s.below)} by ${s.step} {`)
        for (const inner of s.body) statement(inner, indent + "  ")
        lines.push(`${indent}}`)
        return
      case "once":
        lines.push(`${indent}once ${show(s.condition)} {`)
        for (const inner of s.body) statement(inner, indent + "  ")
        lines.push(`${indent}}`)
        return
      case "for":
        lines.push(`${indent}for ${show({ op: "local", type: "i32", local: s.local })} in ${show(s.from)} .. ${show(s.below)}${s.step === 1 ? "" : ` by ${s.step}`} {`)
        for (const inner of s.body) statement(inner, indent + "  ")
        lines.push(`${indent}}`)
        return
      case "barrier": lines.push(`${indent}barrier`)
    }
  }
  for (const s of kernel.body) statement(s, "  ")
  return [
    `kernel ${name} (${kernel.kind}) groups ${kernel.groups.join(" x ")}, workgroup ${kernel.workgroup.join(" x ")} {`,
    ...kernel.bindings.map((b, i) => `  ${b.access} ${bound[i]}: ${b.element}[${b.length}]${b.label === "" ? "" : `   # ${b.label}`}`),
    ...kernel.shared.map((a) => `  ${a.space === "constant" ? "constant" : "shared"} ${names.of(a, "a")}: ${a.element}[${a.length}]${a.data ? ` = ${a.data.join(" ")}` : ""}`),
    ...lines,
    "}",
    ""
  ].join("\n")
}
