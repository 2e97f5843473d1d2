/**
 * The prelude for wide values: the same functions of four components at once, made from the text of those of one. What has no
 * branch and no variable is widened as it stands, which lets a device work on the components side by side; the rest is called for each.
 */
import { wgslFunction, type WgslFunction } from "./wgsl-function.ts"

/** Prelude functions of one value are called `mxxx_1`, those of four `wxxx_1`. */
export const wideName = (name: string): string => `w${name.slice(1)}`
export const narrowName = (name: string): string | undefined => (name.startsWith("w") ? `m${name.slice(1)}` : undefined)

const token = /0x[0-9a-f]+u|[0-9]+u|[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?f|[A-Za-z_][A-Za-z0-9_]*|[0-9]+|&&|\|\|/g

/** An expression or a function of scalars, read as one of vectors. */
export const widened = (text: string): string =>
  text.replace(token, (word) => {
    if (word === "&&") return "&"
    if (word === "||") return "|"
    if (/^(f32|i32|u32|bool)$/.test(word)) return `vec4<${word}>`
    if (/^m[a-z][a-z0-9]*_[0-9]+$/.test(word)) return wideName(word)
    if (/^(true|false)$/.test(word)) return `vec4<bool>(${word})`
    if (/^[A-Za-z_]/.test(word)) return word
    return `vec4<${word.endsWith("u") ? "u32" : word.endsWith("f") ? "f32" : "i32"}>(${word})`
  })

const components = ["x", "y", "z", "w"]

export const widenedFunction = (narrow: WgslFunction): WgslFunction => {
  const [, parameters, result] = /^fn [a-z0-9_]+\(([^)]*)\) -> ([a-z0-9]+) /.exec(narrow.source)!
  // a constant made at run time needs no components
  if (parameters === "") return wgslFunction(narrow.source.replace(`fn ${narrow.name}`, `fn ${wideName(narrow.name)}`).replace(`-> ${result}`, `-> vec4<${result}>`).replace(/return (.*);/, `return vec4<${result}>($1);`))
  if (!/\b(if|var|while|for|vec2)\b/.test(narrow.source)) return wgslFunction(widened(narrow.source))
  const list = parameters!.split(", ").map((p) => p.split(": ") as [string, string])
  const calls = components.map((c) => `${narrow.name}(${list.map(([name]) => `${name}.${c}`).join(", ")})`)
  return wgslFunction(`fn ${wideName(narrow.name)}(${list.map(([name, type]) => `${name}: vec4<${type}>`).join(", ")}) -> vec4<${result}> { return vec4<${result}>(${calls.join(", ")}); }`)
}
