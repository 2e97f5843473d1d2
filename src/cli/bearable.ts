/** What would make a long run on a slow device bearable: smaller `width` and `batch` where the program has them, and how long the run would be then. */
import { parse } from "../syntax/parser.ts"

const bearable = 1800
/** Not below these: a smaller network or batch hardly learns. */
const least: Readonly<Record<string, number>> = { width: 16, batch: 16 }
/** Most of the work is in contractions between layers: it grows with the square of a width. */
const power: Readonly<Record<string, number>> = { width: 2, batch: 1 }

/** Whole numbers that `--set` can change, with the values of this run. */
export const numbersOf = (file: string, text: string, set: Readonly<Record<string, string>>): Readonly<Record<string, number>> => {
  const found: Record<string, number> = {}
  for (const d of parse(file, text).value?.declarations ?? []) {
    if (d.kind === "const" && d.value.kind === "int") found[d.name.text] = d.value.value
    if (d.kind === "train") for (const p of d.params) if (p.kind === "param" && p.value?.kind === "int") found[p.name.text] = p.value.value
  }
  for (const [name, value] of Object.entries(set)) if (name in found && /^\d+$/.test(value)) found[name] = Number(value)
  return found
}

/** Halves what can be halved, the one with the most to give first, until the run takes about half an hour; the rest is fewer steps. */
export const smallerRun = (numbers: Readonly<Record<string, number>>, seconds: number, steps: number): { readonly set: readonly string[]; readonly seconds: number } => {
  const now: Record<string, number> = Object.fromEntries(Object.keys(least).flatMap((name) => (numbers[name] === undefined ? [] : [[name, numbers[name]]])))
  let left = seconds
  for (;;) {
    const name = Object.keys(now).filter((each) => now[each]! / 2 >= least[each]! && now[each]! % 2 === 0).sort((a, b) => power[b]! * Math.log2(now[b]! / least[b]!) - power[a]! * Math.log2(now[a]! / least[a]!))[0]
    if (left <= bearable || name === undefined) break
    now[name]! /= 2
    left /= 2 ** power[name]!
  }
  const set = Object.keys(now).filter((name) => now[name] !== numbers[name]).map((name) => `--set ${name}=${now[name]}`)
  if (left <= bearable) return { set, seconds: left }
  return { set: [...set, `--steps ${Math.max(1, Math.floor((steps * bearable) / left))}`], seconds: bearable }
}
