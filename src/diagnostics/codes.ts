/** The registry of diagnostic codes: one family a file, merged here. */
import type { Family, Page } from "./page.ts"
import { syntax } from "./pages/syntax.ts"

/** A further family is one more file and one more name in this list. */
const families: readonly Family[] = [syntax]

const merged = new Map<string, Page>()
for (const family of families) {
  for (const [code, page] of Object.entries(family)) {
    if (merged.has(code)) throw new Error(`invariant: the code ${code} is defined twice`)
    merged.set(code, page)
  }
}

export const codes: ReadonlyMap<string, Page> = merged
