import { describe, expect, it } from "vitest"
import sharp from "sharp"
import { numbersOf, smallerRun } from "../../src/cli/bearable.ts"
import { trainingProgress } from "../../src/cli/training-progress.ts"
import { columnsOf, sheetPng } from "../../src/runtime/pictures/sheet.ts"
import { bars } from "../../src/runtime/report/bars.ts"
import { chart, ticks } from "../../src/runtime/report/curve.ts"
import { trainingPage } from "../../src/runtime/report/training-page.ts"

describe("a chart", () => {
  it("has round ticks within its range", () => {
    expect(ticks(0, 10, 4)).toEqual([0, 5, 10])
    expect(ticks(-0.13, 0.31, 4)).toEqual([0, 0.2])
    expect(ticks(0.1, 0.32, 4)).toEqual([0.1, 0.2, 0.3])
    expect(ticks(3, 3, 4)).toEqual([3])
  })
  it("draws few points as they are and many with a smooth line; a value that is no number is left out", () => {
    const points = (n: number) => Array.from({ length: n }, (_, i) => ({ step: i + 1, value: i % 2 }))
    expect(chart("x", [{ name: "x", points: points(20) }]).match(/<polyline/g)).toHaveLength(1)
    const many = chart("x", [{ name: "x", points: points(201) }])
    expect(many.match(/<polyline/g)).toHaveLength(2)
    // Alternating zeros and ones have means near one half: the middle of the chart.
    const smooth = [...many.matchAll(/points="([^"]*)"/g)][1]![1]!.split(" ").map((p) => Number(p.split(",")[1])).slice(20, -20)
    expect(Math.max(...smooth) - Math.min(...smooth)).toBeLessThan(20)
    expect(chart("x", [{ name: "x", points: [{ step: 1, value: NaN }] }])).toBe("")
  })
})

describe("the page of a run", () => {
  const png = sheetPng([4, 3, 2, 2], new Float32Array(48).fill(0.5), { population: "fake" })
  const page = trainingPage({
    file: "t.nda", entry: "fit", program: "train fit <…>", standing: "step 9 of 9", facts: [["seed", "3"]], warnings: ["careful"], best: { G: { value: 0.75, step: 6 } },
    lines: [{ step: 3, seconds: 1, "d.real": 1, "d.loss": 2, value: 0.5, value_theory: 0.6 }, { step: 9, seconds: 2, "d.real": 3, "d.loss": 4, value: 0.55, value_theory: 0.6, huge: 1e6 }],
    pictures: Array.from({ length: 20 }, (_, i) => ({ name: "samples", step: i + 1, png })),
  })
  it("shows the terms of a step on one chart, and what theory says beside what was measured", () => {
    expect([...page.matchAll(/class="chart"><figcaption><b>([^<]*)<\/b>/g)].map(([, title]) => title)).toEqual(["value", "huge", "d"])
    expect(page).toMatch(/real <b>3<\/b>.*loss <b>4<\/b>/)
  })
  it("shows the newest pictures first and large, of many earlier ones some, and needs no other file", () => {
    const steps = [...page.matchAll(/<figcaption>step (\d+)/g)].map(([, step]) => Number(step))
    expect(steps[0]).toBe(20)
    expect(steps).toHaveLength(13)
    expect(steps.slice(1)).toEqual([...steps.slice(1)].sort((a, b) => a - b))
    expect([steps[1], steps[12]]).toEqual([1, 19])
    expect(page).not.toMatch(/(src|href)="(?!data:)/)
    expect(page).toContain("best G, step 6")
    expect(page).toContain("train fit &lt;…&gt;")
  })
})

describe("bars", () => {
  it("stand on zero, as high as their values, over the axis that is given", () => {
    const drawn = bars("counts", [0, 2, 4], { low: -1, high: 1 })
    const boxes = [...drawn.matchAll(/<rect x="([\d.]+)" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"/g)].map((m) => m.slice(1, 4).map(Number))
    expect(boxes.map(([, , height]) => height)).toEqual([0, 61, 122])
    expect(boxes.map(([, y, height]) => y! + height!)).toEqual([130, 130, 130])
    expect(drawn).toContain("sum 6")
    expect(drawn).toMatch(/>-1<.*>1</)
  })
})

describe("a sheet of pictures", () => {
  it("has about as many rows as columns, full rows where the number allows", () => {
    expect([1, 2, 16, 17, 64, 80, 128].map(columnsOf)).toEqual([1, 2, 4, 5, 8, 10, 16])
  })
  it("holds each picture at its place on the ground of its population", async () => {
    const values = Float32Array.from({ length: 6 * 4 }, (_, i) => Math.floor(i / 4) / 5)
    const { data, info } = await sharp(Buffer.from(sheetPng([6, 1, 2, 2], values, { population: "neg" }))).raw().toBuffer({ resolveWithObject: true })
    const cell = (info.width - 3) / 3
    expect([info.width, info.height]).toEqual([3 + 3 * cell, 3 + 2 * cell])
    const at = (x: number, y: number) => [...data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3)]
    expect(at(0, 0)).toEqual([255, 214, 204])
    for (let i = 0; i < 6; i++) expect(at(4 + (i % 3) * cell, 4 + Math.floor(i / 3) * cell)).toEqual(Array(3).fill(Math.round((255 * i) / 5)))
  })
})

describe("a long run on a slow device", () => {
  const text = "const width = 256\nconst batch = 64\nconst zdim = 128\ntrain fit(b in cifar10.train(batch=batch), steps = 97_500, seed = 0) { step s { report { x: 1.0 } } }\n"
  it("is told what to set, from the numbers of the program and of this run", () => {
    expect(numbersOf("t.nda", text, { width: "128" })).toEqual({ width: 128, batch: 64, zdim: 128, steps: 97_500, seed: 0 })
    expect(smallerRun({ width: 256, batch: 64 }, 7200, 1000)).toEqual({ set: ["--set width=128"], seconds: 1800 })
    expect(smallerRun({}, 7200, 1000)).toEqual({ set: ["--steps 250"], seconds: 1800 })
    const deep = smallerRun({ width: 256, batch: 64 }, 86_400 * 100, 97_500)
    expect(deep.set.slice(0, 2)).toEqual(["--set width=16", "--set batch=16"])
    expect(deep.set[2]).toMatch(/^--steps \d+$/)
  })
  it("says step, steps and images a second, terms and what is left, and the whole once", async () => {
    const [notes, lines]: [string[], string[]] = [[], []]
    const console = { live: true, status: (line: string) => void lines.push(line), note: (line: string) => void notes.push(line), event: () => undefined } as never
    const shown = trainingProgress(console, { entry: "fit", rounds: 1_000_000_000, from: 0, slow: true, smaller: () => ({ set: ["--set width=16"], seconds: 60 }) }, 0)
    shown.report({ step: 1, samples: 8, values: { loss: 3 }, every: false })
    await new Promise((resolve) => setTimeout(resolve, 20))
    shown.report({ step: 3, samples: 24, values: { loss: 2 }, every: false })
    shown.report({ step: 4, samples: 32, values: { loss: 2 }, every: false })
    expect(lines[1]).toMatch(/^step 3 of 1000000000, [\d.]+ steps\/s, [\d.]+ images\/s, loss 2, [\d.]+ days left$/)
    expect(notes).toHaveLength(1)
    expect(notes[0]).toMatch(/^fit will take about [\d.]+ days; on this slow device --set width=16 would take about 60 s$/)
  })
})
