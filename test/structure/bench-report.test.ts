/** `npm run bench` names its workloads, refuses what it does not know, fails when values disagree, and has a place for every table. */
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import { describe, expect, it } from "vitest"
import { groups, workloads } from "../../bench/workloads.mjs"
import { report } from "../../scripts/bench-tables.mjs"

const bench = (...args: readonly string[]) => spawnSync(process.execPath, ["scripts/bench.mjs", ...args], { encoding: "utf8" })
const listed = (): string[] => bench("--list").stdout.trim().split("\n").map((line) => line.split("  ")[0]!)

describe("the command", () => {
  it("lists every workload and group, one a line", () => {
    expect(listed()).toEqual([...Object.keys(workloads), "cold", "cold_step", "compile", ...Object.keys(groups)])
  })
  it.each([[["nothing"], "there is no workload nothing"], [["--fast"], "there is no option --fast"], [["--peers", "numpy"], "there is no peer numpy"], [["--rounds", "0"], "--rounds wants a whole number"]])(
    "%j is refused with the usage and exit code 2", (args, message) => {
      const { status, stderr } = bench(...args)
      expect(status).toBe(2)
      expect(stderr).toContain(message)
      expect(stderr).toContain("usage: npm run bench")
    })
  it("every workload has its place in docs/performance.md, and so has the summary", () => {
    const page = fs.readFileSync("docs/performance.md", "utf8")
    for (const name of ["summary", ...listed().filter((name) => !(name in groups))]) {
      const [from, to] = [page.indexOf(`<!-- ${name}: written by npm run bench -- ${name} --write -->`), page.indexOf(`<!-- end of ${name} -->`)]
      expect(from, name).toBeGreaterThan(0)
      expect(to, name).toBeGreaterThan(from)
    }
  })
})

const round = (ms: readonly number[], check: number) => ({ ms, firstMs: 1, check, counters: { dispatch: 1, pass: 1, submit: 1, copy: 0, peak: 8 }, kernels: 1, peakBytes: 8, liveBytes: 8, compileMs: 1, profile: "cpu" })

describe("a report", () => {
  const rows = (of: number) => new Map([["nda", [round([2, 4, 3], 1), round([5, 6], 1)]], ["hand", [round([2], 1)]], ["jaxjs", [round([12], 1)]], ["tfjs:webgpu", [round([8], of)]]])
  it("takes the median over all rounds and the ratios to the best library and to the kernels by hand", () => {
    const { summary, wrong } = report("chain", workloads.chain, rows(1))
    expect(wrong).toEqual([])
    expect(summary.slice(0, 8)).toEqual(["chain", "4.00", "8.00", "2.00", 1.2, "2.00", "2.00", 1.25])
  })
  it("is wrong where a peer computes other values", () => {
    expect(report("chain", workloads.chain, rows(1.001)).wrong).toEqual([expect.stringContaining("1.001 from TensorFlow.js")])
  })
  it("where everybody draws, means may differ by a few parts in a hundred", () => {
    expect(report("aug32", workloads.aug32, rows(1.05)).wrong).toEqual([])
    expect(report("aug32", workloads.aug32, rows(1.2)).wrong).toHaveLength(1)
  })
  it("a first loss far from what small weights give is wrong", () => {
    expect(report("gan_step", workloads.gan_step, new Map([["nda", [round([1], 2.01)]]])).wrong).toEqual([])
    expect(report("gan_step", workloads.gan_step, new Map([["nda", [round([1], 2.5)]]])).wrong).toHaveLength(1)
  })
  it("a row of ours that fails makes the run fail; a peer's does not", () => {
    expect(report("chain", workloads.chain, new Map([["nda", [{ error: "no" }]]])).wrong).toEqual(["no"])
    expect(report("chain", workloads.chain, new Map([["nda", [round([1], 1)]], ["jaxjs", [{ error: "no" }]]])).wrong).toEqual([])
  })
})
