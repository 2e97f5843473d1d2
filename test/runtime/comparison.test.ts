/** The page that shows runs side by side, read back as a person would: what stands where. */
import { expect, test } from "vitest"
import { comparisonPage, shownSteps, type Comparison } from "../../src/runtime/report/comparison-page.ts"

const png = (text: string) => Buffer.from(text)
const two: Comparison = {
  title: "Two <runs>", lead: "lead", metric: "P(right)", right: 3,
  runs: [
    { name: "with", share: 0.875, line: [{ step: 10, value: 0.25 }, { step: 20, value: 0.875 }], steps: 20, seconds: 12.4, counts: [0, 0, 1, 7], pictures: [{ step: 10, png: png("with-10") }, { step: 20, png: png("with-20") }] },
    { name: "without", share: 0.5, line: [{ step: 10, value: 0.125 }, { step: 20, value: 0.5 }], steps: 20, seconds: 11, counts: [0, 0, 1, 2, 0, 1, 0], pictures: [{ step: 10, png: png("without-10") }] },
  ],
  others: [{ name: "real", share: 1 }], data: [{ name: "data", png: png("data") }], facts: [["device", "a & b"]],
}
const cells = (row: string) => [...row.matchAll(/<td[^>]*>(.*?)<\/td>/g)].map((m) => m[1]!.replace(/<[^>]*>/g, ""))

test("each run's share, steps and seconds stand in a row of its own, and what is not a run below", () => {
  const page = comparisonPage(two)
  const rows = [...page.matchAll(/<tr>(.*?)<\/tr>/g)].map((m) => cells(m[1]!))
  expect(rows).toContainEqual(["with", "87.5 %", "20", "12"])
  expect(rows).toContainEqual(["without", "50.0 %", "20", "11"])
  expect(rows).toContainEqual(["real", "100.0 %", "", ""])
  expect(page).toContain("Two &lt;runs&gt;")
  expect(page).toContain("a &amp; b")
})

test("counts are shares of each run's own pictures, up to the largest that occurs, the right one marked", () => {
  const page = comparisonPage(two)
  expect([...page.matchAll(/<tr( class="right")?><td class="n">(\d+)<\/td>(.*?)<\/tr>/g)].map((m) => [m[2], m[1] !== undefined, ...cells(m[3]!)])).toEqual([
    ["0", false, "0.0 %", "0.0 %"], ["1", false, "0.0 %", "0.0 %"], ["2", false, "12.5 %", "25.0 %"], ["3", true, "87.5 %", "50.0 %"],
    ["4", false, "0.0 %", "0.0 %"], ["5", false, "0.0 %", "25.0 %"],
  ])
})

test("pictures of the same step stand side by side, the latest first, and one that is missing leaves its place empty", () => {
  const page = comparisonPage(two)
  const names = ["with-20", "with-10", "without-10", "data"].map((name) => page.indexOf(png(name).toString("base64")))
  expect(names.every((place) => place > 0)).toBe(true)
  expect(names).toEqual([...names].sort((a, b) => a - b))
  expect(page).toContain("<div></div>")
  expect(page).not.toMatch(/src="(?!data:)|href=/)
})

test("the metric of all runs is drawn on the same axes", () => {
  const page = comparisonPage(two)
  const lines = [...page.matchAll(/<polyline points="([^"]*)"[^>]*stroke="(#\w+)"/g)].map((m) => [m[1]!.split(" ").map((point) => Number(point.split(",")[1])), m[2]] as const)
  expect(lines.map(([, colour]) => colour)).toEqual(["#1e88e5", "#e4572e"])
  const [[a], [b]] = [lines[0]!, lines[1]!]
  // 0.125 is the lowest and 0.875 the highest of both: heights are in proportion.
  expect((a[0]! - a[1]!) / (b[0]! - a[1]!)).toBeCloseTo((0.875 - 0.25) / (0.875 - 0.125), 2)
  expect((b[1]! - a[1]!) / (b[0]! - a[1]!)).toBeCloseTo(0.5, 2)
})

test("of many steps the first and the last are shown, and those between ever farther apart", () => {
  const all = Array.from({ length: 15 }, (_, i) => 100 * (i + 1))
  const shown = shownSteps(all, 6)
  expect(shown.length).toBe(6)
  expect([shown[0], shown[5]]).toEqual([100, 1500])
  const gaps = shown.slice(1).map((step, i) => step - shown[i]!)
  expect(gaps).toEqual([...gaps].sort((x, y) => x - y))
  expect(shownSteps([5, 3, 3])).toEqual([3, 5])
})
