import { existsSync, readFileSync } from "node:fs"
import { describe, expect, test } from "vitest"
import { fnv1a32 } from "../../src/base/fnv.ts"
import { threefry2x32 } from "../../src/base/threefry.ts"
import { sharedPath } from "./places.ts"

const vectors = sharedPath("conformance/kit/rng_kat.json")

describe("threefry2x32-20", () => {
  test("gives the three published vectors of Random123", () => {
    expect(threefry2x32(0, 0, 0, 0)).toEqual([0x6b200159, 0x99ba4efe])
    expect(threefry2x32(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff)).toEqual([0x1cb996fc, 0xbb002be7])
    expect(threefry2x32(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3)).toEqual([0xc4923a9c, 0x483df7a0])
  })

  test.skipIf(!existsSync(vectors))("agrees with every 20-round vector of the conformance kit", () => {
    const kit = JSON.parse(readFileSync(vectors, "utf8")) as { random123: { gen: string; rounds: number; ctr: string[]; key: string[]; out: string[] }[] }
    const rows = kit.random123.filter((row) => row.gen === "threefry2x32" && row.rounds === 20)
    expect(rows.length).toBeGreaterThan(0)
    for (const row of rows) {
      const [k0, k1, c0, c1] = [...row.key, ...row.ctr].map((word) => parseInt(word, 16)) as [number, number, number, number]
      expect(threefry2x32(k0, k1, c0, c1)).toEqual(row.out.map((word) => parseInt(word, 16)))
    }
  })

  test("FNV-1a-32 gives the published values", () => {
    expect(fnv1a32("")).toBe(0x811c9dc5)
    expect(fnv1a32("a")).toBe(0xe40c292c)
    expect(fnv1a32("foobar")).toBe(0xbf9cf968)
  })
})
