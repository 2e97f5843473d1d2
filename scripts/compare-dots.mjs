// The page of `npm start`: what the two runs in a folder left behind, side by side.
import fs from "node:fs"
import path from "node:path"
import { pathToFileURL } from "node:url"
import { root } from "./bundle.mjs"

/** The page and the reader of arrays are nda's own, in TypeScript. */
const ownParts = async () => {
  const { build } = await import("esbuild")
  const outfile = path.join(root, ".cache", "start", `compare.${process.pid}.mjs`)
  const contents = `export { comparisonPage } from "./src/runtime/report/comparison-page.ts"\nexport { readNpy } from "./src/runtime/data/npy.ts"\n`
  await build({ stdin: { contents, resolveDir: root }, bundle: true, platform: "node", format: "esm", packages: "external", outfile, logLevel: "error" })
  try {
    return await import(pathToFileURL(outfile).href)
  } finally {
    fs.rmSync(outfile, { force: true })
  }
}

const percent = (share) => `${(100 * share).toFixed(1)} %`

/** Writes `report.html` into the folder; its path. */
export const compareDots = async (folder, { count, arms, seed, adapter, preview }) => {
  const { comparisonPage, readNpy } = await ownParts()
  const array = (...name) => Array.from(readNpy(name.join("/"), fs.readFileSync(path.join(folder, ...name))).data)
  const run = ({ name, out }) => {
    const lines = fs.readFileSync(path.join(folder, out, "metrics.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line))
    const last = lines[lines.length - 1]
    const samples = path.join(folder, out, "samples")
    const pictures = (fs.existsSync(samples) ? fs.readdirSync(samples) : []).flatMap((file) => {
      const step = /^samples-(\d+)\.png$/.exec(file)?.[1]
      return step === undefined ? [] : [{ step: Number(step), png: fs.readFileSync(path.join(samples, file)) }]
    })
    return {
      name, share: array(`${out}-counts`, "p_right.npy")[0], counts: array(`${out}-counts`, "generated.counts.npy"), steps: last.step, seconds: last.seconds,
      line: lines.filter((line) => line.p_right !== undefined).map((line) => ({ step: line.step, value: line.p_right })), pictures,
    }
  }
  const runs = arms.map(run)
  const beside = [
    { name: "real pictures", share: array(`${arms[0].out}-counts`, "p_right_of_real.npy")[0] },
    { name: "the generator before learning", share: array("untrained-counts", "p_right.npy")[0] },
  ]
  const page = path.join(folder, "report.html")
  fs.writeFileSync(page, comparisonPage({
    title: "Learning to count dots, with and without negatives",
    lead: `Every real picture shows ${count} dots. Two generators learn from them, alike in network, seed and steps; the critic of the first is also shown pictures with other counts, as what is not real.`,
    metric: "P(count is right)", right: count, runs, others: beside,
    data: [{ name: "real pictures, and the negatives that only the first critic sees", png: fs.readFileSync(path.join(folder, "shown", "shown.png")) }],
    facts: [["device", adapter], ["seed", seed], ["program", "examples/dots.nda"], ...arms.map((arm) => [arm.name, path.join(folder, arm.out, "report.html")]), ["every augmentation of the library", preview]],
  }))
  process.stderr.write(`${runs.map((each) => `P(count is right) ${each.name}: ${percent(each.share)}`).join("; ")}\n`)
  return page
}
