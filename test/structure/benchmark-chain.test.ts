/** The benchmark chain reads and writes memory no more than its definition does. */
import { describe, expect, it } from "vitest"
import { blocksOf, expressionsOf, operandsOf, type Expr, type Kernel, type Stmt } from "../../src/kernel/kernel.ts"
import { stagesOf } from "../laws/program.ts"

const chain = "random_crop(32, 32, pad=4) |> hflip |> color_jitter(0.2, 0.2, 0.2) |> jigsaw(2) |> erase(8)"
const n = 64
const program = stagesOf(chain, { n, c: 3, h: 32, w: 32 })
const [statistics, gather] = program.schedule.kernels
const picture = program.simplified.inputs[0]!.node

/** Every load of a binding and every store in the text of a kernel; those inside a loop are performed once for each turn. */
const accesses = (kernel: Kernel): { readonly loads: ReadonlyMap<number, number>; readonly stores: ReadonlyMap<number, number>; readonly loops: readonly Extract<Stmt, { op: "for" }>[] } => {
  const loads = new Map<number, number>()
  const stores = new Map<number, number>()
  const loops: Extract<Stmt, { op: "for" }>[] = []
  const seen = new Set<Expr>()
  const visit = (e: Expr): void => {
    if (seen.has(e)) return
    seen.add(e)
    if (e.op === "load") loads.set(e.binding, (loads.get(e.binding) ?? 0) + 1)
    operandsOf(e).forEach(visit)
  }
  const walk = (body: readonly Stmt[]): void => body.forEach((s) => {
    if (s.op === "store" || s.op === "store_words") stores.set(s.binding, (stores.get(s.binding) ?? 0) + 1)
    if (s.op === "for") loops.push(s)
    expressionsOf(s).forEach(visit)
    blocksOf(s).forEach(walk)
  })
  walk(kernel.body)
  return { loads, stores, loops }
}

const bindingOf = (scheduled: typeof gather, wanted: "picture" | "table" | "result"): number => scheduled!.bound.findIndex((b) =>
  wanted === "table" ? b.kind === "table" : b.kind === "node" && (wanted === "picture" ? b.node === picture : b.node === program.simplified.outputs[0]!.node))

describe(chain, () => {
  it("the gather loads each colour of one source pixel once and stores each colour of one pixel once", () => {
    const { loads, stores } = accesses(gather!.kernel)
    expect(loads.get(bindingOf(gather, "picture"))).toBe(3)
    expect([...stores]).toEqual([[bindingOf(gather, "result"), 3]])
    // The emitted text says the same.
    const text = program.plan.kernels.find((k) => k.kind === "gather")!.wgsl
    const main = text.slice(text.indexOf("fn main0"))
    expect(main.match(new RegExp(`b${bindingOf(gather, "picture")}\\[`, "g"))).toHaveLength(3)
    expect(main.match(new RegExp(`^ *b${bindingOf(gather, "result")}\\[.*\\] = `, "gm"))).toHaveLength(3)
  })
  it("its only loop goes over the four pixels of a thread: what a sample shares is loaded before it, once for them", () => {
    const { loads, loops } = accesses(gather!.kernel)
    expect(loops).toHaveLength(1)
    const inLoop = accesses({ ...gather!.kernel, body: loops[0]!.body })
    expect(loads.get(bindingOf(gather, "table"))).toBe(4)
    expect(inLoop.loads.get(bindingOf(gather, "table"))).toBe(undefined)
    expect(inLoop.loads.get(bindingOf(gather, "picture"))).toBe(3)
    expect([...inLoop.stores]).toEqual([[bindingOf(gather, "result"), 3]])
  })
  it("four pixels for each thread, and no thread without them", () => {
    const threads = gather!.kernel.groups.reduce((a, b) => a * b, 1) * gather!.kernel.workgroup.reduce((a, b) => a * b, 1)
    expect(4 * threads).toBe(n * 32 * 32)
    expect(accesses(gather!.kernel).loops[0]!.step).toBe(64)
  })
  it("the draws and the mean of the brightened picture are one workgroup for each sample", () => {
    expect(statistics!.kernel.kind).toBe("sample")
    expect(statistics!.kernel.groups).toEqual([n, 1, 1])
    expect(accesses(statistics!.kernel).loads.get(bindingOf(statistics, "picture"))).toBe(3)
  })
  it("beside the picture and the result there are 64 bytes a sample and the settings", () => {
    const bytes = n * 3 * 32 * 32 * 4
    expect(program.plan.buffers.map((b) => [b.role, b.bytes]).sort()).toEqual([["input", bytes], ["output", bytes], ["temporary", 64 * n], ["uniform", 32]])
    expect(program.plan.peakBytes).toBe(2 * bytes + 64 * n + 32)
  })
  it("the size of the batch changes no kernel's text and one table's length", () => {
    const other = stagesOf(chain, { n: 3, c: 3, h: 32, w: 32 })
    expect(other.plan.kernels.map((k) => k.wgsl)).toEqual(program.plan.kernels.map((k) => k.wgsl))
  })
})
