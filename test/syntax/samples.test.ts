import { readdirSync, readFileSync } from "node:fs"
import { expect, test } from "vitest"
import { parse } from "../../src/syntax/parser.ts"
import { visit } from "../../src/syntax/visit.ts"

const directory = new URL("../samples/", import.meta.url)
const samples = readdirSync(directory).map((name) => [name, readFileSync(new URL(name, directory), "utf8")] as const)

test.each(samples)("%s parses without a diagnostic, and every node lies inside its parent", (name, text) => {
  const { value, diagnostics } = parse(name, text)
  expect(diagnostics).toEqual([])
  let nodes = 0
  visit(value!, (node, parent) => {
    nodes++
    expect(Number.isInteger(node.span.start) && node.span.start <= node.span.end).toBe(true)
    if (parent !== undefined) expect(node.span.start >= parent.span.start && node.span.end <= parent.span.end, `${node.kind} ${text.slice(node.span.start, node.span.end)}`).toBe(true)
  })
  expect(nodes).toBeGreaterThan(50)
})
