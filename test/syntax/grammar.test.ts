import { readFileSync } from "node:fs"
import { expect, test } from "vitest"
import { grammar } from "../../src/syntax/parser.ts"

/** A rule's right side in one normal form: `|` joins alternatives, brackets as in EBNF, parentheses only where they part. */
type Form = readonly (string | { readonly bracket: string; readonly alternatives: readonly Form[] })[]

const tokens = (text: string): string[] => text.replace(/\(\*[\s\S]*?\*\)/g, "").match(/"[^"]+"|[A-Za-z]+|[[\](){}|=;]/g) ?? []

const readAlternatives = (input: string[]): Form[] => {
  const alternatives: Form[] = []
  let form: Form[number][] = []
  for (;;) {
    const next = input[0]
    if (next === undefined || next === ";" || next === ")" || next === "]" || next === "}") return [...alternatives, form]
    input.shift()
    if (next === "|") {
      alternatives.push(form)
      form = []
    } else if (next === "(" || next === "[" || next === "{") {
      form.push({ bracket: next, alternatives: readAlternatives(input) })
      input.shift()
    } else form.push(next)
  }
}

const normal = (alternatives: readonly Form[]): string => alternatives.map((form) => form.map((part) => {
  if (typeof part === "string") return part
  if (part.bracket === "(" && part.alternatives.length === 1) return normal(part.alternatives)
  const inner = part.alternatives.length === 1 && part.bracket !== "(" ? normal(unwrapped(part.alternatives[0]!)) : normal(part.alternatives)
  return `${part.bracket} ${inner} ${part.bracket}`
}).join(" ")).join(" | ")
/** `{ ( a | b ) }` is `{ a | b }`. */
const unwrapped = (form: Form): readonly Form[] => {
  const only = form[0]
  return form.length === 1 && typeof only === "object" && only.bracket === "(" ? only.alternatives : [form]
}

const written = (): Map<string, string> => {
  const input = tokens(readFileSync(new URL("../../grammar/nda.ebnf", import.meta.url), "utf8"))
  const rules = new Map<string, string>()
  while (input.length > 0) {
    const name = input.shift()!
    expect(input.shift(), `after ${name}`).toBe("=")
    rules.set(name, normal(unwrapped1(readAlternatives(input))))
    expect(input.shift()).toBe(";")
  }
  return rules
}
const unwrapped1 = (alternatives: readonly Form[]): readonly Form[] => (alternatives.length === 1 ? unwrapped(alternatives[0]!) : alternatives)

interface Production { readonly type: string; readonly name?: string; readonly label?: string; readonly definition?: readonly Production[] }
const terminals = new Map([["Id", "ID"], ["Name", "NAME"], ["Int", "INT"], ["Float", "FLOAT"], ["Str", "STRING"], ["EOF", "EOF"]])
const formOf = (productions: readonly Production[]): Form => productions.flatMap((production): Form => {
  const inner = production.definition ?? []
  switch (production.type) {
    case "NonTerminal": return [production.name!]
    case "Terminal": return [terminals.get(production.name!) ?? production.label!.replaceAll("`", '"')]
    case "Alternation": return [{ bracket: "(", alternatives: inner.map((alternative) => formOf(alternative.definition!)) }]
    case "Option": return [{ bracket: "[", alternatives: [formOf(inner)] }]
    case "Repetition": return [{ bracket: "{", alternatives: [formOf(inner)] }]
    default: throw new Error(production.type)
  }
})

test("grammar/nda.ebnf and the parser have the same rules, each with the same alternatives in the same order", () => {
  const rules = written()
  const productions = grammar() as unknown as Production[]
  expect([...rules.keys()].sort()).toEqual(productions.map((rule) => rule.name!).sort())
  for (const rule of productions) {
    let expected = normal(unwrapped1([formOf(rule.definition!)]))
    // Here the parser's own condition (a comma only after an item) stands in code, to keep its stack short.
    if (rule.name === "parentheses" || rule.name === "list") expected = expected.replace('[ expr [ { "," expr { [ "," [', '[ expr { "," expr { [ "," [ [')
    expect(rules.get(rule.name!), rule.name).toBe(expected)
  }
})
