/** Kernels that read from a place in their buffers: the place belongs to the binding. */
import { describe, expect, it } from "vitest"
import { emit } from "../../src/backend/wgsl/emit.ts"
import { arithmetic, builtin, number, type Binding, type Expr, type Kernel } from "../../src/kernel/kernel.ts"
import { rebased } from "../../src/kernel/rebase.ts"

const bindings: readonly Binding[] = [
  { access: "read", element: "f32", length: 10_000, label: "weights" },
  { access: "read", element: "words", length: 2_500, label: "weights" },
  { access: "write", element: "f32", length: 64, label: "" },
]
const at = (binding: number, ...places: readonly Expr[]): Kernel => ({
  kind: "map", bindings, workgroup: [64, 1, 1], groups: [1, 1, 1], shared: [],
  body: places.map((index) => ({ op: "store", binding: 2, index: builtin("lane"), value: { op: "load", type: "f32", binding, index } }))
})
const plus = (constant: number, x: Expr = builtin("lane")): Expr => arithmetic("add", x, number(constant))

describe("where a kernel begins to read", () => {
  it("is the binding's, at multiples of 256 bytes: the rest of the place stays", () => {
    const { kernel, offsets } = rebased(at(0, plus(6401), plus(6465)))
    expect(offsets).toEqual([25_600, 0, 0])
    expect(kernel.bindings[0]!.length).toBe(10_000 - 6400)
    expect(emit(kernel)).toContain("b0[(i32(lane0) + 1)]")
    expect(emit(kernel)).toContain("b0[(i32(lane0) + 65)]")
  })
  it("makes one shader of what differs in it alone", () => {
    const shader = (constant: number): string => emit(rebased(at(0, plus(constant), plus(constant + 3))).kernel).replace(/: array<f32>/g, "")
    expect(shader(640)).toBe(shader(6400))
    expect(shader(640)).not.toBe(shader(641))
  })
  it("counts in words where words are bound, and looks into sums and differences", () => {
    const { kernel, offsets } = rebased(at(1, arithmetic("add", plus(48), plus(-8, builtin("group_x"))), arithmetic("sub", plus(100), builtin("group_x"))))
    expect(offsets).toEqual([0, 512, 0])
    expect(emit(kernel)).toContain("b1[((i32(lane0) + 68) - i32(group0.x))]")
  })
  it("stays where a place has no constant, or less than 256 bytes of it", () => {
    const own = at(0, plus(6400), builtin("lane"))
    expect(rebased(own)).toEqual({ kernel: own, offsets: [0, 0, 0] })
    expect(rebased(at(0, plus(63))).offsets).toEqual([0, 0, 0])
    expect(rebased(at(0, plus(-70), plus(640))).offsets).toEqual([0, 0, 0])
    // backwards: the lowest place is 64 lanes before the constant
    expect(rebased(at(0, arithmetic("sub", number(640), builtin("lane")))).offsets).toEqual([4 * 576, 0, 0])
  })
})
