/** The registry of diagnostic codes: one family a file, merged here. */
import type { Family, Page } from "./page.ts"
import { data } from "./pages/data.ts"
import { gradients } from "./pages/gradients.ts"
import { names } from "./pages/names.ts"
import { populations } from "./pages/populations.ts"
import { random } from "./pages/random.ts"
import { shapes } from "./pages/shapes.ts"
import { stages } from "./pages/stages.ts"
import { state } from "./pages/state.ts"
import { syntax } from "./pages/syntax.ts"

/** A further family is one more file and one more name in this list. */
const families: readonly Family[] = [syntax, names, populations, shapes, stages, state, gradients, random, data]

const merged = new Map<string, Page>()
for (const family of families) {
  for (const [code, page] of Object.entries(family)) {
    if (merged.has(code)) throw new Error(`invariant: the code ${code} is defined twice`)
    merged.set(code, page)
  }
}

export const codes: ReadonlyMap<string, Page> = merged
