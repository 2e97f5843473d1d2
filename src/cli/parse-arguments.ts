/** The words after `nda COMMAND`: node's parseArgs finds flags and values, this says clearly what is wrong with them. */
import { parseArgs } from "node:util"
import { suggest } from "../base/suggest.ts"
import type { Command } from "./commands.ts"
import { usageFailure, type Failure } from "./failure.ts"
import { flagNamed, type Flag, type FlagName } from "./flags.ts"

export interface Arguments {
  readonly operands: readonly string[]
  readonly on: ReadonlySet<string>
  readonly one: ReadonlyMap<string, string>
  readonly many: ReadonlyMap<string, readonly string[]>
}

/** A long argument is shown by its beginning. */
export const shown = (text: string): string => (text.length > 60 ? `${text.slice(0, 57)}…` : text)

export const usageOf = (command: Command): string => `nda ${command.name}${command.operands === "" ? "" : ` ${command.operands}`}${command.flags.length > 3 ? " [flags]" : ""}`

const looksLikeFlag = (text: string): boolean => /^--?[A-Za-z]/.test(text)

export const parseArguments = (command: Command, words: readonly string[]): Arguments | Failure => {
  const wrong = (message: string, hint?: string): Failure => ({ ...usageFailure(message, hint), usage: usageOf(command) })
  const known = new Map<string, Flag>(command.flags.map((name) => [name as string, flagNamed(name)]))
  const options = Object.fromEntries([...known.values()].map((flag) => [flag.name, { type: flag.value === undefined ? "boolean" : "string", multiple: true, ...(flag.short === undefined ? {} : { short: flag.short }) }] as const))
  const { tokens } = parseArgs({ args: [...words], options: options as Record<string, { type: "string" | "boolean"; multiple: true; short?: string }>, strict: false, allowPositionals: true, tokens: true })
  const operands: string[] = []
  const on = new Set<string>()
  const one = new Map<string, string>()
  const many = new Map<string, string[]>()
  for (const token of tokens) {
    if (token.kind === "positional") operands.push(token.value)
    if (token.kind !== "option") continue
    const flag = known.get(token.name)
    if (flag === undefined) {
      const near = suggest(token.name, command.flags)
      return wrong(`\`nda ${command.name}\` has no flag ${shown(token.rawName)}`, near === undefined ? `\`nda ${command.name} --help\` lists its flags` : `did you mean --${near}?`)
    }
    if (flag.value === undefined) {
      if (token.value !== undefined) return wrong(`${token.rawName} takes no value`)
      on.add(flag.name)
      continue
    }
    if (token.value === undefined || token.value === "" || (!token.inlineValue && looksLikeFlag(token.value))) return wrong(`${token.rawName} needs a value: ${token.rawName} ${flag.value}`)
    if (token.value.includes("\0")) return wrong(`${token.rawName} has a NUL character in its value`)
    if (flag.repeat === true) many.set(flag.name, [...(many.get(flag.name) ?? []), token.value])
    else if (one.has(flag.name)) return wrong(`${token.rawName} is given twice`)
    else one.set(flag.name, token.value)
  }
  if (!on.has("help")) {
    if (operands.length < command.least) return wrong(`\`nda ${command.name}\` needs ${command.operands}`)
    if (operands.length > command.most) return wrong(`\`nda ${command.name}\` takes ${command.operands === "" ? "nothing" : command.operands}, not also ${shown(operands[command.most]!)}`)
    const style = one.get("errors")
    if (style !== undefined && style !== "short" && style !== "full") return wrong(`--errors is short or full, not ${shown(style)}`)
    const precision = one.get("precision")
    if (precision !== undefined && precision !== "f32" && precision !== "f16") return wrong(`--precision is f32 or f16, not ${shown(precision)}`)
  }
  return { operands, on, one, many }
}

/** `NAME=VALUE` of a repeatable flag, each name once. */
export const namedValues = (args: Arguments, flag: FlagName): Readonly<Record<string, string>> | Failure => {
  const found: Record<string, string> = Object.create(null) as Record<string, string>
  const form = flagNamed(flag).value
  for (const text of args.many.get(flag) ?? []) {
    const at = text.indexOf("=")
    const name = text.slice(0, Math.max(0, at))
    if (at <= 0 || at === text.length - 1) return usageFailure(`--${flag} ${shown(text)} is not of the form ${form}`)
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return usageFailure(`--${flag} ${shown(text)}: ${shown(name)} is not a name`)
    if (name in found) return usageFailure(`--${flag} gives ${name} twice`)
    found[name] = text.slice(at + 1)
  }
  return { ...found }
}

/** A seed is one word of 32 bits. */
export const seedOf = (args: Arguments): number | undefined | Failure => {
  const text = args.one.get("seed")
  if (text === undefined) return undefined
  const seed = Number(text)
  if (!/^\d{1,10}$/.test(text) || seed > 0xffffffff) return usageFailure(`--seed is a whole number from 0 to 4294967295, not ${shown(text)}`)
  return seed
}

/** A whole number from 1; undefined when the flag is not given. */
export const countOf = (args: Arguments, flag: FlagName): number | undefined | Failure => {
  const text = args.one.get(flag)
  if (text === undefined) return undefined
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : usageFailure(`--${flag} is a whole number from 1, not ${shown(text)}`)
}
