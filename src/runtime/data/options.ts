/** Reading a loader's options: each has a name, a type and a range, and an unknown one is refused with the names that exist. */
import { DataError } from "./data-error.ts"
import type { Ask } from "./data-set.ts"

const refuse = (ask: Ask, expected: string, found: string, hint?: string): never => {
  throw new DataError({ reason: "option", file: ask.loader, expected, found, ...(hint === undefined ? {} : { hint }) })
}

const valueText = (value: unknown): string => (typeof value === "string" ? JSON.stringify(value) : String(value))

export const onlyOptions = (ask: Ask, known: readonly string[]): void => {
  for (const name of Object.keys(ask.options)) {
    if (!known.includes(name)) refuse(ask, known.length === 0 ? "no options" : `options among ${known.join(", ")}`, name)
  }
}

export const textOption = (ask: Ask, name: string, fallback?: string): string => {
  const value = ask.options[name] ?? fallback
  if (typeof value !== "string" || value === "") return refuse(ask, `the text ${name}=`, value === undefined ? "nothing" : valueText(value))
  return value
}

export const choiceOption = <C extends string>(ask: Ask, name: string, choices: readonly C[], fallback?: C): C => {
  const value = ask.options[name] ?? fallback
  const found = choices.find((choice) => choice === value)
  return found ?? refuse(ask, `${name}= one of ${choices.join(", ")}`, value === undefined ? "nothing" : valueText(value))
}

export const wholeOption = (ask: Ask, name: string, low: number, high: number, fallback?: number): number => {
  const value = ask.options[name] ?? fallback
  if (typeof value !== "number" || !Number.isInteger(value) || value < low || value > high) {
    return refuse(ask, `${name}= a whole number from ${low} to ${high}`, value === undefined ? "nothing" : valueText(value))
  }
  return value
}
